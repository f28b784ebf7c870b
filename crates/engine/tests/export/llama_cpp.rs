//! GGUF exports opened by llama.cpp, where a Python with llama-cpp-python is given.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use gradus_engine::config::{Family, ModelConfig};
use gradus_engine::export::gguf::GgufType;
use gradus_engine::files;
use gradus_engine::generation::{GeneratedToken, GenerationOptions, Request, generate};
use serde::Deserialize;
use serde_json::json;

use crate::environment;
use crate::gguf::{Place, export_smollm2, sample, small_adapter, smollm2_adapter};
use crate::reference::{Example, Reference, backend, read, scores};

#[derive(Deserialize)]
struct Answer {
    log_probabilities: Vec<Vec<f32>>,
    token_ids: Vec<Vec<u32>>,
    /// The most probable continuation of each prompt.
    continuations: Vec<Vec<u32>>,
}

const TEXTS: &[&str] = &[
    "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n",
    "Question: Why are leaves green?\nMarking points: names chlorophyll [1]\nMarks available: 2.5\nStudent \
     answer: it's   the Æ / 漢字 1234 🦀\nMark: ",
];
const CONTINUATION: usize = 24;

#[test]
fn llama_cpp_agrees_with_every_architecture() {
    let Some(python) = environment::llama_cpp_python() else {
        return;
    };
    let place = Place::new();
    type Change<'a> = &'a dyn Fn(&mut ModelConfig);
    let changes: [(&str, Change<'_>); 3] = [
        ("llama", &|_| ()),
        ("qwen2", &|config| {
            config.family = Family::Qwen2;
            config.attention_bias = true;
        }),
        ("qwen3", &|config| {
            config.family = Family::Qwen3;
            config.query_key_norm = true;
            config.head_dim = 32;
        }),
    ];
    for (name, change) in changes {
        let base = place.base(change);
        let adapter = small_adapter(&base);
        place.export(&base, &adapter, GgufType::F32, name).unwrap();
        let answer = ask(&python, &place.model(name), &sample());
        let expected = scores(&mut backend(&base), Some(&adapter), &sample());
        let (mean, largest) = differences(&expected, &answer.log_probabilities);
        println!("llama.cpp, {name}: {mean:.2e} on average, {largest:.2e} at most");
        assert!(largest < 0.02, "{name}: {largest}");
        assert_eq!(answer.token_ids, token_ids(&base), "{name}");
    }
}

#[test]
fn llama_cpp_scores_and_goes_on_as_the_trained_smollm2_does() {
    let (Some(python), Some(base)) = (environment::llama_cpp_python(), environment::base_model()) else {
        return;
    };
    let place = Place::new();
    let mut sample: Vec<Example> = read::<Reference>("smollm2.json").batches.into_iter().flatten().collect();
    sample.truncate(8);
    let adapter = smollm2_adapter(&base);
    let tokenizer = files::load(&base).unwrap().tokenizer;
    let mut backend = backend(&base);
    let expected = scores(&mut backend, Some(&adapter), &sample);
    let continuations: Vec<Vec<u32>> = sample
        .iter()
        .map(|example| {
            let options = GenerationOptions { max_tokens: CONTINUATION, ..GenerationOptions::default() };
            let request = Request { prompt: example.prompt.clone(), options, ..Request::default() };
            let mut tokens = Vec::new();
            let mut keep = |token: &GeneratedToken| {
                tokens.extend(token.token);
                true
            };
            generate(&mut backend, Some(&adapter), &tokenizer, request, &mut keep).unwrap();
            tokens
        })
        .collect();
    // llama.cpp multiplies with f16 or 8-bit activations where weights are so.
    let limits = [(GgufType::F32, 0.005), (GgufType::F16, 0.02), (GgufType::Q8_0, 0.3), (GgufType::Q4K, 1.0)];
    for (kind, limit) in limits {
        let name = format!("{kind:?}");
        export_smollm2(&base, kind, &place.path(&name));
        let answer = ask(&python, &place.model(&name), &sample);
        let (mean, largest) = differences(&expected, &answer.log_probabilities);
        let pairs = continuations.iter().zip(&answer.continuations);
        let same = pairs.filter(|(ours, theirs)| ours == theirs).count();
        println!(
            "llama.cpp, SmolLM2 {name}: {mean:.2e} on average, {largest:.2e} at most; {same} of {} \
             continuations the same",
            continuations.len()
        );
        assert!(mean < limit, "{name}: {mean}");
        assert_eq!(answer.token_ids, token_ids(&base), "{name}");
        assert!(kind != GgufType::F32 || same == continuations.len(), "{same}");
    }
}

fn differences(left: &[Vec<f32>], right: &[Vec<f32>]) -> (f32, f32) {
    let pairs = left.iter().flatten().zip(right.iter().flatten());
    let all: Vec<f32> = pairs.map(|(left, right)| (left - right).abs()).collect();
    assert_eq!(all.len(), left.iter().map(Vec::len).sum::<usize>());
    (all.iter().sum::<f32>() / all.len() as f32, all.iter().copied().fold(0.0, f32::max))
}

fn token_ids(base: &Path) -> Vec<Vec<u32>> {
    let tokenizer = files::load(base).unwrap().tokenizer;
    TEXTS.iter().map(|text| tokenizer.encode(text, true).unwrap()).collect()
}

fn ask(python: &Path, model: &Path, sample: &[Example]) -> Answer {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/reference/load_gguf_in_llama_cpp.py");
    let question = json!({ "model": model, "sample": sample, "texts": TEXTS, "continuation": CONTINUATION });
    let mut child =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
