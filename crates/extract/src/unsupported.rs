//! Formats that are known but not read, so that a refusal can say what the file is.

use crate::error::ExtractError;

struct Known {
    offset: usize,
    signature: &'static [u8],
    /// Bytes that must also occur somewhere; empty where the signature is enough.
    contains: &'static [u8],
    what: &'static str,
    advice: &'static str,
}

const SAVE_AS: &str = "Open it in its program and save it as DOCX or PDF.";
const IMAGE: &str = "A picture of a text must be turned into text first: run it through a program \
                     for text recognition (OCR), or type it.";
const UNPACK: &str = "Unpack it and use the documents in it.";

/// Names inside the old Office container are UTF-16.
const ENCRYPTED_PACKAGE: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
const WORD_DOCUMENT: &[u8] = b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0";
const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

const fn known(
    offset: usize,
    signature: &'static [u8],
    contains: &'static [u8],
    what: &'static str,
    advice: &'static str,
) -> Known {
    Known { offset, signature, contains, what, advice }
}

/// Tried in order: the specific before the general.
const KNOWN: &[Known] = &[
    known(
        0,
        OLE,
        ENCRYPTED_PACKAGE,
        "an Office document protected by a password",
        "Save a copy without the password and use that.",
    ),
    known(0, OLE, WORD_DOCUMENT, "a Word 97-2003 document (DOC)", SAVE_AS),
    known(0, OLE, b"", "an old Office document", SAVE_AS),
    known(0, b"PK\x03\x04", b"opendocument.text", "an OpenDocument text (ODT)", SAVE_AS),
    known(0, b"PK\x03\x04", b"xl/workbook.xml", "an Excel workbook (XLSX)", SAVE_AS),
    known(0, b"PK\x03\x04", b"ppt/presentation.xml", "a PowerPoint file (PPTX)", SAVE_AS),
    known(0, b"PK\x03\x04", b"application/epub+zip", "an e-book (EPUB)", SAVE_AS),
    known(0, b"PK\x03\x04", b"Index/Document.iwa", "a Pages document", SAVE_AS),
    known(0, b"PK\x03\x04", b"", "a ZIP archive", UNPACK),
    known(0, b"PK\x05\x06", b"", "an empty ZIP archive", UNPACK),
    known(0, b"7z\xBC\xAF\x27\x1C", b"", "a 7-Zip archive", UNPACK),
    known(0, b"Rar!\x1A\x07", b"", "a RAR archive", UNPACK),
    known(0, b"\x1F\x8B", b"", "a GZIP archive", UNPACK),
    known(0, b"\x89PNG\r\n\x1A\n", b"", "a PNG image", IMAGE),
    known(0, b"\xFF\xD8\xFF", b"", "a JPEG image", IMAGE),
    known(0, b"GIF8", b"", "a GIF image", IMAGE),
    known(0, b"II*\0", b"", "a TIFF image", IMAGE),
    known(0, b"MM\0*", b"", "a TIFF image", IMAGE),
    known(8, b"WEBP", b"", "a WebP image", IMAGE),
    known(4, b"ftyphei", b"", "a HEIC image", IMAGE),
    known(0, b"%!PS", b"", "a PostScript file", "Convert it to PDF."),
    known(0, b"MZ", b"", "a Windows program", "Use a document instead."),
    known(0, b"\x7FELF", b"", "a program", "Use a document instead."),
];

/// The refusal for a known format that is not read; `None` where `bytes` are no such format.
pub(crate) fn identify(name: &str, bytes: &[u8]) -> Option<ExtractError> {
    let found = KNOWN.iter().find(|known| {
        let starts = bytes.get(known.offset..).is_some_and(|rest| rest.starts_with(known.signature));
        starts && (known.contains.is_empty() || contains(bytes, known.contains))
    })?;
    Some(ExtractError::Unsupported {
        name: name.to_owned(),
        actual: found.what.to_owned(),
        advice: found.advice.to_owned(),
    })
}

/// Whether `needle` occurs in `haystack`.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_protected_word_file_is_told_from_an_old_word_file() {
        for (inside, expected) in [
            (ENCRYPTED_PACKAGE, "protected by a password"),
            (WORD_DOCUMENT, "97-2003"),
            (b"".as_slice(), "old Office"),
        ] {
            let bytes = [OLE, &[0; 64], inside].concat();
            let message = identify("x.docx", &bytes).map(|error| error.to_string());
            assert!(message.is_some_and(|m| m.contains(expected)), "{expected}");
        }
    }

    #[test]
    fn plain_text_is_not_mistaken_for_a_known_binary() {
        assert_eq!(identify("x", b"Question 1"), None);
        assert_eq!(identify("x", b"P"), None);
    }
}
