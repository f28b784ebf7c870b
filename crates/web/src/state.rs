//! What every handler has at hand.

use std::sync::Arc;

use gradus_app::accounts::Accounts;
use gradus_app::service::Services;
use gradus_app::serving::Serving;
use gradus_app::store::idempotency::Attempt;
use gradus_domain::Clock;
use tokio_util::sync::CancellationToken;

use crate::guard::SessionCookie;
use crate::metrics::Registry;

/// The services behind the routes, and what the server itself is made of. Clones are the same.
#[derive(Clone)]
pub struct ServerState {
    /// Documents, datasets, jobs, models, tests and reports.
    pub services: Services,
    /// Users, sessions and tokens.
    pub accounts: Accounts,
    /// Models that answer.
    pub serving: Serving,
    /// The server's figures.
    pub registry: Registry,
    /// The session cookie as browsers of this server take it.
    pub session_cookie: SessionCookie,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The most bytes of one uploaded file.
    pub max_upload_bytes: u64,
    /// With less room than this on the disk of the data, the server says that it is not ready.
    pub least_free_disk_bytes: u64,
    /// Cancelled once the server is stopping: whatever streams ends then.
    pub shutdown: CancellationToken,
}

impl ServerState {
    /// The same for the work of a request under an idempotency key.
    pub(crate) fn under(&self, attempt: Attempt) -> Self {
        Self {
            services: self.services.under(attempt.clone()),
            accounts: self.accounts.under(attempt),
            ..self.clone()
        }
    }
}
