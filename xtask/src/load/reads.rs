//! Mixed reads at a fixed rate. Each is due at its time whether or not those before it were answered, and its latency is
//! counted from then on: a server that stalls is not asked less.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::server::RunningServer;
use super::{Latencies, Options};

/// Connections that share the reads.
const CONNECTIONS: u32 = 16;
/// What is read, in turns, and beside a training run that run and its events.
const PATHS: [&str; 8] = [
    "/api/v1/me",
    "/api/v1/documents?limit=20",
    "/api/v1/datasets?limit=20",
    "/api/v1/training-jobs?limit=20",
    "/api/v1/models?limit=20",
    "/api/v1/reports?limit=20",
    "/v1/files?limit=20",
    "/v1/fine_tuning/jobs?limit=20",
];

/// Reads at the rate asked for; `training` is the path of a training run that is read too.
pub(super) fn at_rate(
    server: &RunningServer,
    &Options { rate, seconds, .. }: &Options,
    training: Option<&str>,
) -> Result<Latencies> {
    let mut paths: Vec<String> = PATHS.map(str::to_owned).to_vec();
    paths.extend(training.iter().flat_map(|job| [(*job).to_owned(), format!("{job}/events?limit=50")]));
    let paths = Arc::new(paths);
    let begin = Instant::now() + Duration::from_millis(200);
    let each = (rate * seconds).div_ceil(CONNECTIONS);
    let between = Duration::from_secs_f64(f64::from(CONNECTIONS) / f64::from(rate));
    let readers: Vec<_> = (0..CONNECTIONS)
        .map(|number| -> Result<_> {
            let (mut client, paths) = (server.client()?, paths.clone());
            let first = begin + between.mul_f64(f64::from(number) / f64::from(CONNECTIONS));
            Ok(std::thread::spawn(move || -> Result<Vec<Duration>> {
                let mut latencies = Vec::with_capacity(each as usize);
                for turn in 0..each {
                    let due = first + between * turn;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let path = &paths[(turn + number) as usize % paths.len()];
                    let answer = client.get(path)?;
                    ensure!(answer.status == 200, "{path} was answered with {}", answer.status);
                    latencies.push(due.elapsed());
                }
                Ok(latencies)
            }))
        })
        .collect::<Result<_>>()?;
    let mut latencies = Vec::new();
    for reader in readers {
        latencies.extend(reader.join().ok().context("a reader panicked")??);
    }
    Ok(Latencies::of(latencies))
}
