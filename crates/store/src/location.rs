//! Where the database lies, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::StoreError;

/// A file of SQLite, or a database of PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file; made where there is none.
    Sqlite(PathBuf),
    /// A `postgres://` address.
    Postgres(url::Url),
}

impl FromStr for DatabaseLocation {
    type Err = StoreError;

    /// Reads `sqlite:PATH`, a bare path, or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return path_of(path.strip_prefix("//").unwrap_or(path));
        }
        let Some((scheme, _)) = text.split_once("://") else { return path_of(text) };
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err(StoreError::Location(format!(
                "databases of the kind `{scheme}` are not supported: use sqlite:PATH or postgres://USER@HOST/DATABASE"
            )));
        }
        // The address itself stays out of the message: it holds a password.
        let url = text.parse().map_err(|error| {
            StoreError::Location(format!("the address of the PostgreSQL database cannot be read: {error}"))
        })?;
        Ok(Self::Postgres(url))
    }
}

fn path_of(path: &str) -> Result<DatabaseLocation, StoreError> {
    if path.is_empty() || path == ":memory:" {
        return Err(StoreError::Location(
            "the database needs a file, as in sqlite:gradus.db: it is shared with worker processes"
                .to_owned(),
        ));
    }
    Ok(DatabaseLocation::Sqlite(PathBuf::from(path)))
}

/// Without the password.
impl fmt::Display for DatabaseLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let host = url.host_str().unwrap_or("localhost");
                write!(formatter, "postgres://{host}{}", url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses_are_told_apart() {
        let file = DatabaseLocation::Sqlite("data/gradus.db".into());
        assert_eq!("data/gradus.db".parse::<DatabaseLocation>().unwrap(), file);
        assert_eq!("sqlite:data/gradus.db".parse::<DatabaseLocation>().unwrap(), file);
        let absolute = "sqlite:///var/gradus.db".parse::<DatabaseLocation>().unwrap();
        assert_eq!(absolute, DatabaseLocation::Sqlite("/var/gradus.db".into()));
        let server = "postgres://me:secret@db/gradus".parse::<DatabaseLocation>().unwrap();
        assert!(matches!(server, DatabaseLocation::Postgres(_)));
    }

    #[test]
    fn a_password_is_never_shown() {
        let server: DatabaseLocation = "postgres://me:secret@db:5433/gradus".parse().unwrap();
        for shown in [server.to_string(), format!("{server:?}")] {
            assert_eq!(shown, "postgres://db/gradus");
        }
        let broken =
            "postgres://me:secret@db:port/gradus".parse::<DatabaseLocation>().unwrap_err().to_string();
        assert!(!broken.contains("secret"), "{broken}");
    }

    #[test]
    fn other_databases_and_databases_without_a_file_are_refused() {
        let mysql = "mysql://me@db/gradus".parse::<DatabaseLocation>().unwrap_err().to_string();
        assert!(mysql.contains("`mysql` are not supported"), "{mysql}");
        for nothing in ["", "sqlite:", "sqlite::memory:"] {
            assert!(nothing.parse::<DatabaseLocation>().is_err(), "{nothing}");
        }
    }
}
