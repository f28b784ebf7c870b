//! The worker as a process: commands go to its standard input, reports come from its standard output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command as Program};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::ServingOptions;
use crate::serving::protocol::{Command, Report};

/// How long a worker may take to end after its input has.
const LAST_BREATH: Duration = Duration::from_secs(5);

pub(super) struct Process {
    child: Child,
    commands: mpsc::UnboundedSender<Command>,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(super) fn start(options: &ServingOptions) -> io::Result<Self> {
        let mut program = Program::new(&options.program);
        program
            .args(&options.arguments)
            .envs(&options.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // Ctrl-C is for the server, which ends the worker when its answers are complete.
        #[cfg(unix)]
        program.process_group(0);
        let mut child = program.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("the worker has no pipes"))?;
        let (commands, queue) = mpsc::unbounded_channel();
        tokio::spawn(write(input, queue));
        Ok(Self { child, commands, reports: BufReader::new(output).lines() })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands over a command. Where the worker has died, its reports end.
    pub(super) fn command(&self, command: Command) {
        _ = self.commands.send(command);
    }

    /// The next report; `None` where none will come. Nothing is lost where this is not awaited to its end.
    pub(super) async fn report(&mut self) -> Option<Report> {
        let line = self.reports.next_line().await.ok()??;
        // A line that is no report is a worker of another version, or half of one that died.
        serde_json::from_str(&line).ok()
    }

    /// Makes sure that it has ended, and says how.
    pub(super) async fn end(self) -> io::Result<ExitStatus> {
        let Self { mut child, commands, reports } = self;
        drop((commands, reports));
        match timeout(LAST_BREATH, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                child.start_kill()?;
                child.wait().await
            }
        }
    }
}

/// Writes commands as they come, by itself, so that a worker that does not read holds up nobody.
async fn write(mut input: ChildStdin, mut queue: mpsc::UnboundedReceiver<Command>) -> io::Result<()> {
    while let Some(command) = queue.recv().await {
        let mut line = serde_json::to_vec(&command)?;
        line.push(b'\n');
        input.write_all(&line).await?;
    }
    Ok(())
}
