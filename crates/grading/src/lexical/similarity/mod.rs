//! What an answer has in common with its question, its model answer and its rubric points, in a few numbers that
//! mean the same for every question.

mod text;

use super::terms::Terms;
use super::tf_idf::Vocabulary;
use crate::guide::{Question, RubricPoint};
pub(super) use text::Text;

/// Number of similarity features.
pub(super) const FEATURES: usize = 28;
/// Number of features of one comparison with a model answer.
const COMPARISONS: usize = 9;

/// A question's texts prepared for comparing.
#[derive(Debug, Clone)]
pub(super) struct QuestionTexts {
    question: Text,
    /// The model answer as a whole and, where it has several lines, each line: it may be an alternative.
    model_answers: Vec<ModelAnswer>,
    /// Rubric points with their share of the marks of all points.
    points: Vec<(Text, f64)>,
}

#[derive(Debug, Clone)]
struct ModelAnswer {
    text: Text,
    /// What it says beyond the question's own words.
    new: Text,
}

impl QuestionTexts {
    pub(super) fn of(question: &Question, vocabulary: &Vocabulary) -> Self {
        let asked = Text::of(&question.text, vocabulary);
        let whole = question.model_answer.as_deref().unwrap_or_default();
        let lines: Vec<&str> = whole.lines().filter(|line| !line.trim().is_empty()).collect();
        let alternatives = if lines.len() > 1 { lines } else { Vec::new() };
        let texts = std::iter::once(whole).filter(|text| !text.trim().is_empty()).chain(alternatives);
        let texts = texts.chain(question.accepted_answers());
        let model_answers = texts.map(|text| {
            let text = Text::of(text, vocabulary);
            ModelAnswer { new: text.without(&asked, vocabulary), text }
        });
        let model_answers = model_answers.collect();
        let marks = |point: &RubricPoint| f64::from(point.marks.thousandths().max(0));
        let total = question.rubric.iter().map(marks).sum::<f64>().max(1.0);
        let prepared = |point: &RubricPoint| (Text::of(&point.text, vocabulary), marks(point) / total);
        let points = question.rubric.iter().map(prepared).collect();
        Self { question: asked, model_answers, points }
    }

    /// Shares and cosines from 0 to 1, yes or no as 1 or 0, and lengths scaled to about 1.
    pub(super) fn features(&self, answer: &Text) -> [f64; FEATURES] {
        let best = self.best_comparison(answer);
        let [cosine, recall, precision, new_recall, _, _, new_characters, _, _] = best;
        let count = answer.words.len() as f64;
        let strange = answer.share(|stem| !self.question.has(stem) && !self.model_answer_has(stem));
        let lengths = [count.ln_1p() / 4.0, whether(count == 0.0), whether(self.model_answers.is_empty())];
        let of_question = [
            answer.stems.cosine(&self.question.stems),
            answer.share(|stem| self.question.has(stem)),
            strange,
        ];
        // A linear model sees curves and meetings of two features only where they are features.
        let derived = [
            new_recall * new_recall,
            new_characters * new_characters,
            cosine * cosine,
            recall * precision,
            whether(new_recall > 0.999),
        ];
        let mut features = [0.0; FEATURES];
        let all = best.into_iter().chain(derived).chain(of_question).chain(lengths);
        let all = all.chain(self.negations(answer, cosine)).chain(self.numbers(answer));
        let all = all.chain(self.points_covered(answer));
        features.iter_mut().zip(all).for_each(|(feature, value)| *feature = value);
        features
    }

    /// The model answer's stems that the answer lacks.
    pub(super) fn missing(&self, answer: &Text) -> Terms {
        self.model_answers.first().map(|model| model.text.stems_missing_in(answer)).unwrap_or_default()
    }

    /// Each comparison with the model answer that fits it best.
    fn best_comparison(&self, answer: &Text) -> [f64; COMPARISONS] {
        let mut best = [0.0_f64; COMPARISONS];
        for model_answer in &self.model_answers {
            let found = model_answer.compared(answer);
            best.iter_mut().zip(found).for_each(|(best, found)| *best = best.max(found));
        }
        best
    }

    fn model_answer_has(&self, stem: u32) -> bool {
        self.model_answers.iter().any(|model| model.text.has(stem))
    }

    /// Whether the answer alone negates, the model answer alone, and either of them in words that are alike.
    fn negations(&self, answer: &Text, cosine: f64) -> [f64; 3] {
        let negates = answer.words.negations() > 0;
        let model_negates = self.model_answers.first().is_some_and(|model| model.text.words.negations() > 0);
        [
            whether(negates && !model_negates),
            whether(!negates && model_negates),
            whether(negates != model_negates) * cosine,
        ]
    }

