//! GGUF exports opened by llama.cpp, where a Python with llama-cpp-python is given.

use std::path::Path;

use gradus_engine::adapter::Adapter;
use gradus_engine::backend::Backend;
use gradus_engine::config::{Family, ModelConfig};
use gradus_engine::export::gguf::GgufType;
use gradus_engine::files;
use gradus_engine::generation::{Event, GenerationOptions, Generator, GeneratorLimits, Request};
use gradus_engine::scoring::{self, score};
use gradus_engine::tokenizer::Tokenizer;
use serde::Deserialize;
use serde_json::json;

use crate::environment;
use crate::gguf::{Place, export_smollm2, gemma3, sample, small_adapter, smollm2_adapter};
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
    let changes: [(&str, Change<'_>); 4] = [
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
        ("gemma3", &gemma3),
    ];
    for (name, change) in changes {
        let base = place.base(change);
        let adapter = small_adapter(&base);
        place.export(&base, &adapter, GgufType::F32, name).unwrap();
        let answer = ask(&python, &place.model(name), &sample(), &[]);
        let expected = scores(&mut backend(&base), Some(&adapter), &sample());
        let (mean, largest) = differences(&expected, &answer.log_probabilities);
        println!("llama.cpp, {name}: {mean:.2e} on average, {largest:.2e} at most");
        assert!(largest < 0.02, "{name}: {largest}");
        assert_eq!(answer.token_ids, token_ids(&base), "{name}");
    }
}

#[test]
fn llama_cpp_says_of_gemma_3_270m_what_is_said_here() {
    let (Some(python), Some(model)) = (environment::llama_cpp_python(), environment::gemma_model()) else {
        return;
    };
    let sample = read::<Reference>("gemma3_270m.json").sample;
    let answer = ask(&python, &model, &sample, &[]);
    let expected = scores(&mut backend(&model), None, &sample);
    let (mean, largest) = differences(&expected, &answer.log_probabilities);
    println!("llama.cpp, Gemma 3 270M: {mean:.2e} on average, {largest:.2e} at most");
    // llama.cpp rounds activations to 8 bits before it multiplies quantised weights.
    assert!(mean < 0.3, "{mean}");
    assert_eq!(answer.token_ids, token_ids(&model));
}

#[test]
fn llama_cpp_scores_marks_and_goes_on_as_the_trained_smollm2_does() {
    let (Some(python), Some(base)) = (environment::llama_cpp_python(), environment::base_model()) else {
        return;
    };
    let place = Place::new();
    let mut sample: Vec<Example> = read::<Reference>("smollm2.json").batches.into_iter().flatten().collect();
    sample.truncate(8);
    let prompts: Vec<Vec<u32>> = sample.iter().map(|example| example.prompt.clone()).collect();
    let adapter = smollm2_adapter(&base);
    let tokenizer = files::load(&base).unwrap().tokenizer;
    let mut backend = backend(&base);
    let expected = scores(&mut backend, Some(&adapter), &sample);
    let continuations = continuations(&mut backend, &adapter, &tokenizer, &prompts);
    let questions = marking_questions(&tokenizer);
    let marks = score(&mut backend, Some(&adapter), &questions, 1024, &mut |_| true).unwrap().unwrap();
    // Both in one question: a model is read once.
    let labels = sample.len();
    sample.extend(questions.iter().flat_map(|question| {
        let prompt = &question.prompt;
        question.choices.iter().map(|choice| Example { prompt: prompt.clone(), completion: choice.clone() })
    }));
    // llama.cpp multiplies with f16 or 8-bit activations where weights are so.
    let limits = [
        (GgufType::F32, 0.005, 0.001),
        (GgufType::F16, 0.02, 0.01),
        (GgufType::Q8_0, 0.3, 0.1),
        (GgufType::Q4K, 1.0, 0.3),
    ];
    for (kind, limit, mark_limit) in limits {
        let name = format!("{kind:?}");
        export_smollm2(&base, kind, &place.path(&name));
        let answer = ask(&python, &place.model(&name), &sample, &prompts);
        let (mean, largest) = differences(&expected, &answer.log_probabilities[..labels]);
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

        let theirs = mark_probabilities(&questions, &answer.log_probabilities[labels..]);
        let (apart, same) = marks_apart(&marks, &theirs);
        println!(
            "llama.cpp, SmolLM2 {name}: probabilities of marks within {apart:.1e}; {same} of {} marks the same",
            questions.len()
        );
        assert!(apart < mark_limit, "{name}: {apart}");
        assert!(!matches!(kind, GgufType::F32 | GgufType::F16) || same == questions.len(), "{name}: {same}");
    }
}

