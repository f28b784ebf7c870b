//! Reading the text of a document, in a process of its own: a hostile file ends that process, not the worker.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use gradus_domain::{DocumentId, DocumentState, DocumentStep, Id};
use gradus_store::documents::{self, Reading};
use gradus_store::{StoreError, Whose, blob_records};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{Changes, Completion, Job, Left};
use crate::Error;
use crate::documents::Document;
use crate::worker::Assignment;

/// The longest that reading one document may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The most that the process may say: text with structure is a few times as long as the text.
const MOST_OUTPUT: u64 = 256 << 20;

pub(super) struct ExtractDocument;

#[async_trait]
impl Job for ExtractDocument {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        let id: DocumentId = assignment.subject()?;
        let document = assignment
            .write(move |tx| async move {
                documents::step(&tx, id, DocumentStep::Extract).await?;
                documents::get(&tx, Whose::Anyones, id).await
            })
            .await?;
        let path = assignment.directory()?.join(file_name(&document.name));
        assignment.services.archive.copy_to_path(&document.blob_hash, &path).await?;
        let read = tokio::select! {
            read = read_in_a_child(&assignment.program, &path) => read?,
            () = assignment.stopped() => return Err(Error::Interrupted),
        };
        // What people know it by; where it lay for a moment says nothing.
        let read = Document { path: document.name.into(), ..read };
        let text = serde_json::to_vec(&read).map_err(|error| Error::Child(error.to_string()))?;
        let stored = assignment.services.archive.keep_bytes(text).await?;
        let extraction = read.extraction;
        let reading = Reading {
            format: extraction.format,
            pages: extraction.pages.map(i64::from),
            quality: Some(extraction.quality),
            text_hash: stored.hash.to_string(),
            findings: serde_json::json!({ "warnings": extraction.warnings, "attempts": extraction.attempts }),
        };
        Ok(Completion::new(move |tx| async move {
            blob_records::settle(&tx, &reading.text_hash).await?;
            documents::accept(&tx, id, reading).await
        }))
    }

    fn leave(&self, left: Left) -> Option<Changes> {
        let failure = left.final_failure("reading it was cancelled")?;
        Changes::new(move |tx, subject| async move {
            let id = DocumentId::from_uuid(subject);
            match documents::get(&tx, Whose::Anyones, id).await {
                Ok(document)
                    if matches!(document.state.0, DocumentState::Uploaded | DocumentState::Extracting) =>
                {
                    documents::reject(&tx, id, failure).await
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}

/// The name decides nothing but appears in messages; what it is called on disk is harmless.
fn file_name(name: &str) -> String {
    const MOST_OF_STEM: usize = 60;
    const MOST_OF_EXTENSION: usize = 12;
    let harmless = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let shown = |text: &str, most| -> String {
        text.chars().map(|letter| if harmless(letter) { letter } else { '_' }).take(most).collect()
    };
    // Formats of plain text are told by it.
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = format!("document-{}", shown(stem, MOST_OF_STEM));
    if extension.is_empty() { stem } else { format!("{stem}.{}", shown(extension, MOST_OF_EXTENSION)) }
}

/// Runs `gradus extract --confined`, which limits itself, and ends it when its time is up.
async fn read_in_a_child(program: &Path, path: &Path) -> Result<Document, Error> {
    let mut child = Command::new(program)
        .arg("extract")
        .arg("--json")
        .arg("--confined")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::file("start", program))?;
    let mut output = Vec::new();
    let stdout = child.stdout.take();
    let finished = async {
        if let Some(stdout) = stdout {
            stdout.take(MOST_OUTPUT).read_to_end(&mut output).await?;
        }
        child.wait().await
    };
    let status = match tokio::time::timeout(TIME_LIMIT, finished).await {
        Ok(status) => status.map_err(Error::file("run", program))?,
        Err(_) => {
            let limit = TIME_LIMIT.as_secs();
            return Err(refused(format!(
                "reading it took longer than {limit} s; save it again in another program"
            )));
        }
    };
    if !status.success() {
        return Err(refused(complaint_of(&output, status)));
    }
    serde_json::from_slice(&output)
        .map_err(|error| refused(format!("what was read of it is broken: {error}")))
}

/// A document that cannot be read: the same document would fail the same way again.
fn refused(message: String) -> Error {
    Error::Request(message)
}

/// The message of `{"error": …}`, or what is known without one.
fn complaint_of(output: &[u8], status: std::process::ExitStatus) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(output).ok();
    said.and_then(|said| said["error"].as_str().map(str::to_owned)).unwrap_or_else(|| {
        format!("reading it ended with {status}: it needs too much memory, or it is broken; save it again in another program")
    })
}
