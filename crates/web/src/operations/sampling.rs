//! Figures of the server as a whole, measured now and then into the registry, so that showing them costs nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use gradus_app::Error;
use gradus_app::service::effort::processor_seconds;
use gradus_app::service::operations::{Figures, QueueOverview};
use gradus_app::serving::WorkerState;
use gradus_domain::{JobKind, QueueJobState, Word as _};

use super::durations::JobDurations;
use crate::metrics::{Family, Gauge, Registry};
use crate::state::ServerState;

/// How often figures are measured.
const EVERY: Duration = Duration::from_secs(10);

/// The gauges that are measured.
pub struct Sampler {
    state: ServerState,
    queue_jobs: Arc<Family<Gauge>>,
    queue_age_s: Arc<Family<Gauge>>,
    training_jobs: Arc<Family<Gauge>>,
    job_durations: JobDurations,
    workers: Arc<Gauge>,
    workers_held_back: Arc<Gauge>,
    worker_jobs: Arc<Gauge>,
    tokens_per_second: Arc<Gauge>,
    memory_bytes: Arc<Family<Gauge>>,
    worker_memory_bytes: Arc<Gauge>,
    cpu_seconds: Arc<Gauge>,
    free_disk_bytes: Arc<Gauge>,
    load_per_core: Arc<Gauge>,
    connections: Arc<Family<Gauge>>,
    password_hashes: Arc<Gauge>,
    model_requests: Arc<Gauge>,
    model_worker_crashes: Arc<Gauge>,
    sampled_at_s: Arc<Gauge>,
}

impl Sampler {
    /// The gauges of one server, in its registry.
    #[must_use]
    pub fn register(state: &ServerState) -> Self {
        let registry = &state.registry;
        Self {
            state: state.clone(),
            queue_jobs: registry.gauges("gradus_queue_jobs", "Jobs by kind and state.", &["kind", "state"]),
            queue_age_s: registry.gauges(
                "gradus_queue_oldest_due_seconds",
                "For how long the oldest waiting job of a kind has been due.",
                &["kind"],
            ),
            training_jobs: registry.gauges("gradus_training_jobs", "Training jobs by state.", &["state"]),
            job_durations: JobDurations::register(registry, state.clock.now()),
            workers: alone(registry, "gradus_workers", "Workers that showed themselves lately."),
            workers_held_back: alone(
                registry,
                "gradus_workers_held_back",
                "Workers that begin no more work because their machine has no room.",
            ),
            worker_jobs: alone(registry, "gradus_worker_jobs", "Jobs that workers have."),
            tokens_per_second: alone(
                registry,
                "gradus_worker_tokens_per_second",
                "Tokens a second of all workers together.",
            ),
            memory_bytes: registry.gauges(
                "gradus_memory_bytes",
                "Memory that this process holds, and that programs may still take.",
                &["kind"],
            ),
            worker_memory_bytes: alone(
                registry,
                "gradus_worker_memory_bytes",
                "Memory that all workers together hold, as they said.",
            ),
            cpu_seconds: alone(
                registry,
                "gradus_cpu_seconds",
                "Processor time that this process has taken since it started.",
            ),
            free_disk_bytes: alone(registry, "gradus_disk_free_bytes", "Room on the disk of the data."),
            load_per_core: alone(
                registry,
                "gradus_load_per_core",
                "Processes that want a core, for each core there is, over the last minute.",
            ),
            connections: registry.gauges(
                "gradus_database_connections",
                "Connections to the database.",
                &["state"],
            ),
            password_hashes: alone(
                registry,
                "gradus_password_hashes",
                "Password hashes that this process has computed.",
            ),
            model_requests: alone(
                registry,
                "gradus_model_requests",
                "Requests to models that wait for an answer or its end.",
            ),
            model_worker_crashes: alone(
                registry,
                "gradus_model_worker_crashes",
                "How often the process that answers for models ended by itself.",
            ),
            sampled_at_s: alone(
                registry,
                "gradus_sample_timestamp_seconds",
                "When these figures were measured, in seconds since 1970.",
            ),
        }
    }

    /// Measures until the server stops. What cannot be measured keeps its last value.
    pub async fn run(self) {
        while !self.state.shutdown.is_cancelled() {
            if let Err(error) = self.sample().await {
                tracing::warn!(%error, "the server's figures could not be measured");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.state.shutdown.cancelled() => {}
            }
        }
    }

    /// Measures once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sample(&self) -> Result<(), Error> {
        let now = self.state.clock.now();
        let figures = self.state.services.figures(now).await?;
        self.set_queue(&figures.queue, now);
        self.set_machine(&figures);
        for (state, count) in &figures.training_jobs {
            self.training_jobs.with(&[state.word()]).set(*count as f64);
        }
        self.job_durations.count(self.state.services.ended_work(self.job_durations.since()).await?, now);
        self.set_models(&self.state.serving.state());
        self.password_hashes.set(self.state.accounts.hashes_computed() as f64);
        self.sampled_at_s.set(now.timestamp() as f64);
        Ok(())
    }

    /// Every kind has its gauges, so that what is over is seen as none and not as it was.
    fn set_queue(&self, queue: &QueueOverview, now: DateTime<Utc>) {
        for &kind in JobKind::ALL {
            for state in [QueueJobState::Ready, QueueJobState::Running] {
                let found = queue.jobs.iter().find(|counted| counted.kind == kind && counted.state == state);
                let count = found.map_or(0, |counted| counted.count);
                self.queue_jobs.with(&[kind.word(), state.word()]).set(count as f64);
                if state == QueueJobState::Ready {
                    let due = found.map(|counted| (now - counted.oldest_run_at).as_seconds_f64());
                    self.queue_age_s.with(&[kind.word()]).set(due.unwrap_or_default().max(0.0));
                }
            }
        }
        self.workers.set(queue.workers.len() as f64);
        let held_back = queue.workers.iter().filter(|worker| worker.figures.held_back.is_some());
        self.workers_held_back.set(held_back.count() as f64);
        let memory: u64 = queue.workers.iter().map(|worker| worker.figures.memory_bytes).sum();
        self.worker_memory_bytes.set(memory as f64);
        let jobs: u32 = queue.workers.iter().map(|worker| worker.figures.jobs).sum();
        self.worker_jobs.set(f64::from(jobs));
        self.tokens_per_second
            .set(queue.workers.iter().filter_map(|worker| worker.figures.tokens_per_second).sum());
    }

    fn set_machine(&self, figures: &Figures) {
        let room = &figures.room;
        let kinds = [("held", figures.held_memory_bytes), ("available", room.available_memory_bytes)];
        for (kind, bytes) in kinds {
            if let Some(bytes) = bytes {
                self.memory_bytes.with(&[kind]).set(bytes as f64);
            }
        }
        if let Some(bytes) = room.free_disk_bytes {
            self.free_disk_bytes.set(bytes as f64);
        }
        if let Some(load) = room.load_per_core {
            self.load_per_core.set(load);
        }
        if let Some(seconds) = processor_seconds() {
            self.cpu_seconds.set(seconds);
        }
        self.connections.with(&["open"]).set(figures.connections.open as f64);
        self.connections.with(&["idle"]).set(figures.connections.idle as f64);
    }

    fn set_models(&self, worker: &WorkerState) {
        self.model_requests.set(worker.requests as f64);
        self.model_worker_crashes.set(worker.crashes as f64);
    }
}

fn alone(registry: &Registry, name: &'static str, help: &'static str) -> Arc<Gauge> {
    registry.gauges(name, help, &[]).with(&[])
}
