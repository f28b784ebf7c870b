//! One decoder layer, forward (and in `backward` the other way):
//! middle = x + o(attention(norm(x))); out = middle + down(activation(gate(norm(middle))) · up(norm(middle))),
//! where some designs normalise what they add, too. The residual stream is f32; what the backward pass needs is
//! kept as the decoder's numbers.

mod backward;
mod norms;

use gradus_kernels::attention::{Heads, Inputs, attention};
use gradus_kernels::product::Target;
use gradus_kernels::{Matrix, MatrixMut, Number, View, add_assign, geglu, rms_norm, rms_norm_add, swiglu};

use super::Pass;
use super::base_weights::BaseWeights;
use super::buffers::Buffers;
use super::linear::{self, Linear, Low};
use super::model::{Values, ValuesMut};
use super::needs::Needs;
use super::reader::LayerCache;
use super::rotary::RotaryTables;
use crate::adapter::{Method, TargetModule};
use crate::backend::BackendError;
use crate::config::{Activation, ModelConfig, Sight};
use crate::files::Weights;
use norms::{Norm, NormKept};

#[derive(Clone)]
pub(super) struct Layer<N> {
    heads: Heads,
    hidden: usize,
    epsilon: f32,
    sight: Sight,
    window: Option<usize>,
    /// What attention scores are multiplied by.
    scale: f32,
    activation: Activation,
    attention_norm: Norm,
    /// Over what attention adds to the residual stream (Gemma 3).
    attention_output_norm: Option<Norm>,
    /// Over each head of the queries and of the keys (Qwen 3, Gemma 3).
    head_norms: Option<(Norm, Norm)>,
    query: Linear<N>,
    key: Linear<N>,
    value: Linear<N>,
    attention_output: Linear<N>,
    feed_forward_norm: Norm,
    /// As `attention_output_norm`.
    feed_forward_output_norm: Option<Norm>,
    gate: Linear<N>,
    up: Linear<N>,
    down: Linear<N>,
}

/// What the backward pass of a layer needs from its forward pass.
#[derive(Default)]
pub(super) struct Kept<N> {
    input: Matrix<N>,
    input_inverse_rms: Vec<f32>,
    /// Where the model has norms of heads.
    raw_queries: Option<NormKept<N>>,
    raw_keys: Option<NormKept<N>>,
    queries: Matrix<N>,
    keys: Matrix<N>,
    values: Matrix<N>,
    attention: Matrix<N>,
    log_sums: Vec<f32>,
    /// Where the model has norms of what is added.
    attention_output: Option<NormKept<N>>,
    middle: Matrix<N>,
    middle_inverse_rms: Vec<f32>,
    gate: Matrix<N>,
    up: Matrix<N>,
    feed_forward_output: Option<NormKept<N>>,
    projection_lows: [Low<N>; 3],
    attention_output_low: [Low<N>; 1],
    gate_up_lows: [Low<N>; 2],
    down_low: [Low<N>; 1],
}

impl<N: Number> Kept<N> {
    pub(super) fn recycle(self, buffers: &mut Buffers<N>) {
        let norms = [self.raw_queries, self.raw_keys, self.attention_output, self.feed_forward_output];
        for (raw, inverse_rms) in norms.into_iter().flatten() {
            buffers.give_matrix(raw);
            buffers.give(inverse_rms);
        }
        let lows = self.projection_lows.into_iter().chain(self.attention_output_low);
        let lows = lows.chain(self.gate_up_lows).chain(self.down_low).flatten();
        lows.for_each(|kept| kept.recycle(buffers));
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
        own.into_iter().for_each(|matrix| buffers.give_matrix(matrix));
        let own = [self.input_inverse_rms, self.log_sums, self.middle_inverse_rms];
        own.into_iter().for_each(|buffer| buffers.give(buffer));
    }
}

/// The gradient of the residual stream, and the same rounded.
pub(super) struct HiddenGradient<N> {
    pub(super) single: Vec<f32>,
    pub(super) rounded: Matrix<N>,
}

