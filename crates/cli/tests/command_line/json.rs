//! Output for scripts: one JSON value for short commands, one event a line for long ones.

use crate::course;
use crate::gradus::Place;

#[test]
fn short_commands_print_one_json_value() {
    let place = course::trained();
    place.write("paper.txt", course::PAPER);
    let commands = [
        "models list",
        "models show tiny",
        "extract guide.md",
        "guide show guide.md",
        "dataset show dataset.json",
        "train --dataset dataset.json --model tiny --output other --preflight",
        "generate hello --model tiny --max-tokens 3",
        "export --model run/model --format peft --output adapter",
        "doctor",
    ];
    for command in commands {
        let ran = place.succeed(&format!("{command} --json"));
        assert_eq!(ran.json_lines().len(), 1, "{ran:?}");
        // The option may stand before the command too.
        if !command.starts_with("export") {
            assert_eq!(place.succeed(&format!("--json {command}")).json_lines().len(), 1);
        }
    }
    assert!(!place.path("other").exists(), "a preflight writes nothing");
}

#[test]
fn long_commands_print_one_event_a_line() {
    let place = course::place();
    place.write("paper.txt", course::PAPER);
    let lines = place.succeed(&format!("{} --json", course::TRAIN)).json_lines();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    for event in ["note", "started", "step", "evaluated", "checkpoint_saved"] {
        assert!(events.contains(&event), "{events:?}");
    }
    assert_eq!(events.last(), Some(&"finished"));
    assert_eq!(lines.last().unwrap()["model"], "run/model");

    let marked = place.succeed("mark paper.txt --guide guide.md --model run/model --json").json_lines();
    let result = marked.last().unwrap();
    assert_eq!(result["student"], "Ada");
    assert_eq!(result["answers"].as_array().unwrap().len(), 2);
    let probabilities = result["answers"][0]["distribution"].as_array().unwrap();
    let total: f64 = probabilities.iter().map(|one| one["probability"].as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-6, "{total}");

    let test = "test --model run/model --guide guide.md --answers answers.csv --output report --json";
    let tested = place.succeed(test).json_lines();
    assert_eq!(tested.last().unwrap()["event"], "finished");
    assert_eq!(place.json("report/report.json")["answers"].as_array().unwrap().len(), 24);
}

#[test]
fn errors_are_json_too() {
    let place = Place::new();
    let ran = place.run("guide show nothere.docx --json");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    let error = ran.json_lines().pop().unwrap();
    assert!(error["error"].as_str().unwrap().contains("nothere.docx"), "{error}");
}
