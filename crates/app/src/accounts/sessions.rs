//! Sessions: begun at login with a new secret each, over when not used, after a time, or when they are ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gradus_domain::{Scope, SessionId, UserId};
use gradus_store::sessions::{self, Session};
use gradus_store::users::{self, User};
use gradus_store::{Key, Page, PageRequest, StoreError, Transaction};
use tracing::Instrument as _;

use super::audit::{self, Entry, actions, refuse};
use super::one_line::one_line;
use super::{AccountError, AccountSettings, Accounts, Caller, Credential, Origin, Secret, secret};

/// What is used more often is written down once in so long.
pub(super) const SEEN: TimeDelta = TimeDelta::minutes(1);
/// How long a request waits until its use of a session or token is written down.
const PATIENCE: Duration = Duration::from_millis(500);
const MOST_AGENT_CHARACTERS: usize = 200;

/// A login that went well.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// What the browser shows from now on.
    pub secret: Secret,
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSession {
    /// Its id.
    pub id: SessionId,
    /// From where it was begun.
    pub address: String,
    /// What the browser called itself.
    pub user_agent: String,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends, however much it is used.
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub is_own: bool,
}

/// A session that is about to begin. Its secret is always a new one: none that a browser brings is ever adopted.
pub(super) struct Beginning {
    secret: Secret,
    address: String,
    user_agent: String,
    lifetime: TimeDelta,
}

impl Beginning {
    pub(super) fn new(origin: &Origin, settings: &AccountSettings) -> Result<Self, AccountError> {
        Ok(Self {
            secret: Secret::random()?,
            address: origin.address.to_canonical().to_string(),
            user_agent: one_line(&origin.user_agent, MOST_AGENT_CHARACTERS),
            lifetime: settings.session_lifetime(),
        })
    }

    pub(super) async fn begin(self, change: &Transaction, user: UserId) -> Result<LoggedIn, StoreError> {
        let session = Session {
            id: Key(SessionId::new()),
            user_id: Key(user),
            token_hash: self.secret.hash(),
            address: self.address,
            user_agent: self.user_agent,
            created_at: change.now(),
            last_seen_at: change.now(),
            expires_at: change.now() + self.lifetime,
        };
        let (id, expires_at) = (session.id.0, session.expires_at);
        sessions::insert(change, session).await?;
        Ok(LoggedIn { secret: self.secret, session: id, user, expires_at })
    }
}

impl Accounts {
    /// Who shows this session's secret, which keeps the session from ending for want of use: two look-ups, each by a
    /// unique key, each time.
    ///
    /// # Errors
    /// [`AccountError::SessionOver`] when it is unknown or over, or its user's account is not in use.
    pub async fn authenticate_session(&self, shown: &str) -> Result<Caller, AccountError> {
        let (session, caller) = self.find_session(shown).await?;
        if session.last_seen_at + SEEN <= self.clock.now() {
            let id = session.id.0;
            self.note_use(move |change| async move { sessions::touch(&change, id).await }).await;
        }
        Ok(caller)
    }

    /// Who began this session, without using it.
    ///
    /// # Errors
    /// As for [`Accounts::authenticate_session`].
    pub async fn recognise_session(&self, shown: &str) -> Result<Caller, AccountError> {
        Ok(self.find_session(shown).await?.1)
    }

    async fn find_session(&self, shown: &str) -> Result<(Session, Caller), AccountError> {
        if !secret::is_well_formed(shown) {
            return Err(AccountError::SessionOver);
        }
        let reader = self.store.reader();
        let session = sessions::find_by_token(&reader, &secret::hash(shown)).await?;
        let now = self.clock.now();
        let session =
            session.filter(|session| self.is_live(session, now)).ok_or(AccountError::SessionOver)?;
        let user = match users::get(&reader, session.user_id.0).await {
            Err(StoreError::NotFound { .. }) => return Err(AccountError::SessionOver),
            other => other?,
        };
        if user.disabled_at.is_some() {
            return Err(AccountError::SessionOver);
        }
        let caller = caller(user, Scope::Admin, Credential::Session(session.id.0));
        Ok((session, caller))
    }

    /// Ends the caller's own session.
    ///
    /// # Errors
    /// When the caller has none.
    pub async fn log_out(&self, caller: &Caller, origin: &Origin) -> Result<(), AccountError> {
        let session = caller.session()?;
        self.end(caller, session, actions::LOG_OUT, origin).await
    }

    /// A page of the caller's sessions that are not over.
    ///
    /// # Errors
    /// When the database cannot list them.
    pub async fn list_sessions(
        &self,
        caller: &Caller,
        request: &PageRequest,
    ) -> Result<Page<ShownSession>, AccountError> {
        let now = self.clock.now();
        let times = (now, now - self.settings.session_idle());
        let own = caller.session().ok();
        let live = sessions::page(&self.store.reader(), caller.user, times, request).await?;
        Ok(live.map(|session| shown(session, own)))
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// When the caller has no such session.
    pub async fn end_session(
        &self,
        caller: &Caller,
        session: SessionId,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        self.admit(caller, Caller::writes, actions::END_SESSION, origin).await?;
        self.end(caller, session, actions::END_SESSION, origin).await
    }

    /// Notes that something was used. It is written down in a task of its own, for which whoever asks waits a moment and
    /// no longer: others may be writing, and asking is only reading. A failure is worth a warning, not a refusal: a full
    /// disk must not lock everyone out.
    pub(super) async fn note_use<W, F>(&self, note: W)
    where
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        // While so many notes wait to be written, more would only wait behind them; the next use is noted again.
        let Ok(place) = Arc::clone(&self.notes).try_acquire_owned() else { return };
        let store = self.store.clone();
        let writing = async move {
            if let Err(error) = store.write(note).await {
                tracing::warn!(%error, "could not note that a session or an API token was used");
            }
            drop(place);
        };
        let writing = tokio::spawn(writing.in_current_span());
        // Whether it is done by then makes no difference.
        _ = tokio::time::timeout(PATIENCE, writing).await;
    }

    async fn end(
        &self,
        caller: &Caller,
        session: SessionId,
        action: &'static str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let (caller, origin) = (caller.clone(), origin.clone());
        self.write(move |change| async move {
            let ended = sessions::end(&change, caller.user, session).await?;
            let entry = Entry::of(&caller, action, &origin).about(session);
            if ended {
                return Ok(audit::record(&change, entry).await?);
            }
            let refusal = AccountError::NotThere { noun: "session", which: session.to_string() };
            refuse(&change, entry, refusal).await
        })
        .await
    }

    fn is_live(&self, session: &Session, now: DateTime<Utc>) -> bool {
        now < session.expires_at && now < session.last_seen_at + self.settings.session_idle()
    }
}

/// A caller as their account is now.
pub(super) fn caller(user: User, scope: Scope, credential: Credential) -> Caller {
    Caller {
        user: user.id.0,
        name: user.name,
        display_name: user.display_name,
        role: user.role.0,
        scope,
        credential,
    }
}

fn shown(session: Session, own: Option<SessionId>) -> ShownSession {
    ShownSession {
        id: session.id.0,
        address: session.address,
        user_agent: session.user_agent,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        is_own: own == Some(session.id.0),
    }
}
