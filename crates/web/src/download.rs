//! Files that are handed out. A browser keeps them instead of showing them, and runs nothing in them if it shows them
//! all the same.

use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt as _;
use gradus_app::service::Archive;
use gradus_app::store::blobs::BlobReader;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG,
};
use http::{HeaderValue, StatusCode};

use crate::problem::Problem;
use crate::range::WantedRange;

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
        let mut response = download(self.name, reader);
        response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response.headers_mut().insert(ETAG, plain(&tag));
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

/// The bytes of a file under a name. Whether they are undamaged shows at their end: the connection is cut if not.
pub(crate) fn download(name: &str, reader: BlobReader) -> Response {
    let length = reader.bytes();
    let bytes = reader.inspect_err(|error| tracing::error!(%error, "a file broke off while it was read"));
    attachment(name, length, Body::from_stream(bytes))
}

/// So many bytes as a file under a name.
pub(crate) fn attachment(name: &str, length: u64, content: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_LENGTH, HeaderValue::from(length)),
        (CONTENT_DISPOSITION, disposition(name)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
    ];
    (headers, content).into_response()
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
