//! Test results to the data of a report.

mod facts;
pub(crate) mod trust;

use std::collections::BTreeSet;

use gradus_domain::Marks;
use gradus_grading::calibration::expected_error;
use gradus_grading::dataset::{Dataset, Finding, Severity as FindingSeverity, Split};
use gradus_grading::guide::{Guide, Question, QuestionId};
use gradus_grading::metrics::{Bootstrap, MarkPair, confusion};
use gradus_report::data::{
    ConfidenceQuality, ConfusionPanel, DataFinding, DocumentRead, FileChecksum, GuideFacts, MarkScale,
    NamedValue, QuestionFacts, QuestionResult, Reproduction, ResultSection, Results, Severity, TestReport,
    TestedAnswer,
};

pub(crate) use facts::{model_facts, model_hashes, training_facts};
use trust::Outcome;

use crate::documents::Document;
use crate::marking::Marking;
use crate::papers::PaperFile;
use crate::robustness::Robustness;
use crate::students::Students;
use crate::testing::{Section, Tested, section};
use crate::trained::TrainedModel;

/// Answers shown in the review queue.
const REVIEW_LIMIT: usize = 12;

/// What a report is made from.
pub(crate) struct Material<'a> {
    pub(crate) title: String,
    pub(crate) guide: &'a Guide,
    pub(crate) guide_document: &'a Document,
    /// Absent where the data the model was trained on is not at hand.
    pub(crate) dataset: Option<&'a Dataset>,
    pub(crate) model: &'a TrainedModel,
    pub(crate) model_source: String,
    pub(crate) tested: &'a [Tested],
    pub(crate) robustness: Option<&'a Robustness>,
    pub(crate) papers: &'a [PaperFile],
    pub(crate) findings: &'a [Finding],
    pub(crate) problems: Vec<String>,
    pub(crate) command: String,
    pub(crate) caveats: &'a [String],
    pub(crate) generated_at: chrono::DateTime<chrono::Utc>,
}

pub(crate) fn report(material: &Material<'_>) -> TestReport {
    let bootstrap = Bootstrap::default();
    let trained_on = questions_trained_on(material);
    let is_seen = |id: &QuestionId| trained_on.as_ref().is_none_or(|seen| seen.contains(id));
    let results = |keep: &dyn Fn(&Tested) -> bool| {
        let some: Vec<&Tested> = material.tested.iter().filter(|one| keep(one)).collect();
        section(&some, bootstrap).map(|section| result_section(some.len(), section))
    };
    let judgement = material.model.judgement.as_ref();
    let outcomes = outcomes(material.tested, |one| &one.trained);
    TestReport {
        title: material.title.clone(),
        generated_at: material.generated_at,
        gradus_version: env!("CARGO_PKG_VERSION").to_owned(),
        guide: GuideFacts {
            title: material.guide.title.clone().unwrap_or_else(|| material.guide_document.name()),
            questions: material
                .guide
                .questions
                .iter()
                .map(|q| question_facts(material, q, is_seen(&q.id)))
                .collect(),
        },
        model: model_facts(material.model, &material.model_source),
        training: training_facts(&material.model.manifest),
        results: Results {
            overall: results(&|_| true),
            seen_questions: trained_on.as_ref().and_then(|_| results(&|one| is_seen(&one.answer.question))),
            unseen_questions: results(&|one| !is_seen(&one.answer.question)),
        },
        by_question: by_question(material, bootstrap),
        confusion: vec![confusion_panel(material.tested)],
        confidence: trust::bins(&outcomes),
        marking: judgement.map(trust::marking_facts),
        confidence_quality: confidence_quality(material),
        risk_coverage: trust::coverage(&outcomes),
        automatic: judgement
            .map_or_else(Vec::new, |judgement| trust::automatic_marking(judgement, &outcomes)),
        robustness: material.robustness.map(trust::robustness_facts),
        answers: tested_answers(material),
        review_limit: REVIEW_LIMIT,
        data_findings: data_findings(material),
        documents: material.papers.iter().map(document_read).collect(),
        reproduction: reproduction(material, bootstrap),
        caveats: caveats(material),
    }
}

