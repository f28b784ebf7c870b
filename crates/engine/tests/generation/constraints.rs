//! Text held to a constraint meets it, whatever the model would rather say.

use crate::support::TinyModel;
use crate::tokenizers::{END, byte_level, sentence_piece};
use crate::{answers, model};
use gradus_engine::generation::{
    Constraint, Constraints, FinishReason, GenerationOptions, Generator, GeneratorLimits, Request,
};
use gradus_engine::tokenizer::Tokenizer;
use serde_json::{Value, json};

fn constraints(tokenizer: &Tokenizer) -> Constraints {
    Constraints::new(tokenizer, tokenizer.vocabulary_size(), &[END]).unwrap()
}

/// Texts of a random model at a high temperature.
fn texts(tokenizer: &Tokenizer, model: &TinyModel, constraint: &Constraint) -> Vec<String> {
    let requests: Vec<Request> = (0..12)
        .map(|seed| Request {
            prompt: model.tokens(5, seed),
            adapter: None,
            options: GenerationOptions {
                max_tokens: 400,
                temperature: 1.5,
                seed,
                stop_tokens: vec![END],
                ..GenerationOptions::default()
            },
            constraint: Some(constraint.clone()),
        })
        .collect();
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, tokenizer, GeneratorLimits::default());
    let answers = answers(&mut generator, &requests);
    assert!(answers.iter().all(|answer| answer.reason == Some(FinishReason::Stop)), "{answers:?}");
    answers.into_iter().map(|answer| answer.text).collect()
}

/// Every text is JSON for which `valid` holds, with either kind of tokenizer; they are not all the same.
fn check(schema: &Value, valid: impl Fn(&Value) -> bool) {
    for tokenizer in [byte_level(), sentence_piece()] {
        let constraint = constraints(&tokenizer).json_schema(schema).unwrap();
        let texts = texts(&tokenizer, &model(&tokenizer), &constraint);
        for text in &texts {
            let parsed: Value = serde_json::from_str(text).unwrap_or_else(|_| panic_with(text));
            assert!(valid(&parsed), "{text}");
            assert!(!text.contains('\n'));
        }
        assert!(texts.iter().any(|text| *text != texts[0]), "{}", texts[0]);
    }
}

#[expect(clippy::panic, reason = "fails the test with the text")]
fn panic_with(text: &str) -> Value {
    panic!("this is no JSON: {text}")
}

#[test]
fn a_mark_with_feedback() {
    let schema = json!({
        "type": "object",
        "properties": {
            "mark": { "type": "integer", "minimum": 0, "maximum": 12 },
            "feedback": { "type": "string", "maxLength": 20 },
        },
        "required": ["mark", "feedback"],
        "additionalProperties": false,
    });
    check(&schema, |value| {
        let keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let feedback = value["feedback"].as_str().unwrap();
        let mark = value["mark"].as_u64().unwrap();
        keys.len() == 2 && mark <= 12 && feedback.chars().count() <= 20
    });
}

#[test]
fn nested_lists_with_alternatives() {
    let schema = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": 3,
        "items": { "$ref": "#/$defs/point" },
        "$defs": {
            "point": {
                "anyOf": [
                    { "enum": ["met", "not met", null] },
                    {
                        "type": "object",
                        "properties": { "id": { "type": "string", "pattern": "^[A-Z][0-9]{2}$" }, "met": { "type": "boolean" } },
                        "required": ["id"],
                        "additionalProperties": false,
                    },
                ],
            },
        },
    });
    check(&schema, |value| {
        let items = value.as_array().unwrap();
        (1..=3).contains(&items.len())
            && items.iter().all(|item| match item {
                Value::Null => true,
                Value::String(text) => ["met", "not met"].contains(&text.as_str()),
                _ => {
                    let id = item["id"].as_str().unwrap().as_bytes();
                    id.len() == 3 && id[0].is_ascii_uppercase() && id[1].is_ascii_digit()
                }
            })
    });
}

#[test]
fn numbers_in_a_range_and_constants() {
    let schema = json!({
        "type": "object",
        "properties": {
            "confidence": { "type": "number", "minimum": 0, "maximum": 1 },
            "kind": { "const": "mark" },
        },
        "required": ["confidence", "kind"],
        "additionalProperties": false,
    });
    check(&schema, |value| {
        let confidence = value["confidence"].as_f64().unwrap();
        (0.0..=1.0).contains(&confidence) && value["kind"] == "mark"
    });
}

#[test]
fn a_regular_expression_matches_the_whole_text() {
    for tokenizer in [byte_level(), sentence_piece()] {
        let constraint = constraints(&tokenizer).regex(" ?(yes|no|[0-9]{1,3}/12)").unwrap();
        for text in texts(&tokenizer, &model(&tokenizer), &constraint) {
            let text = text.strip_prefix(' ').unwrap_or(&text);
            let is_mark = text.strip_suffix("/12").is_some_and(|mark| mark.parse::<u16>().is_ok());
            assert!(is_mark || ["yes", "no"].contains(&text), "{text:?}");
        }
    }
}

#[test]
fn a_grammar_is_kept() {
    let tokenizer = byte_level();
    let constraint = constraints(&tokenizer).grammar("start: \"(\" start \")\" | \"x\"").unwrap();
    for text in texts(&tokenizer, &model(&tokenizer), &constraint) {
        let depth = text.find('x').unwrap();
        assert_eq!(text, "(".repeat(depth) + "x" + &")".repeat(depth));
    }
}

#[test]
fn special_tokens_never_stand_for_their_text() {
    let tokenizer = byte_level();
    let constraint = constraints(&tokenizer).regex("<\\|end\\|>").unwrap();
    for text in texts(&tokenizer, &model(&tokenizer), &constraint) {
        assert_eq!(text, "<|end|>", "written byte by byte");
    }
}

#[test]
fn any_json_object_is_one() {
    let tokenizer = byte_level();
    let constraint = constraints(&tokenizer).json_object().unwrap();
    let model = model(&tokenizer);
    let mut backend = model.cpu();
    let mut generator = Generator::new(&mut backend, &tokenizer, GeneratorLimits::default());
    let options = GenerationOptions { max_tokens: 2000, temperature: 1.0, ..GenerationOptions::default() };
    let request = |seed| Request {
        prompt: vec![1],
        options: GenerationOptions { seed, stop_tokens: vec![END], ..options.clone() },
        constraint: Some(constraint.clone()),
        ..Request::default()
    };
    let answers = answers(&mut generator, &(0..8).map(request).collect::<Vec<_>>());
    let whole: Vec<_> = answers.iter().filter(|answer| answer.reason == Some(FinishReason::Stop)).collect();
    assert!(whole.len() > 2, "a random model mostly finds an end");
    for answer in whole {
        // Numbers may be too large to be kept as one.
        let parsed: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&answer.text);
        assert!(parsed.is_ok() && answer.text.starts_with('{'), "{}", answer.text);
    }
}
