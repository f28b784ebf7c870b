//! A realistic report, the same at every call: 80 answers of 16 students to five questions, marked by
//! a teacher, a second person, the trained model and the base model.

pub(crate) mod benchmark;
mod exam;
mod measured;
mod trust;

use chrono::{DateTime, TimeZone, Utc};
use gradus_report::data::{
    AdapterFacts, DataFinding, DocumentRead, FileChecksum, LossPoint, MethodFacts, ModelFacts, NamedValue,
    Reproduction, Severity, TestReport, TrainingFacts,
};

/// A report in which every section has content.
pub(crate) fn report() -> TestReport {
    let marked = exam::marked_answers();
    TestReport {
        title: "Biology year 10: cells and energy".into(),
        generated_at: date(),
        gradus_version: "0.1.0".into(),
        guide: exam::guide(),
        model: model(),
        training: training(),
        marking: Some(trust::marking()),
        results: measured::results(&marked),
        by_question: measured::by_question(&marked),
        confusion: measured::confusion_panels(&marked),
        confidence: measured::confidence(&marked),
        confidence_quality: Some(trust::confidence_quality()),
        risk_coverage: trust::risk_coverage(&marked),
        automatic: vec![trust::automatic(&marked)],
        robustness: Some(trust::robustness()),
        answers: marked.into_iter().map(|marked| marked.tested).collect(),
        review_limit: 12,
        data_findings: findings(),
        documents: documents(),
        reproduction: reproduction(),
        caveats: vec![
            "All papers are of one class and one year: other classes may write differently.".into(),
            "The teacher’s marks count as right throughout, also where the second marker disagrees.".into(),
        ],
    }
}

pub(crate) fn date() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 9, 14, 5, 0).unwrap()
}

fn model() -> ModelFacts {
    ModelFacts {
        base_model: "smollm2-135m-instruct".into(),
        source: "SmolLM2-135M-Instruct.Q4_1.gguf (Apache-2.0)".into(),
        method: MethodFacts {
            name: "LoRA".into(),
            adapter: Some(AdapterFacts {
                rank: 16,
                alpha: 32.0,
                targets: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
                    .map(String::from)
                    .to_vec(),
            }),
            base_weights: Some("as in the model's file".into()),
            lora_plus_ratio: 1.0,
            neftune_alpha: 0.0,
        },
        trainable_parameters: 4_884_480,
        prompt_template_hash: "b3:8f14e45fceea167a5a36dedd4bea2543".into(),
        dataset_hash: "b3:c9f0f895fb98ab9159f51fd0297e236d".into(),
        seed: 17,
    }
}

fn training() -> TrainingFacts {
    let train = (1..=180_u64).map(|step| {
        let wobble = ((step * 37 % 23) as f64 - 11.0) / 90.0;
        let loss = 0.42 + 1.1 * (-(step as f64) / 28.0).exp() + wobble;
        LossPoint { step, loss }
    });
    let validation = (0..=9_u64).map(|round| {
        let step = round * 20;
        let decay = 1.0 * (-(step as f64) / 32.0).exp();
        let loss = 0.55 + decay + (step.saturating_sub(110)) as f64 * 0.0014;
        LossPoint { step, loss }
    });
    TrainingFacts {
        train_loss: train.collect(),
        validation_loss: validation.collect(),
        steps: 180,
        epochs: 3.0,
        tokens: 412_930,
        seconds: 611.0,
        tokens_per_second: 675.8,
        device: Some("cpu (avx2 instructions, f32)".to_owned()),
        peak_memory_bytes: Some(1_481_900_032),
        best_step: Some(120),
    }
}

fn findings() -> Vec<DataFinding> {
    let finding = |severity, message: &str| DataFinding { severity, message: message.into() };
    vec![
        finding(
            Severity::Information,
            "marked_answers.csv: 14 answers are blank; all have 0 marks and were kept.",
        ),
        finding(
            Severity::Warning,
            "marked_answers.csv, rows 41 and 97: the same answer to question 2a has 1 and 3 marks. \
             Look at both and correct the one that is wrong.",
        ),
        finding(
            Severity::Error,
            "marked_answers.csv, row 212: `4` is more than the 3 marks of question 2b, so the row was \
             left out.",
        ),
    ]
}

fn documents() -> Vec<DocumentRead> {
    let read = |file: &str, format: &str, answers_found, problems: &[&str]| DocumentRead {
        file: file.into(),
        format: format.into(),
        answers_found,
        problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
    };
    vec![
        read("papers/adeyemi.docx", "DOCX", 5, &[]),
        read("papers/brandt.docx", "DOCX", 5, &[]),
        read(
            "papers/castellanos-second-attempt-corrected.pdf",
            "PDF",
            4,
            &["Page 2: no answer to question 4 was found; the page ends after question 3."],
        ),
        read("papers/dimitrova.txt", "TXT", 5, &[]),
    ]
}

fn reproduction() -> Reproduction {
    let named = |name: &str, value: &str| NamedValue { name: name.into(), value: value.into() };
    let file =
        |name: &str, bytes, digit: &str| FileChecksum { file: name.into(), bytes, sha256: digit.repeat(64) };
    Reproduction {
        commands: vec![
            "gradus quickstart guide.docx --answers marked_answers.csv --test papers/ --seed 17".into(),
        ],
        seeds: vec![named("training", "17"), named("bootstrap", "2026")],
        hashes: vec![
            named("adapter", "b3:45c48cce2e2d7fbdea1afc51c7c6ad26"),
            named("base weights", "b3:6512bd43d9caa6e02c990b0a82652dca"),
        ],
        files: vec![file("guide.docx", 48_213, "a"), file("marked_answers.csv", 121_004, "7")],
    }
}
