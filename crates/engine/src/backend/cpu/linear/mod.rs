//! Linear layers with what training adds to them, in groups that share their input: LoRA updates,
//! y = x Wᵀ + b + c · m(x) Aᵀ Bᵀ, where m drops features (without scaling what it keeps) and c holds both
//! scales; with DoRA see [`super::decomposed`]. In full fine-tuning W and b themselves are trained.

mod backward;

use std::ops::Range;
use std::sync::OnceLock;

use gradus_kernels::product::{Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{DropoutMask, Matrix, Number, Weight};
use rayon::prelude::*;

use super::Pass;
use super::base_weights::{BaseWeights, Use};
use super::buffers::Buffers;
use super::decomposed::Decomposed;
use super::model::{Values, ValuesMut};
use super::needs::Needs;
use crate::adapter::{LoraConfig, Method, TargetModule};
use crate::backend::BackendError;
use crate::backend::dropout::mask;
use crate::config::ModelConfig;
use crate::files::Weights;

pub(super) use backward::{Backward, InputGradient, backward_needs};

#[derive(Clone)]
pub(super) struct Linear<N> {
    layer: usize,
    module: TargetModule,
    /// `[output, input]`, for both directions.
    weight: Weight<N>,
    pub(super) bias: Option<Vec<f32>>,
    /// The squared length of each row of the weight, once asked for.
    row_squares: OnceLock<Vec<f64>>,
}

/// The adapter of one linear layer, as the decoder's numbers.
struct Lora<N> {
    /// A, `[rank, input]`.
    a: Matrix<N>,
    /// c · B, `[output, rank]`.
    scaled_b: Matrix<N>,
    /// Where A and B stand in the flat vector of parameters.
    ranges: (Range<usize>, Range<usize>),
    scale: f32,
    mask: Option<DropoutMask>,
    decomposed: Option<Decomposed>,
}

/// What the forward pass of an adapter leaves for the backward pass.
pub(super) struct Kept<N> {
    /// m(x) Aᵀ, `[rows, rank]`.
    low: Matrix<N>,
    /// With DoRA m(x) (W + s B A)ᵀ, `[rows, output]`.
    whole: Option<Matrix<N>>,
}

/// `None` where there is no adapter.
pub(super) type Low<N> = Option<Kept<N>>;

impl<N: Number> Kept<N> {
    pub(super) fn recycle(self, buffers: &mut Buffers<N>) {
        buffers.give_matrix(self.low);
        self.whole.into_iter().for_each(|matrix| buffers.give_matrix(matrix));
    }
}

impl<N: Number> Linear<N> {
    pub(super) fn new(
        config: &ModelConfig,
        (layer, module): (usize, TargetModule),
        weights: &mut Weights,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        let path = format!("model.layers.{layer}.{}", module.path());
        let has_bias = config.has_bias(&module.path());
        let bias = if has_bias { Some(weights.take(&format!("{path}.bias"))?.data) } else { None };
        let weight = base_weights.take(weights, &format!("{path}.weight"), Use::Linear)?;
        Ok(Self { layer, module, weight, bias, row_squares: OnceLock::new() })
    }

    pub(super) fn output(&self) -> usize {
        self.weight.rows()
    }

    pub(super) fn weight(&self) -> &Weight<N> {
        &self.weight
    }

    /// The squared length of each row of the weight.
    pub(super) fn row_squares(&self) -> &[f64] {
        if let Some(squares) = self.row_squares.get() {
            return squares;
        }
        // Not inside `get_or_init`: a thread that waits there for tasks of its own might take up one that
        // waits for this very value.
        let squares = self.compute_row_squares();
        self.row_squares.get_or_init(|| squares)
    }

    fn compute_row_squares(&self) -> Vec<f64> {
        const ROWS: usize = 64;
        let (rows, cols) = (self.output(), self.weight.cols());
        let mut squares = Vec::with_capacity(rows);
        let mut values = vec![0.0; ROWS.min(rows) * cols];
        for first in (0..rows).step_by(ROWS) {
            let values = &mut values[..ROWS.min(rows - first) * cols];
            self.weight.widen_rows(first, values);
            let square = |row: &[f32]| row.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
            squares.par_extend(values.par_chunks(cols).map(square));
        }
        squares
    }

    fn path(&self) -> String {
        format!("model.layers.{}.{}", self.layer, self.module.path())
    }

    /// Weight and bias by their Hugging Face names.
    pub(super) fn weights(&self) -> Vec<(String, Values<'_, N>)> {
        let path = self.path();
        let bias = self.bias.iter().map(|bias| (format!("{path}.bias"), Values::Vector(bias.as_slice())));
        std::iter::once((format!("{path}.weight"), Values::Matrix(&self.weight))).chain(bias).collect()
    }

    /// As [`Self::weights`], to be changed.
    pub(super) fn weights_mut(&mut self) -> Vec<(String, ValuesMut<'_, N>)> {
        let path = self.path();
        self.row_squares = OnceLock::new();
        let bias = self.bias.iter_mut();
        let bias = bias.map(|bias| (format!("{path}.bias"), ValuesMut::Vector(bias.as_mut_slice())));
        std::iter::once((format!("{path}.weight"), ValuesMut::Matrix(&mut self.weight))).chain(bias).collect()
    }

    /// The buffers of what [`forward`] returns of this layer.
    pub(super) fn kept_needs(&self, method: &Method) -> Needs {
        let Some(config) = self.adapted_by(method) else { return Needs::default() };
        let low = Needs::of(&[], &[config.rank]);
        if config.weight_decomposed { low.and(&Needs::of(&[], &[self.output()])) } else { low }
    }

    fn adapted_by<'a>(&self, method: &'a Method) -> Option<&'a LoraConfig> {
        method.lora().filter(|config| config.target_modules.contains(&self.module))
    }

    fn lora(&self, pass: &Pass<'_>, buffers: &mut Buffers<N>) -> Option<Lora<N>> {
        let adapter = pass.adapter?;
        let pair = adapter.pair(self.layer, self.module)?;
        let rank = pair.rank;
        let first = pass.first_row * pair.input;
        let mask = pass.dropout.map(|dropout| mask(dropout, self.layer, self.module).from_element(first));
        let keep_scale = mask.map_or(1.0, DropoutMask::keep_scale);
        let factors = pass.factors.and_then(|factors| factors.of(self.layer, self.module));
        let decomposed = factors.zip(pair.magnitude.clone());
        let decomposed = decomposed.map(|(rows, range)| Decomposed::new(rows, range, keep_scale));
        let scale = if decomposed.is_some() { pair.scale } else { pair.scale * keep_scale };
        let mut a = buffers.take_fixed_matrix(rank, pair.input);
        a.round_from(&adapter.parameters[pair.a.clone()]);
        let mut scaled_b = buffers.take_fixed_matrix(pair.output, rank);
        scaled_b.round_scaled_from(&adapter.parameters[pair.b.clone()], scale);
        Some(Lora { a, scaled_b, ranges: (pair.a.clone(), pair.b.clone()), scale, mask, decomposed })
    }
}

