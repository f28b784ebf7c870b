//! Documents that are sent, read by a worker, and sometimes deleted again.

use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, assert_lost, id};
use crate::course;
use crate::http::Request;

const LIST: &str = "/api/v1/documents";
/// Long enough to be under way for a while.
const LONG_BYTES: usize = 1 << 20;

/// Something to send.
struct Sample {
    name: String,
    /// `guide` and `papers` are read.
    purpose: &'static str,
    bytes: Vec<u8>,
}

/// A document that was acknowledged.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_deleted: bool,
}

/// How many kinds of samples there are.
const KINDS: usize = 6;

/// What is sent as the `number`-th: short and long, in several formats. The long ones differ; the others are sent again and
/// again.
fn sample(number: usize) -> Sample {
    let long = || (0..LONG_BYTES).map(|place| (place * (number + 7) % 251) as u8).collect();
    let (name, purpose, bytes) = match number % KINDS {
        0 => ("long.bin", "other", long()),
        1 => ("guide.md", "guide", course::GUIDE.into()),
        2 => {
            ("pages.pdf", "papers", include_bytes!("../../../extract/tests/fixtures/mixed-pages.pdf").into())
        }
        3 => ("paper.html", "papers", format!("<h1>Leaves</h1><p>{}</p>", course::PAPER).into_bytes()),
        4 => ("truncated.pdf", "guide", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog".to_vec()),
        _ => ("paper.rtf", "papers", br"{\rtf1\ansi Question 1\par They have chlorophyll.\par}".to_vec()),
    };
    Sample { name: format!("{number}-{name}"), purpose, bytes }
}

/// Sends a document of this name, which no other has.
pub(crate) async fn send(client: &Client, name: &str, purpose: &str, bytes: &[u8]) -> String {
    client.under_way.uploads.fetch_add(1, Ordering::Relaxed);
    let request = Request::post(format!("{LIST}?name={name}&purpose={purpose}")).with_file(bytes);
    let made = client.make(request, async || client.named(LIST, name).await).await;
    client.under_way.uploads.fetch_sub(1, Ordering::Relaxed);
    id(&made)
}

/// Waits until a document was read or found to be unreadable, as a person does who has it read again when the server
/// gave it up.
pub(crate) async fn until_read(client: &Client, id: &str) -> Value {
    let path = format!("{LIST}/{id}");
    loop {
        let read = client.until(&path, |it| it["state"] == "ready" || it["state"] == "rejected").await;
        let is_gone = read["failure"]["category"] == "worker";
        if !is_gone {
            return read;
        }
        assert_lost(&read);
        client.wish(format!("{path}/retry")).await;
    }
}

/// What reading a document came to, apart from its name and the time that it took.
async fn reading(client: &Client, id: &str) -> Value {
    let read = until_read(client, id).await;
    if read["purpose"] == "other" || read["state"] == "rejected" {
        return serde_json::json!([read["state"], read["failure"]["category"]]);
    }
    let text = client.get(&format!("{LIST}/{id}/text")).await;
    serde_json::json!([text["extraction"]["text"], text["extraction"]["quality"]])
}

async fn delete(client: &Client, id: &str) {
    let answer = client.ask(&Request::delete(format!("{LIST}/{id}"))).await;
    // Of a try whose answer was lost, the next finds nothing.
    assert!(matches!(answer.status, 204 | 404), "{answer:?}");
}

/// Sends one of each kind, and says how each is read.
pub(crate) async fn send_all(client: &Client) -> (Vec<Upload>, Vec<Value>) {
    let (mut uploads, mut readings) = (Vec::new(), Vec::new());
    for Sample { name, purpose, bytes } in (0..KINDS).map(sample) {
        let id = send(client, &name, purpose, &bytes).await;
        readings.push(reading(client, &id).await);
        uploads.push(Upload { id, bytes, is_deleted: false });
    }
    (uploads, readings)
}

/// Sends documents, one after the other, until it is over. Each is read as the first of its kind was.
pub(crate) async fn upload_until(
    over: &CancellationToken,
    client: &Client,
    readings: &[Value],
) -> Vec<Upload> {
    let mut uploads = Vec::new();
    for number in KINDS.. {
        if over.is_cancelled() {
            break;
        }
        let Sample { name, purpose, bytes } = sample(number);
        let id = send(client, &name, purpose, &bytes).await;
        let is_deleted = number % 4 == 3;
        // Some are deleted while they are read.
        if number % 8 != 7 {
            assert_eq!(reading(client, &id).await, readings[number % KINDS], "{name}");
        }
        if is_deleted {
            delete(client, &id).await;
        }
        uploads.push(Upload { id, bytes, is_deleted });
    }
    uploads
}
