//! Datasets: who goes where, what leaks, and what a frozen dataset guarantees.

#![expect(clippy::unwrap_used, reason = "a test may end where its sample is not as expected")]

use std::collections::{BTreeSet, HashMap};

use gradus_domain::Marks;
use gradus_grading::dataset::{
    Dataset, DatasetError, DatasetOptions, FindingKind, LeakedAnswers, Severity, Split, build, check_held_out,
};
use gradus_grading::guide::{Guide, Question, QuestionId};
use gradus_grading::marked_answer::{MarkedAnswer, RowSource};

fn guide() -> Guide {
    let question = |id: &str| Question {
        // A number that a careless JSON reader gets wrong in its last digit.
        confidence: 0.1 + 0.2,
        ..Question::new(QuestionId(id.into()), format!("Question {id}?"), Marks::from_thousandths(2000))
    };
    Guide { title: Some("Sample".into()), questions: ["1", "2", "3"].map(question).into() }
}

fn answer(student: Option<&str>, question: &str, text: &str, mark: i32, row: usize) -> MarkedAnswer {
    MarkedAnswer {
        student: student.map(str::to_owned),
        question: QuestionId(question.into()),
        answer: text.into(),
        mark: Marks::from_thousandths(mark * 1000),
        second_mark: None,
        verdict: None,
        feedback: None,
        source: RowSource { file: "marks.csv".into(), row },
    }
}

/// `students` who each answer all three questions in their own words, with marks 0 to 2.
fn class(students: usize) -> Vec<MarkedAnswer> {
    let mut answers = Vec::new();
    for student in 0..students {
        for question in 1..=3 {
            let name = format!("S{student:03}");
            let text = format!("answer in the words of {name} to {question}");
            let row = answers.len() + 2;
            let mark = ((student + question) % 3) as i32;
            answers.push(answer(Some(&name), &question.to_string(), &text, mark, row));
        }
    }
    answers
}

fn shares(validation_share: f64, test_share: f64) -> DatasetOptions {
    DatasetOptions { validation_share, test_share, ..DatasetOptions::default() }
}

fn of_kind(dataset: &Dataset, kind: FindingKind) -> Vec<(Severity, &str, Vec<usize>)> {
    let findings = dataset.findings.iter();
    findings
        .filter(|finding| finding.kind == kind)
        .map(|finding| {
            let rows = finding.rows.iter().map(|source| source.row).collect();
            (finding.severity, finding.message.as_str(), rows)
        })
        .collect()
}

#[test]
fn a_student_is_in_one_split_only_and_the_shares_hold() {
    let options = DatasetOptions { unseen_questions: vec![QuestionId("3".into())], ..shares(0.1, 0.2) };
    let dataset = build(&guide(), &class(50), &options).unwrap();
    let mut splits: HashMap<&str, BTreeSet<Split>> = HashMap::new();
    for example in &dataset.examples {
        let is_unseen = example.split == Split::UnseenQuestions;
        assert_eq!(is_unseen, example.question.0 == "3");
        if !is_unseen {
            let student = example.student.as_deref().unwrap();
            splits.entry(student).or_default().insert(example.split);
        }
    }
    assert!(splits.values().all(|splits| splits.len() == 1));
    let counts = dataset.summary().splits;
    let counts: Vec<_> = counts.iter().map(|c| (c.split, c.students, c.answers)).collect();
    assert_eq!(
        counts,
        [
            (Split::Train, 35, 70),
            (Split::Validation, 5, 10),
            (Split::UnseenAnswers, 10, 20),
            (Split::UnseenQuestions, 50, 50),
        ]
    );
}

#[test]
fn the_split_follows_the_seed_and_not_the_order_of_the_rows() {
    let options = shares(0.2, 0.2);
    let split_of = |answers: &[MarkedAnswer], options: &DatasetOptions| -> HashMap<usize, Split> {
        let dataset = build(&guide(), answers, options).unwrap();
        let examples = dataset.examples.into_iter();
        examples.map(|e| (e.source.row, e.split)).collect()
    };
    let first = split_of(&class(30), &options);
    let mut reversed = class(30);
    reversed.reverse();
    for answer in &mut reversed {
        answer.student = answer.student.as_ref().map(|s| format!(" {} ", s.to_lowercase()));
    }
    assert_eq!(split_of(&reversed, &options), first);
    assert_ne!(split_of(&class(30), &DatasetOptions { seed: 2, ..options }), first);
}

