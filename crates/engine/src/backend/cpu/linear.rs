//! Frozen linear layers with optional LoRA updates, y = x Wᵀ + b + c · m(x) Aᵀ Bᵀ, in groups that share
//! their input. m drops features (without scaling what it keeps) and c holds both scales.

use std::ops::Range;

use gradus_kernels::product::{Interleaved, Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{DropoutMask, Matrix, MatrixMut, Number, Weight};

use super::Pass;
use super::base_weights::{BaseWeights, Use};
use super::buffers::Buffers;
use crate::adapter::TargetModule;
use crate::backend::BackendError;
use crate::backend::dropout::mask;
use crate::config::ModelConfig;
use crate::files::Weights;

pub(super) struct Linear<N> {
    layer: usize,
    module: TargetModule,
    /// `[output, input]`, for both directions.
    weight: Weight<N>,
    pub(super) bias: Option<Vec<f32>>,
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
}

/// m(x) Aᵀ `[rows, rank]`; `None` where there is no adapter.
pub(super) type Low<N> = Option<Matrix<N>>;

impl<N: Number> Linear<N> {
    pub(super) fn new(
        config: &ModelConfig,
        (layer, module): (usize, TargetModule),
        weights: &mut Weights,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        let path = format!("model.layers.{layer}.{}", module.path());
        let has_bias = config.attention_bias
            && matches!(module, TargetModule::QProj | TargetModule::KProj | TargetModule::VProj);
        let bias = if has_bias { Some(weights.take(&format!("{path}.bias"))?.data) } else { None };
        let weight = base_weights.take(weights, &format!("{path}.weight"), Use::Linear)?;
        Ok(Self { layer, module, weight, bias })
    }

    pub(super) fn output(&self) -> usize {
        self.weight.rows()
    }

    fn lora(&self, pass: &Pass<'_>, buffers: &mut Buffers<N>) -> Option<Lora<N>> {
        let adapter = pass.adapter?;
        let pair = adapter.pair(self.layer, self.module)?;
        let rank = adapter.config().rank;
        let mask = pass.dropout.map(|dropout| mask(dropout, self.layer, self.module));
        let scale = adapter.config().scale() * mask.map_or(1.0, DropoutMask::keep_scale);
        let mut a = buffers.take_matrix(rank, pair.input);
        a.round_from(&adapter.parameters[pair.a.clone()]);
        let mut scaled_b = buffers.take_matrix(pair.output, rank);
        scaled_b.round_scaled_from(&adapter.parameters[pair.b.clone()], scale);
        Some(Lora { a, scaled_b, ranges: (pair.a.clone(), pair.b.clone()), scale, mask })
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
    let mut lows = loras
        .each_ref()
        .map(|lora| lora.as_ref().map(|lora| buffers.take_matrix(input.rows(), lora.a.rows())));
    let mut products: Vec<Product<'_, N>> = Vec::with_capacity(L);
    for ((lora, low), dropped) in loras.iter().zip(&mut lows).zip(&dropped) {
        if let (Some(lora), Some(low)) = (lora, low) {
            let left = Left::Rows(dropped.as_ref().unwrap_or(input).view());
            let terms = vec![Term { left, right: Right::Rows(lora.a.view()) }];
            products.push(Product { target: Target::Round(low), terms });
        }
    }
    multiply(&mut products);

    let mut products: Vec<Product<'_, N>> = Vec::with_capacity(L);
    for (((layer, lora), low), target) in layers.iter().zip(&loras).zip(&lows).zip(targets) {
        let mut terms = vec![Term { left: Left::Rows(input.view()), right: layer.weight.view().by_rows() }];
        if let (Some(lora), Some(low)) = (lora, low) {
            let right = Right::Rows(lora.scaled_b.view());
            terms.push(Term { left: Left::Rows(low.view()), right });
        }
        products.push(Product { target, terms });
    }
    multiply(&mut products);
    dropped.into_iter().flatten().for_each(|matrix| buffers.give_matrix(matrix));
    loras.into_iter().flatten().for_each(|lora| lora.recycle(buffers));
    lows
}

/// Gradients of a group on their way back: of each layer's output, and what [`forward`] returned.
pub(super) struct Backward<'a, N, const L: usize> {
    layers: [&'a Linear<N>; L],
    d_outputs: [&'a Matrix<N>; L],
    loras: [Option<Lora<N>>; L],
    lows: [Low<N>; L],
    /// dy · c B, `[rows, rank]` each.
    d_lows: [Low<N>; L],
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
        let mut d_lows =
            lows.each_ref().map(|low| low.as_ref().map(|low| buffers.take_matrix(low.rows(), low.cols())));
        let mut products = Vec::with_capacity(L);
        for ((lora, d_low), d_output) in loras.iter().zip(&mut d_lows).zip(d_outputs) {
            if let (Some(lora), Some(d_low)) = (lora, d_low) {
                let right = Right::Columns(lora.scaled_b.view());
                let terms = vec![Term { left: Left::Rows(d_output.view()), right }];
                products.push(Product { target: Target::Round(d_low), terms });
            }
        }
        multiply(&mut products);
        Self { layers, d_outputs, loras, lows, d_lows }
    }

    /// Writes the gradient with respect to the group's input.
    pub(super) fn input_gradient(&self, target: InputGradient<'_, N>, buffers: &mut Buffers<N>) {
        let mut terms = Vec::with_capacity(2 * L);
        let mut masked = Vec::with_capacity(L);
        for (index, (layer, d_output)) in self.layers.iter().zip(self.d_outputs).enumerate() {
            let right = layer.weight.view().by_columns();
            terms.push(Term { left: Left::Rows(d_output.view()), right });
            if let (Some(lora), Some(d_low)) = (&self.loras[index], &self.d_lows[index]) {
                let right = Right::Columns(lora.a.view());
                let term = Term { left: Left::Rows(d_low.view()), right };
                match lora.mask {
                    None => terms.push(term),
                    Some(mask) => {
                        let through_adapter = buffers.take_matrix(d_output.rows(), lora.a.cols());
                        masked.push((mask, term, through_adapter));
                    }
                }
            }
        }
        let mut target = target;
        let mut products = vec![Product { target: target.as_target(), terms }];
        products.extend(
            masked
                .iter_mut()
                .map(|(_, term, into)| Product { target: Target::Round(into), terms: vec![*term] }),
        );
        multiply(&mut products);
        for (mask, _, through_adapter) in masked {
            match &mut target {
                InputGradient::Single(to, _) => mask.add_kept(through_adapter.data(), to),
                InputGradient::Rounded(to) => mask.add_kept(through_adapter.data(), to.data_mut()),
            }
            buffers.give_matrix(through_adapter);
        }
    }

    /// Adds the gradients of A and B to `gradients`. `input` is the group's input.
    pub(super) fn parameter_gradients(
        self,
        input: &Matrix<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) {
        let dropped = self.loras.each_ref().map(|lora| drop_features(lora.as_ref(), input, buffers));
        let woven = |matrix: &Low<N>| {
            matrix.as_ref().map(|matrix| {
                let mut woven = Interleaved::default();
                woven.copy_from(matrix.view());
                woven
            })
        };
        let (lows, d_lows) = (self.lows.each_ref().map(woven), self.d_lows.each_ref().map(woven));
        let mut d_bs = self.loras.each_ref().map(|lora| {
            lora.as_ref().map_or_else(Vec::new, |lora| buffers.take(lora.scaled_b.rows() * lora.a.rows()))
        });
        let d_as = parts(gradients, self.loras.iter().flatten().map(|lora| lora.ranges.0.clone()));
        let mut d_as = d_as.into_iter();
        let mut products = Vec::with_capacity(2 * L);
        for (index, d_b) in d_bs.iter_mut().enumerate() {
            if let (Some(lora), Some(low), Some(d_low)) = (&self.loras[index], &lows[index], &d_lows[index]) {
                let (rank, d_output) = (lora.a.rows(), self.d_outputs[index]);
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
        let matrices = dropped.into_iter().chain(self.lows).chain(self.d_lows);
        matrices.flatten().for_each(|matrix| buffers.give_matrix(matrix));
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
