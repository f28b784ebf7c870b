//! The guards' question who credentials belong to, put to the accounts.

use async_trait::async_trait;
use gradus_app::accounts::{AccountError, Accounts, Caller, Origin};

use crate::guard::{Authenticator, Credentials, Denial, Refused};

#[async_trait]
impl Authenticator for Accounts {
    async fn authenticate(&self, credentials: &Credentials, from: &Origin) -> Result<Caller, Refused> {
        let found = match credentials {
            Credentials::Session(secret) => self.authenticate_session(secret.reveal()).await,
            Credentials::Bearer(secret) => self.authenticate_api_token(secret.reveal(), from).await,
        };
        found.map_err(refused)
    }

    async fn recognise(&self, credentials: &Credentials, from: &Origin) -> Result<Caller, Refused> {
        match credentials {
            Credentials::Session(secret) => self.recognise_session(secret.reveal()).await.map_err(refused),
            Credentials::Bearer(_) => self.authenticate(credentials, from).await,
        }
    }

    async fn note_denied(&self, caller: &Caller, route: &str, denial: Denial, from: &Origin) {
        self.record_denial(caller, route, denial.word(), from).await;
    }
}

fn refused(error: AccountError) -> Refused {
    match error {
        AccountError::SessionOver | AccountError::ApiTokenInvalid => Refused::NotValid,
        other => Refused::NotChecked(other.into()),
    }
}