#[test]
fn a_small_class_still_has_validation_and_training() {
    let splits = |students, options| {
        let dataset = build(&guide(), &class(students), &options).unwrap();
        let counts = dataset.summary().splits;
        [counts[0].students, counts[1].students, counts[2].students]
    };
    assert_eq!(splits(3, shares(0.1, 0.1)), [1, 1, 1]);
    assert_eq!(splits(2, shares(0.1, 0.0)), [1, 1, 0]);
    assert_eq!(splits(1, shares(0.1, 0.1)), [1, 0, 0]);
}

#[test]
fn without_students_equal_texts_stay_together() {
    let mut answers = class(40);
    for answer in &mut answers {
        answer.student = None;
    }
    let again = answers.iter().cloned().map(|mut answer| {
        answer.source.row += 1000;
        answer.answer = answer.answer.to_uppercase();
        answer
    });
    let again: Vec<_> = again.collect();
    answers.extend(again);
    let dataset = build(&guide(), &answers, &shares(0.2, 0.2)).unwrap();
    assert_eq!(dataset.examples.len(), 240);
    assert!(of_kind(&dataset, FindingKind::LeakedAnswer).is_empty());
    let by_row: HashMap<_, _> = dataset.examples.iter().map(|e| (e.source.row, e.split)).collect();
    assert!((2..122).all(|row| by_row[&row] == by_row[&(row + 1000)]));
    assert!(dataset.summary().splits.iter().all(|count| count.students == 0));
}

/// A class in which one student of training and one held out wrote the same, three times over.
fn class_with_copies() -> (Vec<MarkedAnswer>, usize, usize) {
    let mut answers = class(20);
    let dataset = build(&guide(), &answers, &shares(0.0, 0.2)).unwrap();
    let row_in = |split| {
        let mut examples = dataset.examples.iter();
        let first = examples.find(|e| e.split == split && e.question.0 == "1");
        first.unwrap().source.row
    };
    let (train, test) = (row_in(Split::Train), row_in(Split::UnseenAnswers));
    for (offset, texts) in [
        ["Plants make sugar from light.", "plants MAKE sugar,  from light"],
        ["I don't know", "Don’t know"],
        ["Osmosis.", "osmosis"],
    ]
    .into_iter()
    .enumerate()
    {
        answers[train - 2 + offset].answer = texts[0].into();
        answers[test - 2 + offset].answer = texts[1].into();
    }
    (answers, train, test)
}

#[test]
fn an_answer_that_also_stands_in_a_held_out_split_leaves_training_unless_everyone_writes_it() {
    let (answers, train, test) = class_with_copies();
    let dataset = build(&guide(), &answers, &shares(0.0, 0.2)).unwrap();
    let rows: Vec<usize> = dataset.examples.iter().map(|e| e.source.row).collect();
    assert!(!rows.contains(&train) && rows.contains(&test));
    assert!(rows.contains(&(train + 1)) && rows.contains(&(train + 2)));
    let found = of_kind(&dataset, FindingKind::LeakedAnswer);
    let [(severity, message, leaked)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((*severity, leaked), (Severity::Information, &vec![train, test]));
    let expected = format!(
        "“Plants make sugar from light.”, to question 1, stands in training (row {train} of marks.csv) and \
         among the held-out answers (row {test} of marks.csv). It was removed from training."
    );
    assert_eq!(*message, expected);
}

#[test]
fn a_leaked_answer_that_is_kept_is_a_serious_finding() {
    let (answers, train, _) = class_with_copies();
    let options = DatasetOptions { leaked_answers: LeakedAnswers::Keep, ..shares(0.0, 0.2) };
    let dataset = build(&guide(), &answers, &options).unwrap();
    assert!(dataset.examples.iter().any(|e| e.source.row == train));
    assert_eq!(dataset.findings[0].kind, FindingKind::LeakedAnswer);
    assert_eq!(dataset.findings[0].severity, Severity::Serious);
}

#[test]
fn a_nearly_equal_answer_across_splits_is_reported_and_kept() {
    let (mut answers, train, test) = class_with_copies();
    let long = "the cell membrane lets water pass but holds back the larger sugar molecules so water \
                moves in until both sides are in balance again";
    answers[train - 2].answer = long.into();
    answers[test - 2].answer = format!("{long} later");
    let dataset = build(&guide(), &answers, &shares(0.0, 0.2)).unwrap();
    let found = of_kind(&dataset, FindingKind::NearlyLeakedAnswer);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, &found[0].2), (Severity::Warning, &vec![test, train]));
    assert!(dataset.examples.iter().any(|e| e.source.row == train));
    answers[test - 2].answer = long.replace("water", "air");
    let dataset = build(&guide(), &answers, &shares(0.0, 0.2)).unwrap();
    assert!(of_kind(&dataset, FindingKind::NearlyLeakedAnswer).is_empty());
}

