//! Text to tokens, with or without control tokens, and the guard that lets text typed by a person
//! stand inside a prompt that has them.

use super::{Tokenizer, TokenizerError};
use std::borrow::Cow;
use std::ops::Range;

/// Breaks up what looks like a control token in guarded text. A Unicode noncharacter: it has no
/// business in any text, so taking it out again loses nothing.
const GUARD: char = '\u{FDD0}';

/// A token and the bytes of the text that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedToken {
    /// The token.
    pub id: u32,
    /// Byte range in the text that was encoded. Tokens that share one character share its range.
    pub range: Range<usize>,
}

impl Tokenizer {
    /// Splits a text into tokens. Nothing is put before or after it: see
    /// [`opening_token`](Self::opening_token).
    ///
    /// With `allow_special`, control tokens in the text are recognised, as in a rendered prompt; what
    /// [`guard`](Self::guard) broke up is not. Without it no control token can come out, whatever the text.
    ///
    /// # Errors
    /// When the tokenizer's own rules fail on the text.
    pub fn encode(&self, text: &str, allow_special: bool) -> Result<Vec<u32>, TokenizerError> {
        let tokens = self.encode_with_ranges(text, allow_special)?;
        Ok(tokens.into_iter().map(|token| token.id).collect())
    }

    /// Like [`encode`](Self::encode), with the place of each token.
    ///
    /// # Errors
    /// As `encode`.
    pub fn encode_with_ranges(
        &self,
        text: &str,
        allow_special: bool,
    ) -> Result<Vec<EncodedToken>, TokenizerError> {
        if !allow_special {
            return self.encode_plain(text);
        }
        if !text.contains(GUARD) {
            return tokens_of(&self.full, text);
        }
        let mut tokens = Vec::new();
        let mut done = 0;
        while let Some((marker, id)) = self.added.find(&text[done..]) {
            let range = done + marker.start..done + marker.end;
            tokens.extend(self.encode_plain_at(text, done..range.start)?);
            done = range.end;
            tokens.push(EncodedToken { id, range });
        }
        tokens.extend(self.encode_plain_at(text, done..text.len())?);
        Ok(tokens)
    }

    /// Makes a text safe to stand in a prompt: encoded with `allow_special` as part of it, it gives the
    /// same ordinary tokens as alone, even where it spells out a control token.
    #[must_use]
    pub fn guard<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let clean = without_guards(text);
        if self.added.find(&clean).is_none() {
            return clean;
        }
        let mut guarded = String::with_capacity(clean.len() + 16);
        let mut rest: &str = &clean;
        while let Some((marker, _)) = self.added.find(rest) {
            let first = rest[marker.start..].chars().next().map_or(0, char::len_utf8);
            let (safe, after) = rest.split_at(marker.start + first);
            guarded.push_str(safe);
            guarded.push(GUARD);
            rest = after;
        }
        guarded.push_str(rest);
        Cow::Owned(guarded)
    }

    /// Takes the guards out of a rendered text, to show it to a person.
    #[must_use]
    pub fn unguard<'t>(&self, text: &'t str) -> Cow<'t, str> {
        without_guards(text)
    }

    /// Encodes a part of guarded text; the ranges are those of the whole text, guards included.
    fn encode_plain_at(&self, text: &str, part: Range<usize>) -> Result<Vec<EncodedToken>, TokenizerError> {
        let start = part.start;
        let guarded = &text[part];
        let mut tokens = self.encode_plain(&without_guards(guarded))?;
        let guards: Vec<usize> = guarded.match_indices(GUARD).map(|(at, _)| at).collect();
        let place = |clean: usize| {
            let before =
                guards.iter().enumerate().take_while(|(index, at)| **at - index * GUARD.len_utf8() < clean);
            start + clean + before.count() * GUARD.len_utf8()
        };
        for token in &mut tokens {
            token.range = place(token.range.start)..place(token.range.end);
        }
        Ok(tokens)
    }

    /// No added token can come out of this. The vocabulary may still hold one under its own text and find
    /// it there as a whole word; such a word is written byte by byte.
    fn encode_plain(&self, text: &str) -> Result<Vec<EncodedToken>, TokenizerError> {
        let tokens = tokens_of(&self.plain, text)?;
        if !tokens.iter().any(|token| self.added.contains(token.id)) {
            return Ok(tokens);
        }
        let mut safe = Vec::with_capacity(tokens.len());
        for token in tokens {
            if self.added.contains(token.id) {
                safe.extend(self.byte_tokens(text, token.range)?);
            } else {
                safe.push(token);
            }
        }
        Ok(safe)
    }

    fn byte_tokens(&self, text: &str, range: Range<usize>) -> Result<Vec<EncodedToken>, TokenizerError> {
        text[range.clone()]
            .bytes()
            .zip(range)
            .map(|(byte, at)| {
                let id = self
                    .plain
                    .token_to_id(&self.bytes.piece_of_byte(byte))
                    .filter(|&id| !self.added.contains(id));
                let id = id.ok_or_else(|| {
                    TokenizerError::encode(format!("the vocabulary has no token for the byte {byte:#04x}"))
                })?;
                Ok(EncodedToken { id, range: at..at + 1 })
            })
            .collect()
    }
}

fn tokens_of(tokenizer: &tokenizers::Tokenizer, text: &str) -> Result<Vec<EncodedToken>, TokenizerError> {
    let encoding = tokenizer.encode(text, false).map_err(TokenizerError::encode)?;
    let pairs = encoding.get_ids().iter().zip(encoding.get_offsets());
    Ok(pairs.map(|(&id, &(start, end))| EncodedToken { id, range: start..end }).collect())
}

fn without_guards(text: &str) -> Cow<'_, str> {
    if text.contains(GUARD) { Cow::Owned(text.replace(GUARD, "")) } else { Cow::Borrowed(text) }
}
