//! `gradus admin`: what is done on the server's machine when nobody who could is able to log in.

use std::sync::Arc;

use clap::{Args, Subcommand};
use gradus_app::accounts::{Accounts, Invitation};
use gradus_app::domain::SystemClock;
use gradus_app::store::{Opening, Store};
use serde_json::json;

use crate::environment::Environment;
use crate::output;
use crate::service::timekeeper;

/// Help those who cannot log in to a server
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  gradus admin reset-password ada --config gradus.toml")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Print a one-time code with which a user chooses a new password
    ///
    /// The password that they have stays until the code is used. The server may run meanwhile.
    #[command(after_help = "Example:\n  gradus admin reset-password ada --config gradus.toml")]
    ResetPassword {
        /// What the user logs in with
        name: String,
    },
}

pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let AdminCommand::ResetPassword { name } = &arguments.command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let invitation = runtime.block_on(invite(name, environment))?;
    if environment.json {
        return output::print_json(&json!({
            "name": invitation.account.name,
            "code": invitation.code.expose(),
            "expires_at": invitation.expires_at,
        }));
    }
    let Invitation { account, code, expires_at } = invitation;
    output::print(format!(
        "{} chooses a new password with this code, until {}:\n\n  {}\n\n\
         curl --json '{{\"name\": \"{}\", \"code\": \"CODE\", \"password\": \"a long sentence is a good password\"}}' \\\n  \
         http://127.0.0.1:8420/api/v1/invitations/accept",
        account.name,
        expires_at.format("%Y-%m-%d %H:%M UTC"),
        code.expose(),
        account.name,
    ));
    Ok(())
}

async fn invite(name: &str, environment: &Environment) -> anyhow::Result<Invitation> {
    let config = environment.config()?;
    let location = config.database(&environment.data_directory)?;
    let store = Store::open(&location, Opening::AsItIs, timekeeper(&location)).await?;
    let accounts = Accounts::new(store.clone(), Arc::new(SystemClock), config.accounts.clone())?;
    let invitation = accounts.invite_as_operator(name).await?;
    store.close().await?;
    Ok(invitation)
}
