//! A server of its own for each test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gradus_app::accounts::{AccountSettings, Accounts, Quotas};
use gradus_app::models::{Catalogue, CatalogueSettings, ModelStore};
use gradus_app::service::Services;
use gradus_app::serving::{Serving, ServingOptions};
use gradus_app::store::DatabaseLocation;
use gradus_app::store::blobs::{BlobLocation, BlobStore};
use gradus_testkit::{ManualClock, TestDatabase};
use gradus_web::docs_page::ApiDocs;
use gradus_web::guard::{GuardSettings, Guards, Quota, RateLimits};
use gradus_web::metrics::Registry;
use gradus_web::routes::{ApiFacts, RouteFacts, RouteTable};
use gradus_web::server::{Farewell, ServerLimits, serve};
use gradus_web::{Application, ServerState};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::asking::Ask;
use crate::people::{self, People};
use crate::wire::{Answer, Connection};

/// The longest file that these servers take.
pub(crate) const MOST_UPLOAD_BYTES: u64 = 1 << 20;
/// How many documents a user may have here.
pub(crate) const MOST_DOCUMENTS: u64 = 20;
/// How much work of a user may wait here.
pub(crate) const MOST_QUEUED: u64 = 15;
/// How many datasets, versions, model tests and reports a user may have here.
pub(crate) const MOST_THINGS: u64 = 25;
/// How many API tokens a user may have here.
pub(crate) const MOST_TOKENS: u64 = 12;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) state: ServerState,
    pub(crate) people: People,
    pub(crate) routes: Vec<RouteFacts>,
    pub(crate) description: Value,
    pub(crate) clock: ManualClock,
    pub(crate) directory: TempDir,
    /// Where the database lies, if it is a file.
    pub(crate) database_directory: PathBuf,
    pub(crate) is_sqlite: bool,
    /// What sets the server up, if nobody has.
    pub(crate) setup_token: Option<String>,
    served: JoinHandle<Farewell>,
}

impl Server {
    /// A server with the people that tests know.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let mut server = Self::start_empty(database).await;
        let token = server.setup_token.take().unwrap();
        server.people = people::let_in(&server.state, &token).await;
        server
    }

    /// A server that nobody has set up.
    pub(crate) async fn start_empty(database: &TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// A server that nobody has set up, with other settings.
    pub(crate) async fn start_with(database: &TestDatabase, change: impl FnOnce(&mut ServerState)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut state = state(database, &directory).await;
        change(&mut state);
        let window = Duration::from_secs(60);
        let generous = Quota { requests: 1_000_000, window };
        let settings = GuardSettings {
            rate_limits: RateLimits { address: generous, caller: generous },
            ..GuardSettings::default()
        };
        let accounts = Arc::new(state.accounts.clone());
        let guards = Arc::new(Guards::new(settings, accounts, state.clock.clone(), &state.registry));
        let docs = ApiDocs::default();
        let routes = Application::routes().into_iter().chain(docs.routes());
        let table = RouteTable::new(routes).unwrap();
        let description = table.describe(&ApiFacts {
            title: "Gradus",
            version: "0.0.0",
            description: "The API under test.",
            session_cookie: guards.session_cookie(),
        });
        docs.publish(&description, "https://gradus.example.org").unwrap();
        let setup_token = state.accounts.open_set_up().await.unwrap().map(|token| token.expose().to_owned());
        let facts = table.facts();
        let router = table.into_router(state.clone(), &guards);
        let router = gradus_web::operations::recording_failures(router, state.services.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, router, ServerLimits::default(), state.shutdown.clone()));
        Self {
            address,
            state,
            people: People::default(),
            routes: facts,
            description: serde_json::to_value(&description).unwrap(),
            clock: database.clock.clone(),
            directory,
            database_directory: database.directory.path().to_owned(),
            is_sqlite: matches!(database.location, DatabaseLocation::Sqlite(_)),
            setup_token,
            served,
        }
    }

    pub(crate) async fn stop(self) {
        self.state.shutdown.cancel();
        assert_eq!(self.served.await.unwrap().cut_connections, 0);
        self.state.services.store.clone().close().await.unwrap();
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let mut connection = self.connect().await;
        connection.send(ask.bytes(false)).await;
        connection.answer_to(&ask.method).await
    }

    /// The answer to a request that succeeds, as JSON.
    pub(crate) async fn ok(&self, ask: Ask) -> Value {
        let said = format!("{ask:?}");
        let answer = self.ask(ask).await;
        assert!((200..300).contains(&answer.status), "{}: {}\n{said}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Status and code of a request that fails.
    pub(crate) async fn refusal(&self, ask: Ask) -> (u16, String) {
        let answer = self.ask(ask).await;
        assert!(answer.status >= 400, "{}: {}", answer.status, answer.text());
        assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
        (answer.status, answer.code())
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }
}

async fn state(database: &TestDatabase, directory: &TempDir) -> ServerState {
    let store = database.open().await;
    let blobs = BlobStore::open(&BlobLocation::Directory(directory.path().join("files"))).await.unwrap();
    let quotas = Quotas {
        documents: MOST_DOCUMENTS,
        queued_work: MOST_QUEUED,
        things: MOST_THINGS,
        api_tokens: MOST_TOKENS,
        ..Quotas::default()
    };
    let clock = Arc::new(database.clock.clone());
    let settings = AccountSettings { quotas, ..AccountSettings::default() };
    let accounts = Accounts::new(store.clone(), clock.clone(), settings).unwrap();
    let catalogue = Arc::new(Catalogue::new(&CatalogueSettings::default()));
    let base_models = ModelStore::new(directory.path());
    let services =
        Services::new((store, blobs), (base_models, catalogue), directory.path().join("work"), quotas);
    ServerState {
        services,
        accounts,
        serving: Serving::start(ServingOptions::new("/no/such/program", [])),
        registry: Registry::new(),
        session_cookie: gradus_web::guard::SessionCookie::for_origin(None),
        clock,
        max_upload_bytes: MOST_UPLOAD_BYTES,
        least_free_disk_bytes: 1,
        shutdown: CancellationToken::new(),
    }
}
