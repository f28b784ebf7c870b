//! Forgetting what no longer holds. The clean-up job calls it now and then; nothing relies on when.

use chrono::{DateTime, TimeDelta, Utc};
use gradus_store::{StoreError, Transaction, api_tokens, audit_events, server_settings, sessions, throttles};

use super::settings::LONGEST_SESSION_IDLE;
use super::throttling::FAMILIAR;
use super::users::{INVITATION, invitation_end};

/// How long tokens that are worthless are shown to their users.
const OVER_TOKENS_KEPT: TimeDelta = TimeDelta::days(90);
/// How long the audit log goes back.
const AUDIT_LOG_KEPT: TimeDelta = TimeDelta::days(730);

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Sessions that were over.
    pub sessions: u64,
    /// Counts of tries in windows that were over.
    pub tries: u64,
    /// Invitations that were over.
    pub invitations: u64,
    /// API tokens that were revoked or over.
    pub api_tokens: u64,
    /// Entries of the audit log.
    pub audit_events: u64,
}

/// Forgets what has been over for so long that nobody asks for it.
///
/// # Errors
/// When the database cannot.
pub async fn forget_what_is_over(change: &Transaction) -> Result<Forgotten, StoreError> {
    let now = change.now();
    let longest = TimeDelta::from_std(FAMILIAR).unwrap_or(TimeDelta::MAX);
    Ok(Forgotten {
        sessions: sessions::forget_ended(change, now - LONGEST_SESSION_IDLE).await?,
        tries: throttles::forget(change, now - longest).await?,
        invitations: forget_invitations(change, now).await?,
        api_tokens: api_tokens::forget_over(change, now - OVER_TOKENS_KEPT).await?,
        audit_events: audit_events::forget(change, now - AUDIT_LOG_KEPT).await?,
    })
}

async fn forget_invitations(change: &Transaction, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for (name, value) in server_settings::with_prefix(change, INVITATION).await? {
        if invitation_end(value).is_none_or(|end| end <= now) {
            forgotten += u64::from(server_settings::remove(change, &name).await?);
        }
    }
    Ok(forgotten)
}
