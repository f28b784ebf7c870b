//! Examples to token sequences. The only place where marking prompts meet a tokenizer.

use gradus_engine::batch::{Label, Sequence};
use gradus_engine::chat::{Message, Role};
use gradus_engine::tokenizer::Tokenizer;
use gradus_grading::guide::{Question, Verdict};
use gradus_grading::prompt::{
    FEEDBACK_PREFIX, feedback_completion, marking_prompt, order_completion, verdict_completion,
};

use crate::Error;
use crate::runtime::Runtime;

/// Tokens kept free after a prompt for any verdict, or for what stands in its place.
pub(crate) const ROOM_FOR_VERDICTS: usize = 32;

/// Weight of a feedback token beside a mark token's 1: feedback is much longer than the mark, and the mark
/// is what the model is for.
const FEEDBACK_WEIGHT: f32 = 0.1;

/// The prompt that asks for a mark.
pub(crate) fn prompt_tokens(
    tokenizer: &Tokenizer,
    question: &Question,
    answer: &str,
) -> Result<Vec<u32>, Error> {
    let mut tokens: Vec<u32> = tokenizer.opening_token().into_iter().collect();
    for part in marking_prompt(question, answer) {
        // No part may yield control tokens: the guide is a document too.
        tokens.extend(tokenizer.encode(part.text(), false)?);
    }
    Ok(tokens)
}

/// The tokens that state a verdict.
pub(crate) fn verdict_tokens(
    tokenizer: &Tokenizer,
    question: &Question,
    verdict: &Verdict,
) -> Result<Vec<u32>, Error> {
    Ok(tokenizer.encode(&verdict_completion(question, verdict), false)?)
}

/// The tokens that state, in a verdict's place, that the answer speaks to the marker.
pub(crate) fn order_tokens(tokenizer: &Tokenizer, question: &Question) -> Result<Vec<u32>, Error> {
    Ok(tokenizer.encode(&order_completion(question), false)?)
}

/// The tokens that ask for feedback after a mark.
pub(crate) fn feedback_prefix_tokens(tokenizer: &Tokenizer) -> Result<Vec<u32>, Error> {
    Ok(tokenizer.encode(FEEDBACK_PREFIX, false)?)
}

/// What a marked answer teaches: the verdict, then the feedback where there is some.
pub(crate) fn marking_sequence(
    tokenizer: &Tokenizer,
    question: &Question,
    answer: &str,
    (verdict, feedback): (&Verdict, Option<&str>),
) -> Result<Sequence, Error> {
    let prompt = prompt_tokens(tokenizer, question, answer)?;
    let weighted = |tokens: Vec<u32>, weight: f32| tokens.into_iter().map(move |token| (token, weight));
    let mut completion: Vec<(u32, f32)> =
        weighted(verdict_tokens(tokenizer, question, verdict)?, 1.0).collect();
    if let Some(feedback) = feedback {
        completion.extend(weighted(feedback_prefix_tokens(tokenizer)?, 0.0));
        let tokens = tokenizer.encode(&feedback_completion(feedback), false)?;
        completion.extend(weighted(tokens, FEEDBACK_WEIGHT));
    }
    Ok(Sequence::completion(&prompt, &completion))
}

/// What an answer teaches that speaks to the marker.
pub(crate) fn order_sequence(
    tokenizer: &Tokenizer,
    question: &Question,
    answer: &str,
) -> Result<Sequence, Error> {
    let prompt = prompt_tokens(tokenizer, question, answer)?;
    let completion = order_tokens(tokenizer, question)?;
    let completion: Vec<(u32, f32)> = completion.into_iter().map(|token| (token, 1.0)).collect();
    Ok(Sequence::completion(&prompt, &completion))
}

/// A conversation of which the assistant's turns are learned. `weights` has one number a message.
pub(crate) fn chat_sequence(
    runtime: &Runtime,
    messages: &[Message],
    weights: &[f32],
) -> Result<Sequence, Error> {
    let template = runtime.chat_template.as_ref().ok_or_else(|| {
        let name = &runtime.name;
        Error::Request(format!("the model {name} has no chat template, so it cannot learn conversations"))
    })?;
    let chat = template.encode(&runtime.tokenizer, messages, false)?;
    let assistant = messages.iter().zip(weights).filter(|(message, _)| message.role == Role::Assistant);
    let mut labels = Vec::new();
    for (range, (_, weight)) in chat.assistant.iter().zip(assistant) {
        // The first token of a conversation has nothing before it to be predicted from.
        for position in range.clone().filter(|position| *position > 0 && *weight > 0.0) {
            labels.push(Label { position: position - 1, token: chat.ids[position], weight: *weight });
        }
    }
    Ok(Sequence { tokens: chat.ids, labels })
}

/// A text of which every token after the first is predicted.
pub(crate) fn every_token_a_label(tokens: Vec<u32>) -> Result<Sequence, Error> {
    let Some((first, rest)) = tokens.split_first() else {
        return Err(Error::Request("the text is empty".into()));
    };
    let completion: Vec<(u32, f32)> = rest.iter().map(|token| (*token, 1.0)).collect();
    Ok(Sequence::completion(&[*first], &completion))
}
