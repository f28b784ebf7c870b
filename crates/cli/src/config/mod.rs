//! The configuration of a server and its workers: a TOML file, and environment variables over it.

mod clients;
mod listen;
mod read;
mod show;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use gradus_app::accounts::AccountSettings;
use gradus_app::store::DatabaseLocation;
use gradus_app::store::blobs::{BlobLocation, BucketOptions};
use gradus_app::worker::{Limits, USUAL_LEASE};
use gradus_web::guard::{PublicOrigin, TrustedProxies};
use gradus_web::server::ServerLimits;
use serde::{Deserialize, Serialize};

pub(crate) use clients::ClientsConfig;
pub(crate) use listen::listening_address;
pub(crate) use read::read;
pub(crate) use show::shown;

/// Everything that can be configured. Each setting has a default that suits one machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Listening.
    pub(crate) server: ServerConfig,
    /// What is remembered.
    pub(crate) database: DatabaseConfig,
    /// Files.
    pub(crate) blobs: BlobsConfig,
    /// Background work.
    pub(crate) workers: WorkersConfig,
    /// Models that answer.
    pub(crate) serving: ServingConfig,
    /// Users.
    pub(crate) accounts: AccountSettings,
    /// The log.
    pub(crate) log: LogConfig,
}

/// Listening.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerConfig {
    /// Address and port; port 0 takes a free one.
    #[serde(deserialize_with = "listen::deserialize")]
    pub(crate) listen: SocketAddr,
    /// Where browsers find the server, where that is not where it listens: `https://gradus.example.org`.
    pub(crate) public_address: Option<String>,
    /// Networks of proxies that may say who their clients are: `10.0.0.0/8`.
    pub(crate) trusted_proxies: Vec<String>,
    /// The most bytes of one uploaded file.
    pub(crate) max_upload_bytes: u64,
    /// With less room than this on the disk of the data, the server says that it is not ready.
    pub(crate) least_free_disk_bytes: u64,
    /// Connections served at once.
    pub(crate) max_connections: usize,
    /// What one client may take.
    pub(crate) clients: ClientsConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8420)),
            public_address: None,
            trusted_proxies: Vec::new(),
            max_upload_bytes: 512 << 20,
            least_free_disk_bytes: 1 << 30,
            max_connections: ServerLimits::default().max_connections,
            clients: ClientsConfig::default(),
        }
    }
}

/// What is remembered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`; a file in the data directory where nothing is said.
    pub(crate) location: Option<String>,
}

/// Files.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BlobsConfig {
    /// A directory, or `s3://BUCKET/PREFIX`; a directory in the data directory where nothing is said.
    pub(crate) location: Option<String>,
    /// The server of an S3-compatible store that is not Amazon's.
    pub(crate) endpoint: Option<String>,
    /// The bucket's region.
    pub(crate) region: Option<String>,
    /// The key's name.
    pub(crate) access_key_id: Option<String>,
    /// The key.
    pub(crate) secret_access_key: Option<String>,
    /// What goes with a key that ends.
    pub(crate) session_token: Option<String>,
    /// Whether the endpoint may be spoken with unencrypted.
    pub(crate) allow_http: bool,
}

/// Without its secrets.
impl std::fmt::Debug for BlobsConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlobsConfig").field("location", &self.location).finish_non_exhaustive()
    }
}

/// Background work.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkersConfig {
    /// Processes for what takes seconds: reading documents, building datasets, reports.
    pub(crate) light: usize,
    /// Processes for what takes every core: training, model tests. More than one makes each slower.
    pub(crate) heavy: usize,
    /// A worker that is silent for so many seconds is taken for lost, and its job is given to another.
    pub(crate) lease_seconds: u64,
    /// What a machine must have left before another job begins.
    pub(crate) limits: Limits,
}

impl Default for WorkersConfig {
    fn default() -> Self {
        Self { light: 1, heavy: 1, lease_seconds: USUAL_LEASE.as_secs(), limits: Limits::default() }
    }
}

