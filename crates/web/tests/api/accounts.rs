//! Setting up, logging in and out, tokens, users: each as clients do it.

use gradus_testkit::{Kind, TestDatabase};
use serde_json::{Value, json};

use crate::asking::Ask;
use crate::each_database;
use crate::people::{OTHER_PASSWORD, PASSWORD, Person};
use crate::server::Server;
use crate::things::{filled, id};

each_database!(
    a_session_begins_with_a_password_and_ends_with_a_log_out,
    wrong_logins_are_all_answered_alike,
    wrong_passwords_are_held_back_whatever_a_request_says_of_its_sender,
    names_are_not_tried_one_after_the_other,
    a_token_is_shown_once_and_refused_once_revoked,
    a_token_lets_nobody_in,
    an_invited_user_chooses_a_password_and_is_in,
    a_disabled_user_is_out_within_one_request,
    roles_are_changed_and_the_last_administrator_stays,
    a_password_is_changed_in_a_session,
    users_see_and_change_themselves,
    administrators_read_what_was_done_and_refused,
);

async fn set_up(server: &Server, token: &str) -> crate::wire::Answer {
    let body = json!({ "token": token, "name": "carol", "display_name": "Carol", "password": PASSWORD });
    server.ask(Ask::post("/api/v1/setup").json(&body)).await
}

#[tokio::test]
async fn the_first_run_makes_an_administrator_once() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(database) = TestDatabase::new(kind).await else { continue };
        let server = Server::start_empty(&database).await;
        let needed = |answer: Value| answer["needed"].as_bool().unwrap();
        assert!(needed(server.ok(Ask::get("/api/v1/setup")).await));
        let wrong = set_up(&server, "wrong").await;
        assert_eq!((wrong.status, wrong.code().as_str()), (403, "set_up_token_wrong"));
        let token = server.setup_token.clone().unwrap();
        let done = set_up(&server, &token).await;
        assert_eq!(done.status, 201, "{}", done.text());
        let me = Ask::get("/api/v1/me").header("cookie", cookie(&done).as_str());
        assert_eq!(server.ok(me).await["user"]["role"], "admin");
        assert!(!needed(server.ok(Ask::get("/api/v1/setup")).await));
        let again = set_up(&server, &token).await;
        assert_eq!((again.status, again.code().as_str()), (409, "already_set_up"));
        server.stop().await;
        database.remove().await;
    }
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(answer: &crate::wire::Answer) -> String {
    let line = answer.header("set-cookie").unwrap();
    for attribute in ["__Host-gradus_session=", "; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(line.contains(attribute), "{line}");
    }
    line.split(';').next().unwrap().to_owned()
}

fn login(name: &str, password: &str) -> Ask {
    Ask::post("/api/v1/sessions").json(&json!({ "name": name, "password": password }))
}

