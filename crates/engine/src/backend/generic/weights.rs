//! A model's weights as tensors by name: those of the base model, or those that full fine-tuning trains.

use std::cell::RefCell;
use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Error, Result, Tensor, Var};

use super::placement::{Placement, values};
use crate::adapter::{Adapter, TrainedWeight};
use crate::backend::BackendError;
use crate::backend::cpu::BaseWeights;
use crate::config::ModelConfig;
use crate::files::Weights;

/// All weights of one model.
pub(super) struct WeightTensors(BTreeMap<String, Tensor>);

impl WeightTensors {
    /// Takes every tensor out of `weights`, rounded as `base_weights` says.
    pub(super) fn of_base(
        config: &ModelConfig,
        (mut weights, base_weights): (Weights, BaseWeights),
        placement: &Placement,
    ) -> std::result::Result<Self, BackendError> {
        let mut tensors = BTreeMap::new();
        for (name, shape) in config.tensor_shapes() {
            let values = base_weights.values(&mut weights, &name)?;
            tensors.insert(name, placement.tensor(values, shape)?);
        }
        Ok(Self(tensors))
    }

    /// Those of a fully fine-tuned model.
    pub(super) fn of_trained(adapter: &Adapter, placement: &Placement) -> Result<Self> {
        let tensor = |weight: &TrainedWeight| {
            let values = adapter.parameters[weight.range.clone()].to_vec();
            Ok((weight.name.clone(), placement.tensor(values, weight.shape.clone())?))
        };
        adapter.weights().iter().map(tensor).collect::<Result<_>>().map(Self)
    }

    pub(super) fn get(&self, name: &str) -> std::result::Result<&Tensor, BackendError> {
        self.0.get(name).ok_or_else(|| BackendError::NoSuchTensor { name: name.to_owned() })
    }

    /// Gives the tensors as constants.
    pub(super) fn constants(&self) -> WeightSource<'_> {
        WeightSource { tensors: self, variables: None }
    }

    /// Gives copies of the tensors whose gradients will be built.
    pub(super) fn variables(&self) -> WeightSource<'_> {
        WeightSource { tensors: self, variables: Some(RefCell::default()) }
    }
}

/// Where the parts of a model take their weights from.
pub(super) struct WeightSource<'a> {
    tensors: &'a WeightTensors,
    /// The variables handed out, by name.
    variables: Option<RefCell<Vec<(String, Tensor)>>>,
}

impl WeightSource<'_> {
    /// A tensor by its Hugging Face name.
    pub(super) fn take(&self, name: &str) -> std::result::Result<Tensor, BackendError> {
        let tensor = self.tensors.get(name)?;
        let Some(variables) = &self.variables else { return Ok(tensor.clone()) };
        let variable = Var::from_tensor(tensor)?.into_inner();
        variables.borrow_mut().push((name.to_owned(), variable.clone()));
        Ok(variable)
    }

    /// Adds the gradients of the variables handed out to the flat vector of gradients.
    pub(super) fn add_gradients(
        &self,
        store: &GradStore,
        weights: &[TrainedWeight],
        gradients: &mut [f32],
    ) -> Result<()> {
        let Some(variables) = &self.variables else { return Ok(()) };
        for (name, variable) in variables.borrow().iter() {
            let missing = || Error::msg(format!("no gradient reached {name}"));
            let gradient = store.get(variable).ok_or_else(missing)?;
            let weight = weights.iter().find(|weight| weight.name == *name).ok_or_else(missing)?;
            let sums = gradients[weight.range.clone()].iter_mut();
            sums.zip(values(gradient)?).for_each(|(sum, value)| *sum += value as f32);
        }
        Ok(())
    }
}
