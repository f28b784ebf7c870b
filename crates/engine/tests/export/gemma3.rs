//! Gemma 3: training held against transformers + PEFT, and what is exported of it.

use std::path::PathBuf;

use gradus_engine::adapter::{Adapter, LoraConfig, Method};
use gradus_engine::backend::Backend;
use gradus_engine::batch::Sequence;
use gradus_engine::export::ModelDescription;
use gradus_engine::export::full::{read_model, write_model};
use gradus_engine::export::merged::{Merge, Precision, write_merged};
use gradus_engine::export::peft::read_adapter;
use gradus_engine::files;

use crate::environment;
use crate::parity::{adapter_by_formula, check_ten_steps};
use crate::peft::random_adapter;
use crate::reference::{
    Example, Reference, backend, fixtures, generic, largest_difference, original, read, scores,
};

fn tiny_gemma() -> PathBuf {
    fixtures().join("gemma3/model")
}

#[test]
fn ten_steps_on_a_tiny_gemma_equal_those_of_peft() {
    let initial =
        |backend: &dyn Backend| read_adapter(&fixtures().join("gemma3/initial"), backend.config()).unwrap();
    let (mut cpu, mut generic) = (backend(&tiny_gemma()), generic(&tiny_gemma()));
    let (of_cpu, of_generic) = (initial(&cpu), initial(&generic));
    check_ten_steps("cpu", "gemma3.json", &mut cpu, of_cpu);
    check_ten_steps("generic", "gemma3.json", &mut generic, of_generic);
}

#[test]
fn ten_steps_of_full_fine_tuning_of_a_tiny_gemma_equal_those_of_transformers() {
    let initial = |backend: &dyn Backend| {
        let base = |name: &str| backend.base_tensor(name);
        Adapter::initial(&Method::Full, backend.config(), 0, base).unwrap()
    };
    let (mut cpu, mut generic) = (backend(&tiny_gemma()), generic(&tiny_gemma()));
    let (of_cpu, of_generic) = (initial(&cpu), initial(&generic));
    check_ten_steps("cpu", "gemma3_full.json", &mut cpu, of_cpu);
    check_ten_steps("generic", "gemma3_full.json", &mut generic, of_generic);
}

#[test]
fn ten_steps_on_gemma_3_270m_equal_those_of_peft() {
    let Some(model) = environment::gemma_model() else { return };
    let mut backend = backend(&model);
    let adapter = adapter_by_formula(&backend);
    check_ten_steps("cpu", "gemma3_270m.json", &mut backend, adapter);
}

/// Norms are stored around zero there: read, written and read again they are the same.
#[test]
fn a_whole_model_keeps_its_norms_on_the_way_through_a_directory() {
    let base = files::load(&tiny_gemma()).unwrap();
    let backend = backend(&tiny_gemma());
    let values = |name: &str| backend.base_tensor(name);
    let trained = Adapter::initial(&Method::Full, backend.config(), 0, values).unwrap();
    let norm = trained.weight("model.layers.1.post_feedforward_layernorm.weight").unwrap().range.clone();
    let mean = trained.parameters[norm.clone()].iter().sum::<f32>() / norm.len() as f32;
    assert!((mean - 1.0).abs() < 0.3, "what is multiplied by lies around one: {mean}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("whole");
    write_model(&path, &trained, ModelDescription::from(&base)).unwrap();
    assert_eq!(files::load(&path).unwrap().config, base.config);
    let again = read_model(&path, &base.config).unwrap();
    let apart = again.parameters.iter().zip(&trained.parameters[..]).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-6);
}

#[test]
fn a_merged_gemma_scores_as_base_and_adapter_do_here_and_in_transformers() {
    let adapter = random_adapter(LoraConfig::default(), &backend(&tiny_gemma()));
    let sample = read::<Reference>("gemma3.json").sample;
    let sequences: Vec<Sequence> = sample.iter().map(Example::sequence).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("merged");
    let model = tiny_gemma();
    let merge = Merge { original: original(&model, &adapter, &sequences), precision: Precision::F32 };
    write_merged(&path, &merge).unwrap();
    let expected = scores(&mut backend(&model), Some(&adapter), &sample);
    let difference = largest_difference(&scores(&mut backend(&path), None, &sample), &expected);
    assert!(difference < 1e-4, "{difference}");

    let Some(python) = environment::python() else { return };
    let answer = crate::python::ask(&python, &path, None, &sample);
    let difference = largest_difference(&expected, &answer.log_probabilities);
    println!("transformers, Gemma 3: within {difference:.2e}");
    assert!(difference < 1e-3, "{difference}");
}
