//! A backup of a server at work, restored into the other database and back: the same rows, the same files, and everything
//! goes on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gradus_app::accounts::{
    AccountSettings, Accounts, FirstAdministrator, Login, NewApiToken, Origin, Password,
};
use gradus_app::domain::{Scope, State, SystemClock, TrainingJobId, TrainingJobState, UserId};
use gradus_app::store::{Store, Whose, users};
use gradus_testkit::Kind;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::asking::Ask;
use crate::gradus::Ran;
use crate::rows::{column, files, rows};
use crate::served::{Served, command};
use crate::server::answer;
use crate::site::Site;

const PASSWORD: &str = "seven green kettles whistle";

/// What an administrator holds in the hand.
#[derive(Default)]
struct Secrets {
    session: String,
    token: String,
}

fn origin() -> Origin {
    Origin { address: [127, 0, 0, 1].into(), user_agent: "a test".to_owned(), request_id: None }
}

fn accounts(store: &Store) -> Accounts {
    Accounts::new(store.clone(), Arc::new(SystemClock), AccountSettings::default()).unwrap()
}

/// Sets the server up, logs in and makes an API token.
async fn set_up(store: &Store, secrets: &mut Secrets) -> UserId {
    let accounts = accounts(store);
    let first = FirstAdministrator {
        token: accounts.open_set_up().await.unwrap().unwrap().expose().to_owned(),
        name: "carol".to_owned(),
        display_name: "Carol".to_owned(),
        password: Password::new(PASSWORD),
    };
    let logged_in = accounts.set_up(first, &origin()).await.unwrap();
    secrets.session = logged_in.secret.expose().to_owned();
    let caller = accounts.authenticate_session(&secrets.session).await.unwrap();
    let new = NewApiToken { name: "a test".to_owned(), scope: Scope::Write, expires_at: None };
    secrets.token = accounts.make_api_token(&caller, new, &origin()).await.unwrap().token.expose().to_owned();
    caller.user
}

async fn carol(store: &Store) -> UserId {
    users::find_by_name(&store.reader(), "carol").await.unwrap().unwrap().id.0
}

/// Uploads one document after the other until it is told to stop; which were acknowledged.
fn keep_uploading(address: &str, token: &str, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    let (address, token, stop) = (address.to_owned(), token.to_owned(), stop.clone());
    tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        while !stop.load(Ordering::Acquire) {
            let number = acknowledged.len();
            let path = format!("/api/v1/documents?name=note-{number}.txt&purpose=answers");
            let body = format!("note {number} {}", "and more ".repeat(number * 50));
            let upload = Ask::post(&path).header("content-type", "application/octet-stream").body(body);
            let answered = answer(&address, upload.bearer(&token)).await;
            assert_eq!(answered.status, 201, "{}", answered.text());
            acknowledged.push(answered.json()["id"].as_str().unwrap().to_owned());
        }
        acknowledged
    })
}

fn back_up(site: &Site, to: &str) {
    let arguments = format!("backup {to}");
    let ran = Ran::of(&arguments, command(site, &arguments).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("Backed up: "), "{ran:?}");
}

/// A new place into which a backup was restored.
async fn restored(from: &Path, kind: Kind) -> Site {
    let (place, database) = Site::nothing(kind).await.unwrap();
    let arguments = format!("restore {}", from.display());
    let mut command = place.command(&arguments);
    let ran = command.env("GRADUS_DATABASE_LOCATION", database.address()).output().unwrap();
    let ran = Ran::of(&arguments, ran);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Site::opened(place, database, carol).await
}

