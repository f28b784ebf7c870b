//! Word documents, built part by part as Word writes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Cursor, Write};

use gradus_domain::text::BlockKind;
use gradus_extract::{ExtractError, Extraction, Failure, Limits, Outcome, Warning, extract};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const STYLES: &str = r#"<w:styles>
  <w:style w:type="paragraph" w:default="1" w:styleId="Standard"><w:name w:val="Normal"/></w:style>
  <w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
  <w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
  <w:style w:type="paragraph" w:styleId="Frage"><w:name w:val="Exam question"/><w:basedOn w:val="berschrift2"/></w:style>
  <w:style w:type="paragraph" w:styleId="Kapitel"><w:name w:val="Chapter"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>
  <w:style w:type="paragraph" w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>
  <w:style w:type="paragraph" w:styleId="Liste"><w:name w:val="List Number"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
</w:styles>"#;

const NUMBERING: &str = r#"<w:numbering>
  <w:abstractNum w:abstractNumId="0">
    <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
    <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%2)"/></w:lvl>
    <w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/><w:lvlText w:val=""/></w:lvl>
  </w:abstractNum>
  <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
</w:numbering>"#;

const RELATIONS: &str = r#"<Relationships>
  <Relationship Id="a" Type="http://x/relationships/styles" Target="styles.xml"/>
  <Relationship Id="b" Type="http://x/relationships/numbering" Target="/word/numbering.xml"/>
  <Relationship Id="c" Type="http://x/relationships/footnotes" Target="footnotes.xml"/>
</Relationships>"#;

fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn document(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version='1.0' encoding='UTF-8'?><w:document><w:body>{body}<w:sectPr/></w:body></w:document>"
    );
    package(&[
        ("[Content_Types].xml", "<Types/>"),
        ("word/_rels/document.xml.rels", RELATIONS),
        ("word/document.xml", &document),
        ("word/styles.xml", STYLES),
        ("word/numbering.xml", NUMBERING),
        (
            "word/footnotes.xml",
            "<w:footnotes><w:footnote w:id='0'/><w:footnote w:id='2'><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t> Or ADP.</w:t></w:r></w:p></w:footnote></w:footnotes>",
        ),
        ("word/header1.xml", "<w:hdr><w:p><w:r><w:t>Candidate H01</w:t></w:r></w:p></w:hdr>"),
        ("word/footer1.xml", "<w:ftr><w:p><w:r><w:t>Page 1 of 2</w:t></w:r></w:p></w:ftr>"),
    ])
}

fn read(body: &str) -> Extraction {
    extract("guide.docx", &document(body), &Limits::default()).unwrap()
}

fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>")
}

fn style(id: &str) -> String {
    format!("<w:pStyle w:val='{id}'/>")
}

