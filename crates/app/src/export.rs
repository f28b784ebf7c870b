//! Exports of a trained model for other programs.

mod sample;

use std::path::{Path, PathBuf};

use gradus_engine::backend::cpu::BaseWeights;
use gradus_engine::batch::Sequence;
use gradus_engine::export::gguf::{self, About, GgufExport, GgufType, Prompting};
use gradus_engine::export::{Drift, Original, Precision, merged, peft};
use serde::Serialize;

use crate::runtime::Runtime;
use crate::trained::{self, Purpose, TrainedModel};
use crate::{Error, Session, files};

/// How to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A Hugging Face PEFT adapter.
    Peft,
    /// The base model with the adapter merged in, as safetensors.
    Merged(Precision),
    /// The same as a GGUF file, with a Modelfile for Ollama.
    Gguf(GgufType),
}

/// What to export, how and where to.
#[derive(Debug, Clone, Copy)]
pub struct ExportRequest<'a> {
    /// The file or directory of the base model.
    pub base: &'a Path,
    /// The trained model.
    pub model_directory: &'a Path,
    /// As what.
    pub format: ExportFormat,
    /// The base model's licence (SPDX), where it is known.
    pub licence: Option<&'a str>,
    /// A new directory.
    pub output: &'a Path,
}

/// An export that was made and checked.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// The largest difference of a log-probability between the export and the trained model, in nats;
    /// absent for an adapter, whose parameters are compared bit by bit.
    pub largest_difference: Option<f64>,
    /// The mean of these differences, without sign.
    pub mean_difference: Option<f64>,
    /// What to know about it, a sentence each.
    pub notes: Vec<String>,
}

/// Exports the trained model; `runtime` holds its base model.
pub fn export_model(
    runtime: Runtime,
    request: &ExportRequest<'_>,
    session: &mut Session<'_>,
) -> Result<Exported, Error> {
    let trained = trained::load(request.model_directory, &runtime)?;
    let sample = |runtime: Runtime, session: &mut Session<'_>| {
        session.watcher.stage("Merging the adapter into the base model, and comparing");
        // The memory of the original, which goes out of scope here, is needed for the comparison.
        sample::of(&runtime, trained.manifest.purpose)
    };
    match request.format {
        ExportFormat::Peft => export_adapter(&runtime, &trained, request.output),
        ExportFormat::Merged(precision) => {
            let sample = &sample(runtime, session)?;
            let merge = merged::Merge { original: original(&trained, request, sample), precision };
            let drift = merged::write_merged(request.output, &merge)?;
            Ok(Exported::compared(request.output, drift, Vec::new()))
        }
        ExportFormat::Gguf(kind) => {
            let sample = &sample(runtime, session)?;
            export_gguf(&trained, request, kind, sample)
        }
    }
}

fn export_gguf(
    trained: &TrainedModel,
    request: &ExportRequest<'_>,
    kind: GgufType,
    sample: &[Sequence],
) -> Result<Exported, Error> {
    let manifest = &trained.manifest;
    let name = files::name(request.output);
    let exported = gguf::write_gguf(
        request.output,
        &GgufExport {
            original: original(trained, request, sample),
            kind,
            about: About { name: &name, base_model: &manifest.base_model, licence: request.licence },
            prompting: match manifest.purpose {
                Purpose::Marking => Prompting::Completion,
                Purpose::Chat => Prompting::Chat,
            },
        },
    )?;
    Ok(Exported::compared(request.output, exported.drift, exported.notes))
}

fn original<'a>(
    trained: &'a TrainedModel,
    request: &ExportRequest<'a>,
    sample: &'a [Sequence],
) -> Original<'a> {
    let base_weights = trained.manifest.plan.base_weights;
    Original { base: request.base, base_weights, adapter: &trained.adapter, sample }
}

fn export_adapter(runtime: &Runtime, trained: &TrainedModel, output: &Path) -> Result<Exported, Error> {
    peft::write_adapter(output, &trained.adapter, &trained.manifest.base_model)?;
    let again = peft::read_adapter(output, &runtime.config)?;
    if again.parameters != trained.adapter.parameters {
        let message = format!("{} does not read back as it was written: export again", output.display());
        return Err(Error::Request(message));
    }
    let base_weights = trained.manifest.plan.base_weights;
    let rounded = matches!(base_weights, BaseWeights::Q8 | BaseWeights::Q4);
    let note = format!(
        "it was trained on base weights rounded to {}, and says something else on those of the full base model; \
         a merged model or a GGUF file has them as they were",
        base_weights.name()
    );
    let notes = rounded.then_some(note).into_iter().collect();
    let path = output.to_owned();
    Ok(Exported { path, largest_difference: None, mean_difference: None, notes })
}

impl Exported {
    fn compared(path: &Path, drift: Drift, notes: Vec<String>) -> Self {
        let (mean, largest) = (Some(drift.mean), Some(drift.largest));
        Self { path: path.to_owned(), largest_difference: largest, mean_difference: mean, notes }
    }
}
