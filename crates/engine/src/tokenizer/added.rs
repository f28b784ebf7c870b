//! The tokens that were added to a vocabulary by hand: turn markers, end of text, tool calls. White space that
//! was (Gemma has a token for each length of a run) steers nothing: it is text like any other.

use std::collections::HashSet;
use std::ops::Range;
use tokenizers::{AddedToken, Model};

/// Added tokens by text and by id.
#[derive(Debug, Clone)]
pub(super) struct AddedTokens {
    /// Longest first, so that a longer marker wins over one that it begins with.
    texts: Vec<(String, u32)>,
    /// Bytes that one of them begins with: few, and models may have thousands of tokens.
    first_bytes: HashSet<u8>,
    ids: HashSet<u32>,
    special: HashSet<u32>,
}

impl AddedTokens {
    /// All but white space.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        let mut decoder = tokenizer.get_added_tokens_decoder();
        white_space(tokenizer).iter().for_each(|(id, _)| _ = decoder.remove(id));
        let mut texts: Vec<(String, u32)> = decoder
            .iter()
            .filter(|(_, token)| !token.content.is_empty())
            .map(|(&id, token)| (token.content.clone(), id))
            .collect();
        texts.sort_by(|left, right| right.0.len().cmp(&left.0.len()).then(left.0.cmp(&right.0)));
        let special = decoder.iter().filter(|(_, token)| token.special).map(|(&id, _)| id).collect();
        let first_bytes = texts.iter().map(|(text, _)| text.as_bytes()[0]).collect();
        Self { ids: decoder.keys().copied().collect(), texts, first_bytes, special }
    }

    /// Each with its id.
    pub(super) fn texts(&self) -> &[(String, u32)] {
        &self.texts
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id)
    }

    /// The first added token in the text, and where.
    pub(super) fn find(&self, text: &str) -> Option<(Range<usize>, u32)> {
        let begins = |start: usize| self.first_bytes.contains(&text.as_bytes()[start]);
        text.char_indices().filter(|(start, _)| begins(*start)).find_map(|(start, _)| {
            let (token, id) =
                self.texts.iter().find(|(token, _)| text[start..].starts_with(token.as_str()))?;
            Some((start..start + token.len(), *id))
        })
    }
}

/// The added tokens that are white space, and that the vocabulary holds by the same ids, in their order.
pub(super) fn white_space(tokenizer: &tokenizers::Tokenizer) -> Vec<(u32, AddedToken)> {
    // SentencePiece writes a space as `▁`.
    let blank = |letter: char| letter.is_whitespace() || letter == '▁';
    let held = |id: u32, token: &AddedToken| tokenizer.get_model().token_to_id(&token.content) == Some(id);
    let mut tokens: Vec<(u32, AddedToken)> = tokenizer
        .get_added_tokens_decoder()
        .into_iter()
        .filter(|(id, token)| !token.special && token.content.chars().all(blank) && held(*id, token))
        .collect();
    tokens.sort_by_key(|(id, _)| *id);
    tokens
}
