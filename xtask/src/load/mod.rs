//! `cargo xtask load`: a running server under load, from outside: mixed reads at a fixed rate while a model is trained,
//! many uploads at once, how soon queued work begins, how soon the server starts and how much memory it takes idle.

mod client;
mod latencies;
mod process;
mod reads;
mod server;
mod uploads;
mod work;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::environment::Environment;
use latencies::Latencies;
use server::RunningServer;

/// What `--help` says of it.
pub(crate) const USAGE: &str = "  load [OPTIONS]           a server under load: latencies of reads during training, uploads, queue, start, memory
                           --rate N             reads a second [default: 1000]
                           --seconds N          of reading [default: 30]
                           --quiet              without a training run beside the reads
                           --json               one JSON object";

/// What was asked for.
#[derive(Debug)]
struct Options {
    rate: u32,
    seconds: u32,
    quiet: bool,
    json: bool,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    start_ms: f64,
    idle_memory_mb: f64,
    idle_memory_with_workers_mb: f64,
    reads: Latencies,
    reads_during_training: bool,
    uploads: Latencies,
    uploads_memory_growth_mb: f64,
    queue_start: Latencies,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self { rate: 1000, seconds: 30, quiet: false, json: false };
        while let Some(word) = words.next() {
            let mut number = || -> Result<u32> {
                let value = words.next().with_context(|| format!("{word} needs a value"))?;
                value.parse().with_context(|| format!("{word} takes a number"))
            };
            match word.as_str() {
                "--rate" => options.rate = number()?,
                "--seconds" => options.seconds = number()?,
                "--quiet" => options.quiet = true,
                "--json" => options.json = true,
                other => bail!("load has no option `{other}`\n\n{USAGE}"),
            }
        }
        anyhow::ensure!(options.rate > 0 && options.seconds > 0, "--rate and --seconds take at least 1");
        Ok(options)
    }
}

/// Builds and starts a server of its own, puts it under load, and prints what was measured.
pub(crate) fn run(environment: &Environment, arguments: impl Iterator<Item = String>) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let model = if options.quiet { None } else { Some(crate::suite::base_model(environment)?) };
    let server = RunningServer::start(environment, model.as_deref())?;
    let (idle_memory_mb, idle_memory_with_workers_mb) = server.memory_at_rest()?;
    let queue_start = work::start_latencies(&server)?;
    let (uploads, uploads_memory_growth_mb) = uploads::many_at_once(&server)?;
    let training = model.is_some().then(|| work::train(&server)).transpose()?;
    let reads = reads::at_rate(&server, &options, training.as_deref())?;
    if let Some(job) = &training {
        work::is_still_training(&server, job)?;
    }
    let measured = Measured {
        start_ms: server.start_ms,
        idle_memory_mb,
        idle_memory_with_workers_mb,
        reads,
        reads_during_training: training.is_some(),
        uploads,
        uploads_memory_growth_mb,
        queue_start,
    };
    if options.json {
        println!("{}", serde_json::to_string(&measured)?);
    } else {
        print(&measured, &options);
    }
    Ok(true)
}

fn print(measured: &Measured, options: &Options) {
    let beside =
        if measured.reads_during_training { "while a model is trained" } else { "with nothing beside" };
    println!("| what | measured |\n|---|---|");
    println!("| server start until it answers | {:.0} ms |", measured.start_ms);
    println!("| idle memory, server alone | {:.0} MB |", measured.idle_memory_mb);
    println!(
        "| idle memory, server and its two workers, shared pages counted once | {:.0} MB |",
        measured.idle_memory_with_workers_mb
    );
    println!("| {} mixed reads a second {beside} | {} |", options.rate, measured.reads);
    println!("| {} uploads of {} MB at once | {} |", uploads::COUNT, uploads::BYTES >> 20, measured.uploads);
    println!("| memory that the server grew by meanwhile | {:.0} MB |", measured.uploads_memory_growth_mb);
    println!("| queued work until a worker begins it | {} |", measured.queue_start);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_have_defaults_and_faults_are_named() -> Result<()> {
        let options = parse("--seconds 5 --quiet")?;
        assert_eq!((options.rate, options.seconds, options.quiet), (1000, 5, true));
        assert!(parse("--rate many").unwrap_err().to_string().contains("--rate takes a number"));
        assert!(parse("--rat 3").unwrap_err().to_string().contains("no option `--rat`"));
        assert!(parse("--rate 0").is_err());
        Ok(())
    }
}
