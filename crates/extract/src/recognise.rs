//! Which format some bytes are. The content decides; the name only breaks ties.

use crate::error::ExtractError;
use crate::format::{Confidence, Format, extension};
use crate::formats::formats;
use crate::unsupported;

/// The format of `bytes`.
///
/// # Errors
/// Where the bytes are of no format that is read, or of another one than the name's extension says.
pub fn recognise(name: &str, bytes: &[u8]) -> Result<&'static dyn Format, ExtractError> {
    let rated = formats().iter().map(|&format| {
        let confidence = format.recognise(bytes, name);
        (confidence, format.has_extension(name), format)
    });
    // `max_by_key` keeps the last of equals; reversed, the first registered format wins.
    let (confidence, named_so, format) = rated
        .rev()
        .max_by_key(|&(confidence, named_so, _)| (confidence, named_so))
        .ok_or_else(|| unknown(name))?;
    if confidence <= Confidence::Possible
        && let Some(refusal) = unsupported::identify(name, bytes)
    {
        return Err(refusal);
    }
    if confidence == Confidence::No {
        return Err(unknown(name));
    }
    if !named_so && let Some(claimed) = promised(name) {
        return Err(wrong_extension(name, claimed, format));
    }
    Ok(format)
}

/// The format that the name's extension belongs to.
fn promised(name: &str) -> Option<&'static dyn Format> {
    formats().iter().copied().find(|format| format.has_extension(name))
}

fn wrong_extension(name: &str, claimed: &dyn Format, actual: &dyn Format) -> ExtractError {
    let extension = extension(name).unwrap_or_default();
    let stem = name.get(..name.len().saturating_sub(extension.len() + 1)).unwrap_or(name);
    let fitting = actual.extensions().first().copied().unwrap_or_default();
    ExtractError::WrongExtension {
        name: name.to_owned(),
        suggestion: format!("{stem}.{fitting}"),
        extension,
        claimed: claimed.description().to_owned(),
        actual: actual.description().to_owned(),
    }
}

fn unknown(name: &str) -> ExtractError {
    let names: Vec<String> = formats().iter().map(|format| format.name().to_uppercase()).collect();
    ExtractError::UnknownType { name: name.to_owned(), supported: names.join(", ") }
}
