//! Settings that make no sense.

use crate::course;
use crate::model;

#[test]
fn plans_that_cannot_work_are_refused_before_anything_is_written() {
    let place = course::place();
    let refuse = |option: &str, field: &str| {
        let command = format!("train --dataset dataset.json --model tiny --output new {option}");
        place.refuse(&command, &["nothing was started", field, "must be"]);
    };
    refuse("--epochs 0", "epochs");
    refuse("--batch-size 0", "batch_size");
    refuse("--learning-rate NaN", "learning_rate");
    refuse("--learning-rate 0", "learning_rate");
    refuse("--learning-rate inf", "learning_rate");
    refuse("--lora-rank 0", "rank");
    refuse("--lora-dropout 1", "dropout");
    refuse("--lora-alpha NaN", "alpha");
    refuse("--lora-plus-ratio 0", "lora_plus_ratio");
    refuse("--lora-plus-ratio inf", "lora_plus_ratio");
    refuse("--neftune-alpha NaN", "neftune_alpha");
    refuse("--warmup-share 1.5", "warmup_share");
    refuse("--weight-decay NaN", "weight_decay");
    refuse("--max-gradient-norm inf", "max_gradient_norm");
    refuse("--micro-batch-rows 0", "micro_batch_rows");
    refuse("--checkpoint-every 0", "checkpoint_every");
    place.refuse(
        "train --dataset dataset.json --output new --target-modules q_proj,z_proj",
        &["z_proj", "q_proj"],
    );
    place.refuse("train --dataset dataset.json --chat x --output new", &["cannot be used with"]);
}

#[test]
fn options_of_adapters_are_refused_where_the_model_itself_is_trained() {
    let place = course::place();
    for option in [
        "--lora-rank 4",
        "--base-weights q4",
        "--lora-alpha 4",
        "--lora-dropout 0.1",
        "--lora-plus-ratio 16",
        "--rslora",
        "--target-modules q_proj",
    ] {
        let command =
            format!("train --dataset dataset.json --model tiny --output new --method full {option}");
        let name = option.split(' ').next().unwrap_or(option);
        place.refuse(&command, &[name, "--method full", "leave one of them out"]);
    }
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let place = course::place();
    place.succeed(
        "dataset build --guide guide.md --answers answers.csv --validation-share 0 --output alone.json",
    );
    for option in ["--evaluate-every 5", "--patience 2", "--select best-loss"] {
        let command = format!("train --dataset alone.json --model tiny --output new {option}");
        place.refuse(&command, &[option.trim_end_matches([' ', '2', '5']), "needs data to validate with"]);
    }
    let train = "train --dataset dataset.json --model tiny --output new";
    place.refuse(&format!("{train} --patience-after 5"), &["--patience-after needs --patience"]);
    place.refuse(&format!("{train} --group-size 0"), &["group_size", "must be at least 1"]);
    place.refuse(&format!("{train} --synthetic-share=-1"), &["give a number from 0 to 10"]);
    place.write(
        "chat.jsonl",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n",
    );
    for option in ["--group-size 2", "--synthetic-share 0.1", "--wanted-agreement 0.8"] {
        let command = format!("train --chat chat.jsonl --model tiny --output new {option}");
        let name = option.split(' ').next().unwrap_or(option);
        place.refuse(&command, &[name, "is about marked answers", "leave it out"]);
    }
}

#[test]
fn examples_longer_than_the_context_are_refused_by_row() {
    let place = course::place();
    model::write(&place, "short", 40, 1);
    place.refuse(
        "train --dataset dataset.json --model short --output new",
        &["answers.csv, row 2", "at most 40", "longer context"],
    );
}

#[test]
fn another_run_in_the_same_directory_is_refused() {
    let place = course::trained();
    place.refuse(
        "train --dataset dataset.json --model tiny --output run --epochs 1 --lora-rank 2 --seed 9",
        &["run/checkpoints", "another plan, data or base model", "empty directory"],
    );
    place.write("file", "mine");
    place.refuse(
        "train --dataset dataset.json --model tiny --output file",
        &["file/checkpoints", "who may write"],
    );
    place.refuse("quickstart --model tiny --output file", &["file"]);
}

#[test]
fn prompts_and_sampling_without_sense_are_refused() {
    let place = course::place();
    let mut command = place.command("generate --model tiny");
    command.arg("");
    let ran = crate::gradus::Ran::of("generate with an empty prompt", command.output().unwrap());
    ran.assert_refused(&["the prompt is empty", "write"]);
    place.refuse("generate hello --model tiny --temperature NaN", &["temperature", "must be"]);
    place.refuse("generate hello --model tiny --temperature 1 --top-p 0", &["top-p", "must be"]);
    place.refuse("generate hello --model tiny --temperature 1 --top-p 2", &["top-p", "must be"]);
    for option in ["--top-p 0.9", "--top-k 40", "--seed 3", "--temperature 0 --seed 3"] {
        let name = option.split(' ').rev().nth(1).unwrap();
        let needs = format!("{name} needs --temperature above 0");
        place.refuse(&format!("generate hello --model tiny {option}"), &[&needs]);
    }
    model::write(&place, "short", 40, 1);
    let mut command = place.command("generate --model short");
    command.arg("water ".repeat(100));
    let ran = crate::gradus::Ran::of("generate with a long prompt", command.output().unwrap());
    ran.assert_refused(&["40"]);
}

#[test]
fn conversations_with_faults_are_refused_by_line() {
    let place = course::place();
    place.write("chat.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\nnot json\n");
    place.refuse(
        "train --chat chat.jsonl --model tiny --output new",
        &["chat.jsonl, line 1", "assistant", "chat.jsonl, line 2"],
    );
}

#[test]
fn devices_that_are_not_there_are_refused_with_what_to_do() {
    let place = course::place();
    place.refuse("generate hello --model tiny --device gpu", &["gpu", "use auto, cpu, cuda"]);
    place.succeed("generate hello --model tiny --max-tokens 1 --device cpu");
    let preflight = "train --dataset dataset.json --model tiny --output new --preflight";
    let shown = place.succeed(&format!("{preflight} --device cpu")).stdout;
    assert!(shown.contains("device") && shown.contains("cpu ("), "{shown}");
    assert!(place.succeed("doctor").stdout.contains("GPU: "));
    // No machine has so many.
    let refused = |device: &str, words: &[&str]| {
        place.refuse(&format!("{preflight} --device {device}"), &[words, &["--device cpu"]].concat());
    };
    refused("cuda:999", &["the device cuda:999 cannot be used"]);
    if cfg!(not(feature = "cuda")) {
        refused("cuda", &["built without CUDA", "--features cuda", "toolkit"]);
    }
    if cfg!(not(feature = "metal")) {
        refused("metal", &["built without Metal", "--features metal"]);
    }
}
