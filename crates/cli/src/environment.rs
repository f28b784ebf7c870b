//! What the command line and the environment say about where things are. The only reader of both.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use gradus_app::domain::SystemClock;
use gradus_app::engine::cpu::{self, Level};
use gradus_app::models::{Acceptance, Catalogue, CatalogueSettings, ModelStore};
use gradus_app::{Session, Watcher};

use crate::config::{self, Config};
use crate::console::{Console, JsonLines};
use crate::interrupt;

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct GlobalOptions {
    /// Print JSON for scripts instead of text for people (events of long work as one object a line)
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) json: bool,
    /// Where base models are kept, and of a server its database, its files and its work [default:
    /// $GRADUS_DATA_DIR, or gradus in the user's data directory]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Options of every command")]
    data_dir: Option<PathBuf>,
    /// Configuration of server and workers: a TOML file [default: $GRADUS_CONFIG, or none]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Options of every command")]
    config: Option<PathBuf>,
}

/// Everything a command needs from outside.
pub(crate) struct Environment {
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Holds the base models; of a server its database, files and work, too.
    pub(crate) data_directory: PathBuf,
    /// Named base models.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Base models on this machine.
    pub(crate) store: ModelStore,
    /// The instructions that `GRADUS_CPU` names, where it is set.
    pub(crate) instructions: Option<Level>,
    /// The configuration file of server and workers.
    config: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Every variable whose name and value are text.
fn text_variables() -> Vec<(String, String)> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// Makes the mathematics use the instructions that `GRADUS_CPU` names, for tests and comparisons.
fn force_instructions() -> anyhow::Result<Option<Level>> {
    let Some(name) = variable("GRADUS_CPU") else { return Ok(None) };
    let name = name.to_string_lossy();
    let level = Level::from_name(&name).with_context(|| {
        let known: Vec<&str> = Level::ALL.into_iter().map(Level::name).collect();
        format!("GRADUS_CPU is \"{name}\": use one of {}, or leave it unset", known.join(", "))
    })?;
    cpu::force(level).context("GRADUS_CPU asks for too much")?;
    Ok(Some(level))
}

impl Environment {
    pub(crate) fn new(options: GlobalOptions) -> anyhow::Result<Self> {
        let instructions = force_instructions()?;
        let config = options.config.or_else(|| variable("GRADUS_CONFIG"));
        let data_directory =
            options.data_dir.or_else(|| variable("GRADUS_DATA_DIR")).unwrap_or_else(default_data);
        let mut settings = CatalogueSettings::default();
        if let Some(endpoint) = variable("HF_ENDPOINT") {
            settings.hub_endpoint = endpoint.to_string_lossy().into_owned();
        }
        settings.local_directories.extend(variable("GRADUS_MODELS_DIR"));
        Ok(Self {
            json: options.json,
            store: ModelStore::new(&data_directory),
            catalogue: Arc::new(Catalogue::new(&settings)),
            data_directory,
            instructions,
            config,
        })
    }

    /// The configuration of server and workers.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        config::read(self.config.as_deref(), text_variables())
    }

    /// What makes another process of this program find the same data and configuration.
    pub(crate) fn arguments_for_children(&self) -> Vec<OsString> {
        let mut arguments = vec!["--data-dir".into(), self.data_directory.clone().into_os_string()];
        if let Some(config) = &self.config {
            arguments.extend(["--config".into(), config.clone().into_os_string()]);
        }
        arguments
    }

    /// Runs long work with a watcher that suits the output.
    pub(crate) fn watch<T>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, gradus_app::Error>,
    ) -> Result<T, gradus_app::Error> {
        let (mut console, mut json) = (Console::default(), JsonLines);
        let watcher: &mut dyn Watcher = if self.json { &mut json } else { &mut console };
        let result = work(&mut Session { watcher, stop: &interrupt::requested, clock: &SystemClock });
        console.finish();
        result
    }

    /// Where a base model came from: its source where it was pulled, and else its name.
    pub(crate) fn source_of(&self, name: &str) -> String {
        self.store.show(name).map_or_else(|| name.to_owned(), |model| model.manifest.source)
    }

    /// The file or directory of a base model, pulled first where the catalogue has it and it is
    /// missing; not where it is under terms, which a person has to accept.
    pub(crate) fn base_model(&self, name: &str) -> Result<PathBuf, gradus_app::Error> {
        if self.store.show(name).is_none() && !Path::new(name).exists() && self.catalogue.get(name).is_some()
        {
            self.watch(|session| {
                session.watcher.stage("Base model");
                let asked_for = (name, Acceptance::NotGiven);
                gradus_app::models::fetch(&self.store, &self.catalogue, asked_for, session).map(|_| ())
            })?;
        }
        Ok(self.store.resolve(name, &self.catalogue)?)
    }
}

fn default_data() -> PathBuf {
    let home = || variable("HOME").map(|home| home.join(".local/share"));
    let base = variable("XDG_DATA_HOME").or_else(|| variable("LOCALAPPDATA")).or_else(home);
    base.unwrap_or_else(|| PathBuf::from(".")).join("gradus")
}
