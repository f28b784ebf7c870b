//! Exports of a trained model for other programs.

use std::path::{Path, PathBuf};

use gradus_engine::export::{merged, peft};
use serde::Serialize;

use crate::encoding;
use crate::runtime::Runtime;
use crate::trained::{self, TrainedModel};
use crate::{Error, Session};

/// How to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A Hugging Face PEFT adapter.
    Peft,
    /// The base model with the adapter merged in, as safetensors.
    Merged(gradus_engine::export::Precision),
}

/// An export that was made and checked.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// The largest difference of a log-probability between the export and the trained model, in nats;
    /// absent for an adapter, whose parameters are compared bit by bit.
    pub largest_difference: Option<f64>,
}

/// Exports the trained model in `model_directory`; `base` is the file or directory of its base model.
pub fn export_model(
    runtime: Runtime,
    base: &Path,
    model_directory: &Path,
    format: ExportFormat,
    output: &Path,
    session: &mut Session<'_>,
) -> Result<Exported, Error> {
    let trained = trained::load(model_directory, &runtime)?;
    match format {
        ExportFormat::Peft => export_adapter(&runtime, &trained, output),
        ExportFormat::Merged(precision) => {
            session.watcher.stage("Merging the adapter into the base model, and comparing");
            let sample = sample(&runtime)?;
            // The original's memory is needed for the comparison.
            drop(runtime);
            let merge = merged::Merge { base, adapter: &trained.adapter, precision, sample: &sample };
            let drift = merged::write_merged(output, &merge)?;
            Ok(Exported { path: output.to_owned(), largest_difference: Some(drift.largest) })
        }
    }
}

fn export_adapter(runtime: &Runtime, trained: &TrainedModel, output: &Path) -> Result<Exported, Error> {
    peft::write_adapter(output, &trained.adapter, &trained.manifest.base_model)?;
    let again = peft::read_adapter(output, &runtime.config)?;
    if again.parameters != trained.adapter.parameters {
        let message = format!("{} does not read back as it was written: export again", output.display());
        return Err(Error::Request(message));
    }
    Ok(Exported { path: output.to_owned(), largest_difference: None })
}

/// A text that every model can read, to compare an export by.
fn sample(runtime: &Runtime) -> Result<Vec<gradus_engine::batch::Sequence>, Error> {
    const TEXT: &str = "Question: Why does a plant need light?\nStudent answer: It makes sugar from water and \
                        carbon dioxide, and light gives the energy.\nMark: 2\nFeedback: Correct.\n";
    let tokens = runtime.tokenizer.encode(TEXT, false)?;
    encoding::every_token_a_label(tokens).map(|sequence| vec![sequence])
}
