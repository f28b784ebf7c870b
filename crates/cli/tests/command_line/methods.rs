//! Every method of training from the command line to marks, report and exports.

use std::process::Command;

use crate::course;
use crate::gradus::{Place, Ran};
use crate::model;

#[test]
fn each_method_trains_marks_and_is_recorded() {
    let place = course::place();
    place.write("paper.txt", course::PAPER);
    for (options, kind, name) in [
        ("--method dora --lora-rank 2 --target-modules q_proj,down_proj", "lora", "DoRA"),
        ("--rslora --lora-plus-ratio 8 --neftune-alpha 5 --schedule cosine", "lora", "rsLoRA"),
        ("--method full --schedule constant --weight-decay 0.01", "full", "Full fine-tuning"),
    ] {
        let run = kind.to_owned() + &name[..2];
        let train = "train --dataset dataset.json --model tiny --epochs 1 --output";
        place.succeed(&format!("{train} {run} {options}"));
        let plan = &place.json(&format!("{run}/model/gradus.json"))["plan"];
        assert_eq!(plan["method"]["kind"], kind, "{plan}");
        if name == "DoRA" {
            assert_eq!(plan["method"]["weight_decomposed"], true);
            assert_eq!(plan["method"]["target_modules"], serde_json::json!(["q_proj", "down_proj"]));
        }
        if name == "rsLoRA" {
            assert_eq!(plan["method"]["rank_stabilised"], true);
            assert_eq!((&plan["lora_plus_ratio"], &plan["neftune_alpha"]), (&8.0.into(), &5.0.into()));
        }
        place.succeed(&format!("mark paper.txt --guide guide.md --model {run}/model"));
        let report = format!("{run}/report");
        place.succeed(&format!(
            "test --model {run}/model --guide guide.md --answers answers.csv --output {report}"
        ));
        assert_eq!(place.json(&format!("{report}/report.json"))["model"]["method"]["name"], name);
        place.succeed(&format!(
            "export --model {run}/model --format merged --precision f32 --output {run}/merged"
        ));
        place.succeed(&format!("generate hello --model {run}/merged --max-tokens 2"));
    }
    // A model of which every weight was trained is whole as it lies there.
    place.succeed("generate hello --model fullFu/model --max-tokens 2");
    place.succeed("export --model fullFu/model --format gguf --output full-gguf");
    place.refuse(
        "export --model fullFu/model --format peft --output adapter",
        &["no adapter to write", "export the whole model"],
    );
    place.succeed("export --model loraDo/model --format peft --output adapter");
    assert_eq!(place.json("adapter/adapter_config.json")["use_dora"], true);
}

#[test]
fn base_weights_in_few_bits_are_those_of_every_later_use() {
    let place = Place::new();
    // Rows that are whole blocks of 32 weights.
    model::write_as(&place, "tiny", 1, |config| {
        (config.hidden_size, config.intermediate_size, config.head_dim) = (32, 64, 16);
    });
    course::write(&place);
    place.write("paper.txt", course::PAPER);
    let mut said = Vec::new();
    for how in ["full", "q4"] {
        place.succeed(&format!(
            "train --dataset dataset.json --model tiny --epochs 1 --base-weights {how} --output {how}"
        ));
        assert_eq!(place.json(&format!("{how}/model/gradus.json"))["plan"]["base_weights"], how);
        let marked = place
            .succeed(&format!("mark paper.txt --guide guide.md --model {how}/model --no-feedback --json"));
        let generated = place
            .succeed(&format!("generate hello --adapter {how}/model --max-tokens 3 --logprobs 1 --json"));
        said.push([marked, generated].map(|ran| ran.json_lines().pop().unwrap()));
        place.succeed(&format!(
            "test --model {how}/model --guide guide.md --answers answers.csv --no-feedback --output {how}/report"
        ));
    }
    let [full, quantised] = [&said[0], &said[1]];
    assert_ne!(full[0]["answers"][0]["distribution"], quantised[0]["answers"][0]["distribution"]);
    assert_ne!(full[1]["tokens"], quantised[1]["tokens"]);
    let method = &place.json("q4/report/report.json")["model"]["method"];
    assert_eq!(method["base_weights"], "quantised to 4 bits (QLoRA)");
    // What was trained on quantised weights is used with them: in full it would say something else.
    let manifest = String::from_utf8(place.read("q4/model/gradus.json")).unwrap();
    place.write(
        "q4/model/gradus.json",
        manifest.replace("\"base_weights\": \"q4\"", "\"base_weights\": \"full\""),
    );
    let marked = place.succeed("mark paper.txt --guide guide.md --model q4/model --no-feedback --json");
    let in_full = marked.json_lines().pop().unwrap();
    assert_ne!(in_full["answers"][0]["distribution"], quantised[0]["answers"][0]["distribution"]);
}

#[test]
fn the_command_in_a_report_makes_the_same_report_again() {
    let place = course::trained();
    place.write("the guide.md", course::GUIDE);
    let mut test =
        place.command("test --model run/model --answers answers.csv --base-model tiny --no-feedback");
    test.args(["--guide", "the guide.md", "--title", "Ada's report", "--output", "first report"]);
    let ran = Ran::of("test", test.env("GRADUS_CPU", "portable").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut first = place.json("first report/report.json");
    let command = first["reproduction"]["commands"][0].as_str().unwrap().to_owned();
    for part in ["GRADUS_CPU=portable gradus test", "--no-feedback", "--base-model tiny", "--device cpu"] {
        assert!(command.contains(part), "{part}: {command}");
    }
    let mut shell = Command::new("bash");
    let again = command.replace("'first report'", "again").replace("gradus test", "\"$0\" test");
    shell.args(["-c", &again, env!("CARGO_BIN_EXE_gradus")]);
    place.prepare(&mut shell);
    let ran = Ran::of(&again, shell.output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut again = place.json("again/report.json");
    for report in [&mut first, &mut again] {
        report["generated_at"].take();
        report["reproduction"]["commands"].take();
        report["training"]["peak_memory_bytes"].take();
    }
    assert_eq!(first, again);
    assert_eq!(first["title"], "Ada's report");
}

#[test]
fn preflight_names_the_method_and_counts_what_it_trains() {
    let place = course::place();
    let preflight = "train --dataset dataset.json --model tiny --output run --preflight";
    let parameters = |options: &str| {
        let lines = place.succeed(&format!("{preflight} {options} --json")).json_lines();
        lines[0]["preflight"]["trainable_parameters"].as_u64().unwrap()
    };
    let (lora, dora, full) = (parameters(""), parameters("--method dora"), parameters("--method full"));
    assert!(lora < dora, "DoRA has magnitudes beside the matrices: {lora} {dora}");
    assert_ne!(full, lora);
    let shown = place.succeed(&format!("{preflight} --method full"));
    assert!(shown.stdout.contains("full fine-tuning"), "{shown:?}");
}
