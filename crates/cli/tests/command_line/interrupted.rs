//! Ctrl-C and SIGTERM.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use gradus_app::engine::random::Random;

use crate::course;
use crate::gradus::{Place, Ran};
use crate::killed::assert_same_model;
use crate::model;

/// Runs training with events, sends it a signal after so many lines, and waits.
fn signalled(place: &Place, signal: &str, lines: usize) -> Ran {
    let command = format!("{} --json", course::TRAIN);
    let mut child = place.command(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    for _ in 0..lines {
        stdout.read_line(&mut said).unwrap();
    }
    // The process may have finished by itself: then there is nobody to signal.
    Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    stdout.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = said.into_bytes();
    Ran::of(&command, output)
}

#[test]
fn interrupted_training_says_so_and_ends_with_the_same_bytes() {
    let (place, expected) = (course::place(), course::place());
    expected.succeed(course::TRAIN);
    let mut random = Random::new(&[43]);
    let mut interruptions = 0;
    loop {
        assert!(interruptions < 200, "the run makes no progress");
        let signal = if interruptions % 2 == 0 { "-INT" } else { "-TERM" };
        let ran = signalled(&place, signal, 1 + (random.next_u64() % 16) as usize);
        if ran.code == Some(0) {
            break;
        }
        interruptions += 1;
        assert_eq!(ran.code, Some(130), "{ran:?}");
        assert!(ran.stderr.contains("Stopping at the next safe place"), "{ran:?}");
        let last = ran.json_lines().pop().unwrap();
        assert_eq!(last["error"], "stopped; run the same command again to go on");
        assert!(!place.path("run/model").exists());
    }
    assert!(interruptions >= 5, "only {interruptions} interruptions");
    assert_same_model(&place, &expected, "run", "interrupted");
}

/// Runs a command, interrupts it once it has printed as much as `enough`, and waits.
fn interrupted_after(place: &Place, arguments: &str, enough: impl Fn(&str) -> bool) -> Ran {
    let mut child = place.command(arguments);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !enough(&String::from_utf8_lossy(&said)) {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        said.extend(byte);
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    stdout.read_to_end(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = said;
    Ran::of(arguments, output)
}

#[test]
fn interrupted_answers_are_printed_as_far_as_they_came() {
    let place = Place::new();
    model::write(&place, "tiny", 100_000, 1);
    let generate = "generate --model tiny --prompts prompts.txt --raw --json --regex ([a-wyz]|x[a-z]{9000})";
    // Answers that begin with an "x" come to no end.
    place.write("prompts.txt", (0..12).map(|number| format!("prompt {number}\n")).collect::<String>());
    let begun = place.succeed(&format!("{generate} --max-tokens 1")).json_lines();
    let first = |long: bool| {
        let found = begun.iter().find(|line| (line["text"] == "x") == long);
        found.unwrap()["prompt"].clone()
    };
    let (short, long) = (first(false), first(true));
    place.write("prompts.txt", format!("{}\n{}\n", short.as_str().unwrap(), long.as_str().unwrap()));

    let many = format!("{generate} --max-tokens 90000");
    let ran = interrupted_after(&place, &many, |said| said.contains('\n'));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let lines = ran.json_lines();
    assert_eq!((&lines[0]["prompt"], &lines[0]["finish_reason"]), (&short, &"stop".into()));
    assert_eq!((&lines[1]["prompt"], &lines[1]["finish_reason"]), (&long, &"interrupted".into()));
    assert_eq!(lines[2]["error"], "stopped before the end");
    assert!(ran.stderr.contains("1 of 2 prompts answered"), "{ran:?}");

    let one = "generate hello --model tiny --max-tokens 90000 --regex [a-z]{9000}";
    let ran = interrupted_after(&place, one, |said| said.len() > 10);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.stdout.ends_with('\n') && ran.stdout.len() < 9000, "{ran:?}");
    assert!(ran.stderr.trim_end().ends_with("error: stopped before the end"), "{ran:?}");
}

#[test]
fn a_run_that_goes_on_with_other_instructions_says_so_and_how_to_go_back() {
    let place = course::place();
    let command = format!("{} --json", course::TRAIN);
    let ran = interrupted_after(&place, &command, |said| said.matches("checkpoint_saved").count() == 2);
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let mut portable = place.command(course::TRAIN);
    let ran = Ran::of(course::TRAIN, portable.env("GRADUS_CPU", "portable").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in ["warning: The ", "updates made so far", "cpu (portable instructions", "To go back, stop now"]
    {
        assert!(ran.stderr.contains(part), "\"{part}\" is missing: {ran:?}");
    }
    let recorded = place.json("run/model/gradus.json")["run"]["device"].as_str().unwrap().to_owned();
    assert!(recorded.contains("; after step ") && recorded.contains("cpu (portable"), "{recorded}");
    place.succeed(
        "test --model run/model --guide guide.md --answers answers.csv --no-feedback --output report",
    );
    assert_eq!(place.json("report/report.json")["training"]["device"], recorded);
}

#[test]
fn an_interruption_is_told_to_people_as_one_line() {
    let place = course::place();
    let mut child =
        place.command(course::TRAIN).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("parameters to train") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.trim_end().ends_with("error: stopped; run the same command again to go on"), "{said}");
}
