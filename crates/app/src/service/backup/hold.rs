//! Keeping blobs from being deleted while a backup reads them: a setting that says until when, renewed by whoever takes
//! the backup. One that was killed does not renew it, so that it ends by itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gradus_store::{Store, StoreError, Transaction, blob_records, server_settings, turns};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Names that begin so say that a backup reads blobs.
const NAME: &str = "backup-";
/// How long that holds without being renewed.
const HOLD_FOR: Duration = Duration::from_secs(600);
/// How often it is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(60);

/// Keeps blobs from being deleted while a backup is taken.
pub(super) struct Hold {
    store: Store,
    name: String,
    renewing: JoinHandle<()>,
}

impl Hold {
    pub(super) async fn begin(store: &Store) -> Result<Self, StoreError> {
        let (store, name) = (store.clone(), format!("{NAME}{}", Uuid::now_v7()));
        Self::renew(&store, &name).await?;
        let renewing = tokio::spawn({
            let (store, name) = (store.clone(), name.clone());
            async move {
                loop {
                    tokio::time::sleep(RENEWED_AFTER).await;
                    if let Err(error) = Self::renew(&store, &name).await {
                        tracing::warn!(%error, "the hold of a backup could not be renewed; trying again");
                    }
                }
            }
        });
        Ok(Self { store, name, renewing })
    }

    async fn renew(store: &Store, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        let renewal = move |tx: Transaction| async move {
            // A sweep that looked before this, and did not see it, is over once this has its turn.
            turns::take(&tx, blob_records::TURN).await?;
            let until = tx.now() + TimeDelta::from_std(HOLD_FOR).unwrap_or_default();
            server_settings::put(&tx, &name, serde_json::json!({ "until": until })).await
        };
        store.write(renewal).await
    }

    /// Lets go. If that cannot be written, the hold ends by itself.
    pub(super) async fn end(self) {
        self.renewing.abort();
        let name = self.name;
        let removed = move |tx: Transaction| async move { server_settings::remove(&tx, &name).await };
        if let Err(error) = self.store.write(removed).await {
            tracing::warn!(%error, "the hold of a backup ends by itself");
        }
    }
}

/// Whether a backup is being taken, so that blobs must stay. Forgets the holds of backups that were killed.
pub(in crate::service) async fn is_held(tx: &Transaction) -> Result<bool, StoreError> {
    turns::take(tx, blob_records::TURN).await?;
    let mut is_held = false;
    for (name, hold) in server_settings::with_prefix(tx, NAME).await? {
        let until = serde_json::from_value::<DateTime<Utc>>(hold["until"].clone());
        if until.is_ok_and(|until| until > tx.now()) {
            is_held = true;
        } else {
            server_settings::remove(tx, &name).await?;
        }
    }
    Ok(is_held)
}

/// Whether a row of the settings is a hold: it is over when the backup that it stands in is restored.
pub(super) fn is_hold(line: &str) -> bool {
    let row: Option<serde_json::Value> = serde_json::from_str(line).ok();
    row.is_some_and(|row| row["name"].as_str().is_some_and(|name| name.starts_with(NAME)))
}

#[cfg(test)]
mod tests {
    use gradus_testkit::{Kind, TestDatabase, on_each_database};

    use super::*;

    on_each_database!(a_hold_ends_with_its_backup_or_when_nobody_renews_it);

    async fn held(store: &Store) -> bool {
        store.write(|tx| async move { is_held(&tx).await }).await.unwrap()
    }

    async fn a_hold_ends_with_its_backup_or_when_nobody_renews_it(kind: Kind) {
        let Some(database) = TestDatabase::new(kind).await else { return };
        let store = database.open().await;
        let (killed, ended) = (Hold::begin(&store).await.unwrap(), Hold::begin(&store).await.unwrap());
        killed.renewing.abort();
        ended.end().await;
        assert!(held(&store).await, "the other one still holds");
        database.clock.advance_seconds(599);
        assert!(held(&store).await);
        database.clock.advance_seconds(2);
        assert!(!held(&store).await);
        let left = server_settings::with_prefix(&store.reader(), NAME).await.unwrap();
        assert_eq!(left, [], "it is forgotten");
        store.close().await.unwrap();
        database.remove().await;
    }

    #[test]
    fn a_hold_is_told_by_its_name() {
        assert!(is_hold(r#"{"name": "backup-0192", "value": {}}"#));
        assert!(!is_hold(r#"{"name": "clean-up", "value": "backup-0192"}"#));
    }
}