    /// The share of the model answer's numbers that are there, and whether there are others.
    fn numbers(&self, answer: &Text) -> [f64; 2] {
        let Some(model) = self.model_answers.first() else {
            return [0.0, 0.0];
        };
        let wanted: Vec<&str> = model.text.words.numbers().collect();
        let asked: Vec<&str> = self.question.words.numbers().collect();
        let found: Vec<&str> = answer.words.numbers().collect();
        let met = wanted.iter().filter(|number| found.contains(number)).count();
        let strange = found.iter().any(|number| !wanted.contains(number) && !asked.contains(number));
        [met as f64 / wanted.len().max(1) as f64, whether(strange)]
    }

    /// How far the rubric points are covered: all by their marks, the best one and the least one.
    fn points_covered(&self, answer: &Text) -> [f64; 3] {
        let covered: Vec<f64> =
            self.points.iter().map(|(point, _)| point.share(|stem| answer.has(stem))).collect();
        let by_marks = covered.iter().zip(&self.points).map(|(covered, (_, share))| covered * share).sum();
        let least = covered.iter().copied().reduce(f64::min).unwrap_or(0.0);
        [by_marks, covered.into_iter().fold(0.0, f64::max), least]
    }
}

impl ModelAnswer {
    fn compared(&self, answer: &Text) -> [f64; COMPARISONS] {
        let pairs = common(answer.pairs.hashes(), |pair| self.text.pairs.has(pair));
        let new_characters = self.new.characters.0.iter().map(|entry| entry.0);
        let new_characters_met = common(new_characters, |gram| answer.characters.has(gram));
        let sequence = common_subsequence(&answer.words.stems, &self.text.words.stems);
        let (length, model_length) = (answer.words.len(), self.text.words.len());
        [
            answer.stems.cosine(&self.text.stems),
            self.text.share(|stem| answer.has(stem)),
            answer.share(|stem| self.text.has(stem)),
            self.new.share(|stem| answer.has(stem)),
            dice(pairs, answer.pairs.0.len() + self.text.pairs.0.len()),
            answer.characters.cosine(&self.text.characters),
            new_characters_met as f64 / self.new.characters.0.len().max(1) as f64,
            dice(sequence, length + model_length),
            (length as f64 / model_length.max(1) as f64).min(2.0),
        ]
    }
}

fn whether(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

fn common(terms: impl Iterator<Item = u32>, has: impl Fn(u32) -> bool) -> usize {
    terms.filter(|term| has(*term)).count()
}

/// Twice what is common by what both have together (Dice 1945).
fn dice(common: usize, together: usize) -> f64 {
    2.0 * common as f64 / together.max(1) as f64
}

/// Length of the longest common subsequence.
fn common_subsequence(one: &[String], two: &[String]) -> usize {
    let mut row = vec![0; two.len() + 1];
    for left in one {
        let mut diagonal = 0;
        for (column, right) in two.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if left == right { diagonal + 1 } else { above.max(row[column]) };
            diagonal = above;
        }
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use gradus_domain::Marks;
    use gradus_domain::text::Span;

    use super::*;
    use crate::guide::QuestionId;

    /// Features of an answer to "Why did bulb A go out?", by their place among all.
    fn features(answer: &str) -> [f64; FEATURES] {
        let vocabulary = Vocabulary::default();
        let point = |text: &str, thousandths| RubricPoint {
            text: text.to_owned(),
            marks: Marks::from_thousandths(thousandths),
            span: Span { start: 0, end: 0 },
        };
        let question = Question {
            model_answer: Some("Bulb A is in an open path\nThe 2 terminals are separated".to_owned()),
            rubric: vec![point("open path", 3000), point("bulb", 1000)],
            ..Question::new(QuestionId("1".into()), "Why did bulb A go out?".to_owned(), Marks::ONE)
        };
        QuestionTexts::of(&question, &vocabulary).features(&Text::of(answer, &vocabulary))
    }

    #[test]
    fn an_alternative_of_the_model_answer_in_other_forms_of_its_words_is_recognised() {
        let [cosine, recall, precision, new_recall, ..] = features("the 2 terminal is separating are");
        assert!(cosine > 0.9 && recall == 1.0 && new_recall == 1.0, "{cosine} {recall} {new_recall}");
        assert!(precision == 1.0 && features("the 2 terminals are magic")[2] < 1.0);
        let [cosine, _, _, new_recall, ..] = features("why did it go");
        assert!(cosine == 0.0 && new_recall == 0.0);
    }

    #[test]
    fn blanks_negations_numbers_and_points_have_their_places() {
        let blank = features(" ");
        assert_eq!(blank[..COMPARISONS], [0.0; COMPARISONS]);
        assert_eq!(blank[18], 1.0);
        let negated = features("bulb a isn't in an open path, 3");
        assert_eq!(negated[20..22], [1.0, 0.0]);
        assert_eq!(negated[23..25], [0.0, 1.0]);
        assert_eq!(features("an open path")[25..], [0.75, 1.0, 0.0]);
    }

    #[test]
    fn a_subsequence_may_have_gaps() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(common_subsequence(&words("a b c d"), &words("b x d a")), 2);
        assert_eq!(common_subsequence(&words("a"), &[]), 0);
    }
}
