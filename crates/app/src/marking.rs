//! Marking answers: the probability of every legal mark, then feedback.

use std::collections::BTreeMap;

use gradus_domain::Marks;
use gradus_engine::adapter::Adapter;
use gradus_engine::generation::{Event, GenerationOptions, Generator, GeneratorLimits, Request, RequestId};
use gradus_engine::scoring::{self, score};
use gradus_grading::guide::{Question, Verdict};
use gradus_grading::judgement::{Judgement, most_probable};
use gradus_grading::prompt::hides_text;
use serde::{Deserialize, Serialize};

use crate::runtime::Runtime;
use crate::trained::TrainedModel;
use crate::{Error, Session, encoding};

/// Rows that are scored at once.
const BATCH_ROWS: usize = 1024;
/// Longest feedback, in tokens.
const FEEDBACK_TOKENS: usize = 60;

/// An answer to be marked.
#[derive(Debug, Clone, Copy)]
pub struct Unmarked<'a> {
    /// The question it answers.
    pub question: &'a Question,
    /// What the student wrote.
    pub answer: &'a str,
}

/// The probability of one verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictProbability {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Its probability among those of the question's scale, 0 to 1.
    pub probability: f64,
}

/// What a model says of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marking {
    /// What the most probable verdict is called: the mark itself, or a word.
    pub verdict: String,
    /// The marks of the most probable verdict.
    pub mark: Marks,
    /// The mean of the marks by their probabilities.
    pub expected_mark: f64,
    /// The probability of the most probable verdict, 0 to 1.
    pub confidence: f64,
    /// Whether it need not be looked at: the confidence reaches the threshold that was chosen on validation
    /// answers, and the answer does not speak to the marker.
    pub automatic: bool,
    /// The probability that the answer speaks to the marker instead of answering, 0 to 1: 1 where it hides text,
    /// otherwise 0 where the model did not learn to tell. Such an answer is worth nothing until a person has
    /// looked at it.
    pub order_probability: f64,
    /// Every verdict of the question's scale, in its order.
    pub distribution: Vec<VerdictProbability>,
}

impl Marking {
    /// The question's scale.
    pub fn scale(&self) -> Vec<Verdict> {
        self.distribution.iter().map(|one| one.verdict.clone()).collect()
    }

    /// The probability of each verdict of the scale.
    pub fn probabilities(&self) -> Vec<f64> {
        self.distribution.iter().map(|one| one.probability).collect()
    }

    /// Whether the answer rather speaks to the marker.
    pub fn is_order(&self) -> bool {
        is_order(self.order_probability)
    }
}

fn is_order(probability: f64) -> bool {
    probability > 0.5
}

/// What the language model makes of an answer, before anything is blended or calibrated.
pub(crate) struct Opinion {
    /// The probability of each verdict of the scale where it is an answer; they add up to 1.
    pub(crate) verdicts: Vec<f64>,
    /// The probability that it speaks to the marker instead.
    pub(crate) order: f64,
}

/// What an opinion comes to.
pub(crate) struct Ruling {
    /// The probability of each verdict of the scale. An order is worth nothing.
    pub(crate) distribution: Vec<f64>,
    /// Whether nobody need look.
    pub(crate) automatic: bool,
}

impl Opinion {
    /// Whether it rather speaks to the marker.
    pub(crate) fn is_order(&self) -> bool {
        is_order(self.order)
    }

    /// What it comes to by the judgement or, without one, as it is.
    pub(crate) fn ruling(&self, judgement: Option<&Judgement>, answer: &Unmarked<'_>) -> Ruling {
        let Unmarked { question, answer } = answer;
        let answered = match judgement {
            Some(judgement) => judgement.distribution(question, answer, &self.verdicts),
            None => self.verdicts.clone(),
        };
        // By the law of total probability.
        let mut distribution: Vec<f64> =
            answered.iter().map(|probability| probability * (1.0 - self.order)).collect();
        if let Some(worthless) = Verdict::worthless(&question.scale()) {
            distribution[worthless] += self.order;
        }
        let threshold = judgement.and_then(|judgement| judgement.confidence(question).threshold);
        // The threshold was chosen on answers, so what speaks for an order makes no verdict surer.
        let sure = most_probable(&distribution).map(|best| answered[best] * (1.0 - self.order));
        let is_sure = threshold.zip(sure).is_some_and(|(threshold, sure)| threshold.accepts(sure));
        Ruling { distribution, automatic: is_sure && !self.is_order() }
    }
}

