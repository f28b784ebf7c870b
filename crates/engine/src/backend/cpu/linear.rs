//! Linear layers with what training adds to them, in groups that share their input: LoRA updates,
//! y = x Wᵀ + b + c · m(x) Aᵀ Bᵀ, where m drops features (without scaling what it keeps) and c holds both
//! scales; with DoRA see [`super::decomposed`]. In full fine-tuning W and b themselves are trained.

use std::ops::Range;
use std::sync::OnceLock;

use gradus_kernels::product::{Interleaved, Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{DropoutMask, Matrix, MatrixMut, Number, Weight, add_column_sums};
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

/// The buffers that [`Backward`] works on, beside what it was given.
pub(super) fn backward_needs<N: Number>(layers: &[&Linear<N>], method: &Method) -> Needs {
    let of_layer = |layer: &&Linear<N>| {
        let Some(config) = layer.adapted_by(method) else { return Needs::default() };
        let (input, output) = (layer.weight.cols(), layer.output());
        let dropping = config.dropout > 0.0;
        let optional = |needed: bool, width: usize| {
            if needed { Needs::of(&[], &[width]) } else { Needs::default() }
        };
        // The gradient through the adapter, later the input after dropout.
        let masked = optional(dropping, input).and(&optional(dropping && config.weight_decomposed, output));
        Needs::of(&[], &[config.rank]).and(&optional(config.weight_decomposed, output)).and(&masked)
    };
    layers.iter().map(of_layer).collect()
}

fn from_weight<'a, N: Number>(layer: &'a Linear<N>, x: &'a Matrix<N>) -> Term<'a, N> {
    Term { left: Left::Rows(x.view()), right: layer.weight.view().by_rows() }
}

/// Gradients of a group on their way back: of each layer's output, and what [`forward`] returned.
pub(super) struct Backward<'a, N, const L: usize> {
    layers: [&'a Linear<N>; L],
    d_outputs: [&'a Matrix<N>; L],
    loras: [Option<Lora<N>>; L],
    lows: [Low<N>; L],
    /// With DoRA the gradient of m(x) (W + s B A)ᵀ, `[rows, output]` each.
    d_wholes: [Option<Matrix<N>>; L],
    /// dy · c B, or with DoRA that gradient · s B, `[rows, rank]` each.
    d_lows: [Option<Matrix<N>>; L],
    /// In full fine-tuning.
    trained: [Option<Trained>; L],
}

/// Where weight and bias of a layer stand in the flat vector.
struct Trained {
    weight: Range<usize>,
    bias: Option<Range<usize>>,
}

impl<'a, N: Number, const L: usize> Backward<'a, N, L> {
    pub(super) fn new(
        pass: &Pass<'_>,
        layers: [&'a Linear<N>; L],
        d_outputs: [&'a Matrix<N>; L],
        lows: [Low<N>; L],
        buffers: &mut Buffers<N>,
    ) -> Self {
        let loras = layers.map(|layer| layer.lora(pass, buffers));
        let mut d_lows = lows
            .each_ref()
            .map(|kept| kept.as_ref().map(|kept| buffers.take_matrix(kept.low.rows(), kept.low.cols())));
        let d_wholes = std::array::from_fn(|index| {
            let part = loras[index].as_ref()?.decomposed.as_ref()?;
            Some(part.d_whole(d_outputs[index], buffers))
        });
        let mut products = Vec::with_capacity(L);
        for (index, (lora, d_low)) in loras.iter().zip(&mut d_lows).enumerate() {
            if let (Some(lora), Some(d_low)) = (lora, d_low) {
                let d_output = d_wholes[index].as_ref().unwrap_or(d_outputs[index]);
                let right = Right::Columns(lora.scaled_b.view());
                let terms = vec![Term { left: Left::Rows(d_output.view()), right }];
                products.push(Product { target: Target::Round(d_low), terms });
            }
        }
        multiply(&mut products);
        let trained = layers.map(|layer| {
            let weight = pass.trained(&format!("{}.weight", layer.path()))?;
            Some(Trained { weight, bias: pass.trained(&format!("{}.bias", layer.path())) })
        });
        Self { layers, d_outputs, loras, lows, d_wholes, d_lows, trained }
    }

    /// Writes the gradient with respect to the group's input.
    pub(super) fn input_gradient(&self, target: InputGradient<'_, N>, buffers: &mut Buffers<N>) {
        let mut terms = Vec::with_capacity(2 * L);
        let mut masked = Vec::with_capacity(L);
        let d_thinned: [Option<Matrix<N>>; L] = std::array::from_fn(|index| {
            let lora = self.loras[index].as_ref()?;
            lora.mask.and(lora.decomposed.as_ref()).map(|part| part.d_thinned(self.d_outputs[index], buffers))
        });
        for (index, layer) in self.layers.iter().enumerate() {
            let right = layer.weight.view().by_columns();
            let lora = self.loras[index].as_ref();
            let without_mask = lora.is_none_or(|lora| lora.mask.is_none());
            let d_whole = self.d_wholes[index].as_ref().filter(|_| without_mask);
            let d_output = d_whole.unwrap_or(self.d_outputs[index]);
            terms.push(Term { left: Left::Rows(d_output.view()), right });
            if let (Some(lora), Some(d_low)) = (lora, &self.d_lows[index]) {
                let term = Term { left: Left::Rows(d_low.view()), right: Right::Columns(lora.a.view()) };
                match lora.mask {
                    None => terms.push(term),
                    Some(mask) => {
                        let through_weight = d_thinned[index].as_ref();
                        let through_weight =
                            through_weight.map(|gradient| Term { left: Left::Rows(gradient.view()), right });
                        let terms: Vec<_> = through_weight.into_iter().chain([term]).collect();
                        masked.push((mask, terms, buffers.take_matrix(d_output.rows(), lora.a.cols())));
                    }
                }
            }
        }
        let mut target = target;
        let mut products = vec![Product { target: target.as_target(), terms }];
        products.extend(
            masked.iter_mut().map(|(_, terms, into)| Product {
                target: Target::Round(into),
                terms: std::mem::take(terms),
            }),
        );
        multiply(&mut products);
        for (mask, _, through_adapter) in masked {
            match &mut target {
                InputGradient::Single(to, _) => mask.add_kept(through_adapter.data(), to),
                InputGradient::Rounded(to) => mask.add_kept(through_adapter.data(), to.data_mut()),
            }
            buffers.give_matrix(through_adapter);
        }
        d_thinned.into_iter().flatten().for_each(|matrix| buffers.give_matrix(matrix));
    }

    /// Adds the gradients of whatever is trained of the layers to `gradients`. `input` is the group's input.
    pub(super) fn parameter_gradients(
        self,
        input: &Matrix<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) {
        self.weight_gradients(input, gradients);
        for (index, (lora, kept)) in self.loras.iter().zip(&self.lows).enumerate() {
            let part = lora.as_ref().and_then(|lora| lora.decomposed.as_ref());
            if let Some((part, whole)) = part.zip(kept.as_ref().and_then(|kept| kept.whole.as_ref())) {
                part.add_magnitude_gradient(self.d_outputs[index], whole, gradients, buffers);
            }
        }
        self.adapter_gradients(input, gradients, buffers);
    }

    /// Those of weights and biases, in full fine-tuning.
    fn weight_gradients(&self, input: &Matrix<N>, gradients: &mut [f32]) {
        let woven: Vec<Interleaved<N>> = self
            .trained
            .iter()
            .zip(self.d_outputs)
            .filter(|(trained, _)| trained.is_some())
            .map(|(_, d_output)| {
                let mut woven = Interleaved::default();
                woven.copy_from(d_output.view());
                woven
            })
            .collect();
        let ranges = self.trained.iter().flatten().map(|trained| trained.weight.clone());
        let products = parts(gradients, ranges).into_iter().zip(&woven).map(|(into, woven)| {
            let rows = into.len() / input.cols();
            let target = Target::Add(MatrixMut::new(into, rows, input.cols()));
            let right = Right::Columns(input.view());
            Product { target, terms: vec![Term { left: Left::Columns(woven.view()), right }] }
        });
        multiply(&mut products.collect::<Vec<_>>());
        for (trained, d_output) in self.trained.iter().zip(self.d_outputs) {
            if let Some(Trained { bias: Some(bias), .. }) = trained {
                add_column_sums(d_output, &mut gradients[bias.clone()]);
            }
        }
    }

    /// Those of A and B.
    fn adapter_gradients(self, input: &Matrix<N>, gradients: &mut [f32], buffers: &mut Buffers<N>) {
        let dropped = self.loras.each_ref().map(|lora| drop_features(lora.as_ref(), input, buffers));
        let woven = |matrix: Option<&Matrix<N>>| {
            matrix.map(|matrix| {
                let mut woven = Interleaved::default();
                woven.copy_from(matrix.view());
                woven
            })
        };
        let lows = self.lows.each_ref().map(|kept| woven(kept.as_ref().map(|kept| &kept.low)));
        let d_lows = self.d_lows.each_ref().map(|matrix| woven(matrix.as_ref()));
        let mut d_bs = self.loras.each_ref().map(|lora| {
            let length = |lora: &Lora<N>| lora.scaled_b.rows() * lora.a.rows();
            lora.as_ref().map_or_else(Vec::new, |lora| buffers.take_fixed(length(lora)))
        });
        let d_as = parts(gradients, self.loras.iter().flatten().map(|lora| lora.ranges.0.clone()));
        let mut d_as = d_as.into_iter();
        let mut products = Vec::with_capacity(2 * L);
        for (index, d_b) in d_bs.iter_mut().enumerate() {
            if let (Some(lora), Some(low), Some(d_low)) = (&self.loras[index], &lows[index], &d_lows[index]) {
                let d_output = self.d_wholes[index].as_ref().unwrap_or(self.d_outputs[index]);
                let rank = lora.a.rows();
                let x = dropped[index].as_ref().unwrap_or(input);
                let terms = vec![Term { left: Left::Columns(d_low.view()), right: Right::Columns(x.view()) }];
                let into = MatrixMut::new(d_as.next().unwrap_or_default(), rank, x.cols());
                products.push(Product { target: Target::Add(into), terms });
                let right = Right::Columns(d_output.view());
                let terms = vec![Term { left: Left::Columns(low.view()), right }];
                let into = MatrixMut::new(d_b, rank, d_output.cols());
                products.push(Product { target: Target::Overwrite(into), terms });
            }
        }
        multiply(&mut products);
        for (lora, d_b) in self.loras.into_iter().zip(d_bs) {
            if let Some(lora) = lora {
                let (rank, output) = (lora.a.rows(), lora.scaled_b.rows());
                for (o, d_row) in gradients[lora.ranges.1.clone()].chunks_mut(rank).enumerate() {
                    for (r, d) in d_row.iter_mut().enumerate() {
                        *d += lora.scale * d_b[r * output + o];
                    }
                }
                lora.recycle(buffers);
            }
            buffers.give(d_b);
        }
        let matrices = dropped.into_iter().chain(self.d_wholes).chain(self.d_lows);
        matrices.flatten().for_each(|matrix| buffers.give_matrix(matrix));
        self.lows.into_iter().flatten().for_each(|kept| kept.recycle(buffers));
    }
}

/// Where the gradient with respect to a group's input goes; overwritten.
pub(super) enum InputGradient<'a, N> {
    /// f32 rows of that width.
    Single(&'a mut [f32], usize),
    /// Rounded.
    Rounded(&'a mut Matrix<N>),
}

impl<N: Number> InputGradient<'_, N> {
    fn as_target(&mut self) -> Target<'_, N> {
        match self {
            Self::Single(to, width) => {
                let rows = to.len() / *width;
                Target::Overwrite(MatrixMut::new(to, rows, *width))
            }
            Self::Rounded(to) => Target::Round(to),
        }
    }
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

/// Several ranges of one slice, in ascending order.
fn parts(slice: &mut [f32], ranges: impl Iterator<Item = Range<usize>>) -> Vec<&mut [f32]> {
    let (mut rest, mut start) = (slice, 0);
    ranges
        .map(|range| {
            let (_, after) = std::mem::take(&mut rest).split_at_mut(range.start - start);
            let (part, after) = after.split_at_mut(range.len());
            (rest, start) = (after, range.end);
            part
        })
        .collect()
}
