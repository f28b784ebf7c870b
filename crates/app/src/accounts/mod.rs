//! Who may do what: setting up, logins, sessions, API tokens, users, sharing, quotas, the audit log.
//!
//! Knows no HTTP: whoever speaks it turns cookies and headers into calls of [`Accounts`], and a [`Category`] into an
//! answer. Secrets are stored as hashes alone and shown once. Nothing about who may do what is remembered in a process:
//! each request looks it up, so that what was taken away on one server is gone on all within one request.

mod api_tokens;
pub mod audit;
mod caller;
mod error;
mod log_in;
mod names;
mod one_line;
mod passwords;
mod profile;
mod quotas;
mod secret;
mod sessions;
mod set_up;
mod settings;
mod sharing;
mod throttling;
mod turns;
mod upkeep;
mod users;

use std::sync::Arc;

use gradus_domain::Clock;
use gradus_store::idempotency::Attempt;
use gradus_store::{Store, Transaction};
use tokio::sync::Semaphore;

pub use api_tokens::{API_TOKEN_BEGINNING, MadeApiToken, NewApiToken, ShownApiToken};
pub use caller::{Caller, Credential, Origin};
pub use error::{AccountError, Category};
pub use gradus_store::audit_events::AuditEvent;
pub use gradus_store::shares::Shared;
pub use gradus_store::{Page, PageRequest};
pub use log_in::Login;
pub use names::UserName;
pub use one_line::is_unsafe;
pub use passwords::{HashingSettings, Password};
pub use quotas::{QuotaExceeded, Quotas, Usage};
pub use secret::Secret;
pub use sessions::{LoggedIn, ShownSession};
pub use set_up::FirstAdministrator;
pub use settings::AccountSettings;
pub use sharing::SharedWith;
pub use throttling::{ThrottleSettings, neighbourhood};
pub use upkeep::{Forgotten, forget_what_is_over};
pub use users::{Acceptance, Account, Invitation, NewUser};

use passwords::Passwords;

/// The accounts' services. Clones are the same.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    settings: Arc<AccountSettings>,
    /// Notes of use that may wait to be written down.
    notes: Arc<Semaphore>,
}

/// How many notes of use may wait.
const WAITING_NOTES: usize = 64;

impl Accounts {
    /// The services over a database.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: AccountSettings) -> Result<Self, AccountError> {
        settings.check()?;
        let passwords = Passwords::new(&settings.hashing)?;
        let notes = Arc::new(Semaphore::new(WAITING_NOTES));
        Ok(Self { store, clock, passwords, settings: Arc::new(settings), notes })
    }

    /// The same services for the work of a request under an idempotency key ([`Store::under`]).
    #[must_use]
    pub fn under(&self, attempt: Attempt) -> Self {
        Self { store: self.store.under(attempt), ..self.clone() }
    }

    /// How many password hashes this process has computed, for the server's figures.
    pub fn hashes_computed(&self) -> u64 {
        self.passwords.computations()
    }

    /// Runs `work` in a transaction. A failure of the database undoes it. A refusal does not: it comes before anything is
    /// changed, and what was recorded about it stays.
    async fn write<T, W, F>(&self, work: W) -> Result<T, AccountError>
    where
        T: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, AccountError>> + Send + 'static,
    {
        let written = self.store.write_or_refuse(move |change| async move {
            match work(change).await {
                Err(AccountError::Store(failure)) => Err(failure),
                other => Ok(other),
            }
        });
        written.await?
    }
}
