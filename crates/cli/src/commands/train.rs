//! `gradus train`: hyperparameters from the command line, preflight, the run.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use gradus_app::chat::read_chat;
use gradus_app::datasets::load_dataset;
use gradus_app::engine::adapter::{LoraConfig, Method, TargetModule};
use gradus_app::engine::backend::Device;
use gradus_app::engine::backend::cpu::BaseWeights;
use gradus_app::engine::memory;
use gradus_app::engine::preflight::Preflight;
use gradus_app::engine::training::{Schedule, Selection, TrainingPlan};
use gradus_app::preflight::{self, duration, gibibytes};
use gradus_app::quickstart::MODEL;
use gradus_app::runtime::Runtime;
use gradus_app::trained::TrainedModel;
use gradus_app::training::{
    PreparedData, TrainingRequest, TrainingSource, check, default_selection, prepare, train,
};

use crate::console;
use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::output;

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
    /// Base model: a name from `gradus models list`, a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "NAME|PATH", default_value = MODEL)]
    model: String,
    /// Only look at the data and say what the run would need
    #[arg(long)]
    preflight: bool,
    #[command(flatten)]
    device: DeviceOption,
    #[command(flatten)]
    plan: PlanOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Hyperparameters")]
struct PlanOptions {
    /// Passes over the training data
    #[arg(long)]
    epochs: Option<u32>,
    /// Sequences for one update
    #[arg(long)]
    batch_size: Option<usize>,
    /// Peak learning rate [default: 0.0004, with --method full a tenth of it]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// What the learning rate does after the warm-up
    #[arg(long, value_enum)]
    schedule: Option<ScheduleName>,
    /// Share of the updates over which the learning rate rises, 0 to 1
    #[arg(long)]
    warmup_share: Option<f64>,
    /// Decoupled weight decay
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Gradients are scaled down to this norm; 0 turns clipping off
    #[arg(long)]
    max_gradient_norm: Option<f64>,
    /// What is trained of the model [default: lora]
    #[arg(long, value_enum)]
    method: Option<MethodName>,
    /// Rank of the adapter
    #[arg(long)]
    lora_rank: Option<usize>,
    /// The adapter's update is scaled by alpha / rank, or with --rslora by alpha / √rank
    #[arg(long)]
    lora_alpha: Option<f32>,
    /// Scale the update by alpha / √rank (rsLoRA), so that a higher rank does not learn more slowly
    #[arg(long)]
    rslora: bool,
    /// How many times as fast the adapter's second matrix learns as its first (LoRA+, 16 is usual)
    #[arg(long, value_name = "RATIO")]
    lora_plus_ratio: Option<f64>,
    /// Noise on the embeddings in training, as in NEFTune (5 to 15 are usual); 0: none
    #[arg(long, value_name = "ALPHA")]
    neftune_alpha: Option<f64>,
    /// Probability that an input of the adapter is dropped, 0 to 1
    #[arg(long)]
    lora_dropout: Option<f32>,
    /// How the frozen base weights are rounded, here and whenever the model is used: as-stored
    /// (quantised where the file is), full, q8 or q4; only the processor saves memory by it [default:
    /// as-stored]
    #[arg(long, value_name = "HOW", value_parser = base_weights)]
    base_weights: Option<BaseWeights>,
    /// Linear layers to adapt, such as q_proj,v_proj [default: all]
    #[arg(long, value_delimiter = ',', value_parser = target_module)]
    target_modules: Vec<TargetModule>,
    /// Most tokens computed at once; bounds the memory
    #[arg(long)]
    micro_batch_rows: Option<usize>,
    /// Updates between evaluations on the validation data; 0: once an epoch
    #[arg(long)]
    evaluate_every: Option<u64>,
    /// Evaluations without gain after which training stops; 0: never
    #[arg(long)]
    patience: Option<u32>,
    /// Updates before early stopping may act
    #[arg(long)]
    patience_after: Option<u64>,
    /// Updates between checkpoints
    #[arg(long)]
    checkpoint_every: Option<u64>,
    /// Which step's parameters become the model [default: last for marking, best-loss otherwise]
    #[arg(long, value_enum)]
    select: Option<SelectionName>,
    /// Seed of initialisation, order and dropout
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum MethodName {
    /// A low-rank update of frozen linear layers
    Lora,
    /// LoRA with the length of each row of a weight trained apart from its direction
    Dora,
    /// Every weight, by default at a tenth of the learning rate: 16 bytes of memory a parameter, 12 of disk
    /// for each of three checkpoints, and a whole model rather than an adapter
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScheduleName {
    /// Stays at its peak
    Constant,
    /// Falls in a straight line
    Linear,
    /// Falls along half a cosine
    Cosine,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SelectionName {
    /// The step with the lowest validation loss
    BestLoss,
    /// The last step
    Last,
}

fn base_weights(name: &str) -> Result<BaseWeights, String> {
    BaseWeights::ALL.into_iter().find(|how| how.name() == name).ok_or_else(|| {
        let known: Vec<&str> = BaseWeights::ALL.into_iter().map(BaseWeights::name).collect();
        format!("use one of {}", known.join(", "))
    })
}

fn target_module(name: &str) -> Result<TargetModule, String> {
    TargetModule::ALL.into_iter().find(|module| module.name() == name).ok_or_else(|| {
        let known: Vec<&str> = TargetModule::ALL.into_iter().map(TargetModule::name).collect();
        format!("use some of {}", known.join(", "))
    })
}

impl PlanOptions {
    fn plan(&self, examples: usize) -> anyhow::Result<TrainingPlan> {
        let mut plan = self.method_plan(TrainingPlan::for_examples(examples))?;
        let set = |target: &mut f64, value: Option<f64>| value.into_iter().for_each(|value| *target = value);
        set(&mut plan.learning_rate, self.learning_rate);
        set(&mut plan.warmup_share, self.warmup_share);
        set(&mut plan.weight_decay, self.weight_decay);
        set(&mut plan.max_gradient_norm, self.max_gradient_norm);
        set(&mut plan.lora_plus_ratio, self.lora_plus_ratio);
        set(&mut plan.neftune_alpha, self.neftune_alpha);
        plan.epochs = self.epochs.unwrap_or(plan.epochs);
        plan.batch_size = self.batch_size.unwrap_or(plan.batch_size);
        plan.micro_batch_rows = self.micro_batch_rows.unwrap_or(plan.micro_batch_rows);
        plan.evaluate_every = self.evaluate_every.unwrap_or(plan.evaluate_every);
        plan.patience = self.patience.unwrap_or(plan.patience);
        plan.patience_after = self.patience_after.unwrap_or(plan.patience_after);
        plan.checkpoint_every = self.checkpoint_every.unwrap_or(plan.checkpoint_every);
        plan.base_weights = self.base_weights.unwrap_or(plan.base_weights);
        plan.seed = self.seed.unwrap_or(plan.seed);
        if let Some(name) = self.schedule {
            plan.schedule = match name {
                ScheduleName::Constant => Schedule::Constant,
                ScheduleName::Linear => Schedule::Linear,
                ScheduleName::Cosine => Schedule::Cosine,
            };
        }
        Ok(plan)
    }

    /// The plan with the method that was asked for.
    fn method_plan(&self, plan: TrainingPlan) -> anyhow::Result<TrainingPlan> {
        if self.method == Some(MethodName::Full) {
            if let Some(option) = self.adapter_option() {
                bail!(
                    "{option} is about adapters and the frozen weights beside them, and --method full trains the model itself: leave one of them out"
                );
            }
            return Ok(plan.full());
        }
        let usual = LoraConfig::default();
        let modules =
            if self.target_modules.is_empty() { &usual.target_modules } else { &self.target_modules };
        let config = LoraConfig {
            rank: self.lora_rank.unwrap_or(usual.rank),
            alpha: self.lora_alpha.unwrap_or(usual.alpha),
            dropout: self.lora_dropout.unwrap_or(usual.dropout),
            target_modules: modules.clone(),
            rank_stabilised: self.rslora,
            weight_decomposed: self.method == Some(MethodName::Dora),
        };
        Ok(TrainingPlan { method: Method::Lora(config), ..plan })
    }

    /// Refuses what would say nothing without validation data or early stopping.
    fn check_validation(&self, prepared: &PreparedData, plan: &TrainingPlan) -> anyhow::Result<()> {
        let of_validation = [
            ("--evaluate-every", self.evaluate_every.is_some()),
            ("--patience", self.patience.is_some_and(|patience| patience > 0)),
            ("--select best-loss", matches!(self.select, Some(SelectionName::BestLoss))),
        ];
        let given = of_validation.into_iter().find(|(_, given)| *given);
        if let (Some((option, _)), true) = (given, prepared.data.validation.is_empty()) {
            bail!(
                "{option} needs data to validate with: give --chat-validation, or build the dataset with a --validation-share"
            );
        }
        if self.patience_after.is_some() && plan.patience == 0 {
            bail!("--patience-after needs --patience above 0: nothing stops early without it");
        }
        Ok(())
    }

    /// An option that was given and makes sense for adapters only.
    fn adapter_option(&self) -> Option<&'static str> {
        let given = [
            ("--lora-rank", self.lora_rank.is_some()),
            ("--lora-alpha", self.lora_alpha.is_some()),
            ("--lora-dropout", self.lora_dropout.is_some()),
            ("--lora-plus-ratio", self.lora_plus_ratio.is_some()),
            ("--rslora", self.rslora),
            ("--target-modules", !self.target_modules.is_empty()),
            ("--base-weights", self.base_weights.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let source = source(arguments)?;
    let path = environment.base_model(&arguments.model)?;
    let base_weights = arguments.plan.base_weights.unwrap_or_default();
    let mut runtime = Runtime::load(&arguments.model, &path, arguments.device.device, base_weights)?;
    let prepared = prepare(&source, &runtime)?;
    let plan = arguments.plan.plan(prepared.data.train.len())?;
    let needs = check(&prepared, &plan, &runtime)?;
    arguments.plan.check_validation(&prepared, &plan)?;
    if arguments.preflight {
        return show_preflight(&needs, &plan, runtime.device, environment);
    }
    let selection = match arguments.plan.select {
        Some(SelectionName::BestLoss) => Selection::BestLoss,
        Some(SelectionName::Last) => Selection::Last,
        None => default_selection(prepared.purpose, &plan),
    };
    let request =
        TrainingRequest { prepared: &prepared, plan: &plan, directory: &arguments.output, selection };
    let model = environment.watch(|session| {
        session.watcher.note(&preflight::describe(&needs, &plan, runtime.device));
        let warning = preflight::warning(&needs, &plan, runtime.device);
        warning.into_iter().for_each(|warning| session.watcher.warning(&warning));
        train(&request, &mut runtime, session)
    })?;
    show_result(&request, &needs, &model, environment)
}

fn source(arguments: &Arguments) -> anyhow::Result<TrainingSource> {
    if let Some(path) = &arguments.dataset {
        return Ok(TrainingSource::Marking(Box::new(load_dataset(path)?)));
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
    request: &TrainingRequest<'_>,
    needs: &Preflight,
    model: &TrainedModel,
    environment: &Environment,
) -> anyhow::Result<()> {
    let directory = request.model_directory();
    let run = &model.manifest.run;
    if environment.json {
        return output::print_json(&serde_json::json!({
            "event": "finished", "model": directory, "dataset_hash": request.prepared.hash, "run": {
                "steps": run.steps, "chosen_step": run.chosen_step, "best": run.best, "tokens": run.tokens,
                "seconds": run.seconds, "device": run.device, "peak_memory_bytes": memory::peak_bytes(),
                "estimated_memory_bytes": needs.memory.total,
            },
        }));
    }
    let validation = run
        .best
        .map_or(String::new(), |best| format!(", validation loss {:.3} at step {}", best.loss, best.step));
    let (steps, time) = (run.steps, duration(run.seconds));
    let memory = preflight::peak_beside(needs.memory.total).map_or(String::new(), |peak| format!("; {peak}"));
    output::print(format!(
        "{steps} steps in {time}{validation}{memory}\nTrained model: {}",
        directory.display()
    ));
    Ok(())
}
