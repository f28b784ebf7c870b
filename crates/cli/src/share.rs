//! Shares on the command line, with the bounds that each makes sense in.

/// What is added to the training examples, as a share of them.
pub(crate) fn of_training(text: &str) -> Result<f64, String> {
    parsed(text, |share| (0.0..=10.0).contains(&share), "from 0 to 10, such as 0.2")
}

/// What is taken out of a set.
pub(crate) fn held_out(text: &str) -> Result<f64, String> {
    parsed(text, |share| (0.0..=0.9).contains(&share), "from 0 to 0.9, such as 0.1")
}

/// How many of the marks should be right.
pub(crate) fn wanted(text: &str) -> Result<f64, String> {
    parsed(text, |share| share > 0.0 && share < 1.0, "above 0 and below 1, such as 0.9")
}

fn parsed(text: &str, fits: impl Fn(f64) -> bool, bounds: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| fits(*share)).ok_or_else(|| format!("give a number {bounds}"))
}
