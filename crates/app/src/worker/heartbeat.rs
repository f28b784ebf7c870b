//! Showing that a worker is alive while it works, and hearing what is wished of its job.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gradus_store::workers::{self, Worker};
use gradus_store::{StoreError, queue};
use tokio::time::Instant;

use super::assignment::Pulse;
use super::{BEATS_A_LEASE, end};

/// Holds the job until it is lost. Runs beside the work, which may take every core: a beat is a few milliseconds.
pub(super) async fn beat(
    pulse: Pulse,
    row: impl Fn(DateTime<Utc>, Option<f64>) -> Worker + Send + Sync + 'static,
) {
    let row = Arc::new(row);
    let mut held_until = Instant::now() + pulse.claim.lease;
    loop {
        tokio::time::sleep(pulse.claim.lease / BEATS_A_LEASE).await;
        let (claim, row) = (pulse.claim.clone(), row.clone());
        let (begun, speed) = (Instant::now(), pulse.signals.speed());
        let hold = pulse.services.store.write(move |tx| async move {
            let job = queue::hold(&tx, &claim).await?;
            workers::show(&tx, row(tx.now(), speed)).await?;
            Ok(job.wish.0)
        });
        // A connection that died says nothing for minutes.
        match tokio::time::timeout_at(held_until, hold).await {
            Ok(Ok(wish)) => {
                held_until = begun + pulse.claim.lease;
                pulse.signals.tell(wish);
            }
            Ok(Err(StoreError::LeaseLost(job))) => {
                tracing::warn!(%job, "this job was given to another worker");
                return pulse.signals.lose();
            }
            Ok(Err(error)) if Instant::now() < held_until => {
                tracing::warn!(%error, "cannot show that this worker is alive; trying again");
            }
            Ok(Err(_)) | Err(_) => {
                let job = pulse.claim.id();
                tracing::error!(%job, "could not show that this worker is alive before its lease ran out");
                return pulse.signals.lose();
            }
        }
        // Idle workers do so too, but all may be busy.
        if let Err(error) = end::settle_lost(&pulse.services).await {
            tracing::warn!(%error, "lost jobs could not be looked for");
        }
    }
}
