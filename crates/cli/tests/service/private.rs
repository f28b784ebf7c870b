//! What a server makes is its own: no other user of the machine can read it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gradus_testkit::Kind;

use crate::asking::Ask;
use crate::server::Server;

/// Those that others may read, write or enter, among `path` and all below it.
fn open_to_others(path: &Path) -> Vec<String> {
    let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let own = (mode & 0o077 != 0).then(|| format!("{} {mode:o}", path.display()));
    let below = std::fs::read_dir(path).into_iter().flatten();
    below.flat_map(|entry| open_to_others(&entry.unwrap().path())).chain(own).collect()
}

#[tokio::test]
async fn what_a_server_makes_others_cannot_read() {
    let server = Server::start(Kind::Sqlite).await.unwrap();
    let upload = Ask::post("/api/v1/documents?name=marks.csv&purpose=answers").body("student,mark\nada,2\n");
    let upload = upload.header("content-type", "application/octet-stream").bearer(&server.token().await);
    let answer = server.ask(upload).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let database = server.database_directory().join("gradus.db");
    let blobs = server.machine.place.path("data/blobs");
    let open: Vec<_> = [database, blobs].iter().flat_map(|place| open_to_others(place)).collect();
    assert!(open.is_empty(), "{open:?}");
    server.end().await;
}
