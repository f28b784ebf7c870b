//! Every route for every kind of user, with the ids of real things (SECURITY 14, 24, 25, 27). The list comes from the
//! table, so that no route can be forgotten: a route that this test knows no body or id for fails it.

use std::collections::BTreeMap;

use gradus_app::store::error_events;
use gradus_app::store::{PageRequest, documents};
use gradus_domain::failure::{Category, Failure, Severity};
use gradus_domain::{DocumentId, DocumentStep, Id as _, Scope};
use gradus_web::routes::{Resource, RouteFacts};
use http::Method;
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;
use crate::things::{id, uuid};

each_database!(
    strangers_are_let_in_only_where_anyone_is,
    viewers_and_authors_get_nothing_of_others_and_change_nothing,
    owners_and_administrators_see_all_that_is_alices,
    a_token_that_may_look_changes_nothing,
    what_administrators_do_is_closed_to_all_others,
);

/// What stands in OpenAI's paths for what.
const OPENAIS: [(&str, &str); 3] =
    [("{file_id}", "openai-file"), ("{fine_tuning_job_id}", "openai-job"), ("{model}", "openai-model")];

/// Ids of things of alice's, by the noun in the path.
pub(crate) struct Things(BTreeMap<&'static str, String>);

impl Things {
    /// The id of the thing of this noun.
    pub(crate) fn id(&self, noun: &str) -> &str {
        &self.0[noun]
    }

    /// All of them, by their nouns.
    pub(crate) fn all(&self) -> &BTreeMap<&'static str, String> {
        &self.0
    }

    pub(crate) async fn of_alice(server: &Server) -> Self {
        let alice = server.people.alice();
        let (dataset, version) = server.ready_dataset(alice).await;
        let document = server.document(alice, "guide").await;
        read(server, &document).await;
        let (report, job) = (server.report(alice).await, server.training_job(alice).await);
        server.write_report(&report, "<title>June</title>").await;
        server.checkpoint(&job).await;
        let test = server.model_test(alice).await;
        let new = json!({ "submissions": [{ "question": "1", "answer": "x", "expected": "1" }] });
        server.ok(alice.post(&format!("/api/v1/model-tests/{test}/submissions")).json(&new)).await;
        let first = |answer: Value| id(&answer["items"][0]);
        let model = server.model(alice).await;
        let name = server.ok(alice.get(&format!("/api/v1/models/{model}"))).await["name"].clone();
        let conversations = server.ok(alice.get("/api/v1/documents?purpose=conversations")).await;
        let plain = |id: &str| uuid(id).simple().to_string();
        Self(BTreeMap::from([
            ("openai-file", format!("file-{}", plain(&first(conversations)))),
            ("openai-job", format!("ftjob-{}", plain(&job))),
            ("openai-model", name.as_str().unwrap().to_owned()),
            ("datasets", dataset),
            ("dataset-versions", version),
            ("documents", document),
            ("reports", report),
            ("training-jobs", job),
            ("model-tests", test),
            ("models", model),
            ("users", alice.caller.user.to_string()),
            ("sessions", first(server.ok(alice.get("/api/v1/sessions")).await)),
            ("tokens", first(server.ok(alice.get("/api/v1/tokens")).await)),
            ("error-events", error_event(server).await),
        ]))
    }

    /// A request to a route, about a thing of alice's, that lacks nothing but being let in.
    pub(crate) fn ask(&self, route: &RouteFacts) -> Ask {
        let mut path = route.path.replace("{name}", "adapter.bin").replace("{user_name}", "vera");
        for (parameter, noun) in OPENAIS {
            path = path.replace(parameter, &self.0[noun]);
        }
        path = path.replace("{*address}", "assistants/asst_1");
        if path.contains("{id}") {
            let noun = path.split('/').nth(3).unwrap();
            let id = self.0.get(noun).unwrap_or_else(|| panic!("this test has no thing for {path}"));
            path = path.replace("{id}", id);
        }
        if path == "/api/v1/training-job-comparison" {
            path.push_str(&format!("?jobs={0},{0}", self.0["training-jobs"]));
        }
        let ask = Ask::new(route.method.as_str(), &path);
        match self.body(&route.method, &route.path) {
            Some(body) => ask.json(&body),
            None if route.method == Method::POST && path == "/api/v1/documents" => {
                Ask::post("/api/v1/documents?name=a&purpose=answers")
                    .header("content-type", "application/octet-stream")
                    .body("x")
            }
            None if route.method == Method::POST && path == "/v1/files" => Self::file(),
            // How OpenAI's clients send what has no body.
            None if route.method == Method::POST && path.starts_with("/v1/") => {
                ask.header("content-type", "application/json")
            }
            None => ask,
        }
    }

    /// A file in a form, as OpenAI's clients send it.
    fn file() -> Ask {
        let boundary = "a-boundary-of-this-test";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nx\r\n--{boundary}--\r\n"
        );
        Ask::post("/v1/files")
            .header("content-type", &format!("multipart/form-data; boundary={boundary}"))
            .body(body)
    }

    fn body(&self, method: &Method, path: &str) -> Option<Value> {
        let last = path.rsplit('/').next().unwrap();
        let body = match (method.as_str(), path) {
            ("POST", "/api/v1/setup") => {
                json!({ "token": "x", "name": "x", "display_name": "x", "password": "x" })
            }
            ("POST", "/api/v1/sessions") => json!({ "name": "x", "password": "x" }),
            ("POST", "/api/v1/invitations/accept") => json!({ "name": "x", "code": "x", "password": "x" }),
            ("PATCH", "/api/v1/me") => json!({ "display_name": "Alice" }),
            ("PUT", "/api/v1/me/password") => json!({ "present": "x", "new": "x" }),
            ("POST", "/api/v1/tokens") => json!({ "name": "x", "scope": "read" }),
            ("POST", "/api/v1/users") => json!({ "name": "x", "display_name": "x", "role": "viewer" }),
            ("PUT", "/api/v1/users/{id}/role") => json!({ "role": "admin" }),
            ("POST", "/api/v1/datasets") => json!({ "name": "x" }),
            ("PATCH", "/api/v1/datasets/{id}") => json!({ "name": "stolen" }),
            ("POST", "/api/v1/datasets/{id}/versions") => {
                json!({ "guide": self.0["documents"], "answers": [self.0["documents"]] })
            }
            ("POST", "/api/v1/datasets/{id}/shares" | "/api/v1/models/{id}/shares") => {
                json!({ "user_name": "bob" })
            }
            ("POST", "/api/v1/training-jobs") => json!({
                "name": "x", "base_model": "smollm2-135m-instruct", "dataset_version": self.0["dataset-versions"],
            }),
            ("POST", "/api/v1/training-jobs/{id}/resume") => json!({}),
            ("POST", "/api/v1/model-tests") => json!({
                "name": "x", "model": self.0["models"], "dataset_version": self.0["dataset-versions"],
            }),
            ("POST", "/api/v1/model-tests/{id}/submissions") => {
                json!({ "submissions": [{ "question": "1", "answer": "x", "expected": "1" }] })
            }
            ("POST", "/api/v1/reports") => json!({ "name": "x", "model_test": self.0["model-tests"] }),
            ("POST", "/v1/fine_tuning/jobs") => {
                json!({ "model": "smollm2-135m-instruct", "training_file": self.0["openai-file"] })
            }
            ("POST", "/v1/chat/completions") => {
                json!({ "model": self.0["openai-model"], "messages": [{ "role": "user", "content": "x" }] })
            }
            ("POST", "/v1/responses") => json!({ "model": self.0["openai-model"], "input": "x" }),
            (_, "/v1/{*address}") => json!({}),
            ("POST" | "PUT" | "PATCH", "/api/v1/documents" | "/v1/files") => return None,
            // Steps of things, which need no more than the thing.
            ("POST", _) => {
                let steps = [
                    "retry",
                    "cancel",
                    "pause",
                    "resume",
                    "run",
                    "disable",
                    "enable",
                    "invitation",
                    "resolve",
                ];
                assert!(steps.contains(&last), "this test has no body for POST {path}");
                return None;
            }
            ("PUT" | "PATCH", _) => panic!("this test has no body for {method} {path}"),
            _ => return None,
        };
        Some(body)
    }
}

