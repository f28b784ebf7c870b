//! Checkpoints: directories written aside, hashed, flushed to disk and renamed. The newest two are
//! kept, and what was the best at each; a damaged one is refused and the one before it used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::state::Progress;
use super::{EventSink, TrainEvent, TrainingState, vectors};
use crate::adapter::Adapter;

const STATE: &str = "state.json";
const TENSORS: &str = "tensors.safetensors";
const MANIFEST: &str = "manifest.json";
const PARAMETERS: &str = "parameters";
const PARTIAL: &str = ".partial-";
/// Newest checkpoints that are kept beside the best: one to resume from, one in case it is damaged.
const KEPT: usize = 2;
const FORMAT_VERSION: u32 = 3;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error(
        "cannot {action} {path}: {source}; look at the disk's space and who may write there, then run the same command again"
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The directory holds a run with another plan, data or base model.
    #[error(
        "{path} holds a run with another plan, data or base model: resume it with the same settings, or choose an empty directory for a new run"
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The checkpoint is in a format that this version does not know.
    #[error(
        "{path} has the format {version}, and this version of Gradus knows {FORMAT_VERSION}: go on with the version that began the run, or choose an empty directory"
    )]
    OtherVersion {
        /// The checkpoint.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// What is on disk is not what was written.
    #[error("{path}: {reason}")]
    Damaged {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The checkpoints of one run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    directory: PathBuf,
    /// Identifies plan, data and base model.
    run_fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    format_version: u32,
    run_fingerprint: String,
    /// blake3 of each file.
    files: BTreeMap<String, String>,
}

/// Which step's parameters a finished run leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Those of the lowest validation loss (of the last step, where nothing was evaluated).
    BestLoss,
    /// Those of the last step. In grading the loss rises, as the model grows too sure of itself, while it
    /// still learns to tell right from wrong.
    Last,
}

/// What a finished run leaves: the adapter of the selected step and its history.
#[derive(Debug)]
pub struct FinishedRun {
    /// The adapter.
    pub adapter: Adapter,
    /// Counters and loss curves at the end of the run.
    pub progress: Progress,
    /// The step the adapter is from.
    pub step: u64,
}

impl Checkpoints {
    /// The checkpoints in `directory` of the run that `run_fingerprint` identifies.
    pub fn new(directory: impl Into<PathBuf>, run_fingerprint: impl Into<String>) -> Self {
        Self { directory: directory.into(), run_fingerprint: run_fingerprint.into() }
    }

    /// Saves the state. Where this fails, the checkpoints before it are untouched.
    pub fn save(&self, state: &TrainingState, events: &mut dyn EventSink) -> Result<(), CheckpointError> {
        let name = name(&state.progress);
        let target = self.directory.join(&name);
        let partial = self.directory.join(format!("{PARTIAL}{name}"));
        let written = self.write(&partial, state);
        if let Err(error) = written {
            // The error is what counts; what is left is cleared at the next start too.
            _ = fs::remove_dir_all(&partial);
            return Err(error);
        }
        if target.exists() {
            // The same state but for an evaluation made since.
            remove(&target)?;
        }
        fs::rename(&partial, &target).map_err(io("rename", &partial))?;
        flush_directory(&self.directory)?;
        self.retain(&state.progress)?;
        events.emit(&TrainEvent::CheckpointSaved { step: state.progress.step, path: target });
        Ok(())
    }

    /// The newest sound checkpoint's state, or that of a new run from `fresh` where there is none.
    pub fn resume(
        &self,
        fresh: Adapter,
        events: &mut dyn EventSink,
    ) -> Result<TrainingState, CheckpointError> {
        fs::create_dir_all(&self.directory).map_err(io("create", &self.directory))?;
        self.clear_partial()?;
        let (mut refused, mut foreign) = (BTreeSet::new(), Vec::new());
        for path in self.list()?.into_iter().rev() {
            match self.read_with_best(&path, &fresh) {
                Ok(state) => {
                    // Beside a sound checkpoint of this run, a foreign one has a damaged manifest.
                    for (path, _) in foreign {
                        let reason = format!("{MANIFEST} is not what was written");
                        events.emit(&TrainEvent::CheckpointRefused { path, reason });
                    }
                    return Ok(state);
                }
                Err(CheckpointError::Damaged { path, reason }) => {
                    if refused.insert(path.clone()) {
                        events.emit(&TrainEvent::CheckpointRefused { path, reason });
                    }
                }
                Err(error @ (CheckpointError::OtherRun { .. } | CheckpointError::OtherVersion { .. })) => {
                    foreign.push((path, error));
                }
                Err(error) => return Err(error),
            }
        }
        foreign.into_iter().next().map_or_else(|| Ok(TrainingState::new(fresh)), |(_, error)| Err(error))
    }

    /// A state whose best step can be read too: without it the run could not be finished.
    fn read_with_best(&self, path: &Path, like: &Adapter) -> Result<TrainingState, CheckpointError> {
        let state = self.read(path, like)?;
        if let Some(best) = state.progress.best.filter(|best| best.step != state.progress.step) {
            self.verify(&self.directory.join(step_name(best.step)))?;
        }
        Ok(state)
    }