#[test]
fn the_same_text_with_different_marks_is_inconsistent_marking() {
    let mut answers = class(10);
    answers[0].answer = "Because of gravity, of course".into();
    answers[3].answer = "because of gravity of course".into();
    answers[6].answer = "Because of gravity – of course!".into();
    // The same words answering another question are another matter.
    answers[1].answer = "Because of gravity, of course".into();
    let dataset = build(&guide(), &answers, &shares(0.0, 0.0)).unwrap();
    let found = of_kind(&dataset, FindingKind::InconsistentMarking);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].1,
        "Inconsistent marking: “Because of gravity, of course”, to question 1, has the marks 0 and 1 and 2 \
         (rows 2, 5 and 8 of marks.csv). Decide on one mark."
    );
    let duplicates = of_kind(&dataset, FindingKind::DuplicateAnswers);
    assert_eq!(duplicates.len(), 1);
    assert_eq!(duplicates[0].2, [2, 5, 8]);
    assert_eq!(dataset.examples.len(), 30);
}

#[test]
fn what_cannot_be_learnt_is_reported() {
    let mut answers = class(10);
    answers.retain(|answer| answer.question.0 != "3");
    for answer in answers.iter_mut().filter(|answer| answer.question.0 == "2") {
        answer.mark = Marks::ONE;
    }
    let dataset = build(&guide(), &answers, &shares(0.0, 0.0)).unwrap();
    let found = of_kind(&dataset, FindingKind::Coverage);
    let starts: Vec<&str> = found.iter().map(|f| f.1.split(':').next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "Every training answer to question 2 (10) has mark 1",
            "Question 3 has no training answers",
            "No answers are kept for validation",
        ]
    );
}

#[test]
fn held_out_papers_are_checked_against_what_the_model_saw() {
    let mut answers = class(20);
    answers[0].answer = "the water flows out of the cell by osmosis".into();
    let dataset = build(&guide(), &answers, &DatasetOptions::default()).unwrap();
    let new = [answer(Some("H1"), "1", "an answer nobody gave before", 1, 2)];
    assert_eq!(check_held_out(&dataset, &new), []);
    let known = [
        answer(Some("s000 "), "2", "something else", 1, 7),
        answer(Some("H2"), "1", "The water flows out of the cell, by osmosis", 1, 8),
        answer(Some("H2"), "2", "The water flows out of the cell, by osmosis", 1, 9),
    ];
    let found = check_held_out(&dataset, &known);
    let kinds: Vec<_> = found.iter().map(|f| (f.kind, f.severity)).collect();
    assert_eq!(
        kinds,
        [(FindingKind::SharedStudent, Severity::Serious), (FindingKind::LeakedAnswer, Severity::Serious),]
    );
    assert!(found[0].message.starts_with("Student s000  is held out (row 7 of marks.csv) but also"));
}

#[test]
fn answers_kept_for_validation_count_as_seen_and_those_kept_for_testing_do_not() {
    let dataset = build(&guide(), &class(20), &shares(0.1, 0.1)).unwrap();
    let checked = |split| {
        let example = dataset.examples.iter().find(|example| example.split == split).unwrap();
        let again = answer(example.student.as_deref(), &example.question.0, &example.answer, 1, 2);
        let found = check_held_out(&dataset, &[again]);
        found.iter().map(|finding| finding.kind).collect::<Vec<_>>()
    };
    let seen = [FindingKind::SharedStudent, FindingKind::LeakedAnswer];
    assert_eq!(checked(Split::Train), seen);
    assert_eq!(checked(Split::Validation), seen);
    assert_eq!(checked(Split::UnseenAnswers), []);
}

