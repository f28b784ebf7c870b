//! Lists, a page at a time, to their ends.

use serde_json::{Value, json};

use crate::each_database;
use crate::people::Person;
use crate::server::Server;
use crate::things::id;

each_database!(every_list_is_read_to_its_end_in_both_orders, a_page_that_cannot_be_is_refused);

/// All items of a list, read page by page.
async fn all(server: &Server, person: &Person, path: &str, order: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.ok(person.get(&format!("{path}?limit={limit}&order={order}{after}"))).await;
        let some = page["items"].as_array().unwrap();
        assert!(some.len() <= limit, "{}", some.len());
        items.extend(some.iter().cloned());
        assert_eq!(page["next"].is_null(), page["has_more"] == false);
        let Some(next) = page["next"].as_str() else { return items };
        after = format!("&after={next}");
    }
}

async fn every_list_is_read_to_its_end_in_both_orders(server: &Server) {
    let (alice, carol) = (server.people.alice(), server.people.carol());
    let mut made = Vec::new();
    for number in 0..7 {
        let new = json!({ "name": format!("dataset {number}") });
        made.push(id(&server.ok(alice.post("/api/v1/datasets").json(&new)).await["dataset"]));
    }
    for limit in [1, 2, 3, 7, 8] {
        let ids = async |order: &str| -> Vec<String> {
            all(server, alice, "/api/v1/datasets", order, limit).await.iter().map(id).collect()
        };
        assert_eq!(ids("asc").await, made, "{limit}");
        let newest_first: Vec<String> = made.iter().rev().cloned().collect();
        assert_eq!(ids("desc").await, newest_first, "{limit}");
    }
    for path in ["/api/v1/users", "/api/v1/audit-events"] {
        let mut once: Vec<String> = all(server, carol, path, "asc", 2).await.iter().map(id).collect();
        let count = once.len();
        once.dedup();
        assert!(count >= 4 && once.len() == count, "{path}");
    }
}

async fn a_page_that_cannot_be_is_refused(server: &Server) {
    let alice = server.people.alice();
    let cases = [
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("limit=ten", "query.limit"),
        ("after=7", "query.after"),
        ("order=up", "query.order"),
        ("limit=1&limit=2", "query"),
        ("offset=3", "query"),
    ];
    for (query, field) in cases {
        let answer = server.ask(alice.get(&format!("/api/v1/datasets?{query}"))).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text());
        let named = answer.json()["errors"][0]["field"].as_str().unwrap().to_owned();
        assert!(named.starts_with(field), "{query}: {named}");
    }
}
