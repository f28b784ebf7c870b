//! Which column (or JSON field) holds what, by the names that people give them.

use super::problems::{Fault, quoted_list};
use crate::guide::Guide;

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Student,
    Question,
    Answer,
    Mark,
    SecondMark,
    Feedback,
    /// The row's own idea of the question's maximum, checked against the guide.
    Maximum,
}

/// The names of each field in order of preference, lower case, letters and digits only. A file may have
/// both `qid` and `question`: then the latter holds the question's text.
const NAMES: [(Field, &[&str]); 7] = [
    (
        Field::Student,
        &[
            "studentid",
            "candidateid",
            "candidatenumber",
            "studentnumber",
            "student",
            "candidate",
            "learner",
            "pupil",
            "studentname",
            "candidatename",
            "name",
        ],
    ),
    (
        Field::Question,
        &["questionid", "qid", "questionnumber", "questionno", "question", "q", "itemid", "item"],
    ),
    (Field::Answer, &["studentanswer", "answer", "studentresponse", "response", "answertext", "text"]),
    (
        Field::Mark,
        &[
            "mark",
            "marks",
            "score",
            "grade",
            "points",
            "markgiven",
            "marksawarded",
            "mark1",
            "marker1",
            "score1",
            "firstmark",
            "firstmarker",
        ],
    ),
    (Field::SecondMark, &["secondmark", "secondmarker", "mark2", "marker2", "score2", "secondscore"]),
    (Field::Feedback, &["feedback", "comment", "comments", "markercomment"]),
    (Field::Maximum, &["max", "maxmark", "maxmarks", "maxscore", "maximum", "maximummark", "outof"]),
];

/// Where each field stands among a file's columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    positions: [Option<usize>; NAMES.len()],
}

impl Columns {
    /// Finds the fields among column names.
    pub(super) fn among<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let folded: Vec<String> = names.into_iter().map(fold).collect();
        let position = |synonym: &&str| folded.iter().position(|name| name.as_str() == *synonym);
        Self { positions: NAMES.map(|(_, synonyms)| synonyms.iter().find_map(position)) }
    }

    pub(super) fn position(&self, field: Field) -> Option<usize> {
        self.positions[field as usize]
    }

    /// Whether the column at that position holds a field.
    pub(super) fn reads(&self, position: usize) -> bool {
        self.positions.contains(&Some(position))
    }

    /// What is wrong with the columns of these `names`: a required one is missing, or there are two of the
    /// same name of which one would be read and the other lost. A guide with one question needs no column
    /// for it. `noun` is what the file calls a column.
    pub(super) fn faults(
        &self,
        names: &[String],
        required: &[Field],
        guide: &Guide,
        noun: &str,
    ) -> Vec<Fault> {
        let missing = required.iter().filter(|field| {
            let implied = **field == Field::Question && guide.questions.len() == 1;
            self.position(**field).is_none() && !implied
        });
        let found = quoted_list(names.iter().map(String::as_str));
        let missing = missing.map(|field| {
            let name = field.name();
            Fault::new(
                format!("there is no {noun} for the {name}; the {noun}s are {found}"),
                format!("Name the {noun} that holds it `{name}`."),
            )
        });
        let doubled = self.positions.iter().flatten().filter(|read| {
            let name = fold(&names[**read]);
            names.iter().filter(|other| fold(other) == name).count() > 1
        });
        let doubled = doubled.map(|read| {
            Fault::new(format!("two {noun}s have this name"), "Rename or delete the one that does not count.")
                .in_column(names[*read].trim())
        });
        missing.chain(doubled).collect()
    }

    /// How many fields were found.
    pub(super) fn count(&self) -> usize {
        self.positions.iter().flatten().count()
    }
}

impl Field {
    /// The name to suggest for the column.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Mark => "mark",
            Self::SecondMark => "second_mark",
            Self::Feedback => "feedback",
            Self::Maximum => "max",
        }
    }
}

/// `Second_Mark (out of 3)` to `secondmark`.
fn fold(name: &str) -> String {
    let name = name.split(['(', '[']).next().unwrap_or(name);
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(names: &[&str]) -> [Option<usize>; 7] {
        Columns::among(names.iter().copied()).positions
    }

    #[test]
    fn columns_are_found_under_the_names_that_people_use() {
        let expected = [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), None];
        for names in [
            ["student", "question", "answer", "mark", "second_mark", "feedback"],
            ["Candidate", "Q", "Response", "Marks (out of 3)", "Second Marker", "Comment"],
            ["Student ID", "Question-ID", "TEXT", "Score", "mark2", " Comments "],
            ["Name", "Item", "studentAnswer", "Grade", "Mark 2", "feedback"],
        ] {
            assert_eq!(positions(&names), expected, "{names:?}");
        }
    }

    #[test]
    fn an_id_is_preferred_to_a_text_of_the_question() {
        let found = positions(&["question", "qid", "reference", "answer", "score", "max"]);
        assert_eq!(found, [None, Some(1), Some(3), Some(4), None, None, Some(5)]);
    }

    #[test]
    fn the_names_stand_in_the_order_of_the_fields() {
        for (position, (field, names)) in NAMES.iter().enumerate() {
            assert_eq!(*field as usize, position);
            assert!(names.contains(&fold(field.name()).as_str()));
        }
    }
}
