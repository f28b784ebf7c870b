//! Students by number: what is resampled as a whole when uncertainty is measured.

use std::collections::BTreeMap;

/// Numbers for the students of some answers. An answer without a student is its own.
pub(crate) struct Students<'a>(BTreeMap<&'a str, usize>);

impl<'a> Students<'a> {
    /// Of the students of all the answers.
    pub(crate) fn of(students: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut numbers = BTreeMap::new();
        for student in students.flatten() {
            let next = numbers.len();
            numbers.entry(student).or_insert(next);
        }
        Self(numbers)
    }

    /// The number of an answer's student; `answer` is the answer's own number.
    pub(crate) fn number(&self, student: Option<&str>, answer: usize) -> usize {
        let known = student.and_then(|student| self.0.get(student));
        known.copied().unwrap_or(self.0.len() + answer)
    }
}
