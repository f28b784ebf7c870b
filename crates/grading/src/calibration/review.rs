//! What a person's look at a marked answer is worth, so that people look where it is worth most.

use gradus_domain::Marks;

use crate::guide::Verdict;

/// How far the mark given is expected to be from the right one, in parts of the maximum, 0 to 1: what a look takes
/// away, on questions of many and of few marks alike. `probabilities` are those of the scale's verdicts, after
/// calibration. 0 where the scale has no marks above 0.
pub fn expected_error(scale: &[Verdict], probabilities: &[f64], given: Marks) -> f64 {
    let maximum = scale.iter().map(|verdict| verdict.marks).max().unwrap_or(Marks::ZERO);
    if maximum <= Marks::ZERO {
        return 0.0;
    }
    let error = |verdict: &Verdict| f64::from((verdict.marks - given).thousandths().abs());
    let weighted = scale.iter().zip(probabilities).map(|(verdict, probability)| probability * error(verdict));
    weighted.sum::<f64>() / f64::from(maximum.thousandths())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(marks: &[i32], probabilities: &[f64], given: i32) -> f64 {
        let verdict = |(position, marks): (usize, &i32)| Verdict {
            name: position.to_string(),
            marks: Marks::from_thousandths(*marks),
        };
        let scale: Vec<Verdict> = marks.iter().enumerate().map(verdict).collect();
        expected_error(&scale, probabilities, Marks::from_thousandths(given))
    }

    #[test]
    fn an_error_is_expected_by_its_size_and_probability_in_parts_of_the_maximum() {
        assert!((expected(&[0, 1000], &[0.3, 0.7], 1000) - 0.3).abs() < 1e-12);
        // .1 · 2 + .2 · 4 of four marks.
        assert!((expected(&[0, 2000, 4000], &[0.2, 0.1, 0.7], 4000) - 0.25).abs() < 1e-12);
        // Wrong or contradictory: it makes no difference to the mark.
        assert_eq!(expected(&[0, 0, 1000], &[0.5, 0.5, 0.0], 0), 0.0);
    }

    #[test]
    fn odd_scales_are_worth_nothing() {
        assert_eq!(expected(&[0], &[1.0], 0), 0.0);
        assert_eq!(expected(&[], &[], 0), 0.0);
    }
}
