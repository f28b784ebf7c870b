//! Tiny models with random weights, as directories, and adapters for them.

use std::path::{Path, PathBuf};

use gradus_app::domain::{Clock, SystemClock};
use gradus_app::engine::training::{Selection, TrainingPlan};
use gradus_app::grading::prompt::template_hash;
use gradus_app::runtime::describe_file;
use gradus_app::serving::{ServedModel, TrainedFiles};
use gradus_app::trained::{Purpose, RunSummary, TrainedManifest};
use tempfile::TempDir;

/// A model of two layers, which reads 256 tokens; its tokens are bytes.
pub(crate) fn base() -> PathBuf {
    fixtures().join("model")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/peft_parity")
}

/// The same model elsewhere.
pub(crate) fn copy(place: &TempDir, name: &str) -> PathBuf {
    let copy = place.path().join(name);
    copy_files(&base(), &copy);
    copy
}

/// An adapter for the model as training leaves it: the fixture `name` with a manifest.
pub(crate) fn trained(place: &TempDir, name: &str) -> ServedModel {
    let directory = place.path().join(name);
    copy_files(&fixtures().join(name), &directory);
    let base_fingerprint = describe_file(&base()).unwrap().fingerprint;
    let now = SystemClock.now();
    let manifest = TrainedManifest {
        format_version: 3,
        gradus_version: String::new(),
        trained_at: now,
        purpose: Purpose::Chat,
        base_model: "tiny".to_owned(),
        base_fingerprint,
        prompt_template_hash: template_hash(),
        dataset_hash: String::new(),
        training_examples: 1,
        synthetic_examples: 0,
        orders: 0,
        started_from: None,
        plan: TrainingPlan::default(),
        judgement_hash: None,
        selection: Selection::Last,
        run: RunSummary {
            steps: 1,
            chosen_step: 1,
            best: None,
            tokens: 1,
            rows: 1,
            seconds: 1.0,
            device: "cpu".to_owned(),
            train_losses: Vec::new(),
            validation_losses: Vec::new(),
        },
    };
    std::fs::write(directory.join("gradus.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    ServedModel { base: base(), base_digest: None, trained: Some(TrainedFiles { directory, digest: None }) }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
