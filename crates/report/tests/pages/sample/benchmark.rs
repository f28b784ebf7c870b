//! A benchmark's report: three parts, four markers.

use gradus_grading::metrics::{ConfidenceBin, Estimate};
use gradus_report::data::{
    AutomaticMarking, BenchmarkPart, BenchmarkReport, CoveragePoint, MarkerResult, VerdictConfusion,
};

use super::trust;

/// A report in which every section has content.
pub(crate) fn report() -> BenchmarkReport {
    BenchmarkReport {
        title: "SmolLM2 135M on SciEntsBank".into(),
        set: "SciEntsBank, 3-way".into(),
        notes: vec![
            "4,969 answers of the training part were read; 0 rows were left out.".into(),
            "A correct answer counts 1 mark, a contradictory or incorrect one 0.".into(),
        ],
        generated_at: super::date(),
        gradus_version: "0.1.0".into(),
        model: super::model(),
        training: super::training(),
        marking: Some(trust::marking()),
        parts: vec![
            part("Unseen answers", "new answers to questions of the training part", 540, 135, 0.74),
            part("Unseen questions", "answers to new questions of known domains", 733, 15, 0.66),
            part("Unseen domains", "answers to questions of domains that training never saw", 4562, 46, 0.65),
        ],
        robustness: Some(trust::robustness()),
        reproduction: super::reproduction(),
        caveats: vec!["One seed: another run of the same training gives slightly different figures.".into()],
    }
}

fn part(name: &str, kind: &str, answers: usize, questions: usize, accuracy: f64) -> BenchmarkPart {
    let marker = |name: &str, accuracy: f64| marker(name, accuracy, answers);
    BenchmarkPart {
        taken_for_orders: (answers > 400).then_some(2),
        name: name.into(),
        kind: kind.into(),
        answers,
        questions,
        markers: vec![
            marker("trained model", accuracy),
            marker("base model, untrained", 0.38),
            marker("TF-IDF ridge", 1.3 * accuracy - 0.34),
            MarkerResult { quadratic_weighted_kappa: None, ..marker("majority", 0.42) },
        ],
        confusion: Some(VerdictConfusion {
            marker: "trained model".into(),
            names: ["incorrect", "contradictory", "correct"].map(String::from).to_vec(),
            counts: vec![vec![180, 12, 58], vec![20, 15, 23], vec![40, 6, 186]],
        }),
        automatic: vec![automatic(accuracy, answers)],
        confidence: bins(answers),
        risk_coverage: curve(accuracy),
    }
}

fn marker(name: &str, accuracy: f64, answers: usize) -> MarkerResult {
    let half = 1.96 * (accuracy * (1.0 - accuracy) / answers as f64).sqrt();
    let around = |value: f64| Estimate { value, low: value - half, high: value + half };
    MarkerResult {
        name: name.into(),
        accuracy: around(accuracy),
        weighted_f1: Some(around(accuracy - 0.01)),
        macro_f1: Some(around(accuracy - 0.12)),
        root_mean_squared_error: around(1.0 - accuracy),
        quadratic_weighted_kappa: Some(around(accuracy - 0.2)),
        log_loss: 1.4 - accuracy,
        expected_calibration_error: (1.0 - accuracy) / 9.0,
        brier: (1.0 - accuracy) / 2.0,
    }
}

fn automatic(accuracy: f64, answers: usize) -> AutomaticMarking {
    AutomaticMarking {
        kind: "answers".into(),
        count: answers,
        wanted_agreement: 0.9,
        threshold: Some(0.88),
        share_on_validation: 0.41,
        share_here: accuracy / 2.0,
        agreement_here: Some(Estimate { value: 0.91, low: 0.88, high: 0.94 }),
        reason: None,
    }
}

fn bins(answers: usize) -> Vec<ConfidenceBin> {
    let bin = |tenth: usize| {
        let low = tenth as f64 / 10.0;
        ConfidenceBin {
            low,
            high: low + 0.1,
            count: answers * tenth / 45,
            mean_confidence: low + 0.05,
            accuracy: low + 0.02,
        }
    };
    (4..10).map(bin).collect()
}

fn curve(accuracy: f64) -> Vec<CoveragePoint> {
    let point = |hundredth: u32| {
        let coverage = f64::from(hundredth) / 100.0;
        CoveragePoint { coverage, agreement: 0.97 - (0.97 - accuracy) * coverage.powf(1.4) }
    };
    (1..=100).map(point).collect()
}
