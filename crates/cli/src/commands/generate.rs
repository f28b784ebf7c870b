//! `gradus generate`: a model answers prompts.

mod answers;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use gradus_app::answering::{AnswerFormat, Completing, complete};
use gradus_app::engine::backend::cpu::BaseWeights;
use gradus_app::engine::generation::GenerationOptions;
use gradus_app::prompts::{Prompt, read_prompts};
use gradus_app::quickstart::MODEL;
use gradus_app::runtime::{AdaptedModel, Runtime};
use gradus_app::trained;
use serde_json::Value;

use self::answers::Answers;
use super::test::base_of;
use crate::device::DeviceOption;
use crate::environment::Environment;

/// Let a base or trained model answer prompts
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus generate \"What is osmosis?\"\n  gradus generate \"What is osmosis?\" --adapter run/model --temperature 0.7\n  gradus generate \"Name a cell organelle.\" --json-schema schema.json\n  gradus generate --prompts prompts.txt --json"
)]
pub(crate) struct Arguments {
    /// What to answer
    #[arg(required_unless_present = "prompts")]
    prompt: Option<String>,
    /// A file of prompts to answer together: one on each line, or JSONL with the text in "prompt"
    ///
    /// Answers are printed in the order of the prompts, as they come. A prompt that cannot be answered
    /// takes nothing from the others: it is named at the end, and the exit status is 1.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    prompts: Option<PathBuf>,
    /// Base model: a name from `gradus models list`, a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<String>,
    /// A trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Continue the bare text instead of answering it as a conversation
    #[arg(long)]
    raw: bool,
    /// Make each answer a JSON object
    #[arg(long, group = "format")]
    json_object: bool,
    /// Hold each answer to the JSON schema in this file
    #[arg(long, value_name = "FILE", group = "format")]
    json_schema: Option<PathBuf>,
    /// Hold each answer to a regular expression that matches all of it
    #[arg(long, value_name = "PATTERN", group = "format")]
    regex: Option<String>,
    /// Hold each answer to the grammar in this file, in the variant of Lark that llguidance reads
    #[arg(long, value_name = "FILE", group = "format")]
    grammar: Option<PathBuf>,
    /// Most tokens to generate for each prompt
    #[arg(long, default_value_t = 200)]
    max_tokens: usize,
    /// 0 always takes the most probable token; higher is more varied
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Only the most probable tokens that add up to this probability are sampled
    #[arg(long, value_name = "SHARE")]
    top_p: Option<f64>,
    /// Only so many of the most probable tokens are sampled
    #[arg(long, value_name = "COUNT")]
    top_k: Option<usize>,
    /// Seed of the sampling [default: 0]
    #[arg(long)]
    seed: Option<u64>,
    /// End an answer where this text would come; may be given several times
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Show how probable each token was, with so many of the most probable ones in its place
    #[arg(long, value_name = "COUNT", num_args = 0..=1, default_missing_value = "0")]
    logprobs: Option<usize>,
    #[command(flatten)]
    device: DeviceOption,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let completing = completing(arguments)?;
    let mut model = load(arguments, environment)?;
    let mut answers = Answers::new(&completing, arguments.prompt.is_some(), environment.json);
    let done = complete(&mut model, &completing, &mut answers);
    answers.close();
    done?;
    Ok(answers.failures()?)
}

fn completing(arguments: &Arguments) -> anyhow::Result<Completing> {
    let options = options(arguments)?;
    let prompts = match (&arguments.prompt, &arguments.prompts) {
        (_, Some(path)) => read_prompts(path)?,
        (prompt, None) => prompt.iter().map(|text| Prompt { text: text.clone(), place: None }).collect(),
    };
    Ok(Completing { prompts, raw: arguments.raw, options, format: format(arguments)? })
}

fn options(arguments: &Arguments) -> anyhow::Result<GenerationOptions> {
    let usual = GenerationOptions::default();
    let options = GenerationOptions {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        top_p: arguments.top_p.unwrap_or(usual.top_p),
        top_k: arguments.top_k,
        seed: arguments.seed.unwrap_or(usual.seed),
        stop_tokens: Vec::new(),
        stop_texts: arguments.stop.clone(),
        log_probabilities: arguments.logprobs,
        ..usual
    };
    options.validate()?;
    let of_sampling = [
        ("--top-p", arguments.top_p.is_some()),
        ("--top-k", arguments.top_k.is_some()),
        ("--seed", arguments.seed.is_some()),
    ];
    if let Some((option, _)) = of_sampling.into_iter().find(|(_, given)| *given && options.temperature == 0.0)
    {
        bail!("{option} needs --temperature above 0: without it the most probable token is always taken");
    }
    Ok(options)
}

fn format(arguments: &Arguments) -> anyhow::Result<Option<AnswerFormat>> {
    if arguments.json_object {
        return Ok(Some(AnswerFormat::JsonObject));
    }
    if let Some(path) = &arguments.json_schema {
        return Ok(Some(AnswerFormat::JsonSchema(schema(path)?)));
    }
    if let Some(path) = &arguments.grammar {
        return Ok(Some(AnswerFormat::Grammar(read(path)?)));
    }
    Ok(arguments.regex.clone().map(AnswerFormat::Regex))
}

fn schema(path: &Path) -> anyhow::Result<Value> {
    serde_json::from_str(&read(path)?)
        .with_context(|| format!("{} is not JSON, so it cannot be a JSON schema", path.display()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}; check the path", path.display()))
}

fn load(arguments: &Arguments, environment: &Environment) -> anyhow::Result<AdaptedModel> {
    let Some(directory) = &arguments.adapter else {
        let name = arguments.model.as_deref().unwrap_or(MODEL);
        let path = environment.base_model(name)?;
        let runtime = Runtime::load(name, &path, arguments.device.device, BaseWeights::default())?;
        return Ok(AdaptedModel { runtime, adapter: None });
    };
    let (runtime, _) = base_of(directory, arguments.model.as_deref(), arguments.device, environment)?;
    let adapter = Some(trained::load(directory, &runtime)?.adapter);
    Ok(AdaptedModel { runtime, adapter })
}
