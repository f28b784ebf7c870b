//! What is trained of a model: a low-rank adapter beside its frozen weights, or all of them. The parameters
//! are one flat vector, which optimizer, checkpoint and backends share.

mod layout;
mod method;
mod target;
mod values;

pub use layout::{LoraPair, ParameterGroup, TrainedWeight};
pub use method::{LoraConfig, Method};
pub use target::TargetModule;
pub use values::Values;

use layout::Layout;

use crate::config::ModelConfig;
use crate::random::Random;

/// What is trained of a model, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    method: Method,
    layout: Layout,
    /// Every parameter, tensor by tensor, row-major.
    pub parameters: Values,
}

impl Adapter {
    /// A fresh LoRA adapter: `A` uniform in ±1/√input (Kaiming with a = √5, as PEFT does), `B` zero, so that
    /// the adapted model starts equal to the base model. Other methods start from the base model's weights:
    /// see [`Self::initial`].
    ///
    /// # Panics
    /// With DoRA, whose magnitudes are lengths of the base model's rows.
    pub fn new(config: LoraConfig, model: &ModelConfig, seed: u64) -> Self {
        assert!(!config.weight_decomposed, "magnitudes are taken from the base model's weights");
        let mut adapter = Self::zeroed(config, model);
        adapter.fill_a(seed);
        adapter
    }

    /// What training starts with: equal to the base model in what it computes. `base` gives the values of
    /// a tensor of the base model by its Hugging Face name, as the backend computes with them: in bf16 those
    /// are rounded, and full fine-tuning goes on from there in f32.
    ///
    /// # Errors
    /// Those of `base`.
    pub fn initial<E>(
        method: &Method,
        model: &ModelConfig,
        seed: u64,
        mut base: impl FnMut(&str) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let mut adapter = Self::zeroed(method.clone(), model);
        adapter.fill_a(seed);
        for pair in adapter.pairs().to_vec() {
            if let Some(range) = pair.magnitude.clone() {
                let weight = base(&format!("{}.weight", pair.path()))?;
                adapter.parameters[range].copy_from_slice(&row_lengths(&weight, pair.input));
            }
        }
        for weight in adapter.weights().to_vec() {
            adapter.parameters[weight.range].copy_from_slice(&base(&weight.name)?);
        }
        Ok(adapter)
    }

    /// Every parameter zero, to be filled from a file.
    pub fn zeroed(method: impl Into<Method>, model: &ModelConfig) -> Self {
        let method = sorted(method.into());
        let layout = Layout::new(&method, model);
        Self { parameters: Values::zeros(layout.len()), method, layout }
    }

    /// How many parameters a method trains.
    pub fn parameter_count(method: &Method, model: &ModelConfig) -> usize {
        Layout::new(&sorted(method.clone()), model).len()
    }

    /// How it is trained.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whether it is for a model of that architecture.
    pub fn fits(&self, model: &ModelConfig) -> bool {
        self.layout == Layout::new(&self.method, model)
    }

    /// Identifies the parameters: BLAKE3 of their bytes, lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        self.parameters.iter().for_each(|parameter| _ = hasher.update(&parameter.to_le_bytes()));
        hasher.finalize().to_hex().to_string()
    }

    /// The same parameters, to be trained further by `method`; `None` where they would mean something else
    /// under it. Dropout may differ: it is a matter of training alone.
    pub fn under(&self, method: &Method, model: &ModelConfig) -> Option<Self> {
        let mut other = Self::zeroed(method.clone(), model);
        let same_scale = match (self.method.lora(), other.method.lora()) {
            (Some(own), Some(other)) => own.scale() == other.scale(),
            (own, other) => own.is_none() && other.is_none(),
        };
        if !same_scale || self.layout != other.layout {
            return None;
        }
        other.parameters.copy_from_slice(&self.parameters);
        Some(other)
    }

    /// The adapted linear layers, layer by layer; none in full fine-tuning.
    pub fn pairs(&self) -> &[LoraPair] {
        match &self.layout {
            Layout::Lora(pairs) => pairs,
            Layout::Full(_) => &[],
        }
    }

    /// What is trained of one linear layer, if it is adapted.
    pub fn pair(&self, layer: usize, module: TargetModule) -> Option<&LoraPair> {
        let modules = &self.method.lora()?.target_modules;
        let index = modules.iter().position(|target| *target == module)?;
        self.pairs().get(layer * modules.len() + index)
    }

    /// The trained weights of the model itself; none but in full fine-tuning.
    pub fn weights(&self) -> &[TrainedWeight] {
        match &self.layout {
            Layout::Lora(_) => &[],
            Layout::Full(weights) => weights,
        }
    }

    /// One of [`Self::weights`] by its Hugging Face name.
    pub fn weight(&self, name: &str) -> Option<&TrainedWeight> {
        self.weights().iter().find(|weight| weight.name == name)
    }

    /// What the optimizer does with each stretch of the parameters. The matrices `B` learn
    /// `lora_plus_ratio` times as fast (LoRA+, Hayou et al. 2024), magnitudes too, as in PEFT.
    pub fn groups(&self, lora_plus_ratio: f64) -> Vec<ParameterGroup> {
        self.layout.groups(lora_plus_ratio)
    }

    fn fill_a(&mut self, seed: u64) {
        let mut random = Random::new(&[seed, 0x10_5A]);
        for pair in self.pairs().to_vec() {
            let bound = 1.0 / (pair.input as f64).sqrt();
            for value in &mut self.parameters[pair.a] {
                *value = ((random.uniform() * 2.0 - 1.0) * bound) as f32;
            }
        }
    }
}

/// One order of the modules, whatever order they were named in.
fn sorted(mut method: Method) -> Method {
    if let Method::Lora(config) = &mut method {
        config.target_modules.sort_unstable();
        config.target_modules.dedup();
    }
    method
}

/// The Euclidean length of each row of a matrix whose rows are `width` long.
pub(crate) fn row_lengths(matrix: &[f32], width: usize) -> Vec<f32> {
    let length = |row: &[f32]| row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32;
    matrix.chunks(width).map(length).collect()
}

/// One over a row's length. Nothing can lengthen a row of zeros: its factor is zero too.
pub(crate) fn inverse_length(length: f32) -> f32 {
    if length < f32::MIN_POSITIVE { 0.0 } else { 1.0 / length }
}

#[cfg(test)]
mod tests;
