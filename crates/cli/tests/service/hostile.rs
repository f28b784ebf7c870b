//! Makers of files that mean harm. None is a file of anybody's.

use std::io::{Cursor, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A guide that means none.
pub(crate) const GUIDE: &[u8] =
    b"# Question 1 (2 marks)\n\nWhy are leaves green?\n\nModel answer: they have chlorophyll.\n";

/// Which of them are read: nothing comes of what is hidden in them. All others are rejected.
pub(crate) const ARE_READ: [&str; 7] =
    ["slip.docx", "xxe.docx", "laughs.docx", "script.html", "entities.html", "nested.md", "long-line.txt"];

/// All of them by name; what they would have fetched lies at `canary`.
pub(crate) fn files(canary: &str) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("bomb.docx", bomb()),
        ("many.docx", many_entries()),
        ("slip.docx", word(&paragraph("x"), &[("../../../../../../tmp/zipslip-was-here.txt", b"x")])),
        ("xxe.docx", xxe(canary)),
        ("laughs.docx", laughs()),
        ("deep.docx", word(&format!("{}{}", "<w:x>".repeat(200_000), "</w:x>".repeat(200_000)), &[])),
        ("cut.docx", word(&paragraph("x"), &[])[..200].to_vec()),
        ("page.docx", b"<html><body><p>Question 1 (2 marks): Why?</p></body></html>".to_vec()),
        ("bomb.pdf", pdf_bomb()),
        (
            "loop.pdf",
            pdf(&["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]),
        ),
        ("deep.pdf", pdf(&[&format!("<< /Type /Catalog /Pages {} >>", "[".repeat(500_000))])),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog".to_vec()),
        ("locked.pdf", locked()),
        ("polyglot.pdf", [b"GIF89a;".to_vec(), word(&paragraph("x"), &[])].concat()),
        ("pixels.png", pixels()),
        ("deep.html", [vec![b'<', b'p', b'>'], b"<div>".repeat(1_000_000)].concat()),
        ("script.html", script(canary)),
        ("entities.html", b"<p>Question 1 (2 marks): &#0;&#xD800;&#x110000;&lt;script&gt; Why?</p>".to_vec()),
        ("deep.json", [b"[".repeat(3_000_000), b"]".repeat(3_000_000)].concat()),
        ("deep.rtf", [b"{\\rtf1 ".to_vec(), b"{".repeat(2_000_000)].concat()),
        ("nested.md", [b"> ".repeat(100_000), b"x".to_vec()].concat()),
        ("long-line.txt", b"a ".repeat(4_000_000)),
        ("nothing.pdf", vec![0; 100_000]),
    ]
}

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn word(body: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let document = format!("<?xml version='1.0'?><w:document><w:body>{body}</w:body></w:document>");
    word_of(&document, more)
}

fn word_of(document: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let own: [(&str, &[u8]); 2] =
        [("[Content_Types].xml", b"<Types/>"), ("word/document.xml", document.as_bytes())];
    package(&[&own[..], more].concat())
}

/// 300 MiB of one letter.
fn bomb() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("[Content_Types].xml", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"<Types/>").unwrap();
    writer.start_file("word/document.xml", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"<w:document><w:body><w:p><w:r><w:t>").unwrap();
    let mebibyte = vec![b'A'; 1 << 20];
    for _ in 0..300 {
        writer.write_all(&mebibyte).unwrap();
    }
    writer.write_all(b"</w:t></w:r></w:p></w:body></w:document>").unwrap();
    writer.finish().unwrap().into_inner()
}

fn many_entries() -> Vec<u8> {
    let names: Vec<String> = (0..10_000).map(|number| format!("word/media/{number}.png")).collect();
    let more: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    word(&paragraph("x"), &more)
}

/// Asks the reader of XML for a file of this machine and for another's.
fn xxe(canary: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version='1.0'?><!DOCTYPE w [<!ENTITY own SYSTEM 'file:///etc/passwd'>\
         <!ENTITY far SYSTEM '{canary}'><!ENTITY % more SYSTEM '{canary}.dtd'> %more;]>\
         <w:document><w:body>{}{}</w:body></w:document>",
        paragraph("Question 1 (2 marks): &own;"),
        paragraph("&far;"),
    );
    let far = format!(
        "<Relationships><Relationship Id='a' Type='http://x/relationships/attachedTemplate' Target='{canary}' \
         TargetMode='External'/></Relationships>"
    );
    word_of(&document, &[("word/_rels/document.xml.rels", far.as_bytes())])
}

/// Ten to the ninth laughs.
fn laughs() -> Vec<u8> {
    let mut entities = String::from("<!ENTITY l0 'lol'>");
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY l{level} '{inner}'>"));
    }
    word_of(
        &format!(
            "<?xml version='1.0'?><!DOCTYPE w [{entities}]><w:document><w:body>{}</w:body></w:document>",
            paragraph("&l9;")
        ),
        &[],
    )
}

/// A document of these objects, numbered from 1.
fn pdf(objects: &[&str]) -> Vec<u8> {
    let objects: Vec<Vec<u8>> = objects.iter().map(|object| object.as_bytes().to_vec()).collect();
    pdf_of(&objects)
}

fn pdf_of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n", number + 1).bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        bytes.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    bytes.extend(format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").bytes());
    bytes
}

/// A page whose content is 400 MiB long once it is unpacked, twice.
fn pdf_bomb() -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mebibyte = b"q Q ".repeat(1 << 18);
    for _ in 0..400 {
        packed.write_all(&mebibyte).unwrap();
    }
    let packed = packed.finish().unwrap();
    let head = format!("<< /Filter /FlateDecode /Length {} >>\nstream\n", packed.len());
    let content = [head.as_bytes(), &packed, b"\nendstream"].concat();
    let text = |object: &str| object.as_bytes().to_vec();
    pdf_of(&[
        text("<< /Type /Catalog /Pages 2 0 R >>"),
        text("<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>"),
        text("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R >>"),
        text("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R >>"),
        content,
    ])
}

/// One that needs a password, as the tests of the reader have it.
fn locked() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../extract/tests/fixtures/locked.pdf")).unwrap()
}

/// The head of an image of 60,000 by 60,000 points.
fn pixels() -> Vec<u8> {
    let side = 60_000_u32.to_be_bytes();
    let head = [&b"IHDR"[..], &side, &side, &[8, 6, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0d"[..], &head, &[0; 4], &[0; 64]].concat()
}

fn script(canary: &str) -> Vec<u8> {
    format!(
        "<html><head><link rel=stylesheet href='{canary}.css'><script src='{canary}.js'></script></head><body>\
         <p>Question 1 (2 marks): Why?<img src='{canary}.png' onerror='window.__xss=1'></p>\
         <iframe src='file:///etc/passwd'></iframe></body></html>"
    )
    .into_bytes()
}
