//! Which tokens of a conversation the assistant said: those are learned, the rest is context. Found by
//! writing the conversation out turn by turn, which works for any template that only ever appends.

use super::{ChatError, ChatTemplate, Message, Role};
use crate::tokenizer::{EncodedToken, Tokenizer};
use std::ops::Range;

/// A conversation in tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedChat {
    /// All tokens, ready for the model.
    pub ids: Vec<u32>,
    /// Token ranges of what the assistant said, in order, each with the token that ends the turn.
    pub assistant: Vec<Range<usize>>,
}

impl ChatTemplate {
    /// Writes a conversation out as tokens. Control tokens come from the template alone: spelled out in a
    /// message, they are ordinary text.
    ///
    /// A token that begins before an assistant's turn and ends within it counts as context.
    ///
    /// # Errors
    /// When the template refuses the conversation or rewrites earlier turns.
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<EncodedChat, ChatError> {
        let guarded = guarded(tokenizer, messages);
        let text = self.render(&guarded, add_generation_prompt)?;
        let spans = self.assistant_spans(&guarded, &text)?;
        let tokens = tokenizer.encode_with_ranges(&text, true)?;
        let assistant = spans.into_iter().map(|span| tokens_beginning_in(&tokens, &span)).collect();
        Ok(EncodedChat { ids: tokens.into_iter().map(|token| token.id).collect(), assistant })
    }

    /// Writes a conversation out as the tokens after which the model has to go on, as [`Self::encode`] does.
    /// The template may write earlier turns as it likes.
    ///
    /// # Errors
    /// When the template refuses the conversation.
    pub fn prompt(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Vec<u32>, ChatError> {
        let text = self.render(&guarded(tokenizer, messages), true)?;
        Ok(tokenizer.encode(&text, true)?)
    }

    /// Byte ranges in `text` (the conversation written out) of the assistant's turns, from where the model
    /// would go on to the end of the turn, without the white space that some templates put after it.
    ///
    /// # Errors
    /// When the template rewrites earlier turns.
    pub fn assistant_spans(&self, messages: &[Message], text: &str) -> Result<Vec<Range<usize>>, ChatError> {
        let turns = messages.iter().enumerate().filter(|(_, message)| message.role == Role::Assistant);
        turns.map(|(index, _)| self.assistant_span(messages, index, text)).collect()
    }

    fn assistant_span(
        &self,
        messages: &[Message],
        index: usize,
        text: &str,
    ) -> Result<Range<usize>, ChatError> {
        let before = self.render(&messages[..index], true)?;
        let after = self.render(&messages[..=index], false)?;
        if !after.starts_with(&before) || !text.starts_with(&after) {
            return Err(ChatError::NotIncremental { message: index + 1 });
        }
        Ok(before.len()..after.trim_end().len().max(before.len()))
    }
}

/// The messages, with nothing in them that would become a control token.
fn guarded(tokenizer: &Tokenizer, messages: &[Message]) -> Vec<Message> {
    let guarded = |message: &Message| Message::new(message.role, tokenizer.guard(&message.content));
    messages.iter().map(guarded).collect()
}

fn tokens_beginning_in(tokens: &[EncodedToken], span: &Range<usize>) -> Range<usize> {
    let first = tokens.partition_point(|token| token.range.start < span.start);
    let end = tokens.partition_point(|token| token.range.start < span.end);
    first..end
}
