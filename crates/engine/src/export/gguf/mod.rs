//! The base model with the adapter merged in as a GGUF file, for llama.cpp and what is built on it, with
//! a Modelfile for Ollama. Checked by reading it back before it is kept.

mod file;
mod metadata;
mod modelfile;
mod storage;
mod turns;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::quantized::GgmlDType;

use crate::config::ModelConfig;
use crate::files::{self, ModelFiles, gguf};

use super::draft::Draft;
use super::drift::Drift;
use super::{ExportError, Original, merged};
use file::Stored;
pub use storage::GgufType;

const MODEL: &str = "model.gguf";
const MODELFILE: &str = "Modelfile";

/// What to export, and how.
#[derive(Debug, Clone, Copy)]
pub struct GgufExport<'a> {
    /// What was trained.
    pub original: Original<'a>,
    /// How to store the weights.
    pub kind: GgufType,
    /// What the file says of itself.
    pub about: About<'a>,
    /// How the model is asked.
    pub prompting: Prompting,
}

/// Where a model comes from, as its file says.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What its base model is called.
    pub base_model: &'a str,
    /// SPDX identifier, where the base model's file does not say.
    pub licence: Option<&'a str>,
}

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompting {
    /// By conversations in its chat template.
    Chat,
    /// By a bare prompt; the most probable next line is the answer.
    Completion,
}

/// An export that was made and checked.
#[derive(Debug, Clone)]
pub struct GgufExported {
    /// How far it is from the original.
    pub drift: Drift,
    /// Bytes of the GGUF file.
    pub bytes: u64,
    /// What a person should know about it, a sentence each.
    pub notes: Vec<String>,
}

/// Writes `model.gguf` and `Modelfile` to a directory that must not exist, or be empty. At no time is
/// more than one model in memory: the original is scored, then copied tensor by tensor, then the copy is
/// scored.
///
/// # Errors
/// When the adapter belongs to another model, the format cannot say what the base model is, something is
/// in the way, or the export says something else than the original by more than
/// [`GgufType::tolerance`]; then nothing is left behind.
pub fn write_gguf(destination: &Path, export: &GgufExport<'_>) -> Result<GgufExported, ExportError> {
    let original = &export.original;
    original.check_sample()?;
    let draft = Draft::begin(destination)?;
    let base = files::load(original.base)?;
    original.check_fit(&base.config)?;
    check_query_scalar(&base.config, original.base)?;
    let factors = rope_factors(&base.config, original.base)?;

    let carried = files::gguf_metadata(original.base)?;
    let metadata = metadata::of(&base, carried, &export.about, export.kind.file_type())?;
    let modelfile = modelfile::write(&base, export.prompting, metadata::licence(&metadata));
    draft.write_text(MODELFILE, &modelfile.text)?;

    let tensors = stored_tensors(&base.config, export.kind, factors.as_deref());
    let mut notes = notes(&base.config, export.kind);
    notes.extend(modelfile.note.map(str::to_owned));
    let path = draft.path().join(MODEL);
    write_tensors(&path, &metadata, &tensors, base, (original, factors))?;

    let drift = compare(&path, export)?;
    let bytes = std::fs::metadata(&path).map_err(ExportError::io("read", &path))?.len();
    draft.publish()?;
    Ok(GgufExported { drift, bytes, notes })
}

fn compare(path: &Path, export: &GgufExport<'_>) -> Result<Drift, ExportError> {
    let original = &export.original;
    let drift = Drift::between(&original.log_probabilities()?, &original.log_probabilities_of(path)?);
    let tolerance = export.kind.tolerance();
    if drift.is_within(tolerance) { Ok(drift) } else { Err(ExportError::Drifted { drift, tolerance }) }
}

/// The format has no place for what attention scores are divided by: its readers know it by the model's size.
fn check_query_scalar(config: &ModelConfig, base: &Path) -> Result<(), ExportError> {
    let known = gguf::config::query_scalar(config.layers, config.hidden_size, config.attention_heads);
    if config.query_scalar() == known.unwrap_or(config.head_dim) {
        return Ok(());
    }
    let reason = "its attention scores are scaled in a way that a GGUF file cannot say; export it merged";
    Err(ExportError::unsupported(base, reason))
}

/// The rotary divisors that the file holds as a tensor, made sure to mean what they should to its readers.
fn rope_factors(config: &ModelConfig, base: &Path) -> Result<Option<Vec<f32>>, ExportError> {
    let Some(factors) = gguf::rope::factors(config) else {
        return Ok(None);
    };
    let is_llama = metadata::architecture_name(config.family) == "llama";
    if is_llama
        && gguf::rope::scaling_behind(&factors, config).is_ok_and(|found| found == config.rope_scaling)
    {
        return Ok(Some(factors));
    }
    let reason = "its rotary scaling is not that of Llama 3.1, the only one of its kind that a GGUF file can \
                  say; export it merged";
    Err(ExportError::unsupported(base, reason))
}

/// The tensors in the order in which they are written: those of the model, then the rotary divisors.
fn stored_tensors(config: &ModelConfig, kind: GgufType, factors: Option<&[f32]>) -> Vec<Stored> {
    let layout = layout(config);
    let of_model = config.tensor_shapes().filter_map(|(name, shape)| {
        let wanted = kind.wanted(&shape, name == config.output_projection());
        Some(Stored { name: layout.name(&name)?, blocks: storage::fitting(wanted, &shape), shape })
    });
    let of_rope = factors.map(|factors| Stored {
        name: gguf::rope::FACTORS.to_owned(),
        shape: vec![factors.len()],
        blocks: GgmlDType::F32,
    });
    of_model.chain(of_rope).collect()
}

fn layout(config: &ModelConfig) -> gguf::layout::Layout {
    let interleaved = metadata::architecture_name(config.family) == "llama";
    gguf::layout::Layout::of_file(interleaved, config)
}

fn write_tensors(
    path: &Path,
    metadata: &metadata::Metadata,
    tensors: &[Stored],
    base: ModelFiles,
    (original, factors): (&Original<'_>, Option<Vec<f32>>),
) -> Result<(), ExportError> {
    let ModelFiles { config, mut weights, .. } = base;
    let names: Vec<String> = config.tensor_shapes().map(|(name, _)| name).collect();
    let layout = layout(&config);
    file::write(path, metadata, tensors, |index| {
        let Some(name) = names.get(index) else {
            return Ok(factors.clone().unwrap_or_default());
        };
        let weight = merged::merged_weight(&mut weights, name, original)?;
        Ok(layout.to_file(name, weight))
    })
}

fn notes(config: &ModelConfig, kind: GgufType) -> Vec<String> {
    let mut replaced: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for (name, shape) in config.tensor_shapes() {
        let wanted = kind.wanted(&shape, name == config.output_projection());
        let stored = storage::fitting(wanted, &shape);
        if stored != wanted {
            *replaced.entry((wanted.block_size(), storage::name(stored))).or_default() += 1;
        }
    }
    let mut notes = Vec::new();
    for ((block, name), count) in replaced {
        let (of, has) = if count == 1 { ("tensor", "has") } else { ("tensors", "have") };
        notes.push(format!(
            "{count} {of} whose rows are no whole blocks of {block} weights {has} the type {name}, as in llama.cpp"
        ));
    }
    // Whoever knows an architecture with local layers knows of their window.
    let window = config.sliding_window.filter(|_| config.design.local_layers.is_none());
    if let Some(window) = window.filter(|window| *window < config.context_length) {
        notes.push(format!(
            "the model looks back {window} tokens; a program that does not read this from the file says \
             something else beyond them"
        ));
    }
    notes
}
