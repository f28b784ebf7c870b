//! The worker's side of the protocol, over pipes as in a process of its own.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::thread::{JoinHandle, spawn};

use gradus_app::answering::AnswerFormat;
use gradus_app::engine::backend::Device;
use gradus_app::serving::protocol::{AnswerEvent, Command, Report};
use gradus_app::serving::{Ask, Asker, FaultKind, HostOptions, serve};
use serde_json::{Value, json};

use crate::asking::{limits, question};

struct Worker {
    input: PipeWriter,
    output: BufReader<PipeReader>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Worker {
    fn start() -> Self {
        let ((read_input, input), (output, write_output)) = (pipe().unwrap(), pipe().unwrap());
        let options = HostOptions { device: Device::Cpu, limits: limits() };
        let thread = spawn(move || serve(BufReader::new(read_input), write_output, options));
        Self { input, output: BufReader::new(output), thread }
    }

    fn ask(&mut self, id: u64, ask: Ask) {
        let command = Command::Ask { id, asker: Asker::default(), ask: Box::new(ask) };
        let line = serde_json::to_string(&command).unwrap();
        self.write(&line);
    }

    fn write(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// The last event of the next request that ends.
    fn last_event(&mut self) -> (u64, AnswerEvent) {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the worker has ended");
            if let Report::Answer { id, event } = serde_json::from_str(&line).unwrap()
                && event.is_last()
            {
                return (id, event);
            }
        }
    }
}

/// A schema of so many levels.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({ "type": "string" }), |inner, _| json!({ "anyOf": [inner] }))
}

#[test]
fn a_request_that_cannot_be_read_is_refused_and_others_are_answered() {
    let mut worker = Worker::start();
    let format = Some(AnswerFormat::JsonSchema(nested(100)));
    worker.ask(1, Ask { format, ..question("a", 3, 1) });
    let (id, event) = worker.last_event();
    assert!(matches!(&event, AnswerEvent::Failed(fault) if fault.kind == FaultKind::Format), "{event:?}");
    assert_eq!(id, 1);
    let mut ask = question("a", 3, 1);
    ask.sampling.logit_bias.insert(7, 1.5);
    worker.ask(2, ask);
    assert!(matches!(worker.last_event(), (2, AnswerEvent::Ended { .. })));
}

#[test]
fn the_worker_ends_with_its_input_also_in_the_middle_of_an_answer() {
    let mut worker = Worker::start();
    worker.ask(1, question("a long story", 200, 1));
    let mut line = String::new();
    worker.output.read_line(&mut line).unwrap();
    drop(worker.input);
    worker.thread.join().unwrap().unwrap();
}

#[test]
fn what_is_no_command_ends_the_worker_with_an_error() {
    let mut worker = Worker::start();
    worker.write("hello");
    assert!(worker.thread.join().unwrap().is_err());
}
