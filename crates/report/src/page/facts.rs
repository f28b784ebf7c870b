//! Facts about the guide, the model and the files, as names with values.

use askama::Template;

use crate::data::{
    CalibrationFacts, FileChecksum, GuideFacts, MarkingFacts, MethodFacts, ModelFacts, TrainingFacts,
};
use crate::numbers::{bytes, counted, decimal, duration, grouped};

/// A list of names with values.
#[derive(Template)]
#[template(path = "facts.html")]
pub(super) struct FactList {
    facts: Vec<Fact>,
}

struct Fact {
    name: &'static str,
    value: String,
    /// Set in a fixed-width face: hashes, names of layers.
    is_code: bool,
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), is_code: false }
}

fn code(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { is_code: true, ..fact(name, value) }
}

/// What was trained.
pub(super) fn model(model: &ModelFacts) -> FactList {
    let mut facts = vec![fact("Base model", &*model.base_model), fact("Weights from", &*model.source)];
    facts.extend(method(&model.method));
    facts.extend([
        fact("Trained weights", grouped(model.trainable_parameters)),
        fact("Seed", model.seed.to_string()),
        code("Prompt template", &*model.prompt_template_hash),
        code("Dataset", &*model.dataset_hash),
    ]);
    FactList { facts }
}

/// How it was trained; what was left as usual is not mentioned.
fn method(method: &MethodFacts) -> Vec<Fact> {
    let mut facts = match &method.adapter {
        Some(adapter) => vec![
            fact("Adapter", format!("{}, rank {}, alpha {}", method.name, adapter.rank, adapter.alpha)),
            code("On layers", adapter.targets.join(", ")),
        ],
        None => vec![fact("Method", &*method.name)],
    };
    facts.extend(method.base_weights.as_ref().map(|kept| fact("Base weights", kept.clone())));
    if method.lora_plus_ratio != 1.0 {
        facts.push(fact("Learning rate of B", format!("{} times that of A (LoRA+)", method.lora_plus_ratio)));
    }
    if method.neftune_alpha > 0.0 {
        facts.push(fact("Noise on embeddings", format!("NEFTune, alpha {}", method.neftune_alpha)));
    }
    facts
}

/// How training went.
pub(super) fn training(training: &TrainingFacts) -> FactList {
    let speed = training.tokens_per_second.max(0.0).round() as u64;
    let mut facts = vec![
        fact("Steps", grouped(training.steps)),
        fact("Passes over the data", decimal(training.epochs, 1)),
        fact("Tokens", grouped(training.tokens)),
        fact("Time", duration(training.seconds)),
        fact("Speed", format!("{} tokens/s", grouped(speed))),
    ];
    facts.extend(training.device.as_ref().map(|device| fact("Device", device.clone())));
    facts.extend(training.peak_memory_bytes.map(|peak| fact("Peak memory", bytes(peak))));
    facts.extend(
        training.best_step.map(|step| fact("Kept", format!("the parameters of step {}", grouped(step)))),
    );
    FactList { facts }
}

/// How confidences were calibrated.
pub(super) fn calibrations(marking: &MarkingFacts) -> FactList {
    let [seen, unseen] = [&marking.seen_calibration, &marking.unseen_calibration].map(calibration);
    FactList {
        facts: vec![fact("Temperature, seen questions", seen), fact("Temperature, unseen questions", unseen)],
    }
}

fn calibration(facts: &CalibrationFacts) -> String {
    let temperature = match facts.temperature {
        None => "not calibrated".to_owned(),
        Some(value) => {
            let meaning = match decimal(value, 2).as_str() {
                "1.00" => "confidences stay as they were",
                _ if value > 1.0 => "lowers confidences, which were too high",
                _ => "raises confidences, which were too low",
            };
            format!("{}: {meaning}", decimal(value, 2))
        }
    };
    match facts.validation_answers {
        0 => temperature,
        count => {
            format!("{temperature}; chosen on {}", counted(count, "validation answer", "validation answers"))
        }
    }
}

/// One question of the guide.
pub(super) struct GuideRow {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) max_marks: String,
    pub(super) seen: &'static str,
    pub(super) training_answers: String,
}

/// The guide's questions.
pub(super) fn guide(guide: &GuideFacts) -> Vec<GuideRow> {
    let row = |question: &crate::data::QuestionFacts| GuideRow {
        name: question.id.0.clone(),
        text: question.text.clone(),
        max_marks: question.max_marks.to_string(),
        seen: if question.seen { "seen" } else { "unseen" },
        training_answers: grouped(question.training_answers as u64),
    };
    guide.questions.iter().map(row).collect()
}

/// One file with its checksum.
pub(super) struct FileRow {
    pub(super) file: String,
    pub(super) size: String,
    pub(super) sha256: String,
}

/// The files that went in.
pub(super) fn files(files: &[FileChecksum]) -> Vec<FileRow> {
    let row = |file: &FileChecksum| FileRow {
        file: file.file.clone(),
        size: bytes(file.bytes),
        sha256: file.sha256.clone(),
    };
    files.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::AdapterFacts;

    fn shown(facts: &MethodFacts) -> Vec<(&'static str, String)> {
        method(facts).into_iter().map(|fact| (fact.name, fact.value)).collect()
    }

    #[test]
    fn a_method_is_shown_with_what_is_unusual_about_it() {
        let adapter = AdapterFacts { rank: 8, alpha: 16.0, targets: vec!["q_proj".into()] };
        let mut facts = MethodFacts {
            name: "DoRA".into(),
            adapter: Some(adapter),
            base_weights: None,
            lora_plus_ratio: 1.0,
            neftune_alpha: 0.0,
        };
        let adapter = ("Adapter", "DoRA, rank 8, alpha 16".to_owned());
        assert_eq!(shown(&facts), [adapter, ("On layers", "q_proj".to_owned())]);
        (facts.lora_plus_ratio, facts.neftune_alpha) = (16.0, 5.0);
        assert_eq!(shown(&facts)[2], ("Learning rate of B", "16 times that of A (LoRA+)".to_owned()));
        assert_eq!(shown(&facts)[3], ("Noise on embeddings", "NEFTune, alpha 5".to_owned()));
        facts.base_weights = Some("quantised to 4 bits (QLoRA)".into());
        assert_eq!(shown(&facts)[2], ("Base weights", "quantised to 4 bits (QLoRA)".to_owned()));
    }

    #[test]
    fn a_model_without_an_adapter_is_shown_by_its_method() {
        let facts = MethodFacts {
            name: "Full fine-tuning".into(),
            adapter: None,
            base_weights: None,
            lora_plus_ratio: 1.0,
            neftune_alpha: 0.0,
        };
        assert_eq!(shown(&facts), [("Method", "Full fine-tuning".to_owned())]);
    }
}
