//! Every document of the bundled course, in each of its formats, as people would upload it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

use gradus_domain::text::{BlockKind, StructuredText};
use gradus_extract::{Extraction, Limits, extract};

fn course() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/cell-biology")
}

fn read(file: &str) -> Extraction {
    let bytes = fs::read(course().join(file)).unwrap();
    extract(file, &bytes, &Limits::default()).unwrap()
}

/// Kind, without what only one of the two formats has, and text of each block.
fn outline(text: &StructuredText) -> Vec<(&'static str, &str)> {
    let kind = |kind: &BlockKind| match kind {
        BlockKind::Heading { .. } => "heading",
        BlockKind::Paragraph => "paragraph",
        BlockKind::ListItem { .. } => "item",
        BlockKind::TableRow { .. } => "row",
    };
    text.blocks.iter().map(|block| (kind(&block.kind), block.text.as_str())).collect()
}

#[test]
fn the_guide_reads_the_same_from_word_and_from_pdf() {
    let (word, pdf) = (read("guide.docx"), read("guide.pdf"));
    assert_eq!(outline(&word.text), outline(&pdf.text));
    assert_eq!(pdf.pages, Some(4));
    for extraction in [word, pdf] {
        let questions = outline(&extraction.text)
            .iter()
            .filter(|(kind, text)| {
                *kind == "heading" && text.starts_with("Question ") && text.ends_with("marks)")
            })
            .count();
        assert_eq!(questions, 10);
        assert!(extraction.warnings.is_empty() && extraction.quality > 0.95);
    }
}

#[test]
fn every_held_out_paper_is_read_by_the_first_extractor_without_loss() {
    let mut formats = Vec::new();
    for entry in fs::read_dir(course().join("held-out")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".csv") {
            continue;
        }
        let extraction = read(&format!("held-out/{name}"));
        assert_eq!(extraction.attempts.len(), 1, "{name}");
        assert!(
            extraction.warnings.is_empty() && extraction.quality > 0.9,
            "{name}: {:?}",
            extraction.warnings
        );
        let student = name.split('.').next().unwrap();
        let states_student = extraction.text.plain.contains(student)
            || extraction.running_lines.iter().any(|line| line.contains(student));
        assert!(states_student, "{name}");
        assert!(extraction.text.plain.contains("10"), "{name}");
        formats.push(extraction.format);
    }
    formats.sort();
    formats.dedup();
    assert_eq!(formats, ["docx", "html", "md", "pdf", "rtf", "txt"]);
}

#[test]
fn an_answer_that_runs_over_pages_and_a_blank_one_are_kept() {
    let paper = read("held-out/H08.pdf");
    assert_eq!(paper.running_lines, ["Introduction to Cell Biology – Candidate H08"]);
    let lines: Vec<&str> = paper.text.plain.lines().collect();
    assert_eq!(lines.len(), 11);
    assert!(lines.contains(&"4)") && lines.contains(&"9)"));
    assert_eq!(
        lines[10],
        "10) Red blood cells go round the body in the veins and arteries to deliver what we need, so they have to be strong."
    );
}
