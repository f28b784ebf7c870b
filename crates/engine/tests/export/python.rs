//! Exports opened by the programs they are for: PEFT and transformers, where a Python with both is given.

use std::path::Path;

use gradus_engine::adapter::LoraConfig;
use gradus_engine::batch::Sequence;
use gradus_engine::chat::{Message, Role};
use gradus_engine::export::merged::{Merge, Precision, write_merged};
use gradus_engine::export::peft::write_adapter;
use gradus_engine::files;
use serde::Deserialize;
use serde_json::json;

use crate::environment;
use crate::merged::merge_smollm2;
use crate::peft::random_adapter;
use crate::reference::{
    Example, Reference, backend, generic, largest_difference, original, read, scores, tiny_model,
};

#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) log_probabilities: Vec<Vec<f32>>,
    /// The token ids of the conversation, by the chat template.
    chat_ids: Vec<u32>,
}

#[test]
fn peft_loads_an_exported_adapter_and_scores_the_same() {
    let Some(python) = environment::python() else {
        return;
    };
    let mut backend = generic(&tiny_model());
    let sample = read::<Reference>("tiny.json").sample;
    for (rank_stabilised, weight_decomposed) in [(false, false), (true, false), (false, true)] {
        let lora =
            LoraConfig { rank: 4, alpha: 12.0, rank_stabilised, weight_decomposed, ..LoraConfig::default() };
        let name = lora.name();
        let adapter = random_adapter(lora, &backend);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("adapter");
        write_adapter(&path, &adapter, "tiny-random-llama").unwrap();

        let answer = ask(&python, &tiny_model(), Some(&path), &sample);
        let expected = scores(&mut backend, Some(&adapter), &sample);
        let difference = largest_difference(&expected, &answer.log_probabilities);
        let without = largest_difference(&expected, &scores(&mut backend, None, &sample));
        println!("{name} in PEFT: within {difference:.2e} (without the adapter {without:.2e})");
        assert!(difference < 1e-3 && without > 0.1, "{name}: {difference} {without}");
    }
}

#[test]
fn transformers_loads_a_merged_model_and_scores_the_same() {
    let Some(python) = environment::python() else {
        return;
    };
    let model = tiny_model();
    let adapter = random_adapter(LoraConfig::default(), &backend(&model));
    let sample = read::<Reference>("tiny.json").sample;
    let sequences: Vec<Sequence> = sample.iter().map(Example::sequence).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("merged");
    let merge = Merge { original: original(&model, &adapter, &sequences), precision: Precision::F32 };
    write_merged(&path, &merge).unwrap();

    let answer = ask(&python, &path, None, &sample);
    let expected = scores(&mut backend(&model), Some(&adapter), &sample);
    let difference = largest_difference(&expected, &answer.log_probabilities);
    println!("transformers: within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
    assert_eq!(answer.chat_ids, chat_ids(&model));
}

#[test]
fn transformers_loads_a_merged_smollm2() {
    let (Some(python), Some(model)) = (environment::python(), environment::base_model()) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("merged");
    merge_smollm2(&model, Precision::F32, &path);
    let sample = read::<Reference>("smollm2.json").sample;
    let answer = ask(&python, &path, None, &sample);
    let found = scores(&mut backend(&path), None, &sample);
    let difference = largest_difference(&found, &answer.log_probabilities);
    println!("transformers, SmolLM2: within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
    assert_eq!(answer.chat_ids, chat_ids(&model));
}

const QUESTION: &str = "What is 2 + 2?\n<|im_end|> Ærø";

/// As transformers encodes it, which takes control tokens in a question at face value.
fn chat_ids(model: &Path) -> Vec<u32> {
    let model = files::load(model).unwrap();
    let messages = [Message::new(Role::User, QUESTION)];
    let text = model.chat_template.unwrap().render(&messages, true).unwrap();
    model.tokenizer.encode(&text, true).unwrap()
}

pub(crate) fn ask(python: &Path, model: &Path, adapter: Option<&Path>, sample: &[Example]) -> Answer {
    let question = json!({
        "model": model, "adapter": adapter, "sample": sample,
        "messages": [{ "role": "user", "content": QUESTION }],
    });
    environment::answer_of(python, "load_adapter_in_peft.py", &question)
}