/// Marks answers with a trained model, or with the base model as it was.
pub fn mark_answers(
    runtime: &mut Runtime,
    model: Option<&TrainedModel>,
    answers: &[Unmarked<'_>],
    session: &mut Session<'_>,
) -> Result<Vec<Marking>, Error> {
    let opinions = opinions(runtime, model, answers, session)?;
    Ok(judge(model.and_then(|model| model.judgement.as_ref()), answers, &opinions))
}

/// From what the language model thinks of each answer to its mark, by the judgement or, without one, as it is.
pub(crate) fn judge(
    judgement: Option<&Judgement>,
    answers: &[Unmarked<'_>],
    opinions: &[Opinion],
) -> Vec<Marking> {
    let markings = answers.iter().zip(opinions).map(|(answer, opinion)| {
        let Ruling { distribution, automatic } = opinion.ruling(judgement, answer);
        Marking { automatic, order_probability: opinion.order, ..marking(answer.question, &distribution) }
    });
    markings.collect()
}

/// What a trained language model, or the base model as it was, makes of each answer; all that it may say of one is
/// compared in one pass.
pub(crate) fn opinions(
    runtime: &mut Runtime,
    model: Option<&TrainedModel>,
    answers: &[Unmarked<'_>],
    session: &mut Session<'_>,
) -> Result<Vec<Opinion>, Error> {
    let knows_orders = model.is_some_and(TrainedModel::knows_orders);
    let questions = answers.iter().map(|answer| choices(runtime, answer, knows_orders));
    let questions = questions.collect::<Result<Vec<_>, _>>()?;
    let total = answers.len() as u64;
    let (watcher, stop) = (&mut *session.watcher, session.stop);
    let adapter = model.map(|model| &model.adapter);
    let probabilities = score(runtime.backend.as_mut(), adapter, &questions, BATCH_ROWS, &mut |done| {
        watcher.progress(done as u64, Some(total), "answers");
        !stop()
    })?;
    let opinion = |(mut verdicts, answer): (Vec<f64>, &Unmarked<'_>)| {
        let order = if knows_orders { verdicts.pop().unwrap_or_default() } else { 0.0 };
        // What nobody can see was not written for the question, and the language model is not shown it.
        let order = if model.is_some() && hides_text(answer.answer) { 1.0 } else { order };
        let answered: f64 = verdicts.iter().sum();
        let even = 1.0 / verdicts.len() as f64;
        // Of an answer that is surely an order nothing may be left to tell verdicts apart by.
        verdicts.iter_mut().for_each(|one| *one = if answered > 0.0 { *one / answered } else { even });
        Opinion { verdicts, order }
    };
    Ok(probabilities.ok_or(Error::Interrupted)?.into_iter().zip(answers).map(opinion).collect())
}

/// The prompt for an answer with every verdict of its scale and, where the model learnt of them, an order.
fn choices(runtime: &Runtime, answer: &Unmarked<'_>, knows_orders: bool) -> Result<scoring::Question, Error> {
    let Unmarked { question, answer } = answer;
    let tokenizer = &runtime.tokenizer;
    let scale = question.scale();
    let verdicts = scale.iter().map(|verdict| encoding::verdict_tokens(tokenizer, question, verdict));
    let order = knows_orders.then(|| encoding::order_tokens(tokenizer, question));
    Ok(scoring::Question {
        prompt: encoding::prompt_tokens(tokenizer, question, answer)?,
        choices: verdicts.chain(order).collect::<Result<_, _>>()?,
    })
}

fn marking(question: &Question, probabilities: &[f64]) -> Marking {
    let scale = question.scale().into_iter().zip(probabilities);
    let distribution: Vec<VerdictProbability> = scale
        .map(|(verdict, probability)| VerdictProbability { verdict, probability: *probability })
        .collect();
    let best = most_probable(probabilities).and_then(|position| distribution.get(position));
    Marking {
        verdict: best.map_or_else(String::new, |best| best.verdict.name.clone()),
        mark: best.map_or(Marks::ZERO, |best| best.verdict.marks),
        expected_mark: distribution.iter().map(|one| one.verdict.marks.as_f64() * one.probability).sum(),
        confidence: best.map_or(0.0, |best| best.probability),
        automatic: false,
        order_probability: 0.0,
        distribution,
    }
}

/// Writes feedback for answers that have been given marks, many at a time.
pub fn write_feedback(
    runtime: &mut Runtime,
    adapter: Option<&Adapter>,
    answers: &[(Unmarked<'_>, &Marking)],
    session: &mut Session<'_>,
) -> Result<Vec<String>, Error> {
    let options = GenerationOptions {
        max_tokens: FEEDBACK_TOKENS,
        stop_tokens: runtime.stop_tokens(),
        ..GenerationOptions::default()
    };
    let Runtime { backend, tokenizer, .. } = runtime;
    let prompts = answers.iter().map(|(answer, marking)| {
        let mut prompt = encoding::prompt_tokens(tokenizer, answer.question, answer.answer)?;
        let given = Verdict { name: marking.verdict.clone(), marks: marking.mark };
        prompt.extend(encoding::verdict_tokens(tokenizer, answer.question, &given)?);
        prompt.extend(encoding::feedback_prefix_tokens(tokenizer)?);
        Ok(prompt)
    });
    let prompts = prompts.collect::<Result<Vec<Vec<u32>>, Error>>()?;
    let longest = prompts.iter().map(Vec::len).max().unwrap_or_default();
    let limits = GeneratorLimits::default().with_room_for(longest + FEEDBACK_TOKENS, backend.as_ref());
    let mut generator = Generator::new(backend.as_mut(), tokenizer, limits);
    let adapter = adapter.map(|adapter| generator.adapt(adapter)).transpose()?;
    let mut texts: BTreeMap<RequestId, String> = BTreeMap::new();
    for prompt in prompts {
        let request = Request { prompt, adapter, options: options.clone(), constraint: None };
        texts.insert(generator.submit(request)?, String::new());
    }
    let mut done = 0;
    while !generator.is_idle() {
        session.check()?;
        for event in generator.step()? {
            match event {
                Event::Token { request, token } => {
                    let text = texts.entry(request).or_default();
                    text.push_str(&token.text);
                    // Feedback is one line; the model may begin with white space.
                    if text.trim_start().contains('\n') {
                        generator.cancel(request);
                    }
                }
                Event::Finished { .. } => {}
                Event::Failed { error, .. } => return Err(error.into()),
            }
        }
        let (running, waiting) = generator.load();
        let now_done = answers.len() - running - waiting;
        if now_done > done {
            done = now_done;
            session.watcher.progress(done as u64, Some(answers.len() as u64), "answers");
        }
    }
    let first_line = |text: String| text.trim().lines().next().unwrap_or_default().trim().to_owned();
    Ok(texts.into_values().map(first_line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_grading::calibration::WantedAgreement;
    use gradus_grading::guide::QuestionId;
    use gradus_grading::judgement::ValidationAnswer;
    use gradus_grading::lexical::TrainingAnswer;

    fn marked(judgement: Option<&Judgement>, opinion: Opinion) -> Marking {
        let question = Question::new(QuestionId("1".into()), "What?".into(), Marks::from_thousandths(2000));
        judge(judgement, &[Unmarked { question: &question, answer: "light" }], &[opinion]).remove(0)
    }

    #[test]
    fn what_seems_to_be_an_order_is_worth_nothing() {
        let marked = |order| marked(None, Opinion { verdicts: vec![0.05, 0.05, 0.9], order });
        let (order, answer) = (marked(0.8), marked(0.1));
        assert!(order.is_order() && !answer.is_order());
        assert_eq!((order.mark, answer.mark), (Marks::ZERO, Marks::from_thousandths(2000)));
        assert!((order.confidence - (0.8 + 0.2 * 0.05)).abs() < 1e-12);
        assert!((answer.expected_mark - 0.9 * (0.9 * 2.0 + 0.05)).abs() < 1e-12);
    }

    #[test]
    fn what_speaks_for_an_order_makes_no_mark_sure_enough_to_stand_alone() {
        let question = Question::new(QuestionId("1".into()), "What?".into(), Marks::from_thousandths(2000));
        // Sure and right: whatever it says with 80 % stands.
        let validation: Vec<ValidationAnswer<'_>> = (0..200)
            .map(|cluster| ValidationAnswer {
                question: &question,
                answer: "light",
                verdict: usize::from(cluster % 20 != 0) * 2,
                model: vec![0.15, 0.05, 0.8],
                cluster,
            })
            .collect();
        let wanted = WantedAgreement { agreement: 0.8, level: 0.9 };
        let training = [TrainingAnswer { question: &question, answer: "light", verdict: 2 }];
        let judgement = &Judgement::fit(&training, &validation, wanted);
        let threshold = judgement.confidence(&question).threshold.unwrap().confidence;
        let of = |worthless: f64, order: f64| {
            let verdicts = vec![worthless, 1.0 - worthless, 0.0];
            marked(Some(judgement), Opinion { verdicts, order })
        };
        assert!(of(0.999, 0.0).automatic, "{threshold}");
        let suspect = of(0.999, 0.4);
        assert!(!suspect.is_order() && suspect.confidence >= threshold);
        assert!(!suspect.automatic && !of(0.999, 0.9).automatic);
    }

    #[test]
    fn a_marking_is_the_most_probable_mark_with_the_mean_beside_it() {
        let question = Question::new(QuestionId("1".into()), String::new(), Marks::from_thousandths(2000));
        let marking = marking(&question, &[0.2, 0.5, 0.3]);
        assert_eq!((marking.mark, marking.verdict.as_str()), (Marks::ONE, "1"));
        assert!((marking.confidence - 0.5).abs() < 1e-12);
        assert!((marking.expected_mark - 1.1).abs() < 1e-12);
    }
}
