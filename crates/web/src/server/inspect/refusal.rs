//! Why a request was refused before it was parsed, and how the router comes to hear of it.

/// The method of the request that stands in for a refused one. A client's own is refused, so whoever sees
/// this method knows where it comes from.
const STAND_IN_METHOD: &str = "REFUSED";

/// What is wrong with the way a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A line ends with a line feed or a carriage return alone.
    BareLineEnd,
    /// Both Content-Length and Transfer-Encoding, or several Content-Length.
    AmbiguousLength,
    /// A Content-Length that is no number.
    BadContentLength,
    /// A Transfer-Encoding other than `chunked`, or any in HTTP/1.0.
    BadTransferEncoding,
    /// The first line is not `METHOD target HTTP/1.1`.
    BadRequestLine,
    /// A header line without a name, with a space before the colon, folded, or with control characters.
    BadHeaderLine,
    /// No Host, or several.
    BadHost,
    /// The request line and headers are longer than allowed.
    HeadTooLarge,
    /// More header lines than allowed.
    TooManyHeaders,
    /// The request line is longer than allowed.
    RequestLineTooLong,
}

impl Refusal {
    /// Every reason there is.
    pub const ALL: [Self; 10] = [
        Self::BareLineEnd,
        Self::AmbiguousLength,
        Self::BadContentLength,
        Self::BadTransferEncoding,
        Self::BadRequestLine,
        Self::BadHeaderLine,
        Self::BadHost,
        Self::HeadTooLarge,
        Self::TooManyHeaders,
        Self::RequestLineTooLong,
    ];

    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::BareLineEnd => "bare_line_end",
            Self::AmbiguousLength => "ambiguous_length",
            Self::BadContentLength => "bad_content_length",
            Self::BadTransferEncoding => "bad_transfer_encoding",
            Self::BadRequestLine => "bad_request_line",
            Self::BadHeaderLine => "bad_header_line",
            Self::BadHost => "bad_host",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyHeaders => "too_many_headers",
            Self::RequestLineTooLong => "request_line_too_long",
        }
    }

    /// What is wrong and what to do about it.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::BareLineEnd => "A line of the request ends without CR LF. End every line with CR LF.",
            Self::AmbiguousLength => {
                "The request says its length more than once. Send one Content-Length, or Transfer-Encoding: chunked."
            }
            Self::BadContentLength => "Content-Length is not a number of bytes.",
            Self::BadTransferEncoding => {
                "The only Transfer-Encoding understood is chunked, and that in HTTP/1.1."
            }
            Self::BadRequestLine => "The first line is not a method, a target and HTTP/1.1 or HTTP/1.0.",
            Self::BadHeaderLine => {
                "A header line is not a name, a colon and a value without control characters."
            }
            Self::BadHost => "The request needs exactly one Host header.",
            Self::HeadTooLarge => "The request line and headers are too long. Send fewer or shorter headers.",
            Self::TooManyHeaders => "The request has too many header lines. Send fewer.",
            Self::RequestLineTooLong => "The request line is too long. Shorten the address.",
        }
    }

    /// The request that goes to the parser in place of the refused one. It travels the common way, behind
    /// the answers to the requests before it, and ends the connection.
    pub(super) fn stand_in(self) -> String {
        format!("{STAND_IN_METHOD} /{} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n", self.code())
    }

    /// The refusal that a request stands for, if it is a stand-in.
    #[must_use]
    pub fn of_stand_in(method: &http::Method, path: &str) -> Option<Self> {
        let code = path.strip_prefix('/')?;
        let refusal = Self::ALL.into_iter().find(|refusal| refusal.code() == code)?;
        is_stand_in_method(method.as_str().as_bytes()).then_some(refusal)
    }
}

pub(super) fn is_stand_in_method(method: &[u8]) -> bool {
    method == STAND_IN_METHOD.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_says_what_it_stands_for() {
        for refusal in Refusal::ALL {
            let text = refusal.stand_in();
            let mut words = text.split(' ');
            let method: http::Method = words.next().unwrap().parse().unwrap();
            assert_eq!(Refusal::of_stand_in(&method, words.next().unwrap()), Some(refusal));
        }
        assert_eq!(Refusal::of_stand_in(&http::Method::GET, "/bare_line_end"), None);
    }
}
