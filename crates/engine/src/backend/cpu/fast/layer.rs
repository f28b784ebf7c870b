//! One decoder layer, forward and backward:
//! middle = x + o(attention(norm(x))); out = middle + down(silu(gate(norm(middle))) · up(norm(middle))).
//! The residual stream is f32; what the backward pass needs is kept in bf16.

use gradus_kernels::attention::{Bf16Inputs, Gradients, Heads, attention_backward_bf16, attention_bf16};
use gradus_kernels::bf16::{Bf16Matrix, Bf16View, Target, widen_from_bf16};
use gradus_kernels::{
    MatrixMut, RotaryTable, add_assign, rms_norm, rms_norm_again, rms_norm_backward, rms_norm_backward_bf16,
    rms_norm_bf16, swiglu_backward_bf16, swiglu_bf16,
};

use super::Pass;
use super::buffers::Buffers;
use super::linear::{self, Backward, InputGradient, Linear, Low};
use super::reader::LayerCache;
use crate::adapter::TargetModule;
use crate::backend::BackendError;
use crate::config::ModelConfig;
use crate::files::Weights;

pub(super) struct Layer {
    heads: Heads,
    hidden: usize,
    epsilon: f32,
    window: Option<usize>,
    attention_norm: Vec<f32>,
    /// RMSNorm over each head of the queries and of the keys (Qwen 3).
    head_norms: Option<(Vec<f32>, Vec<f32>)>,
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    feed_forward_norm: Vec<f32>,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// What the backward pass of a layer needs from its forward pass.
#[derive(Default)]
pub(super) struct Kept {
    input: Bf16Matrix,
    input_inverse_rms: Vec<f32>,
    /// Before and with the factor of the per-head norms, where the model has them.
    raw_queries: Option<(Bf16Matrix, Vec<f32>)>,
    raw_keys: Option<(Bf16Matrix, Vec<f32>)>,
    queries: Bf16Matrix,
    keys: Bf16Matrix,
    values: Bf16Matrix,
    attention: Bf16Matrix,
    log_sums: Vec<f32>,
    middle: Bf16Matrix,
    middle_inverse_rms: Vec<f32>,
    gate: Bf16Matrix,
    up: Bf16Matrix,
    projection_lows: [Low; 3],
    attention_output_low: [Low; 1],
    gate_up_lows: [Low; 2],
    down_low: [Low; 1],
}

impl Kept {
    pub(super) fn recycle(self, buffers: &mut Buffers) {
        for (raw, inverse_rms) in [self.raw_queries, self.raw_keys].into_iter().flatten() {
            buffers.give_matrix(raw);
            buffers.give(inverse_rms);
        }
        let lows = self.projection_lows.into_iter().chain(self.attention_output_low);
        let lows = lows.chain(self.gate_up_lows).chain(self.down_low).flatten();
        let own = [
            self.input,
            self.queries,
            self.keys,
            self.values,
            self.attention,
            self.middle,
            self.gate,
            self.up,
        ];
        lows.chain(own).for_each(|matrix| buffers.give_matrix(matrix));
        let own = [self.input_inverse_rms, self.log_sums, self.middle_inverse_rms];
        own.into_iter().for_each(|buffer| buffers.give(buffer));
    }
}

/// The gradient of the residual stream, and the same rounded.
pub(super) struct HiddenGradient {
    pub(super) single: Vec<f32>,
    pub(super) half: Bf16Matrix,
}

impl Layer {
    pub(super) fn new(
        config: &ModelConfig,
        index: usize,
        weights: &mut Weights,
    ) -> Result<Self, BackendError> {
        let norm = |weights: &mut Weights, name: &str| -> Result<Vec<f32>, BackendError> {
            Ok(weights.take(&format!("model.layers.{index}.{name}.weight"))?.data)
        };
        let mut linear = |module| Linear::new(config, (index, module), weights);
        Ok(Self {
            heads: Heads {
                query: config.attention_heads,
                key_value: config.key_value_heads,
                dim: config.head_dim,
            },
            hidden: config.hidden_size,
            epsilon: config.rms_norm_epsilon as f32,
            window: config.sliding_window,
            query: linear(TargetModule::QProj)?,
            key: linear(TargetModule::KProj)?,
            value: linear(TargetModule::VProj)?,
            attention_output: linear(TargetModule::OProj)?,
            gate: linear(TargetModule::GateProj)?,
            up: linear(TargetModule::UpProj)?,
            down: linear(TargetModule::DownProj)?,
            attention_norm: norm(weights, "input_layernorm")?,
            feed_forward_norm: norm(weights, "post_attention_layernorm")?,
            head_norms: if config.query_key_norm {
                Some((norm(weights, "self_attn.q_norm")?, norm(weights, "self_attn.k_norm")?))
            } else {
                None
            },
        })
    }

