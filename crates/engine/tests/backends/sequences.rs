//! Sequences that exercise packing: shared prefixes of shared prefixes, soft labels, strangers.

use crate::support::TinyModel;
use gradus_engine::batch::{Label, PackedBatch, Sequence};

/// A question, two answers that begin alike, one that does not, and a stranger; a label after most
/// tokens and, at the end of each sequence, three weighted labels (a soft target).
pub(crate) fn family(model: &TinyModel, question: usize) -> Vec<Sequence> {
    let question = model.tokens(question, 0);
    let opening = model.tokens(8, 1);
    let answer = |parts: &[&[u32]]| labelled(model, parts.concat());
    vec![
        answer(&[&question, &opening, &model.tokens(3, 2)]),
        answer(&[&question, &model.tokens(4, 3)]),
        answer(&[&question, &opening, &model.tokens(2, 4)]),
        answer(&[&model.tokens(6, 5)]),
    ]
}

fn labelled(model: &TinyModel, tokens: Vec<u32>) -> Sequence {
    let last = tokens.len() - 1;
    let next = (0..last).filter(|position| position % 3 != 1).map(|position| Label {
        position,
        token: tokens[position + 1],
        weight: 0.5 + (position % 4) as f32 / 4.0,
    });
    let soft = model.tokens(3, 6).into_iter().zip([0.6, 0.3, 0.1]);
    let soft = soft.map(|(token, weight)| Label { position: last, token, weight });
    let labels = next.chain(soft).collect();
    Sequence { tokens, labels }
}

pub(crate) fn pack(sequences: &[Sequence]) -> PackedBatch {
    PackedBatch::pack(&sequences.iter().collect::<Vec<_>>())
}
