//! The whole server put together: every route behind its guards, and their description.

use std::sync::Arc;

use axum::Router;
use gradus_app::accounts::Accounts;
use gradus_app::service::Services;
use gradus_app::serving::Serving;
use gradus_domain::Clock;
use tokio_util::sync::CancellationToken;

use crate::docs_page::{ApiDocs, DocsError};
use crate::guard::{GuardSettings, Guards};
use crate::metrics::Registry;
use crate::operations::{self, Sampler};
use crate::routes::{ApiFacts, Route, RouteTable, TableError};
use crate::{ServerState, api, openai};

/// What an operator decides about the server.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// How it is reached and what it allows.
    pub guards: GuardSettings,
    /// The most bytes of one uploaded file.
    pub max_upload_bytes: u64,
    /// With less room than this on the disk of the data, the server says that it is not ready.
    pub least_free_disk_bytes: u64,
}

/// Why the routes do not make a server. A fault of the program, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The routes do not fit together.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Their description cannot be written.
    #[error(transparent)]
    Docs(#[from] DocsError),
}

/// The server's parts.
pub struct Application {
    state: ServerState,
    guards: Arc<Guards>,
}

impl Application {
    /// A server over the services.
    #[must_use]
    pub fn new(
        services: Services,
        accounts: Accounts,
        serving: Serving,
        clock: Arc<dyn Clock>,
        shutdown: CancellationToken,
        settings: ServerSettings,
    ) -> Self {
        let registry = Registry::default();
        let authenticator = Arc::new(accounts.clone());
        let guards = Guards::new(settings.guards, authenticator, Arc::clone(&clock), &registry);
        let state = ServerState {
            services,
            accounts,
            serving,
            registry,
            session_cookie: guards.session_cookie(),
            clock,
            max_upload_bytes: settings.max_upload_bytes,
            least_free_disk_bytes: settings.least_free_disk_bytes,
            shutdown,
        };
        Self { state, guards: Arc::new(guards) }
    }

    /// Every route but those of the description.
    #[must_use]
    pub fn routes() -> Vec<Route<ServerState>> {
        api::routes().into_iter().chain(openai::routes()).chain(operations::routes()).collect()
    }

    /// What measures the server's figures until it stops; to be run beside it.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        Sampler::register(&self.state)
    }

    /// The router; `address` stands in the examples of the description.
    ///
    /// # Errors
    /// When the routes do not fit together.
    pub fn into_router(self, address: &str) -> Result<Router, ApplicationError> {
        let docs = ApiDocs::default();
        let table = RouteTable::new(Self::routes().into_iter().chain(docs.routes()))?;
        let facts = ApiFacts {
            title: "Gradus",
            version: env!("CARGO_PKG_VERSION"),
            description: "Fine-tune a language model on your marking guide and your marked answers, test it, and read how \
                far to trust it.",
            session_cookie: self.state.session_cookie,
        };
        docs.publish(&table.describe(&facts), address)?;
        let services = self.state.services.clone();
        Ok(operations::recording_failures(table.into_router(self.state, &self.guards), services))
    }
}
