//! Showing that a worker is alive while it works, and hearing what is wished of its job.

use chrono::{DateTime, Utc};
use gradus_store::workers::{self, Worker};
use gradus_store::{StoreError, queue};
use tokio::time::Instant;

use super::BEATS_A_LEASE;
use super::assignment::Pulse;

/// Holds the job until it is lost. Runs beside the work, which may take every core: a beat is a few milliseconds.
pub(super) async fn beat(pulse: Pulse, row: impl Fn(DateTime<Utc>) -> Worker + Send + Sync + 'static) {
    let row = std::sync::Arc::new(row);
    let mut held_until = Instant::now() + pulse.claim.lease;
    loop {
        tokio::time::sleep(pulse.claim.lease / BEATS_A_LEASE).await;
        let (claim, row) = (pulse.claim.clone(), row.clone());
        let begun = Instant::now();
        let held = pulse
            .services
            .store
            .write(move |tx| async move {
                workers::show(&tx, row(tx.now())).await?;
                queue::hold(&tx, &claim).await
            })
            .await;
        match held {
            Ok(wish) => {
                held_until = begun + pulse.claim.lease;
                pulse.signals.tell(wish);
            }
            Err(StoreError::LeaseLost(job)) => {
                tracing::warn!(%job, "this job was given to another worker");
                return pulse.signals.lose();
            }
            Err(error) if Instant::now() < held_until => {
                tracing::warn!(%error, "cannot show that this worker is alive; trying again");
            }
            Err(error) => {
                tracing::error!(%error, "could not show that this worker is alive before its lease ran out");
                return pulse.signals.lose();
            }
        }
    }
}