impl<N: Number> Layer<N> {
    pub(super) fn new(
        config: &ModelConfig,
        index: usize,
        weights: &mut Weights,
        base_weights: BaseWeights,
    ) -> Result<Self, BackendError> {
        let mut linear = |module| Linear::new(config, (index, module), weights, base_weights);
        let (query, key) = (linear(TargetModule::QProj)?, linear(TargetModule::KProj)?);
        let (value, attention_output) = (linear(TargetModule::VProj)?, linear(TargetModule::OProj)?);
        let (gate, up) = (linear(TargetModule::GateProj)?, linear(TargetModule::UpProj)?);
        let down = linear(TargetModule::DownProj)?;
        let mut norm = |name| Norm::take(weights, index, name);
        let (names, sight) = (config.design.norm_names(), config.sight_of(index));
        Ok(Self {
            heads: Heads {
                query: config.attention_heads,
                key_value: config.key_value_heads,
                dim: config.head_dim,
            },
            hidden: config.hidden_size,
            epsilon: config.rms_norm_epsilon as f32,
            sight,
            window: config.window(sight),
            scale: 1.0 / (config.query_scalar() as f32).sqrt(),
            activation: config.design.activation,
            attention_norm: norm(names.before_attention)?,
            attention_output_norm: names.after_attention.map(&mut norm).transpose()?,
            feed_forward_norm: norm(names.before_feed_forward)?,
            feed_forward_output_norm: names.after_feed_forward.map(&mut norm).transpose()?,
            head_norms: if config.query_key_norm {
                Some((norm("self_attn.q_norm")?, norm("self_attn.k_norm")?))
            } else {
                None
            },
            query,
            key,
            value,
            attention_output,
            gate,
            up,
            down,
        })
    }

    /// A linear layer.
    pub(super) fn linear(&self, module: TargetModule) -> &Linear<N> {
        match module {
            TargetModule::QProj => &self.query,
            TargetModule::KProj => &self.key,
            TargetModule::VProj => &self.value,
            TargetModule::OProj => &self.attention_output,
            TargetModule::GateProj => &self.gate,
            TargetModule::UpProj => &self.up,
            TargetModule::DownProj => &self.down,
        }
    }

    /// The buffers of a [`Kept`].
    pub(super) fn kept_needs(&self, method: &Method) -> Needs {
        let (queries, keys, values) = (self.query.output(), self.key.output(), self.value.output());
        let (hidden, gate, up) = (self.hidden, self.gate.output(), self.up.output());
        let kept = [hidden, queries, keys, values, queries, hidden, gate, up];
        let of_heads = match &self.head_norms {
            Some(_) => Needs::of(&[self.heads.query, self.heads.key_value], &[queries, keys]),
            None => Needs::default(),
        };
        let of_output = |norm: &Option<Norm>| match norm {
            Some(_) => Needs::of(&[1], &[hidden]),
            None => Needs::default(),
        };
        let of_outputs =
            of_output(&self.attention_output_norm).and(&of_output(&self.feed_forward_output_norm));
        let lows = TargetModule::ALL.iter().map(|module| self.linear(*module).kept_needs(method));
        let norms = of_heads.and(&of_outputs);
        Needs::of(&[1, 1, self.heads.query], &kept).and(&norms).and(&lows.collect())
    }

    /// The buffers that [`Self::forward`] works on, beside the hidden states and what it keeps.
    pub(super) fn forward_needs(&self, method: &Method) -> Needs {
        let (queries, keys, values) = (self.query.output(), self.key.output(), self.value.output());
        let group = |layers: &[&Linear<N>]| linear::forward_needs(layers, method);
        let projections = Needs::of(&[queries, keys, values], &[self.hidden])
            .and(&group(&[&self.query, &self.key, &self.value]).then(&self.head_norm_needs()));
        let added = |layer: &Linear<N>, norm| group(&[layer]).and(&self.output_norm_needs(norm));
        let down = added(&self.down, &self.feed_forward_output_norm);
        let feed_forward = Needs::of(&[], &[self.hidden])
            .and(&group(&[&self.gate, &self.up]))
            .then(&Needs::of(&[], &[self.hidden, self.gate.output()]).and(&down));
        projections.then(&added(&self.attention_output, &self.attention_output_norm)).then(&feed_forward)
    }

    /// What is normalised before it is added to the hidden states.
    fn output_norm_needs(&self, norm: &Option<Norm>) -> Needs {
        match norm {
            Some(_) => Needs::of(&[self.hidden], &[]),
            None => Needs::default(),
        }
    }

