//! The notation of the fixtures beside this file, and how a reading is compared with what is expected.
//!
//! `# heading`, `- item`, `{1.} item with a marker`, `| row | of a table |`, `|! header | row |`,
//! `~page 2`; an empty line ends a table, `⏎` is a line break in a block, anything else is a paragraph.

use std::path::{Path, PathBuf};

use gradus_domain::text::{BlockKind, Span, StructuredText};
use serde_json::Value;

/// Reads a fixture.
pub(crate) fn document(source: &str) -> StructuredText {
    let mut text = StructuredText::default();
    let (mut page, mut table, mut in_table) = (None, 0, false);
    for line in source.lines() {
        let is_row = line.starts_with('|');
        if in_table && !is_row {
            table += 1;
        }
        in_table = is_row;
        let line = line.trim_end().replace('⏎', "\n");
        let bare = line.trim_start();
        let depth = ((line.len() - bare.len()) / 2) as u8;
        if let Some(number) = line.strip_prefix("~page ") {
            page = number.parse().ok();
        } else if line.starts_with('~') {
            continue;
        } else if let Some(cells) = line.strip_prefix('|') {
            let header = cells.starts_with('!');
            let cells: Vec<String> = cells
                .trim_start_matches('!')
                .trim_end_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            let row = cells.join("\t").replace('\n', " ");
            text.push(BlockKind::TableRow { table, cells, header }, &row, page);
        } else if let Some((hashes, title)) =
            line.split_once(' ').filter(|(first, _)| !first.is_empty() && first.bytes().all(|b| b == b'#'))
        {
            text.push(BlockKind::Heading { level: hashes.len() as u8 }, title, page);
        } else if let Some(item) = bare.strip_prefix("- ") {
            text.push(BlockKind::ListItem { depth, marker: None }, item, page);
        } else if let Some((marker, item)) = bare.strip_prefix('{').and_then(|rest| rest.split_once("} ")) {
            let marker = Some(marker.to_owned());
            text.push(BlockKind::ListItem { depth, marker }, item, page);
        } else {
            text.push(BlockKind::Paragraph, &line, page);
        }
    }
    text
}

/// The passage that a span points at.
pub(crate) fn slice(text: &StructuredText, span: Span) -> &str {
    let slice = text.plain.get(span.start..span.end);
    slice.expect("a span inside the plain text")
}

/// The fixtures of a folder, sorted.
pub(crate) fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of fixtures")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    all.sort();
    all
}

/// Compares each fixture's summary with the JSON file beside it; what differs is written out whole, so
/// that it can be read and, where it is right, copied.
pub(crate) fn compare_with_expected(folder: &str, summary: impl Fn(&str) -> Value) {
    let mut differing = Vec::new();
    for path in fixtures(folder) {
        let source = std::fs::read_to_string(&path).expect("a fixture");
        let actual = summary(&source);
        let expected = std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
        if serde_json::from_str::<Value>(&expected).ok().as_ref() != Some(&actual) {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{folder}-{name}.json"));
            let pretty = serde_json::to_string_pretty(&actual).expect("JSON");
            std::fs::write(&written, pretty + "\n").expect("a folder to write to");
            differing.push(format!("{name}: read as {}", written.display()));
        }
    }
    assert!(differing.is_empty(), "differing from what is expected:\n{}", differing.join("\n"));
}
