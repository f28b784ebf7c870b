//! Terms that a person has to accept before a model is fetched.

use serde::Serialize;

/// What a model's publisher asks of those who use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// What they are called.
    pub name: String,
    /// Where they can be read, all of them.
    pub addresses: Vec<String>,
    /// What they are about, in a sentence or two; not a substitute for reading them.
    pub summary: String,
    /// What to do when the model, or one trained on it, is passed on.
    pub passing_on: String,
}

/// Whether a person accepted a model's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// They were shown them and said yes.
    Given,
    /// Nobody was asked, or they said no.
    NotGiven,
}

impl Terms {
    /// Google's for the Gemma models, as of 24 March 2025.
    pub(super) fn gemma() -> Self {
        Self {
            name: "Gemma Terms of Use".to_owned(),
            addresses: [
                "https://ai.google.dev/gemma/terms",
                "https://ai.google.dev/gemma/prohibited_use_policy",
            ]
            .map(str::to_owned)
            .to_vec(),
            summary: "Google's terms for Gemma allow use, changes and passing on under conditions. They bind \
                      whoever uses the model or one that was trained on it, and include a prohibited use policy."
                .to_owned(),
            passing_on: "A model trained on Gemma may be passed on with a copy of the Gemma Terms of Use, their use \
                         restrictions as an enforceable provision, a prominent notice that files were changed, and a \
                         text file \"Notice\" that says: Gemma is provided under and subject to the Gemma Terms of \
                         Use found at ai.google.dev/gemma/terms"
                .to_owned(),
        }
    }

    /// The name with where to read.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{} ({})", self.name, self.addresses.join(" and "))
    }
}
