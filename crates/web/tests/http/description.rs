//! The API's description is the table of routes, and people can read it.

use std::collections::BTreeSet;

use gradus_domain::Scope;
use gradus_web::routes::{Access, Route, RouteTable, TableError};
use http::Method;
use serde_json::Value;

use crate::asking::Ask;
use crate::running::Running;

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let paths = description["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    all.collect()
}

#[tokio::test]
async fn the_description_has_the_described_routes_of_the_table_and_no_others() {
    let server = Running::start().await;
    let answer = server.ask(Ask::get("/api/v1/openapi.json")).await;
    assert_eq!((answer.status, answer.header("content-type").as_deref()), (200, Some("application/json")));
    let description = answer.json();
    assert_eq!(description["openapi"], "3.1.0");
    assert_eq!(description, serde_json::to_value(&server.description).unwrap());
    let described: BTreeSet<_> =
        operations(&description).into_iter().map(|(method, path, _)| (method, path)).collect();
    let undescribed = [
        "/api/v1/broken/{how}",
        "/api/v1/me/picture",
        "/api/v1/slow",
        "/api/v1/endless",
        "/api/docs",
        "/api/docs/style.css",
    ];
    let table = server.routes.iter().filter(|route| route.path.starts_with("/api"));
    let table = table.filter(|route| !undescribed.contains(&route.path.as_str()));
    let table: BTreeSet<_> = table.map(|route| (route.method.to_string(), route.path.clone())).collect();
    assert_eq!(described, table);
}

#[tokio::test]
async fn every_operation_says_who_may_use_it_and_how_it_fails() {
    let server = Running::start().await;
    let description = serde_json::to_value(&server.description).unwrap();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&description) {
        let route =
            server.routes.iter().find(|route| route.method.as_str() == method && route.path == path).unwrap();
        let is_closed = operation["x-access"]["who"] != "anyone";
        assert_eq!(is_closed, route.access.needs_caller(), "{method} {path}");
        assert_eq!(!operation["security"].as_array().unwrap().is_empty(), is_closed, "{method} {path}");
        let problem =
            &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(problem, "#/components/schemas/Problem", "{method} {path}");
        assert!(operation["tags"][0].is_string(), "{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
    }
    for schema in ["Problem", "FieldProblem", "Category", "Note", "NotePart", "NoteState"] {
        assert!(description["components"]["schemas"][schema].is_object(), "{schema}");
    }
    assert_eq!(description["components"]["securitySchemes"]["session"]["name"], "__Host-gradus_session");
}

#[tokio::test]
async fn every_reference_of_the_description_points_to_something() {
    let server = Running::start().await;
    let description = serde_json::to_value(&server.description).unwrap();
    let mut pending = vec![&description];
    let mut references = 0;
    while let Some(value) = pending.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(pointer).is_some(), "{reference}");
            references += 1;
        }
        match value {
            Value::Array(inner) => pending.extend(inner),
            Value::Object(inner) => pending.extend(inner.values()),
            _ => {}
        }
    }
    assert!(references > 10, "only {references}");
}

#[tokio::test]
async fn people_can_read_it() {
    let server = Running::start().await;
    let page = server.ask(Ask::get("/api/docs")).await;
    assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let text = page.text();
    for route in server.routes.iter().filter(|route| route.path.starts_with("/api/v1/notes")) {
        assert!(text.contains(&route.path), "{}", route.path);
    }
    assert!(
        !text.contains("<script") && !text.contains("style=") && !text.contains("http://"),
        "fits the policy"
    );
    assert!(text.contains("href=\"/api/docs/style.css\""));
    let style = server.ask(Ask::get("/api/docs/style.css")).await;
    assert_eq!(style.header("content-type").as_deref(), Some("text/css; charset=utf-8"));
    // Every link within the page leads somewhere.
    for link in text.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(text.contains(&format!("id=\"{link}\"")), "#{link}");
    }
}

async fn nothing() {}

fn route(method: &Method, path: &str, access: Access) -> Route<()> {
    Route::undescribed(method, path, access, nothing)
}

#[test]
fn routes_that_contradict_each_other_make_no_table() {
    let open = Access::anyone();
    let table = |routes: Vec<Route<()>>| RouteTable::new(routes).err();
    let twice = table(vec![route(&Method::GET, "/a/{id}", open), route(&Method::GET, "/a/{name}", open)]);
    assert_eq!(twice, Some(TableError::Twice { method: Method::GET, path: "/a/{name}".into() }));
    let trace = table(vec![route(&Method::TRACE, "/a", open)]);
    assert_eq!(trace, Some(TableError::Method { method: Method::TRACE, path: "/a".into() }));
    let nobodys = table(vec![route(&Method::GET, "/a/{id}", Access::signed_in(Scope::Read))]);
    assert_eq!(nobodys, Some(TableError::Resource { path: "/a/{id}".into() }));
    let nothings = table(vec![route(&Method::GET, "/a", Access::signed_in(Scope::Read).owned())]);
    assert_eq!(nothings, Some(TableError::Resource { path: "/a".into() }));
    let fine = table(vec![
        route(&Method::GET, "/a/{id}", Access::signed_in(Scope::Read).shared()),
        route(&Method::DELETE, "/a/{id}", Access::author(Scope::Write).owned()),
        route(&Method::GET, "/a/b", open),
    ]);
    assert_eq!(fine, None);
}

/// One of two operations with one id.
#[utoipa::path(get, path = "/one", operation_id = "same")]
async fn one() {}

/// The other.
#[utoipa::path(get, path = "/other", operation_id = "same")]
async fn other() {}

#[test]
fn one_operation_id_stands_for_one_operation() {
    let open = Access::anyone();
    let routes: [Route<()>; 2] = [
        Route::described::<__path_one, _, _>(open, one),
        Route::described::<__path_other, _, _>(open, other),
    ];
    let error = RouteTable::new(routes).err();
    assert_eq!(error, Some(TableError::SameOperationId { id: "same".into() }));
}
