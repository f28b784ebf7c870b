//! Adds up the results that the suites of a test run print.

use std::fmt;

const RESULT: &str = "test result: ";

/// Totals over all suites of a run: test binaries and the documentation of each crate.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Summary {
    passed: usize,
    failed: usize,
    ignored: usize,
    suites: usize,
    failed_tests: Vec<String>,
}

impl Summary {
    /// Adds the results of a further run on those instructions.
    pub(crate) fn add(&mut self, run: Self, level: &str) {
        self.passed += run.passed;
        self.failed += run.failed;
        self.ignored += run.ignored;
        self.suites += run.suites;
        let names = run.failed_tests.into_iter();
        self.failed_tests.extend(names.map(|name| format!("{name} with GRADUS_CPU={level}")));
    }

    /// Takes in one line of output; lines that are no result are passed over.
    pub(crate) fn read_line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix(RESULT) {
            self.suites += 1;
            self.passed += count_of(counts, "passed");
            self.failed += count_of(counts, "failed");
            self.ignored += count_of(counts, "ignored");
        } else if let Some(name) = failed_test(line) {
            self.failed_tests.push(name.to_owned());
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.failed_tests {
            writeln!(f, "failed: {name}")?;
        }
        write!(
            f,
            "summary: {} passed, {} failed, {} ignored in {} suites",
            self.passed, self.failed, self.ignored, self.suites
        )
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; ...`.
fn count_of(counts: &str, word: &str) -> usize {
    let words: Vec<&str> = counts.split([' ', ';']).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 3 tests
test marks::tests::halves_add_up ... ok
test marks::tests::quarters_add_up ... FAILED
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
running 40 tests
test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 1.20s";

    #[test]
    fn results_of_all_suites_are_added_up() {
        let mut summary = Summary::default();
        OUTPUT.lines().for_each(|line| summary.read_line(line));
        assert_eq!(
            summary.to_string(),
            "failed: marks::tests::quarters_add_up\n\
             summary: 41 passed, 1 failed, 1 ignored in 2 suites"
        );
    }

    #[test]
    fn what_fails_on_other_instructions_is_named_with_them() {
        let (mut summary, mut again) = (Summary::default(), Summary::default());
        OUTPUT.lines().for_each(|line| again.read_line(line));
        summary.add(again, "avx2");
        assert_eq!(
            summary.to_string(),
            "failed: marks::tests::quarters_add_up with GRADUS_CPU=avx2\n\
             summary: 41 passed, 1 failed, 1 ignored in 2 suites"
        );
    }

    #[test]
    fn a_test_that_merely_prints_the_words_is_not_counted() {
        let mut summary = Summary::default();
        summary.read_line("  test result: ok. 5 passed");
        summary.read_line("the test x ... FAILED");
        assert_eq!(summary, Summary::default());
    }
}
