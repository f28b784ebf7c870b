//! The weights of a decoder: the base model's, or those of full fine-tuning as trained so far.

use gradus_kernels::{Matrix, Number, Weight};
use rayon::prelude::*;

use super::base_weights::{BaseWeights, Use};
use super::layer::Layer;
use crate::adapter::{Adapter, TargetModule};
use crate::backend::BackendError;
use crate::config::{EMBEDDING, FINAL_NORM, ModelConfig, OUTPUT};
use crate::files::Weights;

/// All weights of one model.
#[derive(Clone)]
pub(super) struct Model<N> {
    /// `[vocabulary, hidden]`.
    pub(super) embedding: Weight<N>,
    pub(super) layers: Vec<Layer<N>>,
    pub(super) final_norm: Vec<f32>,
    /// `None` where the embedding is also the output projection.
    output: Option<Weight<N>>,
}

/// A weight by its Hugging Face name.
pub(super) enum Values<'a, N> {
    Matrix(&'a Weight<N>),
    Vector(&'a [f32]),
}

/// As [`Values`], to be changed.
pub(super) enum ValuesMut<'a, N> {
    Matrix(&'a mut Weight<N>),
    Vector(&'a mut [f32]),
}

impl<N: Number> Model<N> {
    /// Takes the model's weights out of `weights`.
    pub(super) fn new(
        config: &ModelConfig,
        weights: &mut Weights,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        let table = |weights: &mut Weights, name| base_weights.take(weights, name, Use::Vocabulary);
        let embedding = table(weights, EMBEDDING)?;
        let layers = (0..config.layers).map(|index| Layer::new(config, index, weights, base_weights));
        let layers = layers.collect::<Result<_, BackendError>>()?;
        let output = if config.tie_word_embeddings { None } else { Some(table(weights, OUTPUT)?) };
        Ok(Self { embedding, layers, final_norm: weights.take(FINAL_NORM)?.data, output })
    }

    /// The output projection, `[vocabulary, hidden]`, and its name.
    pub(super) fn projection(&self) -> (&Weight<N>, &'static str) {
        self.output.as_ref().map_or((&self.embedding, EMBEDDING), |output| (output, OUTPUT))
    }

    /// Every matrix, in the order in which they are read.
    pub(super) fn matrices(&self) -> impl Iterator<Item = &Weight<N>> {
        let linear =
            |layer| TargetModule::ALL.iter().map(move |module| Layer::linear(layer, *module).weight());
        let layers = self.layers.iter().flat_map(linear);
        std::iter::once(&self.embedding).chain(layers).chain(&self.output)
    }

    /// The values of a weight, row-major.
    pub(super) fn tensor(&self, name: &str) -> Result<Vec<f32>, BackendError> {
        let of_layers = || {
            let weights = self.layers.iter().flat_map(Layer::weights);
            weights.into_iter().find(|(found, _)| found == name).map(|(_, weight)| weight)
        };
        let weight = match name {
            EMBEDDING => Some(Values::Matrix(&self.embedding)),
            FINAL_NORM => Some(Values::Vector(&self.final_norm)),
            OUTPUT => self.output.as_ref().map(Values::Matrix),
            _ => of_layers(),
        };
        weight
            .map(|weight| weight.values())
            .ok_or_else(|| BackendError::NoSuchTensor { name: name.to_owned() })
    }

    /// Overwrites every weight with what was trained.
    pub(super) fn refill(&mut self, trained: &Adapter) {
        let Self { embedding, layers, final_norm, output } = self;
        ValuesMut::Matrix(embedding).fill(EMBEDDING, trained);
        ValuesMut::<N>::Vector(final_norm).fill(FINAL_NORM, trained);
        output.iter_mut().for_each(|output| ValuesMut::Matrix(output).fill(OUTPUT, trained));
        layers.par_iter_mut().for_each(|layer| {
            layer.weights_mut().into_iter().for_each(|(name, weight)| weight.fill(&name, trained));
        });
    }
}

impl<N: Number> Values<'_, N> {
    fn values(&self) -> Vec<f32> {
        match self {
            Self::Vector(values) => values.to_vec(),
            Self::Matrix(matrix) => {
                let mut values = vec![0.0; matrix.rows() * matrix.cols()];
                matrix.widen_rows(0, &mut values);
                values
            }
        }
    }
}

impl<N: Number> ValuesMut<'_, N> {
    fn fill(self, name: &str, trained: &Adapter) {
        let Some(weight) = trained.weight(name) else { return };
        let values = &trained.parameters[weight.range.clone()];
        match self {
            Self::Matrix(Weight::Dense(matrix)) => matrix.round_from(values),
            Self::Matrix(weight) => {
                *weight = Weight::Dense(Matrix::from_f32(values, weight.rows(), weight.cols()));
            }
            Self::Vector(vector) => vector.copy_from_slice(values),
        }
    }
}
