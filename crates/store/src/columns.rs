//! How values of the domain stand in columns: ids as UUIDs, words as text, structures as JSON.

use std::ops::Deref;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use gradus_domain::{Id, Word};

/// An id in a column of UUIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key<T>(pub T);

/// One of a set of words in a column of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<T>(pub T);

/// A structure in a column of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json<T>(pub T);

impl<T> Deref for Key<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Text<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Id> From<Key<T>> for Value {
    fn from(key: Key<T>) -> Self {
        key.0.uuid().into()
    }
}

impl<T: Id> TryGetable for Key<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Uuid::try_get_by(row, index).map(|uuid| Self(T::from_uuid(uuid)))
    }
}

impl<T: Id> ValueType for Key<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Uuid as ValueType>::try_from(value).map(|uuid| Self(T::from_uuid(uuid)))
    }

    fn type_name() -> String {
        Uuid::type_name()
    }

    fn array_type() -> ArrayType {
        Uuid::array_type()
    }

    fn column_type() -> ColumnType {
        Uuid::column_type()
    }
}

impl<T: Id> Nullable for Key<T> {
    fn null() -> Value {
        Uuid::null()
    }
}

/// Ids are made here, never by the database.
impl<T> TryFromU64 for Key<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Key"))
    }
}

impl<T: Word> From<Text<T>> for Value {
    fn from(text: Text<T>) -> Self {
        text.0.word().into()
    }
}

impl<T: Word> TryGetable for Text<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(row, index)?;
        T::parse(&text).map(Self).map_err(|unknown| DbErr::Type(unknown.to_string()).into())
    }
}

impl<T: Word> ValueType for Text<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let text = <String as ValueType>::try_from(value)?;
        T::parse(&text).map(Self).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        String::type_name()
    }

    fn array_type() -> ArrayType {
        String::array_type()
    }

    fn column_type() -> ColumnType {
        ColumnType::Text
    }
}

impl<T: Word> Nullable for Text<T> {
    fn null() -> Value {
        String::null()
    }
}

impl<T: Serialize> From<Json<T>> for Value {
    fn from(json: Json<T>) -> Self {
        // Only maps with keys that are no text cannot be written, and no type stored here has one.
        serde_json::to_value(&json.0).unwrap_or_default().into()
    }
}

impl<T: DeserializeOwned> TryGetable for Json<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let value = serde_json::Value::try_get_by(row, index)?;
        serde_json::from_value(value).map(Self).map_err(|error| DbErr::Json(error.to_string()).into())
    }
}

impl<T: Serialize + DeserializeOwned> ValueType for Json<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let value = <serde_json::Value as ValueType>::try_from(value)?;
        serde_json::from_value(value).map(Self).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        serde_json::Value::type_name()
    }

    fn array_type() -> ArrayType {
        serde_json::Value::array_type()
    }

    fn column_type() -> ColumnType {
        ColumnType::JsonBinary
    }
}

impl<T> Nullable for Json<T> {
    fn null() -> Value {
        serde_json::Value::null()
    }
}