    /// What the norm of the heads puts in the place of queries or keys.
    fn head_norm_needs(&self) -> Needs {
        match &self.head_norms {
            Some(_) => Needs::of(&[self.query.output(), self.key.output()], &[]),
            None => Needs::default(),
        }
    }

    /// Every weight by its Hugging Face name.
    pub(super) fn weights(&self) -> Vec<(String, Values<'_, N>)> {
        let mut weights: Vec<_> =
            TargetModule::ALL.iter().flat_map(|module| self.linear(*module).weights()).collect();
        let of_outputs = [&self.attention_output_norm, &self.feed_forward_output_norm].into_iter().flatten();
        let of_heads = self.head_norms.iter().flat_map(|(query, key)| [query, key]);
        let norms = [&self.attention_norm, &self.feed_forward_norm].into_iter().chain(of_outputs);
        let norms = norms.chain(of_heads);
        weights.extend(norms.map(|norm| (norm.name.clone(), Values::Vector(norm.weight.as_slice()))));
        weights
    }

    /// As [`Self::weights`], to be changed.
    pub(super) fn weights_mut(&mut self) -> Vec<(String, ValuesMut<'_, N>)> {
        let Self { query, key, value, attention_output, gate, up, down, .. } = self;
        let linears = [query, key, value, attention_output, gate, up, down];
        let mut weights: Vec<_> = linears.into_iter().flat_map(Linear::weights_mut).collect();
        let of_outputs = [&mut self.attention_output_norm, &mut self.feed_forward_output_norm];
        let of_heads = self.head_norms.iter_mut().flat_map(|(query, key)| [query, key]);
        let norms = [&mut self.attention_norm, &mut self.feed_forward_norm].into_iter();
        let norms = norms.chain(of_outputs.into_iter().flatten()).chain(of_heads);
        weights.extend(norms.map(|norm| (norm.name.clone(), ValuesMut::Vector(norm.weight.as_mut_slice()))));
        weights
    }

