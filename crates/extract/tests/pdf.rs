//! PDF documents: small files made for these tests, and hostile ones built here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

use gradus_domain::text::BlockKind;
use gradus_extract::{ExtractError, Extraction, Failure, Limits, Warning, extract};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn read(name: &str) -> Extraction {
    extract(name, &fixture(name), &Limits::default()).unwrap()
}

fn without_programs() -> Limits {
    Limits { external_programs: false, ..Limits::default() }
}

/// A PDF of one page with this content; the places of its objects are right.
fn page(content: &str) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>".to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let table = pdf.len();
    pdf.push_str("xref\n0 6\n0000000000 65535 f \n");
    for place in places {
        pdf.push_str(&format!("{place:010} 00000 n \n"));
    }
    pdf.push_str(&format!("trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
    pdf.into_bytes()
}

#[test]
fn lines_lists_tables_powers_and_pages_are_rebuilt() {
    let extraction = read("mixed-pages.pdf");
    let shown: Vec<(Option<u32>, String)> =
        extraction.text.blocks.iter().map(|block| (block.page, block.text.clone())).collect();
    let expected = [
        (1, "Plant transport"),
        (1, "Question 1 (2 marks)"),
        (
            1,
            "Water rises in the xylem because leaves lose water by transpiration, which pulls the column upwards. Cohesion between the molecules keeps the column whole, and photosynthesis has no direct part in it.",
        ),
        (1, "A new paragraph starts here."),
        (1, "Names transpiration"),
        (1, "Names cohesion, or explains that water molecules attract each other"),
        (1, "Part\tPoint\tMarks"),
        (1, "a\tCohesion keeps the water column whole and unbroken\t1"),
        (1, "Transpiration pulls\t0.5"),
        (1, "Ca²⁺ ions follow."),
        (3, "Above the form"),
        (3, "Text inside a form object"),
        (3, "Below the form"),
        (3, "Turned in the margin"),
    ];
    let expected: Vec<_> = expected.iter().map(|&(page, text)| (Some(page), text.to_owned())).collect();
    assert_eq!(shown, expected);
    assert_eq!(extraction.text.blocks[0].kind, BlockKind::Heading { level: 1 });
    assert!(
        matches!(&extraction.text.blocks[4].kind, BlockKind::ListItem { depth: 0, marker: Some(marker) } if marker == "1.")
    );
    assert!(
        matches!(&extraction.text.blocks[8].kind, BlockKind::TableRow { cells, .. } if cells[0].is_empty())
    );
    assert_eq!(extraction.title.as_deref(), Some("Plant transport"));
    assert_eq!(extraction.running_lines, ["Candidate P17", "Plant transport, page 1"]);
}

#[test]
fn a_page_that_is_an_image_is_reported_with_its_number() {
    let extraction = read("mixed-pages.pdf");
    assert_eq!(extraction.pages, Some(3));
    assert_eq!(extraction.warnings, [Warning::ImagePage { page: 2 }]);
    assert!(extraction.quality < 0.7);
}

#[test]
fn a_scan_is_refused_with_the_pages_named() {
    let error = extract("scan.pdf", &fixture("scan.pdf"), &without_programs()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("page 1 has no text: it is an image") && message.contains("OCR"), "{message}");
}

#[test]
fn only_a_password_that_is_needed_to_read_locks_a_document() {
    assert_eq!(read("print-protected.pdf").text.plain, "Only for those who may read it.\n");
    let error = extract("locked.pdf", &fixture("locked.pdf"), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("protected by a password"), "{error}");
    assert!(matches!(&error, ExtractError::Unreadable { attempts, .. } if attempts.len() == 1));
}

#[test]
fn a_cut_off_document_is_refused() {
    let bytes = fixture("mixed-pages.pdf");
    let error = extract("guide.pdf", &bytes[..bytes.len() / 2], &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("damaged or incomplete"), "{error}");
}

#[test]
fn every_operator_that_shows_text_is_read_and_unknown_ones_do_no_harm() {
    let bytes = page(
        "/None gs /Pattern cs /P1 scn BT /F 12 Tf 14 TL 72 700 Td (First) Tj (Second) ' 0 0 (Third) \" [(Fo) -20 (urth)] TJ ET",
    );
    let extraction = extract("x.pdf", &bytes, &without_programs()).unwrap();
    assert_eq!(extraction.text.plain, "First\nSecond\nThirdFourth\n");
    assert_eq!(extraction.attempts.len(), 1);
}

#[test]
fn a_page_that_breaks_the_reader_does_not_end_the_program() {
    let bytes = page("BT /F 12 Tf (unclosed Tj ET [[[[");
    let error = extract("x.pdf", &bytes, &without_programs()).unwrap_err();
    assert!(matches!(error, ExtractError::Unreadable { .. }), "{error}");
}

#[test]
fn too_many_pages_are_refused() {
    let limits = Limits { max_pages: 2, ..Limits::default() };
    let error = extract("mixed-pages.pdf", &fixture("mixed-pages.pdf"), &limits).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::Unreadable { failure: Failure::TooManyPages { pages: 3, limit: 2 }, .. }
    ),);
}
