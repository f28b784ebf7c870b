//! The page: what it shows of the description, as finished texts that the template places.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use super::example::example;
use super::type_text::{Piece, limits, schema_anchor, type_pieces};

#[derive(Template)]
#[template(path = "api.html")]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    description: &'a str,
    groups: Vec<Group<'a>>,
    schemas: Vec<SchemaView<'a>>,
}

/// The operations of one tag.
struct Group<'a> {
    tag: &'a str,
    operations: Vec<OperationView<'a>>,
}

struct OperationView<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    description: &'a str,
    access: String,
    parameters: Vec<Row<'a>>,
    bodies: Vec<BodyView<'a>>,
    responses: Vec<ResponseView<'a>>,
    command: String,
}

/// A parameter or a property.
struct Row<'a> {
    name: &'a str,
    place: &'a str,
    kind: Vec<Piece>,
    is_required: bool,
    description: &'a str,
    limits: String,
}

struct BodyView<'a> {
    media_type: &'a str,
    kind: Vec<Piece>,
}

struct ResponseView<'a> {
    status: &'a str,
    description: &'a str,
    bodies: Vec<BodyView<'a>>,
}

struct SchemaView<'a> {
    name: &'a str,
    anchor: String,
    description: &'a str,
    kind: Vec<Piece>,
    limits: String,
    /// The properties of an object, or those of each form that it can have.
    forms: Vec<Vec<Row<'a>>>,
}

/// The page of a description as `OpenApi` writes it.
pub(super) fn render(api: &Value, server_url: &str) -> Result<String, askama::Error> {
    let info = &api["info"];
    let schemas = &api["components"]["schemas"];
    let page = Page {
        title: text(&info["title"]),
        version: text(&info["version"]),
        description: text(&info["description"]),
        groups: groups(api, server_url),
        schemas: members(schemas).map(|(name, schema)| schema_view(name, schema)).collect(),
    };
    page.render()
}

fn groups<'a>(api: &'a Value, server_url: &str) -> Vec<Group<'a>> {
    let schemas = &api["components"]["schemas"];
    let mut by_tag: BTreeMap<&str, Vec<OperationView<'a>>> = BTreeMap::new();
    for (path, item) in members(&api["paths"]) {
        for (method, operation) in members(item).filter(|(_, operation)| operation.is_object()) {
            let tag = operation["tags"][0].as_str().unwrap_or("Other");
            let view = operation_view(method, path, operation, schemas, server_url);
            by_tag.entry(tag).or_default().push(view);
        }
    }
    by_tag.into_iter().map(|(tag, operations)| Group { tag, operations }).collect()
}

fn operation_view<'a>(
    method: &str,
    path: &'a str,
    operation: &'a Value,
    schemas: &Value,
    server_url: &str,
) -> OperationView<'a> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let method = method.to_ascii_uppercase();
    OperationView {
        id: text(&operation["operationId"]),
        path,
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        access: access(&operation["x-access"]),
        parameters: parameters.map(parameter_row).collect(),
        bodies: bodies(&operation["requestBody"]),
        responses: members(&operation["responses"]).map(response_view).collect(),
        command: command(&method, path, operation, schemas, server_url),
        method,
    }
}

/// Who may use an operation, in words.
fn access(access: &Value) -> String {
    let who = match access["who"].as_str() {
        Some("viewer") => "whoever is signed in",
        Some("author") => "authors and administrators",
        Some("admin") => "administrators",
        _ => return "Open to anyone.".to_owned(),
    };
    let scope = text(&access["scope"]);
    let whose = match access["resource"].as_str() {
        Some("owned") => ", for what is their own",
        Some("shared") => ", for what is their own or shared with them",
        _ => "",
    };
    let how = if access["session"] == true {
        "Needs a session; an API token is not enough.".to_owned()
    } else {
        format!("An API token needs the scope {scope}.")
    };
    format!("Open to {who}{whose}. {how}")
}

fn parameter_row(parameter: &Value) -> Row<'_> {
    let schema = &parameter["schema"];
    Row {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: type_pieces(schema),
        is_required: parameter["required"] == true,
        description: text(&parameter["description"]),
        limits: limits(schema),
    }
}

