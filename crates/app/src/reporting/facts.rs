//! How a model was made, as reports tell it.

use gradus_engine::adapter::LoraConfig;
use gradus_engine::backend::cpu::BaseWeights;
use gradus_engine::training::TrainingPlan;
use gradus_report::data::{AdapterFacts, LossPoint, MethodFacts, ModelFacts, NamedValue, TrainingFacts};

use crate::trained::{TrainedManifest, TrainedModel};

/// What was trained, and on what.
pub(crate) fn model_facts(model: &TrainedModel, source: &str) -> ModelFacts {
    let TrainedModel { manifest, adapter, .. } = model;
    ModelFacts {
        base_model: manifest.base_model.clone(),
        source: source.to_owned(),
        method: method_facts(&manifest.plan),
        trainable_parameters: adapter.parameters.len() as u64,
        prompt_template_hash: manifest.prompt_template_hash.clone(),
        dataset_hash: manifest.dataset_hash.clone(),
        seed: manifest.plan.seed,
    }
}

fn method_facts(plan: &TrainingPlan) -> MethodFacts {
    let lora = plan.method.lora();
    let targets =
        |lora: &LoraConfig| lora.target_modules.iter().map(|module| module.name().to_owned()).collect();
    MethodFacts {
        name: lora.map_or("Full fine-tuning", LoraConfig::name).to_owned(),
        adapter: lora.map(|lora| AdapterFacts {
            rank: lora.rank as u32,
            alpha: f64::from(lora.alpha),
            targets: targets(lora),
        }),
        base_weights: lora.map(|_| base_weights(plan.base_weights).to_owned()),
        lora_plus_ratio: plan.lora_plus_ratio,
        neftune_alpha: plan.neftune_alpha,
    }
}

fn base_weights(kept: BaseWeights) -> &'static str {
    match kept {
        BaseWeights::AsStored => "as in the model's file",
        BaseWeights::Full => "in full, dequantised where the model's file has them quantised",
        BaseWeights::Q8 => "quantised to 8 bits (QLoRA)",
        BaseWeights::Q4 => "quantised to 4 bits (QLoRA)",
    }
}

/// How the training went.
pub(crate) fn training_facts(manifest: &TrainedManifest) -> TrainingFacts {
    let run = &manifest.run;
    let points = |points: &[gradus_engine::training::LossPoint]| {
        points.iter().map(|point| LossPoint { step: point.step, loss: point.loss }).collect()
    };
    let per_epoch = manifest.plan.steps_per_epoch(manifest.training_examples).max(1);
    TrainingFacts {
        train_loss: points(&run.train_losses),
        validation_loss: points(&run.validation_losses),
        steps: run.steps,
        epochs: run.steps as f64 / per_epoch as f64,
        tokens: run.tokens,
        seconds: run.seconds,
        tokens_per_second: run.tokens as f64 / run.seconds.max(f64::MIN_POSITIVE),
        device: Some(run.device.clone()),
        peak_memory_bytes: gradus_engine::memory::peak_bytes(),
        best_step: Some(run.chosen_step),
    }
}

/// What identifies the ingredients of a model.
pub(crate) fn model_hashes(manifest: &TrainedManifest) -> Vec<NamedValue> {
    let named = |name: &str, value: &str| NamedValue { name: name.to_owned(), value: value.to_owned() };
    let mut hashes = vec![
        named("base model weights (BLAKE3)", &manifest.base_fingerprint),
        named("dataset (BLAKE3)", &manifest.dataset_hash),
        named("prompt template (BLAKE3)", &manifest.prompt_template_hash),
    ];
    hashes.extend(
        manifest.started_from.iter().map(|start| named("started from the parameters (BLAKE3)", start)),
    );
    hashes
}
