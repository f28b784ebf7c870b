//! What exports are compared with the trained model by: texts of the kind that it was trained on.

use gradus_domain::Marks;
use gradus_engine::batch::Sequence;
use gradus_engine::chat::{Message, Role};
use gradus_grading::guide::{Question, QuestionId};

use crate::runtime::Runtime;
use crate::trained::Purpose;
use crate::{Error, encoding};

const TEXT: &str = "Question: Why does a plant need light?\nStudent answer: It makes sugar from water and \
                    carbon dioxide, and light gives the energy.\nMark: 2\nFeedback: Correct.\n";
const ANSWERS: &[&str] = &[
    "It makes sugar from water and carbon dioxide, and light gives the energy.",
    "for photosynthesis",
    "Because plants like the sun and get cold at night.",
    "",
];

/// A text that every model can read, and what the model is for: every legal mark of a few answers, or a
/// conversation.
pub(super) fn of(runtime: &Runtime, purpose: Purpose) -> Result<Vec<Sequence>, Error> {
    let mut sample = vec![encoding::every_token_a_label(runtime.tokenizer.encode(TEXT, false)?)?];
    match purpose {
        Purpose::Marking => {
            for answer in ANSWERS {
                sample.extend(every_mark(runtime, answer)?);
            }
        }
        Purpose::Chat => {
            let said = [
                Message::new(Role::User, "Why does a plant need light?"),
                Message::new(Role::Assistant, ANSWERS[0]),
                Message::new(Role::User, "Thank you. And water?"),
                Message::new(Role::Assistant, "It is made into sugar, and it keeps the leaves firm."),
            ];
            sample.push(encoding::chat_sequence(runtime, &said, &[1.0; 4])?);
        }
    }
    Ok(sample)
}

fn every_mark(runtime: &Runtime, answer: &str) -> Result<Vec<Sequence>, Error> {
    let text = "Why does a plant need light?".to_owned();
    let question = Question {
        model_answer: Some(ANSWERS[0].to_owned()),
        ..Question::new(QuestionId("1".to_owned()), text, Marks::from_thousandths(3000))
    };
    let scale = question.scale();
    scale
        .iter()
        .map(|verdict| encoding::marking_sequence(&runtime.tokenizer, &question, answer, (verdict, None)))
        .collect()
}