/// What a worker makes of a document.
async fn read(server: &Server, document: &str) {
    let text = server.state.services.archive.keep_bytes(b"{}".to_vec()).await.unwrap();
    let row = DocumentId::from_uuid(uuid(document));
    server
        .write(move |change| async move {
            documents::step(&change, row, DocumentStep::Extract).await?;
            let text_hash = text.hash.to_string();
            gradus_app::store::blob_records::settle(&change, &text_hash).await?;
            let reading = documents::Reading {
                format: "txt".to_owned(),
                pages: None,
                quality: None,
                text_hash,
                findings: Value::Null,
            };
            documents::accept(&change, row, reading).await
        })
        .await;
}

async fn error_event(server: &Server) -> String {
    let failure = Failure {
        category: Category::Internal,
        severity: Severity::Error,
        is_transient: false,
        message: "it broke".to_owned(),
    };
    server
        .write(move |change| async move { error_events::record(&change, "f", "train", &failure, None).await })
        .await;
    let all = server.state.services.error_events(true, &PageRequest::first(1)).await.unwrap();
    all.items[0].id.to_string()
}

/// The status alone, and the code of a problem: streams do not end.
async fn outcome(server: &Server, ask: Ask) -> u16 {
    let mut connection = server.connect().await;
    connection.send(ask.bytes(false)).await;
    connection.head().await.status
}

