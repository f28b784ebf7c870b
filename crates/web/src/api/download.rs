//! Files that are handed out. A browser keeps them instead of showing them, and runs nothing in them if it shows them
//! all the same.

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gradus_app::service::Archive;
use gradus_app::store::blobs::BlobReader;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG,
};
use http::{HeaderValue, StatusCode};

use super::range::WantedRange;
use crate::problem::Problem;

const SANDBOX: &str =
    "sandbox; default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// A stored file.
pub(crate) struct Download<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    /// The hash of its bytes.
    pub(crate) hash: &'a str,
    /// How many they are.
    pub(crate) bytes: u64,
}

impl Download<'_> {
    /// The bytes, or the part that is wanted. Whether the whole is undamaged shows at its end: the connection is cut if
    /// not. A part cannot be checked.
    pub(crate) async fn answer(self, archive: &Archive, wanted: &WantedRange) -> Result<Response, Problem> {
        // The bytes never change: their hash is the strongest tag there is.
        let tag = format!("\"{}\"", self.hash);
        let part = wanted.of(self.bytes, &tag)?;
        let reader = match part.clone() {
            Some(range) => archive.open_range(self.hash, range).await?,
            None => archive.open(self.hash).await?,
        };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_LENGTH, HeaderValue::from(reader.bytes())),
            (CONTENT_DISPOSITION, disposition(self.name)),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
            (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (ETAG, plain(&tag)),
        ];
        let mut response = (headers, Body::from_stream(reader)).into_response();
        if let Some(Range { start, end }) = part {
            let range = plain(&format!("bytes {start}-{}/{}", end - 1, self.bytes));
            response.headers_mut().insert(CONTENT_RANGE, range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        Ok(response)
    }
}

/// A line of digits, hashes and the like.
fn plain(line: &str) -> HeaderValue {
    HeaderValue::from_str(line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The bytes of something that was written to be read as this kind, as they come.
pub(crate) fn written(kind: &'static str, reader: BlobReader) -> Response {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CONTENT_LENGTH, HeaderValue::from(reader.bytes()))];
    (headers, Body::from_stream(reader)).into_response()
}

/// `attachment` with the name in plain letters for old readers, and whole for all others (RFC 6266).
fn disposition(name: &str) -> HeaderValue {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_ ".contains(letter);
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let mut whole = String::new();
    for byte in name.bytes() {
        match is_kept(byte) {
            true => whole.push(char::from(byte)),
            false => whole.push_str(&format!("%{byte:02X}")),
        }
    }
    let line = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}");
    HeaderValue::from_str(&line).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_the_header() {
        let cases = [
            ("guide.docx", "attachment; filename=\"guide.docx\"; filename*=UTF-8''guide.docx"),
            ("a\"; x=\"b", "attachment; filename=\"a__ x__b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
            ("Prüfung.pdf", "attachment; filename=\"Pr_fung.pdf\"; filename*=UTF-8''Pr%C3%BCfung.pdf"),
            ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
        ];
        for (name, line) in cases {
            assert_eq!(disposition(name), line, "{name:?}");
        }
    }
}