/// Questions with training examples; `None` where the training data is not at hand.
fn questions_trained_on(material: &Material<'_>) -> Option<BTreeSet<QuestionId>> {
    let examples = &material.dataset?.examples;
    let trained = examples.iter().filter(|example| example.split == Split::Train);
    Some(trained.map(|example| example.question.clone()).collect())
}

fn question_facts(material: &Material<'_>, question: &Question, seen: bool) -> QuestionFacts {
    let examples = material.dataset.map(|dataset| &dataset.examples[..]).unwrap_or_default();
    let is_own = |question: &Question, id: &QuestionId| *id == question.id;
    let trained = examples.iter().filter(|e| e.split == Split::Train && is_own(question, &e.question));
    QuestionFacts {
        id: question.id.clone(),
        text: question.text.clone(),
        max_marks: question.max_marks,
        seen,
        training_answers: trained.count(),
    }
}

fn result_section(count: usize, section: Section) -> ResultSection {
    let Section { trained, base, human, comparison } = section;
    ResultSection { count, trained, base, human, comparison }
}

fn by_question(material: &Material<'_>, bootstrap: Bootstrap) -> Vec<QuestionResult> {
    let of = |question: &Question| {
        let own: Vec<&Tested> =
            material.tested.iter().filter(|one| one.answer.question == question.id).collect();
        let Section { trained, base, human, .. } = section(&own, bootstrap)?;
        Some(QuestionResult { question: question.id.clone(), trained, base, human })
    };
    material.guide.questions.iter().filter_map(of).collect()
}

/// Questions have different maxima, so marks are shown as quarters of the maximum.
fn confusion_panel(tested: &[Tested]) -> ConfusionPanel {
    let first = tested.first().map(|one| (one.max_marks, one.step));
    let alike = tested.iter().all(|one| Some((one.max_marks, one.step)) == first);
    let band = |mark: Marks, one: &Tested| {
        if alike {
            return mark;
        }
        let share = mark.as_f64() / one.max_marks.as_f64().max(f64::MIN_POSITIVE);
        Marks::from_thousandths((share * 4.0).round() as i32 * 250)
    };
    let pairs: Vec<MarkPair> = tested
        .iter()
        .map(|one| MarkPair {
            reference: band(one.answer.mark, one),
            given: band(one.trained.mark, one),
            step: one.step,
            cluster: 0,
        })
        .collect();
    let (scale, legal) = match first {
        Some((maximum, step)) if alike => (MarkScale::Marks, maximum.steps(step)),
        _ => (MarkScale::ShareOfMaximum, Marks::ONE.steps(Marks::from_thousandths(250))),
    };
    ConfusionPanel { marker: "trained model".to_owned(), scale, matrix: confusion(&pairs, &legal) }
}

/// What became of each marking that `marking` picks.
fn outcomes<'a>(tested: &'a [Tested], marking: impl Fn(&'a Tested) -> &'a Marking) -> Vec<Outcome> {
    let students = Students::of(tested.iter().map(|one| one.answer.student.as_deref()));
    let outcomes = tested.iter().map(|one| Outcome {
        confidence: marking(one).confidence,
        right: one.is_right(marking(one)),
        automatic: marking(one).automatic,
        seen_question: one.seen_question,
        cluster: students.number(one.answer.student.as_deref(), one.answer.source.row),
    });
    outcomes.collect()
}

fn confidence_quality(material: &Material<'_>) -> Option<ConfidenceQuality> {
    let scores =
        |marking: fn(&Tested) -> &Marking| trust::confidence_scores(&outcomes(material.tested, marking));
    Some(ConfidenceQuality {
        calibrated: scores(|one| &one.trained)?,
        uncalibrated: material.model.judgement.as_ref().and_then(|_| scores(|one| &one.uncalibrated)),
    })
}

