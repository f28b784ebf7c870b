//! What is remembered of requests: lines in the log (SECURITY 41, 47) and metrics.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::asking::Ask;
use crate::people::{ALICE, CAROL};
use crate::running::Running;

/// Every event as one text, `name=value` for each of its fields and for those of the spans that it is in.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>, Arc<Mutex<Spans>>);

#[derive(Default)]
struct Spans {
    /// What each says; its id is its place, from 1.
    said: Vec<String>,
    entered: Vec<Id>,
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn requests(&self) -> Vec<String> {
        self.all().into_iter().filter(|line| line.starts_with("gradus::request ")).collect()
    }
}

struct Written(String);

impl Visit for Written {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

thread_local! {
    /// What the test of this thread keeps.
    static KEPT: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Hands what is logged to the lines that its thread keeps. One subscriber for all tests, from before the first: which
/// events are wanted at all is found out once for each, while others come and go in other threads.
struct ByThread;

/// Lets each test keep what its thread logs; called before anything is logged.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(ByThread).unwrap());
}

fn with_kept<T>(kept: impl FnOnce(&Lines) -> T) -> Option<T> {
    KEPT.with_borrow(|lines| lines.as_ref().map(kept))
}

impl Subscriber for ByThread {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut written = Written(String::new());
        span.record(&mut written);
        let place = with_kept(|lines| {
            let mut spans = lines.1.lock().unwrap();
            spans.said.push(written.0);
            spans.said.len() as u64
        });
        Id::from_u64(place.unwrap_or(u64::MAX))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut written = Written(format!("{} level={}", metadata.target(), metadata.level()));
        event.record(&mut written);
        with_kept(|lines| {
            let spans = lines.1.lock().unwrap();
            for span in &spans.entered {
                written.0.push_str(&spans.said[span.into_u64() as usize - 1]);
            }
            lines.0.lock().unwrap().push(written.0);
        });
    }

    fn enter(&self, span: &Id) {
        with_kept(|lines| lines.1.lock().unwrap().entered.push(span.clone()));
    }

    fn exit(&self, span: &Id) {
        with_kept(|lines| {
            let mut spans = lines.1.lock().unwrap();
            let place = spans.entered.iter().rposition(|entered| entered == span).unwrap();
            spans.entered.remove(place);
        });
    }
}

/// Ends the keeping of lines when it is dropped.
struct Keeping;

impl Drop for Keeping {
    fn drop(&mut self) {
        KEPT.take();
    }
}

/// A server whose log is kept. The runtime of a test has one thread, so all of it is in the lines.
async fn logged() -> (Running, Lines, Keeping) {
    let lines = Lines::default();
    KEPT.replace(Some(lines.clone()));
    (Running::start().await, lines, Keeping)
}

#[tokio::test]
async fn each_request_has_one_line_with_who_what_and_how() {
    let (server, lines, _guard) = logged().await;
    let id = "00000000-0000-0000-0000-000000000007";
    let answer = server.ask(Ask::get(&format!("/api/v1/notes/{id}?x=secretquery")).bearer(ALICE)).await;
    let requests = lines.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let line = &requests[0];
    for part in [
        format!("request_id={}", answer.header("x-request-id").unwrap()),
        "level=INFO".into(),
        "method=GET".into(),
        "path=\"/api/v1/notes/{id}\"".into(),
        "status=200".into(),
        "caller=00000000-0000-0000-0000-000000000001".into(),
        "address=127.0.0.1".into(),
        "duration_ms=".into(),
        "complete=true".into(),
        format!("sent_bytes={}", answer.body.len()),
    ] {
        assert!(line.contains(&part), "{part} in {line}");
    }
    assert!(!line.contains(id) && !line.contains("secretquery"), "{line}");
}

#[tokio::test]
async fn what_machines_ask_all_the_time_is_for_debugging_unless_it_fails() {
    let (server, lines, _guard) = logged().await;
    server.ask(Ask::get("/health/live")).await;
    server.ask(Ask::get("/metrics").bearer(CAROL)).await;
    server.ask(Ask::get("/metrics")).await;
    let requests = lines.requests();
    for (line, level) in requests.iter().zip(["DEBUG", "DEBUG", "INFO"]) {
        assert!(line.contains(&format!(" level={level} ")), "{line}");
    }
    assert_eq!(requests.len(), 3);
}

#[tokio::test]
async fn denied_requests_are_logged_with_their_address() {
    let (server, lines, _guard) = logged().await;
    server.ask(Ask::get("/api/v1/me")).await;
    server.ask(Ask::get("/api/v1/users").bearer(ALICE)).await;
    server.ask(Ask::get("/api/v1/nowhere")).await;
    let requests = lines.requests();
    assert!(requests[0].contains("status=401") && !requests[0].contains("caller="), "{requests:?}");
    assert!(requests[1].contains("status=403") && requests[1].contains("caller=00000000"), "{requests:?}");
    assert!(requests[2].contains("status=404") && requests[2].contains("path=\"unmatched\""), "{requests:?}");
    assert!(requests.iter().all(|line| line.contains("address=127.0.0.1")));
}

