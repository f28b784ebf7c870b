//! The worker process: commands in, reports out, one JSON object a line. It ends when its input does, which
//! happens when the server ends, however that happens.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use serde::Deserialize;

use super::protocol::{AnswerEvent, Command, Report};
use super::{Fault, FaultKind, HostOptions, ModelHost};

/// Reports that wait to be written; a server that does not read them holds up the models.
const WAITING_REPORTS: usize = 4096;

/// Answers commands until the input ends. Answers that are not complete then are lost with the process,
/// which should end as soon as this returns.
///
/// # Errors
/// Where the input cannot be read, or holds what is no command of this version.
pub fn serve(
    input: impl BufRead,
    output: impl Write + Send + 'static,
    options: HostOptions,
) -> io::Result<()> {
    let (reports, waiting) = sync_channel(WAITING_REPORTS);
    thread::spawn(move || write(output, &waiting));
    let unread = reports.clone();
    // Without a writer there is nobody who waits for reports.
    let host = ModelHost::start(options, move |report| _ = reports.send(report));
    for line in input.lines() {
        let line = line?;
        match serde_json::from_str::<Command>(&line) {
            Ok(command) => host.command(command),
            Err(error) => _ = unread.send(refuse(&line, error)?),
        }
    }
    Ok(())
}

/// The answer to a request that cannot be read although the server could write it: it has more levels than
/// the parser allows. It must not take others along.
fn refuse(line: &str, error: serde_json::Error) -> io::Result<Report> {
    #[derive(Deserialize)]
    struct Outline {
        ask: Numbered,
    }
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    let Ok(Outline { ask: Numbered { id } }) = serde_json::from_str(line) else { return Err(error.into()) };
    let fault =
        Fault::new(FaultKind::Format, format!("the request cannot be read: {error}; nest it less deeply"));
    Ok(Report::Answer { id, event: AnswerEvent::Failed(fault) })
}

/// Writes reports as they come, together where several wait.
fn write(mut output: impl Write, reports: &Receiver<Report>) -> io::Result<()> {
    while let Ok(first) = reports.recv() {
        let mut lines = Vec::new();
        for report in std::iter::once(first).chain(reports.try_iter()) {
            serde_json::to_writer(&mut lines, &report)?;
            lines.push(b'\n');
        }
        output.write_all(&lines)?;
        output.flush()?;
    }
    Ok(())
}
