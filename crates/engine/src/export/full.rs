//! A model of which every weight was trained, as a directory that Hugging Face transformers and this engine
//! load: its parameters in f32, nothing rounded.

use std::path::Path;

use super::description::{self, ModelDescription};
use super::draft::Draft;
use super::{ExportError, Precision, tensors};
use crate::adapter::{Adapter, Method};
use crate::config::ModelConfig;
use crate::files;

pub(super) const WEIGHTS: &str = "model.safetensors";

/// Writes the model. The directory must not exist, or be empty.
///
/// # Errors
/// When something is there already, the parameters are not those of a whole model of that architecture, or
/// the file system refuses; then nothing is left behind.
pub fn write_model(
    destination: &Path,
    trained: &Adapter,
    description: ModelDescription<'_>,
) -> Result<(), ExportError> {
    if trained.weights().is_empty() || !trained.fits(description.config) {
        return Err(ExportError::OtherBase { base: destination.to_owned() });
    }
    let draft = Draft::begin(destination)?;
    description::write(&draft, description, Precision::F32)?;
    let shapes: Vec<_> =
        trained.weights().iter().map(|weight| (weight.name.clone(), weight.shape.clone())).collect();
    let mut next = trained.weights().iter();
    tensors::write(&draft.path().join(WEIGHTS), Precision::F32, &shapes, |name| {
        let range = next.next().map_or(0..0, |weight| weight.range.clone());
        Ok(description.config.family.stored(name, trained.parameters[range].to_vec()))
    })?;
    draft.publish()
}

/// Reads the parameters that [`write_model`] wrote, for a base model of that architecture.
///
/// # Errors
/// When a file is missing or damaged, or the model has another architecture.
pub fn read_model(directory: &Path, model: &ModelConfig) -> Result<Adapter, ExportError> {
    let mut found = files::load(directory)?;
    let mut trained = Adapter::zeroed(Method::Full, model);
    if !trained.fits(&found.config) {
        return Err(ExportError::OtherBase { base: directory.to_owned() });
    }
    for weight in trained.weights().to_vec() {
        let values = found.weights.take(&weight.name)?.data;
        trained.parameters[weight.range].copy_from_slice(&values);
    }
    Ok(trained)
}
