//! `gradus generate`: many prompts at once, and answers held to a schema or pattern.

use crate::course;
use crate::gradus::Place;
use crate::model;

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": { "mark": { "type": "integer", "minimum": 0, "maximum": 5 } },
    "required": ["mark"],
    "additionalProperties": false
}"#;

fn place() -> Place {
    let place = Place::new();
    model::write(&place, "tiny", 1024, 1);
    place
}

#[test]
fn prompts_of_a_file_are_answered_as_one_by_one() {
    let place = place();
    place.write("prompts.txt", "What is osmosis?\n\nWhat do roots do?\nWhat is osmosis?\n");
    let sampling = "--model tiny --json --max-tokens 20 --temperature 0.8 --top-k 50 --seed 3";
    let together = place.succeed(&format!("generate --prompts prompts.txt {sampling}"));
    assert!(together.stderr.contains("3 prompts, "), "{together:?}");
    let together = together.json_lines();
    assert_eq!(together.len(), 3);
    assert_eq!(together[0], together[2]);
    for answer in &together {
        let mut command = place.command(&format!("generate {sampling}"));
        command.arg(answer["prompt"].as_str().unwrap());
        let alone = crate::gradus::Ran::of("generate", command.output().unwrap()).json_lines().remove(0);
        assert_eq!((&alone["text"], &alone["finish_reason"]), (&answer["text"], &answer["finish_reason"]));
    }
    let shown = place.succeed("generate --prompts prompts.txt --model tiny --max-tokens 3").stdout;
    assert!(shown.starts_with("> What is osmosis?\n"), "{shown}");
}

#[test]
fn an_answer_is_held_to_a_schema_or_pattern() {
    let place = place();
    place.write("schema.json", SCHEMA);
    for seed in 0..3 {
        let answer = place.succeed(&format!(
            "generate hello --model tiny --json-schema schema.json --temperature 1.5 --seed {seed}"
        ));
        let answer: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        assert!(answer["mark"].as_u64().unwrap() <= 5);
        let answer = place.succeed(&format!(
            "generate hello --model tiny --regex [a-c]{{3}} --temperature 1.5 --seed {seed}"
        ));
        let answer = answer.stdout.trim_end();
        assert!(answer.len() == 3 && answer.bytes().all(|byte| (b'a'..=b'c').contains(&byte)), "{answer}");
    }
}

#[test]
fn probabilities_of_tokens_are_shown_on_request() {
    let place = place();
    let answer = place.succeed("generate hello --model tiny --json --max-tokens 4 --logprobs 2");
    let answer = answer.json_lines().remove(0);
    let tokens = answer["tokens"].as_array().unwrap();
    assert!(!tokens.is_empty());
    for token in tokens {
        assert!(token["log_probability"].as_f64().unwrap() <= 0.0);
        assert_eq!(token["alternatives"].as_array().unwrap().len(), 2);
        assert_eq!(token["alternatives"][0]["id"], token["id"], "the most probable token is taken");
    }
    let shown = place.succeed("generate hello --model tiny --max-tokens 4 --logprobs").stdout;
    assert_eq!(shown.matches(" %").count(), tokens.len(), "{shown}");
}

#[test]
fn schemas_patterns_and_files_of_prompts_with_faults_are_refused() {
    let place = place();
    place.write("schema.json", SCHEMA.replace("\"integer\"", "\"whole\""));
    place.refuse(
        "generate hello --model tiny --json-schema schema.json",
        &["the JSON schema cannot be used", "at /properties/mark", "whole"],
    );
    place.write("schema.json", "{");
    place.refuse("generate hello --model tiny --json-schema schema.json", &["schema.json is not JSON"]);
    place.refuse("generate hello --model tiny --json-schema none.json", &["none.json", "check the path"]);
    place.refuse("generate hello --model tiny --regex [", &["the regular expression cannot be used"]);
    place.refuse("generate hello --model tiny --top-k 0", &["top-k", "at least 1"]);
    place.refuse("generate --prompts none.txt --model tiny", &["none.txt", "check the path"]);
    place.write("prompts.jsonl", "{\"prompt\": \"a\"}\n{\"text\": \"b\"}\n");
    place.refuse("generate --prompts prompts.jsonl --model tiny", &["prompts.jsonl, line 2", "\"prompt\""]);
    place.refuse("generate --model tiny", &["<PROMPT>"]);
}

#[test]
fn a_trained_model_answers_too() {
    let place = course::trained();
    let answer = place.succeed("generate hello --adapter run/model --json --max-tokens 5").json_lines();
    assert!(answer[0]["text"].is_string());
}
