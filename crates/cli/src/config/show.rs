//! The configuration as it came out, for whoever checks it. Secrets are not shown.

use std::path::Path;

use serde_json::{Value, json};

use super::Config;

/// Every setting in effect.
pub(crate) fn shown(config: &Config, data_directory: &Path) -> anyhow::Result<Value> {
    let secret = |given: &Option<String>| if given.is_some() { "set" } else { "not set" };
    let (clients, quotas) = (&config.server.clients, &config.accounts.quotas);
    Ok(json!({
        "data_directory": data_directory,
        "server": {
            "listen": config.server.listen.to_string(),
            "public_address": config.server.public_address,
            "trusted_proxies": config.server.trusted_proxies,
            "max_upload_bytes": config.server.max_upload_bytes,
            "least_free_disk_bytes": config.server.least_free_disk_bytes,
            "max_connections": config.server.max_connections,
            "clients": {
                "connections": clients.connections,
                "event_streams": clients.event_streams,
                "requests_per_minute": clients.requests_per_minute,
                "anonymous_requests_per_minute": clients.anonymous_requests_per_minute,
            },
        },
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
        "workers": { "light": config.workers.light, "heavy": config.workers.heavy,
            "lease_seconds": config.workers.lease_seconds },
        "serving": {
            "memory_mib": config.serving.memory_mib,
            "idle_minutes": config.serving.idle_minutes,
            "requests": config.serving.requests,
            "requests_of_user": config.serving.requests_of_user,
        },
        "accounts": {
            "session_idle_minutes": config.accounts.session_idle_minutes,
            "session_hours": config.accounts.session_hours,
            "invitation_hours": config.accounts.invitation_hours,
            "quotas": {
                "documents": quotas.documents,
                "document_bytes": quotas.document_bytes,
                "running_jobs": quotas.running_jobs,
            },
        },
        "log": { "level": format!("{:?}", config.log.level), "format": format!("{:?}", config.log.format) },
    }))
}