/// Models that answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServingConfig {
    /// The most memory for models and the texts they read, in MiB; half of what is free where nothing is said.
    pub(crate) memory_mib: Option<u64>,
    /// Without a request for so many minutes, the models' memory is given back.
    pub(crate) idle_minutes: u64,
    /// Questions that are answered or wait at once; more are refused.
    pub(crate) requests: usize,
    /// Those of them that one user may have.
    pub(crate) requests_of_user: usize,
}

impl Default for ServingConfig {
    fn default() -> Self {
        Self { memory_mib: None, idle_minutes: 10, requests: 256, requests_of_user: 64 }
    }
}

/// The log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// How much is logged.
    pub(crate) level: LogLevel,
    /// In which form.
    pub(crate) format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What failed.
    Error,
    /// And what may fail next.
    Warn,
    /// And every request.
    #[default]
    Info,
    /// And what goes on inside.
    Debug,
}

/// In which form the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

impl Config {
    /// Where the database lies.
    pub(crate) fn database(&self, data_directory: &Path) -> anyhow::Result<DatabaseLocation> {
        match &self.database.location {
            Some(location) => location.parse().context("[database] location"),
            None => Ok(DatabaseLocation::Sqlite(data_directory.join("gradus.db"))),
        }
    }

    /// Where blobs lie.
    pub(crate) fn blobs(&self, data_directory: &Path) -> anyhow::Result<BlobLocation> {
        let blobs = &self.blobs;
        let usual = data_directory.join("blobs").to_string_lossy().into_owned();
        let place = blobs.location.as_ref().unwrap_or(&usual);
        let usual = BucketOptions::new(data_directory.join("spool"));
        let options = BucketOptions {
            endpoint: blobs.endpoint.clone(),
            region: blobs.region.clone().unwrap_or(usual.region.clone()),
            access_key_id: blobs.access_key_id.clone(),
            secret_access_key: blobs.secret_access_key.clone(),
            session_token: blobs.session_token.clone(),
            allow_http: blobs.allow_http,
            ..usual
        };
        BlobLocation::parse(place, options).context("[blobs]")
    }

    /// Where browsers find the server, where that was said.
    pub(crate) fn public_origin(&self) -> anyhow::Result<Option<PublicOrigin>> {
        let parsed = self.server.public_address.as_ref().map(|address| address.parse()).transpose();
        parsed.context("[server] public_address")
    }

    /// The networks of proxies that are believed.
    pub(crate) fn trusted_proxies(&self) -> anyhow::Result<TrustedProxies> {
        self.server.trusted_proxies.join(",").parse().context("[server] trusted_proxies")
    }

    /// Where work under way has its files.
    pub(crate) fn work_directory(data_directory: &Path) -> PathBuf {
        data_directory.join("work")
    }

    /// Everything that can be found wrong without connecting to anything.
    pub(crate) fn check(&self, data_directory: &Path) -> anyhow::Result<()> {
        self.database(data_directory)?;
        self.blobs(data_directory)?;
        self.public_origin()?;
        self.trusted_proxies()?;
        self.accounts.check().context("[accounts]")?;
        if self.server.max_upload_bytes == 0 {
            anyhow::bail!("[server] max_upload_bytes is 0: nothing could be uploaded");
        }
        if let Some(setting) = self.server.clients.closed() {
            anyhow::bail!("[server.clients] {setting} is 0: nobody could use the server");
        }
        let numbers = [
            ("[server] max_connections", self.server.max_connections),
            ("[serving] requests", self.serving.requests),
            ("[serving] requests_of_user", self.serving.requests_of_user),
        ];
        if let Some((setting, _)) = numbers.into_iter().find(|(_, most)| *most == 0) {
            anyhow::bail!("{setting} is 0: nothing could be answered");
        }
        if !(1..=25).contains(&self.workers.lease_seconds) {
            anyhow::bail!(
                "[workers] lease_seconds is {}: use 1 to 25, so that a lost worker's job goes on within half a minute",
                self.workers.lease_seconds
            );
        }
        if self.workers.limits.most_load_per_core.is_some_and(|most| most.is_nan() || most <= 0.0) {
            anyhow::bail!(
                "[workers.limits] most_load_per_core must be above 0: nothing heavy would ever begin"
            );
        }
        Ok(())
    }
}