/// What the model says after each prompt, most probable token by most probable token.
fn continuations(
    backend: &mut dyn Backend,
    adapter: &Adapter,
    tokenizer: &Tokenizer,
    prompts: &[Vec<u32>],
) -> Vec<Vec<u32>> {
    let one = |prompt: &Vec<u32>| {
        let mut generator = Generator::new(backend, tokenizer, GeneratorLimits::default());
        let adapter = Some(generator.adapt(adapter).unwrap());
        let options = GenerationOptions { max_tokens: CONTINUATION, ..GenerationOptions::default() };
        generator.submit(Request { prompt: prompt.clone(), adapter, options, constraint: None }).unwrap();
        let mut tokens = Vec::new();
        while !generator.is_idle() {
            for event in generator.step().unwrap() {
                if let Event::Token { token, .. } = event {
                    tokens.extend(token.token);
                }
            }
        }
        tokens
    };
    prompts.iter().map(one).collect()
}

/// Marking prompts as Gradus writes them, each with its legal marks in halves.
fn marking_questions(tokenizer: &Tokenizer) -> Vec<scoring::Question> {
    let leaves = "Question: Why are leaves green?\nModel answer: They hold chlorophyll, which reflects green \
                  light.\nMarking points: names chlorophyll [1]; it reflects green light [1]\nMarks \
                  available: 2\nStudent answer:";
    let roots = "Question: What do roots do?\nMarks available: 3\nStudent answer:";
    let answers = [
        (leaves, " Chlorophyll in the leaf reflects green light.", 2),
        (leaves, " Because plants like the sun.", 2),
        (leaves, " They have chlorophyll / I think it's green.", 2),
        (roots, " They take up water and minerals and hold the plant in the soil.", 3),
        (roots, " No idea", 3),
        (roots, " They drink water.", 3),
    ];
    let encode = |text: &str| tokenizer.encode(text, false).unwrap();
    let question = |(head, answer, most): (&str, &str, usize)| scoring::Question {
        prompt: [encode(head), encode(answer), encode("\nMark: ")].concat(),
        choices: (0..=2 * most).map(|halves| encode(&format!("{}\n", halves as f64 / 2.0))).collect(),
    };
    answers.into_iter().map(question).collect()
}

/// From the log-probabilities of the marks' tokens, question by question.
fn mark_probabilities(questions: &[scoring::Question], log_probabilities: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let mut rest = log_probabilities;
    let of_question = |question: &scoring::Question| {
        let (own, others) = rest.split_at(question.choices.len());
        rest = others;
        let sum = |tokens: &Vec<f32>| tokens.iter().map(|token| f64::from(*token)).sum::<f64>().exp();
        let sums: Vec<f64> = own.iter().map(sum).collect();
        let total: f64 = sums.iter().sum();
        sums.into_iter().map(|sum| sum / total).collect()
    };
    questions.iter().map(of_question).collect()
}

/// The largest difference of a probability, and how many questions get the same mark.
fn marks_apart(ours: &[Vec<f64>], theirs: &[Vec<f64>]) -> (f64, usize) {
    let best = |marks: &Vec<f64>| (0..marks.len()).max_by(|a, b| marks[*a].total_cmp(&marks[*b]));
    let pairs = ours.iter().flatten().zip(theirs.iter().flatten());
    let largest = pairs.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
    (largest, ours.iter().zip(theirs).filter(|(ours, theirs)| best(ours) == best(theirs)).count())
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

fn ask(python: &Path, model: &Path, sample: &[Example], prompts: &[Vec<u32>]) -> Answer {
    let question = json!({
        "model": model, "sample": sample, "prompts": prompts, "continuation": CONTINUATION, "texts": TEXTS,
    });
    environment::answer_of(python, "load_gguf_in_llama_cpp.py", &question)
}
