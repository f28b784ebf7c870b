//! `gradus generate`: many prompts at once, and answers held to a schema or pattern.

use crate::course;
use crate::gradus::{Place, Ran};
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
    assert!(together.stderr.contains("3 of 3 prompts answered, "), "{together:?}");
    let together = together.json_lines();
    assert_eq!(together.len(), 3);
    assert_eq!(together[0], together[2]);
    for answer in &together {
        let mut command = place.command(&format!("generate {sampling}"));
        command.arg(answer["prompt"].as_str().unwrap());
        let alone = Ran::of("generate", command.output().unwrap()).json_lines().remove(0);
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
fn an_answer_is_held_to_a_grammar_or_to_json() {
    let place = place();
    place.write("answer.lark", "start: \"(\" start \")\" | \"x\"");
    let mut objects = 0;
    for seed in 0..4 {
        let sampling = format!("--temperature 1.5 --seed {seed} --max-tokens 300 --json");
        let answer = |option: &str| {
            place.succeed(&format!("generate hello --model tiny {option} {sampling}")).json_lines().remove(0)
        };
        let nested = answer("--grammar answer.lark");
        let nested = nested["text"].as_str().unwrap();
        let depth = nested.find('x').unwrap();
        assert_eq!(nested, "(".repeat(depth) + "x" + &")".repeat(depth));
        let object = answer("--json-object");
        let text = object["text"].as_str().unwrap();
        assert!(text.starts_with('{'), "{text}");
        // A random model does not always find an end.
        if object["finish_reason"] == "stop" {
            objects += 1;
            assert!(text.ends_with('}'), "{text}");
        }
    }
    assert!(objects > 0);
}

#[test]
fn an_answer_ends_where_a_stop_text_would_come() {
    let place = place();
    let answer = |stop: &[&str]| {
        let mut command = place.command("generate hello --model tiny --json --max-tokens 40");
        for stop in stop {
            command.args(["--stop", stop]);
        }
        Ran::of("generate", command.output().unwrap()).json_lines().remove(0)
    };
    let whole = answer(&[]);
    let whole = whole["text"].as_str().unwrap();
    let middle: String = whole.chars().skip(20).take(3).collect();
    let stopped = answer(&["never there", &middle]);
    assert_eq!(stopped["text"], whole[..whole.find(&middle).unwrap()]);
    assert_eq!(stopped["finish_reason"], "stop");
}

#[test]
fn a_prompt_without_an_answer_takes_nothing_from_the_others() {
    let place = place();
    // No token can continue an "x" as the pattern asks.
    let tokenizer = String::from_utf8(place.read("tiny/tokenizer.json")).unwrap();
    place.write("tiny/tokenizer.json", tokenizer.replace("\"~\"", "\"~~~~\""));
    let prompts: Vec<String> = (0..12).map(|number| format!("prompt {number}")).collect();
    place.write("prompts.txt", prompts.join("\n"));
    let command = "generate --prompts prompts.txt --model tiny --regex (x~|[a-wyz]) --raw";
    let ran = place.run(&format!("{command} --json"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let mut lines = ran.json_lines();
    let error = lines.pop().unwrap()["error"].as_str().unwrap().to_owned();
    assert_eq!(lines.len(), 12, "{ran:?}");
    let mut failed = 0;
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["prompt"], *prompts[index], "in the order of the prompts");
        let named = error.contains(&format!("prompts.txt, line {}: ", index + 1));
        assert_eq!(line["error"].is_string(), named, "{line} {error}");
        assert_eq!(line["text"] == "x", named, "what there is of it is kept: {line}");
        failed += usize::from(named);
    }
    assert!(0 < failed && failed < 12, "{failed}");
    assert!(
        error.contains(&format!("{failed} of 12 prompts")) && error.contains("no token of the model"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1 + failed, "nothing but a line each: {error}");
    let shown = place.run(command);
    assert_eq!(shown.code, Some(1));
    assert_eq!(shown.stdout.matches("\nx\n").count(), failed, "{shown:?}");
    assert_eq!(shown.stdout.matches("> prompt ").count(), 12, "{shown:?}");
    assert!(shown.stderr.contains("no token of the model"), "{shown:?}");
}

#[test]
fn prompts_that_cannot_be_answered_are_named_by_their_line() {
    let place = place();
    model::write(&place, "short", 40, 1);
    let long = "water ".repeat(60);
    place.write("prompts.jsonl", format!("{{\"prompt\":\"a\"}}\n\n{{\"prompt\":\"{long}\"}}\n"));
    place.refuse(
        "generate --prompts prompts.jsonl --model short",
        &["prompts.jsonl, line 3: ", "context of 40"],
    );
    place.write("prompts.jsonl", format!("{{\"prompt\":\" \"}}\n{{\"prompt\":\"{long}\"}}\n"));
    place.refuse(
        "generate --prompts prompts.jsonl --model short",
        &["2 problems", "line 1: the prompt is empty", "line 2: ", "context of 40"],
    );
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
    place.write("answer.lark", "start: (");
    place.refuse("generate hello --model tiny --grammar answer.lark", &["the grammar cannot be used"]);
    place.refuse("generate hello --model tiny --grammar none.lark", &["none.lark", "check the path"]);
    place.refuse("generate hello --model tiny --json-object --regex a", &["cannot be used with"]);
    place.refuse("generate hello --model tiny --grammar a --regex a", &["cannot be used with"]);
    place.refuse("generate hello --model tiny --temperature 1 --top-k 0", &["top-k", "at least 1"]);
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
