//! `gradus extract`: the text of a document.

use std::path::PathBuf;

use clap::Args;
use gradus_app::documents::read_document;

use crate::confine;
use crate::console;
use crate::environment::Environment;
use crate::output;

/// Print the text of a document: DOCX, PDF, TXT, MD, HTML, RTF or JSON
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus extract guide.docx\n  gradus extract guide.pdf --json")]
pub(crate) struct Arguments {
    /// The document
    file: PathBuf,
    /// Limit this process first, so that a hostile document ends it and nothing else: workers read with this
    #[arg(long, hide = true)]
    confined: bool,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    if arguments.confined {
        confine::to_one_document()?;
    }
    let document = read_document(&arguments.file)?;
    if environment.json {
        return output::print_json(&document);
    }
    let extraction = &document.extraction;
    output::print_piece(&extraction.text.plain);
    for warning in &extraction.warnings {
        console::line(&format!("warning: {warning}"));
    }
    let pages = extraction.pages.map_or(String::new(), |pages| format!(", {pages} pages"));
    let blocks = extraction.text.blocks.len();
    let (format, quality) = (&extraction.format, extraction.quality * 100.0);
    console::line(&format!(
        "{}: {format}{pages}, {blocks} blocks, text quality {quality:.0} %",
        document.name()
    ));
    Ok(())
}