    /// The adapter of the selected step of a run that ended with `state`.
    pub fn finish(&self, state: TrainingState, selection: Selection) -> Result<FinishedRun, CheckpointError> {
        // What only training needs goes before another step's parameters are read: memory may be short.
        let TrainingState { progress, mut adapter, optimizer, gradients } = state;
        drop((optimizer, gradients));
        let best = progress.best.filter(|_| selection == Selection::BestLoss);
        let step = best.map_or(progress.step, |best| best.step);
        if step == progress.step {
            return Ok(FinishedRun { adapter, progress, step });
        }
        let path = self.directory.join(step_name(step));
        self.verify(&path)?;
        read_vectors(&path, [(PARAMETERS, &mut adapter.parameters)])?;
        Ok(FinishedRun { adapter, progress, step })
    }

    fn write(&self, partial: &Path, state: &TrainingState) -> Result<(), CheckpointError> {
        if partial.exists() {
            remove(partial)?;
        }
        fs::create_dir_all(partial).map_err(io("create", partial))?;
        let progress = to_json(&state.progress, partial)?;
        write_file(&partial.join(STATE), &progress)?;
        let path = partial.join(TENSORS);
        let tensors = vectors::write(&path, &parts(state)).map_err(io("write", &path))?;
        let hashes = [(STATE, blake3::hash(&progress)), (TENSORS, tensors)];
        let files = hashes.map(|(name, hash)| (name.to_owned(), hash.to_hex().to_string())).into();
        let run_fingerprint = self.run_fingerprint.clone();
        let manifest = Manifest { format_version: FORMAT_VERSION, run_fingerprint, files };
        write_file(&partial.join(MANIFEST), &to_json(&manifest, partial)?)?;
        flush_directory(partial)
    }

    fn read(&self, path: &Path, like: &Adapter) -> Result<TrainingState, CheckpointError> {
        let progress = self.verify(path)?;
        let mut state = TrainingState { progress, ..TrainingState::new(like.clone()) };
        read_vectors(path, parts_mut(&mut state))?;
        Ok(state)
    }

    /// The counters of a checkpoint of this run, all of which is what was written.
    fn verify(&self, path: &Path) -> Result<Progress, CheckpointError> {
        let read = |name: &str| {
            fs::read(path.join(name))
                .map_err(|error| damaged(path, format!("{name} cannot be read: {error}")))
        };
        let manifest: Manifest = serde_json::from_slice(&read(MANIFEST)?)
            .map_err(|error| damaged(path, format!("{MANIFEST} is not what was written: {error}")))?;
        if manifest.format_version != FORMAT_VERSION {
            let version = manifest.format_version;
            return Err(CheckpointError::OtherVersion { path: path.to_owned(), version });
        }
        if manifest.run_fingerprint != self.run_fingerprint {
            return Err(CheckpointError::OtherRun { path: path.to_owned() });
        }
        let check = |name: &str, hash: blake3::Hash| {
            let expected = hash.to_hex().to_string();
            let same = manifest.files.get(name) == Some(&expected);
            let differs = || damaged(path, format!("{name} is not what was written (its hash differs)"));
            same.then_some(()).ok_or_else(differs)
        };
        let progress = read(STATE)?;
        check(STATE, blake3::hash(&progress))?;
        let tensors = vectors::hash(&path.join(TENSORS))
            .map_err(|error| damaged(path, format!("{TENSORS} cannot be read: {error}")))?;
        check(TENSORS, tensors)?;
        serde_json::from_slice(&progress).map_err(|error| damaged(path, format!("{STATE}: {error}")))
    }

    /// Complete checkpoints, oldest first.
    fn list(&self) -> Result<Vec<PathBuf>, CheckpointError> {
        let mut paths = self.entries()?;
        paths.retain(|path| file_name(path).starts_with("step-"));
        paths.sort();
        Ok(paths)
    }

    fn entries(&self) -> Result<Vec<PathBuf>, CheckpointError> {
        let entries = fs::read_dir(&self.directory).map_err(io("list", &self.directory))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<_, _>>().map_err(io("list", &self.directory))
    }

    /// Removes what an interrupted save left.
    fn clear_partial(&self) -> Result<(), CheckpointError> {
        let entries = self.entries()?;
        entries.iter().filter(|path| file_name(path).starts_with(PARTIAL)).try_for_each(|path| remove(path))
    }

    fn retain(&self, progress: &Progress) -> Result<(), CheckpointError> {
        let all: Vec<String> = self.list()?.iter().map(|path| file_name(path)).collect();
        for name in superseded(&all, &name(progress), |kept| self.best_at(kept)) {
            remove(&self.directory.join(name))?;
        }
        Ok(())
    }

