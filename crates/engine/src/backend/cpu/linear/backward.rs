//! The backward pass of linear layers that share their input.

use std::ops::Range;

use gradus_kernels::add_column_sums;
use gradus_kernels::product::{Interleaved, Left, Product, Right, Target, Term, multiply};
use gradus_kernels::{Matrix, MatrixMut, Number};

use super::{Linear, Lora, Low, drop_features};
use crate::adapter::Method;
use crate::backend::cpu::Pass;
use crate::backend::cpu::buffers::Buffers;
use crate::backend::cpu::needs::Needs;

/// Gradients of a group on their way back: of each layer's output, and what [`forward`] returned.
pub(in super::super) struct Backward<'a, N, const L: usize> {
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
    pub(in super::super) fn new(
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
    pub(in super::super) fn input_gradient(&self, target: InputGradient<'_, N>, buffers: &mut Buffers<N>) {
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
    pub(in super::super) fn parameter_gradients(
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
pub(in super::super) enum InputGradient<'a, N> {
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

/// The buffers that [`Backward`] works on, beside what it was given.
pub(in super::super) fn backward_needs<N: Number>(layers: &[&Linear<N>], method: &Method) -> Needs {
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
