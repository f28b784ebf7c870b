//! The base model with what was trained put into its weights (W + s·B·A for LoRA), as a directory that
//! Hugging Face transformers and this engine load. Checked by reading it back before it is kept.

use std::path::Path;

use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Matrix, MatrixMut, View};

pub use super::drift::Drift;
pub use super::tensors::Precision;

use super::draft::Draft;
use super::full::WEIGHTS;
use super::{ExportError, Original};
use super::{description, tensors};
use crate::adapter::{Adapter, inverse_length, row_lengths};
use crate::files::{self, ModelFiles, Weights};

/// What to merge, and how to store it.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// What was trained.
    pub original: Original<'a>,
    /// How to store the weights.
    pub precision: Precision,
}

/// Writes the merged model and says how far its log-probabilities are from those of the base model
/// with its adapter. The directory must not exist, or be empty. At no time is more than one model in
/// memory: the original is scored, then copied tensor by tensor, then the copy is scored.
///
/// # Errors
/// When the adapter belongs to another model, something is in the way, or the export says something
/// else than the original by more than [`Drift::tolerance`]; then nothing is left behind.
pub fn write_merged(destination: &Path, merge: &Merge<'_>) -> Result<Drift, ExportError> {
    let original = &merge.original;
    original.check_sample()?;
    let draft = Draft::begin(destination)?;
    let base = files::load(original.base)?;
    original.check_fit(&base.config)?;
    description::write(&draft, (&base).into(), merge.precision)?;
    write_weights(&draft.path().join(WEIGHTS), base, merge)?;

    let drift = Drift::between(&original.log_probabilities()?, &original.log_probabilities_of(draft.path())?);
    let tolerance = Drift::tolerance(merge.precision);
    if !drift.is_within(tolerance) {
        return Err(ExportError::Drifted { drift, tolerance });
    }
    draft.publish()?;
    Ok(drift)
}

fn write_weights(path: &Path, base: ModelFiles, merge: &Merge<'_>) -> Result<(), ExportError> {
    let ModelFiles { config, mut weights, .. } = base;
    let shapes: Vec<_> = config.tensor_shapes().collect();
    tensors::write(path, merge.precision, &shapes, |name| {
        Ok(config.family.stored(name, merged_weight(&mut weights, name, &merge.original)?))
    })
}

/// The weight of that name with what was trained of it, row-major.
pub(super) fn merged_weight(
    weights: &mut Weights,
    name: &str,
    original: &Original<'_>,
) -> Result<Vec<f32>, ExportError> {
    let adapter = original.adapter;
    if let Some(trained) = adapter.weight(name) {
        return Ok(adapter.parameters[trained.range.clone()].to_vec());
    }
    let mut weight = original.base_weights.values(weights, name)?;
    add_update(&mut weight, name, adapter);
    Ok(weight)
}

/// Adds s·B·A to the weight `[output, input]` of that name, where it is adapted; with DoRA, each row then
/// gets its trained length.
fn add_update(weight: &mut [f32], name: &str, adapter: &Adapter) {
    let Some(path) = name.strip_suffix(".weight") else {
        return;
    };
    if let Some(pair) = adapter.pairs().iter().find(|pair| pair.path() == path) {
        let a = View::new(&adapter.parameters[pair.a.clone()], pair.rank, pair.input);
        let mut scaled_b = Matrix::<f32>::zeroed(pair.output, pair.rank);
        scaled_b.round_scaled_from(&adapter.parameters[pair.b.clone()], pair.scale);
        let target = Target::Add(MatrixMut::new(weight, pair.output, pair.input));
        let terms = vec![Term { left: Left::Rows(scaled_b.view()), right: Right::Columns(a) }];
        multiply(&mut [Product { target, terms }]);
        let Some(magnitudes) = &pair.magnitude else { return };
        let lengths = row_lengths(weight, pair.input);
        for ((row, magnitude), length) in
            weight.chunks_mut(pair.input).zip(&adapter.parameters[magnitudes.clone()]).zip(lengths)
        {
            let factor = magnitude * inverse_length(length);
            row.iter_mut().for_each(|value| *value *= factor);
        }
    }
}
