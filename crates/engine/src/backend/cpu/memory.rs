//! What training takes of memory, foretold from the shapes of the model. What layers take is said beside
//! their code (`kept_needs`, `forward_needs`, `backward_needs`); a test holds the two together.

use gradus_kernels::attention::{self, Heads};
use gradus_kernels::{CrossEntropy, Matrix, Number, Weight};

use super::cut::Part;
use super::decoder::Decoder;
use super::model::Model;
use super::needs::Needs;
use crate::adapter::{Method, TargetModule};
use crate::backend::WeightBytes;

/// Memory of the matrices; that of norms and biases does not count.
pub(super) fn weight_bytes<N: Number>(model: &Model<N>, method: &Method) -> WeightBytes {
    let mut held = 0;
    let mut loading = 0;
    for weight in model.matrices() {
        held += weight.bytes();
        loading = loading.max(held + reading_bytes(weight));
    }
    let numbers: usize = model.matrices().map(|weight| dense_bytes(weight)).sum();
    let made = if *method == Method::Full { numbers } else { 0 };
    WeightBytes { loading: loading as u64, training: (held + made) as u64 }
}

/// What exists beside a weight while it is read: its blocks as in the file, or its numbers in f32.
fn reading_bytes<N: Number>(weight: &Weight<N>) -> usize {
    match weight {
        Weight::Quantised(matrix) => matrix.bytes(),
        Weight::Dense(matrix) => matrix.rows() * matrix.cols() * size_of::<f32>(),
    }
}

fn dense_bytes<N: Number>(weight: &Weight<N>) -> usize {
    weight.rows() * Matrix::<N>::stride_of(weight.cols()) * size_of::<N>()
}

/// Memory of everything that a pass over one part takes, at its peak.
pub(super) fn part_bytes<N: Number>(
    decoder: &Decoder<N>,
    method: &Method,
    part: &Part,
    gradients: bool,
) -> usize {
    let rows = part.tokens.len();
    let needs = if gradients {
        gradient_needs(decoder, method, decoder.recomputes(rows))
    } else {
        forward_needs(decoder, method)
    };
    let (labels, head) = (part.label_rows.len(), softmax_bytes(decoder, method, part, gradients));
    let beside = normalised_bytes(decoder, labels).max(weight_gradient_bytes(decoder, method, rows));
    let threads = rayon::current_num_threads();
    needs.bytes::<N>(rows)
        + head
        + beside
        + fixed_bytes(decoder, method)
        + threads * scratch_bytes(decoder, part)
}

/// The buffers of a pass that only computes probabilities.
fn forward_needs<N: Number>(decoder: &Decoder<N>, method: &Method) -> Needs {
    let Some(layer) = decoder.base.layers.first() else { return Needs::default() };
    let hidden = Needs::of(&[decoder.config.hidden_size], &[]);
    hidden.and(&layer.kept_needs(method)).and(&layer.forward_needs(method))
}

/// The buffers of a pass that computes gradients.
pub(super) fn gradient_needs<N: Number>(decoder: &Decoder<N>, method: &Method, recomputes: bool) -> Needs {
    let (layers, width) = (&decoder.base.layers, decoder.config.hidden_size);
    let Some(layer) = layers.first() else { return Needs::default() };
    let (kept, forward) = (layer.kept_needs(method), layer.forward_needs(method));
    let hidden = Needs::of(&[width], &[]);
    let rounded = Needs::of(&[], &[width]);
    let head = hidden.clone().times(2);
    let backward = rounded.clone().and(&layer.backward_needs(method));
    let (saved, again) = if recomputes {
        let inputs = hidden.clone().times(layers.len() - 1);
        (inputs.and(&kept), forward.clone().and(&rounded).and(&hidden))
    } else {
        (kept.times(layers.len()), Needs::default())
    };
    hidden.and(&saved).and(&forward.then(&head).then(&backward).then(&again))
}

/// The rows with labels after the final norm, before it, and their gradient.
fn normalised_bytes<N: Number>(decoder: &Decoder<N>, labels: usize) -> usize {
    3 * labels * Matrix::<N>::stride_of(decoder.config.hidden_size) * size_of::<N>()
}

/// The softmax of some of the rows with labels.
fn softmax_bytes<N: Number>(decoder: &Decoder<N>, method: &Method, part: &Part, gradients: bool) -> usize {
    let (rows, vocabulary) = (part.label_rows.len(), decoder.config.vocabulary_size);
    let chunk = CrossEntropy::<N>::chunk_bytes(rows, vocabulary, gradients);
    let woven = gradients && *method == Method::Full;
    if woven { 2 * chunk } else { chunk }
}

/// In full fine-tuning the gradients of a group's outputs, woven for the gradients of its weights.
fn weight_gradient_bytes<N: Number>(decoder: &Decoder<N>, method: &Method, rows: usize) -> usize {
    let groups = [
        &[TargetModule::QProj, TargetModule::KProj, TargetModule::VProj][..],
        &[TargetModule::OProj],
        &[TargetModule::GateProj, TargetModule::UpProj],
        &[TargetModule::DownProj],
    ];
    let width = |group: &&[TargetModule]| -> usize {
        group.iter().map(|module| module.features(&decoder.config).1).sum()
    };
    let woven = groups.iter().map(width).max().unwrap_or(0) * rows * size_of::<N>();
    if *method == Method::Full { woven } else { 0 }
}

/// The adapter of a layer as the decoder's numbers, with the gradient of B.
fn fixed_bytes<N: Number>(decoder: &Decoder<N>, method: &Method) -> usize {
    let Some(config) = method.lora() else { return 0 };
    let features = config.target_modules.iter().map(|module| module.features(&decoder.config));
    let bytes = |(input, output)| (input + output) * size_of::<N>() + output * size_of::<f32>();
    config.rank * features.map(bytes).sum::<usize>()
}

/// What each thread keeps for itself.
fn scratch_bytes<N: Number>(decoder: &Decoder<N>, part: &Part) -> usize {
    let config = &decoder.config;
    let heads =
        Heads { query: config.attention_heads, key_value: config.key_value_heads, dim: config.head_dim };
    let of_attention = attention::scratch_bytes::<N>(heads, part.longest());
    let of_head = CrossEntropy::<N>::scratch_bytes(part.label_rows.len(), config.hidden_size);
    of_attention + of_head
}

#[cfg(test)]
mod tests;
