//! What each method trains, where it stands in the flat vector, and how it begins.

use std::convert::Infallible;

use super::*;
use crate::config::{Design, Family, RopeScaling};

fn model() -> ModelConfig {
    ModelConfig {
        family: Family::Qwen2,
        vocabulary_size: 5,
        hidden_size: 4,
        intermediate_size: 6,
        layers: 2,
        attention_heads: 2,
        key_value_heads: 1,
        head_dim: 2,
        rope_theta: 100.0,
        rope_scaling: RopeScaling::None,
        rms_norm_epsilon: 1e-5,
        tie_word_embeddings: true,
        attention_bias: true,
        query_key_norm: false,
        sliding_window: None,
        design: Design::default(),
        context_length: 16,
        bos_token_id: None,
        eos_token_ids: Vec::new(),
        pad_token_id: None,
    }
}

fn lora(rank_stabilised: bool, weight_decomposed: bool) -> LoraConfig {
    let target_modules = vec![TargetModule::DownProj, TargetModule::QProj, TargetModule::DownProj];
    LoraConfig { rank: 2, target_modules, rank_stabilised, weight_decomposed, ..LoraConfig::default() }
}

/// Every value of a tensor of the base model is 2.
fn twos(name: &str) -> Result<Vec<f32>, Infallible> {
    let shapes = model().tensor_shapes().collect::<std::collections::BTreeMap<_, _>>();
    Ok(vec![2.0; shapes[name].iter().product()])
}

#[test]
fn every_parameter_belongs_to_one_tensor_and_one_group() {
    for method in [lora(false, false).into(), lora(true, true).into(), Method::Full] {
        let adapter = Adapter::zeroed(method.clone(), &model());
        let of_pairs = adapter.pairs().iter().flat_map(|pair| {
            [Some(pair.a.clone()), Some(pair.b.clone()), pair.magnitude.clone()].into_iter().flatten()
        });
        let ranges = of_pairs.chain(adapter.weights().iter().map(|weight| weight.range.clone()));
        let groups = adapter.groups(16.0);
        for ranges in [ranges.collect::<Vec<_>>(), groups.iter().map(|group| group.range.clone()).collect()] {
            assert_eq!(
                ranges.iter().cloned().flatten().collect::<Vec<_>>(),
                (0..adapter.parameters.len()).collect::<Vec<_>>()
            );
        }
        assert_eq!(Adapter::parameter_count(&method, &model()), adapter.parameters.len());
    }
    assert_eq!(Adapter::parameter_count(&Method::Full, &model()), model().parameter_count());
}

#[test]
fn the_modules_named_are_found_in_every_layer_and_no_others() {
    let adapter = Adapter::new(lora(false, false), &model(), 1);
    assert_eq!(adapter.pairs().len(), 4);
    for layer in 0..2 {
        for module in TargetModule::ALL {
            let pair = adapter.pair(layer, module);
            let expected = matches!(module, TargetModule::QProj | TargetModule::DownProj);
            assert_eq!(pair.map(|pair| (pair.layer, pair.module)), expected.then_some((layer, module)));
        }
    }
}

#[test]
fn a_fresh_decomposed_adapter_has_the_lengths_of_the_weights_rows() {
    let adapter = Adapter::initial(&lora(false, true).into(), &model(), 3, twos).unwrap();
    let pair = adapter.pair(1, TargetModule::DownProj).unwrap();
    // Rows of six twos.
    let lengths = &adapter.parameters[pair.magnitude.clone().unwrap()];
    assert!(lengths.len() == 4 && lengths.iter().all(|length| (length - 24_f32.sqrt()).abs() < 1e-6));
    assert!(adapter.parameters[pair.b.clone()].iter().all(|value| *value == 0.0));
    assert!(adapter.parameters[pair.a.clone()].iter().all(|value| *value != 0.0));
}

#[test]
fn full_fine_tuning_starts_with_the_base_models_weights() {
    let adapter = Adapter::initial(&Method::Full, &model(), 3, twos).unwrap();
    assert!(adapter.parameters.iter().all(|value| *value == 2.0));
    assert_eq!(adapter.pair(0, TargetModule::QProj), None);
}

#[test]
fn only_matrices_decay_and_only_b_and_magnitudes_learn_faster() {
    let group = |adapter: &Adapter, index: usize| {
        let groups = adapter.groups(8.0);
        let group = groups.iter().find(|group| group.range.contains(&index)).unwrap();
        (group.rate, group.decays)
    };
    let adapter = Adapter::zeroed(lora(false, true), &model());
    let pair = adapter.pair(1, TargetModule::QProj).unwrap();
    assert_eq!(group(&adapter, pair.a.start), (1.0, true));
    assert_eq!(group(&adapter, pair.b.start), (8.0, true));
    assert_eq!(group(&adapter, pair.magnitude.clone().unwrap().start), (8.0, false));

    let full = Adapter::zeroed(Method::Full, &model());
    for weight in full.weights() {
        let is_vector = weight.name.ends_with("norm.weight") || weight.name.ends_with("bias");
        assert_eq!(group(&full, weight.range.start), (1.0, !is_vector), "{}", weight.name);
    }
    assert_eq!(Adapter::zeroed(lora(true, false), &model()).groups(1.0).len(), 1);
}

#[test]
fn a_row_without_length_has_the_factor_zero() {
    let lengths = row_lengths(&[3.0, 4.0, 0.0, 0.0, 1e-30, 0.0, 1e-42, 0.0], 2);
    let factors: Vec<f32> = lengths.into_iter().map(inverse_length).collect();
    assert_eq!(factors, [0.2, 0.0, 1e30, 0.0]);
}
