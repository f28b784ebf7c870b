//! The configuration as it came out, for whoever checks it. Secrets are not shown.

use std::path::Path;

use serde_json::{Value, json};

use super::Config;

/// Every setting in effect.
pub(crate) fn shown(config: &Config, data_directory: &Path) -> anyhow::Result<Value> {
    let secret = |given: &Option<String>| if given.is_some() { "set" } else { "not set" };
    Ok(json!({
        "data_directory": data_directory,
        "server": config.server,
        "database": { "location": config.database(data_directory)?.to_string() },
        "blobs": {
            "location": config.blobs.location.clone().unwrap_or_else(|| data_directory.join("blobs").display().to_string()),
            "endpoint": config.blobs.endpoint,
            "region": config.blobs.region,
            "access_key_id": secret(&config.blobs.access_key_id),
            "secret_access_key": secret(&config.blobs.secret_access_key),
            "session_token": secret(&config.blobs.session_token),
            "allow_http": config.blobs.allow_http,
        },
        "workers": config.workers,
        "serving": config.serving,
        "accounts": config.accounts,
        "log": config.log,
    }))
}
