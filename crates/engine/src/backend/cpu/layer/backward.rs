//! The backward pass of one decoder layer, and what it takes.

use gradus_kernels::attention::{Gradients, attention_backward};
use gradus_kernels::{
    Matrix, Number, RotaryTable, rms_norm_again, rms_norm_backward, rms_norm_weight_gradient, swiglu_backward,
};

use super::{
    ATTENTION_NORM, FEED_FORWARD_NORM, HeadsKept, HiddenGradient, KEY_NORM, Kept, Layer, QUERY_NORM, rounded,
};
use crate::adapter::Method;
use crate::backend::cpu::Pass;
use crate::backend::cpu::buffers::Buffers;
use crate::backend::cpu::linear::{self, Backward, InputGradient, Linear};
use crate::backend::cpu::needs::Needs;

impl<N: Number> Layer<N> {
    /// Turns the gradient of the layer's output into that of its input; adds the adapter's.
    pub(in super::super) fn backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
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
        rms_norm_again(&kept.input, &self.attention_norm, &kept.input_inverse_rms, &mut normalised);
        if needs_input_gradient {
            let mut d_normalised = buffers.take(d_hidden.single.len());
            backward.input_gradient(InputGradient::Single(&mut d_normalised, self.hidden), buffers);
            let before = (&kept.input, &kept.input_inverse_rms[..]);
            self.add_norm_gradient((pass, ATTENTION_NORM), before, &d_normalised, gradients);
            rms_norm_backward(
                kept.input.data(),
                &self.attention_norm,
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
        let backward = Backward::new(pass, [&self.down], [&d_hidden.rounded], low, buffers);
        let mut d_activated = buffers.take_matrix(rows, self.gate.output());
        backward.input_gradient(InputGradient::Rounded(&mut d_activated), buffers);
        swiglu_backward(kept.gate.data_mut(), kept.up.data_mut(), d_activated.data_mut());
        let activated = d_activated;
        backward.parameter_gradients(&activated, gradients, buffers);
        buffers.give_matrix(activated);

        let lows = std::mem::take(&mut kept.gate_up_lows);
        let backward = Backward::new(pass, [&self.gate, &self.up], [&kept.gate, &kept.up], lows, buffers);
        let mut d_normalised = buffers.take(d_hidden.single.len());
        backward.input_gradient(InputGradient::Single(&mut d_normalised, self.hidden), buffers);
        let mut normalised = buffers.take_matrix(rows, self.hidden);
        rms_norm_again(&kept.middle, &self.feed_forward_norm, &kept.middle_inverse_rms, &mut normalised);
        backward.parameter_gradients(&normalised, gradients, buffers);
        let before = (&kept.middle, &kept.middle_inverse_rms[..]);
        self.add_norm_gradient((pass, FEED_FORWARD_NORM), before, &d_normalised, gradients);
        rms_norm_backward(
            kept.middle.data(),
            &self.feed_forward_norm,
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
        rotary: &RotaryTable,
        kept: &mut Kept<N>,
        d_hidden: &HiddenGradient<N>,
        gradients: &mut [f32],
        buffers: &mut Buffers<N>,
    ) -> [Matrix<N>; 3] {
        let rows = pass.positions.len();
        let low = std::mem::take(&mut kept.attention_output_low);
        let backward = Backward::new(pass, [&self.attention_output], [&d_hidden.rounded], low, buffers);
        let mut d_attention = buffers.take_matrix(rows, self.query.output());
        backward.input_gradient(InputGradient::Rounded(&mut d_attention), buffers);
        backward.parameter_gradients(&kept.attention, gradients, buffers);

        let mut d_queries = buffers.take(rows * self.query.output());
        let mut d_keys = buffers.take_zeroed(rows * self.key.output());
        let mut d_values = buffers.take_zeroed(rows * self.value.output());
        let into = Gradients { queries: &mut d_queries, keys: &mut d_keys, values: &mut d_values };
        let inputs = self.attention_inputs(pass, kept);
        attention_backward(inputs, &kept.attention, &kept.log_sums, &d_attention, into);
        buffers.give_matrix(d_attention);
        rotary.rotate_back(&mut d_queries, self.query.output(), pass.positions);
        rotary.rotate_back(&mut d_keys, self.key.output(), pass.positions);
        if let (Some((raw_queries, query_inverse)), Some((raw_keys, key_inverse))) =
            (&kept.raw_queries, &kept.raw_keys)
        {
            self.add_norm_gradient((pass, QUERY_NORM), (raw_queries, query_inverse), &d_queries, gradients);
            self.add_norm_gradient((pass, KEY_NORM), (raw_keys, key_inverse), &d_keys, gradients);
        }
        let norms = self.head_norms.as_ref();
        let query_norm = norms.map(|(norm, _)| norm.as_slice()).zip(kept.raw_queries.as_ref());
        let key_norm = norms.map(|(_, norm)| norm.as_slice()).zip(kept.raw_keys.as_ref());
        [
            before_head_norm(d_queries, self.query.output(), query_norm, buffers),
            before_head_norm(d_keys, self.key.output(), key_norm, buffers),
            rounded(d_values, self.value.output(), buffers),
        ]
    }

    /// Adds the gradient of a norm's weight, where that is trained, from what the norm kept.
    fn add_norm_gradient(
        &self,
        (pass, name): (&Pass<'_>, &str),
        (kept, inverse_rms): (&Matrix<N>, &[f32]),
        d_output: &[f32],
        gradients: &mut [f32],
    ) {
        if let Some(range) = pass.trained(&self.name(name)) {
            rms_norm_weight_gradient(kept.data(), inverse_rms, d_output, &mut gradients[range]);
        }
    }

    /// The buffers that [`Self::backward`] works on, beside the hidden states' gradient and what was kept.
    pub(in super::super) fn backward_needs(&self, method: &Method) -> Needs {
        let (queries, keys, values) = (self.query.output(), self.key.output(), self.value.output());
        let group = |layers: &[&Linear<N>]| linear::backward_needs(layers, method);
        let norm = Needs::of(&[self.hidden], &[self.hidden]);
        let down = group(&[&self.down]).and(&Needs::of(&[], &[self.gate.output()]));
        let gate_up = group(&[&self.gate, &self.up]).and(&norm);
        let output = group(&[&self.attention_output]).and(&Needs::of(&[], &[queries]));
        let attention =
            Needs::of(&[queries, keys, values], &[queries, keys, values]).and(&self.head_norm_needs());
        let projections = group(&[&self.query, &self.key, &self.value])
            .and(&norm)
            .and(&Needs::of(&[], &[queries, keys, values]));
        down.then(&gate_up).then(&output).then(&attention).then(&projections)
    }
}

/// The gradient of a projection's output, rounded, from that after the norm of its heads, if it has one:
/// the norm's weight and what [`Layer::normalise_heads`] returned.
fn before_head_norm<N: Number>(
    gradient: Vec<f32>,
    width: usize,
    norm: Option<(&[f32], &HeadsKept<N>)>,
    buffers: &mut Buffers<N>,
) -> Matrix<N> {
    let Some((weight, (raw, inverse_rms))) = norm else {
        return rounded(gradient, width, buffers);
    };
    let mut d_raw = buffers.take_zeroed(gradient.len());
    // Heads fill whole cells, so the rows of a head each are laid out as the rows of all heads.
    let mut matrix = buffers.take_matrix(gradient.len() / width, width);
    rms_norm_backward(raw.data(), weight, inverse_rms, &gradient, (&mut d_raw, matrix.data_mut()));
    buffers.give(d_raw);
    buffers.give(gradient);
    matrix
}
