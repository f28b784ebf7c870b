//! A real model answers. Set `GRADUS_TEST_MODEL` to the GGUF file of SmolLM2-135M-Instruct; without it this
//! is skipped.

use std::path::PathBuf;

use gradus_app::answering::AnswerFormat;
use gradus_app::engine::chat::{Message, Role};
use gradus_app::serving::{Ask, Sampling, ServedModel, Serving};
use serde_json::json;

use crate::questions::{answer, options};

#[expect(clippy::disallowed_methods, reason = "tests are told here where the model is")]
fn model() -> Option<PathBuf> {
    std::env::var_os("GRADUS_TEST_MODEL").map(PathBuf::from)
}

fn ask(model: PathBuf, text: &str) -> Ask {
    Ask {
        model: ServedModel::base(model),
        messages: vec![Message::new(Role::User, text)],
        choices: 1,
        sampling: Sampling { max_tokens: Some(24), ..Sampling::default() },
        format: None,
    }
}

#[tokio::test]
async fn smollm2_answers_questions_and_in_json() {
    let Some(model) = model() else {
        eprintln!("skipped: GRADUS_TEST_MODEL is not set to the SmolLM2-135M-Instruct GGUF file");
        return;
    };
    let mut options = options(2048, &[]);
    // As fast as the processor can.
    options.environment.clear();
    let serving = Serving::start(options);
    let plain = ask(model.clone(), "What is the capital of France? Answer in one sentence.");
    let schema = json!({
        "type": "object", "required": ["capital"], "additionalProperties": false,
        "properties": { "capital": { "type": "string", "maxLength": 20 } },
    });
    let held = Ask { format: Some(AnswerFormat::JsonSchema(schema)), ..plain.clone() };
    let (plain, held) = tokio::join!(answer(&serving, plain), answer(&serving, held));
    let (text, usage) = plain.unwrap();
    assert!(text.contains("Paris"), "{text}");
    assert!(usage.prompt_tokens > 20 && usage.completion_tokens > 3, "{usage:?}");
    let held: serde_json::Value = serde_json::from_str(&held.unwrap().0).unwrap();
    assert!(held["capital"].as_str().unwrap().contains("Paris"), "{held}");
}
