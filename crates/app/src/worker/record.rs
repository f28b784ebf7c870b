//! Failures of work, counted by kind.

use gradus_domain::JobKind;
use gradus_domain::failure::Failure;
use gradus_store::{StoreError, Transaction, error_events};
use uuid::Uuid;

use crate::failures::fingerprint;

pub(super) async fn failure(
    tx: &Transaction,
    kind: JobKind,
    failure: &Failure,
    subject: Option<Uuid>,
) -> Result<(), StoreError> {
    let place = kind.to_string();
    error_events::record(tx, &fingerprint(&place, failure), &place, failure, subject).await
}