    /// Replaces the hidden states `[rows, hidden]` by the layer's output. With a cache, the rows' keys
    /// and values are kept in it, and attention sees those that it keeps.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        cache: Option<&mut LayerCache>,
        hidden: &mut [f32],
        buffers: &mut Buffers,
    ) -> Kept {
        let rows = pass.positions.len();
        let mut kept = Kept::default();
        self.project(pass, rotary, hidden, &mut kept, buffers);
        self.attend(pass, cache, &mut kept, buffers);
        let target = Target::Add(MatrixMut::new(hidden, rows, self.hidden));
        let layers = [&self.attention_output];
        kept.attention_output_low = linear::forward(pass, layers, &kept.attention, [target], buffers);

        let mut normalised = buffers.take_matrix(rows, self.hidden);
        kept.middle = buffers.take_matrix(rows, self.hidden);
        kept.middle_inverse_rms = buffers.take(rows);
        rms_norm_bf16(
            hidden,
            &self.feed_forward_norm,
            self.epsilon,
            (&mut normalised, &mut kept.middle),
            &mut kept.middle_inverse_rms,
        );
        kept.gate = buffers.take_matrix(rows, self.gate.output());
        kept.up = buffers.take_matrix(rows, self.up.output());
        let targets = [Target::Round(&mut kept.gate), Target::Round(&mut kept.up)];
        kept.gate_up_lows = linear::forward(pass, [&self.gate, &self.up], &normalised, targets, buffers);
        let mut activated = buffers.take_matrix(rows, self.gate.output());
        swiglu_bf16(kept.gate.data(), kept.up.data(), activated.data_mut());
        let target = Target::Add(MatrixMut::new(hidden, rows, self.hidden));
        kept.down_low = linear::forward(pass, [&self.down], &activated, [target], buffers);
        buffers.give_matrix(activated);
        buffers.give_matrix(normalised);
        kept
    }

    /// Queries, keys and values, normalised where the model does so, and rotated.
    fn project(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        hidden: &[f32],
        kept: &mut Kept,
        buffers: &mut Buffers,
    ) {
        let rows = pass.positions.len();
        let mut normalised = buffers.take_matrix(rows, self.hidden);
        kept.input = buffers.take_matrix(rows, self.hidden);
        kept.input_inverse_rms = buffers.take(rows);
        rms_norm_bf16(
            hidden,
            &self.attention_norm,
            self.epsilon,
            (&mut normalised, &mut kept.input),
            &mut kept.input_inverse_rms,
        );
        let layers = [&self.query, &self.key, &self.value];
        let mut outputs = layers.map(|layer| buffers.take(rows * layer.output()));
        let [queries, keys, values] = &mut outputs;
        let targets = [
            Target::Overwrite(MatrixMut::new(queries, rows, self.query.output())),
            Target::Overwrite(MatrixMut::new(keys, rows, self.key.output())),
            Target::Overwrite(MatrixMut::new(values, rows, self.value.output())),
        ];
        kept.projection_lows = linear::forward(pass, layers, &normalised, targets, buffers);
        for (layer, output) in layers.into_iter().zip(&mut outputs) {
            if let Some(bias) = &layer.bias {
                output.chunks_mut(layer.output()).for_each(|row| add_assign(row, bias));
            }
        }
        let [mut queries, mut keys, values] = outputs;
        if let Some((query_norm, key_norm)) = &self.head_norms {
            kept.raw_queries = Some(self.normalise_heads(query_norm, &mut queries, buffers));
            kept.raw_keys = Some(self.normalise_heads(key_norm, &mut keys, buffers));
        }
        rotary.rotate(&mut queries, self.query.output(), pass.positions);
        rotary.rotate(&mut keys, self.key.output(), pass.positions);
        kept.queries = rounded(queries, self.query.output(), buffers);
        kept.keys = rounded(keys, self.key.output(), buffers);
        kept.values = rounded(values, self.value.output(), buffers);
        buffers.give_matrix(normalised);
    }

    /// Normalises each head in place; returns what was there and the factors.
    fn normalise_heads(
        &self,
        weight: &[f32],
        values: &mut Vec<f32>,
        buffers: &mut Buffers,
    ) -> (Bf16Matrix, Vec<f32>) {
        let normalised = buffers.take(values.len());
        let raw = std::mem::replace(values, normalised);
        let mut inverse_rms = buffers.take(raw.len() / weight.len());
        rms_norm(&raw, weight, self.epsilon, values, &mut inverse_rms);
        (rounded(raw, weight.len(), buffers), inverse_rms)
    }

    fn attend(
        &self,
        pass: &Pass<'_>,
        cache: Option<&mut LayerCache>,
        kept: &mut Kept,
        buffers: &mut Buffers,
    ) {
        let mut output = buffers.take_matrix(pass.positions.len(), self.query.output());
        let mut log_sums = buffers.take(pass.positions.len() * self.heads.query);
        let cache = cache.map(|cache| {
            cache.keep(&kept.keys, &kept.values, pass.segments);
            &*cache
        });
        let inputs = match cache {
            None => self.attention_inputs(pass, kept),
            Some(cache) => Bf16Inputs {
                keys: Bf16View::new(&cache.keys, cache.keys.len() / self.key.output(), self.key.output()),
                values: Bf16View::new(
                    &cache.values,
                    cache.values.len() / self.value.output(),
                    self.value.output(),
                ),
                ..self.attention_inputs(pass, kept)
            },
        };
        attention_bf16(inputs, &mut output, &mut log_sums);
        (kept.attention, kept.log_sums) = (output, log_sums);
    }

