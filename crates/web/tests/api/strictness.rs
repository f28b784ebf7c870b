//! What is in a request beyond what its route knows, and characters that no text may hold (SECURITY 26, 46): tried on
//! every body that the description has.

use serde_json::{Map, Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::server::Server;

each_database!(
    unknown_fields_are_refused_wherever_they_are,
    a_nul_is_refused_in_every_text,
    a_nul_in_an_address_is_refused,
    quotes_and_comments_of_databases_are_text,
);

/// A value that fits a schema, with `text` wherever any text may stand.
fn filled(schema: &Value, schemas: &Value, text: &str) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return filled(&schemas[name.rsplit('/').next().unwrap()], schemas, text);
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let variants = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(variant) = variants.and_then(|all| all.iter().find(|variant| variant["type"] != "null")) {
        return filled(variant, schemas, text);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or_default();
    match (kind, schema["format"].as_str()) {
        ("object", _) => {
            let fields = schema["properties"].as_object().cloned().unwrap_or_default();
            let mut filled: Map<String, Value> =
                fields.iter().map(|(name, inner)| (name.clone(), filled(inner, schemas, text))).collect();
            if fields.is_empty() {
                filled.insert("note".to_owned(), json!(text));
            }
            Value::Object(filled)
        }
        ("array", _) => json!([filled(&schema["items"], schemas, text)]),
        ("integer" | "number", _) => schema.get("minimum").cloned().unwrap_or(json!(1)),
        ("boolean", _) => json!(false),
        (_, Some("uuid")) => json!("018f6a1e-7c1b-7b3a-9a55-3d1f8e2c4b60"),
        _ => json!(text),
    }
}

/// The places of all texts that may hold anything, as JSON pointers.
fn texts(value: &Value, text: &str, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(own) if own == text => found.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| texts(item, text, &format!("{at}/{n}"), found))
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, inner)| texts(inner, text, &format!("{at}/{name}"), found));
        }
        _ => {}
    }
}

/// The places of all objects with fields of their own.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        // Notes may have any name.
        if !at.ends_with("metadata") {
            found.push(at.to_owned());
        }
        fields.iter().for_each(|(name, inner)| objects(inner, &format!("{at}/{name}"), found));
    }
    if let Value::Array(items) = value {
        items.iter().enumerate().for_each(|(n, item)| objects(item, &format!("{at}/{n}"), found));
    }
}

/// Every operation with a JSON body: method, path, and a body that fits.
fn bodies(server: &Server, text: &str) -> Vec<(String, String, Value)> {
    let (mut all, schemas) = (Vec::new(), &server.description["components"]["schemas"]);
    for (path, item) in server.description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_null() {
                let path = path.replace("{id}", "018f6a1e-7c1b-7b3a-9a55-3d1f8e2c4b60");
                all.push((method.to_uppercase(), path, filled(schema, schemas, text)));
            }
        }
    }
    assert!(all.len() >= 15, "only {}", all.len());
    all
}

async fn status(server: &Server, (method, path): (&str, &str), body: &Value) -> (u16, String) {
    let ask = Ask::new(method, path).json(body);
    let answer = server.ask(server.people.carol().in_session(ask)).await;
    (answer.status, answer.text())
}

async fn unknown_fields_are_refused_wherever_they_are(server: &Server) {
    for (method, path, body) in bodies(server, "text") {
        let mut places = Vec::new();
        objects(&body, "", &mut places);
        for place in places {
            for name in ["owner_id", "is_admin"] {
                let mut more = body.clone();
                let object = more.pointer_mut(&place).unwrap().as_object_mut().unwrap();
                object.insert(name.to_owned(), json!(server.people.carol().caller.user));
                let (status, text) = status(server, (&method, &path), &more).await;
                assert_eq!(status, 422, "{method} {path} {place}: {text}");
                assert!(text.contains("unknown field"), "{method} {path} {place}: {text}");
            }
        }
    }
}

async fn a_nul_is_refused_in_every_text(server: &Server) {
    let mut tried = 0;
    for (method, path, body) in bodies(server, "text") {
        let mut places = Vec::new();
        texts(&body, "text", "", &mut places);
        for place in places {
            let mut with_nul = body.clone();
            *with_nul.pointer_mut(&place).unwrap() = json!("a\0b");
            let (status, text) = status(server, (&method, &path), &with_nul).await;
            assert_eq!(status, 422, "{method} {path} {place}: {text}");
            assert!(text.contains("nul_character"), "{method} {path} {place}: {text}");
            tried += 1;
        }
    }
    assert!(tried >= 25, "only {tried}");
}

async fn a_nul_in_an_address_is_refused(server: &Server) {
    let (alice, model) = (server.people.alice(), server.model(server.people.alice()).await);
    let paths = [
        "/api/v1/documents?purpose=a%00b".to_owned(),
        "/api/v1/documents/a%00b".to_owned(),
        format!("/api/v1/models/{model}/files/a%00b"),
        "/api/v1/training-job-comparison?jobs=a%00b".to_owned(),
    ];
    for path in paths {
        let answer = server.ask(alice.get(&path)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    let with = alice.delete(&format!("/api/v1/models/{model}/shares/a%00b"));
    assert_eq!(server.refusal(with).await.0, 422);
    let name = server.upload(alice, b"x", "a\0b.txt", &[("purpose", "answers")]);
    assert_ne!(server.ask(name).await.status / 100, 5);
    let purpose = server.upload(alice, b"x", "a.txt", &[("purpose", "a\0b")]);
    assert_eq!(server.refusal(purpose).await, (400, "bad_form".to_owned()));
}

async fn quotes_and_comments_of_databases_are_text(server: &Server) {
    let alice = server.people.alice();
    let hostile = ["'", "\"", "';--", "a' OR '1'='1", "%", "_", "\\", "/*", "$1", "?"];
    for text in hostile {
        let new = json!({ "name": text, "description": text, "metadata": { text: text } });
        let made = server.ok(alice.post("/api/v1/datasets").json(&new)).await;
        assert_eq!(
            (made["dataset"]["name"].as_str(), &made["dataset"]["metadata"][text]),
            (Some(text), &json!(text))
        );
        let login = Ask::post("/api/v1/sessions").json(&json!({ "name": text, "password": text }));
        assert_eq!(server.refusal(login).await.0, 401, "{text}");
        let query: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [format!("/api/v1/documents?purpose={query}"), format!("/api/v1/datasets/{query}")] {
            let status = server.ask(alice.get(&path)).await.status;
            assert!((200..500).contains(&status), "{path}: {status}");
        }
    }
    assert_eq!(server.count(alice, "/api/v1/datasets").await, hostile.len());
    assert_eq!(server.count(server.people.bob(), "/api/v1/datasets").await, 0);
}
