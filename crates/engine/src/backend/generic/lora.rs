//! The parameters of an adapter (Hu et al. 2021) as tensors, and their gradients on the way back.

use std::ops::Range;

use candle_core::backprop::GradStore;
use candle_core::{Error, Result, Tensor, Var};

use super::placement::{Placement, values};
use crate::adapter::{Adapter, LoraPair, TargetModule};

/// The adapter of one linear layer.
#[derive(Clone)]
pub(super) struct Lora {
    pair: LoraPair,
    /// `[rank, input]`.
    a: Tensor,
    /// `[output, rank]`.
    b: Tensor,
    /// `[output]`; with DoRA only.
    magnitude: Option<Tensor>,
}

impl Lora {
    /// The update `scale · x Aᵀ Bᵀ`: `[rows, input]` gives `[rows, output]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.a.t()?)?.matmul(&self.b.t()?)? * f64::from(self.pair.scale)
    }

    /// With DoRA, what each row of the adapted weight `W + scale · B A` is multiplied by to have its trained
    /// length, `[output]`. The length that it has counts as a constant in the backward pass (Liu et al. 2024,
    /// section 4.3).
    pub(super) fn factors(&self, weight: &Tensor) -> Result<Option<Tensor>> {
        let Some(magnitude) = &self.magnitude else { return Ok(None) };
        let update = (self.b.detach().matmul(&self.a.detach())? * f64::from(self.pair.scale))?;
        let lengths = (weight + update)?.sqr()?.sum(1)?.sqrt()?;
        // Nothing can lengthen a row of zeros: its factor is zero too.
        let some = lengths.ge(f64::from(f32::MIN_POSITIVE))?;
        let inverse = some.where_cond(&lengths.recip()?, &lengths.zeros_like()?)?;
        (magnitude * inverse).map(Some)
    }

    /// The trained tensors with their places in the flat vector.
    fn tensors(&self) -> impl Iterator<Item = (&Tensor, &Range<usize>)> {
        let magnitude = self.magnitude.iter().zip(&self.pair.magnitude);
        [(&self.a, &self.pair.a), (&self.b, &self.pair.b)].into_iter().chain(magnitude)
    }
}

/// The adapters of one decoder layer.
#[derive(Clone, Default)]
pub(super) struct LayerLora(Vec<Lora>);

impl LayerLora {
    /// Those of every layer, as constants.
    pub(super) fn of_layers(adapter: &Adapter, layers: usize, placement: &Placement) -> Result<Vec<Self>> {
        let mut all = vec![Self::default(); layers];
        for pair in adapter.pairs() {
            let tensor = |range: &Range<usize>, shape: &[usize]| {
                placement.tensor(adapter.parameters[range.clone()].to_vec(), shape)
            };
            all[pair.layer].0.push(Lora {
                a: tensor(&pair.a, &[pair.rank, pair.input])?,
                b: tensor(&pair.b, &[pair.output, pair.rank])?,
                magnitude: pair.magnitude.as_ref().map(|range| tensor(range, &[pair.output])).transpose()?,
                pair: pair.clone(),
            });
        }
        Ok(all)
    }

    /// That of one linear layer, if it is adapted.
    pub(super) fn of_module(&self, module: TargetModule) -> Option<&Lora> {
        self.0.iter().find(|lora| lora.pair.module == module)
    }

    /// The same with every tensor a variable, whose gradient will be built.
    pub(super) fn variables(&self) -> Result<Self> {
        let variable = |tensor: &Tensor| Var::from_tensor(tensor).map(Var::into_inner);
        let of_pair = |lora: &Lora| {
            let magnitude = lora.magnitude.as_ref().map(variable).transpose()?;
            Ok(Lora { a: variable(&lora.a)?, b: variable(&lora.b)?, magnitude, pair: lora.pair.clone() })
        };
        self.0.iter().map(of_pair).collect::<Result<_>>().map(Self)
    }

    /// Adds the gradients of the variables to the adapter's flat vector of gradients.
    pub(super) fn add_gradients(&self, store: &GradStore, gradients: &mut [f32]) -> Result<()> {
        for lora in &self.0 {
            for (tensor, range) in lora.tensors() {
                // An operation without a backward would lose the gradient silently.
                let gradient = store.get(tensor).ok_or_else(|| {
                    Error::msg(format!("no gradient reached the adapter of {}", lora.pair.path()))
                })?;
                let sums = gradients[range.clone()].iter_mut();
                sums.zip(values(gradient)?).for_each(|(sum, value)| *sum += value as f32);
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn matrices(&self) -> impl Iterator<Item = &Tensor> {
        self.0.iter().flat_map(|lora| lora.tensors().map(|(tensor, _)| tensor))
    }
}
