//! Trained models for other programs.

use crate::course;

#[test]
fn a_gguf_export_is_a_base_model_again_and_comes_with_a_modelfile() {
    let place = course::trained();
    let ran = place.succeed("export --model run/model --format gguf --type f32 --output marker");
    for part in ["Exported to marker", "on average", "ollama create NAME -f marker/Modelfile"] {
        assert!(ran.stdout.contains(part), "{ran:?}");
    }
    let modelfile = String::from_utf8(place.read("marker/Modelfile")).unwrap();
    assert!(modelfile.starts_with("FROM ./model.gguf\nTEMPLATE"), "{modelfile}");
    assert!(modelfile.contains("PARAMETER temperature 0"), "{modelfile}");
    // Greedy text of the export is that of base model and adapter.
    let said = |options: &str| {
        place.succeed(&format!("generate roots --max-tokens 8 --temperature 0 --json {options}")).json_lines()
            [0]["text"]
            .clone()
    };
    assert_eq!(said("--model marker/model.gguf"), said("--adapter run/model"));
    let facts = place.succeed("models show marker/model.gguf --json").json_lines();
    assert!(facts[0].to_string().contains("Llama"), "{facts:?}");
}

#[test]
fn an_export_says_how_far_it_is_from_the_trained_model() {
    let place = course::trained();
    let ran = place.succeed("export --model run/model --format gguf --type q4_k --output small --json");
    let exported = ran.json_lines().pop().unwrap();
    assert!(
        exported["mean_difference"].as_f64().unwrap() <= exported["largest_difference"].as_f64().unwrap()
    );
    // Rows of 8 and 12 weights are no blocks of anything.
    assert!(exported["notes"][0].as_str().unwrap().contains("f16"), "{exported}");
}

#[test]
fn options_of_another_format_are_refused() {
    let place = course::trained();
    let refuse = |options: &str, words: &[&str]| {
        place.refuse(&format!("export --model run/model --output new {options}"), words);
    };
    refuse("--format peft --precision f32", &["--precision", "merged"]);
    refuse("--format gguf --precision f32", &["--precision", "use --type"]);
    refuse("--format peft --type q8_0", &["--type", "gguf"]);
    refuse("--format merged --type q8_0", &["--type", "use --precision"]);
    refuse("--format gguf --type q3_k", &["q3_k", "q4_k"]);
}