/// Computes each layer of a group into its target (biases are the caller's) and returns what the
/// backward pass needs.
pub(super) fn forward<N: Number, const L: usize>(
    pass: &Pass<'_>,
    layers: [&Linear<N>; L],
    input: &Matrix<N>,
    targets: [Target<'_, N>; L],
    buffers: &mut Buffers<N>,
) -> [Low<N>; L] {
    let loras = layers.map(|layer| layer.lora(pass, buffers));
    let dropped = loras.each_ref().map(|lora| drop_features(lora.as_ref(), input, buffers));
    let mut lows = loras.each_ref().map(|lora| {
        lora.as_ref().map(|lora| Kept { low: buffers.take_matrix(input.rows(), lora.a.rows()), whole: None })
    });
    let mut products: Vec<Product<'_, N>> = Vec::with_capacity(L);
    for ((lora, low), dropped) in loras.iter().zip(&mut lows).zip(&dropped) {
        if let (Some(lora), Some(low)) = (lora, low) {
            let left = Left::Rows(dropped.as_ref().unwrap_or(input).view());
            let terms = vec![Term { left, right: Right::Rows(lora.a.view()) }];
            products.push(Product { target: Target::Round(&mut low.low), terms });
        }
    }
    multiply(&mut products);

    let mut products: Vec<Product<'_, N>> = Vec::with_capacity(L);
    let mut decomposed = Vec::new();
    for (index, (target, low)) in targets.into_iter().zip(&mut lows).enumerate() {
        let (layer, lora, dropped) = (layers[index], loras[index].as_ref(), dropped[index].as_ref());
        let from_weight = |x| from_weight(layer, x);
        let Some((lora, Kept { low, whole })) = lora.zip(low.as_mut()) else {
            products.push(Product { target, terms: vec![from_weight(input)] });
            continue;
        };
        let update = Term { left: Left::Rows(low.view()), right: Right::Rows(lora.scaled_b.view()) };
        let Some(part) = &lora.decomposed else {
            products.push(Product { target, terms: vec![from_weight(input), update] });
            continue;
        };
        let whole = whole.insert(buffers.take_matrix(input.rows(), layer.output()));
        let terms = vec![from_weight(dropped.unwrap_or(input)), update];
        products.push(Product { target: Target::Round(whole), terms });
        decomposed.push((index, part, target));
    }
    multiply(&mut products);
    for (index, part, target) in decomposed {
        let whole = lows[index].as_ref().and_then(|kept| kept.whole.as_ref());
        let thinned = dropped[index].as_ref().map(|dropped| (input, dropped, &layers[index].weight));
        whole.into_iter().zip([target]).for_each(|(whole, target)| part.put(whole, thinned, target, buffers));
    }
    dropped.into_iter().flatten().for_each(|matrix| buffers.give_matrix(matrix));
    loras.into_iter().flatten().for_each(|lora| lora.recycle(buffers));
    lows
}

/// The buffers that [`forward`] works on, beside its targets and what it returns.
pub(super) fn forward_needs<N: Number>(layers: &[&Linear<N>], method: &Method) -> Needs {
    let adapted = |layer: &&&Linear<N>| layer.adapted_by(method).is_some();
    let dropping = method.dropout() > 0.0;
    let dropped = layers.iter().filter(|layer| dropping && adapted(layer));
    let dropped: Vec<Needs> = dropped.map(|layer| Needs::of(&[], &[layer.weight.cols()])).collect();
    // With DoRA the rest of the input too, for one layer after the other.
    let decomposed = method.lora().is_some_and(|config| config.weight_decomposed);
    let rest = dropped.first().filter(|_| decomposed).cloned().unwrap_or_default();
    dropped.into_iter().collect::<Needs>().and(&rest)
}

fn from_weight<'a, N: Number>(layer: &'a Linear<N>, x: &'a Matrix<N>) -> Term<'a, N> {
    Term { left: Left::Rows(x.view()), right: layer.weight.view().by_rows() }
}

impl<N: Number> Lora<N> {
    fn recycle(self, buffers: &mut Buffers<N>) {
        buffers.give_matrix(self.a);
        buffers.give_matrix(self.scaled_b);
    }
}

/// The input after dropout; `None` without dropout.
fn drop_features<N: Number>(
    lora: Option<&Lora<N>>,
    input: &Matrix<N>,
    buffers: &mut Buffers<N>,
) -> Option<Matrix<N>> {
    let mask = lora?.mask?;
    let mut dropped = buffers.take_matrix(input.rows(), input.cols());
    mask.apply(input.data(), dropped.data_mut());
    Some(dropped)
}
