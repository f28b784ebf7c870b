//! The first shape.

use sea_orm::sea_query::{
    ConditionalStatement, Expr, ExprTrait, Index, IndexCreateStatement, TableCreateStatement,
};

use super::Change;
use super::shape::{
    id, index, json, key, maybe, needs, needs_blob, number, part_of, real, table, text, time, truth,
};

pub(super) fn changes() -> Vec<Change> {
    let tables = [
        accounts(),
        blobs(),
        documents(),
        datasets(),
        training(),
        models(),
        tests(),
        reports(),
        work(),
        records(),
    ];
    let tables = tables.into_iter().flatten().map(|table| -> Change { Box::new(table) });
    tables.chain(indexes().into_iter().map(|index| -> Change { Box::new(index) })).collect()
}

fn accounts() -> Vec<TableCreateStatement> {
    let user = table(
        "user",
        [
            id(),
            text("name").unique_key().take(),
            text("display_name"),
            maybe(text("password_hash")),
            text("role"),
            maybe(time("disabled_at")),
            time("created_at"),
            time("updated_at"),
        ],
    );
    let session = table(
        "session",
        [
            id(),
            key("user_id"),
            text("token_hash").unique_key().take(),
            text("address"),
            text("user_agent"),
            time("created_at"),
            time("last_seen_at"),
            time("expires_at"),
        ],
    )
    .foreign_key(&mut part_of("session", "user_id", "user"))
    .take();
    let api_token = table(
        "api_token",
        [
            id(),
            key("user_id"),
            text("name"),
            text("prefix"),
            text("token_hash").unique_key().take(),
            text("scope"),
            time("created_at"),
            maybe(time("expires_at")),
            maybe(time("last_used_at")),
            maybe(time("revoked_at")),
        ],
    )
    .foreign_key(&mut part_of("api_token", "user_id", "user"))
    .take();
    let setting = table("setting", [text("name").primary_key().take(), json("value"), time("updated_at")]);
    let throttle = table("throttle", [text("name").primary_key().take(), number("count"), time("since")]);
    vec![user, session, api_token, setting, throttle]
}

fn blobs() -> Vec<TableCreateStatement> {
    let columns = [text("hash").primary_key().take(), number("bytes"), text("state"), time("touched_at")];
    vec![table("blob", columns)]
}

