//! A server with a base model and three users: Alice and Bob train, Vera looks.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gradus_app::accounts::{
    Acceptance, AccountSettings, Accounts, Caller, FirstAdministrator, NewApiToken, NewUser, Origin,
    Password, Quotas,
};
use gradus_app::models::{Catalogue, CatalogueSettings, InstalledFile, Manifest, ModelStore};
use gradus_app::service::Services;
use gradus_app::serving::{Serving, ServingOptions};
use gradus_app::store::blobs::{BlobLocation, BlobStore};
use gradus_domain::{Role, Scope, UserId};
use gradus_testkit::{Kind, ManualClock, TestDatabase};
use gradus_web::ServerState;
use gradus_web::guard::{GuardSettings, Guards};
use gradus_web::metrics::Registry;
use gradus_web::openai;
use gradus_web::routes::RouteTable;
use gradus_web::server::{Farewell, ServerLimits, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::asking::Ask;
use crate::wire::{Answer, Connection};

/// The base model on this server, which is another one than its name says.
pub(crate) const BASE: &str = "smollm2-135m-instruct";
/// The longest file.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 100_000;
const PASSWORD: &str = "seven green kettles whistle";

/// A user with a token.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) token: String,
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) services: Services,
    pub(crate) models: Serving,
    pub(crate) clock: ManualClock,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    pub(crate) vera: Person,
    /// A token of Alice's that may only look.
    pub(crate) alice_reads: String,
    database: TestDatabase,
    shutdown: CancellationToken,
    served: JoinHandle<Farewell>,
}

impl Running {
    /// No model answers here: the process is none of ours.
    pub(crate) async fn start(kind: Kind) -> Option<Self> {
        Self::with_models(kind, ServingOptions::new("true", [])).await
    }

    pub(crate) async fn with_models(kind: Kind, serving: ServingOptions) -> Option<Self> {
        let database = TestDatabase::new(kind).await?;
        let (store, clock, directory) =
            (database.open().await, database.clock.clone(), database.directory.path());
        let blobs = BlobStore::open(&BlobLocation::Directory(directory.join("blobs"))).await.unwrap();
        let accounts =
            Accounts::new(store.clone(), Arc::new(clock.clone()), AccountSettings::default()).unwrap();
        install(&directory.join("models").join(BASE));
        let models = (ModelStore::new(directory), Arc::new(Catalogue::new(&CatalogueSettings::default())));
        let services = Services::new((store, blobs), models, directory.join("work"), Quotas::default());

        let administrator = administrator(&accounts).await;
        let alice = person(&accounts, &administrator, "alice", Role::Author).await;
        let alice_reads = token(&accounts, &alice, Scope::Read).await;
        let bob = person(&accounts, &administrator, "bob", Role::Author).await;
        let vera = person(&accounts, &administrator, "vera", Role::Viewer).await;

        let registry = Registry::new();
        let authenticator = Arc::new(accounts.clone());
        let guards = Guards::new(GuardSettings::default(), authenticator, Arc::new(clock.clone()), &registry);
        let shutdown = CancellationToken::new();
        let state = ServerState {
            services: services.clone(),
            accounts: accounts.clone(),
            serving: Serving::start(serving),
            registry,
            session_cookie: guards.session_cookie(),
            clock: Arc::new(clock.clone()),
            max_upload_bytes: MAX_UPLOAD_BYTES,
            least_free_disk_bytes: 0,
            shutdown: shutdown.clone(),
        };
        let serving = state.serving.clone();
        let router = RouteTable::new(openai::routes()).unwrap().into_router(state, &Arc::new(guards));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(serve(listener, router, ServerLimits::default(), shutdown.clone()));
        Some(Self {
            address,
            services,
            models: serving,
            clock,
            alice: Person { token: token(&accounts, &alice, Scope::Write).await, id: alice.user },
            bob: Person { token: token(&accounts, &bob, Scope::Write).await, id: bob.user },
            vera: Person { token: token(&accounts, &vera, Scope::Write).await, id: vera.user },
            alice_reads,
            database,
            shutdown,
            served,
        })
    }

    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.served.await.unwrap();
        drop((self.services, self.models));
        self.database.remove().await;
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, ask: Ask) -> Answer {
        let mut connection = Connection::open(self.address).await;
        connection.send(ask.bytes(false)).await;
        connection.answer_to(&ask.method).await
    }

    /// What Alice is answered, which has to be a success.
    pub(crate) async fn get(&self, path: &str) -> Value {
        succeeded(self.ask(Ask::get(path).bearer(&self.alice.token)).await)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        succeeded(self.ask(Ask::post(path).bearer(&self.alice.token).json(body)).await)
    }

    /// How the client sends what has no body.
    pub(crate) async fn order(&self, path: &str) -> Value {
        let ask = Ask::post(path).bearer(&self.alice.token).header("content-type", "application/json");
        succeeded(self.ask(ask).await)
    }

    /// How many files lie in the spool of the blobs.
    pub(crate) fn spooled_files(&self) -> usize {
        let spool = self.database.directory.path().join("blobs").join("spool");
        let processes = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
        let files = processes.flat_map(|process| std::fs::read_dir(process).unwrap());
        files.filter(|file| file.as_ref().unwrap().file_name() != "lock").count()
    }
}

