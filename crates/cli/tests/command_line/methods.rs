//! Every method of training from the command line to marks, report and exports.

use crate::course;

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
