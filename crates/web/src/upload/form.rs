//! The two ways in which a file arrives: in a form, beside fields in any order, or as the body itself.

use std::collections::BTreeMap;

use axum::RequestExt as _;
use axum::body::{Body, HttpBody as _};
use axum::extract::multipart::Field;
use axum::extract::{Multipart, Request};
use bytes::Bytes;
use futures_util::StreamExt as _;
use gradus_app::store::blobs::{Spool, SpoolFile, SpooledBlob};

use super::unclaimed::Unclaimed;
use super::{DisplayName, UploadError};

/// The longest that all fields beside the file may be together: they are held in memory.
const MAX_FIELD_BYTES: usize = 64 * 1024;
/// The most fields beside the file.
const MAX_FIELDS: usize = 64;
/// What a form has besides its file is shorter: its fields, and the heads of its parts.
const MAX_BESIDE_FILE_BYTES: u64 = 128 * 1024;

/// A form with one file.
#[derive(Debug)]
pub struct UploadedForm {
    /// The file.
    pub file: SpooledBlob,
    /// What the client calls it.
    pub name: DisplayName,
    /// The other fields by name.
    pub fields: BTreeMap<String, String>,
}

/// Reads a form whose field `file_field` is a file of at most `max_bytes`, and whose other fields are short
/// texts. They come in any order, so what the fields say is looked at only when all is there.
pub async fn receive_form(
    request: Request,
    file_field: &str,
    max_bytes: u64,
    spool: &Spool,
) -> Result<UploadedForm, UploadError> {
    let unclaimed = Unclaimed::default();
    let mut form = opened(request, max_bytes, &unclaimed).await?;
    let mut fields = Fields::default();
    let mut received = None;
    while let Some(field) = form.next_field().await? {
        let name = field.name().unwrap_or_default().to_owned();
        let field = Part { field, unclaimed: &unclaimed };
        if name != file_field {
            fields.take(name, field).await?;
        } else if received.is_some() {
            return Err(UploadError::form(file_field, "is there twice: send one file"));
        } else {
            let shown = DisplayName::of(field.field.file_name().unwrap_or_default());
            received = Some((receive_field(field, max_bytes, spool).await?, shown));
        }
    }
    let (file, name) =
        received.ok_or_else(|| UploadError::form(file_field, "is missing: send the file in it"))?;
    Ok(UploadedForm { file, name, fields: fields.by_name })
}

/// Reads a body that is a file of at most `max_bytes`.
pub async fn receive_raw(body: Body, max_bytes: u64, spool: &Spool) -> Result<SpooledBlob, UploadError> {
    if body.size_hint().lower() > max_bytes {
        return Err(UploadError::TooLarge { max_bytes });
    }
    let mut file = Arriving { file: spool.create().await?, max_bytes };
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        file.write(&part?).await?;
    }
    Ok(file.file.finish().await?)
}

/// The form in a request, which is refused where it says that it is longer than one with a file of `max_bytes`. One
/// that says nothing is held to that by its parts: file, fields and what is unclaimed each have their limit.
async fn opened(request: Request, max_bytes: u64, unclaimed: &Unclaimed) -> Result<Multipart, UploadError> {
    let most = max_bytes.saturating_add(MAX_BESIDE_FILE_BYTES);
    if request.body().size_hint().lower() > most {
        return Err(UploadError::TooLarge { max_bytes });
    }
    let request = request.map(|body| unclaimed.counting(body));
    request.extract().await.map_err(|_| UploadError::NoBoundary)
}

/// A field as it arrives.
struct Part<'a> {
    field: Field<'a>,
    unclaimed: &'a Unclaimed,
}

impl Part<'_> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, UploadError> {
        let chunk = self.field.chunk().await?;
        self.unclaimed.claim(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }
}

async fn receive_field(
    mut field: Part<'_>,
    max_bytes: u64,
    spool: &Spool,
) -> Result<SpooledBlob, UploadError> {
    let mut file = Arriving { file: spool.create().await?, max_bytes };
    while let Some(part) = field.chunk().await? {
        file.write(&part).await?;
    }
    Ok(file.file.finish().await?)
}

/// A file that is arriving, and the most bytes that it may have. Dropping it removes it.
struct Arriving {
    file: SpoolFile,
    max_bytes: u64,
}

impl Arriving {
    /// Takes the next bytes, and fails as soon as there are too many.
    async fn write(&mut self, bytes: &Bytes) -> Result<(), UploadError> {
        if self.file.bytes() + bytes.len() as u64 > self.max_bytes {
            return Err(UploadError::TooLarge { max_bytes: self.max_bytes });
        }
        Ok(self.file.write(bytes).await?)
    }
}

#[derive(Default)]
struct Fields {
    by_name: BTreeMap<String, String>,
    bytes: usize,
}

impl Fields {
    async fn take(&mut self, name: String, mut field: Part<'_>) -> Result<(), UploadError> {
        let mut value = Vec::new();
        self.bytes += name.len();
        while let Some(part) = field.chunk().await? {
            self.bytes += part.len();
            if self.bytes > MAX_FIELD_BYTES {
                let message = format!("the fields are longer than {MAX_FIELD_BYTES} bytes together");
                return Err(UploadError::form(name, message));
            }
            value.extend_from_slice(&part);
        }
        let Ok(value) = String::from_utf8(value) else {
            return Err(UploadError::form(name, "is not UTF-8"));
        };
        // No database keeps one in a text.
        if name.contains('\0') || value.contains('\0') {
            return Err(UploadError::form(name.replace('\0', "\u{fffd}"), "has a NUL character: remove it"));
        }
        if self.by_name.len() == MAX_FIELDS {
            return Err(UploadError::form(name, format!("is one more than the {MAX_FIELDS} fields allowed")));
        }
        if self.by_name.insert(name.clone(), value).is_some() {
            return Err(UploadError::form(name, "is there twice"));
        }
        Ok(())
    }
}
