//! Intervals of shares. A bootstrap of answers that all agree gives an interval without width, which
//! promises more than a handful of answers can keep; the page shows a wider one instead.

use gradus_grading::metrics::{Agreement, Estimate};

use crate::data::{AutomaticMarking, BenchmarkReport, TestReport};

/// A share with its 95 % interval (Wilson 1927), the answers taken as independent of each other.
pub(crate) fn share_interval(share: f64, count: usize) -> Estimate {
    const Z: f64 = 1.959_964;
    if count == 0 {
        return Estimate { value: share, low: 0.0, high: 1.0 };
    }
    let n = count as f64;
    let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let spread = (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let half = Z * spread / (1.0 + Z * Z / n);
    Estimate {
        value: share,
        low: if share <= 0.0 { 0.0 } else { (centre - half).max(0.0) },
        high: if share >= 1.0 { 1.0 } else { (centre + half).min(1.0) },
    }
}

/// The report with every share's interval that has no width replaced by [`share_interval`].
pub(crate) fn with_widths(report: &TestReport) -> TestReport {
    let mut report = report.clone();
    let results = &mut report.results;
    let groups = [&mut results.overall, &mut results.seen_questions, &mut results.unseen_questions];
    for group in groups.into_iter().flatten() {
        [&mut group.trained, &mut group.base].into_iter().chain(&mut group.human).for_each(widen);
    }
    for question in &mut report.by_question {
        let models = [&mut question.trained, &mut question.base];
        models.into_iter().chain(&mut question.human).for_each(widen);
    }
    report.automatic.iter_mut().for_each(widen_automatic);
    report
}

/// The same for a benchmark's accuracies.
pub(crate) fn benchmark_with_widths(report: &BenchmarkReport) -> BenchmarkReport {
    let mut report = report.clone();
    for part in &mut report.parts {
        part.markers.iter_mut().for_each(|marker| widen_share(&mut marker.accuracy, part.answers));
        part.automatic.iter_mut().for_each(widen_automatic);
    }
    report
}

fn widen_automatic(automatic: &mut AutomaticMarking) {
    let accepted = (automatic.share_here * automatic.count as f64).round() as usize;
    automatic.agreement_here.iter_mut().for_each(|share| widen_share(share, accepted));
}

fn widen(agreement: &mut Agreement) {
    for share in [&mut agreement.exact_agreement, &mut agreement.adjacent_agreement] {
        widen_share(share, agreement.count);
    }
}

fn widen_share(share: &mut Estimate, count: usize) {
    if share.low == share.high {
        *share = share_interval(share.value, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_none_still_has_an_interval() {
        let none = share_interval(0.0, 10);
        assert_eq!(none.low, 0.0);
        assert!((none.high - 0.2775).abs() < 1e-3, "{}", none.high);
        let all = share_interval(1.0, 80);
        assert_eq!(all.high, 1.0);
        let half = share_interval(0.5, 100);
        assert!((half.low - 0.4038).abs() < 1e-3, "{}", half.low);
    }
}
