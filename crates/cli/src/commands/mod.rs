//! One file a command: its arguments, and what it prints.

mod admin;
mod backup;
mod benchmark;
mod config;
mod dataset;
mod doctor;
mod export;
mod extract;
mod generate;
mod guide;
mod mark;
mod models;
mod quickstart;
mod serve;
mod serve_models;
mod test;
mod train;
mod worker;

use clap::Subcommand;

use crate::environment::Environment;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Quickstart(quickstart::Arguments),
    Models(models::Arguments),
    Extract(extract::Arguments),
    Guide(guide::Arguments),
    Dataset(dataset::Arguments),
    Train(Box<train::Arguments>),
    Test(test::Arguments),
    Mark(mark::Arguments),
    Generate(generate::Arguments),
    Export(export::Arguments),
    Benchmark(Box<benchmark::Arguments>),
    Serve(serve::Arguments),
    Worker(worker::Arguments),
    Config(config::Arguments),
    Admin(admin::Arguments),
    Backup(backup::BackupArguments),
    Restore(backup::RestoreArguments),
    Doctor(doctor::Arguments),
    #[command(hide = true)]
    ServeModels(serve_models::Arguments),
}

impl Command {
    pub(crate) fn run(self, environment: &Environment) -> anyhow::Result<()> {
        match self {
            Self::Quickstart(arguments) => quickstart::run(&arguments, environment),
            Self::Models(arguments) => models::run(&arguments, environment),
            Self::Extract(arguments) => extract::run(&arguments, environment),
            Self::Guide(arguments) => guide::run(&arguments, environment),
            Self::Dataset(arguments) => dataset::run(arguments, environment),
            Self::Train(arguments) => train::run(&arguments, environment),
            Self::Test(arguments) => test::run(&arguments, environment),
            Self::Mark(arguments) => mark::run(&arguments, environment),
            Self::Generate(arguments) => generate::run(&arguments, environment),
            Self::Export(arguments) => export::run(&arguments, environment),
            Self::Benchmark(arguments) => benchmark::run(&arguments, environment),
            Self::Serve(arguments) => serve::run(&arguments, environment),
            Self::Worker(arguments) => worker::run(&arguments, environment),
            Self::Config(arguments) => config::run(&arguments, environment),
            Self::Admin(arguments) => admin::run(&arguments, environment),
            Self::Backup(arguments) => backup::back_up(&arguments, environment),
            Self::Restore(arguments) => backup::restore(&arguments, environment),
            Self::Doctor(arguments) => doctor::run(&arguments, environment),
            Self::ServeModels(arguments) => serve_models::run(&arguments, environment),
        }
    }
}
