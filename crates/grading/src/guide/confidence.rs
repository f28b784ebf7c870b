//! How sure the parser is of a question, and why not surer: each doubt is a sentence and a factor.

use gradus_domain::Marks;

/// A reason to look at a question again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Doubt {
    MaximumInferred { max: Marks },
    SumDiffers { sum: Marks, max: Marks },
    NoModelAnswer,
    NothingToMarkBy,
    MarksShared { points: usize, each: Marks },
    MarksGuessed { points: usize },
    PointsWithoutMarks { points: usize },
    Duplicate,
    Gap { missing: Vec<u32> },
    NoText,
    PartsDiffer { whole: String, parts: Marks, total: Marks },
}

impl Doubt {
    /// What it does to the confidence. Judged, not fitted: a doubt about marks weighs more than one about
    /// text, because marks decide what the model learns.
    fn factor(&self) -> f64 {
        match self {
            Self::NoModelAnswer => 0.9,
            Self::Gap { .. } | Self::PartsDiffer { .. } => 0.8,
            Self::MaximumInferred { .. } | Self::MarksShared { .. } => 0.75,
            Self::SumDiffers { .. } | Self::PointsWithoutMarks { .. } | Self::NoText => 0.7,
            Self::Duplicate | Self::NothingToMarkBy | Self::MarksGuessed { .. } => 0.5,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::MaximumInferred { max } => format!(
                "The guide states no maximum for this question; {max} was taken as the sum of its marking points."
            ),
            Self::SumDiffers { sum, max } => {
                format!("The marking points add up to {sum}, but the question is worth {max}.")
            }
            Self::NoModelAnswer => "The guide gives no model answer for this question.".to_owned(),
            Self::NothingToMarkBy => {
                "The guide gives neither a model answer nor marking points for this question.".to_owned()
            }
            Self::MarksShared { points, each } => format!(
                "The guide does not say what each marking point is worth; the {points} points were taken as {each} each."
            ),
            Self::MarksGuessed { points } => format!(
                "The guide does not say what each marking point is worth and the maximum does not divide by {points}; each was taken as 1."
            ),
            Self::PointsWithoutMarks { points: 1 } => {
                "One of the marking points carries no marks; it is kept as a note.".to_owned()
            }
            Self::PointsWithoutMarks { points } => {
                format!("{points} of the marking points carry no marks; they are kept as notes.")
            }
            Self::Duplicate => "The guide has this question number more than once.".to_owned(),
            Self::Gap { missing } => {
                let names: Vec<String> = missing.iter().map(u32::to_string).collect();
                match names.as_slice() {
                    [one] => format!("The numbering skips question {one} just before this one."),
                    _ => format!("The numbering skips questions {} just before this one.", names.join(", ")),
                }
            }
            Self::NoText => "The guide does not say what this question asks.".to_owned(),
            Self::PartsDiffer { whole, parts, total } => {
                format!("The parts of question {whole} add up to {parts}, but the guide gives it {total}.")
            }
        }
    }
}

/// The confidence that the doubts leave, to two places, and the doubts as sentences.
pub(crate) fn judge(doubts: &[Doubt]) -> (f64, Vec<String>) {
    let confidence: f64 = doubts.iter().map(Doubt::factor).product();
    let sentences = doubts.iter().map(Doubt::sentence).collect();
    ((confidence * 100.0).round() / 100.0, sentences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_lowers_the_confidence() {
        assert_eq!(judge(&[]), (1.0, vec![]));
        let (one, _) = judge(&[Doubt::NoModelAnswer]);
        let (two, sentences) = judge(&[Doubt::NoModelAnswer, Doubt::Duplicate]);
        assert!(one < 1.0 && two < one);
        assert_eq!(sentences.len(), 2);
    }
}
