//! `gradus backup` and `gradus restore`: all that a server has, in a directory, and back.

use std::path::PathBuf;

use clap::Args;
use gradus_app::service::backup::{BackupManifest, CheckedBackup};
use gradus_app::store::Opening;
use tokio::runtime::Runtime;

use crate::environment::Environment;
use crate::output;
use crate::service::{Opened, open};

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
    let (runtime, opened) = opened(environment, Opening::AsItIs)?;
    let manifest = environment
        .watch(|session| runtime.block_on(opened.services.back_up(&arguments.directory, session)))?;
    runtime.block_on(opened.store.close())?;
    show(&manifest, "Backed up", environment)
}

pub(crate) fn restore(arguments: &RestoreArguments, environment: &Environment) -> anyhow::Result<()> {
    // Before anything is opened, and so made.
    let backup = environment.watch(|session| CheckedBackup::open(&arguments.directory, session))?;
    let (runtime, opened) = opened(environment, Opening::MakeOrUpgrade)?;
    let manifest =
        environment.watch(|session| runtime.block_on(opened.services.restore(&backup, session)))?;
    runtime.block_on(opened.store.close())?;
    show(&manifest, "Restored", environment)
}

fn opened(environment: &Environment, opening: Opening) -> anyhow::Result<(Runtime, Opened)> {
    let config = environment.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let models = (environment.store.clone(), environment.catalogue.clone());
    let opened = runtime.block_on(open(&config, &environment.data_directory, models, opening))?;
    Ok((runtime, opened))
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
