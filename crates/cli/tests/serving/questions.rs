//! Questions to a tiny model, and clients of the process that holds it.

use std::path::Path;

use gradus_app::engine::chat::{Message, Role};
use gradus_app::serving::protocol::{AnswerEvent, Usage};
use gradus_app::serving::{Answering, Ask, Asker, Fault, Sampling, ServedModel, Serving, ServingOptions};

/// How the worker is run in these tests, with so much memory for models.
pub(crate) fn options(mebibytes: usize, more: &[&str]) -> ServingOptions {
    let mebibytes = mebibytes.to_string();
    let arguments = ["serve-models", "--device", "cpu", "--memory-mib", &mebibytes];
    let arguments = arguments.iter().chain(more).map(Into::into);
    let mut options = ServingOptions::new(env!("CARGO_BIN_EXE_gradus"), arguments);
    // Rounding in bf16 may make a text part from itself when others join.
    options.environment.insert("GRADUS_CPU".into(), "portable".into());
    options
}

pub(crate) fn serving() -> Serving {
    Serving::start(options(256, &[]))
}

/// A question with so many tokens of answer.
pub(crate) fn question(max_tokens: usize, seed: u64) -> Ask {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/peft_parity/model");
    let mut sampling =
        Sampling { max_tokens: Some(max_tokens), temperature: 1.0, seed, ..Sampling::default() };
    // No end but that of the tokens.
    sampling.logit_bias.insert(258, -100.0);
    Ask {
        model: ServedModel::base(model),
        messages: vec![Message::new(Role::User, "who are you?")],
        choices: 1,
        sampling,
        format: None,
    }
}

/// The rest of an answer.
pub(crate) async fn rest(answering: &mut Answering) -> Result<(String, Usage), Fault> {
    let (mut text, mut usage) = (String::new(), Usage::default());
    while let Some(event) = answering.next().await {
        match event? {
            AnswerEvent::Piece { text: piece, .. } => text += &piece,
            AnswerEvent::Ended { usage: total } => usage = total,
            _ => {}
        }
    }
    Ok((text, usage))
}

/// A whole answer.
pub(crate) async fn answer(serving: &Serving, ask: Ask) -> Result<(String, Usage), Fault> {
    rest(&mut serving.ask(Asker::default(), ask).await?).await
}

/// Until there is some text of an answer that is not complete.
pub(crate) async fn first_text(answering: &mut Answering) {
    while !matches!(answering.next().await, Some(Ok(AnswerEvent::Piece { .. }))) {}
}
