//! The part of DoRA in one linear layer. With x' the input after dropout, as PEFT computes it:
//! y = (x - x') Wᵀ + b + g · x' (W + s B A)ᵀ, g being a factor a row of the weight. Here m drops features
//! without scaling what it keeps and k is that scale, x' = k m(x).

use std::ops::Range;

use gradus_kernels::product::{Left, Product, Target, Term, multiply};
use gradus_kernels::{Matrix, Number, Weight, column_dots, scale_columns};

use super::buffers::Buffers;
use super::factors::RowFactors;

pub(super) struct Decomposed {
    /// k g.
    factors: Vec<f32>,
    /// k over the length of the adapted weight's row.
    per_length: Vec<f32>,
    keep_scale: f32,
    /// Where the magnitudes stand in the flat vector of parameters.
    range: Range<usize>,
}

impl Decomposed {
    pub(super) fn new(rows: &RowFactors, range: Range<usize>, keep_scale: f32) -> Self {
        let scaled = |values: &[f32]| values.iter().map(|value| keep_scale * value).collect();
        let (factors, per_length) = (scaled(&rows.factors), scaled(&rows.inverse_lengths));
        Self { factors, per_length, keep_scale, range }
    }

    /// Puts the output of the layer into `target`. `whole` is m(x) (W + s B A)ᵀ; `thinned` is x, m(x) and W
    /// where there is dropout.
    pub(super) fn put<N: Number>(
        &self,
        whole: &Matrix<N>,
        thinned: Option<(&Matrix<N>, &Matrix<N>, &Weight<N>)>,
        target: Target<'_, N>,
        buffers: &mut Buffers<N>,
    ) {
        let Some((input, kept, weight)) = thinned else {
            return scale_columns(whole, &self.factors, target, false);
        };
        let mut rest = buffers.take_matrix(input.rows(), input.cols());
        for ((rest, x), kept) in rest.data_mut().iter_mut().zip(input.data()).zip(kept.data()) {
            *rest = N::from_f32(x.to_f32() - self.keep_scale * kept.to_f32());
        }
        let terms = vec![Term { left: Left::Rows(rest.view()), right: weight.view().by_rows() }];
        let mut products = [Product { target, terms }];
        multiply(&mut products);
        let [Product { target, .. }] = products;
        scale_columns(whole, &self.factors, target, true);
        buffers.give_matrix(rest);
    }

    /// The gradient of `whole` from that of the output.
    pub(super) fn d_whole<N: Number>(&self, d_output: &Matrix<N>, buffers: &mut Buffers<N>) -> Matrix<N> {
        scaled(d_output, &self.factors, buffers)
    }

    /// The gradient of m(x) Wᵀ, which is in `whole` and, taken away, in the rest.
    pub(super) fn d_thinned<N: Number>(&self, d_output: &Matrix<N>, buffers: &mut Buffers<N>) -> Matrix<N> {
        let factors: Vec<f32> = self.factors.iter().map(|factor| factor - self.keep_scale).collect();
        scaled(d_output, &factors, buffers)
    }

    /// Adds the gradient of the magnitudes; the lengths that the rows have count as constants.
    pub(super) fn add_magnitude_gradient<N: Number>(
        &self,
        d_output: &Matrix<N>,
        whole: &Matrix<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) {
        let mut dots = buffers.take_fixed(self.range.len());
        column_dots(d_output, whole, &mut dots);
        for ((sum, dot), factor) in gradients[self.range.clone()].iter_mut().zip(&dots).zip(&self.per_length)
        {
            *sum += dot * factor;
        }
        buffers.give(dots);
    }
}

fn scaled<N: Number>(matrix: &Matrix<N>, factors: &[f32], buffers: &mut Buffers<N>) -> Matrix<N> {
    let mut into = buffers.take_matrix(matrix.rows(), matrix.cols());
    scale_columns(matrix, factors, Target::Round(&mut into), false);
    into
}
