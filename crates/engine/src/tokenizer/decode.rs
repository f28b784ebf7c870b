//! Tokens to text, at once or as they arrive. Both go through the same bytes, so they agree.

use super::Tokenizer;

impl Tokenizer {
    /// The bytes that a token stands for, `None` for an id outside the vocabulary. A control token stands
    /// for its own text here.
    #[must_use]
    pub fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        let piece = self.full.id_to_token(id)?;
        Some(if self.added.contains(id) { piece.into_bytes() } else { self.bytes.decode(&piece) })
    }

    /// The text of some tokens, without control tokens. Bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut stream = self.stream();
        let mut text: String = ids.iter().map(|&id| stream.push(id)).collect();
        text.push_str(&stream.finish());
        text
    }

    /// Decodes tokens as they are generated.
    #[must_use]
    pub fn stream(&self) -> StreamDecoder<'_> {
        StreamDecoder { tokenizer: self, pending: Vec::new(), at_start: true }
    }

    /// The same for tokens that continue a text: a space that they begin with is part of it.
    #[must_use]
    pub fn continued_stream(&self) -> StreamDecoder<'_> {
        StreamDecoder { tokenizer: self, pending: Vec::new(), at_start: false }
    }
}

/// Gives out text as soon as it is complete: a character whose bytes are spread over several tokens
/// appears with the last of them, never in halves.
#[derive(Debug)]
pub struct StreamDecoder<'t> {
    tokenizer: &'t Tokenizer,
    pending: Vec<u8>,
    at_start: bool,
}

impl StreamDecoder<'_> {
    /// Takes the next token and returns the text that it completes, often empty. Control tokens and
    /// ids outside the vocabulary have no text.
    pub fn push(&mut self, id: u32) -> String {
        if self.tokenizer.is_special(id) {
            return String::new();
        }
        let bytes = self.tokenizer.token_bytes(id).unwrap_or_default();
        let skip = usize::from(self.at_start && self.tokenizer.adds_space && bytes.starts_with(b" "));
        self.at_start &= bytes.is_empty();
        self.pending.extend_from_slice(&bytes[skip..]);
        self.complete_text()
    }

    /// The rest: bytes of a character that never came to its end, as U+FFFD.
    #[must_use]
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }

    fn complete_text(&mut self) -> String {
        let mut text = String::new();
        let mut unfinished = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            unfinished = chunk.invalid().len();
            if unfinished > 0 {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        // Only the last bytes may still become a character; anything invalid before them is final.
        let tail = self.pending.split_off(self.pending.len() - unfinished);
        if unfinished > 0 && may_continue(&tail) {
            text.pop();
            self.pending = tail;
        } else {
            self.pending.clear();
        }
        text
    }
}

fn may_continue(tail: &[u8]) -> bool {
    std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_none())
}
