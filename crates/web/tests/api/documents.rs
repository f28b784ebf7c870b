//! Documents: sent in two ways, read, had read again, kept within bounds, deleted (SECURITY 29, 32, 35, 37, 38).

use gradus_app::store::blob_records;
use gradus_app::store::documents::{self, Reading};
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{DocumentId, DocumentStep, Id as _};
use serde_json::json;

use crate::asking::Ask;
use crate::each_database;
use crate::server::{MOST_DOCUMENTS, MOST_UPLOAD_BYTES, Server};
use crate::things::{id, uuid};

each_database!(
    a_document_is_sent_in_a_form_and_downloaded_as_it_was,
    a_document_is_sent_as_the_body,
    a_part_of_a_document_is_downloaded,
    hostile_names_stay_names,
    what_is_said_about_a_file_is_checked,
    a_file_over_the_limit_leaves_nothing,
    one_document_too_many_is_refused_and_says_why,
    the_text_is_there_once_a_worker_has_read_it,
    a_text_is_given_as_it_is_read,
    a_rejected_document_says_why_and_is_read_again,
    what_is_not_read_is_not_read_again,
    a_document_that_is_used_is_not_deleted,
    conversations_that_cannot_be_learnt_from_are_told_by_line_and_not_kept,
);

fn spooled(server: &Server) -> usize {
    let spool = server.directory.path().join("files/spool");
    let own = std::fs::read_dir(spool).unwrap();
    let files = own.flat_map(|own| std::fs::read_dir(own.unwrap().path()).unwrap());
    files.filter(|file| file.as_ref().unwrap().file_name() != "lock").count()
}