#[tokio::test]
async fn no_secret_and_no_line_of_a_clients_making_is_logged() {
    let (server, lines, _guard) = logged().await;
    let asks = [
        Ask::get("/api/v1/me?access_token=grd_in_query").bearer("grd_in_header").session("cookie-secret"),
        Ask::get("/api/v1/%0d%0agradus::request%20forged=1").header("user-agent", "agent-secret"),
        Ask::post("/api/v1/sessions")
            .json(&serde_json::json!({ "name": "a\r\nforged=1", "password": "body-secret" })),
        Ask::get("/api/v1/broken/panic").bearer(ALICE),
        Ask::get("/api/v1/broken/internal").bearer(ALICE),
        Ask::new("B\u{21}REW", "/").header("x-forwarded-for", "1.2.3.4"),
    ];
    for ask in asks {
        server.ask(ask).await;
    }
    let all = lines.all();
    for secret in ["grd_", "-secret", "forged", "1.2.3.4", "BREW", "B!REW"] {
        assert!(!all.iter().any(|line| line.contains(secret)), "{secret}: {all:#?}");
    }
    assert!(all.iter().all(|line| !line.contains(['\r', '\n'])), "{all:#?}");
    // What went wrong inside is there for whoever runs the server.
    assert!(all.iter().any(|line| line.contains("SELECT password")), "{all:#?}");
    assert!(all.iter().any(|line| line.contains("panicked")), "{all:#?}");
}

#[tokio::test]
async fn what_goes_wrong_in_a_request_is_logged_under_its_id() {
    let (server, lines, _guard) = logged().await;
    let id = |answer: crate::wire::Answer| answer.header("x-request-id").unwrap();
    let internal = id(server.ask(Ask::get("/api/v1/broken/internal").bearer(ALICE)).await);
    let panicked = id(server.ask(Ask::get("/api/v1/broken/panic").bearer(ALICE)).await);
    // A stream goes wrong after its answer has begun.
    server.demo.happened.send_replace((crate::demo::FAILS, false));
    let path = "/api/v1/jobs/00000000-0000-0000-0000-000000000001/events";
    let stream = id(server.ask(Ask::get(path).bearer(ALICE)).await);
    server.people.is_down.store(true, std::sync::atomic::Ordering::Relaxed);
    let unchecked = id(server.ask(Ask::get("/api/v1/me").bearer(ALICE)).await);
    let causes = [
        ("SELECT password", internal),
        ("panicked", panicked),
        ("a stream of events ended early", stream),
        ("credentials could not be checked", unchecked),
    ];
    for (cause, id) in causes {
        let lines = lines.all();
        let line =
            lines.iter().find(|line| line.contains(cause)).unwrap_or_else(|| panic!("{cause}: {lines:#?}"));
        assert!(line.contains(&format!("request_id={id}")), "{line}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_logged_too() {
    let (server, lines, _guard) = logged().await;
    let mut connection = server.connect().await;
    connection.send(Ask::get("/api/v1/slow").bytes(true)).await;
    server.demo.slow_began.notified().await;
    drop(connection);
    while lines.requests().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let line = &lines.requests()[0];
    assert!(line.contains("complete=false") && !line.contains("status="), "{line}");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_address() {
    let server = Running::start().await;
    for number in 1..=3 {
        server
            .ask(
                Ask::get(&format!("/api/v1/notes/00000000-0000-0000-0000-00000000000{number}")).bearer(ALICE),
            )
            .await;
    }
    server.ask(Ask::get("/api/v1/notes/none").bearer(ALICE)).await;
    server.ask(Ask::get("/api/v1/a-path-of-the-clients-making")).await;
    server.ask(Ask::new("BREW", "/api/v1/notes")).await;
    let answer = server.ask(Ask::get("/metrics").bearer(CAROL)).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "gradus_http_requests_total{path=\"/api/v1/notes/{id}\",method=\"GET\",status=\"2xx\"} 3",
        "gradus_http_requests_total{path=\"/api/v1/notes/{id}\",method=\"GET\",status=\"4xx\"} 1",
        "gradus_http_requests_total{path=\"unmatched\",method=\"GET\",status=\"4xx\"} 1",
        "gradus_http_requests_total{path=\"/api/v1/notes\",method=\"OTHER\",status=\"4xx\"} 1",
        "gradus_http_request_duration_seconds_count{path=\"/api/v1/notes/{id}\",method=\"GET\"} 4",
        "gradus_http_requests_in_flight 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("clients-making"), "{text}");
}