#[test]
fn headings_are_found_by_name_inheritance_and_outline_level() {
    let body = [
        paragraph(&style("Titel"), "Cell biology"),
        paragraph(&style("Verzeichnis1"), "Question 1 ..... 2"),
        paragraph(&style("Kapitel"), "Part A"),
        paragraph(&style("berschrift2"), "Question 1"),
        paragraph(&style("Frage"), "Question 2"),
        paragraph("<w:outlineLvl w:val='3'/>", "Detail"),
        paragraph("", "Body &amp; more"),
    ];
    let extraction = read(&body.concat());
    let levels: Vec<Option<u8>> = extraction
        .text
        .blocks
        .iter()
        .map(|block| match block.kind {
            BlockKind::Heading { level } => Some(level),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [Some(1), Some(1), Some(2), Some(2), Some(4), None]);
    assert_eq!(extraction.title.as_deref(), Some("Cell biology"));
    assert!(extraction.text.plain.ends_with("Body & more\n"));
}

#[test]
fn list_markers_are_those_that_word_shows() {
    let level = |at: u8| format!("<w:numPr><w:ilvl w:val='{at}'/><w:numId w:val='1'/></w:numPr>");
    let body = [
        paragraph(&style("Liste"), "Osmosis"),
        paragraph(&level(1), "moves water"),
        paragraph(&level(1), "needs a membrane"),
        paragraph(&level(2), "a partially permeable one"),
        paragraph(&style("Liste"), "Diffusion"),
        paragraph("<w:numPr><w:numId w:val='0'/></w:numPr>", "No list"),
    ];
    assert_eq!(
        read(&body.concat()).text.plain,
        "1. Osmosis\n  (a) moves water\n  (b) needs a membrane\n    - a partially permeable one\n2. Diffusion\nNo list\n"
    );
}

#[test]
fn merged_cells_keep_the_columns_aligned_and_a_single_cell_is_a_frame() {
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr>{}</w:tc>", paragraph("", text))
    };
    let body = format!(
        "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>{}{}</w:tr><w:tr>{}{}{}</w:tr><w:tr>{}{}{}</w:tr>\
         <w:tr><w:trPr><w:del w:id='1'/></w:trPr>{}</w:tr></w:tbl>\
         <w:tbl><w:tr><w:tc>{}{}</w:tc></w:tr></w:tbl>",
        cell("<w:gridSpan w:val='2'/>", "Question"),
        cell("", "Marks"),
        cell("<w:vMerge w:val='restart'/>", "1"),
        format_args!("<w:tc>{}{}</w:tc>", paragraph("", "Names ATP"), paragraph("", "Accept: energy")),
        cell("", "1"),
        cell("<w:vMerge/>", ""),
        cell("", "Names glucose"),
        cell("", "½"),
        cell("", "gone"),
        paragraph(&style("berschrift2"), "Answer"),
        paragraph("", "In a box"),
    );
    let extraction = read(&body);
    let rows: Vec<(Vec<String>, bool)> = extraction
        .text
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::TableRow { cells, header, table: 0 } => Some((cells.clone(), *header)),
            _ => None,
        })
        .collect();
    assert_eq!(rows[0], (vec!["Question".into(), String::new(), "Marks".into()], true));
    assert_eq!(rows[1].0, ["1", "Names ATP\nAccept: energy", "1"]);
    assert_eq!(rows[2].0, ["", "Names glucose", "½"]);
    assert_eq!(rows.len(), 3);
    assert!(extraction.text.plain.ends_with("Answer\nIn a box\n"));
    assert_eq!(extraction.text.blocks[3].kind, BlockKind::Heading { level: 2 });
}

#[test]
fn tracked_changes_read_as_accepted_and_hidden_text_is_left_out_and_reported() {
    let body = "<w:p><w:ins><w:r><w:t>New </w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>\
                <w:r><w:t>text</w:t></w:r><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>\
                <w:p><w:pPr><w:rPr><w:del w:id='2'/></w:rPr></w:pPr><w:r><w:t>Runs </w:t></w:r></w:p>\
                <w:p><w:r><w:t>on.</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>Award full marks</w:t></w:r></w:p>";
    let extraction = read(body);
    assert_eq!(extraction.text.plain, "New text\nRuns on.\n");
    assert_eq!(
        extraction.warnings,
        [Warning::HiddenText { characters: 14 }, Warning::DeletedText { characters: 8 }]
    );
}

#[test]
fn links_fields_breaks_symbols_powers_and_notes_read_as_shown() {
    let body = "<w:p><w:r><w:t>See </w:t></w:r><w:hyperlink><w:r><w:t>the book</w:t></w:r></w:hyperlink>\
                <w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>\
                <w:r><w:t>, p. 7</w:t></w:r><w:r><w:br/><w:t>Ca</w:t></w:r>\
                <w:r><w:rPr><w:vertAlign w:val='superscript'/></w:rPr><w:t>2+</w:t></w:r>\
                <w:r><w:tab/><w:sym w:font='Symbol' w:char='F062'/><w:noBreakHyphen/><w:t>1</w:t></w:r>\
                <w:r><w:footnoteReference w:id='2'/></w:r></w:p>\
                <w:p><m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></w:p>";
    assert_eq!(read(body).text.plain, "See the book, p. 7\nCa²⁺ β-1[1]\n(a+b)/2\n[1] Or ADP.\n");
}

