//! Kinds of background work, and what each asks of the machine.

use crate::words::words;

words! {
    /// A kind of background work.
    "kind of job" JobKind {
        /// Read the text of a document.
        ExtractDocument = "extract-document",
        /// Make a frozen dataset version of documents.
        BuildDataset = "build-dataset",
        /// Fine-tune a model.
        Train = "train",
        /// Mark the submissions of a model test.
        RunModelTest = "run-model-test",
        /// Write a report.
        MakeReport = "make-report",
        /// Remove what nothing refers to any more.
        CleanUp = "clean-up",
    }
}

words! {
    /// How much of a machine a kind of work takes.
    "weight" Weight {
        /// Seconds of one core.
        Light = "light",
        /// Minutes to hours of every core: one at a time on a machine.
        Heavy = "heavy",
    }
}

impl JobKind {
    /// How much of a machine it takes.
    pub fn weight(self) -> Weight {
        match self {
            Self::Train | Self::RunModelTest => Weight::Heavy,
            Self::ExtractDocument | Self::BuildDataset | Self::MakeReport | Self::CleanUp => Weight::Light,
        }
    }
}