    fn attention_inputs<'a>(&self, pass: &Pass<'a>, kept: &'a Kept) -> Bf16Inputs<'a> {
        Bf16Inputs {
            heads: self.heads,
            queries: kept.queries.view(),
            keys: kept.keys.view(),
            values: kept.values.view(),
            segments: pass.segments,
            window: self.window,
        }
    }

    /// Turns the gradient of the layer's output into that of its input; adds the adapter's.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        mut kept: Kept,
        (d_hidden, needs_input_gradient): (&mut HiddenGradient, bool),
        gradients: &mut [f32],
        buffers: &mut Buffers,
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
            rms_norm_backward_bf16(
                &kept.input,
                &self.attention_norm,
                &kept.input_inverse_rms,
                &d_normalised,
                (&mut d_hidden.single, &mut d_hidden.half),
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
        kept: &mut Kept,
        d_hidden: &mut HiddenGradient,
        gradients: &mut [f32],
        buffers: &mut Buffers,
    ) {
        let rows = kept.gate.rows();
        let low = std::mem::take(&mut kept.down_low);
        let backward = Backward::new(pass, [&self.down], [&d_hidden.half], low, buffers);
        let mut d_activated = buffers.take_matrix(rows, self.gate.output());
        backward.input_gradient(InputGradient::Half(&mut d_activated), buffers);
        swiglu_backward_bf16(kept.gate.data_mut(), kept.up.data_mut(), d_activated.data_mut());
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
        rms_norm_backward_bf16(
            &kept.middle,
            &self.feed_forward_norm,
            &kept.middle_inverse_rms,
            &d_normalised,
            (&mut d_hidden.single, &mut d_hidden.half),
        );
        buffers.give_matrix(normalised);
        buffers.give(d_normalised);
    }

    /// The gradients of the outputs of the query, key and value projections, from d(middle).
    fn attend_backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        kept: &mut Kept,
        d_hidden: &HiddenGradient,
        gradients: &mut [f32],
        buffers: &mut Buffers,
    ) -> [Bf16Matrix; 3] {
        let rows = pass.positions.len();
        let low = std::mem::take(&mut kept.attention_output_low);
        let backward = Backward::new(pass, [&self.attention_output], [&d_hidden.half], low, buffers);
        let mut d_attention = buffers.take_matrix(rows, self.query.output());
        backward.input_gradient(InputGradient::Half(&mut d_attention), buffers);
        backward.parameter_gradients(&kept.attention, gradients, buffers);

        let mut d_queries = buffers.take(rows * self.query.output());
        let mut d_keys = buffers.take_zeroed(rows * self.key.output());
        let mut d_values = buffers.take_zeroed(rows * self.value.output());
        let into = Gradients { queries: &mut d_queries, keys: &mut d_keys, values: &mut d_values };
        let inputs = self.attention_inputs(pass, kept);
        attention_backward_bf16(inputs, &kept.attention, &kept.log_sums, &d_attention, into);
        buffers.give_matrix(d_attention);
        rotary.rotate_back(&mut d_queries, self.query.output(), pass.positions);
        rotary.rotate_back(&mut d_keys, self.key.output(), pass.positions);
        if let Some((query_norm, key_norm)) = &self.head_norms {
            heads_backward(query_norm, kept.raw_queries.as_ref(), &mut d_queries, buffers);
            heads_backward(key_norm, kept.raw_keys.as_ref(), &mut d_keys, buffers);
        }
        [
            rounded(d_queries, self.query.output(), buffers),
            rounded(d_keys, self.key.output(), buffers),
            rounded(d_values, self.value.output(), buffers),
        ]
    }
}

/// The rows of that width rounded; gives their buffer back.
fn rounded(values: Vec<f32>, width: usize, buffers: &mut Buffers) -> Bf16Matrix {
    let mut matrix = buffers.take_matrix(values.len() / width, width);
    matrix.round_from(&values);
    buffers.give(values);
    matrix
}

fn heads_backward(
    weight: &[f32],
    raw: Option<&(Bf16Matrix, Vec<f32>)>,
    gradient: &mut Vec<f32>,
    buffers: &mut Buffers,
) {
    let Some((raw, inverse_rms)) = raw else {
        return;
    };
    let mut input = buffers.take(gradient.len());
    widen_from_bf16(raw.data(), &mut input);
    let d_raw = buffers.take_zeroed(gradient.len());
    let d_normalised = std::mem::replace(gradient, d_raw);
    rms_norm_backward(&input, weight, inverse_rms, &d_normalised, gradient);
    buffers.give(d_normalised);
    buffers.give(input);
}
