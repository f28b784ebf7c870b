//! The API's description says of every route what it takes, what it gives and who may use it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;

each_database!(
    every_route_of_the_api_is_described,
    every_reference_leads_somewhere,
    every_field_and_parameter_says_what_it_is,
    a_file_that_is_the_body_is_bytes,
    the_page_shows_every_operation,
);

fn operations(server: &Server) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in server.description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    all
}

async fn every_route_of_the_api_is_described(server: &Server) {
    let described: BTreeSet<_> =
        operations(server).into_iter().map(|(method, path, _)| (method, path)).collect();
    let table = server.routes.iter().filter(|route| route.path.starts_with("/api/v1"));
    let table: BTreeSet<_> = table.map(|route| (route.method.to_string(), route.path.clone())).collect();
    assert_eq!(described, table);
    assert!(described.len() >= 65, "only {}", described.len());
    assert_eq!(server.ok(Ask::get("/api/v1/openapi.json")).await, server.description);
}

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

async fn every_reference_leads_somewhere(server: &Server) {
    let mut found = BTreeSet::new();
    references(&server.description, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(server.description.pointer(pointer).is_some(), "{reference} is not there");
    }
}

async fn every_field_and_parameter_says_what_it_is(server: &Server) {
    for (method, path, operation) in operations(server) {
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let said = parameter["description"].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{method} {path}: {}", parameter["name"]);
        }
    }
    let schemas = server.description["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
            // Where a field may be null, it is said of what it is otherwise.
            let variants = inner["oneOf"].as_array().into_iter().flatten();
            let said = std::iter::once(inner).chain(variants).find_map(|inner| inner["description"].as_str());
            assert!(said.is_some_and(|said| !said.is_empty()), "{name}.{field}: {inner}");
        }
    }
}

async fn a_file_that_is_the_body_is_bytes(server: &Server) {
    let sent = &server.description["paths"]["/api/v1/documents"]["post"]["requestBody"]["content"];
    let schema = &sent["application/octet-stream"]["schema"];
    let schema = schema["$ref"].as_str().map_or(schema, |name| {
        &server.description["components"]["schemas"][name.rsplit('/').next().unwrap()]
    });
    assert_eq!((&schema["type"], &schema["format"]), (&json!("string"), &json!("binary")), "{sent}");
}

async fn the_page_shows_every_operation(server: &Server) {
    let to_it = server.ask(Ask::get("/")).await;
    assert_eq!((to_it.status, to_it.header("location").as_deref()), (303, Some("/api/docs")));
    let page = server.ask(Ask::get("/api/docs")).await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for (_, _, operation) in operations(server) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(text.contains(id), "{id} is not on the page");
    }
}