async fn a_document_is_sent_in_a_form_and_downloaded_as_it_was(server: &Server) {
    let alice = server.people.alice();
    let file: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    let fields = [("purpose", "guide"), ("metadata", "{\"class\": \"7b\"}"), ("hours", "24")];
    let made = server.ask(server.upload(alice, &file, "guide.docx", &fields)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let document = made.json();
    assert_eq!(document["name"], "guide.docx");
    assert_eq!((document["purpose"].as_str(), document["state"].as_str()), (Some("guide"), Some("uploaded")));
    assert_eq!(document["metadata"], json!({ "class": "7b" }));
    assert_eq!(document["blake3"], blake3::hash(&file).to_hex().to_string());
    assert!(document["expires_at"].is_string());
    let location = made.header("location").unwrap();
    assert_eq!(location, format!("/api/v1/documents/{}", id(&document)));
    assert_eq!(server.ok(alice.get(&location)).await, document);

    let content = server.ask(alice.get(&format!("{location}/content"))).await;
    assert_eq!(content.body, file);
    assert_eq!(content.header("content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(content.header("x-content-type-options").as_deref(), Some("nosniff"));
    assert!(
        content.header("content-disposition").unwrap().starts_with("attachment; filename=\"guide.docx\"")
    );
    assert!(content.header("content-security-policy").unwrap().starts_with("sandbox;"));
    assert_eq!(content.header("cache-control").as_deref(), Some("no-store"));

    let listed = server.ok(alice.get("/api/v1/documents?purpose=guide")).await;
    assert_eq!(listed["items"], json!([document]));
    assert_eq!(server.ok(alice.get("/api/v1/documents?purpose=papers")).await["items"], json!([]));
    server.ok(alice.delete(&location)).await;
    assert_eq!(server.refusal(alice.get(&location)).await, (404, "not_found".to_owned()));
    assert_eq!(spooled(server), 0);
}

async fn a_part_of_a_document_is_downloaded(server: &Server) {
    let alice = server.people.alice();
    let document = server.ok(server.upload(alice, b"0123456789", "a.csv", &[("purpose", "answers")])).await;
    let content = format!("/api/v1/documents/{}/content", id(&document));
    let whole = server.ask(alice.get(&content)).await;
    let (tag, ranges) = (whole.header("etag").unwrap(), whole.header("accept-ranges"));
    assert_eq!((whole.status, whole.text().as_str(), ranges.as_deref()), (200, "0123456789", Some("bytes")));
    let part = async |range: &str| server.ask(alice.get(&content).header("range", range)).await;
    let some = part("bytes=3-5").await;
    let said = some.header("content-range");
    assert_eq!((some.status, some.text().as_str(), said.as_deref()), (206, "345", Some("bytes 3-5/10")));
    assert_eq!(part("bytes=-2").await.text(), "89");
    assert_eq!(part("bytes=8-100").await.text(), "89");
    assert_eq!(part("bytes=0-1,3-4").await.text(), "0123456789");
    let beyond = part("bytes=10-").await;
    assert_eq!((beyond.status, beyond.code().as_str()), (416, "range_not_satisfiable"));
    let on = |known: &str| alice.get(&content).header("range", "bytes=4-").header("if-range", known);
    assert_eq!(server.ask(on(&tag)).await.text(), "456789");
    assert_eq!(server.ask(on("\"other\"")).await.status, 200);
}

async fn a_document_is_sent_as_the_body(server: &Server) {
    let alice = server.people.alice();
    let raw = |path: &str| {
        alice.post(path).header("content-type", "application/octet-stream").body("question,answer")
    };
    let made = server.ok(raw("/api/v1/documents?name=answers.csv&purpose=answers")).await;
    assert_eq!((made["name"].as_str(), made["state"].as_str()), (Some("answers.csv"), Some("ready")));
    assert_eq!(made["bytes"], 15);
    assert_eq!(server.refusal(raw("/api/v1/documents?name=answers.csv")).await, (422, "invalid".to_owned()));
    assert_eq!(server.refusal(raw("/api/v1/documents?name=a&purpose=Not+a+word")).await.0, 422);
    // No body is no file, and what a form says, the address does not.
    let none = alice.post("/api/v1/documents?name=a&purpose=answers");
    assert_eq!(server.refusal(none).await, (415, "unsupported_media_type".to_owned()));
    let (kind, form) = crate::asking::form_with_file(b"x", "a.txt");
    let both = alice.post("/api/v1/documents?purpose=answers").header("content-type", &kind).body(form);
    assert_eq!(server.refusal(both).await, (422, "invalid".to_owned()));
    assert_eq!(spooled(server), 0);
}

async fn hostile_names_stay_names(server: &Server) {
    let alice = server.people.alice();
    let long = "ä".repeat(100);
    for (name, shown) in [
        ("../../x.txt", "x.txt"),
        ("../../../../../../tmp/zipslip-was-here.txt", "zipslip-was-here.txt"),
        ("C:\\x", "x"),
        ("-rf", "-rf"),
        ("CON", "CON"),
        ("exam\u{202e}fdp.exe", "examfdp.exe"),
        ("a; filename=b.html", "a; filename=b.html"),
        ("a\tb", "ab"),
        (&long, &long),
    ] {
        let made = server.ok(server.upload(alice, b"x", name, &[("purpose", "answers")])).await;
        assert_eq!(made["name"], shown, "{name}");
        let content = server.ask(alice.get(&format!("/api/v1/documents/{}/content", id(&made)))).await;
        let said = content.header("content-disposition").unwrap();
        assert!(said.starts_with("attachment; filename=\"") && !said.contains(".."), "{said}");
        assert_eq!(said.matches('"').count(), 2, "{said}");
        assert!(!said.chars().any(char::is_control), "{said}");
    }
    assert!(!std::path::Path::new("/tmp/zipslip-was-here.txt").exists());
    let script =
        server.upload(alice, b"<script>", "<script>alert(1)</script>.html", &[("purpose", "answers")]);
    let answer = server.ask(script).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
}

async fn what_is_said_about_a_file_is_checked(server: &Server) {
    let alice = server.people.alice();
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[], "body.purpose"),
        (&[("purpose", "Guide!")], "body.purpose"),
        (&[("purpose", "giude")], "body.purpose"),
        (&[("purpose", "fine-tune")], "body.purpose"),
        (&[("purpose", "guide"), ("metadata", "[]")], "body.metadata"),
        (&[("purpose", "guide"), ("hours", "0")], "body.hours"),
        (&[("purpose", "guide"), ("owner_id", "7")], "body.owner_id"),
        (&[("purpose", "guide"), ("metadata", "{\"a\": \"\\u0000\"}")], "body.metadata"),
    ];
    for (fields, field) in cases {
        let answer = server.ask(server.upload(alice, b"x", "a.txt", fields)).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["field"].as_str()), (422, Some(field)));
    }
    assert_eq!((server.count(alice, "/api/v1/documents").await, spooled(server)), (0, 0));
}

