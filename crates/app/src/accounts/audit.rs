//! The audit log: who did what, when and from where, and what was refused. Other services add to it in the transaction
//! of the change that they record.

use gradus_domain::{AuditEventId, UserId};
use gradus_store::audit_events::{self, AuditEvent};
use gradus_store::{Json, Key, Page, PageRequest, StoreError, Transaction};

use super::one_line::{one_line, one_line_each};
use super::throttling::{is_news, was_news};
use super::{AccountError, Accounts, Caller, Credential, Origin};

/// The outcome of what was done.
pub const DONE: &str = "done";

/// What the accounts' services record. Others have words of their own.
pub mod actions {
    /// The server was set up.
    pub const SET_UP: &str = "set-up";
    /// Someone logged in, or tried.
    pub const LOG_IN: &str = "log-in";
    /// Someone logged out.
    pub const LOG_OUT: &str = "log-out";
    /// Someone ended another session of theirs.
    pub const END_SESSION: &str = "end-session";
    /// An account was made.
    pub const CREATE_USER: &str = "create-user";
    /// Someone was invited to choose a password.
    pub const INVITE_USER: &str = "invite-user";
    /// An invitation was accepted, or that was tried.
    pub const ACCEPT_INVITATION: &str = "accept-invitation";
    /// A role was changed.
    pub const CHANGE_ROLE: &str = "change-role";
    /// An account was disabled.
    pub const DISABLE_USER: &str = "disable-user";
    /// An account was enabled.
    pub const ENABLE_USER: &str = "enable-user";
    /// Someone changed their display name.
    pub const CHANGE_DISPLAY_NAME: &str = "change-display-name";
    /// Someone changed their password, or tried.
    pub const CHANGE_PASSWORD: &str = "change-password";
    /// An API token was made.
    pub const MAKE_API_TOKEN: &str = "make-api-token";
    /// An API token was used for the first time, or one that is not valid was.
    pub const USE_API_TOKEN: &str = "use-api-token";
    /// An API token was revoked.
    pub const REVOKE_API_TOKEN: &str = "revoke-api-token";
    /// Something was shared.
    pub const SHARE: &str = "share";
    /// Something is shared no longer.
    pub const STOP_SHARING: &str = "stop-sharing";
    /// Someone asked the server for what their role, their credentials or their browser's word does not allow.
    pub const USE_ROUTE: &str = "use-route";
    /// Accounts were listed or looked at.
    pub const LIST_USERS: &str = "list-users";
    /// The audit log was looked at.
    pub const READ_AUDIT_LOG: &str = "read-audit-log";
}

const MOST_CHARACTERS: usize = 200;

/// Something to be recorded. What is done and what came of it are words of the program; everything that came from
/// outside is made safe when it is recorded.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    user: Option<UserId>,
    user_name: &'a str,
    action: &'static str,
    outcome: &'static str,
    subject: Option<String>,
    origin: &'a Origin,
    details: serde_json::Map<String, serde_json::Value>,
}

impl<'a> Entry<'a> {
    /// Something that a caller did.
    pub fn of(caller: &'a Caller, action: &'static str, origin: &'a Origin) -> Self {
        let entry = Self::named(Some(caller.user), &caller.name, action, origin);
        match caller.credential {
            Credential::Session(id) => entry.with("session", id.to_string()),
            Credential::ApiToken { id, .. } => entry.with("api_token", id.to_string()),
        }
    }

    /// Something that someone did who is not logged in: the name they gave, and whose it is where that is known.
    pub fn named(user: Option<UserId>, user_name: &'a str, action: &'static str, origin: &'a Origin) -> Self {
        Self {
            user,
            user_name,
            action,
            outcome: DONE,
            subject: None,
            origin,
            details: serde_json::Map::new(),
        }
    }

    /// What was done to.
    #[must_use]
    pub fn about(mut self, subject: impl ToString) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// Why it was not done.
    #[must_use]
    pub fn refused(mut self, outcome: &'static str) -> Self {
        self.outcome = outcome;
        self
    }

    /// What else is worth knowing; never a secret.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Records something, in the transaction that did it.
///
/// # Errors
/// When the database cannot.
pub async fn record(transaction: &Transaction, entry: Entry<'_>) -> Result<(), StoreError> {
    let safe = |text: &str| one_line(text, MOST_CHARACTERS);
    let event = AuditEvent {
        id: Key(AuditEventId::new()),
        at: transaction.now(),
        user_id: entry.user.map(Key),
        user_name: safe(entry.user_name),
        action: entry.action.to_owned(),
        outcome: entry.outcome.to_owned(),
        subject: entry.subject.as_deref().map(safe),
        address: Some(entry.origin.address.to_canonical().to_string()),
        request_id: entry.origin.request_id.as_deref().map(safe),
        details: Json(one_line_each(serde_json::Value::Object(entry.details), MOST_CHARACTERS)),
    };
    audit_events::insert(transaction, event).await
}

/// Records why something was refused, and refuses it. A failure of the database is no refusal: it undoes the transaction,
/// so that there is nothing to record it in.
pub(super) async fn refuse<T>(
    change: &Transaction,
    entry: Entry<'_>,
    refusal: AccountError,
) -> Result<T, AccountError> {
    if !matches!(refusal, AccountError::Store(_)) {
        record(change, entry.refused(refusal.code())).await?;
    }
    Err(refusal)
}

impl Accounts {
    /// Records what a caller did elsewhere, in a transaction of its own.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn record_done(
        &self,
        caller: &Caller,
        action: &'static str,
        subject: String,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            Ok(record(&change, Entry::of(&caller, action, &origin).about(subject)).await?)
        })
        .await
    }

    /// Records that a caller was denied a route, once an hour for each user, route and reason: whoever is denied it may go
    /// on asking as fast as they like. Every time is in the log of requests.
    pub async fn record_denial(&self, caller: &Caller, route: &str, reason: &'static str, origin: &Origin) {
        let news = format!("denied-{}-{route}-{reason}", caller.user);
        match was_news(&self.store.reader(), &news, self.clock.now()).await {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => return report_unrecorded(&error),
        }
        let (caller, route, origin) = (caller.clone(), route.to_owned(), origin.clone());
        let recorded = self.store.write(move |change| async move {
            if !is_news(&change, &news).await? {
                return Ok(());
            }
            let entry = Entry::of(&caller, actions::USE_ROUTE, &origin).about(route);
            record(&change, entry.refused(reason)).await
        });
        if let Err(error) = recorded.await {
            report_unrecorded(&error);
        }
    }

    /// A page of the audit log, of one user or of all.
    ///
    /// # Errors
    /// For whoever is no administrator.
    pub async fn audit_log(
        &self,
        caller: &Caller,
        of: Option<UserId>,
        request: &PageRequest,
        origin: &Origin,
    ) -> Result<Page<AuditEvent>, AccountError> {
        self.admit(caller, Caller::administers, actions::READ_AUDIT_LOG, origin).await?;
        Ok(audit_events::page(&self.store.reader(), of, request).await?)
    }

    /// Lets a caller go on who may, and records it of one who may not.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        may: impl Fn(&Caller) -> Result<(), AccountError>,
        action: &'static str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let Err(refusal) = may(caller) else { return Ok(()) };
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            refuse(&change, Entry::of(&caller, action, &origin), refusal).await
        })
        .await
    }
}

/// The denial stands, whether or not it could be recorded.
fn report_unrecorded(error: &StoreError) {
    tracing::error!(%error, "a denial could not be recorded");
}
