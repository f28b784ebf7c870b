//! Downloads over HTTP.

use crate::fixture::{Data, FILE, NAME, Witness, content, entry, hub, sha256};
use crate::server::{Answer, Server};
use gradus_app::models::{ModelsError, Stage};

const TAG: Option<&str> = Some("\"v1\"");

#[test]
fn a_download_is_verified_and_installed_with_its_origin() {
    let server = Server::answering(vec![Answer::File { content: content(), etag: TAG }]);
    let data = Data::new();
    let mut progress = Witness::default();
    let model = data.pull_watched(&entry(vec![hub(&server.endpoint)]), &mut progress).unwrap();

    assert!(server.next_request().starts_with("get /someone/tiny/resolve/main/tiny.gguf "));
    assert_eq!(std::fs::read(model.path()).unwrap(), content());
    assert_eq!(model.manifest.files[0].sha256, sha256(&content()));
    assert_eq!(model.manifest.pulled_at, "2026-11-18T11:06:40+00:00");
    assert!(model.manifest.source.contains("someone/tiny"));
    assert_eq!(data.left(), ["tiny/", "tiny/model.json", "tiny/tiny.gguf"]);
    let size = content().len() as u64;
    assert_eq!(progress.last, [(Stage::Downloading, size, Some(size)), (Stage::Verifying, size, Some(size))]);
}

#[test]
fn an_installed_model_is_not_fetched_again() {
    let server = Server::answering(vec![Answer::File { content: content(), etag: TAG }]);
    let data = Data::new();
    let entry = entry(vec![hub(&server.endpoint)]);
    let first = data.pull(&entry).unwrap();
    // The server answers only once.
    assert_eq!(data.pull(&entry).unwrap(), first);
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let content = content();
    let half = content.len() / 2;
    let server = Server::answering(vec![
        Answer::Cut { content: content.clone(), etag: TAG, after: half },
        Answer::File { content: content.clone(), etag: TAG },
    ]);
    let data = Data::new();
    let entry = entry(vec![hub(&server.endpoint)]);
    let message = data.pull(&entry).unwrap_err().to_string();
    assert!(message.contains(&format!("stopped after {half} of {} bytes", content.len())), "{message}");
    assert!(data.store.show(NAME).is_none());
    server.next_request();

    let mut progress = Witness::default();
    let model = data.pull_watched(&entry, &mut progress).unwrap();
    assert!(server.next_request().contains(&format!("range: bytes={half}-")));
    assert!(progress.first[0].1 > half as u64, "progress goes on too: {:?}", progress.first);
    assert_eq!(std::fs::read(model.path()).unwrap(), content);
    assert_eq!(data.left(), ["tiny/", "tiny/model.json", "tiny/tiny.gguf"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_the_beginning() {
    let content = content();
    let server = Server::answering(vec![
        Answer::Cut { content: vec![7; content.len()], etag: Some("\"v0\""), after: 5000 },
        Answer::File { content: content.clone(), etag: TAG },
    ]);
    let data = Data::new();
    let entry = entry(vec![hub(&server.endpoint)]);
    data.pull(&entry).unwrap_err();
    assert_eq!(std::fs::read(data.pull(&entry).unwrap().path()).unwrap(), content);
}

#[test]
fn without_a_version_tag_a_cut_download_starts_over() {
    let content = content();
    let server = Server::answering(vec![
        Answer::Cut { content: content.clone(), etag: None, after: 5000 },
        Answer::File { content: content.clone(), etag: None },
    ]);
    let data = Data::new();
    let entry = entry(vec![hub(&server.endpoint)]);
    data.pull(&entry).unwrap_err();
    server.next_request();
    data.pull(&entry).unwrap();
    assert!(!server.next_request().contains("range:"));
}

#[test]
fn other_bytes_than_the_catalogue_names_are_refused_and_removed() {
    let mut wrong = content();
    wrong[100] ^= 1;
    let server = Server::answering(vec![Answer::File { content: wrong.clone(), etag: TAG }]);
    let data = Data::new();
    let message = data.pull(&entry(vec![hub(&server.endpoint)])).unwrap_err().to_string();
    assert!(message.contains(&sha256(&content())) && message.contains(&sha256(&wrong)), "{message}");
    assert_eq!(data.left(), [""; 0]);
}

#[test]
fn a_server_that_sends_too_much_or_too_little_is_refused() {
    let mut long = content();
    long.extend([0; 1000]);
    let server = Server::answering(vec![
        Answer::File { content: long, etag: TAG },
        Answer::File { content: b"<html>Please sign in</html>".to_vec(), etag: None },
    ]);
    let data = Data::new();
    let entry = entry(vec![hub(&server.endpoint)]);
    assert!(data.pull(&entry).unwrap_err().to_string().contains("more than the 2800000 bytes"));
    assert!(data.pull(&entry).unwrap_err().to_string().contains("should have 2800000 bytes but has 27"));
}

#[test]
fn the_next_source_is_tried_and_every_failure_is_told() {
    let refusing = Server::answering(vec![Answer::Status(404)]);
    let locked = Server::answering(vec![Answer::Status(401)]);
    let busy = Server::answering(vec![Answer::Status(503)]);
    let good = Server::answering(vec![Answer::File { content: content(), etag: TAG }]);
    let closed = "http://127.0.0.1:1";
    let sources = || {
        vec![
            hub(&refusing.endpoint),
            hub(&locked.endpoint),
            hub(&busy.endpoint),
            hub(closed),
            hub(&good.endpoint),
        ]
    };
    let mut progress = Witness::default();
    Data::new().pull_watched(&entry(sources()), &mut progress).unwrap();
    let told = progress.failed;
    assert_eq!(told.len(), 4);
    for (told, reason) in told.iter().zip(["HTTP 404", "wants a login", "HTTP 503", "no connection"]) {
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn when_nothing_works_all_reasons_and_a_way_out_are_in_one_error() {
    let data = Data::new();
    let error = data.pull(&entry(vec![hub("http://127.0.0.1:1"), hub("http://127.0.0.1:2")])).unwrap_err();
    let ModelsError::AllSourcesFailed { failures, .. } = &error else { panic!("{error}") };
    assert_eq!(failures.len(), 2);
    let message = error.to_string();
    for part in
        ["127.0.0.1:1/someone/tiny: no connection", "127.0.0.1:2", FILE, "What to do: check the network"]
    {
        assert!(message.contains(part), "{message}");
    }
    assert!(error.is_transient());
    assert_eq!(data.left(), [""; 0]);
}
