//! Lists in pages: newest first, each page naming where the next one begins.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// The last id of the page before; none for the first page.
    pub after: Option<Uuid>,
    /// How many items at most.
    pub limit: u32,
    /// Whether the oldest come first instead.
    pub oldest_first: bool,
}

impl PageRequest {
    /// The most items of one page.
    pub const MOST: u32 = 1000;

    /// The first page of at most `limit` items.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit, oldest_first: false }
    }

    /// How many rows to read: one more than wanted tells whether there is another page.
    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.limit.clamp(1, Self::MOST)) + 1
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub has_more: bool,
}

impl<T> Page<T> {
    pub(crate) fn of(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let has_more = rows.len() as u64 == request.rows();
        if has_more {
            rows.pop();
        }
        Self { items: rows, has_more }
    }

    /// The same page of other things.
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(other).collect(), has_more: self.has_more }
    }
}
