//! The log of a server and its workers, as programs read it: one object a line, with what runs where, what was worked on,
//! and the end.

use gradus_app::domain::{DocumentState, Id};
use gradus_app::store::Whose;
use gradus_testkit::{Kind, on_each_database};
use serde_json::Value;

use crate::served::{Served, log_of};
use crate::site::Site;

on_each_database!(the_log_for_programs_tells_the_start_the_work_and_the_end_in_objects);

async fn the_log_for_programs_tells_the_start_the_work_and_the_end_in_objects(kind: Kind) {
    let Some(site) = Site::new(kind).await else { return };
    let mut server = Served::start_with(&site, &[("GRADUS_LOG_FORMAT", "json")]);
    let good = site.upload("guide.md", "guide", crate::course::GUIDE.as_bytes()).await;
    site.until_read(good).await;
    let bad = site.upload("canary-in-a-name.pdf", "guide", b"canary, and no such thing as a PDF").await;
    site.until("a document to be rejected", async || {
        let document = site.services.document(Whose::Anyones, bad).await.unwrap();
        (document.state.0 == DocumentState::Rejected).then_some(())
    })
    .await;
    server.signal_all("-TERM");
    let (status, _) = server.ended().await;
    assert!(status.success(), "{status}: {}", log_of(&site));

    let log = log_of(&site);
    assert!(!log.contains("canary"), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let said =
        |message: &str| -> Vec<&Value> { lines.iter().filter(|line| line["message"] == message).collect() };
    let [start] = said("the server starts")[..] else { panic!("{log}") };
    assert_eq!(start["address"], server.address);
    for (name, part) in
        [("version", "."), ("database", ":"), ("files", "data/blobs"), ("data_directory", "data")]
    {
        assert!(start[name].as_str().is_some_and(|value| value.contains(part)), "{name}: {start}");
    }
    assert_eq!(said("stopping at the next safe place; a second signal ends at once").len(), 1, "{log}");
    assert!(!log.contains("already exists"), "{log}");

    for (document, end, level, outcome) in
        [(good, "work ended", "INFO", "done"), (bad, "work failed", "WARN", "failed")]
    {
        let document = document.uuid().to_string();
        let of_it = |message| {
            let of_it = |line: &&Value| line["subject"] == document && line["kind"] == "extract-document";
            said(message).into_iter().filter(of_it).collect::<Vec<_>>()
        };
        let ([begun], [ended]) = (&of_it("work begins")[..], &of_it(end)[..]) else { panic!("{log}") };
        assert_eq!((&begun["level"], &ended["level"]), (&"INFO".into(), &level.into()));
        assert_eq!((&begun["job"], &ended["outcome"]), (&ended["job"], &outcome.into()));
        assert!(ended["seconds"].is_f64(), "{ended}");
        assert_eq!(ended["reason"].is_string(), level == "WARN", "{ended}");
    }
    site.remove().await;
}
