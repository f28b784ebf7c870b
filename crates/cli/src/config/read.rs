//! The file and the variables.

use std::path::Path;

use anyhow::{Context, anyhow};
use toml::{Table, Value};

use super::Config;

/// What every variable of the configuration begins with.
const PREFIX: &str = "GRADUS_";
/// The parts of the configuration, which are the second words of the variables' names.
const PARTS: [&str; 7] = ["server", "database", "blobs", "workers", "serving", "accounts", "log"];

/// Reads the file, if there is one, and puts over it what the variables say: `GRADUS_SERVER_LISTEN` is `listen` in
/// `[server]`. Deeper settings have two underscores for each step down: `GRADUS_ACCOUNTS_QUOTAS__DOCUMENTS`.
pub(crate) fn read(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> anyhow::Result<Config> {
    let mut table = match file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            // Read as a whole first: errors then name line and column.
            toml::from_str::<Config>(&text).with_context(|| format!("{} cannot be used", path.display()))?;
            text.parse::<Table>().with_context(|| format!("{} cannot be read", path.display()))?
        }
        None => Table::new(),
    };
    for (name, value) in variables {
        let Some((part, setting)) = setting_of(&name) else { continue };
        // One after the other, so that an error is known to be this variable's.
        table = with(&table, &part, &setting, &value)
            .map_err(|message| anyhow!("the environment variable {name} cannot be used: {message}"))?;
    }
    Ok(Value::Table(table).try_into()?)
}

/// The part and the path in it of the setting that a variable names, if it names one.
fn setting_of(name: &str) -> Option<(String, Vec<String>)> {
    let name = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let (part, setting) = name.split_once('_')?;
    let is_part = PARTS.contains(&part) && !setting.is_empty();
    is_part.then(|| (part.to_owned(), setting.split("__").map(str::to_owned).collect()))
}

/// The table with one more setting: a text where the setting takes one, since a password may look like a number; else
/// what TOML reads in it, or a list of what is between commas.
fn with(table: &Table, part: &str, setting: &[String], value: &str) -> Result<Table, String> {
    let mut message = String::new();
    for value in [Some(Value::String(value.to_owned())), parsed(value)].into_iter().flatten() {
        let mut table = table.clone();
        put(&mut table, part, setting, value);
        match Value::Table(table.clone()).try_into::<Config>() {
            Ok(_) => return Ok(table),
            Err(error) => message = error.message().to_owned(),
        }
    }
    let mut table = table.clone();
    put(&mut table, part, setting, list(value));
    // A setting that takes no list is better explained by what was said before.
    Value::Table(table.clone()).try_into::<Config>().map(|_| table).map_err(|_| message)
}

fn put(table: &mut Table, part: &str, setting: &[String], value: Value) {
    let Some((last, above)) = setting.split_last() else { return };
    let mut at = table;
    for name in std::iter::once(part).chain(above.iter().map(String::as_str)) {
        let below = at.entry(name).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(below) = below else { return };
        at = below;
    }
    at.insert(last.clone(), value);
}

/// A number, a truth value or a list, where the text is one.
fn parsed(text: &str) -> Option<Value> {
    format!("value = {text}").parse::<Table>().ok()?.remove("value")
}

