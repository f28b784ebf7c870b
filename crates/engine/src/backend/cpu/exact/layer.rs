//! One decoder layer, forward and backward:
//! middle = x + o(attention(norm(x))); out = middle + down(silu(gate(norm(middle))) · up(norm(middle))).

use gradus_kernels::attention::{Gradients, Heads, Inputs, Segment, attention, attention_backward};
use gradus_kernels::{
    Accumulate, RotaryTable, add_assign, rms_norm, rms_norm_backward, swiglu, swiglu_backward,
};

use super::Pass;
use super::linear::Linear;
use super::reader::LayerCache;
use crate::adapter::TargetModule;
use crate::backend::BackendError;
use crate::backend::cpu::workspace::Workspace;
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
pub(super) struct LayerActivations {
    input: Vec<f32>,
    input_inverse_rms: Vec<f32>,
    /// Before and with the factor of the per-head norms, where the model has them.
    raw_queries: Option<(Vec<f32>, Vec<f32>)>,
    raw_keys: Option<(Vec<f32>, Vec<f32>)>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    attention: Vec<f32>,
    log_sums: Vec<f32>,
    middle: Vec<f32>,
    middle_inverse_rms: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    /// drop(x) Aᵀ of each linear layer, in the order of [`TargetModule::ALL`].
    low: [Vec<f32>; 7],
}

impl LayerActivations {
    pub(super) fn recycle(self, workspace: &mut Workspace<f32>) {
        let raw = [self.raw_queries, self.raw_keys].into_iter().flatten().flat_map(|(a, b)| [a, b]);
        let own = [
            self.input,
            self.input_inverse_rms,
            self.queries,
            self.keys,
            self.values,
            self.attention,
            self.log_sums,
            self.middle,
            self.middle_inverse_rms,
            self.gate,
            self.up,
        ];
        raw.chain(own).chain(self.low).for_each(|buffer| workspace.give(buffer));
    }
}