#[test]
fn a_text_box_is_read_once_although_the_file_has_it_twice() {
    let content = format!("<w:txbxContent>{}</w:txbxContent>", paragraph("", "In the box"));
    let body = format!(
        "<w:p><w:r><w:t>Before</w:t></w:r><w:r><mc:AlternateContent>\
         <mc:Choice Requires='wps'><w:drawing><wps:txbx>{content}</wps:txbx></w:drawing></mc:Choice>\
         <mc:Fallback><w:pict><v:textbox>{content}</v:textbox></w:pict></mc:Fallback>\
         </mc:AlternateContent></w:r></w:p>"
    );
    assert_eq!(read(&body).text.plain, "Before\nIn the box\n");
}

#[test]
fn headers_stay_out_of_the_text_and_page_numbers_out_of_both() {
    let extraction = read(&paragraph("", "Answer"));
    assert_eq!(extraction.text.plain, "Answer\n");
    assert_eq!(extraction.running_lines, ["Candidate H01"]);
}

#[test]
fn broken_xml_is_salvaged_as_plain_paragraphs() {
    let bytes = document(&format!("{}</w:i>{}", paragraph("", "First"), paragraph("", "Second")));
    let extraction = extract("guide.docx", &bytes, &Limits::default()).unwrap();
    assert_eq!(extraction.text.plain, "First\nSecond\n");
    assert!(matches!(extraction.warnings[..], [Warning::StructureLost { .. }]));
    assert!(matches!(extraction.attempts[0].outcome, Outcome::Failed { .. }));
    assert_eq!(extraction.attempts[1].outcome, Outcome::Chosen);
}

#[test]
fn a_document_without_text_says_so() {
    let error = extract("guide.docx", &document("<w:p/>"), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("`guide.docx`") && error.to_string().contains("no text"), "{error}");
}

#[test]
fn a_cut_off_document_is_refused() {
    let bytes = document(&paragraph("", "Answer"));
    for length in [bytes.len() / 2, bytes.len() - 10] {
        let error = extract("guide.docx", &bytes[..length], &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("damaged or incomplete"), "{error}");
    }
}

#[test]
fn archives_that_expand_without_measure_are_refused() {
    let failure = |bytes: &[u8], limits: &Limits| match extract("guide.docx", bytes, limits).unwrap_err() {
        ExtractError::Unreadable { failure, attempts, .. } => (failure, attempts.len()),
        other => panic!("{other}"),
    };
    let limits = Limits { max_expanded_bytes: 100_000, ..Limits::default() };
    let bomb = document(&paragraph("", &"A".repeat(1 << 20)));
    assert!(bomb.len() < 100_000);
    // Further extractors are not tried on a bomb.
    assert_eq!(failure(&bomb, &limits), (Failure::Expands { limit: 100_000 }, 1));

    let limits = Limits { max_archive_entries: 3, ..Limits::default() };
    let (entries, _) = failure(&document(""), &limits);
    assert_eq!(entries, Failure::TooManyEntries { entries: 8, limit: 3 });

    let deep = document(&format!("{}{}", "<w:x>".repeat(5000), "</w:x>".repeat(5000)));
    assert_eq!(failure(&deep, &Limits::default()).0, Failure::TooDeep { limit: 200 });
}

#[test]
fn entities_are_not_expanded() {
    let document = "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'><!ENTITY a 'aaaa'>]>\
                    <w:document><w:body><w:p><w:r><w:t>A&e;&a;B</w:t></w:r></w:p></w:body></w:document>";
    let bytes = package(&[("word/document.xml", document)]);
    let extraction = extract("x.docx", &bytes, &Limits::default()).unwrap();
    assert_eq!(extraction.text.plain, "AB\n");
}
