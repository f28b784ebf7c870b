//! Text to tokens and back, for byte-level and SentencePiece-style BPE. Text that a person typed never
//! becomes a control token: there is a second tokenizer without any for it, and a guard for text that
//! goes into a prompt.

mod added;
mod bytes;
mod decode;
mod encode;
mod error;
mod gguf;
mod merges;
mod to_gguf;

pub use decode::StreamDecoder;
pub use encode::EncodedToken;
pub use error::TokenizerError;
pub use gguf::GgufVocabulary;

use added::AddedTokens;
use bytes::PieceBytes;
use std::fmt;

/// Ids of the tokens with a role, where the model has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpecialIds {
    /// Opens a text.
    pub bos: Option<u32>,
    /// Ends a text or a turn.
    pub eos: Option<u32>,
    /// Fills up batches.
    pub pad: Option<u32>,
}

/// A model's tokenizer.
#[derive(Clone)]
pub struct Tokenizer {
    /// As the model's authors made it.
    full: tokenizers::Tokenizer,
    /// The same without added tokens but white space: whatever the text, its pieces are ordinary.
    plain: tokenizers::Tokenizer,
    added: AddedTokens,
    bytes: PieceBytes,
    special: SpecialIds,
    adds_bos: bool,
    /// Encoding puts a space before the text, which decoding has to take away.
    adds_space: bool,
}

impl Tokenizer {
    /// Reads the text of a `tokenizer.json`. Set the special ids next: that file does not have them.
    ///
    /// # Errors
    /// When it is damaged or not a BPE tokenizer.
    pub fn from_json(text: &str) -> Result<Self, TokenizerError> {
        let full = tokenizers::Tokenizer::from_bytes(text).map_err(TokenizerError::build)?;
        Self::wrap(full)
    }

    /// Builds the tokenizer that GGUF metadata describes.
    ///
    /// # Errors
    /// When its kind is not supported, or the lists contradict each other.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self, TokenizerError> {
        let adds_bos = vocabulary.adds_bos();
        let special = vocabulary.special;
        let mut tokenizer = Self::wrap(gguf::build(vocabulary)?)?;
        tokenizer.special = special;
        tokenizer.adds_bos = adds_bos;
        Ok(tokenizer)
    }

    /// Sets which tokens have a role.
    pub fn set_special_ids(&mut self, special: SpecialIds) {
        self.special = special;
        let opening =
            self.full.encode("", true).ok().and_then(|encoding| encoding.get_ids().first().copied());
        self.adds_bos = opening.is_some() && opening == special.bos;
    }

    /// The tokenizer as a `tokenizer.json`, for exports.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        self.full.to_string(true).map_err(TokenizerError::build)
    }

    /// Tokens with a role.
    #[must_use]
    pub fn special_ids(&self) -> SpecialIds {
        self.special
    }

    /// The token that a text without a chat template must begin with, when the model wants one.
    #[must_use]
    pub fn opening_token(&self) -> Option<u32> {
        self.special.bos.filter(|_| self.adds_bos)
    }

    /// The id of a token given exactly as it is stored (`Ġthe`, `▁the`, `<|im_end|>`).
    #[must_use]
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.full.token_to_id(token)
    }

    /// A token exactly as it is stored.
    #[must_use]
    pub fn token_text(&self, id: u32) -> Option<String> {
        self.full.id_to_token(id)
    }

    /// The token steers the model and stands for no text: turn markers, end of text, padding.
    #[must_use]
    pub fn is_special(&self, id: u32) -> bool {
        self.added.is_special(id)
    }

    /// How many tokens there are, added ones included.
    #[must_use]
    pub fn vocabulary_size(&self) -> usize {
        self.full.get_vocab_size(true)
    }

    /// Makes sure that every token has a row in the embedding table.
    ///
    /// # Errors
    /// When the table is too small.
    pub fn check_vocabulary(&self, rows: usize) -> Result<(), TokenizerError> {
        let tokens = self.vocabulary_size();
        if tokens <= rows {
            return Ok(());
        }
        Err(TokenizerError::VocabularyTooLarge { tokens, rows })
    }

    fn wrap(mut full: tokenizers::Tokenizer) -> Result<Self, TokenizerError> {
        // Some files carry the settings of their training script; a text must keep all its tokens.
        full.with_truncation(None).map_err(TokenizerError::build)?;
        full.with_padding(None);
        let mut plain = tokenizers::Tokenizer::new(full.get_model().clone());
        plain.with_normalizer(full.get_normalizer().cloned()).map_err(TokenizerError::build)?;
        plain.with_pre_tokenizer(full.get_pre_tokenizer().cloned());
        plain.with_decoder(full.get_decoder().cloned());
        let white_space = added::white_space(&full).into_iter().map(|(_, token)| token);
        plain.add_tokens(white_space).map_err(TokenizerError::build)?;
        let mut tokenizer = Self {
            added: AddedTokens::of(&full),
            bytes: PieceBytes::of(&full)?,
            special: SpecialIds::default(),
            adds_bos: false,
            adds_space: false,
            full,
            plain,
        };
        let first = tokenizer.encode("a", false)?.first().and_then(|&id| tokenizer.token_bytes(id));
        tokenizer.adds_space = first.is_some_and(|bytes| bytes.starts_with(b" "));
        Ok(tokenizer)
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokenizer")
            .field("vocabulary_size", &self.vocabulary_size())
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}