fn bodies(body: &Value) -> Vec<BodyView<'_>> {
    let contents = members(&body["content"]);
    contents
        .map(|(media_type, content)| BodyView { media_type, kind: type_pieces(&content["schema"]) })
        .collect()
}

fn response_view<'a>((status, response): (&'a str, &'a Value)) -> ResponseView<'a> {
    ResponseView { status, description: text(&response["description"]), bodies: bodies(response) }
}

fn schema_view<'a>(name: &'a str, schema: &'a Value) -> SchemaView<'a> {
    let choices = schema["oneOf"].as_array().or_else(|| schema["allOf"].as_array());
    let objects: Vec<&Value> = match choices {
        Some(choices) => choices.iter().filter(|choice| choice["properties"].is_object()).collect(),
        None => Some(schema).into_iter().filter(|schema| schema["properties"].is_object()).collect(),
    };
    SchemaView {
        name,
        anchor: schema_anchor(name),
        description: text(&schema["description"]),
        kind: type_pieces(schema),
        limits: limits(schema),
        forms: objects.into_iter().map(property_rows).collect(),
    }
}

fn property_rows(schema: &Value) -> Vec<Row<'_>> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().map(text).collect();
    members(&schema["properties"])
        .map(|(name, property)| Row {
            name,
            place: "",
            kind: type_pieces(property),
            is_required: required.contains(&name),
            description: text(&property["description"]),
            limits: limits(property),
        })
        .collect()
}

/// A command that calls the operation.
fn command(method: &str, path: &str, operation: &Value, schemas: &Value, server_url: &str) -> String {
    let mut words = vec!["curl".to_owned()];
    if method != "GET" {
        words.push(format!("-X {method}"));
    }
    if operation["x-access"]["who"] != "anyone" {
        words.push("-H \"Authorization: Bearer $GRADUS_TOKEN\"".to_owned());
    }
    let content = &operation["requestBody"]["content"];
    if let Some(json) = content.get("application/json") {
        let body = example(&json["schema"], schemas, 0).to_string();
        words.push("-H \"Content-Type: application/json\"".to_owned());
        words.push(format!("-d {}", quoted(&body)));
    } else if content.get("multipart/form-data").is_some() {
        words.push("-F file=@guide.docx".to_owned());
    }
    words.push(quoted(&format!("{}{path}", server_url.trim_end_matches('/'))));
    words.join(" ")
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(operation: &Value) -> Value {
        json!({
            "info": {"title": "Gradus", "version": "1", "description": "<script>alert(1)</script>"},
            "paths": {"/api/v1/things/{id}": {"post": operation}},
            "components": {"schemas": {"Thing": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "description": "It's a name."}}}}},
        })
    }

    #[test]
    fn an_operation_is_shown_with_what_it_takes() {
        let page = render(
            &api(&json!({
                "operationId": "changeThing", "summary": "Changes a thing.", "tags": ["Things"],
                "x-access": {"who": "author", "scope": "write", "resource": "owned", "session": false},
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/c/Thing"}}}},
                "responses": {"200": {"description": "The thing."}},
            })),
            "http://127.0.0.1:8080/",
        )
        .unwrap();
        for shown in [
            "Changes a thing.",
            "Open to authors and administrators, for what is their own. An API token needs the scope write.",
            "href=\"#schema-Thing\"",
            "id=\"schema-Thing\"",
            "http://127.0.0.1:8080/api/v1/things/{id}",
        ] {
            assert!(page.contains(shown), "{shown}\n{page}");
        }
    }

    #[test]
    fn texts_are_escaped() {
        let page = render(&api(&json!({"operationId": "x\" onload=\"y"})), "").unwrap();
        assert!(!page.contains("<script") && !page.contains("x\" onload"), "{page}");
    }

    #[test]
    fn a_command_is_one_line_for_the_shell() {
        let operation = json!({"x-access": {"who": "viewer"}, "requestBody": {"content": {"application/json":
            {"schema": {"type": "object", "properties": {"a": {"type": "string", "example": "it's"}}}}}}});
        assert_eq!(
            command("PUT", "/x", &operation, &Value::Null, "https://g"),
            "curl -X PUT -H \"Authorization: Bearer $GRADUS_TOKEN\" -H \"Content-Type: application/json\" \
             -d '{\"a\":\"it'\\''s\"}' 'https://g/x'"
        );
    }
}
