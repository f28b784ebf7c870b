//! `gradus serve-models`: the process in which a server keeps its models. It speaks with the server alone,
//! over standard input and output, and is no command for people.

use std::io;

use clap::Args;
use gradus_app::engine::memory;
use gradus_app::serving::{HostLimits, HostOptions, serve};

use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::interrupt;

/// Where the system does not tell how much memory is free.
const USUAL_MEMORY: u64 = 4 << 30;

/// Answer a server's requests with models kept in memory, one JSON object a line
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  gradus serve-models --memory-mib 4096\n\n`gradus serve` starts this by itself. It ends when its standard input does."
)]
pub(crate) struct Arguments {
    /// Most memory for models and the texts they read [default: half of what is free]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory_mib: Option<u64>,
    /// Most answers of each model at once; others wait
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = at_least_one)]
    answers_at_once: usize,
    /// Most requests that are answered or wait; further ones are refused
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = at_least_one)]
    requests: usize,
    #[command(flatten)]
    device: DeviceOption,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

pub(crate) fn run(arguments: &Arguments, _: &Environment) -> anyhow::Result<()> {
    // Its server says that it stops, and ends its input.
    interrupt::when_requested(|| {});
    let half = || memory::available_bytes().unwrap_or(2 * USUAL_MEMORY) / 2;
    let memory_bytes = arguments.memory_mib.map_or_else(half, |mebibytes| mebibytes.saturating_mul(1 << 20));
    let limits = HostLimits {
        answers_at_once: arguments.answers_at_once,
        requests: arguments.requests,
        ..HostLimits::within(memory_bytes)
    };
    let options = HostOptions { device: arguments.device.device, limits };
    Ok(serve(io::stdin().lock(), io::stdout(), options)?)
}
