//! The trained model that an export is made of and compared with.

use std::path::Path;

use super::{ExportError, drift};
use crate::adapter::Adapter;
use crate::backend::cpu::BaseWeights;
use crate::batch::Sequence;
use crate::config::ModelConfig;

/// A trained model, and what to check an export of it by.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// The base model: a GGUF file or a directory.
    pub base: &'a Path,
    /// How the base model's weights were kept in training: what was learned belongs to them as rounded then.
    pub base_weights: BaseWeights,
    /// What was trained on it.
    pub adapter: &'a Adapter,
    /// Sequences with labels by whose log-probabilities the export is compared with the original.
    pub sample: &'a [Sequence],
}

impl Original<'_> {
    /// Without labels there would be nothing to compare an export by.
    pub(super) fn check_sample(&self) -> Result<(), ExportError> {
        if self.sample.iter().all(|sequence| sequence.labels.is_empty()) {
            return Err(ExportError::EmptySample);
        }
        Ok(())
    }

    /// The adapter has the matrices of a model of those sizes.
    pub(super) fn check_fit(&self, config: &ModelConfig) -> Result<(), ExportError> {
        if !self.adapter.fits(config) {
            return Err(ExportError::OtherBase { base: self.base.to_owned() });
        }
        Ok(())
    }

    /// What the trained model says of the sample.
    pub(super) fn log_probabilities(&self) -> Result<Vec<f32>, ExportError> {
        drift::log_probabilities((self.base, self.base_weights), Some(self.adapter), self.sample)
    }

    /// What an export says of the sample.
    pub(super) fn log_probabilities_of(&self, export: &Path) -> Result<Vec<f32>, ExportError> {
        drift::log_probabilities((export, BaseWeights::AsStored), None, self.sample)
    }
}
