//! `gradus generate`: a model answers prompts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use gradus_app::chat::{AnswerFormat, Completing, Completion, complete, read_prompts};
use gradus_app::engine::backend::cpu::BaseWeights;
use gradus_app::engine::generation::{FinishReason, GenerationOptions, TokenProbability};
use gradus_app::quickstart::MODEL;
use gradus_app::runtime::{AdaptedModel, Runtime};
use gradus_app::trained;
use serde_json::{Value, json};

use super::test::base_of;
use crate::device::DeviceOption;
use crate::environment::Environment;
use crate::{console, interrupt, output};

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
    /// Hold each answer to the JSON schema in this file
    #[arg(long, value_name = "FILE", conflicts_with = "regex")]
    json_schema: Option<PathBuf>,
    /// Hold each answer to a regular expression that matches all of it
    #[arg(long, value_name = "PATTERN")]
    regex: Option<String>,
    /// Most tokens to generate for each prompt
    #[arg(long, default_value_t = 200)]
    max_tokens: usize,
    /// 0 always takes the most probable token; higher is more varied
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Only the most probable tokens that add up to this probability are sampled
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Only so many of the most probable tokens are sampled
    #[arg(long, value_name = "COUNT")]
    top_k: Option<usize>,
    /// Seed of the sampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
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
    let one = arguments.prompt.is_some();
    let streams = one && !environment.json;
    let began = Instant::now();
    let completions = complete(&mut model, &completing, &mut |_, token| {
        if streams {
            output::print_piece(&token.text);
        }
        !interrupt::requested()
    })?;
    let seconds = began.elapsed().as_secs_f64();
    if streams {
        output::print("");
    }
    let name = |token: u32| model.runtime.tokenizer.decode(&[token]);
    for (prompt, completion) in completing.prompts.iter().zip(&completions) {
        match (environment.json, one) {
            (true, true) => output::print_json(&as_json(completion, &name))?,
            (true, false) => {
                let mut object = as_json(completion, &name);
                object["prompt"] = json!(prompt);
                output::print_json(&object)?;
            }
            (false, true) => {}
            (false, false) => output::print(format!("> {prompt}\n{}\n", completion.text)),
        }
        if !environment.json && arguments.logprobs.is_some() {
            output::print(probabilities(completion, &name));
        }
    }
    if !one {
        let tokens: usize = completions.iter().map(|completion| completion.tokens.len()).sum();
        let (prompts, rate) = (completions.len(), tokens as f64 / seconds);
        console::line(&format!("{prompts} prompts, {tokens} tokens in {seconds:.1} s: {rate:.0} tokens/s"));
    }
    Ok(())
}

fn completing(arguments: &Arguments) -> anyhow::Result<Completing> {
    let prompts = match (&arguments.prompt, &arguments.prompts) {
        (_, Some(path)) => read_prompts(path)?,
        (prompt, None) => prompt.iter().cloned().collect(),
    };
    let format = match (&arguments.json_schema, &arguments.regex) {
        (Some(path), _) => Some(AnswerFormat::JsonSchema(schema(path)?)),
        (None, Some(pattern)) => Some(AnswerFormat::Regex(pattern.clone())),
        (None, None) => None,
    };
    let options = GenerationOptions {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        top_p: arguments.top_p,
        top_k: arguments.top_k,
        seed: arguments.seed,
        stop_tokens: Vec::new(),
        stop_texts: arguments.stop.clone(),
        log_probabilities: arguments.logprobs,
    };
    options.validate()?;
    Ok(Completing { prompts, raw: arguments.raw, options, format })
}

fn schema(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}; check the path", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON, so it cannot be a JSON schema", path.display()))
}

fn as_json(completion: &Completion, name: &dyn Fn(u32) -> String) -> Value {
    let finish_reason = match completion.finish_reason {
        Some(FinishReason::Stop) => "stop",
        Some(FinishReason::Length) => "length",
        None => "interrupted",
    };
    let mut object = json!({ "text": completion.text, "finish_reason": finish_reason });
    let one = |one: &TokenProbability| json!({ "token": name(one.token), "id": one.token, "log_probability": one.log_probability });
    let tokens = completion.tokens.iter().filter_map(|token| {
        let mut object = one(&token.probability?);
        if !token.alternatives.is_empty() {
            object["alternatives"] = token.alternatives.iter().map(one).collect();
        }
        Some(object)
    });
    let tokens: Vec<Value> = tokens.collect();
    if !tokens.is_empty() {
        object["tokens"] = tokens.into();
    }
    object
}

/// A line for each token.
fn probabilities(completion: &Completion, name: &dyn Fn(u32) -> String) -> String {
    let cell =
        |one: &TokenProbability| format!("{:?} {:.1} %", name(one.token), 100.0 * one.log_probability.exp());
    let rows = completion.tokens.iter().filter_map(|token| {
        let alternatives = token.alternatives.iter().map(cell);
        Some(std::iter::once(cell(&token.probability?)).chain(alternatives).collect())
    });
    output::table(&rows.collect::<Vec<Vec<String>>>())
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