fn documents() -> Vec<TableCreateStatement> {
    let document = table(
        "document",
        [
            id(),
            key("owner_id"),
            text("name"),
            text("purpose"),
            text("state"),
            text("blob_hash"),
            number("bytes"),
            maybe(text("format")),
            maybe(number("pages")),
            maybe(real("quality")),
            maybe(text("text_hash")),
            json("findings"),
            maybe(json("failure")),
            json("metadata"),
            maybe(time("expires_at")),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut needs("document", "owner_id", "user"))
    .foreign_key(&mut needs_blob("document", "blob_hash"))
    .foreign_key(&mut needs_blob("document", "text_hash"))
    .take();
    vec![document]
}

fn datasets() -> Vec<TableCreateStatement> {
    let dataset = table(
        "dataset",
        [
            id(),
            key("owner_id"),
            text("name"),
            text("description"),
            json("metadata"),
            time("created_at"),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut needs("dataset", "owner_id", "user"))
    .take();
    let share = table("dataset_share", [key("dataset_id"), key("user_id"), time("created_at")])
        .primary_key(Index::create().col("dataset_id").col("user_id"))
        .foreign_key(&mut part_of("dataset_share", "dataset_id", "dataset"))
        .foreign_key(&mut part_of("dataset_share", "user_id", "user"))
        .take();
    let version = table(
        "dataset_version",
        [
            id(),
            key("dataset_id"),
            number("number"),
            text("state"),
            json("settings"),
            maybe(text("content_hash")),
            maybe(text("blob_hash")),
            number("examples"),
            json("figures"),
            maybe(json("failure")),
            time("created_at"),
            maybe(time("finished_at")),
        ],
    )
    .foreign_key(&mut part_of("dataset_version", "dataset_id", "dataset"))
    .foreign_key(&mut needs_blob("dataset_version", "blob_hash"))
    .index(Index::create().unique().col("dataset_id").col("number"))
    .take();
    let document = table(
        "dataset_document",
        [key("dataset_version_id"), key("document_id"), text("role"), number("position")],
    )
    .primary_key(Index::create().col("dataset_version_id").col("document_id").col("role"))
    .foreign_key(&mut part_of("dataset_document", "dataset_version_id", "dataset_version"))
    .foreign_key(&mut needs("dataset_document", "document_id", "document"))
    .take();
    let example = table(
        "example",
        [
            key("dataset_version_id"),
            number("position"),
            text("part"),
            text("question"),
            maybe(text("student")),
            text("answer"),
            text("verdict"),
        ],
    )
    .primary_key(Index::create().col("dataset_version_id").col("position"))
    .foreign_key(&mut part_of("example", "dataset_version_id", "dataset_version"))
    .take();
    vec![dataset, share, version, document, example]
}

fn training() -> Vec<TableCreateStatement> {
    let job = table(
        "training_job",
        [
            id(),
            key("owner_id"),
            text("name"),
            text("state"),
            maybe(key("dataset_version_id")),
            maybe(key("training_document_id")),
            maybe(key("validation_document_id")),
            text("base_model"),
            maybe(key("from_model_id")),
            maybe(key("resume_checkpoint_id")),
            json("settings"),
            maybe(text("suffix")),
            number("step"),
            maybe(number("steps")),
            json("progress"),
            number("event_seq"),
            maybe(json("failure")),
            json("metadata"),
            time("created_at"),
            maybe(time("started_at")),
            maybe(time("finished_at")),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut needs("training_job", "owner_id", "user"))
    .foreign_key(&mut needs("training_job", "dataset_version_id", "dataset_version"))
    .foreign_key(&mut needs("training_job", "training_document_id", "document"))
    .foreign_key(&mut needs("training_job", "validation_document_id", "document"))
    .take();
    let event = table(
        "training_event",
        [
            key("training_job_id"),
            number("seq"),
            time("at"),
            text("kind"),
            text("level"),
            text("message"),
            json("data"),
        ],
    )
    .primary_key(Index::create().col("training_job_id").col("seq"))
    .foreign_key(&mut part_of("training_event", "training_job_id", "training_job"))
    .take();
    let checkpoint = table(
        "checkpoint",
        [
            id(),
            key("training_job_id"),
            number("step"),
            maybe(real("training_loss")),
            maybe(real("validation_loss")),
            number("bytes"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut part_of("checkpoint", "training_job_id", "training_job"))
    .take();
    vec![job, event, checkpoint, files_of("checkpoint_file", "checkpoint_id", "checkpoint")]
}

fn models() -> Vec<TableCreateStatement> {
    let model = table(
        "model",
        [
            id(),
            key("owner_id"),
            text("name").unique_key().take(),
            text("kind"),
            text("base_model"),
            maybe(key("training_job_id")),
            maybe(number("step")),
            number("bytes"),
            json("figures"),
            json("metadata"),
            time("created_at"),
        ],
    )
    .foreign_key(&mut needs("model", "owner_id", "user"))
    .foreign_key(&mut needs("model", "training_job_id", "training_job"))
    .take();
    let share = table("model_share", [key("model_id"), key("user_id"), time("created_at")])
        .primary_key(Index::create().col("model_id").col("user_id"))
        .foreign_key(&mut part_of("model_share", "model_id", "model"))
        .foreign_key(&mut part_of("model_share", "user_id", "user"))
        .take();
    vec![model, share, files_of("model_file", "model_id", "model")]
}

/// The files of which a checkpoint or a model consists.
fn files_of(name: &'static str, owner: &'static str, owner_table: &'static str) -> TableCreateStatement {
    table(name, [key(owner), text("name"), text("blob_hash"), number("bytes")])
        .primary_key(Index::create().col(owner).col("name"))
        .foreign_key(&mut part_of(name, owner, owner_table))
        .foreign_key(&mut needs_blob(name, "blob_hash"))
        .take()
}

fn tests() -> Vec<TableCreateStatement> {
    let model_test = table(
        "model_test",
        [
            id(),
            key("owner_id"),
            text("name"),
            key("model_id"),
            maybe(key("dataset_version_id")),
            text("state"),
            json("settings"),
            number("done"),
            number("total"),
            maybe(text("result_hash")),
            json("figures"),
            maybe(json("failure")),
            time("created_at"),
            maybe(time("started_at")),
            maybe(time("finished_at")),
            time("updated_at"),
        ],
    )
    .foreign_key(&mut needs("model_test", "owner_id", "user"))
    .foreign_key(&mut needs("model_test", "model_id", "model"))
    .foreign_key(&mut needs("model_test", "dataset_version_id", "dataset_version"))
    .foreign_key(&mut needs_blob("model_test", "result_hash"))
    .take();
    let submission = table(
        "submission",
        [
            id(),
            key("model_test_id"),
            number("position"),
            maybe(key("document_id")),
            maybe(text("student")),
            maybe(text("question")),
            text("answer"),
            maybe(text("expected")),
            maybe(text("verdict")),
            maybe(real("confidence")),
            maybe(truth("needs_person")),
            json("details"),
            maybe(json("failure")),
            time("created_at"),
            maybe(time("marked_at")),
        ],
    )
    .foreign_key(&mut part_of("submission", "model_test_id", "model_test"))
    .foreign_key(&mut needs("submission", "document_id", "document"))
    .index(Index::create().unique().col("model_test_id").col("position"))
    .take();
    vec![model_test, submission]
}

fn reports() -> Vec<TableCreateStatement> {
    let report = table(
        "report",
        [
            id(),
            key("owner_id"),
            text("kind"),
            text("name"),
            text("state"),
            maybe(key("training_job_id")),
            maybe(key("model_test_id")),
            maybe(key("other_model_test_id")),
            maybe(text("html_hash")),
            maybe(text("json_hash")),
            maybe(json("failure")),
            time("created_at"),
            maybe(time("finished_at")),
        ],
    )
    .foreign_key(&mut needs("report", "owner_id", "user"))
    .foreign_key(&mut needs("report", "training_job_id", "training_job"))
    .foreign_key(&mut needs("report", "model_test_id", "model_test"))
    .foreign_key(&mut needs("report", "other_model_test_id", "model_test"))
    .foreign_key(&mut needs_blob("report", "html_hash"))
    .foreign_key(&mut needs_blob("report", "json_hash"))
    .take();
    vec![report]
}

fn work() -> Vec<TableCreateStatement> {
    let queue_job = table(
        "queue_job",
        [
            id(),
            text("kind"),
            maybe(key("user_id")),
            maybe(key("subject_id")),
            text("state"),
            text("wish"),
            number("priority"),
            time("run_at"),
            number("attempts"),
            number("losses"),
            number("fence"),
            maybe(key("worker_id")),
            maybe(time("lease_until")),
            maybe(json("failure")),
            time("created_at"),
            maybe(time("started_at")),
            maybe(time("finished_at")),
        ],
    );
    let worker = table(
        "worker",
        [id(), text("name"), json("figures"), truth("is_draining"), time("started_at"), time("seen_at")],
    );
    vec![queue_job, worker]
}

fn records() -> Vec<TableCreateStatement> {
    let error_event = table(
        "error_event",
        [
            id(),
            text("fingerprint"),
            text("category"),
            text("severity"),
            truth("is_transient"),
            text("message"),
            text("place"),
            number("count"),
            time("first_seen_at"),
            time("last_seen_at"),
            maybe(time("resolved_at")),
            maybe(key("resolved_by")),
            maybe(key("subject_id")),
        ],
    );
    let audit_event = table(
        "audit_event",
        [
            id(),
            time("at"),
            maybe(key("user_id")),
            text("user_name"),
            text("action"),
            text("outcome"),
            maybe(text("subject")),
            maybe(text("address")),
            maybe(text("request_id")),
            json("details"),
        ],
    );
    let idempotency_key = table(
        "idempotency_key",
        [
            key("user_id"),
            text("name"),
            text("request_hash"),
            key("attempt"),
            truth("is_done"),
            time("held_until"),
            maybe(number("status")),
            maybe(json("answer")),
            time("created_at"),
        ],
    )
    .primary_key(Index::create().col("user_id").col("name"))
    .foreign_key(&mut part_of("idempotency_key", "user_id", "user"))
    .take();
    vec![error_event, audit_event, idempotency_key]
}

/// Every column that rows are looked up by, and every one that points elsewhere: neither database makes those itself.
fn indexes() -> Vec<IndexCreateStatement> {
    let mut indexes = vec![
        index("session", &["user_id"]),
        index("api_token", &["user_id"]),
        index("blob", &["state", "touched_at"]),
        index("document", &["owner_id"]),
        index("document", &["blob_hash"]),
        index("document", &["text_hash"]),
        index("dataset", &["owner_id"]),
        index("dataset_share", &["user_id"]),
        index("dataset_version", &["blob_hash"]),
        index("dataset_document", &["document_id"]),
        index("training_job", &["owner_id"]),
        index("training_job", &["dataset_version_id"]),
        index("training_job", &["training_document_id"]),
        index("training_job", &["validation_document_id"]),
        index("checkpoint", &["training_job_id"]),
        index("checkpoint_file", &["blob_hash"]),
        index("model", &["owner_id"]),
        index("model", &["training_job_id"]),
        index("model_share", &["user_id"]),
        index("model_file", &["blob_hash"]),
        index("model_test", &["owner_id"]),
        index("model_test", &["model_id"]),
        index("model_test", &["dataset_version_id"]),
        index("model_test", &["result_hash"]),
        index("submission", &["document_id"]),
        index("report", &["owner_id"]),
        index("report", &["training_job_id"]),
        index("report", &["model_test_id"]),
        index("report", &["other_model_test_id"]),
        index("report", &["html_hash"]),
        index("report", &["json_hash"]),
        index("queue_job", &["state", "run_at"]),
        index("queue_job", &["subject_id"]),
        index("audit_event", &["at"]),
    ];
    let open = Index::create()
        .name("error_event_open")
        .table("error_event")
        .col("fingerprint")
        .unique()
        .and_where(Expr::col("resolved_at").is_null())
        .take();
    indexes.push(open);
    indexes
}
