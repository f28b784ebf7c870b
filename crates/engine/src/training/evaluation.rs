//! Loss on data that is not trained on.

use crate::adapter::Adapter;
use crate::backend::{Backend, BackendError};
use crate::batch::{PackedBatch, Sequence, micro_batches};

/// Mean negative log-likelihood of a label token, in nats, weighted as in training. `None` where no
/// sequence has a label. `pause` is asked between batches; returning true gives up with `Ok(None)`.
pub fn evaluate(
    backend: &mut dyn Backend,
    adapter: Option<&Adapter>,
    sequences: &[Sequence],
    micro_batch_rows: usize,
    pause: &dyn Fn() -> bool,
) -> Result<Option<f64>, BackendError> {
    let references: Vec<&Sequence> = sequences.iter().collect();
    let (mut loss, mut weight) = (0.0, 0.0);
    for batch in micro_batches(&references, micro_batch_rows) {
        if pause() {
            return Ok(None);
        }
        let packed = PackedBatch::pack(&batch.iter().map(|i| references[*i]).collect::<Vec<_>>());
        let log_probabilities = backend.log_probabilities(&packed, adapter)?;
        for (label, log_probability) in packed.labels.iter().zip(log_probabilities) {
            loss -= f64::from(label.weight) * f64::from(log_probability);
            weight += f64::from(label.weight);
        }
    }
    Ok((weight > 0.0).then(|| loss / weight))
}
