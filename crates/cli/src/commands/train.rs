//! `gradus train`: hyperparameters from the command line, preflight, the run.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use gradus_app::chat::read_chat;
use gradus_app::datasets::load_dataset;
use gradus_app::engine::adapter::LoraConfig;
use gradus_app::engine::backend::Device;
use gradus_app::engine::memory;
use gradus_app::engine::preflight::Preflight;
use gradus_app::engine::training::TrainingPlan;
use gradus_app::preflight::{self, duration, gibibytes};
use gradus_app::trained::TrainedModel;
use gradus_app::training::{TrainingSource, model_directory};

use crate::console;
use crate::environment::Environment;
use crate::output;
use crate::run::{ReadyRun, RunOptions};

/// Fine-tune a model on a dataset of marked answers, or on conversations
///
/// The run is saved as it goes: after Ctrl-C, a crash or a power cut the same command goes on where it
/// was, and ends with the same result to the last bit, if it runs on the same device and kind of
/// processor. Settings that are not given follow from the number of examples.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus train --dataset dataset.json --output run\n  gradus train --chat conversations.jsonl --output run --epochs 2\n  gradus train --dataset dataset.json --output run --preflight"
)]
pub(crate) struct Arguments {
    /// The dataset, as `gradus dataset build` wrote it
    #[arg(long, value_name = "FILE", required_unless_present = "chat", conflicts_with = "chat")]
    dataset: Option<PathBuf>,
    /// Conversations in OpenAI's, Alpaca's or ShareGPT's JSONL format
    #[arg(long, value_name = "FILE")]
    chat: Option<PathBuf>,
    /// Conversations to validate with
    #[arg(long, value_name = "FILE", requires = "chat")]
    chat_validation: Option<PathBuf>,
    /// Holds the checkpoints and, in the end, the trained model
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Only look at the data and say what the run would need
    #[arg(long)]
    preflight: bool,
    #[command(flatten)]
    run: RunOptions,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let mut ready = arguments.run.ready(source(arguments)?, environment)?;
    if arguments.preflight {
        return show_preflight(&ready.needs, &ready.plan, ready.runtime.device, environment);
    }
    let model = environment.watch(|session| ready.train(&arguments.output, session))?;
    show_result(&ready, &model, &arguments.output, environment)
}

fn source(arguments: &Arguments) -> anyhow::Result<TrainingSource> {
    if let Some(path) = &arguments.dataset {
        let dataset = Box::new(load_dataset(path)?);
        let synthetic = arguments.run.synthetic();
        return Ok(TrainingSource::Marking { dataset, synthetic });
    }
    let train = arguments.chat.as_ref().context("give --dataset or --chat")?;
    let validation = match &arguments.chat_validation {
        Some(path) => read_chat(path)?.examples,
        None => Vec::new(),
    };
    Ok(TrainingSource::Chat { train: read_chat(train)?.examples, validation })
}

fn show_preflight(
    needs: &Preflight,
    plan: &TrainingPlan,
    device: Device,
    environment: &Environment,
) -> anyhow::Result<()> {
    if environment.json {
        return output::print_json(
            &serde_json::json!({ "preflight": needs, "plan": plan, "device": device.describe() }),
        );
    }
    let memory = &needs.memory;
    let warning = preflight::warning(needs, plan, device);
    let rows = [
        ("training examples", needs.train.sequences.to_string()),
        (
            "tokens each",
            format!("{} to {}, median {}", needs.train.shortest, needs.train.longest, needs.train.median),
        ),
        ("tokens an epoch", needs.train.total.to_string()),
        ("saved by shared prefixes", format!("{:.0} %", needs.shared_share * 100.0)),
        ("validation examples", needs.validation.sequences.to_string()),
        ("steps", format!("{} an epoch, {} in all", needs.steps_per_epoch, needs.total_steps)),
        ("learning rate", format!("{} peak, {:.0} % warm-up", plan.learning_rate, plan.warmup_share * 100.0)),
        ("method", plan.method.lora().map_or("full fine-tuning", LoraConfig::name).to_owned()),
        ("parameters to train", format!("{:.1} million", needs.trainable_parameters as f64 / 1e6)),
        (
            "memory",
            format!(
                "{:.2} GiB: weights {:.2}, training {:.2}, activations {:.2}, program and data {:.2}",
                gibibytes(memory.total),
                gibibytes(memory.weights),
                gibibytes(memory.adapter),
                gibibytes(memory.activations),
                gibibytes(memory.process)
            ),
        ),
        ("device", device.describe()),
        (
            if device == Device::Cpu { "time, estimated" } else { "time on the CPU, estimated" },
            duration(needs.estimated_seconds),
        ),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(what, value)| vec![what.to_owned(), value]).collect();
    output::print(output::table(&rows));
    warning.into_iter().for_each(|warning| console::line(&format!("warning: {warning}")));
    output::print("No problems found. Run the command without --preflight to train.");
    Ok(())
}

fn show_result(
    ready: &ReadyRun<'_>,
    model: &TrainedModel,
    output: &Path,
    environment: &Environment,
) -> anyhow::Result<()> {
    let (directory, estimate) = (model_directory(output), ready.needs.memory.total);
    let run = &model.manifest.run;
    if environment.json {
        return output::print_json(&serde_json::json!({
            "event": "finished", "model": directory, "dataset_hash": ready.prepared.hash, "run": {
                "steps": run.steps, "chosen_step": run.chosen_step, "best": run.best, "tokens": run.tokens,
                "seconds": run.seconds, "device": run.device, "peak_memory_bytes": memory::peak_bytes(),
                "estimated_memory_bytes": estimate,
            },
        }));
    }
    let validation = run
        .best
        .map_or(String::new(), |best| format!(", validation loss {:.3} at step {}", best.loss, best.step));
    let (steps, time) = (run.steps, duration(run.seconds));
    let memory = preflight::peak_beside(estimate).map_or(String::new(), |peak| format!("; {peak}"));
    let judgement = model.judgement.iter().flat_map(|judgement| judgement.sentences());
    let judgement: String = judgement.map(|sentence| format!("{sentence}\n")).collect();
    output::print(format!(
        "{steps} steps in {time}{validation}{memory}\n{judgement}Trained model: {}",
        directory.display()
    ));
    Ok(())
}
