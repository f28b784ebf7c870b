//! Bytes to text: UTF-8, UTF-16 as Excel's "Unicode text", and Windows-1252 as older programs write.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::problems::{Fault, Findings};

/// The file's text with `\n` line ends. `None` where it is not a text file or empty, which is then noted.
pub(super) fn decode(bytes: &[u8], findings: &mut Findings) -> Option<String> {
    if let Some(fault) = not_a_text_file(bytes) {
        findings.error(None, fault);
        return None;
    }
    let encoding = encoding_of(bytes);
    if encoding == WINDOWS_1252 {
        findings.warning(
            None,
            Fault::new(
                "the file is not UTF-8, so it was read as Windows-1252",
                "If accented letters look wrong, save it again as UTF-8.",
            ),
        );
    }
    let (text, _, damaged) = encoding.decode(bytes);
    if damaged {
        findings.warning(
            None,
            Fault::new(
                "some characters could not be read and were replaced by �",
                "Save the file again as UTF-8.",
            ),
        );
    }
    if text.trim().is_empty() {
        findings.error(None, Fault::new("the file is empty", "Choose the file that holds the rows."));
        return None;
    }
    Some(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn not_a_text_file(bytes: &[u8]) -> Option<Fault> {
    let remedy = "Save the sheet as CSV (UTF-8) and upload that.";
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Some(Fault::new("this is an Excel or Office file, not text", remedy));
    }
    let binary = encoding_of(bytes) != UTF_16LE && encoding_of(bytes) != UTF_16BE && bytes.contains(&0);
    binary.then(|| Fault::new("this is not a text file", remedy))
}

fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    // UTF-16 without a byte order mark: in Latin script every second byte is zero.
    let sample = &bytes[..bytes.len().min(1000)];
    let zeros_at = |offset: usize| {
        let every_second = sample.iter().skip(offset).step_by(2);
        every_second.filter(|byte| **byte == 0).count()
    };
    let (even, odd) = (zeros_at(0), zeros_at(1));
    let most = sample.len() / 3;
    if odd > most && even == 0 {
        UTF_16LE
    } else if even > most && odd == 0 {
        UTF_16BE
    } else if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> Option<String> {
        decode(bytes, &mut Findings::new("marks.csv"))
    }

    #[test]
    fn text_is_read_in_every_encoding_that_spreadsheets_write() {
        let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "mark;é".encode_utf16().flat_map(to_bytes).collect()
        };
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        for bytes in [
            "mark;é".as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", "mark;é".into()),
            marked(b"\xff\xfe", utf_16(u16::to_le_bytes)),
            marked(b"\xfe\xff", utf_16(u16::to_be_bytes)),
            utf_16(u16::to_le_bytes),
            utf_16(u16::to_be_bytes),
            b"mark;\xe9".to_vec(),
        ] {
            assert_eq!(text_of(&bytes).as_deref(), Some("mark;é"), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_not_text_is_refused() {
        for bytes in [&b"PK\x03\x04rest"[..], b"a,b\n\0\x01\x02\0\0\x07", b" \n\t", b""] {
            assert_eq!(text_of(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn line_ends_become_one_kind() {
        assert_eq!(text_of(b"a\r\nb\rc\n").as_deref(), Some("a\nb\nc\n"));
    }
}