#[test]
fn a_frozen_dataset_comes_back_as_it_was_and_notices_changes() {
    let dataset = build(&guide(), &class(12), &shares(0.1, 0.1)).unwrap();
    let json = dataset.to_json().unwrap();
    assert_eq!(Dataset::from_json(&json).unwrap(), dataset);
    assert_eq!(dataset.content_hash.len(), 64);
    let changed = json.replacen("in the words of S003", "in the words of S004", 1);
    assert_ne!(changed, json);
    assert!(matches!(Dataset::from_json(&changed), Err(DatasetError::Changed)));
    let newer = json.replacen("\"format_version\":1", "\"format_version\":2", 1);
    assert!(matches!(Dataset::from_json(&newer), Err(DatasetError::FormatVersion(2))));
    assert!(matches!(Dataset::from_json("{}"), Err(DatasetError::Json(_))));
}

#[test]
fn the_hash_follows_guide_examples_and_splits() {
    let hash = |guide: &Guide, answers: &[MarkedAnswer], options: &DatasetOptions| {
        build(guide, answers, options).unwrap().content_hash
    };
    let options = shares(0.1, 0.1);
    let first = hash(&guide(), &class(12), &options);
    assert_eq!(hash(&guide(), &class(12), &options), first);
    let mut other_guide = guide();
    other_guide.questions[0].text.push('!');
    assert_ne!(hash(&other_guide, &class(12), &options), first);
    let mut other_answers = class(12);
    other_answers[4].mark = Marks::HALF;
    assert_ne!(hash(&guide(), &other_answers, &options), first);
    assert_ne!(hash(&guide(), &class(12), &DatasetOptions { seed: 9, ..options }), first);
}

#[test]
fn the_summary_counts_marks_by_question() {
    let mut answers = class(6);
    answers[0].second_mark = Some(Marks::ONE);
    answers[1].answer = " ".into();
    answers[2].mark = Marks::HALF;
    let summary = build(&guide(), &answers, &shares(0.0, 0.0)).unwrap().summary();
    assert_eq!((summary.marked_twice, summary.blank), (1, 1));
    let marks = |question: usize| -> Vec<(f64, usize)> {
        let marks = summary.questions[question].marks.iter();
        marks.map(|m| (m.mark.as_f64(), m.count)).collect()
    };
    assert_eq!(marks(0), [(0.0, 2), (1.0, 2), (2.0, 2)]);
    assert_eq!(marks(2), [(0.0, 1), (0.5, 1), (1.0, 2), (2.0, 2)]);
    assert_eq!(summary.questions[0].mean_mark, Some(1.0));
}

#[test]
fn what_cannot_be_a_dataset_is_refused_with_the_reason() {
    let message = |answers: &[MarkedAnswer], options: &DatasetOptions| {
        build(&guide(), answers, options).unwrap_err().to_string()
    };
    let default = DatasetOptions::default();
    assert!(message(&[], &default).starts_with("there are no marked answers"));
    assert_eq!(
        message(&[answer(None, "9", "x", 1, 4)], &default),
        "marks.csv, row 4: question `9` is not in the guide: use one of 1, 2, 3"
    );
    assert!(
        message(&[answer(None, "1", "x", 3, 4)], &default)
            .starts_with("marks.csv, row 4: 3 is not between 0 and 2, the maximum of question 1")
    );
    assert!(message(&class(4), &shares(0.5, 0.5)).contains("leave none for training"));
    assert!(message(&class(4), &shares(f64::NAN, 0.0)).contains("leave none for training"));
    let unseen = |ids: &[&str]| DatasetOptions {
        unseen_questions: ids.iter().map(|id| QuestionId((*id).into())).collect(),
        ..DatasetOptions::default()
    };
    assert!(message(&class(4), &unseen(&["7"])).starts_with("question `7` cannot be held out"));
    assert!(message(&class(4), &unseen(&["1", "2", "3"])).starts_with("no example is left"));
}
