//! A server of its own for each test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{TimeZone as _, Utc};
use gradus_app::store::blobs::{BlobLocation, BlobStore};
use gradus_domain::FixedClock;
use gradus_web::docs_page::ApiDocs;
use gradus_web::guard::{GuardSettings, Guards};
use gradus_web::metrics::Registry;
use gradus_web::routes::{ApiFacts, RouteFacts, RouteTable};
use gradus_web::server::{Farewell, ServerLimits, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

use crate::asking::Ask;
use crate::demo::{self, Demo};
use crate::people::People;
use crate::wire::{Answer, Connection};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) people: Arc<People>,
    pub(crate) demo: Demo,
    pub(crate) routes: Vec<RouteFacts>,
    pub(crate) description: OpenApi,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<Farewell>,
    directory: TempDir,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(GuardSettings::default(), ServerLimits::default()).await
    }

    pub(crate) async fn with_settings(settings: GuardSettings) -> Self {
        Self::with(settings, ServerLimits::default()).await
    }

    pub(crate) async fn with_limits(limits: ServerLimits) -> Self {
        Self::with(GuardSettings::default(), limits).await
    }

    pub(crate) async fn with(settings: GuardSettings, limits: ServerLimits) -> Self {
        crate::log::install();
        let (people, registry, docs) = (Arc::new(People::new()), Registry::new(), ApiDocs::default());
        let clock = FixedClock(Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap());
        let guards = Arc::new(Guards::new(settings, people.clone(), Arc::new(clock), &registry));
        let directory = tempfile::tempdir().unwrap();
        let shutdown = CancellationToken::new();
        let blobs = BlobStore::open(&BlobLocation::Directory(directory.path().to_owned())).await.unwrap();
        let demo = Demo::new(blobs.spool().clone(), registry, shutdown.clone(), guards.session_cookie());

        let table = RouteTable::new(demo::routes().into_iter().chain(docs.routes())).unwrap();
        let description = table.describe(&ApiFacts {
            title: "Gradus",
            version: "0.1.0",
            description: "The demonstration that the tests of the server use.",
            session_cookie: guards.session_cookie(),
        });
        docs.publish(&description, "https://gradus.example.org").unwrap();
        let routes = table.facts();
        let router = table.into_router(demo.clone(), &guards);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Self { address, people, demo, routes, description, shutdown, served, directory }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let mut connection = self.connect().await;
        connection.send(ask.bytes(false)).await;
        connection.answer_to(&ask.method).await
    }

    /// The status of an answer, where the server does not close the connection instead.
    pub(crate) async fn try_ask(&self, ask: &Ask) -> Option<u16> {
        let mut connection = self.connect().await;
        connection.try_send(ask.bytes(false)).await.ok()?;
        let line = connection.line().await?;
        line.split(' ').nth(1)?.parse().ok()
    }

    /// The status of an answer whose body may go on for ever.
    pub(crate) async fn ask_head(&self, ask: Ask) -> u16 {
        let mut connection = self.connect().await;
        connection.send(ask.bytes(false)).await;
        connection.head().await.status
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// The files in the spool directory.
    pub(crate) fn spooled_files(&self) -> Vec<PathBuf> {
        let own = std::fs::read_dir(self.directory.path().join("spool")).unwrap();
        let files = own.flat_map(|own| std::fs::read_dir(own.unwrap().path()).unwrap());
        let files = files.map(|file| file.unwrap().path());
        files.filter(|file| file.file_name().is_some_and(|name| name != "lock")).collect()
    }
}
