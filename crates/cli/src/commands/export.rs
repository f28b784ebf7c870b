//! `gradus export`: trained models for other programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gradus_app::engine::export::Precision;
use gradus_app::export::{ExportFormat, export_model};
use gradus_app::runtime::Runtime;
use gradus_app::trained;

use crate::environment::Environment;
use crate::output;

/// Export a trained model for other programs
///
/// An export is read back and compared with the trained model before it is called done.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus export --model run/model --format peft --output adapter\n  gradus export --model run/model --format merged --output merged --precision f32"
)]
pub(crate) struct Arguments {
    /// The trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// How to store the weights of a merged model
    #[arg(long, value_enum, default_value = "bf16")]
    precision: PrecisionName,
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
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrecisionName {
    Bf16,
    F32,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let manifest = trained::read_manifest(&arguments.model)?;
    let name = arguments.base_model.as_deref().unwrap_or(&manifest.base_model);
    let base = environment.base_model(name)?;
    let runtime = Runtime::load(name, &base)?;
    let format = match (arguments.format, arguments.precision) {
        (Format::Peft, _) => ExportFormat::Peft,
        (Format::Merged, PrecisionName::Bf16) => ExportFormat::Merged(Precision::Bf16),
        (Format::Merged, PrecisionName::F32) => ExportFormat::Merged(Precision::F32),
    };
    let exported = environment.watch(|session| {
        export_model(runtime, &base, &arguments.model, format, &arguments.output, session)
    })?;
    if environment.json {
        return output::print_json(&exported);
    }
    let checked = match exported.largest_difference {
        Some(difference) => {
            format!("its log-probabilities differ from the trained model's by at most {difference:.1e}")
        }
        None => "it reads back bit by bit".to_owned(),
    };
    output::print(format!("Exported to {}; {checked}", exported.path.display()));
    Ok(())
}