fn closed(server: &Server) -> impl Iterator<Item = &RouteFacts> {
    server.routes.iter().filter(|route| route.access.needs_caller())
}

async fn strangers_are_let_in_only_where_anyone_is(server: &Server) {
    let things = Things::of_alice(server).await;
    let mut tried = 0;
    for route in closed(server) {
        let unknown = "grd_0000000000000000000000000000000000000000000_000000";
        for ask in
            [things.ask(route), things.ask(route).bearer(unknown), things.ask(route).session("unknown")]
        {
            assert_eq!(outcome(server, ask).await, 401, "{} {}", route.method, route.path);
            tried += 1;
        }
    }
    assert!(tried > 3 * 50, "only {tried}");
    let open: Vec<_> = server.routes.iter().filter(|route| !route.access.needs_caller()).collect();
    let expected = [
        "/api/v1/setup",
        "/api/v1/setup",
        "/api/v1/sessions",
        "/api/v1/invitations/accept",
        "/health/live",
        "/health/ready",
        "/",
        "/api/v1/openapi.json",
        "/api/docs",
        "/api/docs/style.css",
    ];
    let mut paths: Vec<_> = open.iter().map(|route| route.path.as_str()).collect();
    let mut expected = expected.to_vec();
    paths.sort_unstable();
    expected.sort_unstable();
    assert_eq!(paths, expected, "nothing else is open to strangers");
}

/// All that alice has, as she sees it.
async fn all_of_alices(server: &Server, things: &Things) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in ["documents", "datasets", "training-jobs", "models", "model-tests", "reports"] {
        seen.push(server.ok(server.people.alice().get(&format!("/api/v1/{path}?limit=200"))).await);
        let own = format!("/api/v1/{path}/{}", things.0[path]);
        seen.push(server.ok(server.people.alice().get(&own)).await);
    }
    seen
}

