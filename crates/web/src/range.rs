//! Which part of a file is wanted (`Range`, RFC 9110, section 14): one range of bytes. What cannot be read, and more
//! ranges at a time, are as if they were not there: the whole file is given.

use std::ops::Range;

use axum::extract::FromRequestParts;
use http::HeaderName;
use http::header::{IF_RANGE, RANGE};
use http::request::Parts;

use crate::problem::{Category, Problem};

/// The part that a request asks for. Handlers take it as an argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WantedRange {
    range: Option<String>,
    if_range: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for WantedRange {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let only = |name: HeaderName| {
            let mut lines = parts.headers.get_all(name).iter();
            let line = lines.next()?.to_str().ok()?.trim().to_owned();
            lines.next().is_none().then_some(line)
        };
        Ok(Self { range: only(RANGE), if_range: only(IF_RANGE) })
    }
}

impl WantedRange {
    /// The part of a file of so many bytes and with this tag; none for the whole.
    pub(crate) fn of(&self, bytes: u64, tag: &str) -> Result<Option<Range<u64>>, Problem> {
        // What was begun with another content goes on with nothing.
        if self.if_range.as_ref().is_some_and(|known| known != tag) {
            return Ok(None);
        }
        let Some((first, last)) = self.range.as_deref().and_then(read) else { return Ok(None) };
        let range = match (first, last) {
            (Some(first), last) => first..last.map_or(bytes, |last| bytes.min(last.saturating_add(1))),
            (None, last) => bytes.saturating_sub(last.unwrap_or_default())..bytes,
        };
        if range.is_empty() {
            let detail = format!("The file has {bytes} bytes: the part that is asked for is not among them.");
            return Err(Problem::new(Category::RangeNotSatisfiable, detail));
        }
        Ok(Some(range))
    }
}

/// First and last byte of `bytes=1-3`, `bytes=1-` and `bytes=-3`, the last of which has the last three.
fn read(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |digits: &str| -> Option<Option<u64>> {
        if digits.is_empty() {
            return Some(None);
        }
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten().map(Some)
    };
    let (first, last) = (number(first)?, number(last)?);
    let is_range = match (first, last) {
        (Some(first), Some(last)) => first <= last,
        (None, None) => false,
        _ => true,
    };
    (unit.eq_ignore_ascii_case("bytes") && is_range).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: &str) -> Result<Option<Range<u64>>, Category> {
        let wanted = WantedRange { range: Some(range.to_owned()), if_range: None };
        wanted.of(10, "\"a\"").map_err(|problem| problem.category())
    }

    #[test]
    fn one_range_is_read_and_ends_with_the_file() {
        for (text, range) in [
            ("bytes=0-0", 0..1),
            ("Bytes=3-5", 3..6),
            ("bytes=7-", 7..10),
            ("bytes=8-99", 8..10),
            ("bytes=-4", 6..10),
        ] {
            assert_eq!(part(text), Ok(Some(range)), "{text}");
        }
        assert_eq!(part("bytes=-99"), Ok(Some(0..10)));
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-3",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=0-1,3-4",
            "bytes=a-b",
        ] {
            assert_eq!(part(text), Ok(None), "{text}");
        }
        for text in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(part(text), Err(Category::RangeNotSatisfiable), "{text}");
        }
    }

    #[test]
    fn what_has_changed_since_is_given_whole() {
        let wanted = |known: &str| WantedRange {
            range: Some("bytes=0-1".to_owned()),
            if_range: Some(known.to_owned()),
        };
        assert_eq!(wanted("\"a\"").of(10, "\"a\"").unwrap(), Some(0..2));
        assert_eq!(wanted("\"b\"").of(10, "\"a\"").unwrap(), None);
    }
}
