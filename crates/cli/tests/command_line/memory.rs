//! Memory that training takes against what preflight foretold, on the base model. Set `GRADUS_TEST_MODEL` to
//! its GGUF file; without it these tests are left out.

use serde_json::{Value, json};

use crate::gradus::{Place, Ran};

/// A place with conversations of a few hundred tokens each, all but the first few of which are labelled.
fn conversations(words: &[usize]) -> Place {
    let place = Place::new();
    let line = |(index, words): (usize, &usize)| {
        let text: Vec<&str> = (0..*words).map(|word| WORDS[(word * word + index) % WORDS.len()]).collect();
        let message = |role: &str, content: String| json!({ "role": role, "content": content });
        let question = format!("Write {words} words, number {index}.");
        let messages = [message("user", question), message("assistant", text.join(" "))];
        json!({ "messages": messages }).to_string() + "\n"
    };
    place.write("conversations.jsonl", words.iter().enumerate().map(line).collect::<String>());
    place
}

/// Each a token of its own, with the space before it.
const WORDS: [&str; 11] =
    ["the", "cell", "water", "light", "and", "energy", "of", "plant", "animal", "in", "membrane"];

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "tests are told where the model is")]
fn base_model() -> Option<std::ffi::OsString> {
    let model = std::env::var_os("GRADUS_TEST_MODEL");
    if model.is_none() {
        eprintln!("skipped: GRADUS_TEST_MODEL is not set to the SmolLM2-135M-Instruct GGUF file");
    }
    model
}

/// Trains in a process of its own and holds its peak against what it foretold, within 10 %.
fn holds_its_word(place: &Place, instructions: &str, options: &str) {
    let Some(model) = base_model() else { return };
    let arguments = "train --chat conversations.jsonl --output run --epochs 1 --json";
    let mut command = place.command(&format!("{arguments} {options}"));
    command.arg("--model").arg(model).env("GRADUS_CPU", instructions);
    let ran = Ran::of(arguments, command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let events = ran.json_lines();
    let run = &events.last().unwrap()["run"];
    let bytes = |name: &str| run[name].as_f64().unwrap_or_else(|| unreachable!("{name} in {run}"));
    let (peak, estimate) = (bytes("peak_memory_bytes"), bytes("estimated_memory_bytes"));
    let share = estimate / peak;
    let preflight: Vec<&Value> = events.iter().filter(|event| event["event"] == "note").collect();
    assert!((share - 1.0).abs() < 0.1, "{estimate} bytes foretold, {peak} taken: {share}, {preflight:?}");
}

#[test]
fn training_an_adapter_takes_what_was_foretold() {
    let place = conversations(&[230, 180, 240, 200, 230, 235, 20, 120]);
    holds_its_word(&place, "", "--batch-size 4");
}

#[test]
fn training_an_adapter_in_f32_takes_what_was_foretold() {
    let place = conversations(&[230, 180, 240, 200]);
    holds_its_word(&place, "avx2", "--batch-size 4");
}

#[test]
fn training_every_weight_takes_what_was_foretold() {
    holds_its_word(&conversations(&[230]), "", "--method full");
}