/// What is between commas, as texts.
fn list(text: &str) -> Value {
    Value::Array(text.split(',').map(|entry| Value::String(entry.trim().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;

    fn variables(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn nothing_said_is_a_server_on_this_machine() {
        let config = read(None, variables(&[("HOME", "/root"), ("GRADUS_DATA_DIR", "/data")])).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8420");
        assert_eq!(config.workers.heavy, 1);
        config.check(Path::new("/data")).unwrap();
    }

    #[test]
    fn variables_go_over_the_file_and_reach_down() {
        let file = file("[server]\nlisten = \"0.0.0.0:80\"\n[accounts.quotas]\ndocuments = 3\n");
        let given = [
            ("GRADUS_SERVER_LISTEN", "[::1]:9000"),
            ("GRADUS_SERVER_TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
            ("GRADUS_ACCOUNTS_QUOTAS__DOCUMENT_BYTES", "77"),
            ("GRADUS_LOG_FORMAT", "json"),
        ];
        let config = read(Some(file.path()), variables(&given)).unwrap();
        assert_eq!(config.server.listen.to_string(), "[::1]:9000");
        assert_eq!(config.server.trusted_proxies, ["10.0.0.0/8"]);
        assert_eq!((config.accounts.quotas.documents, config.accounts.quotas.document_bytes), (3, 77));
        assert_eq!(config.log.format, LogFormat::Json);
    }

    #[test]
    fn what_one_client_may_take_is_set_and_never_nothing() {
        let given = [
            ("GRADUS_SERVER_CLIENTS__CONNECTIONS", "7"),
            ("GRADUS_SERVER_CLIENTS__ANONYMOUS_REQUESTS_PER_MINUTE", "9"),
            ("GRADUS_SERVER_MAX_CONNECTIONS", "70"),
        ];
        let config = read(None, variables(&given)).unwrap();
        assert_eq!((config.server.max_connections, config.server.clients.connections), (70, 7));
        assert_eq!(config.server.clients.rate_limits().address.requests, 9);
        for name in ["SERVER_CLIENTS__EVENT_STREAMS", "SERVER_MAX_CONNECTIONS", "SERVING_REQUESTS_OF_USER"] {
            let name = format!("GRADUS_{name}");
            let config = read(None, variables(&[(&name, "0")])).unwrap();
            let error = config.check(Path::new("/data")).unwrap_err().to_string();
            assert!(error.contains("is 0"), "{error}");
        }
    }

    #[test]
    fn a_fault_names_the_file_and_the_line_or_the_variable() {
        let misspelt = file("[server]\nlisten = \"127.0.0.1:1\"\nlisten_adress = 3\n");
        let error = format!("{:#}", read(Some(misspelt.path()), Vec::new()).unwrap_err());
        assert!(error.contains("line 3") && error.contains("listen_adress"), "{error}");
        let error = read(None, variables(&[("GRADUS_WORKERS_HEAVY", "many")])).unwrap_err().to_string();
        assert!(error.contains("GRADUS_WORKERS_HEAVY"), "{error}");
        let error = read(None, variables(&[("GRADUS_SERVER_LISTN", "x")])).unwrap_err().to_string();
        assert!(error.contains("GRADUS_SERVER_LISTN") && error.contains("listn"), "{error}");
        let missing = read(Some(Path::new("/nowhere/gradus.toml")), Vec::new()).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/gradus.toml"), "{missing}");
    }

    #[test]
    fn a_list_is_written_with_commas_between_or_as_in_the_file() {
        for given in ["10.0.0.0/8, 192.168.0.0/16", "[\"10.0.0.0/8\", \"192.168.0.0/16\"]"] {
            let config = read(None, variables(&[("GRADUS_SERVER_TRUSTED_PROXIES", given)])).unwrap();
            assert_eq!(config.server.trusted_proxies, ["10.0.0.0/8", "192.168.0.0/16"]);
            config.check(Path::new("/data")).unwrap();
        }
        let one = read(None, variables(&[("GRADUS_SERVER_TRUSTED_PROXIES", "::1")])).unwrap();
        assert_eq!(one.server.trusted_proxies, ["::1"]);
        let error = read(None, variables(&[("GRADUS_WORKERS_HEAVY", "1,2")])).unwrap_err().to_string();
        assert!(!error.contains("sequence"), "{error}");
    }

    #[test]
    fn a_secret_that_looks_like_a_number_stays_as_it_is() {
        let given = [("GRADUS_BLOBS_SECRET_ACCESS_KEY", "012#34"), ("GRADUS_BLOBS_ACCESS_KEY_ID", "123456")];
        let config = read(None, variables(&given)).unwrap();
        assert_eq!(config.blobs.secret_access_key.as_deref(), Some("012#34"));
        assert_eq!(config.blobs.access_key_id.as_deref(), Some("123456"));
    }

    #[test]
    fn the_place_of_the_database_is_checked_without_showing_its_password() {
        let config =
            read(None, variables(&[("GRADUS_DATABASE_LOCATION", "mysql://me:secret@db/x")])).unwrap();
        let error = format!("{:#}", config.check(Path::new("/data")).unwrap_err());
        assert!(error.contains("[database] location") && !error.contains("secret"), "{error}");
    }
}
