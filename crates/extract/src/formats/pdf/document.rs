//! Loading: whether a file is whole, unprotected and within limits.

use pdf_extract::{Dictionary, Document, Error, Object, ObjectId, decode_text_string};

use super::bombs;
use crate::blocks::tidy;
use crate::error::Failure;
use crate::limits::Limits;
use crate::unsupported::contains;

/// A loaded document.
pub(super) struct Loaded {
    pub(super) document: Document,
    /// Number, from 1, and object of each page.
    pub(super) pages: Vec<(u32, ObjectId)>,
}

impl Loaded {
    pub(super) fn new(bytes: &[u8], limits: &Limits) -> Result<Self, Failure> {
        check_complete(bytes)?;
        bombs::refuse(bytes, limits)?;
        let mut document = Document::load_mem(bytes).map_err(|error| failure(&error))?;
        if document.is_encrypted() {
            // Many files are encrypted with an empty password, only to forbid printing.
            document.decrypt("").map_err(|_| Failure::Encrypted)?;
        }
        let pages: Vec<_> = document.get_pages().into_iter().collect();
        if pages.is_empty() {
            return Err(Failure::damaged("it has no pages"));
        }
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        if count > limits.max_pages {
            return Err(Failure::TooManyPages { pages: count, limit: limits.max_pages });
        }
        Ok(Self { document, pages })
    }

    /// The title in the document's information, unless it is a file name, as converters write there.
    pub(super) fn title(&self) -> Option<String> {
        let info = self.resolve(self.document.trailer.get(b"Info").ok()?).as_dict().ok()?;
        let title = decode_text_string(self.resolve(info.get(b"Title").ok()?)).ok()?;
        let title = tidy(&title);
        let is_file_name = title.rsplit_once('.').is_some_and(|(_, ending)| {
            (2..=4).contains(&ending.len())
                && ending.bytes().all(|b| b.is_ascii_alphanumeric())
                && !title.contains(' ')
        });
        let is_default = ["untitled", "(anonymous)", "anonymous"].contains(&title.to_lowercase().as_str());
        (!title.is_empty() && !is_file_name && !is_default).then_some(title)
    }

    /// What a reference refers to; the object itself where it is none.
    pub(super) fn resolve<'a>(&'a self, object: &'a Object) -> &'a Object {
        resolve(&self.document, object)
    }
}

/// What a reference refers to; the object itself where it is none.
pub(super) fn resolve<'a>(document: &'a Document, object: &'a Object) -> &'a Object {
    document.dereference(object).map_or(object, |(_, resolved)| resolved)
}

/// A dictionary's entry as a dictionary, through references.
pub(super) fn dictionary<'a>(
    document: &'a Document,
    parent: &'a Dictionary,
    key: &[u8],
) -> Option<&'a Dictionary> {
    match resolve(document, parent.get(key).ok()?) {
        Object::Dictionary(found) => Some(found),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}

/// Refuses a file that was cut off. Readers that repair such files would return half of the text, and
/// half an answer looks whole.
pub(super) fn check_complete(bytes: &[u8]) -> Result<(), Failure> {
    let end = &bytes[bytes.len().saturating_sub(2048)..];
    if contains(end, b"%%EOF") {
        return Ok(());
    }
    Err(Failure::damaged("it ends in the middle, without a PDF's end mark"))
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::InvalidPassword | Error::Decryption(_) => Failure::Encrypted,
        other => Failure::damaged(format!("its objects cannot be read ({other})")),
    }
}
