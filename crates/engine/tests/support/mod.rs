//! Tiny models with random weights, for tests of what is computed rather than of what was learned.

mod level;

use std::collections::BTreeMap;
use std::convert::Infallible;

use gradus_engine::adapter::{Adapter, LoraConfig, Method};
use gradus_engine::backend::Backend;
use gradus_engine::backend::cpu::{BaseWeights, CpuBackend};
use gradus_engine::backend::generic::{Device, GenericBackend, Precision};
use gradus_engine::config::{Design, Family, ModelConfig, RopeScaling};
use gradus_engine::files::{Tensor, Weights};
use gradus_engine::random::Random;
use gradus_engine::reading::{Piece, Reader};

/// A model of a few thousand parameters.
pub(crate) struct TinyModel {
    pub(crate) config: ModelConfig,
    tensors: BTreeMap<String, Tensor>,
}

impl TinyModel {
    /// Two layers with grouped heads whose width is not `hidden_size / attention_heads`.
    pub(crate) fn llama() -> Self {
        Self::changed(|_| ())
    }

    /// As [`Self::llama`] with another configuration.
    pub(crate) fn changed(change: impl FnOnce(&mut ModelConfig)) -> Self {
        level::as_asked();
        let mut config = ModelConfig {
            family: Family::Llama,
            vocabulary_size: 23,
            hidden_size: 8,
            intermediate_size: 12,
            layers: 2,
            attention_heads: 4,
            key_value_heads: 2,
            head_dim: 4,
            rope_theta: 100.0,
            rope_scaling: RopeScaling::None,
            rms_norm_epsilon: 1e-5,
            tie_word_embeddings: true,
            attention_bias: false,
            query_key_norm: false,
            sliding_window: None,
            design: Design::default(),
            context_length: 512,
            bos_token_id: None,
            eos_token_ids: Vec::new(),
            pad_token_id: None,
        };
        change(&mut config);
        let mut random = Random::new(&[7]);
        let tensors = config.tensor_shapes().map(|(name, shape)| {
            let count: usize = shape.iter().product();
            let is_norm = name.ends_with("norm.weight");
            // Wide enough for attention and probabilities to be far from uniform.
            let width = 2.0 / (shape[shape.len() - 1] as f64).sqrt();
            let data = (0..count).map(|_| {
                let number = random.uniform() * 2.0 - 1.0;
                if is_norm { (1.0 + number / 2.0) as f32 } else { (number * width) as f32 }
            });
            (name, Tensor { data: data.collect(), shape })
        });
        Self { tensors: tensors.collect(), config }
    }

    pub(crate) fn cpu(&self) -> CpuBackend {
        CpuBackend::new(self.config.clone(), self.weights()).unwrap()
    }

    /// The CPU backend in bf16.
    pub(crate) fn rounded(&self) -> CpuBackend {
        let precision = gradus_engine::backend::cpu::Precision::Bf16;
        CpuBackend::with_precision(self.config.clone(), self.weights(), precision).unwrap()
    }

    /// The CPU backend on weights kept in that way.
    pub(crate) fn quantised(
        &self,
        precision: gradus_engine::backend::cpu::Precision,
        base_weights: BaseWeights,
    ) -> CpuBackend {
        CpuBackend::with_base_weights(self.config.clone(), self.weights(), precision, base_weights).unwrap()
    }

    /// The same with each matrix replaced, given its name, numbers, rows and columns.
    pub(crate) fn with_matrices(&self, replace: impl Fn(&str, &[f32], usize, usize) -> Vec<f32>) -> Self {
        let mut tensors = self.tensors.clone();
        for (name, tensor) in &mut tensors {
            if let [rows, cols] = tensor.shape[..] {
                tensor.data = replace(name, &tensor.data, rows, cols);
            }
        }
        Self { config: self.config.clone(), tensors }
    }

    pub(crate) fn generic(&self, precision: Precision) -> GenericBackend {
        GenericBackend::new(self.config.clone(), self.weights(), Device::Cpu, precision).unwrap()
    }

    /// An adapter of every module in which neither A nor B is zero.
    pub(crate) fn adapter(&self, rank: usize) -> Adapter {
        self.trained(&self.lora(rank).into())
    }

    /// LoRA of every module without dropout.
    pub(crate) fn lora(&self, rank: usize) -> LoraConfig {
        LoraConfig { rank, alpha: 1.5 * rank as f32, dropout: 0.0, ..LoraConfig::default() }
    }

    /// What each method might have made of the model, by the method's name.
    pub(crate) fn trained_by_each_method(&self, rank: usize) -> Vec<(&'static str, Adapter)> {
        let lora = self.lora(rank);
        // Of about the same scale.
        let alpha = 1.6 * (rank as f32).sqrt();
        let stabilised = LoraConfig { rank_stabilised: true, alpha, ..lora.clone() };
        let decomposed = LoraConfig { weight_decomposed: true, ..lora.clone() };
        let methods: [Method; 4] = [lora.into(), stabilised.into(), decomposed.into(), Method::Full];
        let name = |method: &Method| method.lora().map_or("full fine-tuning", LoraConfig::name);
        methods.iter().map(|method| (name(method), self.trained(method))).collect()
    }

    /// What a method might have made of the model: nothing is zero, and nothing is as it began.
    pub(crate) fn trained(&self, method: &Method) -> Adapter {
        let base = |name: &str| Ok::<_, Infallible>(self.tensors[name].data.clone());
        let mut adapter = Adapter::initial(method, &self.config, 1, base).unwrap();
        let pairs = adapter.pairs().to_vec();
        let mut random = Random::new(&[11]);
        let parameters = &mut adapter.parameters[..];
        for range in pairs.iter().flat_map(|pair| [pair.a.clone(), pair.b.clone()]) {
            parameters[range].fill(0.0);
        }
        for parameter in parameters {
            *parameter += (random.uniform() / 2.0 - 0.25) as f32;
        }
        adapter
    }

    /// Random tokens.
    pub(crate) fn tokens(&self, count: usize, seed: u64) -> Vec<u32> {
        let mut random = Random::new(&[13, seed]);
        (0..count).map(|_| (random.next_u64() % self.config.vocabulary_size as u64) as u32).collect()
    }

    fn weights(&self) -> Weights {
        Weights::from_tensors(&self.config, self.tensors.clone()).unwrap()
    }
}

/// Reads one sequence, some tokens at a time; the logits after each.
pub(crate) fn read_in_pieces(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    pieces: &[&[u32]],
) -> Vec<Vec<f32>> {
    let mut reader = Reader::new(backend, pieces.iter().map(|piece| piece.len()).sum());
    let adapter = adapter.map(|adapter| reader.adapt(adapter).unwrap());
    let sequence = reader.start(adapter);
    let read = |tokens: &&[u32]| reader.read(&[Piece { sequence, tokens, logits: true }]).unwrap();
    pieces.iter().map(read).collect()
}
