//! Sharing datasets and models.

use gradus_app::accounts::{Caller, Credential, Shared};
use gradus_domain::{ApiTokenId, DatasetId, ModelId, Role, Scope};
use gradus_store::datasets::{self, Dataset};
use gradus_store::models::{self, TrainedModel};
use gradus_store::{Json, Key};
use gradus_testkit::TestDatabase;

use super::each_database;
use super::fixture::{Server, code, origin, server};

each_database!(
    what_is_shared_is_seen_until_it_is_taken_back,
    only_owners_and_administrators_share,
    sharing_with_nobody_is_refused_and_with_the_owner_changes_nothing,
);

async fn dataset(server: &Server, owner: &Caller) -> DatasetId {
    let (id, owner) = (DatasetId::new(), owner.user);
    let insert = server.store.write(move |change| async move {
        let dataset = Dataset {
            id: Key(id),
            owner_id: Key(owner),
            name: "Biology".to_owned(),
            description: String::new(),
            metadata: Json(serde_json::json!({})),
            created_at: change.now(),
            updated_at: change.now(),
        };
        datasets::insert(&change, dataset).await
    });
    insert.await.unwrap();
    id
}

async fn model(server: &Server, owner: &Caller) -> ModelId {
    let (id, owner) = (ModelId::new(), owner.user);
    let insert = server.store.write(move |change| async move {
        let model = TrainedModel {
            id: Key(id),
            owner_id: Key(owner),
            name: format!("ft:base:{id}"),
            kind: "marking".to_owned(),
            base_model: "smollm2-135m-instruct".to_owned(),
            training_job_id: None,
            step: None,
            bytes: 0,
            figures: Json(serde_json::json!({})),
            metadata: Json(serde_json::json!({})),
            created_at: change.now(),
        };
        models::insert(&change, model, Vec::new()).await
    });
    insert.await.unwrap();
    id
}

async fn sees(server: &Server, caller: &Caller, shared: Shared) -> bool {
    let reader = server.store.reader();
    match shared {
        Shared::Dataset(id) => datasets::get(&reader, caller.whose(), id).await.is_ok(),
        Shared::Model(id) => models::get(&reader, caller.whose(), id).await.is_ok(),
    }
}

async fn what_is_shared_is_seen_until_it_is_taken_back(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let alice = server.user(&carol, "alice", Role::Author).await;
    let bob = server.user(&carol, "bob", Role::Viewer).await;
    let things =
        [Shared::Dataset(dataset(&server, &alice).await), Shared::Model(model(&server, &alice).await)];
    for shared in things {
        assert!(!sees(&server, &bob, shared).await);
        server.accounts.share(&alice, shared, "Bob", &origin()).await.unwrap();
        server.accounts.share(&alice, shared, "bob", &origin()).await.unwrap();
        assert!(sees(&server, &bob, shared).await);
        let with = server.accounts.shared_with(&alice, shared).await.unwrap();
        let names: Vec<_> =
            with.iter().map(|user| (user.name.as_str(), user.display_name.as_str())).collect();
        assert_eq!(names, [("bob", "BOB")]);

        server.accounts.stop_sharing(&alice, shared, "bob", &origin()).await.unwrap();
        assert!(!sees(&server, &bob, shared).await);
        assert_eq!(code(server.accounts.stop_sharing(&alice, shared, "bob", &origin()).await), "not-found");
    }
    let events = server.audit_log().await;
    let shares: Vec<_> = events.iter().filter(|event| event.action == "share").collect();
    assert!(shares[0].subject.as_deref().unwrap().starts_with("dataset "));
    assert_eq!((shares.len(), &shares[0].details["with"]), (4, &serde_json::json!("Bob")));
    assert_eq!(server.outcomes("stop-sharing").await, ["done", "not-found", "done", "not-found"]);
    server.close().await;
}

async fn only_owners_and_administrators_share(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let alice = server.user(&carol, "alice", Role::Author).await;
    let bob = server.user(&carol, "bob", Role::Author).await;
    let vera = server.user(&carol, "vera", Role::Viewer).await;
    let shared = Shared::Dataset(dataset(&server, &alice).await);
    let share = async |caller: &Caller, with: &str| {
        server.accounts.share(caller, shared, with, &origin()).await.map_err(|error| error.code())
    };
    // What one does not see is not there; what one only sees cannot be handed on.
    assert_eq!(share(&bob, "bob").await, Err("not-found"));
    assert_eq!(code(server.accounts.shared_with(&bob, shared).await), "not-found");
    assert_eq!(share(&alice, "bob").await, Ok(()));
    assert_eq!(share(&bob, "vera").await, Err("not-owner"));
    assert_eq!(code(server.accounts.shared_with(&bob, shared).await), "not-owner");
    let taken = server.accounts.stop_sharing(&bob, shared, "bob", &origin()).await;
    assert_eq!(code(taken), "not-owner");
    assert_eq!(share(&vera, "vera").await, Err("author-needed"));
    assert_eq!(share(&carol, "vera").await, Ok(()));
    // A token that may only read shares nothing, and one that may not administer sees what an author sees.
    let credential = Credential::ApiToken { id: ApiTokenId::new(), expires_at: None };
    let reading = Caller { scope: Scope::Read, credential, ..alice.clone() };
    assert_eq!(share(&reading, "carol").await, Err("scope-needed"));
    let writing = Caller { scope: Scope::Write, credential, ..carol.clone() };
    assert_eq!(share(&writing, "bob").await, Err("not-found"));
    assert_eq!(server.outcomes("share").await.iter().filter(|outcome| *outcome != "done").count(), 5);
    server.close().await;
}

async fn sharing_with_nobody_is_refused_and_with_the_owner_changes_nothing(database: &TestDatabase) {
    let server = server(database).await;
    let carol = server.administrator().await;
    let alice = server.user(&carol, "alice", Role::Author).await;
    let shared = Shared::Dataset(dataset(&server, &alice).await);
    let refused = server.accounts.share(&alice, shared, "nobody", &origin()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no user nobody that you may see; look at the list for what there is"
    );
    assert_eq!(code(server.accounts.share(&alice, shared, "a b", &origin()).await), "user-name-form");
    let missing = Shared::Model(ModelId::new());
    assert_eq!(code(server.accounts.share(&alice, missing, "carol", &origin()).await), "not-found");
    server.accounts.share(&alice, shared, "alice", &origin()).await.unwrap();
    assert_eq!(server.accounts.shared_with(&alice, shared).await.unwrap(), []);
    server.close().await;
}
