//! `gradus serve`: the server, with its workers and its models.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use gradus_app::accounts::Accounts;
use gradus_app::domain::SystemClock;
use gradus_app::service::Services;
use gradus_app::serving::{Serving, ServingOptions};
use gradus_app::store::Opening;
use gradus_web::guard::GuardSettings;
use gradus_web::server::{ServerLimits, serve};
use gradus_web::{Application, ServerSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config};
use crate::console;
use crate::environment::Environment;
use crate::output;
use crate::service::{Hearing, Opened, Supervisor, WorkerKind, cancelled_by_signals, open, start_log};

/// How often it is asked whether the clean-up is due.
const CLEAN_UP_ASKED_EVERY: Duration = Duration::from_secs(300);
/// How long answers under way may take when the server stops.
const SERVING_PATIENCE: Duration = Duration::from_secs(5);

/// Run the server: accounts, documents, training, tests and both APIs, with workers beside it
///
/// One command on a laptop: the database is a file in the data directory, and two workers run beside the server. On many
/// machines, point every server and every `gradus worker` at the same PostgreSQL database and S3 bucket. Ctrl-C or
/// SIGTERM stops everything within 15 seconds and loses nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  gradus serve\n  gradus serve --config gradus.toml\n  GRADUS_SERVER_LISTEN=0.0.0.0:8420 gradus serve\n\n`gradus config check` shows every setting in effect."
)]
pub(crate) struct Arguments {
    /// Address and port [default: 127.0.0.1:8420, or as configured]; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", value_parser = config::listening_address)]
    listen: Option<std::net::SocketAddr>,
    /// Start no workers: others do the work
    #[arg(long)]
    no_workers: bool,
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let mut config = environment.config()?;
    config.server.listen = arguments.listen.unwrap_or(config.server.listen);
    start_log(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_until_stopped(&config, arguments, environment))
}

async fn serve_until_stopped(
    config: &Config,
    arguments: &Arguments,
    environment: &Environment,
) -> anyhow::Result<()> {
    let stop = cancelled_by_signals(Hearing::OnItsOwn);
    let program = std::env::current_exe().context("this program's own file cannot be found")?;
    let listener = TcpListener::bind(config.server.listen).await.with_context(|| {
        format!("cannot listen on {}: choose another address with --listen", config.server.listen)
    })?;
    let models = (environment.store.clone(), environment.catalogue.clone());
    let opened = open(config, &environment.data_directory, models, Opening::MakeOrUpgrade).await?;
    let accounts = Accounts::new(opened.store.clone(), Arc::new(SystemClock), config.accounts.clone())?;
    let serving = Serving::start(serving_options(config, &program));
    let (store, services) = (opened.store.clone(), opened.services.clone());
    let application = application(config, opened, accounts.clone(), serving.clone(), stop.clone())?;

    let address = format!("http://{}", listener.local_addr()?);
    let public = config.server.public_address.clone().unwrap_or_else(|| address.clone());
    log_start(config, &environment.data_directory, &address)?;
    announce(&accounts, (&address, &public), environment.json).await?;
    let workers = if arguments.no_workers { [0, 0] } else { [config.workers.light, config.workers.heavy] };
    let supervisor = Supervisor::start(
        &services,
        (program, environment.arguments_for_children()),
        [(WorkerKind::Light, workers[0]), (WorkerKind::Heavy, workers[1])],
        (Duration::from_secs(2 * config.workers.lease_seconds), &stop),
    );
    tokio::spawn(keep_clean(services, stop.clone()));
    tokio::spawn(application.sampler().run());
    let (router, limits) = (application.into_router(&public)?, server_limits(config)?);
    // All three at once from the wish to stop on: together they have to be over within 15 seconds.
    let (farewell, (), ()) = tokio::join!(
        serve(listener, router, limits, stop.clone()),
        async {
            stop.cancelled().await;
            serving.drain(SERVING_PATIENCE).await;
        },
        supervisor.ended(),
    );
    if farewell.cut_connections > 0 {
        tracing::warn!(connections = farewell.cut_connections, "connections that were still busy were cut");
    }
    store.close().await?;
    tracing::info!("the server has stopped");
    Ok(())
}

/// Has the clean-up queued when it is due.
async fn keep_clean(services: Services, stop: CancellationToken) {
    loop {
        match services.queue_clean_up_if_due().await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the clean-up could not be queued"),
        }
        tokio::select! {
            () = tokio::time::sleep(CLEAN_UP_ASKED_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn application(
    config: &Config,
    opened: Opened,
    accounts: Accounts,
    serving: Serving,
    shutdown: CancellationToken,
) -> anyhow::Result<Application> {
    let clients = &config.server.clients;
    let guards = GuardSettings {
        has_tls_in_front: config
            .server
            .public_address
            .as_ref()
            .is_some_and(|address| address.starts_with("https:")),
        public_origin: config.public_origin()?,
        trusted_proxies: config.trusted_proxies()?,
        rate_limits: clients.rate_limits(),
        max_streams_of_caller: clients.event_streams,
    };
    let settings = ServerSettings {
        guards,
        max_upload_bytes: config.server.max_upload_bytes,
        least_free_disk_bytes: config.server.least_free_disk_bytes,
    };
    Ok(Application::new(opened.services, accounts, serving, Arc::new(SystemClock), shutdown, settings))
}

fn server_limits(config: &Config) -> anyhow::Result<ServerLimits> {
    Ok(ServerLimits {
        max_connections: config.server.max_connections,
        max_connections_of_neighbourhood: config.server.clients.connections,
        proxies: config.trusted_proxies()?,
        ..ServerLimits::default()
    })
}

fn serving_options(config: &Config, program: &PathBuf) -> ServingOptions {
    let mut arguments: Vec<OsString> = vec!["serve-models".into()];
    arguments.extend(["--requests".into(), config.serving.requests.to_string().into()]);
    if let Some(memory) = config.serving.memory_mib {
        arguments.extend(["--memory-mib".into(), memory.to_string().into()]);
    }
    ServingOptions {
        idle: Duration::from_secs(config.serving.idle_minutes.saturating_mul(60)),
        requests: config.serving.requests,
        requests_of_asker: config.serving.requests_of_user,
        ..ServingOptions::new(program, arguments)
    }
}

/// Says in the log what runs where, without passwords.
fn log_start(config: &Config, data_directory: &Path, address: &str) -> anyhow::Result<()> {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address,
        database = %config.database(data_directory)?,
        files = %config.blobs(data_directory)?,
        data_directory = %data_directory.display(),
        "the server starts"
    );
    Ok(())
}

/// Says where the server is, and how the first administrator gets in.
async fn announce(accounts: &Accounts, (address, public): (&str, &str), json: bool) -> anyhow::Result<()> {
    if json {
        output::print_json(&serde_json::json!({ "event": "listening", "address": address }))?;
    } else {
        output::print(format!("listening on {address}"));
    }
    if let Some(token) = accounts.open_set_up().await? {
        console::line(&format!(
            "There is no user yet. The first administrator is made with this one-time token:\n\n  {}\n\n\
             Send it to {public}/api/v1/setup with a name, a display name and a password; {public}/api/docs shows how.",
            token.expose()
        ));
    }
    Ok(())
}
