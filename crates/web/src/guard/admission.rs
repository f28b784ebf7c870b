//! The guard of one route: who sends the request, whether they may, whether a forged page sent it, how much
//! they sent before, and of which kind and length the body may be. Behind it stands the handler.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gradus_app::accounts::{Caller, Origin};
use gradus_domain::Id as _;
use http::HeaderMap;
use http_body_util::Limited;
use tokio::time::Instant;

use super::body_rules::BodyRules;
use super::csrf::{self, Shown};
use super::rate_limit::{Client, Draw, announce};
use super::record::RequestNotes;
use super::{
    AskedFrom, ClientAddress, Credentials, Denial, Guards, PacedBody, Refused, SignedIn, Standing,
    security_headers,
};
use crate::problem::{Category, Problem};
use crate::routes::Access;

/// What holds for one route.
#[derive(Clone)]
pub(crate) struct RouteGuard {
    pub(crate) guards: Arc<Guards>,
    pub(crate) rules: Arc<RouteRules>,
}

/// The part of a route that guards look at.
#[derive(Debug, Clone)]
pub(crate) struct RouteRules {
    pub(crate) access: Access,
    pub(crate) body: BodyRules,
    /// Whether requests count against a quota; probes do not.
    pub(crate) is_metered: bool,
}

/// The middleware.
pub(crate) async fn admit(State(guard): State<RouteGuard>, request: Request, next: Next) -> Response {
    let mut admission = Admission { guard: &guard, draw: None, is_private: false };
    let mut response = match admission.check(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(draw) = &admission.draw {
        announce(response.headers_mut(), draw);
    }
    if admission.is_private {
        security_headers::forbid_storing(response.headers_mut());
    }
    response
}

struct Admission<'a> {
    guard: &'a RouteGuard,
    draw: Option<Draw>,
    is_private: bool,
}

impl Admission<'_> {
    async fn check(&mut self, mut request: Request) -> Result<Request, Problem> {
        let (guards, rules) = (Arc::clone(&self.guard.guards), Arc::clone(&self.guard.rules));
        let AskedFrom(origin) = AskedFrom::of(request.headers(), request.extensions());
        let address = ClientAddress(origin.address);

        if rules.access.needs_caller() {
            let (caller, credentials) = self.identify(request.headers(), &origin).await?;
            self.is_private = true;
            if let Some(notes) = request.extensions().get::<RequestNotes>() {
                notes.set_caller(caller.user.uuid());
            }
            self.draw_for(Client::Caller(caller.user.uuid()))?;
            if let Err(denial) = self.may_use(&request, &caller, shown(&credentials)) {
                guards.authenticator.note_denied(&caller, &route_name(&request), denial, &origin).await;
                return Err(denial.into());
            }
            let standing = Standing::new(guards.clone(), rules.access, caller.clone(), (credentials, origin));
            request.extensions_mut().insert(standing);
            request.extensions_mut().insert(SignedIn(caller));
        } else {
            self.draw_for(Client::Address(address.neighbourhood()))?;
            // A session in the background does not make a forged sign-in form less forged.
            self.is_own_sites(&request, Shown::Nothing)?;
        }
        rules.body.check(request.method(), request.headers())?;
        let (limit, pace) = (rules.body.max_bytes, rules.body.pace);
        Ok(request.map(|body| {
            let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
            Body::new(PacedBody::new(Body::new(limited), pace))
        }))
    }

    fn may_use(&self, request: &Request, caller: &Caller, shown: Shown) -> Result<(), Denial> {
        self.guard.rules.access.check(caller)?;
        self.is_own_sites(request, shown)
    }

    fn is_own_sites(&self, request: &Request, shown: Shown) -> Result<(), Denial> {
        let origin = self.guard.guards.settings.public_origin.as_ref();
        let is_forged = csrf::is_forged(request.method(), request.headers(), shown, origin);
        if is_forged { Err(Denial::CrossSite) } else { Ok(()) }
    }

    /// The caller, or why there is none. Each failure is drawn from the address's bucket, so that whoever sends many is
    /// told to stop. The bucket is not asked beforehand: others at the same address have credentials that are good, and
    /// what a stranger gains by trying is nothing, since no secret of 256 bits is ever guessed, and one that is not even
    /// written as ours are costs no look-up.
    async fn identify(
        &mut self,
        headers: &HeaderMap,
        origin: &Origin,
    ) -> Result<(Caller, Credentials), Problem> {
        let guards = Arc::clone(&self.guard.guards);
        let shown = Credentials::of(headers, guards.cookie).ok().flatten();
        let refused = match shown {
            None => Problem::general(Category::Unauthenticated),
            Some(credentials) => match guards.authenticator.authenticate(&credentials, origin).await {
                Ok(caller) => return Ok((caller, credentials)),
                Err(Refused::NotValid) => not_valid(),
                Err(error @ Refused::NotChecked(_)) => return Err(not_checked(&error)),
            },
        };
        self.draw_for(Client::Address(ClientAddress(origin.address).neighbourhood()))?;
        Err(refused)
    }

    fn draw_for(&mut self, client: Client) -> Result<(), Problem> {
        if !self.guard.rules.is_metered {
            return Ok(());
        }
        let draw = self.guard.guards.rate_limiter.draw(client, Instant::now());
        self.draw = Some(draw);
        draw.refusal().map_or(Ok(()), Err)
    }
}

/// The route that a request is for, without what its client wrote into the path.
fn route_name(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    format!("{} {path}", request.method())
}

fn shown(credentials: &Credentials) -> Shown {
    match credentials {
        Credentials::Bearer(_) => Shown::Bearer,
        Credentials::Session(_) => Shown::Session,
    }
}

fn not_valid() -> Problem {
    let detail =
        "The session or token is not valid: it may have ended, expired or been revoked. Sign in again.";
    Problem::new(Category::Unauthenticated, detail).with_code("credentials_not_valid")
}

fn not_checked(error: &Refused) -> Problem {
    tracing::error!(%error, cause = std::error::Error::source(error), "credentials could not be checked");
    Problem::general(Category::Unavailable).with_retry_after(1)
}
