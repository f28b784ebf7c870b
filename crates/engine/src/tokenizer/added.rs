//! The tokens that were added to a vocabulary by hand: turn markers, end of text, tool calls.

use std::collections::HashSet;
use std::ops::Range;

/// Added tokens by text and by id.
#[derive(Debug, Clone)]
pub(super) struct AddedTokens {
    /// Longest first, so that a longer marker wins over one that it begins with.
    texts: Vec<(String, u32)>,
    ids: HashSet<u32>,
    special: HashSet<u32>,
}

impl AddedTokens {
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        let decoder = tokenizer.get_added_tokens_decoder();
        let mut texts: Vec<(String, u32)> = decoder
            .iter()
            .filter(|(_, token)| !token.content.is_empty())
            .map(|(&id, token)| (token.content.clone(), id))
            .collect();
        texts.sort_by(|left, right| right.0.len().cmp(&left.0.len()).then(left.0.cmp(&right.0)));
        let special = decoder.iter().filter(|(_, token)| token.special).map(|(&id, _)| id).collect();
        Self { ids: decoder.keys().copied().collect(), texts, special }
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
        text.char_indices().find_map(|(start, _)| {
            let (token, id) =
                self.texts.iter().find(|(token, _)| text[start..].starts_with(token.as_str()))?;
            Some((start..start + token.len(), *id))
        })
    }
}