    /// The checkpoint that was the best when another was made; none where it had none or cannot be read.
    fn best_at(&self, checkpoint: &str) -> Option<String> {
        let state = fs::read(self.directory.join(checkpoint).join(STATE)).ok()?;
        let progress: Progress = serde_json::from_slice(&state).ok()?;
        progress.best.map(|best| step_name(best.step))
    }
}

/// The checkpoints that are no longer needed: all but the newest two up to `newest` and what was the best at each, without
/// which no run goes on from it. What is beyond `newest` was refused when the run was resumed.
fn superseded<'a>(all: &'a [String], newest: &str, best_at: impl Fn(&str) -> Option<String>) -> Vec<&'a str> {
    let (made, refused) = all.split_at(all.partition_point(|name| name.as_str() <= newest));
    let (older, kept) = made.split_at(made.len().saturating_sub(KEPT));
    let best: Vec<String> = kept.iter().filter_map(|name| best_at(name)).collect();
    let unneeded = older.iter().filter(|name| !best.contains(name));
    unneeded.chain(refused).map(String::as_str).collect()
}

fn step_name(step: u64) -> String {
    format!("step-{step:08}")
}

/// Names sort by age: a checkpoint amid the accumulation after a step follows that step's.
fn name(progress: &Progress) -> String {
    let step = step_name(progress.step);
    match progress.cursor.micro_batch {
        0 => step,
        done => format!("{step}-{done:04}"),
    }
}

fn parts(state: &TrainingState) -> [(&'static str, &[f32]); 4] {
    // Between two updates the gradients are zero: in full fine-tuning they would be a quarter of the file.
    let accumulated = if state.progress.cursor.micro_batch == 0 { 0 } else { state.gradients.len() };
    [
        (PARAMETERS, &state.adapter.parameters),
        ("first_moment", &state.optimizer.first_moment),
        ("second_moment", &state.optimizer.second_moment),
        ("gradients", &state.gradients[..accumulated]),
    ]
}

/// As [`parts`]: names and lengths must match, or a resume breaks.
fn parts_mut(state: &mut TrainingState) -> [(&'static str, &mut [f32]); 4] {
    let accumulated = if state.progress.cursor.micro_batch == 0 { 0 } else { state.gradients.len() };
    [
        (PARAMETERS, &mut state.adapter.parameters[..]),
        ("first_moment", &mut state.optimizer.first_moment),
        ("second_moment", &mut state.optimizer.second_moment),
        ("gradients", &mut state.gradients[..accumulated]),
    ]
}

fn read_vectors<const N: usize>(
    checkpoint: &Path,
    vectors: [(&'static str, &mut [f32]); N],
) -> Result<(), CheckpointError> {
    vectors::read(&checkpoint.join(TENSORS), vectors)
        .map_err(|reason| damaged(checkpoint, format!("{TENSORS}: {reason}")))
}

fn damaged(path: &Path, reason: String) -> CheckpointError {
    CheckpointError::Damaged { path: path.to_owned(), reason }
}

fn to_json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, CheckpointError> {
    serde_json::to_vec_pretty(value).map_err(|error| CheckpointError::Damaged {
        path: path.to_owned(),
        reason: format!("cannot be serialised: {error}"),
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut file = File::create(path).map_err(io("create", path))?;
    file.write_all(bytes).map_err(io("write", path))?;
    file.sync_all().map_err(io("flush", path))
}

/// A rename is durable only once the directory that holds the name is.
fn flush_directory(path: &Path) -> Result<(), CheckpointError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(io("flush", path))
}

fn remove(path: &Path) -> Result<(), CheckpointError> {
    let remove = if path.is_dir() { fs::remove_dir_all } else { fs::remove_file };
    remove(path).map_err(io("remove", path))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CheckpointError + use<> {
    let path = path.to_owned();
    move |source| CheckpointError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_two_and_the_best_at_each_are_kept() {
        let all: Vec<String> = (1..=5).map(step_name).collect();
        let best_at = |name: &str| (name == step_name(5)).then(|| step_name(2));
        assert_eq!(superseded(&all, &all[4], best_at), ["step-00000001", "step-00000003"]);
        let best_at = |name: &str| Some(if name == step_name(4) { step_name(1) } else { step_name(5) });
        assert_eq!(superseded(&all, &all[4], best_at), ["step-00000002", "step-00000003"]);
        assert_eq!(superseded(&all[..2], &all[1], |_| None), [""; 0]);
    }

    #[test]
    fn what_lies_beyond_the_newest_is_not_kept_in_its_place() {
        let all: Vec<String> = (1..=5).map(step_name).collect();
        assert_eq!(superseded(&all, &all[2], |_| None), ["step-00000001", "step-00000004", "step-00000005"]);
    }

    #[test]
    fn a_checkpoint_amid_accumulation_sorts_after_its_step_and_before_the_next() {
        let at = |step, micro_batch| {
            let mut progress = Progress { step, ..Progress::default() };
            progress.cursor.micro_batch = micro_batch;
            name(&progress)
        };
        let sorted = [at(9, 0), at(9, 2), at(9, 11), at(10, 0)];
        assert!(sorted.is_sorted(), "{sorted:?}");
    }
}
