//! A public set from file to figures.

use serde_json::{Value, json};

use crate::gradus::Place;
use crate::model;

const TOPICS: [(&str, &str, &str); 4] = [
    ("light", "the plant makes sugar", "it is for warmth"),
    ("water", "the roots take it up", "the leaves drink rain"),
    ("salt", "the water dries away", "you pick it out"),
    ("iron", "a magnet pulls it", "it melts in the sun"),
];

/// Invented answers to four questions, of which one is in a test of its own.
fn set() -> String {
    let mut lines = Vec::new();
    for (number, (topic, right, wrong)) in TOPICS.into_iter().enumerate() {
        for student in 0..12 {
            let (label, answer) = match student % 3 {
                0 => ("correct", format!("{right}, I think, of course {student}")),
                1 => ("incorrect", format!("{wrong} or so {student}")),
                _ => ("contradictory", format!("not so: {right} never {student}")),
            };
            let split = match (number, student) {
                (3, _) => "test-unseen-questions",
                (_, 10..) => "test-unseen-answers",
                _ => "train",
            };
            lines.push(json!({
                "dataset": "invented", "split": split, "qid": format!("Q{number}"),
                "question": format!("What of {topic}?"), "reference": right, "answer": answer,
                "score": f64::from(u8::from(label == "correct")), "max": 1.0, "label": label,
            }));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn place() -> Place {
    let place = Place::new();
    model::write(&place, "tiny", 1024, 1);
    place.write("invented.jsonl", set());
    place
}

const RUN: &str = "benchmark invented.jsonl --model tiny --epochs 1 --synthetic-share 2";

fn parts(lines: Vec<Value>) -> Vec<Value> {
    lines.into_iter().filter(|line| line["event"] == "part").collect()
}

#[test]
fn every_part_is_marked_by_everyone_and_again_the_same() {
    let place = place();
    let run = format!("{RUN} --output out --robustness --json");
    let first = parts(place.succeed(&run).json_lines());
    let names: Vec<&Value> = first.iter().map(|part| &part["name"]).collect();
    assert_eq!(names, ["unseen-answers", "unseen-questions"]);
    assert_eq!((&first[0]["answers"], &first[1]["answers"]), (&6.into(), &12.into()));
    for part in &first {
        assert_eq!(part["set"], "invented");
        let markers: Vec<&str> =
            part["markers"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(markers[0], "trained model");
        assert!(markers.len() == 5 && markers.contains(&"majority"), "{markers:?}");
        // Each kind of questions by itself. One of the known ones was held out whole to calibrate on.
        let kinds: Vec<(bool, u64)> = part["automatic"]
            .as_array()
            .unwrap()
            .iter()
            .map(|kind| {
                let is_new = kind["kind"].as_str().unwrap().contains("without marked answers");
                (is_new, kind["count"].as_u64().unwrap())
            })
            .collect();
        let expected: &[(bool, u64)] =
            if part["name"] == "unseen-questions" { &[(true, 12)] } else { &[(false, 4), (true, 2)] };
        assert_eq!(kinds, expected, "{part}");
        assert!(part["taken_for_orders"].is_u64(), "{part}");
    }
    assert!(place.json("out/model/gradus.json")["orders"].as_u64() >= Some(8));
    let report = String::from_utf8(place.read("out/report.html")).unwrap();
    assert!(report.contains("Answers written to mislead it"));
    let report = place.json("out/report.json");
    assert!(report["robustness"]["summary"]["groups"]["injection"]["count"].as_u64() > Some(0));
    let command = report["reproduction"]["commands"][0].as_str().unwrap();
    assert!(command.ends_with(&run), "{command}");
    // The finished run is found again.
    assert_eq!(parts(place.succeed(&run).json_lines()), first);
    // And a new one gives the same figures.
    let anew = place.succeed(&format!("{RUN} --output other --robustness --json"));
    assert_eq!(parts(anew.json_lines()), first);
}

#[test]
fn settings_are_chosen_on_parts_of_the_training_answers() {
    let place = place();
    let shown = place.succeed(&format!("{RUN} --output out --parts validation --no-baselines"));
    for expected in ["validation-questions", "validation-answers", "WEIGHTED F1"] {
        assert!(shown.stdout.contains(expected), "{expected}: {shown:?}");
    }
    assert!(!shown.stdout.contains("unseen") && !shown.stdout.contains("majority"), "{shown:?}");
    let more = place.succeed(&format!("{RUN} --output more --from out/model --no-baselines --json"));
    assert_eq!(parts(more.json_lines()).len(), 2);
    let (first, second) = (place.json("out/model/gradus.json"), place.json("more/model/gradus.json"));
    assert_eq!(first["started_from"], Value::Null);
    assert!(second["started_from"].is_string());
    assert_eq!(second["orders"].as_u64(), first["orders"].as_u64().map(|orders| 2 * orders));
    let untold = "Too few synthetic answers speak to the marker";
    assert!(!shown.stderr.contains(untold), "{shown:?}");
    let few = place.succeed(
        "benchmark invented.jsonl --model tiny --epochs 1 --output few --no-baselines --synthetic-share 0",
    );
    assert!(few.stderr.contains(untold) && few.stdout.contains("Taken for orders to the marker"), "{few:?}");
}

#[test]
fn what_is_no_set_is_refused_by_file_and_line() {
    let place = place();
    place.write("broken.jsonl", set().replacen("\"score\":1.0", "\"score\":\"full\"", 1));
    place.write("empty/notes.txt", "nothing");
    place.write("notes.jsonl", "{\"a\": 1}\n");
    let run = |set: &str| format!("benchmark {set} --model tiny --output out");
    place.refuse(&run("broken.jsonl"), &["broken.jsonl", "line 1", "score"]);
    place.refuse(&run("empty"), &["empty holds no file of a set", "jsonl"]);
    place.refuse(&run("notes.jsonl"), &["notes.jsonl"]);
    place.refuse(&run("absent.jsonl"), &["absent.jsonl"]);
}

#[test]
fn what_cannot_be_tested_is_refused_before_anything_is_trained() {
    let place = place();
    let of_training: String =
        set().lines().filter(|line| line.contains("\"train\"")).map(|line| format!("{line}\n")).collect();
    place.write("training.jsonl", of_training);
    let run = "benchmark training.jsonl --model tiny --output out";
    place.refuse(run, &["invented has no test part", "--parts validation"]);
    place.refuse(
        &format!("{run} --parts validation --validation-answers 0 --validation-questions 0"),
        &["no validation part", "--validation-answers"],
    );
    place.refuse(&format!("{run} --validation-answers 1.5"), &["give a number from 0 to 0.9"]);
    place.refuse(&format!("{run} --parts validation --wanted-agreement 1"), &["above 0 and below 1"]);
}

#[test]
fn a_folder_is_read_without_what_was_made_of_it() {
    let place = place();
    place.write("set/answers/invented.jsonl", set());
    let run = "benchmark set --model tiny --epochs 1 --no-baselines --output set/out --json";
    let first = parts(place.succeed(run).json_lines());
    assert_eq!(parts(place.succeed(run).json_lines()), first);
}
