//! Many uploads at once, and what they cost the server in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Latencies;
use super::server::RunningServer;

/// How many.
pub(super) const COUNT: u8 = 50;
/// Of how many bytes each.
pub(super) const BYTES: usize = 10 << 20;

pub(super) fn many_at_once(server: &RunningServer) -> Result<(Latencies, f64)> {
    let before = server.process.memory_mb()?;
    let done = Arc::new(AtomicBool::new(false));
    let process = server.process.id();
    let watching = std::thread::spawn({
        let done = done.clone();
        move || {
            let mut most: f64 = 0.0;
            while !done.load(Ordering::Relaxed) {
                most = most.max(super::process::memory_mb(process).unwrap_or(0.0));
                std::thread::sleep(Duration::from_millis(10));
            }
            most
        }
    });
    let uploads: Vec<_> = (0..COUNT)
        .map(|number| -> Result<_> {
            let mut client = server.client()?;
            Ok(std::thread::spawn(move || -> Result<Duration> {
                // Each another one: equal bytes are stored once.
                let bytes: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8 ^ number).collect();
                let begun = Instant::now();
                let path = format!("/api/v1/documents?name=load-{number}.bin&purpose=other");
                client.ask("POST", &path, "application/octet-stream", &bytes)?.json(&path)?;
                Ok(begun.elapsed())
            }))
        })
        .collect::<Result<_>>()?;
    let mut latencies = Vec::new();
    for upload in uploads {
        latencies.push(upload.join().ok().context("an upload panicked")??);
    }
    done.store(true, Ordering::Relaxed);
    let most = watching.join().ok().context("the watch on memory panicked")?;
    Ok((Latencies::of(latencies), (most - before).max(0.0)))
}
