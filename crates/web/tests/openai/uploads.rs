//! Files as clients upload them.

use serde_json::Value;

use crate::asking::Ask;
use crate::running::{Person, Running};
use crate::wire::Answer;

/// A conversation to learn from, as a line of a file.
pub(crate) const CONVERSATION: &str =
    r#"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}"#;

/// A form with some fields and a file at some place among them.
pub(crate) fn form(fields: &[(&str, &str)], file: Option<(usize, &str, &[u8])>) -> (String, Vec<u8>) {
    let boundary = "a-boundary-of-this-test";
    let mut parts: Vec<Vec<u8>> = fields
        .iter()
        .map(|(name, value)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .into_bytes()
        })
        .collect();
    if let Some((place, name, content)) = file {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        parts.insert(place, [head.as_bytes(), content, b"\r\n"].concat());
    }
    parts.push(format!("--{boundary}--\r\n").into_bytes());
    (format!("multipart/form-data; boundary={boundary}"), parts.concat())
}

/// Sends a form.
pub(crate) async fn send(
    server: &Running,
    person: &Person,
    fields: &[(&str, &str)],
    file: Option<(usize, &str, &[u8])>,
) -> Answer {
    let (kind, body) = form(fields, file);
    let ask = Ask::post("/v1/files").bearer(&person.token).header("content-type", &kind).body(body);
    server.ask(ask).await
}

/// Uploads a file of conversations; its id.
pub(crate) async fn conversations(server: &Running, person: &Person) -> String {
    let content = format!("{CONVERSATION}\n").repeat(3);
    let file = Some((1, "train.jsonl", content.as_bytes()));
    let answer = send(server, person, &[("purpose", "fine-tune")], file).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id(&answer.json())
}

/// The id of what was answered.
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// The ids in a list.
pub(crate) fn ids(list: &Value) -> Vec<String> {
    assert_eq!(list["object"], "list");
    list["data"].as_array().unwrap().iter().map(id).collect()
}