fn tested_answers(material: &Material<'_>) -> Vec<TestedAnswer> {
    // What a person's look at an answer is worth, in parts of the maximum.
    let worth = |marking: &Marking| expected_error(&marking.scale(), &marking.probabilities(), marking.mark);
    let answers = material.tested.iter().map(|one| TestedAnswer {
        student: one.answer.student.clone(),
        question: one.answer.question.clone(),
        answer: one.answer.answer.clone(),
        reference_mark: one.answer.mark,
        given_mark: one.trained.mark,
        expected_mark: one.trained.expected_mark,
        confidence: one.trained.confidence,
        review_worth: material.model.judgement.as_ref().map(|_| worth(&one.trained)),
        is_order: one.trained.is_order(),
        automatic: one.trained.automatic,
        reference_verdict: one.answer.verdict.clone(),
        given_verdict: one.answer.verdict.as_ref().map(|_| one.trained.verdict.clone()),
        feedback: one.feedback.clone(),
    });
    answers.collect()
}

fn data_findings(material: &Material<'_>) -> Vec<DataFinding> {
    let of_the_dataset = material.dataset.map(|dataset| &dataset.findings[..]).unwrap_or_default();
    let found = of_the_dataset.iter().chain(material.findings).map(|finding| DataFinding {
        severity: match finding.severity {
            FindingSeverity::Information => Severity::Information,
            FindingSeverity::Warning => Severity::Warning,
            FindingSeverity::Serious => Severity::Error,
        },
        message: finding.message.clone(),
    });
    let problems = material
        .problems
        .iter()
        .map(|problem| DataFinding { severity: Severity::Warning, message: problem.clone() });
    found.chain(problems).collect()
}

fn document_read(paper: &PaperFile) -> DocumentRead {
    let mut problems: Vec<String> =
        paper.document.extraction.warnings.iter().map(ToString::to_string).collect();
    if !paper.reading.missing.is_empty() {
        let missing: Vec<&str> = paper.reading.missing.iter().map(|id| id.0.as_str()).collect();
        problems.push(format!("no answer to question {} was found", missing.join(", ")));
    }
    DocumentRead {
        file: paper.document.name(),
        format: paper.document.extraction.format.clone(),
        answers_found: paper.reading.answers.len(),
        problems,
    }
}

fn reproduction(material: &Material<'_>, bootstrap: Bootstrap) -> Reproduction {
    let named = |name: &str, value: String| NamedValue { name: name.to_owned(), value };
    let documents =
        std::iter::once(material.guide_document).chain(material.papers.iter().map(|p| &p.document));
    let manifest = &material.model.manifest;
    Reproduction {
        commands: vec![material.command.clone()],
        seeds: vec![
            named("training", manifest.plan.seed.to_string()),
            named("bootstrap", bootstrap.seed.to_string()),
        ],
        hashes: model_hashes(manifest),
        files: documents
            .map(|document| FileChecksum {
                file: document.name(),
                bytes: document.bytes,
                sha256: document.sha256.clone(),
            })
            .collect(),
    }
}

fn caveats(material: &Material<'_>) -> Vec<String> {
    let mut caveats = material.caveats.to_vec();
    if material.model.judgement.as_ref().is_none_or(|one| one.marked_questions.temperature.answers == 0) {
        let caveat = "The confidence is the model's own probability of the mark; it has not been calibrated.";
        caveats.push(caveat.to_owned());
    }
    caveats.extend([
        "A model repeats the habits of the marker it learnt from, the unfair ones included.".to_owned()
    ]);
    if material.dataset.is_none() {
        caveats.push(
            "The training data was not at hand for this report, so seen and unseen questions are not told apart and leakage was not looked for."
                .to_owned(),
        );
    }
    caveats
}