/// Waits until a job computes, and uploads go through; takes the backup; which documents have to be in it.
async fn back_up_at_work(site: &Site, server: &Served, token: &str) -> (TrainingJobId, Vec<String>) {
    let version = site.dataset().await;
    let trained = site.train(version, 2).await;
    site.until_job(trained, |job| job.state.0.is_final()).await;
    let training = site.train(version, 2000).await;
    site.until_job(training, |job| job.state.0 == TrainingJobState::Training && job.step > 4).await;
    let stop = Arc::new(AtomicBool::new(false));
    let uploading = keep_uploading(&server.address, token, &stop);
    let uploaded = async || {
        let list = Ask::get("/api/v1/documents?limit=100").bearer(token);
        let page = answer(&server.address, list).await.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
        items.into_iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before =
        site.until("some uploads", async || Some(uploaded().await).filter(|ids| ids.len() > 5)).await;
    tokio::task::block_in_place(|| back_up(site, "one"));
    stop.store(true, Ordering::Release);
    let acknowledged = uploading.await.unwrap();
    assert!(acknowledged.len() + 2 > before.len(), "nothing was uploaded meanwhile");
    assert!(!site.job(training).await.state.0.is_final(), "the run was over before the backup");
    (training, before)
}

/// The token works, the login does not, the password does.
async fn accounts_are_as_documented(site: &Site, server: &Served, secrets: &Secrets) {
    let me = Ask::get("/api/v1/me").bearer(&secrets.token);
    assert_eq!(answer(&server.address, me).await.status, 200);
    let accounts = accounts(&site.services.store);
    assert!(accounts.authenticate_session(&secrets.session).await.is_err(), "an old login still holds");
    let login = Login { name: "carol".to_owned(), password: Password::new(PASSWORD), previous_session: None };
    accounts.log_in(login, &origin()).await.unwrap();
}

async fn a_backup_of_a_server_at_work_is_restored_into_the_other_database_and_back(from: Kind, to: Kind) {
    let mut secrets = Secrets::default();
    let Some(site) = Site::owned(from, async |store| set_up(store, &mut secrets).await).await else { return };
    let Some((_, nothing)) = Site::nothing(to).await else { return };
    nothing.remove().await;
    let server = Served::start(&site);
    let (training, uploaded) = back_up_at_work(&site, &server, &secrets.token).await;
    server.end(&site).await;

    // There and back again, each time with the same rows and the same files.
    let one = site.place.path("one");
    let (first_rows, first_blobs) = (rows(&one), files(&one.join("blobs")));
    let documents = column(&first_rows, "document", "id");
    assert!(uploaded.iter().all(|id| documents.contains(&id.as_str())), "an acknowledged upload is missing");
    assert!(!column(&first_rows, "setting", "name").iter().any(|name| name.starts_with("backup-")));
    assert!(!first_rows.contains_key("session"), "logins are none of it");
    let there = restored(&one, to).await;
    back_up(&there, "two");
    let two = there.place.path("two");
    assert_eq!(rows(&two), first_rows);
    assert_eq!(files(&two.join("blobs")), first_blobs);
    let back = restored(&two, from).await;
    back_up(&back, "three");
    assert_eq!(rows(&back.place.path("three")), first_rows);
    assert_eq!(files(&back.place.path("three/blobs")), first_blobs);
    back.remove().await;

    everything_goes_on(&there, training, &secrets).await;
    there.remove().await;
    site.remove().await;
}

async fn everything_goes_on(site: &Site, training: TrainingJobId, secrets: &Secrets) {
    let server = Served::start(site);
    accounts_are_as_documented(site, &server, secrets).await;
    // The model that was trained before answers.
    let list = Ask::get("/v1/models").bearer(&secrets.token);
    let models = answer(&server.address, list).await.json();
    let models = models["data"].as_array().unwrap().iter().filter_map(|model| model["id"].as_str());
    let model = models.into_iter().find(|name| name.starts_with("ft:")).unwrap().to_owned();
    let question =
        json!({ "model": model, "max_tokens": 5, "messages": [{ "role": "user", "content": "Leaves?" }] });
    let question = Ask::post("/v1/chat/completions").json(&question).bearer(&secrets.token);
    let answered = answer(&server.address, question).await;
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert!(answered.json()["usage"]["completion_tokens"].as_u64().unwrap() > 0, "{}", answered.text());
    // So does the run that was under way.
    let job = site.job(training).await;
    site.until_job(training, |now| now.state.0 == TrainingJobState::Training && now.step > job.step).await;
    let events = site.services.training_events(Whose::Anyones, training, 0, 100_000).await.unwrap();
    assert!(events.iter().any(|event| event.message.contains("from step")), "it began anew");
    server.end(site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_at_work_is_restored_from_sqlite_into_postgresql_and_back() {
    a_backup_of_a_server_at_work_is_restored_into_the_other_database_and_back(Kind::Sqlite, Kind::Postgres)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_server_at_work_is_restored_from_postgresql_into_sqlite_and_back() {
    a_backup_of_a_server_at_work_is_restored_into_the_other_database_and_back(Kind::Postgres, Kind::Sqlite)
        .await;
}
