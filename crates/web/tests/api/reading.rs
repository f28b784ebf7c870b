//! Looking at things changes nothing (SECURITY 20): whatever is asked with GET or HEAD, the database and the files stay as
//! they are.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_web::routes::RouteFacts;
use http::Method;

use crate::asking::Ask;
use crate::each_database;
use crate::matrix::Things;
use crate::server::Server;

each_database!(whatever_is_looked_at_stays_as_it_is);

/// Every row of every table that lasts.
async fn rows(server: &Server) -> BTreeMap<&'static str, Vec<String>> {
    let snapshot = server.state.services.store.snapshot().await.unwrap();
    let mut rows = BTreeMap::new();
    for table in gradus_app::store::backup::table_names() {
        let mut lines = Vec::new();
        let mut keep = |line: &str| -> Result<(), std::convert::Infallible> {
            lines.push(line.to_owned());
            Ok(())
        };
        let Ok(_) = snapshot.read(table, &mut keep).await.unwrap();
        rows.insert(table, lines);
    }
    rows
}

/// Every file under a directory, with its length.
fn files(directory: &Path) -> BTreeMap<std::path::PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), entry.metadata().unwrap().len());
        }
    }
    found
}

async fn whatever_is_looked_at_stays_as_it_is(server: &Server) {
    let things = Things::of_alice(server).await;
    let people = [server.people.carol(), server.people.alice()];
    let before = (rows(server).await, files(server.directory.path()));
    assert!(before.0.values().filter(|rows| !rows.is_empty()).count() > 10, "{:?}", before.0);
    let mut looked = 0;
    for route in server.routes.iter().filter(|route| route.method == Method::GET) {
        for person in people {
            // Whoever is denied something leaves a line in the audit log.
            let has_role = route.access.least_role().is_none_or(|least| person.caller.role.includes(least));
            if !has_role {
                continue;
            }
            let mut connection = server.connect().await;
            connection.send(person.in_session(things.ask(route)).bytes(false)).await;
            let status = connection.head().await.status;
            assert!(status < 500, "{}: {status}", route.path);
            let head = things.ask(&RouteFacts { method: Method::HEAD, ..route.clone() });
            let mut connection = server.connect().await;
            connection.send(person.in_session(head).bytes(false)).await;
            assert_eq!(connection.head().await.status, status, "HEAD {}", route.path);
            looked += 1;
        }
    }
    assert!(looked > 2 * 35, "only {looked}");
    server.ask(Ask::new("OPTIONS", "/api/v1/documents")).await;
    let after = (rows(server).await, files(server.directory.path()));
    for (table, rows) in &before.0 {
        let mut now = after.0[table].clone();
        if *table == "audit_event" {
            // Who took away models and reports is noted there, and nothing else is.
            now.retain(|row| !["download-model", "read-report"].iter().any(|action| row.contains(action)));
        }
        assert_eq!(rows, &now, "{table}");
    }
    assert_eq!(before.1, after.1);
}