async fn a_file_over_the_limit_leaves_nothing(server: &Server) {
    let alice = server.people.alice();
    let most = usize::try_from(MOST_UPLOAD_BYTES).unwrap();
    let upload = |bytes: usize| server.upload(alice, &vec![b'x'; bytes], "a", &[("purpose", "answers")]);
    assert_eq!(server.ask(upload(most)).await.status, 201);
    assert_eq!(server.refusal(upload(most + 1)).await, (413, "too_large".to_owned()));
    // Far too long, as its head says: refused before it is sent.
    let mut connection = server.connect().await;
    let head = format!(
        "POST /api/v1/documents?name=a&purpose=answers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        alice.token,
        10 * most
    );
    connection.send(head).await;
    assert_eq!(connection.answer().await.status, 413);
    assert_eq!((server.count(alice, "/api/v1/documents").await, spooled(server)), (1, 0));
}

async fn one_document_too_many_is_refused_and_says_why(server: &Server) {
    let alice = server.people.alice();
    for number in 0..MOST_DOCUMENTS {
        let body = number.to_string();
        let raw = alice.post("/api/v1/documents?name=a&purpose=answers").body(body);
        server.ok(raw.header("content-type", "application/octet-stream")).await;
    }
    let raw = alice.post("/api/v1/documents?name=a&purpose=answers").body("one more");
    let answer = server.ask(raw.header("content-type", "application/octet-stream")).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "quota_documents"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("delete some"), "{}", answer.text());
    server.document(server.people.bob(), "answers").await;
}

/// Stores what a worker read in a document.
async fn accept(server: &Server, document: &str, text: Vec<u8>) {
    let text = server.state.services.archive.keep_bytes(text).await.unwrap();
    let row = DocumentId::from_uuid(uuid(document));
    server
        .write(move |change| async move {
            documents::step(&change, row, DocumentStep::Extract).await?;
            let text_hash = text.hash.to_string();
            blob_records::settle(&change, &text_hash).await?;
            let reading = Reading {
                format: "txt".to_owned(),
                pages: None,
                quality: Some(0.9),
                text_hash,
                findings: json!({ "warnings": [] }),
            };
            documents::accept(&change, row, reading).await
        })
        .await;
}

async fn a_text_is_given_as_it_is_read(server: &Server) {
    let alice = server.people.alice();
    let document = server.document(alice, "guide").await;
    let text = vec![b' '; 3 << 20];
    let hash = blake3::hash(&text).to_hex().to_string();
    accept(server, &document, text).await;
    let stored = find(&server.directory.path().join("files"), &hash);
    let mut damaged = std::fs::read(&stored).unwrap();
    *damaged.last_mut().unwrap() = b'x';
    std::fs::write(&stored, damaged).unwrap();
    // Damage at its end shows when the beginning is sent: nobody held the whole in memory to find it.
    let mut connection = server.connect().await;
    connection.send(alice.get(&format!("/api/v1/documents/{document}/text")).bytes(false)).await;
    let head = connection.head().await;
    assert_eq!((head.status, head.header("content-length").as_deref()), (200, Some("3145728")));
}

/// The file below a directory whose name has, or whose directories' names have, the digits of a hash.
fn find(directory: &std::path::Path, hash: &str) -> std::path::PathBuf {
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().contains(&hash[8..]) {
                return path;
            }
        }
    }
    panic!("no file has the bytes of {hash}");
}

