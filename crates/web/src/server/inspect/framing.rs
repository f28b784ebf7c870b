//! Follows a connection's bytes from head to body to the next head, and says how many of them may go on.

use super::chunks::ChunkScanner;
use super::head::{BodyFraming, HeadLimits, HeadScanner, body_framing};
use super::refusal::Refusal;

/// Something that ends the reading of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// The next request is refused; those before it stand.
    Head(Refusal),
    /// The body of a request that is already being answered is broken.
    Body(Refusal),
}

/// The reading of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    limits: HeadLimits,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Head(HeadScanner),
    Fixed {
        left: u64,
    },
    Chunked(ChunkScanner),
    /// Nothing behind a violation is read.
    Violated(Violation),
}

impl Framing {
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self { limits, place: Place::Head(HeadScanner::default()) }
    }

    /// How many leading bytes of `pending` belong to complete heads and to bodies. What is left is the
    /// beginning of a head, and must come again with what follows it. A violation behind good bytes shows in
    /// the next call, so that requests before it are answered.
    pub(super) fn admit(&mut self, pending: &[u8]) -> Result<usize, Violation> {
        let mut admitted = 0;
        loop {
            let rest = &pending[admitted..];
            match self.step(rest) {
                Ok(0) => return Ok(admitted),
                Ok(step) => admitted += step,
                Err(violation) => {
                    self.place = Place::Violated(violation);
                    return if admitted > 0 { Ok(admitted) } else { Err(violation) };
                }
            }
        }
    }

    /// Whether the last request was read to its end and nothing of the next is known.
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(&self.place, Place::Head(_))
    }

    fn step(&mut self, rest: &[u8]) -> Result<usize, Violation> {
        match &mut self.place {
            Place::Violated(violation) => Err(*violation),
            Place::Head(scanner) => {
                let Some(end) = scanner.find_end(rest, &self.limits).map_err(Violation::Head)? else {
                    return Ok(0);
                };
                let framing = body_framing(&rest[..end]).map_err(Violation::Head)?;
                self.place = Place::after_head(framing);
                Ok(end)
            }
            Place::Fixed { left } => {
                let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= step as u64;
                if *left == 0 {
                    self.place = Place::Head(HeadScanner::default());
                }
                Ok(step)
            }
            Place::Chunked(scanner) => {
                let step = scanner.scan(rest).map_err(Violation::Body)?;
                if *scanner == ChunkScanner::Done {
                    self.place = Place::Head(HeadScanner::default());
                }
                Ok(step)
            }
        }
    }
}

impl Place {
    fn after_head(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::Fixed(0) => Self::Head(HeadScanner::default()),
            BodyFraming::Fixed(left) => Self::Fixed { left },
            BodyFraming::Chunked => Self::Chunked(ChunkScanner::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::ServerLimits;

    fn framing() -> Framing {
        Framing::new(HeadLimits::from(&ServerLimits::default()))
    }

    const TWO_REQUESTS: &[u8] = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nG\n\r\n\
        POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const SMUGGLED: &[u8] =
        b"GET /c HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Feeds `parts` one after the other as a stream would: how many bytes went on, and what ended it.
    fn feed<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (usize, Option<Violation>) {
        let (mut framing, mut pending, mut admitted) = (framing(), Vec::new(), 0);
        for part in parts {
            pending.extend_from_slice(part);
            loop {
                match framing.admit(&pending) {
                    Ok(0) => break,
                    Ok(count) => {
                        admitted += count;
                        pending.drain(..count);
                    }
                    Err(violation) => return (admitted, Some(violation)),
                }
            }
        }
        (admitted, None)
    }

    #[test]
    fn good_requests_go_on_and_the_bad_one_behind_them_does_not() {
        let stream = [TWO_REQUESTS, SMUGGLED].concat();
        let (admitted, violation) = feed(std::iter::once(stream.as_slice()));
        assert_eq!(admitted, TWO_REQUESTS.len());
        assert_eq!(violation, Some(Violation::Head(Refusal::AmbiguousLength)));
    }

    #[test]
    fn a_broken_chunk_is_a_violation_of_the_body() {
        let stream = b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n";
        let (_, violation) = feed(std::iter::once(stream.as_slice()));
        assert_eq!(violation, Some(Violation::Body(Refusal::BadTransferEncoding)));
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_changes_nothing(cuts in prop::collection::vec(1_usize..40, 1..60)) {
            let stream = [TWO_REQUESTS, TWO_REQUESTS, SMUGGLED].concat();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            let parts = std::iter::from_fn(move || {
                let (part, after) = rest.split_at(cuts.next()?.min(rest.len()));
                rest = after;
                (!part.is_empty()).then_some(part)
            });
            let (admitted, violation) = feed(parts);
            prop_assert_eq!(admitted, 2 * TWO_REQUESTS.len());
            prop_assert_eq!(violation, Some(Violation::Head(Refusal::AmbiguousLength)));
        }

        #[test]
        fn no_bytes_make_the_reading_fail(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (admitted, _) = feed(bytes.chunks(7));
            prop_assert!(admitted <= bytes.len());
        }
    }
}