/// Where attention finds its keys and values.
pub(super) enum KeysAndValues<'a> {
    /// Those of the batch itself.
    OfTheBatch,
    /// Those of everything read so far; the batch's own are kept with them.
    Cached(&'a mut LayerCache),
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

    /// The layer's output `[rows, hidden]` and what the backward pass needs.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        keys_and_values: KeysAndValues<'_>,
        input: Vec<f32>,
        workspace: &mut Workspace<f32>,
    ) -> (Vec<f32>, LayerActivations) {
        let rows = pass.positions.len();
        let mut saved = LayerActivations { input, ..LayerActivations::default() };
        self.project(pass, rotary, &mut saved, workspace);
        self.attend(pass, keys_and_values, &mut saved, workspace);

        saved.middle = workspace.take(rows * self.hidden);
        saved.low[3] = self.attention_output.forward(pass, &saved.attention, &mut saved.middle, workspace);
        add_assign(&mut saved.middle, &saved.input);

        saved.middle_inverse_rms = workspace.take(rows);
        let mut normalised = workspace.take(rows * self.hidden);
        rms_norm(
            &saved.middle,
            &self.feed_forward_norm,
            self.epsilon,
            &mut normalised,
            &mut saved.middle_inverse_rms,
        );
        saved.gate = workspace.take(rows * self.gate.output());
        saved.up = workspace.take(rows * self.up.output());
        saved.low[4] = self.gate.forward(pass, &normalised, &mut saved.gate, workspace);
        saved.low[5] = self.up.forward(pass, &normalised, &mut saved.up, workspace);

        let mut activated = workspace.take(saved.gate.len());
        swiglu(&saved.gate, &saved.up, &mut activated);
        let mut output = normalised;
        saved.low[6] = self.down.forward(pass, &activated, &mut output, workspace);
        add_assign(&mut output, &saved.middle);
        workspace.give(activated);
        (output, saved)
    }

    /// Queries, keys and values, normalised where the model does so, and rotated.
    fn project(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        saved: &mut LayerActivations,
        workspace: &mut Workspace<f32>,
    ) {
        let rows = pass.positions.len();
        let mut normalised = workspace.take(rows * self.hidden);
        saved.input_inverse_rms = workspace.take(rows);
        rms_norm(
            &saved.input,
            &self.attention_norm,
            self.epsilon,
            &mut normalised,
            &mut saved.input_inverse_rms,
        );
        saved.queries = workspace.take(rows * self.query.output());
        saved.keys = workspace.take(rows * self.key.output());
        saved.values = workspace.take(rows * self.value.output());
        saved.low[0] = self.query.forward(pass, &normalised, &mut saved.queries, workspace);
        saved.low[1] = self.key.forward(pass, &normalised, &mut saved.keys, workspace);
        saved.low[2] = self.value.forward(pass, &normalised, &mut saved.values, workspace);
        workspace.give(normalised);
        if let Some((query_norm, key_norm)) = &self.head_norms {
            saved.raw_queries = Some(self.normalise_heads(query_norm, &mut saved.queries, workspace));
            saved.raw_keys = Some(self.normalise_heads(key_norm, &mut saved.keys, workspace));
        }
        rotary.rotate(&mut saved.queries, self.query.output(), pass.positions);
        rotary.rotate(&mut saved.keys, self.key.output(), pass.positions);
    }

    /// Normalises each head in place; returns what was there and the factors.
    fn normalise_heads(
        &self,
        weight: &[f32],
        values: &mut Vec<f32>,
        workspace: &mut Workspace<f32>,
    ) -> (Vec<f32>, Vec<f32>) {
        let normalised = workspace.take(values.len());
        let raw = std::mem::replace(values, normalised);
        let mut inverse_rms = workspace.take(raw.len() / weight.len());
        rms_norm(&raw, weight, self.epsilon, values, &mut inverse_rms);
        (raw, inverse_rms)
    }

    fn attend(
        &self,
        pass: &Pass<'_>,
        keys_and_values: KeysAndValues<'_>,
        saved: &mut LayerActivations,
        workspace: &mut Workspace<f32>,
    ) {
        let mut output = workspace.take(saved.queries.len());
        let mut log_sums = workspace.take(pass.positions.len() * self.heads.query);
        let cache = match keys_and_values {
            KeysAndValues::OfTheBatch => None,
            KeysAndValues::Cached(cache) => {
                cache.keep(&saved.keys, &saved.values, self.key.output(), pass.segments);
                Some(&*cache)
            }
        };
        let inputs = Inputs {
            keys: cache.map_or(&saved.keys, |cache| &cache.keys),
            values: cache.map_or(&saved.values, |cache| &cache.values),
            ..self.attention_inputs(pass.segments, saved)
        };
        attention(inputs, &mut output, &mut log_sums);
        (saved.attention, saved.log_sums) = (output, log_sums);
    }

    fn attention_inputs<'a>(&self, segments: &'a [Segment], saved: &'a LayerActivations) -> Inputs<'a> {
        Inputs {
            heads: self.heads,
            queries: &saved.queries,
            keys: &saved.keys,
            values: &saved.values,
            segments,
            window: self.window,
        }
    }

    /// The gradient with respect to the layer's input, from that of its output; adds the adapter's.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        mut saved: LayerActivations,
        mut d_output: Vec<f32>,
        gradients: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) -> Vec<f32> {
        self.feed_forward_backward(pass, &mut saved, &mut d_output, gradients, workspace);
        self.attention_block_backward(pass, rotary, &mut saved, &mut d_output, gradients, workspace);
        saved.recycle(workspace);
        d_output
    }

    /// Turns d(output) into d(middle).
    fn feed_forward_backward(
        &self,
        pass: &Pass<'_>,
        saved: &mut LayerActivations,
        d_output: &mut [f32],
        gradients: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) {
        let mut activated = workspace.take(saved.gate.len());
        swiglu(&saved.gate, &saved.up, &mut activated);
        let mut d_activated = workspace.take(saved.gate.len());
        let low = std::mem::take(&mut saved.low[6]);
        let target = (&mut d_activated[..], Accumulate::Overwrite);
        self.down.backward(pass, (&activated, low), d_output, target, gradients, workspace);
        swiglu_backward(&mut saved.gate, &mut saved.up, &d_activated);
        workspace.give(activated);
        workspace.give(d_activated);

        let normalised = self.normalise_again(&saved.middle, &self.feed_forward_norm, workspace);
        let mut d_normalised = workspace.take(normalised.len());
        let mut accumulate = Accumulate::Overwrite;
        for (linear, d_y, low) in [(&self.gate, &saved.gate, 4), (&self.up, &saved.up, 5)] {
            let low = std::mem::take(&mut saved.low[low]);
            let target = (&mut d_normalised[..], accumulate);
            linear.backward(pass, (&normalised, low), d_y, target, gradients, workspace);
            accumulate = Accumulate::Add;
        }
        rms_norm_backward(
            &saved.middle,
            &self.feed_forward_norm,
            &saved.middle_inverse_rms,
            &d_normalised,
            d_output,
        );
        workspace.give(normalised);
        workspace.give(d_normalised);
    }

    /// Turns d(middle) into d(input).
    fn attention_block_backward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTable,
        saved: &mut LayerActivations,
        d_middle: &mut [f32],
        gradients: &mut [f32],
        workspace: &mut Workspace<f32>,
    ) {
        let mut d_attention = workspace.take(saved.attention.len());
        let low = std::mem::take(&mut saved.low[3]);
        let target = (&mut d_attention[..], Accumulate::Overwrite);
        self.attention_output.backward(pass, (&saved.attention, low), d_middle, target, gradients, workspace);

        let mut d_queries = workspace.take(saved.queries.len());
        let mut d_keys = workspace.take_zeroed(saved.keys.len());
        let mut d_values = workspace.take_zeroed(saved.values.len());
        let into = Gradients { queries: &mut d_queries, keys: &mut d_keys, values: &mut d_values };
        let inputs = self.attention_inputs(pass.segments, saved);
        attention_backward(inputs, &saved.attention, &saved.log_sums, &d_attention, into);
        workspace.give(d_attention);
        rotary.rotate_back(&mut d_queries, self.query.output(), pass.positions);
        rotary.rotate_back(&mut d_keys, self.key.output(), pass.positions);
        if let Some((query_norm, key_norm)) = &self.head_norms {
            heads_backward(query_norm, saved.raw_queries.as_ref(), &mut d_queries, workspace);
            heads_backward(key_norm, saved.raw_keys.as_ref(), &mut d_keys, workspace);
        }

        let normalised = self.normalise_again(&saved.input, &self.attention_norm, workspace);
        let mut d_normalised = workspace.take(normalised.len());
        let mut accumulate = Accumulate::Overwrite;
        let parts = [(&self.query, d_queries, 0), (&self.key, d_keys, 1), (&self.value, d_values, 2)];
        for (linear, d_y, low) in parts {
            let low = std::mem::take(&mut saved.low[low]);
            let target = (&mut d_normalised[..], accumulate);
            linear.backward(pass, (&normalised, low), &d_y, target, gradients, workspace);
            workspace.give(d_y);
            accumulate = Accumulate::Add;
        }
        rms_norm_backward(
            &saved.input,
            &self.attention_norm,
            &saved.input_inverse_rms,
            &d_normalised,
            d_middle,
        );
        workspace.give(normalised);
        workspace.give(d_normalised);
    }

    /// Norms are cheap to compute again and large to keep.
    fn normalise_again(&self, input: &[f32], weight: &[f32], workspace: &mut Workspace<f32>) -> Vec<f32> {
        let mut normalised = workspace.take(input.len());
        let mut inverse_rms = workspace.take(input.len() / weight.len());
        rms_norm(input, weight, self.epsilon, &mut normalised, &mut inverse_rms);
        workspace.give(inverse_rms);
        normalised
    }
}

fn heads_backward(
    weight: &[f32],
    raw: Option<&(Vec<f32>, Vec<f32>)>,
    gradient: &mut Vec<f32>,
    workspace: &mut Workspace<f32>,
) {
    let Some((raw, inverse_rms)) = raw else {
        return;
    };
    let d_raw = workspace.take_zeroed(gradient.len());
    let d_normalised = std::mem::replace(gradient, d_raw);
    rms_norm_backward(raw, weight, inverse_rms, &d_normalised, gradient);
    workspace.give(d_normalised);
}