fn succeeded(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The error of an answer that is one, in OpenAI's shape: status, type, parameter and code.
pub(crate) fn refused(answer: &Answer) -> (u16, String, Option<String>, Option<String>) {
    let body = answer.json();
    let error = &body["error"];
    let text = |field: &str| error[field].as_str().map(str::to_owned);
    assert!(!error["message"].as_str().unwrap().is_empty(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    assert!(answer.header("x-request-id").is_some());
    (answer.status, text("type").unwrap(), text("param"), text("code"))
}

/// As [`refused`], where the request is at fault: parameter and code.
pub(crate) fn refused_request(answer: &Answer) -> (String, String) {
    let (status, kind, param, code) = refused(answer);
    assert_eq!((status, kind.as_str()), (400, "invalid_request_error"), "{}", answer.text());
    (param.unwrap_or_default(), code.unwrap_or_default())
}

/// A tiny model under the name of one of the catalogue.
fn install(directory: &Path) {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/fixtures/peft_parity/model");
    std::fs::create_dir_all(directory).unwrap();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(model).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let size = std::fs::copy(entry.path(), directory.join(&name)).unwrap();
        files.push(InstalledFile { name, size, sha256: String::new() });
    }
    let manifest = Manifest {
        name: BASE.to_owned(),
        source: "a test".to_owned(),
        pulled_at: "2026-11-23T12:00:00+00:00".to_owned(),
        accepted_terms: None,
        files,
    };
    std::fs::write(directory.join("model.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
}

fn origin() -> Origin {
    Origin { address: [127, 0, 0, 1].into(), user_agent: "a test".to_owned(), request_id: None }
}

async fn administrator(accounts: &Accounts) -> Caller {
    let token = accounts.open_set_up().await.unwrap().unwrap();
    let first = FirstAdministrator {
        token: token.expose().to_owned(),
        name: "carol".to_owned(),
        display_name: "Carol".to_owned(),
        password: Password::new(PASSWORD),
    };
    let logged_in = accounts.set_up(first, &origin()).await.unwrap();
    accounts.authenticate_session(logged_in.secret.expose()).await.unwrap()
}

async fn person(accounts: &Accounts, administrator: &Caller, name: &str, role: Role) -> Caller {
    let new = NewUser { name: name.to_owned(), display_name: name.to_uppercase(), role };
    let invitation = accounts.create_user(administrator, new, &origin()).await.unwrap();
    let acceptance = Acceptance {
        name: name.to_owned(),
        code: invitation.code.expose().to_owned(),
        password: Password::new(PASSWORD),
    };
    let logged_in = accounts.accept_invitation(acceptance, &origin()).await.unwrap();
    accounts.authenticate_session(logged_in.secret.expose()).await.unwrap()
}

async fn token(accounts: &Accounts, caller: &Caller, scope: Scope) -> String {
    let new = NewApiToken { name: format!("a {scope} token"), scope, expires_at: None };
    accounts.make_api_token(caller, new, &origin()).await.unwrap().token.expose().to_owned()
}
