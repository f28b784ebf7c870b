//! `gradus export`: trained models for other programs.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use gradus_app::engine::backend::Device;
use gradus_app::engine::export::Precision;
use gradus_app::engine::export::gguf::GgufType;
use gradus_app::export::{ExportFormat, ExportRequest, Exported, export_model};
use gradus_app::runtime::Runtime;
use gradus_app::trained;

use crate::environment::Environment;
use crate::output;

/// Export a trained model for other programs
///
/// An export is read back and compared with the trained model before it is called done.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus export --model run/model --format peft --output adapter\n  gradus export --model run/model --format merged --output merged --precision f32\n  gradus export --model run/model --format gguf --type q8_0 --output marker"
)]
pub(crate) struct Arguments {
    /// The trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// How to store the weights of a merged model [default: bf16]
    #[arg(long, value_enum)]
    precision: Option<PrecisionName>,
    /// How to store the weights of a GGUF file [default: q8_0]
    ///
    /// Fewer bits make a smaller and quicker model that says the same less exactly; the export tells how
    /// far it is from the trained model.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<TypeName>,
    /// The base model, where it is not the one the training named
    #[arg(long, value_name = "NAME|PATH")]
    base_model: Option<String>,
    /// A new directory
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A Hugging Face PEFT adapter
    Peft,
    /// The base model with the adapter merged in, as a Hugging Face directory
    Merged,
    /// The same as a GGUF file for llama.cpp, with a Modelfile for Ollama
    Gguf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrecisionName {
    Bf16,
    F32,
}

/// The names that llama.cpp uses.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypeName {
    F32,
    F16,
    Bf16,
    #[value(name = "q8_0")]
    Q8_0,
    #[value(name = "q6_k")]
    Q6K,
    #[value(name = "q5_k")]
    Q5K,
    #[value(name = "q4_k")]
    Q4K,
    #[value(name = "q4_1")]
    Q4_1,
    #[value(name = "q4_0")]
    Q4_0,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let format = format(arguments)?;
    let manifest = trained::read_manifest(&arguments.model)?;
    let name = arguments.base_model.as_deref().unwrap_or(&manifest.base_model);
    let base = environment.base_model(name)?;
    let runtime = Runtime::load(name, &base, Device::Cpu, manifest.plan.base_weights)?;
    let request = ExportRequest {
        base: &base,
        model_directory: &arguments.model,
        format,
        licence: environment.catalogue.get(name).map(|entry| entry.licence.as_str()),
        output: &arguments.output,
    };
    let mut exported = environment.watch(|session| export_model(runtime, &request, session))?;
    let terms = environment.catalogue.get(name).and_then(|entry| entry.terms.as_ref());
    exported.notes.extend(terms.map(|terms| terms.passing_on.clone()));
    if environment.json {
        return output::print_json(&exported);
    }
    for note in &exported.notes {
        output::print(format!("Note: {note}"));
    }
    output::print(format!("Exported to {}; {}", exported.path.display(), checked(&exported)));
    if matches!(format, ExportFormat::Gguf(_)) {
        let modelfile = exported.path.join("Modelfile");
        output::print(format!("With Ollama: ollama create NAME -f {}", modelfile.display()));
    }
    Ok(())
}

fn format(arguments: &Arguments) -> anyhow::Result<ExportFormat> {
    let Arguments { precision, kind, .. } = arguments;
    Ok(match arguments.format {
        Format::Peft if precision.is_some() => bail!("--precision is for --format merged; leave it out"),
        Format::Gguf if precision.is_some() => bail!("--precision is for --format merged; use --type"),
        Format::Peft if kind.is_some() => bail!("--type is for --format gguf; leave it out"),
        Format::Merged if kind.is_some() => bail!("--type is for --format gguf; use --precision"),
        Format::Peft => ExportFormat::Peft,
        Format::Merged => ExportFormat::Merged(match precision {
            Some(PrecisionName::F32) => Precision::F32,
            Some(PrecisionName::Bf16) | None => Precision::Bf16,
        }),
        Format::Gguf => ExportFormat::Gguf(kind.unwrap_or(TypeName::Q8_0).into()),
    })
}

impl From<TypeName> for GgufType {
    fn from(name: TypeName) -> Self {
        match name {
            TypeName::F32 => Self::F32,
            TypeName::F16 => Self::F16,
            TypeName::Bf16 => Self::Bf16,
            TypeName::Q8_0 => Self::Q8_0,
            TypeName::Q6K => Self::Q6K,
            TypeName::Q5K => Self::Q5K,
            TypeName::Q4K => Self::Q4K,
            TypeName::Q4_1 => Self::Q4_1,
            TypeName::Q4_0 => Self::Q4_0,
        }
    }
}

fn checked(exported: &Exported) -> String {
    match (exported.mean_difference, exported.largest_difference) {
        (Some(mean), Some(largest)) => format!(
            "its log-probabilities differ from the trained model's by {mean:.1e} on average and {largest:.1e} at most"
        ),
        _ => "it reads back bit by bit".to_owned(),
    }
}
