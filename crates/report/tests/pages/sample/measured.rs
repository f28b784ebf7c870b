//! Results of the sample report, measured on its marks as a real test measures them.

use std::collections::BTreeMap;

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use gradus_grading::metrics::{
    Agreement, Bootstrap, ConfidenceBin, Estimate, MarkPair, PairedMarks, agreement, compare,
    confidence_bins, confusion,
};
use gradus_report::data::{ConfusionPanel, MarkScale, QuestionResult, ResultSection, Results};

use super::exam::MarkedTwice;

type Marker = fn(&MarkedTwice) -> Marks;

const TRAINED: Marker = |marked| marked.tested.given_mark;
const BASE: Marker = |marked| marked.base_mark;
const SECOND: Marker = |marked| marked.second_mark;

pub(crate) fn results(marked: &[MarkedTwice]) -> Results {
    let those = |wanted: fn(&MarkedTwice) -> bool| {
        let of_group: Vec<&MarkedTwice> = marked.iter().filter(|m| wanted(m)).collect();
        section(&of_group)
    };
    Results {
        overall: those(|_| true),
        seen_questions: those(|m| m.seen),
        unseen_questions: those(|m| !m.seen),
    }
}

fn section(marked: &[&MarkedTwice]) -> Option<ResultSection> {
    let students = students(marked);
    let paired: Vec<PairedMarks> = marked
        .iter()
        .map(|m| PairedMarks {
            reference: m.tested.reference_mark,
            base: m.base_mark,
            trained: m.tested.given_mark,
            cluster: students[&m.tested.student],
        })
        .collect();
    Some(ResultSection {
        count: marked.len(),
        trained: agreement_of(marked, TRAINED)?,
        base: agreement_of(marked, BASE)?,
        human: agreement_of(marked, SECOND),
        comparison: compare(&paired, Bootstrap::default())?,
    })
}

fn agreement_of(marked: &[&MarkedTwice], marker: Marker) -> Option<Agreement> {
    let students = students(marked);
    let pair = |m: &&MarkedTwice| MarkPair {
        reference: m.tested.reference_mark,
        given: marker(m),
        step: Marks::ONE,
        cluster: students[&m.tested.student],
    };
    let pairs: Vec<MarkPair> = marked.iter().map(pair).collect();
    agreement(&pairs, Bootstrap::default())
}

/// The trained model's share of the teacher's marks.
pub(crate) fn share_of_same_marks(marked: &[&MarkedTwice]) -> Option<Estimate> {
    agreement_of(marked, TRAINED).map(|agreement| agreement.exact_agreement)
}

fn students(marked: &[&MarkedTwice]) -> BTreeMap<Option<String>, usize> {
    let mut numbers = BTreeMap::new();
    for m in marked {
        let next = numbers.len();
        numbers.entry(m.tested.student.clone()).or_insert(next);
    }
    numbers
}

pub(crate) fn by_question(marked: &[MarkedTwice]) -> Vec<QuestionResult> {
    let question = |id: &str| {
        let of_it: Vec<&MarkedTwice> = marked.iter().filter(|m| m.tested.question.0 == id).collect();
        Some(QuestionResult {
            question: QuestionId(id.into()),
            trained: agreement_of(&of_it, TRAINED)?,
            base: agreement_of(&of_it, BASE)?,
            human: agreement_of(&of_it, SECOND),
        })
    };
    ["1", "2a", "2b", "3", "4"].into_iter().filter_map(question).collect()
}

pub(crate) fn confusion_panels(marked: &[MarkedTwice]) -> Vec<ConfusionPanel> {
    let quarters: Vec<Marks> = (0..5).map(|quarter| Marks::from_thousandths(quarter * 250)).collect();
    let panel = |name: &str, marker: Marker| {
        let share = |m: &MarkedTwice, mark: Marks| {
            let quarter = (mark.as_f64() / m.max_marks.as_f64() * 4.0).round() as usize;
            quarters[quarter]
        };
        let pair = |m: &MarkedTwice| MarkPair {
            reference: share(m, m.tested.reference_mark),
            given: share(m, marker(m)),
            step: Marks::ONE,
            cluster: 0,
        };
        let pairs: Vec<MarkPair> = marked.iter().map(pair).collect();
        ConfusionPanel {
            marker: name.into(),
            scale: MarkScale::ShareOfMaximum,
            matrix: confusion(&pairs, &quarters),
        }
    };
    vec![panel("Trained model", TRAINED), panel("Before training", BASE)]
}

pub(crate) fn confidence(marked: &[MarkedTwice]) -> Vec<ConfidenceBin> {
    let prediction = |m: &MarkedTwice| {
        let tested = &m.tested;
        (tested.confidence, tested.given_mark == tested.reference_mark)
    };
    let predictions: Vec<(f64, bool)> = marked.iter().map(prediction).collect();
    confidence_bins(&predictions)
}
