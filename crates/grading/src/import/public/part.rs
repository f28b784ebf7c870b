//! The parts of a published split, and how the sets name them.

use serde::{Deserialize, Serialize};

use crate::marked_answer::MarkedAnswer;

/// What a part of a set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// To learn from.
    Train,
    /// To choose by: never tested on.
    Validation,
    /// Test: new answers to the questions of training.
    UnseenAnswers,
    /// Test: new questions from the domains of training.
    UnseenQuestions,
    /// Test: questions from new domains.
    UnseenDomains,
}

/// One part of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What reports call it; no two parts of a set have the same name.
    pub name: String,
    /// What it is for.
    pub kind: PartKind,
    /// In the order of the files. Marks are those of the files, on the scale or between its steps.
    pub answers: Vec<MarkedAnswer>,
}

impl PartKind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] =
        [Self::Train, Self::Validation, Self::UnseenAnswers, Self::UnseenQuestions, Self::UnseenDomains];

    /// The name of the part that a set has of this kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::UnseenAnswers => "unseen-answers",
            Self::UnseenQuestions => "unseen-questions",
            Self::UnseenDomains => "unseen-domains",
        }
    }

    /// The kind that a split, a folder or a file is named after: `test-unseen-answers`, `training`,
    /// `train_rel_2`. A test of which no more is said holds new answers.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let words: Vec<&str> = name.split(|character: char| !character.is_alphanumeric()).collect();
        let has = |any: &[&str]| words.iter().any(|word| any.contains(word));
        if has(&["unseen"]) {
            let kinds = [
                ("answers", Self::UnseenAnswers),
                ("questions", Self::UnseenQuestions),
                ("domains", Self::UnseenDomains),
            ];
            return kinds.into_iter().find_map(|(word, kind)| has(&[word]).then_some(kind));
        }
        if has(&["train", "training"]) {
            Some(Self::Train)
        } else if has(&["validation", "valid", "val", "dev"]) {
            Some(Self::Validation)
        } else {
            has(&["test", "leaderboard"]).then_some(Self::UnseenAnswers)
        }
    }

    /// What the file is named after, or else the nearest of its folders.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        path.rsplit('/').find_map(Self::named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_known_by_the_names_that_the_sets_give_them() {
        use PartKind::*;
        for (path, kind) in [
            ("training/3way/beetle/FaultFinding-BULB_1.xml", Some(Train)),
            ("test/3way/sciEntsBank/test-unseen-domains/EM_1.xml", Some(UnseenDomains)),
            ("semeval-5way/sciEntsBank/test-unseen-questions/Core/EM_1.xml", Some(UnseenQuestions)),
            ("training/unseen_answers/english/1.2.xml", Some(UnseenAnswers)),
            ("test_unseen_answers.json", Some(UnseenAnswers)),
            ("train_rel_2.tsv", Some(Train)),
            ("public_leaderboard_rel_2.tsv", Some(UnseenAnswers)),
            ("test/train.tsv", Some(Train)),
            ("validation.jsonl", Some(Validation)),
            ("unseen/1.xml", None),
            ("attested/1.xml", None),
        ] {
            assert_eq!(PartKind::of_path(path), kind, "{path}");
        }
    }

    #[test]
    fn a_kind_is_found_by_its_own_name() {
        for kind in PartKind::ALL {
            assert_eq!(PartKind::named(kind.name()), Some(kind));
        }
    }
}
