//! Short words for columns, keys and indexes. One spelling serves both databases.

use sea_orm::sea_query::{
    ColumnDef, ColumnType, ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, Index,
    IndexCreateStatement, Table, TableCreateStatement,
};

/// The table of the steps that were made.
pub(super) const STEPS: &str = "schema_step";

pub(super) fn table_of_steps() -> TableCreateStatement {
    let mut table = table(STEPS, [text("name").primary_key().take(), time("made_at")]);
    table.if_not_exists().take()
}

pub(super) fn table<const N: usize>(name: &'static str, columns: [ColumnDef; N]) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name);
    for column in columns {
        table.col(column);
    }
    table.take()
}

/// The column `id`, which names the row.
pub(super) fn id() -> ColumnDef {
    key("id").primary_key().take()
}

pub(super) fn key(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Uuid)
}

pub(super) fn text(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Text)
}

pub(super) fn number(name: &'static str) -> ColumnDef {
    column(name, ColumnType::BigInteger)
}

pub(super) fn real(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Double)
}

pub(super) fn truth(name: &'static str) -> ColumnDef {
    column(name, ColumnType::Boolean)
}

pub(super) fn time(name: &'static str) -> ColumnDef {
    column(name, ColumnType::TimestampWithTimeZone)
}

pub(super) fn json(name: &'static str) -> ColumnDef {
    column(name, ColumnType::JsonBinary)
}

fn column(name: &'static str, column_type: ColumnType) -> ColumnDef {
    ColumnDef::new_with_type(name, column_type).not_null().take()
}

/// A column that may be empty.
pub(super) fn maybe(mut column: ColumnDef) -> ColumnDef {
    column.null().take()
}

/// Each row belongs to a row of `to`, and is deleted with it.
pub(super) fn part_of(
    table: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    points_at(table, column, to, "id", ForeignKeyAction::Cascade)
}

/// A row of `to` cannot be deleted while a row points at it.
pub(super) fn needs(
    table: &'static str,
    column: &'static str,
    to: &'static str,
) -> ForeignKeyCreateStatement {
    points_at(table, column, to, "id", ForeignKeyAction::NoAction)
}

/// The blob of this hash cannot be deleted while a row points at it.
pub(super) fn needs_blob(table: &'static str, column: &'static str) -> ForeignKeyCreateStatement {
    points_at(table, column, "blob", "hash", ForeignKeyAction::NoAction)
}

fn points_at(
    table: &'static str,
    column: &'static str,
    to: &'static str,
    to_column: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(to, to_column).on_delete(on_delete).take()
}

/// Rows are looked up by these columns.
pub(super) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{table}_by_{}", columns.join("_"))).table(table);
    for &column in columns {
        index.col(column);
    }
    index.take()
}
