//! A tiny base model where pulled ones lie.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::gradus::Place;
use crate::model;

/// Its name.
pub(crate) const BASE: &str = "tiny";

/// Writes it, with the manifest of a model that was pulled.
pub(crate) fn install(place: &Place) {
    let directory = format!("data/models/{BASE}");
    model::write(place, &directory, 1024, 1);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.path(&directory)).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let name = entry.file_name().into_string().unwrap();
        files.push(json!({ "name": name, "size": bytes.len(), "sha256": sha256 }));
    }
    let manifest =
        json!({ "name": BASE, "source": "a test", "pulled_at": "2026-01-01T00:00:00Z", "files": files });
    place.write(&format!("{directory}/model.json"), manifest.to_string());
}
