//! Ten steps of LoRA training, step by step the same as transformers + PEFT + torch.optim.AdamW.

use gradus_engine::adapter::{Adapter, LoraConfig, Method};
use gradus_engine::backend::cpu::CpuBackend;
use gradus_engine::backend::{Backend, Noise};
use gradus_engine::batch::{PackedBatch, Sequence};
use gradus_engine::export::peft::read_adapter;
use gradus_engine::training::{
    self, Checkpoints, EventSink, Schedule, TrainEvent, TrainingData, TrainingPlan,
};
use gradus_kernels::{AdamWState, sum_of_squares};

use crate::environment;
use crate::reference::{
    Example, Reference, Settings, backend, fixtures, generic, largest_difference, read, scores, tiny_model,
};

#[test]
fn ten_steps_on_a_tiny_model_equal_those_of_peft() {
    let reference: Reference = read("tiny.json");
    let mut backend = backend(&tiny_model());
    let mut adapter = read_adapter(&fixtures().join("initial"), backend.config()).unwrap();
    let initial = adapter.clone();

    let worst = train_alike(&reference, &mut backend, &mut adapter);
    println!("tiny: {worst:?}");
    assert!(worst.loss < 1e-4 && worst.gradient_norm < 1e-3, "{worst:?}");

    let expected = read_adapter(&fixtures().join("final"), backend.config()).unwrap();
    let apart = root_mean_square(&adapter.parameters, &expected.parameters);
    let moved = root_mean_square(&initial.parameters, &expected.parameters);
    println!("tiny: final parameters {apart:.2e} apart (RMS), after moving by {moved:.2e}");
    assert!(apart < 1e-3 * moved, "{apart} {moved}");

    let found = scores(&mut backend, Some(&adapter), &reference.sample);
    let difference = largest_difference(&found, &reference.sample_log_probabilities);
    println!("tiny: log-probabilities after training within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
}

#[test]
fn ten_steps_on_smollm2_equal_those_of_peft() {
    let Some(model) = environment::base_model() else {
        return;
    };
    let reference: Reference = read("smollm2.json");
    let mut backend = backend(&model);
    let mut adapter = adapter_by_formula(&backend);

    let worst = train_alike(&reference, &mut backend, &mut adapter);
    println!("SmolLM2: {worst:?}");
    assert!(worst.loss < 1e-4 && worst.gradient_norm < 1e-3, "{worst:?}");

    let found = scores(&mut backend, Some(&adapter), &reference.sample);
    let difference = largest_difference(&found, &reference.sample_log_probabilities);
    println!("SmolLM2: log-probabilities after training within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
}

#[test]
fn ten_steps_of_rank_stabilised_lora_equal_those_of_peft() {
    each_backend(|name, backend| {
        let adapter = read_adapter(&fixtures().join("rslora"), backend.config()).unwrap();
        check_ten_steps(name, "rslora.json", backend, adapter);
    });
}

#[test]
fn ten_steps_of_dora_equal_those_of_peft() {
    each_backend(|name, backend| {
        let adapter = read_adapter(&fixtures().join("dora"), backend.config()).unwrap();
        let fresh = Adapter::initial(adapter.method(), backend.config(), 0, |name| backend.base_tensor(name));
        let fresh = fresh.unwrap();
        for magnitude in adapter.pairs().iter().filter_map(|pair| pair.magnitude.clone()) {
            let expected = &adapter.parameters[magnitude.clone()];
            let pairs = fresh.parameters[magnitude].iter().zip(expected);
            assert!(
                pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5),
                "magnitudes begin as those of PEFT"
            );
        }
        check_ten_steps(name, "dora.json", backend, adapter);
    });
}

#[test]
fn ten_steps_of_lora_plus_equal_those_of_peft() {
    each_backend(|name, backend| {
        let adapter = read_adapter(&fixtures().join("initial"), backend.config()).unwrap();
        check_ten_steps(name, "lora_plus.json", backend, adapter);
    });
}

#[test]
fn ten_steps_of_full_fine_tuning_equal_those_of_transformers() {
    each_backend(|name, backend| {
        let base = |name: &str| backend.base_tensor(name);
        let adapter = Adapter::initial(&Method::Full, backend.config(), 0, base).unwrap();
        check_ten_steps(name, "full.json", backend, adapter);
    });
}

fn each_backend(check: impl Fn(&str, &mut dyn Backend)) {
    check("generic", &mut generic(&tiny_model()));
    check("cpu", &mut backend(&tiny_model()));
}

#[expect(clippy::print_stdout, reason = "the figures of docs/parity.md")]
pub(crate) fn check_ten_steps(
    backend_name: &str,
    reference: &str,
    backend: &mut dyn Backend,
    mut adapter: Adapter,
) {
    let name = format!("{reference}, {backend_name}");
    let reference: Reference = read(reference);
    let worst = train_alike(&reference, backend, &mut adapter);
    println!("{name}: {worst:?}");
    assert!(worst.loss < 1e-4 && worst.gradient_norm < 1e-3, "{name}: {worst:?}");
    let found = scores(backend, Some(&adapter), &reference.sample);
    let difference = largest_difference(&found, &reference.sample_log_probabilities);
    println!("{name}: log-probabilities after training within {difference:.2e}");
    assert!(difference < 1e-3, "{name}: {difference}");
}

/// The trainer itself: every step on all the data in several micro-batches, its own schedule.
#[test]
fn a_whole_run_of_the_trainer_equals_that_of_peft() {
    let reference: Reference = read("tiny_run.json");
    let mut backend = backend(&tiny_model());
    let train: Vec<Sequence> = reference.batches[0].iter().map(|example| example.sequence()).collect();
    let initial = read_adapter(&fixtures().join("initial"), backend.config()).unwrap();
    let plan = TrainingPlan {
        method: initial.method().clone(),
        epochs: reference.losses.len() as u32,
        batch_size: train.len(),
        micro_batch_rows: 40,
        learning_rate: reference.settings.peak_learning_rate,
        schedule: Schedule::Linear,
        warmup_share: reference.settings.warmup_steps as f64 / reference.losses.len() as f64,
        weight_decay: reference.settings.weight_decay,
        max_gradient_norm: reference.settings.max_grad_norm,
        ..TrainingPlan::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let checkpoints = Checkpoints::new(directory.path().join("checkpoints"), "parity");
    let mut steps = Steps::default();
    let data = TrainingData { train, ..TrainingData::default() };
    let run = training::Run { plan: &plan, data: &data, start: Some(&initial) };
    let outcome = training::run(run, &mut backend, &checkpoints, &mut steps, &|| false).unwrap();

    assert!(steps.micro_batches > 2 * reference.losses.len(), "several micro-batches a step");
    let mut worst = Difference::default();
    for (step, found) in steps.steps.iter().enumerate() {
        assert!((found.2 - reference.learning_rates[step]).abs() < 1e-12, "learning rate of step {step}");
        worst.note(&reference, step, (found.0, found.1));
    }
    assert_eq!(steps.steps.len(), reference.losses.len());
    println!("run: {worst:?}");
    assert!(worst.loss < 1e-4 && worst.gradient_norm < 1e-3, "{worst:?}");
    let found = scores(&mut backend, Some(&outcome.state.adapter), &reference.sample);
    let difference = largest_difference(&found, &reference.sample_log_probabilities);
    println!("run: log-probabilities after training within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
}

/// Loss, gradient norm and learning rate of each step.
#[derive(Default)]
struct Steps {
    steps: Vec<(f64, f64, f64)>,
    micro_batches: usize,
}

impl EventSink for Steps {
    fn emit(&mut self, event: &TrainEvent) {
        match event {
            TrainEvent::Step { loss, gradient_norm, learning_rate, .. } => {
                self.steps.push((*loss, *gradient_norm, *learning_rate));
            }
            TrainEvent::MicroBatch { .. } => self.micro_batches += 1,
            _ => {}
        }
    }
}

/// The largest relative differences over the steps.
#[derive(Debug, Default)]
struct Difference {
    loss: f64,
    gradient_norm: f64,
}

impl Difference {
    fn note(&mut self, reference: &Reference, step: usize, (loss, gradient_norm): (f64, f64)) {
        let relative = |found: f64, expected: f64| (found / expected - 1.0).abs();
        self.loss = self.loss.max(relative(loss, reference.losses[step]));
        self.gradient_norm = self.gradient_norm.max(relative(gradient_norm, reference.gradient_norms[step]));
    }
}

/// The largest differences from the reference over its steps.
fn train_alike(reference: &Reference, backend: &mut dyn Backend, adapter: &mut Adapter) -> Difference {
    let batches = reference.batches.iter().map(Vec::as_slice).zip(reference.learning_rates.iter().copied());
    let mut worst = Difference::default();
    for (step, found) in train(&reference.settings, batches, backend, adapter).into_iter().enumerate() {
        worst.note(reference, step, found);
    }
    worst
}

/// The loop of the reference over batches with their learning rates; loss and gradient norm of each step.
pub(crate) fn train<'a>(
    settings: &Settings,
    batches: impl Iterator<Item = (&'a [Example], f64)>,
    backend: &mut dyn Backend,
    adapter: &mut Adapter,
) -> Vec<(f64, f64)> {
    let plan = TrainingPlan {
        weight_decay: settings.weight_decay,
        lora_plus_ratio: settings.lora_plus_ratio,
        ..TrainingPlan::default()
    };
    let mut optimizer = AdamWState::new(adapter.parameters.len());
    let mut steps = Vec::new();
    for (examples, learning_rate) in batches {
        let sequences: Vec<Sequence> = examples.iter().map(|example| example.sequence()).collect();
        let batch = PackedBatch::pack(&sequences.iter().collect::<Vec<_>>());
        let labels = batch.label_weight();
        let mut gradients = vec![0.0; adapter.parameters.len()];
        let scale = (1.0 / labels) as f32;
        let loss =
            backend.accumulate_gradients(&batch, adapter, Noise::default(), scale, &mut gradients).unwrap();
        let norm = sum_of_squares(&gradients).sqrt();
        let clip = (settings.max_grad_norm / (norm + 1e-6)).min(1.0) as f32;
        let moment = (steps.len() as u64 + 1, learning_rate, clip);
        plan.update(adapter, &gradients, &mut optimizer, moment);
        steps.push((loss / labels, norm));
    }
    steps
}

/// A[k] = sin(k + 1 + 7 layer) / √input and B = 0, as in the script.
pub(crate) fn adapter_by_formula(backend: &CpuBackend) -> Adapter {
    let config = LoraConfig { rank: 8, alpha: 16.0, dropout: 0.0, ..LoraConfig::default() };
    let mut adapter = Adapter::zeroed(config, backend.config());
    for pair in adapter.pairs().to_vec() {
        for (k, value) in adapter.parameters[pair.a].iter_mut().enumerate() {
            *value = (((k + 1 + 7 * pair.layer) as f64).sin() / (pair.input as f64).sqrt()) as f32;
        }
    }
    adapter
}

fn root_mean_square(left: &[f32], right: &[f32]) -> f64 {
    assert_eq!(left.len(), right.len());
    let sum: f64 = left.iter().zip(right).map(|(l, r)| f64::from(l - r).powi(2)).sum();
    (sum / left.len() as f64).sqrt()
}