async fn a_session_begins_with_a_password_and_ends_with_a_log_out(server: &Server) {
    let answer = server.ask(login("ALICE", PASSWORD)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookie = cookie(&answer);
    assert!(!answer.text().contains(cookie.split_once('=').unwrap().1), "the secret is in the cookie alone");
    let with_cookie = |ask: Ask| ask.header("cookie", &cookie).header("sec-fetch-site", "same-origin");
    let me = server.ok(with_cookie(Ask::get("/api/v1/me"))).await;
    assert_eq!(
        (me["user"]["name"].as_str(), me["session_id"].as_str()),
        (Some("alice"), answer.json()["id"].as_str())
    );
    let sessions = server.ok(with_cookie(Ask::get("/api/v1/sessions"))).await;
    let own = sessions["items"].as_array().unwrap().iter().filter(|session| session["is_own"] == true);
    assert_eq!(own.count(), 1);

    let out = server.ask(with_cookie(Ask::new("DELETE", "/api/v1/sessions/current"))).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    for route in server.routes.iter().filter(|route| route.access.needs_caller()) {
        let ask = Ask::new(route.method.as_str(), &filled(&route.path));
        assert_eq!(server.ask(with_cookie(ask)).await.status, 401, "{} {}", route.method, route.path);
    }
}

async fn wrong_logins_are_all_answered_alike(server: &Server) {
    let mut answers = Vec::new();
    for (name, password) in [
        ("alice", "wrong wrong wrong wrong"),
        ("nobody", PASSWORD),
        ("no\nbody'--", PASSWORD),
        ("alice", "x"),
    ] {
        let mut answer = server.ask(login(name, password)).await.json();
        assert!(answer.as_object_mut().unwrap().remove("instance").is_some());
        answers.push(answer);
    }
    assert_eq!(answers[0]["code"], "wrong_credentials");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let other = server.people.alice();
    let listed = server.ok(other.get("/api/v1/sessions")).await;
    let session = id(&listed["items"][0]);
    let bob = server.people.bob();
    assert_eq!(server.refusal(bob.delete(&format!("/api/v1/sessions/{session}"))).await.0, 404);
    server.ok(other.delete(&format!("/api/v1/sessions/{session}"))).await;
}

async fn wrong_passwords_are_held_back_whatever_a_request_says_of_its_sender(server: &Server) {
    let mut refused = None;
    for number in 0..25 {
        let sender = format!("203.0.113.{number}");
        let ask = login("alice", OTHER_PASSWORD).header("x-forwarded-for", &sender);
        let answer = server.ask(ask.header("forwarded", &format!("for={sender}"))).await;
        if answer.status == 429 {
            refused = Some((number, answer));
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let (tries, answer) = refused.expect("nobody may try as often as they like");
    assert!(tries >= 5, "people mistype: {tries}");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15 * 60).contains(&wait), "{wait}");
    // The right one waits no longer than that.
    assert_eq!(server.ask(login("alice", PASSWORD)).await.status, 429);
    server.clock.advance_seconds(i64::try_from(wait).unwrap());
    assert_eq!(server.ask(login("alice", PASSWORD)).await.status, 201);
}

async fn names_are_not_tried_one_after_the_other(server: &Server) {
    let mut told = 0;
    for number in 0..100 {
        let ask =
            login(&format!("name{number}"), PASSWORD).header("x-forwarded-for", &format!("10.0.0.{number}"));
        told += usize::from(server.ask(ask).await.status == 401);
    }
    assert!((10..=25).contains(&told), "{told}");
}

async fn a_token_is_shown_once_and_refused_once_revoked(server: &Server) {
    let alice = server.people.alice();
    let new = json!({ "name": "backup", "scope": "read", "hours": 24 });
    let made = server.ok(alice.in_session(Ask::post("/api/v1/tokens")).json(&new)).await;
    let (secret, token) = (made["secret"].as_str().unwrap().to_owned(), id(&made["token"]));
    assert!(secret.starts_with("grd_") && secret.starts_with(made["token"]["prefix"].as_str().unwrap()));
    let listed = server.ask(alice.get("/api/v1/tokens")).await;
    assert!(!listed.text().contains(&secret));
    let me = || Ask::get("/api/v1/me").bearer(&secret);
    assert_eq!(server.ok(me()).await["api_token_id"], token.as_str());
    server.ok(alice.delete(&format!("/api/v1/tokens/{token}"))).await;
    assert_eq!(server.refusal(me()).await, (401, "credentials_not_valid".to_owned()));
    let again = server.refusal(alice.delete(&format!("/api/v1/tokens/{token}"))).await;
    assert_eq!(again.0, 404);
}

async fn a_token_lets_nobody_in(server: &Server) {
    let alice = server.people.alice();
    let new = |scope: &str| Ask::post("/api/v1/tokens").json(&json!({ "name": "x", "scope": scope }));
    let wide = alice.in_session(new("admin"));
    assert_eq!(server.refusal(wide).await, (403, "scope_too_wide".to_owned()));
    server.ok(alice.in_session(new("write"))).await;
    // Whatever its scope, a token that is stolen gains nobody anything that outlives it.
    let (carol, bob) = (server.people.carol(), server.people.bob().caller.user);
    let user = json!({ "name": "dora", "display_name": "Dora", "role": "admin" });
    for ask in [
        new("read"),
        Ask::post("/api/v1/users").json(&user),
        Ask::post(&format!("/api/v1/users/{bob}/invitation")),
        Ask::new("PUT", &format!("/api/v1/users/{bob}/role")).json(&json!({ "role": "admin" })),
    ] {
        let said = format!("{ask:?}");
        let refused = server.refusal(carol.with_token(ask)).await;
        assert_eq!(refused, (403, "session_needed".to_owned()), "{said}");
    }
}

async fn an_invited_user_chooses_a_password_and_is_in(server: &Server) {
    let carol = server.people.carol();
    let new = json!({ "name": "Dora", "display_name": "Dora", "role": "author" });
    let made = server.ok(carol.in_session(Ask::post("/api/v1/users")).json(&new)).await;
    assert_eq!(
        (made["user"]["name"].as_str(), made["user"]["has_password"].as_bool()),
        (Some("dora"), Some(false))
    );
    let taken = carol.in_session(Ask::post("/api/v1/users")).json(&new);
    assert_eq!(server.refusal(taken).await, (409, "user_name_taken".to_owned()));
    let accept = |code: &str, password: &str| {
        Ask::post("/api/v1/invitations/accept")
            .json(&json!({ "name": "dora", "code": code, "password": password }))
    };
    let code = made["code"].as_str().unwrap();
    assert_eq!(server.refusal(accept("wrong", PASSWORD)).await, (403, "invitation_invalid".to_owned()));
    assert_eq!(server.refusal(accept(code, "too short")).await, (422, "password_too_short".to_owned()));
    assert_eq!(server.ask(accept(code, PASSWORD)).await.status, 201);
    assert_eq!(server.refusal(accept(code, PASSWORD)).await, (403, "invitation_invalid".to_owned()));
    let again = format!("/api/v1/users/{}/invitation", id(&made["user"]));
    let invitation = server.ok(carol.in_session(Ask::post(&again))).await;
    assert_eq!(server.ask(accept(invitation["code"].as_str().unwrap(), OTHER_PASSWORD)).await.status, 201);
}

async fn a_disabled_user_is_out_within_one_request(server: &Server) {
    let (carol, bob) = (server.people.carol(), server.people.bob());
    let path = |step: &str| format!("/api/v1/users/{}/{step}", bob.caller.user);
    let disabled = server.ok(carol.post(&path("disable"))).await;
    assert!(disabled["disabled_at"].is_string());
    assert_eq!(server.refusal(bob.get("/api/v1/me")).await.0, 401);
    assert_eq!(server.refusal(bob.in_session(Ask::get("/api/v1/me"))).await.0, 401);
    assert_eq!(server.refusal(login("bob", PASSWORD)).await, (401, "wrong_credentials".to_owned()));
    assert!(server.ok(carol.post(&path("enable"))).await["disabled_at"].is_null());
    assert_eq!(server.ask(login("bob", PASSWORD)).await.status, 201);
}

async fn roles_are_changed_and_the_last_administrator_stays(server: &Server) {
    let (carol, vera) = (server.people.carol(), server.people.vera());
    let role = |person: &Person, role: &str| {
        let path = format!("/api/v1/users/{}/role", person.caller.user);
        carol.in_session(Ask::new("PUT", &path)).json(&json!({ "role": role }))
    };
    assert_eq!(server.refusal(role(carol, "author")).await, (409, "last_administrator".to_owned()));
    assert_eq!(server.ok(role(vera, "admin")).await["role"], "admin");
    // It holds from the next request on, in a session that had begun before.
    assert_eq!(server.ask(vera.in_session(Ask::get("/api/v1/users"))).await.status, 200);
    assert_eq!(server.ok(role(carol, "viewer")).await["role"], "viewer");
    assert_eq!(server.refusal(carol.get("/api/v1/users")).await.0, 403);
    assert_eq!(server.refusal(role(vera, "owner")).await.0, 403);
}

async fn a_password_is_changed_in_a_session(server: &Server) {
    let alice = server.people.alice();
    let change = |present: &str, new: &str| {
        Ask::new("PUT", "/api/v1/me/password").json(&json!({ "present": present, "new": new }))
    };
    let by_token = alice.with_token(change(PASSWORD, OTHER_PASSWORD));
    assert_eq!(server.refusal(by_token).await, (403, "session_needed".to_owned()));
    let wrong = alice.in_session(change("wrong wrong wrong wrong", OTHER_PASSWORD));
    assert_eq!(server.refusal(wrong).await, (422, "present_password_wrong".to_owned()));
    let common = alice.in_session(change(PASSWORD, "passwordpassword"));
    assert_eq!(server.refusal(common).await.0, 422);
    assert_eq!(server.ask(alice.in_session(change(PASSWORD, OTHER_PASSWORD))).await.status, 204);
    assert_eq!(server.refusal(alice.get("/api/v1/me")).await.0, 401, "the tokens are revoked");
    assert_eq!(server.ask(login("alice", OTHER_PASSWORD)).await.status, 201);
}

async fn users_see_and_change_themselves(server: &Server) {
    let alice = server.people.alice();
    let change =
        |name: &str| alice.with_token(Ask::new("PATCH", "/api/v1/me")).json(&json!({ "display_name": name }));
    assert_eq!(server.ok(change("Alice L.")).await["user"]["display_name"], "Alice L.");
    assert_eq!(server.refusal(change("a\u{202e}b")).await, (422, "invalid".to_owned()));
    let carol = server.people.carol();
    let seen = server.ok(carol.get(&format!("/api/v1/users/{}", alice.caller.user))).await;
    assert_eq!(seen["display_name"], "Alice L.");
    assert_eq!(server.ok(carol.get("/api/v1/users")).await["items"].as_array().unwrap().len(), 4);
}

async fn administrators_read_what_was_done_and_refused(server: &Server) {
    let (carol, alice) = (server.people.carol(), server.people.alice());
    server.ask(login("alice", "wrong wrong wrong wrong")).await;
    let path = format!("/api/v1/audit-events?user={}&limit=200", alice.caller.user);
    let events = server.ok(carol.get(&path)).await;
    let events = events["items"].as_array().unwrap();
    let failed = events.iter().find(|event| event["outcome"] == "wrong-password").unwrap();
    assert_eq!((failed["action"].as_str(), failed["address"].as_str()), (Some("log-in"), Some("127.0.0.1")));
    assert_eq!(failed["request_id"].as_str().unwrap().len(), 32);
    assert!(events.iter().all(|event| event["user_name"] == "alice"), "{events:?}");
}
