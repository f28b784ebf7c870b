//! `gradus backup` and `gradus restore`: all that a server has, in a directory, and back.

use std::path::PathBuf;

use clap::Args;
use gradus_app::domain::SystemClock;
use gradus_app::service::Services;
use gradus_app::service::backup::BackupManifest;
use gradus_app::store::Opening;

use crate::console;
use crate::environment::Environment;
use crate::output;
use crate::service::open;

/// Write all that a server has into a directory, while it runs
///
/// Every row and every file, as they are at one moment. Base models are not part of it: they are fetched again.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus backup backups/monday --config gradus.toml")]
pub(crate) struct BackupArguments {
    /// A directory that is not there yet
    directory: PathBuf,
}

/// Restore a backup into a new, empty database and place for files
///
/// The database may be of the other kind: so a server moves from SQLite to PostgreSQL.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus restore backups/monday --config new.toml")]
pub(crate) struct RestoreArguments {
    /// What `gradus backup` wrote
    directory: PathBuf,
}

pub(crate) fn back_up(arguments: &BackupArguments, environment: &Environment) -> anyhow::Result<()> {
    let manifest = with_services(environment, Opening::AsItIs, async |services| {
        services.back_up(&arguments.directory, &SystemClock, &mut told).await
    })?;
    show(&manifest, "Backed up", environment)
}

pub(crate) fn restore(arguments: &RestoreArguments, environment: &Environment) -> anyhow::Result<()> {
    let manifest = with_services(environment, Opening::MakeOrUpgrade, async |services| {
        services.restore(&arguments.directory, &mut told).await
    })?;
    show(&manifest, "Restored", environment)
}

fn with_services(
    environment: &Environment,
    opening: Opening,
    work: impl AsyncFnOnce(Services) -> Result<BackupManifest, gradus_app::Error>,
) -> anyhow::Result<BackupManifest> {
    let config = environment.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let models = (environment.store.clone(), environment.catalogue.clone());
        let opened = open(&config, &environment.data_directory, models, opening).await?;
        let manifest = work(opened.services).await?;
        opened.store.close().await?;
        Ok(manifest)
    })
}

fn told(what: &str, done: u64, total: Option<u64>) {
    match total {
        Some(total) => console::line(&format!("  {what}: {done} of {total}")),
        None => console::line(&format!("  {what}: {done}")),
    }
}

fn show(manifest: &BackupManifest, what: &str, environment: &Environment) -> anyhow::Result<()> {
    if environment.json {
        return output::print_json(manifest);
    }
    let rows: u64 = manifest.tables.values().map(|table| table.rows).sum();
    output::print(format!(
        "{what}: {rows} rows and {} files of {:.1} MB",
        manifest.blobs,
        manifest.blob_bytes as f64 / 1e6
    ));
    Ok(())
}