    /// Replaces the hidden states `[rows, hidden]` by the layer's output. With a cache, the rows' keys
    /// and values are kept in it, and attention sees those that it keeps.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTables,
        cache: Option<&mut LayerCache<N>>,
        hidden: &mut [f32],
        buffers: &mut Buffers<N>,
    ) -> Kept<N> {
        let rows = pass.positions.len();
        let mut kept = Kept::default();
        self.project(pass, rotary, hidden, &mut kept, buffers);
        self.attend(pass, cache, &mut kept, buffers);
        let output = (&self.attention_output, self.attention_output_norm.as_ref());
        (kept.attention_output_low, kept.attention_output) =
            self.add_output(pass, output, &kept.attention, hidden, buffers);

        let mut normalised = buffers.take_matrix(rows, self.hidden);
        kept.middle = buffers.take_matrix(rows, self.hidden);
        kept.middle_inverse_rms = buffers.take(rows);
        rms_norm(
            hidden,
            &self.feed_forward_norm.weight,
            self.epsilon,
            (normalised.data_mut(), kept.middle.data_mut()),
            &mut kept.middle_inverse_rms,
        );
        kept.gate = buffers.take_matrix(rows, self.gate.output());
        kept.up = buffers.take_matrix(rows, self.up.output());
        let targets = [Target::Round(&mut kept.gate), Target::Round(&mut kept.up)];
        kept.gate_up_lows = linear::forward(pass, [&self.gate, &self.up], &normalised, targets, buffers);
        let mut activated = buffers.take_matrix(rows, self.gate.output());
        match self.activation {
            Activation::Silu => swiglu(kept.gate.data(), kept.up.data(), activated.data_mut()),
            Activation::TanhGelu => geglu(kept.gate.data(), kept.up.data(), activated.data_mut()),
        }
        let output = (&self.down, self.feed_forward_output_norm.as_ref());
        (kept.down_low, kept.feed_forward_output) =
            self.add_output(pass, output, &activated, hidden, buffers);
        buffers.give_matrix(activated);
        buffers.give_matrix(normalised);
        kept
    }

    /// Adds a linear layer of the input to the hidden states, normalised where there is a norm for it.
    fn add_output(
        &self,
        pass: &Pass<'_>,
        (layer, norm): (&Linear<N>, Option<&Norm>),
        input: &Matrix<N>,
        hidden: &mut [f32],
        buffers: &mut Buffers<N>,
    ) -> ([Low<N>; 1], Option<NormKept<N>>) {
        let rows = input.rows();
        let Some(norm) = norm else {
            let target = Target::Add(MatrixMut::new(hidden, rows, self.hidden));
            return (linear::forward(pass, [layer], input, [target], buffers), None);
        };
        let mut output = buffers.take(hidden.len());
        let target = Target::Overwrite(MatrixMut::new(&mut output, rows, self.hidden));
        let low = linear::forward(pass, [layer], input, [target], buffers);
        let (mut raw, mut inverse_rms) = (buffers.take_matrix(rows, self.hidden), buffers.take(rows));
        rms_norm_add(&output, &norm.weight, self.epsilon, (hidden, raw.data_mut()), &mut inverse_rms);
        buffers.give(output);
        (low, Some((raw, inverse_rms)))
    }

    /// Queries, keys and values, normalised where the model does so, and rotated.
    fn project(
        &self,
        pass: &Pass<'_>,
        rotary: &RotaryTables,
        hidden: &[f32],
        kept: &mut Kept<N>,
        buffers: &mut Buffers<N>,
    ) {
        let rows = pass.positions.len();
        let mut normalised = buffers.take_matrix(rows, self.hidden);
        kept.input = buffers.take_matrix(rows, self.hidden);
        kept.input_inverse_rms = buffers.take(rows);
        rms_norm(
            hidden,
            &self.attention_norm.weight,
            self.epsilon,
            (normalised.data_mut(), kept.input.data_mut()),
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
            kept.raw_queries = Some(self.normalise_heads(&query_norm.weight, &mut queries, buffers));
            kept.raw_keys = Some(self.normalise_heads(&key_norm.weight, &mut keys, buffers));
        }
        let rotary = rotary.of(self.sight);
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
        buffers: &mut Buffers<N>,
    ) -> NormKept<N> {
        let mut normalised = buffers.take(values.len());
        let heads = values.len() / weight.len();
        let mut raw = buffers.take_matrix(heads, weight.len());
        let mut inverse_rms = buffers.take(heads);
        let into = (&mut normalised[..], raw.data_mut());
        rms_norm(values, weight, self.epsilon, into, &mut inverse_rms);
        buffers.give(std::mem::replace(values, normalised));
        (raw, inverse_rms)
    }

    fn attend(
        &self,
        pass: &Pass<'_>,
        cache: Option<&mut LayerCache<N>>,
        kept: &mut Kept<N>,
        buffers: &mut Buffers<N>,
    ) {
        let mut output = buffers.take_matrix(pass.positions.len(), self.query.output());
        let mut log_sums = buffers.take(pass.positions.len() * self.heads.query);
        let cache = cache.map(|cache| {
            cache.keep(&kept.keys, &kept.values, pass.segments);
            &*cache
        });
        let inputs = match cache {
            None => self.attention_inputs(pass, kept),
            Some(cache) => Inputs {
                keys: View::new(&cache.keys, cache.keys.len() / self.key.output(), self.key.output()),
                values: View::new(
                    &cache.values,
                    cache.values.len() / self.value.output(),
                    self.value.output(),
                ),
                ..self.attention_inputs(pass, kept)
            },
        };
        attention(inputs, &mut output, &mut log_sums);
        (kept.attention, kept.log_sums) = (output, log_sums);
    }

    fn attention_inputs<'a>(&self, pass: &Pass<'a>, kept: &'a Kept<N>) -> Inputs<'a, N> {
        Inputs {
            heads: self.heads,
            queries: kept.queries.view(),
            keys: kept.keys.view(),
            values: kept.values.view(),
            segments: pass.segments,
            window: self.window,
            scale: self.scale,
        }
    }
}

/// The rows of that width rounded; gives their buffer back.
fn rounded<N: Number>(values: Vec<f32>, width: usize, buffers: &mut Buffers<N>) -> Matrix<N> {
    let mut matrix = buffers.take_matrix(values.len() / width, width);
    matrix.round_from(&values);
    buffers.give(values);
    matrix
}
