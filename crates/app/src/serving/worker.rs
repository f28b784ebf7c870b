//! The worker process: commands in, reports out, one JSON object a line. It ends when its input does, which
//! happens when the server ends, however that happens.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::protocol::{Command, Report};
use super::{HostOptions, ModelHost};

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
    // Without a writer there is nobody who waits for reports.
    let host = ModelHost::start(options, move |report| _ = reports.send(report));
    for line in input.lines() {
        let command: Command = serde_json::from_str(&line?)?;
        host.command(command);
    }
    Ok(())
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
