//! Passages that belong to no question: shown to a person with the reason, never dropped.

use gradus_domain::text::Span;
use serde::{Deserialize, Serialize};

use super::lines::Passage;

/// A passage that the parser did not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadPassage {
    /// Where it stands in the plain text.
    pub span: Span,
    /// Page it starts on, from 1, where the format has pages.
    pub page: Option<u32>,
    /// What it says.
    pub text: String,
    /// Why it was not used.
    pub reason: String,
}

/// Collects unread passages; neighbours with the same reason become one.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pub(crate) passages: Vec<UnreadPassage>,
    follows_on: bool,
}

impl Unread {
    pub(crate) fn push(&mut self, passage: Passage<'_>, reason: &str) {
        let span = passage.span();
        if let Some(last) = self.passages.last_mut().filter(|last| self.follows_on && last.reason == reason) {
            last.text.push('\n');
            last.text.push_str(passage.text);
            last.span.end = last.span.end.max(span.end);
            return;
        }
        self.follows_on = true;
        self.passages.push(UnreadPassage {
            span,
            page: passage.page,
            text: passage.text.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// What comes next does not follow on what came last.
    pub(crate) fn interrupt(&mut self) {
        self.follows_on = false;
    }
}
