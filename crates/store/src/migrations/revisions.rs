//! Things that workers work on have revisions, so that each change of one can be told from the one before it.

use sea_orm::sea_query::Table;

use super::Change;
use super::shape::number;

/// What can be followed while it is worked on. Training jobs have their numbered events.
const FOLLOWED: [&str; 4] = ["document", "dataset_version", "model_test", "report"];

pub(super) fn changes() -> Vec<Change> {
    let revision = || number("revision").default(1).take();
    let changes = FOLLOWED.map(|table| Table::alter().table(table).add_column(revision()).take());
    changes.into_iter().map(|change| -> Change { Box::new(change) }).collect()
}
