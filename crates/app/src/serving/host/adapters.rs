//! Adapters over one base model: read from disk when they are asked for, and kept while there is room.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use gradus_engine::adapter::Adapter;
use gradus_engine::generation::{GenerationError, Generator};
use gradus_engine::reading::AdapterId;

use crate::serving::{Fault, FaultKind, TrainedFiles};

/// Bytes for each parameter: one copy in f32 for the reader, and what a backend makes of it.
const BYTES_PER_PARAMETER: u64 = 8;

/// How long to wait before looking again whether there is room.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(10);

/// An adapter. Whoever answers with it holds it.
pub(super) struct HeldAdapter {
    /// Identifies its parameters.
    pub(super) fingerprint: String,
    bytes: u64,
    used: AtomicU64,
    /// Until the generator has it.
    read: Mutex<Option<Adapter>>,
    id: OnceLock<AdapterId>,
}

/// The adapters of one model. Requests get them in one thread; the generator has them in another.
pub(super) struct Adapters {
    allowed_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: BTreeMap<TrainedFiles, Arc<HeldAdapter>>,
    /// Those that the generator still has and need not have.
    leaving: Vec<Arc<HeldAdapter>>,
    clock: u64,
}

impl Adapters {
    pub(super) fn new(allowed_bytes: u64) -> Self {
        Self { allowed_bytes, state: Mutex::default() }
    }

    /// The adapter of those files, by `read` where it is not held. Waits for room as long as those that
    /// take it are answered with.
    pub(super) fn get(
        &self,
        files: &TrainedFiles,
        is_cancelled: impl Fn() -> bool,
        read: impl FnOnce() -> Result<Adapter, Fault>,
    ) -> Result<Arc<HeldAdapter>, Fault> {
        if let Some(held) = self.find(files) {
            return Ok(held);
        }
        // Not under the lock: the generator goes on meanwhile.
        let adapter = read()?;
        let bytes = adapter.parameters.len() as u64 * BYTES_PER_PARAMETER;
        let mut state = self.state();
        while !self.make_room(&mut state, bytes)? {
            if is_cancelled() {
                return Err(Fault::new(FaultKind::Busy, "nobody waits for the answer any more"));
            }
            // Those who answer now come to an end.
            drop(state);
            thread::sleep(WAIT_FOR_ROOM);
            state = self.state();
        }
        state.clock += 1;
        let held = Arc::new(HeldAdapter {
            fingerprint: adapter.fingerprint(),
            bytes,
            used: AtomicU64::new(state.clock),
            read: Mutex::new(Some(adapter)),
            id: OnceLock::new(),
        });
        state.held.insert(files.clone(), Arc::clone(&held));
        Ok(held)
    }

    fn find(&self, files: &TrainedFiles) -> Option<Arc<HeldAdapter>> {
        let mut state = self.state();
        state.clock += 1;
        let held = state.held.get(files)?;
        held.used.store(state.clock, Ordering::Relaxed);
        Some(Arc::clone(held))
    }

    /// Lets the least recently used leave of those that nobody answers with; false where that is not enough.
    fn make_room(&self, state: &mut State, needed: u64) -> Result<bool, Fault> {
        if needed > self.allowed_bytes {
            let (needed, allowed) = (needed.div_ceil(1 << 20), self.allowed_bytes >> 20);
            let message = format!(
                "the trained model needs {needed} MiB beside its base model, and {allowed} MiB are allowed: allow the models more memory"
            );
            return Err(Fault::new(FaultKind::Memory, message));
        }
        while state.held.values().map(|held| held.bytes).sum::<u64>() + needed > self.allowed_bytes {
            let resting = state.held.iter().filter(|(_, held)| Arc::strong_count(held) == 1);
            let oldest = resting.min_by_key(|(_, held)| held.used.load(Ordering::Relaxed));
            let Some(files) = oldest.map(|(files, _)| files.clone()) else { return Ok(false) };
            let leaving = state.held.remove(&files);
            state.leaving.extend(leaving);
        }
        Ok(true)
    }

    /// Takes those from the generator that have to leave.
    pub(super) fn release(&self, generator: &mut Generator<'_>) {
        let leaving = std::mem::take(&mut self.state().leaving);
        for id in leaving.iter().filter_map(|held| held.id.get()) {
            generator.release(*id);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldAdapter {
    /// The generator's number for it, which is given at the first time. Called by the generator's thread alone.
    pub(super) fn id(&self, generator: &mut Generator<'_>) -> Result<Option<AdapterId>, GenerationError> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(adapter) = read {
            let id = generator.adapt(&adapter)?;
            return Ok(Some(*self.id.get_or_init(|| id)));
        }
        Ok(self.id.get().copied())
    }
}
