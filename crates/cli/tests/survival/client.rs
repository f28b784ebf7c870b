//! Somebody whose server may be killed at any moment: asks again until there is an answer, and has nothing done twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::http::{Answer, Request};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long a client waits that is told that its first try is still at it, or broke off.
const UNFINISHED: Duration = Duration::from_millis(500);

/// Where the servers listen that are alive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Servers {
    addresses: Arc<Mutex<Vec<String>>>,
    turn: Arc<AtomicUsize>,
}

impl Servers {
    /// Says that these servers are alive, and no others.
    pub(crate) fn are(&self, addresses: impl IntoIterator<Item = String>) {
        let addresses = addresses.into_iter().map(|address| address.replace("http://", ""));
        *self.addresses.lock().unwrap() = addresses.collect();
    }

    /// One after the other.
    fn next(&self) -> Option<String> {
        let addresses = self.addresses.lock().unwrap();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        addresses.get(turn % addresses.len().max(1)).cloned()
    }
}

/// What is being asked for at this moment.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    pub(crate) uploads: AtomicUsize,
    pub(crate) cancellations: AtomicUsize,
}

/// A request that was answered, under its key.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) request: Request,
    pub(crate) answer: Value,
}

#[derive(Clone)]
pub(crate) struct Client {
    servers: Servers,
    token: String,
    pub(crate) under_way: Arc<UnderWay>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

impl Client {
    pub(crate) fn new(servers: Servers, token: String) -> Self {
        Self { servers, token, under_way: Arc::default(), acknowledged: Arc::default() }
    }

    /// Asks until there is an answer.
    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        let begun = Instant::now();
        loop {
            if let Some(address) = self.servers.next() {
                match request.send(&address, &self.token).await {
                    // Come again later, it says.
                    Ok(answer) if matches!(answer.status, 429 | 503) => {}
                    Ok(answer) => {
                        let said = String::from_utf8_lossy(&answer.body);
                        assert!(answer.status < 500, "{} {}: {said}", request.method, request.path);
                        return answer;
                    }
                    Err(_) => {}
                }
            }
            assert!(begun.elapsed() < PATIENCE, "{} {} was never answered", request.method, request.path);
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// Has a thing made once, under one key until it is. Where an earlier try made it and its answer was lost, `find` looks
    /// for it.
    pub(crate) async fn make(&self, request: Request, find: impl AsyncFn() -> Option<Value>) -> Value {
        let request = request.under(Uuid::now_v7().to_string());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let answer = self.ask(&request).await;
            match answer.code().as_str() {
                "idempotency_key_unfinished" => tokio::time::sleep(UNFINISHED).await,
                "idempotency_key_done" => {
                    let found = find().await;
                    return found.unwrap_or_else(|| panic!("not there, though done: {}", request.path));
                }
                _ => {
                    assert_eq!(answer.status, 201, "{answer:?}");
                    let answer = answer.json();
                    self.acknowledged.lock().unwrap().push(Acknowledged { request, answer: answer.clone() });
                    return answer;
                }
            }
        }
        panic!("the key was never free again: {} {}", request.method, request.path)
    }

    /// Every request that had a thing made and was answered.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        std::mem::take(&mut self.acknowledged.lock().unwrap())
    }

    /// As [`Client::make`], for what has a name that nothing else has, in the list at `path`.
    pub(crate) async fn make_named(&self, path: &str, body: &Value) -> Value {
        let name = body["name"].as_str().unwrap();
        self.make(Request::post(path).with_json(body), async || self.named(path, name).await).await
    }

    /// The one thing of this name in a list.
    pub(crate) async fn named(&self, path: &str, name: &str) -> Option<Value> {
        let mut found = self.list(path).await;
        found.retain(|item| item["name"] == name);
        assert!(found.len() <= 1, "{name} was made {} times", found.len());
        found.pop()
    }

    /// Says what is wished of a thing, again and again until that was heard: whether it could be done then. It may have
    /// been done before, by a try whose answer was lost.
    pub(crate) async fn wish(&self, path: String) -> bool {
        let answer = self.ask(&Request::post(&path)).await;
        assert!(matches!(answer.status, 200 | 409), "{path}: {answer:?}");
        answer.status == 200
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(&Request::get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.ask(&Request::get(path)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    /// Everything in a list, over all its pages.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        self.pages(path, "after").await
    }

    /// As [`Client::list`], where `next` names the parameter that begins the next page.
    pub(crate) async fn pages(&self, path: &str, next: &str) -> Vec<Value> {
        let (mut items, mut place) = (Vec::new(), String::new());
        loop {
            let mut page = self.get(&format!("{path}?limit=200{place}")).await;
            items.append(page["items"].as_array_mut().unwrap());
            if page["has_more"] == false {
                return items;
            }
            place = format!("&{next}={}", page["next"].to_string().trim_matches('"'));
        }
    }

    /// Looks at a thing until it is as it should be.
    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.get(path).await;
            if is_so(&found) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {path}, which is {found}");
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// The id of a thing.
pub(crate) fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

/// Makes sure that a thing failed because its worker was lost three times, for which a person may have it done again.
pub(crate) fn assert_lost(thing: &Value) {
    let reason = thing["failure"]["message"].as_str().unwrap_or_default();
    assert!(reason.contains("was lost"), "{thing}");
}
