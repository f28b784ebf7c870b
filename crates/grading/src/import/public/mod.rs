//! Public sets of marked answers in the formats that they are published in: people bring their own copies.
//! Content decides the format. A format is one file here and one line in `FORMATS`.

mod asap_sas;
mod assembly;
mod collection;
mod hold_out;
mod json_rows;
mod part;
mod saf_json;
mod saf_xml;
mod scale;
mod semeval_xml;
mod xml;

pub use hold_out::{HoldOut, hold_out};
pub use part::{Part, PartKind};

use serde_json::{Map, Value};

use self::collection::{Collection, SetFile};
use super::encoding;
use super::problems::{Fault, Findings, ImportErrors};
use crate::guide::Guide;

/// How the names of the files end that these sets come in, lower case: what to gather from a folder.
pub const FILE_ENDINGS: [&str; 5] = ["jsonl", "json", "xml", "tsv", "csv"];

/// One file of a set.
#[derive(Debug, Clone, Copy)]
pub struct PublicFile<'a> {
    /// Its path below the set's folder, parts separated by `/`: file and folders tell what is for training
    /// and what for testing where the content does not.
    pub path: &'a str,
    /// Its content. Nothing in it is expanded: reading takes memory in proportion to its size.
    pub bytes: &'a [u8],
}

/// A set of marked answers with its published split.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicSet {
    /// What the set is called.
    pub name: String,
    /// The questions that have answers, with the scale that they are marked on.
    pub guide: Guide,
    /// In the order of [`PartKind`], none of them empty.
    pub parts: Vec<Part>,
    /// What a person should know about how it was read, in sentences.
    pub notes: Vec<String>,
}

/// How a format is recognised and read.
struct Format {
    /// Whether a file's text is of this format.
    recognises: fn(&str) -> bool,
    /// Reads all files of this format.
    read: fn(&[SetFile], &mut Collection),
}

/// Where two formats would fit, the first is meant.
const FORMATS: [&Format; 5] =
    [&saf_json::FORMAT, &json_rows::FORMAT, &saf_xml::FORMAT, &semeval_xml::FORMAT, &asap_sas::FORMAT];

/// Reads the files of one set, in any order. `questions` lends question texts, model answers, rubric points
/// and notes to the questions of the same name; ASAP-SAS has none of its own.
///
/// # Errors
/// Everything that is wrong with the files, by file and line.
pub fn public_set(files: &[PublicFile<'_>], questions: Option<&Guide>) -> Result<PublicSet, ImportErrors> {
    let mut files = files.to_vec();
    files.sort_by_key(|file| file.path);
    let mut collection = Collection::new(files.iter().map(|file| file.path));
    let mut of_format = FORMATS.map(|_| Vec::new());
    for (index, file) in files.iter().enumerate() {
        let Some(text) = text_of(file.bytes, collection.findings(index)) else { continue };
        match FORMATS.iter().position(|format| (format.recognises)(&text)) {
            Some(format) => {
                of_format[format].push(SetFile { index, path: file.path.to_owned(), text });
            }
            None => collection.findings(index).error(None, unrecognised()),
        }
    }
    for (format, files) in FORMATS.iter().zip(&of_format) {
        if !files.is_empty() {
            (format.read)(files, &mut collection);
        }
    }
    assembly::assemble(collection, questions)
}

fn text_of(bytes: &[u8], findings: &mut Findings) -> Option<String> {
    if bytes.starts_with(b"PK\x03\x04") {
        let remedy = "Unpack it and give the folder that it held.";
        findings.error(None, Fault::new("this is a ZIP archive", remedy));
        return None;
    }
    encoding::decode(bytes, findings)
}

fn unrecognised() -> Fault {
    Fault::new(
        "this is no known set of marked answers",
        "Give JSON lines, the XML or JSON of SAF, the XML of SemEval-2013 task 7 or the TSV of ASAP-SAS; \
         take other files away.",
    )
}

/// The first object of a file of JSON lines or of one JSON array.
fn first_object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim_start();
    let text = text.strip_prefix('[').unwrap_or(text);
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}
