//! One request head: where it ends, and how long the body after it is. Strict: what two readers could
//! understand differently is refused (RFC 9112, sections 2.2, 3, 5 and 6).

use super::refusal::{Refusal, is_stand_in_method};
use crate::server::ServerLimits;

/// How the bytes after a head are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// So many bytes; none where no length is given.
    Fixed(u64),
    Chunked,
}

/// What heads are held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    head_bytes: usize,
    request_line_bytes: usize,
    headers: usize,
}

impl From<&ServerLimits> for HeadLimits {
    fn from(limits: &ServerLimits) -> Self {
        Self {
            head_bytes: limits.max_head_bytes,
            request_line_bytes: limits.max_request_line_bytes,
            headers: limits.max_headers,
        }
    }
}

/// Looks for the end of a head in bytes that arrive bit by bit, each byte looked at once.
#[derive(Debug, Default)]
pub(super) struct HeadScanner {
    scanned: usize,
    lines: usize,
    line_start: usize,
    after_carriage_return: bool,
}

impl HeadScanner {
    /// The length of the head that `bytes` begin with, once it is complete. `bytes` must begin with those of
    /// the call before.
    pub(super) fn find_end(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Option<usize>, Refusal> {
        while let Some(&byte) = bytes.get(self.scanned) {
            self.scanned += 1;
            let ends_line = byte == b'\n';
            if ends_line != self.after_carriage_return {
                return Err(Refusal::BareLineEnd);
            }
            self.after_carriage_return = byte == b'\r';
            self.check_lengths(limits)?;
            if ends_line {
                if self.scanned - self.line_start == 2 && self.lines > 0 {
                    return Ok(Some(self.scanned));
                }
                self.lines += 1;
                self.line_start = self.scanned;
            }
        }
        Ok(None)
    }

    fn check_lengths(&self, limits: &HeadLimits) -> Result<(), Refusal> {
        if self.lines == 0 && self.scanned > limits.request_line_bytes {
            return Err(Refusal::RequestLineTooLong);
        }
        if self.scanned > limits.head_bytes {
            return Err(Refusal::HeadTooLarge);
        }
        // The request line is one of the lines; the empty last line begins one more.
        if self.lines > limits.headers && self.scanned - self.line_start > 2 {
            return Err(Refusal::TooManyHeaders);
        }
        Ok(())
    }
}

/// The framing of the body that follows `head`, a complete head with its empty last line.
pub(super) fn body_framing(head: &[u8]) -> Result<BodyFraming, Refusal> {
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let version = check_request_line(lines.next().unwrap_or_default())?;
    let mut fields = FramingFields::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = split_header(line)?;
        fields.note(name, value);
    }
    fields.framing(version)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

fn check_request_line(line: &[u8]) -> Result<Version, Refusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) => (method, target, version),
        _ => return Err(Refusal::BadRequestLine),
    };
    let is_method = !method.is_empty() && method.iter().all(|&byte| is_token(byte));
    let is_target = !target.is_empty() && target.iter().all(|&byte| byte.is_ascii_graphic());
    if !is_method || !is_target || is_stand_in_method(method) {
        return Err(Refusal::BadRequestLine);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Refusal::BadRequestLine),
    }
}

fn split_header(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let colon = line.iter().position(|&byte| byte == b':').ok_or(Refusal::BadHeaderLine)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // A folded line begins with a space, and a space before the colon is none of a token's characters.
    let is_name = !name.is_empty() && name.iter().all(|&byte| is_token(byte));
    let is_value = value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    if is_name && is_value { Ok((name, value.trim_ascii())) } else { Err(Refusal::BadHeaderLine) }
}

/// The characters of methods and header names (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What the headers say about where the body ends, and who is addressed.
#[derive(Default)]
struct FramingFields<'a> {
    lengths: usize,
    length: Option<&'a [u8]>,
    encodings: usize,
    encoding: Option<&'a [u8]>,
    hosts: usize,
}

impl<'a> FramingFields<'a> {
    fn note(&mut self, name: &[u8], value: &'a [u8]) {
        if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            self.length = Some(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.encodings += 1;
            self.encoding = Some(value);
        } else if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
        }
    }

    fn framing(&self, version: Version) -> Result<BodyFraming, Refusal> {
        if self.hosts > 1 || (self.hosts == 0 && version == Version::Http11) {
            return Err(Refusal::BadHost);
        }
        if self.lengths > 1 || (self.lengths == 1 && self.encodings > 0) {
            return Err(Refusal::AmbiguousLength);
        }
        if let Some(encoding) = self.encoding {
            let is_chunked = self.encodings == 1 && encoding.eq_ignore_ascii_case(b"chunked");
            return if is_chunked && version == Version::Http11 {
                Ok(BodyFraming::Chunked)
            } else {
                Err(Refusal::BadTransferEncoding)
            };
        }
        self.length.map_or(Ok(BodyFraming::Fixed(0)), content_length)
    }
}

