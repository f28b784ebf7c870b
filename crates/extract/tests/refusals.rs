//! Files that are not what they seem: every refusal names the file, says what it is and what to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use gradus_extract::{ExtractError, Extraction, Limits, extract, formats};

fn refusal(name: &str, bytes: &[u8]) -> String {
    extract(name, bytes, &Limits::default()).unwrap_err().to_string()
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "\"{message}\" does not say \"{part}\"");
    }
}

#[test]
fn a_text_named_pdf_is_called_a_text_and_its_right_name_is_suggested() {
    let message = refusal("papers/guide.PDF", b"Question 1: what is osmosis? It starts with %PDF-1.4.");
    assert_says(
        &message,
        &["`papers/guide.PDF`", "plain text", "Rename it to `papers/guide.txt`", "PDF document"],
    );
}

#[test]
fn the_content_decides_between_formats_too() {
    assert_says(&refusal("a.docx", b"{\\rtf1 Hello}"), &["a rich text document (RTF)", "`a.rtf`"]);
    assert_says(&refusal("a.txt", b"<!DOCTYPE html><p>Hello"), &["a web page (HTML)", "`a.html`"]);
    assert_says(
        &refusal("a.pdf", b"PK\x03\x04...word/document.xml"),
        &["a Word document (DOCX)", "`a.docx`"],
    );
}

#[test]
fn an_unknown_extension_or_none_does_not_matter() {
    for name in ["answer", "answer.v2", "answer.docx.bak"] {
        let extraction = extract(name, b"Water moves.", &Limits::default()).unwrap();
        assert_eq!(extraction.format, "txt", "{name}");
    }
}

#[test]
fn formats_that_are_not_read_are_named_with_advice() {
    assert_says(
        &refusal("scan.pdf", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"),
        &["`scan.pdf`", "a PNG image", "OCR"],
    );
    assert_says(
        &refusal("a.odt", b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.text"),
        &["OpenDocument", "save it as DOCX or PDF"],
    );
    assert_says(&refusal("a.zip", b"PK\x03\x04\0\0\0other"), &["a ZIP archive", "Unpack"]);
    assert_says(&refusal("a.bin", &[0, 1, 2, 3, 0, 255, 254, 0]), &["unknown type", "DOCX, PDF"]);
}

#[test]
fn empty_blank_and_oversized_files_are_refused() {
    assert_says(&refusal("a.txt", b""), &["`a.txt` is empty"]);
    assert_says(&refusal("a.txt", b" \n\n\t"), &["`a.txt`", "white space"]);
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    let error = extract("a.txt", b"twelve bytes", &limits).unwrap_err();
    assert_says(&error.to_string(), &["`a.txt`", "12 bytes", "at most 10"]);
}

#[test]
fn results_and_errors_survive_the_way_through_a_pipe() {
    let extraction = extract("a.md", b"# Title\n\n- item\n", &Limits::default()).unwrap();
    let json = serde_json::to_string(&extraction).unwrap();
    assert_eq!(serde_json::from_str::<Extraction>(&json).unwrap(), extraction);
    let error = extract("a.docx", b"PK\x03\x04word/", &Limits::default()).unwrap_err();
    let json = serde_json::to_string(&error).unwrap();
    assert_eq!(serde_json::from_str::<ExtractError>(&json).unwrap(), error);
}

#[test]
fn no_format_panics_on_any_cut_or_change_of_its_bytes() {
    let samples: [(&str, &[u8]); 5] = [
        (
            "a.rtf",
            b"{\\rtf1\\ansi{\\fonttbl{\\f0 A;}}\\trowd a\\cell b\\cell\\row\\u8211?\\'e9{\\footnote x}\\par}",
        ),
        ("a.html", b"<html><table><tr><td rowspan=9>a<td>b</table><ol><li>x</ol></td></table>"),
        ("a.json", b"{\"a\": [{\"b\": 1}, {\"c\": null}], \"d\": [1, [2]]}"),
        ("a.md", b"# A\n\n1. x\n   - y\n\n| a | b |\n|---|---|\n| c |\n\n[^1]: n\n"),
        ("a.txt", b"a\tb\nc\td\n\n1. x\n   y\n====\n"),
    ];
    for (name, bytes) in samples {
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] = changed[at].wrapping_add(97);
            for bytes in [&bytes[..at], &changed] {
                let crashed = extract(name, bytes, &Limits::default()).err().map(|error| error.to_string());
                assert!(!crashed.is_some_and(|message| message.contains("crashed")), "{name} at {at}");
            }
        }
    }
}

#[test]
fn no_two_formats_share_a_name_or_an_extension() {
    let mut all: Vec<&str> = formats().iter().flat_map(|format| format.extensions()).copied().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(
        formats().iter().all(|format| !format.extractors().is_empty() && !format.media_types().is_empty())
    );
}
