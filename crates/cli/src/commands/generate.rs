//! `gradus generate`: a model answers a prompt.

use std::path::PathBuf;

use clap::Args;
use gradus_app::chat::complete;
use gradus_app::engine::generation::{FinishReason, GenerationOptions};
use gradus_app::quickstart::MODEL;
use gradus_app::runtime::{AdaptedModel, Runtime};
use gradus_app::trained;

use super::test::base_of;
use crate::environment::Environment;
use crate::{interrupt, output};

/// Let a base or trained model answer a prompt
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus generate \"What is osmosis?\"\n  gradus generate \"What is osmosis?\" --adapter run/model --temperature 0.7"
)]
pub(crate) struct Arguments {
    /// What to answer
    prompt: String,
    /// Base model: a name from `gradus models list`, a GGUF file or a Hugging Face directory
    #[arg(long, value_name = "NAME|PATH")]
    model: Option<String>,
    /// A trained model: the `model` directory of a training run
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Continue the bare text instead of answering it as a conversation
    #[arg(long)]
    raw: bool,
    /// Most tokens to generate
    #[arg(long, default_value_t = 200)]
    max_tokens: usize,
    /// 0 always takes the most probable token; higher is more varied
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Only the most probable tokens that add up to this probability are sampled
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Seed of the sampling
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let mut model = load(arguments, environment)?;
    let options = GenerationOptions {
        max_tokens: arguments.max_tokens,
        temperature: arguments.temperature,
        top_p: arguments.top_p,
        seed: arguments.seed,
        stop_tokens: Vec::new(),
    };
    let mut text = String::new();
    let reason = complete(&mut model, &arguments.prompt, arguments.raw, options, &mut |piece| {
        text.push_str(piece);
        if !environment.json {
            output::print_piece(piece);
        }
        !interrupt::requested()
    })?;
    if !environment.json {
        output::print("");
        return Ok(());
    }
    let finish_reason = match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    };
    output::print_json(&serde_json::json!({ "text": text, "finish_reason": finish_reason }))
}

fn load(arguments: &Arguments, environment: &Environment) -> anyhow::Result<AdaptedModel> {
    let Some(directory) = &arguments.adapter else {
        let name = arguments.model.as_deref().unwrap_or(MODEL);
        let runtime = Runtime::load(name, &environment.base_model(name)?)?;
        return Ok(AdaptedModel { runtime, adapter: None });
    };
    let (runtime, _) = base_of(directory, arguments.model.as_deref(), environment)?;
    let adapter = Some(trained::load(directory, &runtime)?.adapter);
    Ok(AdaptedModel { runtime, adapter })
}