fn content_length(value: &[u8]) -> Result<BodyFraming, Refusal> {
    // Eighteen digits cannot overflow; a sign or a list of equal lengths is no length.
    let is_number = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    if !is_number {
        return Err(Refusal::BadContentLength);
    }
    Ok(BodyFraming::Fixed(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> HeadLimits {
        HeadLimits::from(&ServerLimits::default())
    }

    fn framing(head: &str) -> Result<BodyFraming, Refusal> {
        let end = HeadScanner::default().find_end(head.as_bytes(), &limits())?;
        assert_eq!(end, Some(head.len()), "the head is complete: {head:?}");
        body_framing(head.as_bytes())
    }

    #[test]
    fn lengths_are_read() {
        let head = |fields: &str| format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(framing(&head("")), Ok(BodyFraming::Fixed(0)));
        assert_eq!(framing(&head("Content-Length:  42 \r\n")), Ok(BodyFraming::Fixed(42)));
        assert_eq!(framing(&head("transfer-encoding: Chunked\r\n")), Ok(BodyFraming::Chunked));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let cases = [
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Refusal::AmbiguousLength),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", Refusal::AmbiguousLength),
            ("Content-Length: 3, 3\r\n", Refusal::BadContentLength),
            ("Content-Length: +3\r\n", Refusal::BadContentLength),
            ("Content-Length: 0x3\r\n", Refusal::BadContentLength),
            ("Content-Length: \r\n", Refusal::BadContentLength),
            ("Content-Length: 99999999999999999999\r\n", Refusal::BadContentLength),
            ("Transfer-Encoding: gzip, chunked\r\n", Refusal::BadTransferEncoding),
            ("Transfer-Encoding: identity\r\n", Refusal::BadTransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Refusal::BadTransferEncoding),
            ("Transfer-Encoding : chunked\r\n", Refusal::BadHeaderLine),
            ("X: a\r\n Transfer-Encoding: chunked\r\n", Refusal::BadHeaderLine),
            ("X: a\u{0}b\r\n", Refusal::BadHeaderLine),
            ("no colon\r\n", Refusal::BadHeaderLine),
            (": nameless\r\n", Refusal::BadHeaderLine),
            ("Host: b\r\n", Refusal::BadHost),
        ];
        for (fields, refusal) in cases {
            let head = format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            assert_eq!(framing(&head), Err(refusal), "{fields:?}");
        }
        assert_eq!(framing("GET / HTTP/1.1\r\n\r\n"), Err(Refusal::BadHost));
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(framing(old), Err(Refusal::BadTransferEncoding));
    }

    #[test]
    fn request_lines_have_three_words() {
        for line in [
            "GET  / HTTP/1.1",
            "GET /",
            "GET / HTTP/2.0",
            "GET /a b HTTP/1.1",
            " GET / HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET /\u{e9} HTTP/1.1",
            "REFUSED /bad_host HTTP/1.1",
        ] {
            let head = format!("{line}\r\nHost: a\r\n\r\n");
            assert_eq!(framing(&head), Err(Refusal::BadRequestLine), "{line:?}");
        }
    }

    #[test]
    fn lines_end_with_both_characters() {
        for head in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
            "GET / HTTP/1.1\r\r\n\r\n",
            "\nGET / HTTP/1.1\r\n",
        ] {
            let scanned = HeadScanner::default().find_end(head.as_bytes(), &limits());
            assert_eq!(scanned, Err(Refusal::BareLineEnd), "{head:?}");
        }
    }

    #[test]
    fn lengths_and_counts_are_limited_exactly() {
        let small = HeadLimits { head_bytes: 60, request_line_bytes: 20, headers: 2 };
        let scan = |head: &str| HeadScanner::default().find_end(head.as_bytes(), &small);
        let two = "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\n\r\n";
        assert_eq!(scan(two), Ok(Some(two.len())));
        assert_eq!(scan("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), Err(Refusal::TooManyHeaders));
        assert_eq!(scan("GET /1234 HTTP/1.1\r\n"), Ok(None));
        assert_eq!(scan("GET /12345 HTTP/1.1\r\n"), Err(Refusal::RequestLineTooLong));
        let filled = |value: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(value));
        assert_eq!(scan(&filled(37)), Ok(Some(60)));
        assert_eq!(scan(&filled(38)), Err(Refusal::HeadTooLarge));
    }

    #[test]
    fn an_empty_line_before_the_request_is_no_head() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(HeadScanner::default().find_end(head, &limits()), Ok(Some(head.len())));
        assert_eq!(body_framing(head), Err(Refusal::BadRequestLine));
    }
}
