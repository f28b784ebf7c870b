//! What can be wrong with a tokenizer.

/// A tokenizer that cannot be built or used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The description is damaged or contradicts itself.
    #[error("the tokenizer is damaged: {0}; pull the model again")]
    Build(String),
    /// Another kind of tokenizer than BPE.
    #[error("the tokenizer is of the kind \"{kind}\", which is not supported; supported are {supported}")]
    Unsupported {
        /// As the file names it.
        kind: String,
        /// What could be used.
        supported: &'static str,
    },
    /// There are tokens without an embedding.
    #[error(
        "the tokenizer has {tokens} tokens but the model has embeddings for {rows}; they belong to different models"
    )]
    VocabularyTooLarge {
        /// Size of the vocabulary.
        tokens: usize,
        /// Rows of the embedding table.
        rows: usize,
    },
    /// GGUF has no way to say what the tokenizer does.
    #[error(
        "the tokenizer cannot be written to a GGUF file: {what}; export the model merged, and convert that with llama.cpp's own converter"
    )]
    NotInGguf {
        /// What cannot be said.
        what: &'static str,
    },
    /// The text could not be split into tokens.
    #[error("the text cannot be tokenized: {0}")]
    Encode(String),
}

impl TokenizerError {
    pub(super) fn build(reason: impl ToString) -> Self {
        Self::Build(reason.to_string())
    }

    pub(super) fn encode(reason: impl ToString) -> Self {
        Self::Encode(reason.to_string())
    }
}