async fn the_text_is_there_once_a_worker_has_read_it(server: &Server) {
    let alice = server.people.alice();
    let document = server.document(alice, "guide").await;
    let path = format!("/api/v1/documents/{document}/text");
    assert_eq!(server.refusal(alice.get(&path)).await, (404, "not_found".to_owned()));
    accept(server, &document, b"{\"extraction\":{}}".to_vec()).await;
    assert_eq!(server.ok(alice.get(&path)).await, json!({ "extraction": {} }));
    let shown = server.ok(alice.get(&format!("/api/v1/documents/{document}"))).await;
    assert_eq!((shown["state"].as_str(), shown["quality"].as_f64()), (Some("ready"), Some(0.9)));
    let again = server.ok(alice.post(&format!("/api/v1/documents/{document}/retry"))).await;
    assert_eq!(again["state"], "uploaded");
    let twice = server.refusal(alice.post(&format!("/api/v1/documents/{document}/retry"))).await;
    assert_eq!(twice, (409, "not_now".to_owned()));
}

async fn a_rejected_document_says_why_and_is_read_again(server: &Server) {
    let alice = server.people.alice();
    let document = server.document(alice, "papers").await;
    let row = DocumentId::from_uuid(uuid(&document));
    let reject = |category| Failure {
        category,
        severity: Severity::Error,
        is_transient: false,
        message: "page 3 of /var/lib/gradus/x.pdf cannot be read".to_owned(),
    };
    let failure = reject(Category::Input);
    server.write(move |change| async move { documents::reject(&change, row, failure).await }).await;
    let path = format!("/api/v1/documents/{document}");
    let shown = server.ok(alice.get(&path)).await;
    assert_eq!(
        (shown["state"].as_str(), shown["failure"]["category"].as_str()),
        (Some("rejected"), Some("input"))
    );
    assert!(shown["failure"]["message"].as_str().unwrap().starts_with("page 3"));
    server.ok(alice.post(&format!("{path}/retry"))).await;
    let failure = reject(Category::Storage);
    server.write(move |change| async move { documents::reject(&change, row, failure).await }).await;
    let shown = server.ask(alice.get(&path)).await;
    assert!(!shown.text().contains("/var/lib"), "{}", shown.text());
}

async fn what_is_not_read_is_not_read_again(server: &Server) {
    let alice = server.people.alice();
    let document = server.document(alice, "answers").await;
    let again = server.ask(alice.post(&format!("/api/v1/documents/{document}/retry"))).await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("has the purpose `answers`: such files are not read"), "{}", again.text());
}

async fn a_document_that_is_used_is_not_deleted(server: &Server) {
    let alice = server.people.alice();
    let (dataset, _) = server.dataset(alice).await;
    let guide = server.ok(alice.get("/api/v1/documents?purpose=guide")).await;
    let path = format!("/api/v1/documents/{}", id(&guide["items"][0]));
    assert_eq!(server.refusal(alice.delete(&path)).await, (409, "in_use".to_owned()));
    server.ok(alice.delete(&format!("/api/v1/datasets/{dataset}"))).await;
    server.ok(alice.with_token(Ask::new("DELETE", &path))).await;
}

async fn conversations_that_cannot_be_learnt_from_are_told_by_line_and_not_kept(server: &Server) {
    let alice = server.people.alice();
    let good = json!({ "messages": [
        { "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hello" },
    ] });
    let file = format!("{good}\nnot json\n{{\"prompt\": 1}}\n");
    let fields = [("purpose", "conversations")];
    let refused = server.ask(server.upload(alice, file.as_bytes(), "train.jsonl", &fields)).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let errors = refused.json()["errors"].clone();
    let said = |place: usize| errors[place]["message"].as_str().unwrap().to_owned();
    assert_eq!(errors[0]["field"], "body.file");
    assert!(said(0).contains("line 2: bad JSON") && said(1).contains("line 3"), "{errors}");
    assert_eq!((server.count(alice, "/api/v1/documents").await, spooled(server)), (0, 0));
    server.ok(server.upload(alice, good.to_string().as_bytes(), "train.jsonl", &fields)).await;
}
