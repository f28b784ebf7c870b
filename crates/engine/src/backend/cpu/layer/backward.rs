//! The backward pass of one decoder layer, and what it takes.

use gradus_kernels::attention::{Gradients, attention_backward};
use gradus_kernels::{Matrix, Number, geglu_backward, rms_norm_again, rms_norm_backward, swiglu_backward};

use super::norms::{Norm, NormKept};
use super::{HiddenGradient, Kept, Layer, rounded};
use crate::adapter::Method;
use crate::backend::cpu::Pass;
use crate::backend::cpu::buffers::Buffers;
use crate::backend::cpu::linear::{self, Backward, InputGradient, Linear};
use crate::backend::cpu::needs::Needs;
use crate::backend::cpu::rotary::RotaryTables;
use crate::config::Activation;

impl<N: Number> Layer<N> {
    /// Turns the gradient of the layer's output into that of its input; adds the adapter's.
    pub(in super::super) fn backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTables,
        mut kept: Kept<N>,
        (d_hidden, needs_input_gradient): (&mut HiddenGradient<N>, bool),
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) {
        self.feed_forward_backward(pass, &mut kept, d_hidden, gradients, buffers);
        let d_projections = self.attend_backward(pass, rotary, &mut kept, d_hidden, gradients, buffers);

        let d_outputs = d_projections.each_ref();
        let lows = std::mem::take(&mut kept.projection_lows);
        let layers = [&self.query, &self.key, &self.value];
        let backward = Backward::new(pass, layers, d_outputs, lows, buffers);
        let mut normalised = buffers.take_matrix(kept.input.rows(), self.hidden);
        rms_norm_again(&kept.input, &self.attention_norm.weight, &kept.input_inverse_rms, &mut normalised);
        if needs_input_gradient {
            let mut d_normalised = buffers.take(d_hidden.single.len());
            backward.input_gradient(InputGradient::Single(&mut d_normalised, self.hidden), buffers);
            let before = (&kept.input, &kept.input_inverse_rms[..]);
            self.attention_norm.add_gradient(pass, before, &d_normalised, gradients);
            rms_norm_backward(
                kept.input.data(),
                &self.attention_norm.weight,
                &kept.input_inverse_rms,
                &d_normalised,
                (&mut d_hidden.single, d_hidden.rounded.data_mut()),
            );
            buffers.give(d_normalised);
        }
        backward.parameter_gradients(&normalised, gradients, buffers);
        buffers.give_matrix(normalised);
        d_projections.into_iter().for_each(|matrix| buffers.give_matrix(matrix));
        kept.recycle(buffers);
    }

    /// Turns d(output) into d(middle).
    fn feed_forward_backward(
        &self,
        pass: &Pass<'_>,
        kept: &mut Kept<N>,
        d_hidden: &mut HiddenGradient<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) {
        let rows = kept.gate.rows();
        let low = std::mem::take(&mut kept.down_low);
        let norm = self.feed_forward_output_norm.as_ref().zip(kept.feed_forward_output.as_ref());
        let d_output = self.before_output_norm(pass, norm, d_hidden, gradients, buffers);
        let d_outputs = [d_output.as_ref().unwrap_or(&d_hidden.rounded)];
        let backward = Backward::new(pass, [&self.down], d_outputs, low, buffers);
        let mut d_activated = buffers.take_matrix(rows, self.gate.output());
        backward.input_gradient(InputGradient::Rounded(&mut d_activated), buffers);
        let (d_gate, d_up) = (kept.gate.data_mut(), kept.up.data_mut());
        match self.activation {
            Activation::Silu => swiglu_backward(d_gate, d_up, d_activated.data_mut()),
            Activation::TanhGelu => geglu_backward(d_gate, d_up, d_activated.data_mut()),
        }
        let activated = d_activated;
        backward.parameter_gradients(&activated, gradients, buffers);
        buffers.give_matrix(activated);
        d_output.into_iter().for_each(|matrix| buffers.give_matrix(matrix));

        let lows = std::mem::take(&mut kept.gate_up_lows);
        let backward = Backward::new(pass, [&self.gate, &self.up], [&kept.gate, &kept.up], lows, buffers);
        let mut d_normalised = buffers.take(d_hidden.single.len());
        backward.input_gradient(InputGradient::Single(&mut d_normalised, self.hidden), buffers);
        let mut normalised = buffers.take_matrix(rows, self.hidden);
        rms_norm_again(
            &kept.middle,
            &self.feed_forward_norm.weight,
            &kept.middle_inverse_rms,
            &mut normalised,
        );
        backward.parameter_gradients(&normalised, gradients, buffers);
        let before = (&kept.middle, &kept.middle_inverse_rms[..]);
        self.feed_forward_norm.add_gradient(pass, before, &d_normalised, gradients);
        rms_norm_backward(
            kept.middle.data(),
            &self.feed_forward_norm.weight,
            &kept.middle_inverse_rms,
            &d_normalised,
            (&mut d_hidden.single, d_hidden.rounded.data_mut()),
        );
        buffers.give_matrix(normalised);
        buffers.give(d_normalised);
    }

    /// The gradients of the outputs of the query, key and value projections, from d(middle).
    fn attend_backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTables,
        kept: &mut Kept<N>,
        d_hidden: &HiddenGradient<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) -> [Matrix<N>; 3] {
        let rows = pass.positions.len();
        let low = std::mem::take(&mut kept.attention_output_low);
        let norm = self.attention_output_norm.as_ref().zip(kept.attention_output.as_ref());
        let d_output = self.before_output_norm(pass, norm, d_hidden, gradients, buffers);
        let d_outputs = [d_output.as_ref().unwrap_or(&d_hidden.rounded)];
        let backward = Backward::new(pass, [&self.attention_output], d_outputs, low, buffers);
        let mut d_attention = buffers.take_matrix(rows, self.query.output());
        backward.input_gradient(InputGradient::Rounded(&mut d_attention), buffers);
        backward.parameter_gradients(&kept.attention, gradients, buffers);
        d_output.into_iter().for_each(|matrix| buffers.give_matrix(matrix));

        let mut d_queries = buffers.take(rows * self.query.output());
        let mut d_keys = buffers.take_zeroed(rows * self.key.output());
        let mut d_values = buffers.take_zeroed(rows * self.value.output());
        let into = Gradients { queries: &mut d_queries, keys: &mut d_keys, values: &mut d_values };
        let inputs = self.attention_inputs(pass, kept);
        attention_backward(inputs, &kept.attention, &kept.log_sums, &d_attention, into);
        buffers.give_matrix(d_attention);
        let rotary = rotary.of(self.sight);
        rotary.rotate_back(&mut d_queries, self.query.output(), pass.positions);
        rotary.rotate_back(&mut d_keys, self.key.output(), pass.positions);
        let norms = self.head_norms.as_ref();
        let query_norm = norms.map(|(norm, _)| norm).zip(kept.raw_queries.as_ref());
        let key_norm = norms.map(|(_, norm)| norm).zip(kept.raw_keys.as_ref());
        for (norm, d_normalised) in [(query_norm, &d_queries), (key_norm, &d_keys)] {
            if let Some((norm, (raw, inverse_rms))) = norm {
                norm.add_gradient(pass, (raw, inverse_rms), d_normalised, gradients);
            }
        }
        [
            before_head_norm(d_queries, self.query.output(), query_norm, buffers),
            before_head_norm(d_keys, self.key.output(), key_norm, buffers),
            rounded(d_values, self.value.output(), buffers),
        ]
    }

    /// The gradient, rounded, of what was added to the hidden states after a norm, from theirs and what the norm
    /// kept; `None` where there is no norm.
    fn before_output_norm(
        &self,
        pass: &Pass<'_>,
        norm: Option<(&Norm, &NormKept<N>)>,
        d_hidden: &HiddenGradient<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) -> Option<Matrix<N>> {
        let (norm, kept) = norm?;
        norm.add_gradient(pass, (&kept.0, &kept.1), &d_hidden.single, gradients);
        Some(norm.input_gradient(kept, &d_hidden.single, self.hidden, buffers))
    }

    /// The buffers that [`Self::backward`] works on, beside the hidden states' gradient and what was kept.
    pub(in super::super) fn backward_needs(&self, method: &Method) -> Needs {
        let (queries, keys, values) = (self.query.output(), self.key.output(), self.value.output());
        let group = |layers: &[&Linear<N>]| linear::backward_needs(layers, method);
        let norm = Needs::of(&[self.hidden], &[self.hidden]);
        let added = |layer: &Linear<N>, norm: &Option<Norm>| {
            let d_output = if norm.is_some() { Needs::of(&[], &[self.hidden]) } else { Needs::default() };
            self.output_norm_needs(norm).then(&group(&[layer])).and(&d_output)
        };
        let down =
            added(&self.down, &self.feed_forward_output_norm).and(&Needs::of(&[], &[self.gate.output()]));
        let gate_up = group(&[&self.gate, &self.up]).and(&norm);
        let output =
            added(&self.attention_output, &self.attention_output_norm).and(&Needs::of(&[], &[queries]));
        let attention =
            Needs::of(&[queries, keys, values], &[queries, keys, values]).and(&self.head_norm_needs());
        let projections = group(&[&self.query, &self.key, &self.value])
            .and(&norm)
            .and(&Needs::of(&[], &[queries, keys, values]));
        down.then(&gate_up).then(&output).then(&attention).then(&projections)
    }
}

/// The gradient of a projection's output, rounded, from that after the norm of its heads, if it has one: the
/// norm and what [`Layer::normalise_heads`] returned.
fn before_head_norm<N: Number>(
    gradient: Vec<f32>,
    width: usize,
    norm: Option<(&Norm, &NormKept<N>)>,
    buffers: &mut Buffers<N>,
) -> Matrix<N> {
    let Some((norm, kept)) = norm else {
        return rounded(gradient, width, buffers);
    };
    let matrix = norm.input_gradient(kept, &gradient, width, buffers);
    buffers.give(gradient);
    matrix
}