async fn viewers_and_authors_get_nothing_of_others_and_change_nothing(server: &Server) {
    let things = Things::of_alice(server).await;
    let before = all_of_alices(server, &things).await;
    for route in closed(server).filter(|route| route.access.resource() != Resource::None) {
        for person in [server.people.bob(), server.people.vera()] {
            let status = outcome(server, person.in_session(things.ask(route))).await;
            let has_role = route.access.least_role().is_some_and(|least| person.caller.role.includes(least));
            let expected = if has_role { 404 } else { 403 };
            assert_eq!(status, expected, "{} {} for {}", route.method, route.path, person.caller.name);
        }
    }
    // OpenAI's API says so in its own ways, and never that it was done.
    for path in ["/v1/fine_tuning/jobs", "/v1/chat/completions", "/v1/responses"] {
        let route = closed(server).find(|route| route.method == Method::POST && route.path == path).unwrap();
        let status = outcome(server, server.people.bob().with_token(things.ask(route))).await;
        assert!([400, 403, 404].contains(&status), "{path}: {status}");
    }
    // Nested ids: a request of one's own that names what is another's.
    let bob = server.people.bob();
    for path in ["/api/v1/training-jobs", "/api/v1/model-tests", "/api/v1/reports"] {
        let route = closed(server).find(|route| route.method == Method::POST && route.path == path).unwrap();
        assert_eq!(outcome(server, bob.with_token(things.ask(route))).await, 404, "{path}");
    }
    assert_eq!(all_of_alices(server, &things).await, before);
    for path in ["documents", "datasets", "training-jobs", "models", "model-tests", "reports"] {
        assert_eq!(server.count(bob, &format!("/api/v1/{path}")).await, 0, "{path}");
    }
}

async fn owners_and_administrators_see_all_that_is_alices(server: &Server) {
    let things = Things::of_alice(server).await;
    let mut looked = 0;
    for route in closed(server).filter(|route| route.method == Method::GET && !route.path.contains('*')) {
        for person in [server.people.alice(), server.people.carol()] {
            let status = outcome(server, person.in_session(things.ask(route))).await;
            let has_role = route.access.least_role().is_some_and(|least| person.caller.role.includes(least));
            // OpenAI's API knows no administrators: there, everyone has their own.
            let is_anothers = route.path.starts_with("/v1/")
                && route.access.resource() != Resource::None
                && person.caller.user != server.people.alice().caller.user;
            let expected = match has_role {
                true if is_anothers => 404,
                // One job beside itself is no comparison, but who may compare is told so.
                true if route.path.ends_with("comparison") => 422,
                true => 200,
                false => 403,
            };
            assert_eq!(status, expected, "{} for {}", route.path, person.caller.name);
            looked += 1;
        }
    }
    assert!(looked > 2 * 25, "only {looked}");
}

async fn a_token_that_may_look_changes_nothing(server: &Server) {
    let things = Things::of_alice(server).await;
    let before = all_of_alices(server, &things).await;
    for route in closed(server).filter(|route| route.access.scope() != Some(Scope::Read)) {
        for person in [server.people.alice(), server.people.carol()] {
            let ask = things.ask(route).bearer(&person.reading_token);
            let status = outcome(server, ask).await;
            assert_eq!(status, 403, "{} {} for {}", route.method, route.path, person.caller.name);
        }
    }
    assert_eq!(all_of_alices(server, &things).await, before);
    // And what only looks, only looks: nothing but GET is open to it.
    let reading = |route: &&RouteFacts| route.access.scope() == Some(Scope::Read);
    for route in closed(server).filter(reading).filter(|route| !route.path.contains('*')) {
        assert_eq!(route.method, Method::GET, "{}", route.path);
    }
}

async fn what_administrators_do_is_closed_to_all_others(server: &Server) {
    let things = Things::of_alice(server).await;
    let mut tried = 0;
    for route in closed(server).filter(|route| route.access.least_role() == Some(gradus_domain::Role::Admin))
    {
        for person in [server.people.alice(), server.people.vera()] {
            assert_eq!(outcome(server, person.in_session(things.ask(route))).await, 403, "{}", route.path);
            assert_eq!(outcome(server, person.with_token(things.ask(route))).await, 403, "{}", route.path);
            tried += 1;
        }
    }
    assert!(tried >= 2 * 10, "only {tried}");
    let unchanged = server.ok(server.people.carol().get("/api/v1/users")).await;
    let roles: Vec<_> =
        unchanged["items"].as_array().unwrap().iter().map(|user| user["role"].clone()).collect();
    assert_eq!(roles.iter().filter(|role| **role == "admin").count(), 1);
}
