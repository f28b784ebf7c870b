//! `gradus worker`: takes work from the queue and does it, on this machine or another.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use gradus_app::domain::Weight;
use gradus_app::store::Opening;
use gradus_app::worker::{Worker, WorkerOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::environment::Environment;
use crate::service::{Hearing, cancelled_by_signals, open, start_log};

/// How long letting go of a job may take.
const PATIENCE: Duration = Duration::from_secs(11);

/// Do background work: read documents, build datasets, train, run model tests, write reports
///
/// `gradus serve` starts workers by itself. On other machines, start them with the same configuration: the same
/// PostgreSQL database and the same S3 bucket. Ctrl-C or SIGTERM stops the present job where it can go on, and another
/// worker takes it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus worker --config gradus.toml")]
pub(crate) struct Arguments {
    /// Only what takes seconds, or only what takes every core
    #[arg(long, value_enum, value_name = "KIND")]
    only: Option<Kind>,
    /// Have this id, and end when standard input does
    #[arg(long, hide = true, value_name = "ID")]
    supervised_as: Option<Uuid>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Reading documents, building datasets, writing reports
    Light,
    /// Training and model tests
    Heavy,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let config = environment.config()?;
    start_log(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let ended = runtime.block_on(async {
        let is_supervised = arguments.supervised_as.is_some();
        let drain = cancelled_by_signals(if is_supervised { Hearing::Supervised } else { Hearing::OnItsOwn });
        if is_supervised {
            cancel_with_input(drain.clone());
        }
        tokio::spawn(end_in_time(drain.clone()));
        let models = (environment.store.clone(), environment.catalogue.clone());
        let opened = open(&config, &environment.data_directory, models, Opening::AsItIs).await?;
        let options = WorkerOptions {
            name: format!("{}:{}", host_name(), std::process::id()),
            id: arguments.supervised_as.unwrap_or_else(Uuid::now_v7),
            weights: weights(arguments.only),
            lease: Duration::from_secs(config.workers.lease_seconds),
            limits: config.workers.limits,
            program: std::env::current_exe().context("this program's own file cannot be found")?,
        };
        tracing::info!(worker = options.name, "the worker is ready");
        Worker::new(opened.services, options).run(drain).await?;
        tracing::info!("the worker has ended");
        anyhow::Ok(())
    });
    // A thread that computes for a job that was taken away is not waited for.
    runtime.shutdown_background();
    ended
}

fn weights(only: Option<Kind>) -> Vec<Weight> {
    match only {
        Some(Kind::Light) => vec![Weight::Light],
        Some(Kind::Heavy) => vec![Weight::Heavy],
        None => vec![Weight::Light, Weight::Heavy],
    }
}

/// Cancels once standard input ends, as it does when whoever started this process is gone.
fn cancel_with_input(drain: CancellationToken) {
    // A thread of its own: nothing waits for it at the end.
    std::thread::spawn(move || {
        let (mut input, mut nothing) = (std::io::stdin().lock(), [0; 64]);
        while input.read(&mut nothing).is_ok_and(|read| read > 0) {}
        drain.cancel();
    });
}

/// Ends the process some time after the wish to end it, whatever it is at: its job goes on elsewhere.
async fn end_in_time(drain: CancellationToken) {
    drain.cancelled().await;
    tokio::time::sleep(PATIENCE).await;
    tracing::warn!("the worker could not let go of its job in time; it goes on elsewhere");
    std::process::exit(1);
}

fn host_name() -> String {
    let path = PathBuf::from("/proc/sys/kernel/hostname");
    std::fs::read_to_string(path).map_or_else(|_| "worker".to_owned(), |name| name.trim().to_owned())
}
