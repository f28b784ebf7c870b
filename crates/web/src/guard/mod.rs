//! What stands between a connection and a handler. Outermost is the record of every request, then the
//! headers of every answer, the net under everything that fails, and what the form of a request alone
//! decides; each route has its own guard behind those. Knows no users: it is given an [`Authenticator`].

mod admission;
mod asked_from;
mod body_pace;
mod body_rules;
mod caller;
mod client_address;
mod cookie;
mod credentials;
mod csrf;
mod denial;
mod origin;
mod query_secrets;
mod rate_limit;
mod record;
mod request_form;
mod request_id;
mod security_headers;
mod standing;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use gradus_domain::{Clock, UserId};

use crate::metrics::{Registry, RequestMetrics};
use crate::places::Places;
use crate::problem::catch_problems;
use rate_limit::RateLimiter;

pub(crate) use admission::{RouteGuard, RouteRules, admit};
pub use asked_from::AskedFrom;
pub use body_pace::BodyPace;
pub(crate) use body_pace::PacedBody;
pub(crate) use body_rules::{BodyRules, too_large};
pub use caller::{Authenticator, Refused, SignedIn};
pub use client_address::{ClientAddress, ParseNetworkError, TrustedProxies};
pub use cookie::SessionCookie;
pub use credentials::{Credentials, Secret};
pub use denial::Denial;
pub use origin::{ParseOriginError, PublicOrigin};
pub use rate_limit::{Quota, RateLimits};
pub use request_id::RequestId;
pub use security_headers::CONTENT_SECURITY;
pub use standing::Standing;

/// How the server is reached and what it allows.
#[derive(Debug, Clone)]
pub struct GuardSettings {
    /// Where browsers find the server. Without it, requests are compared with their own `Host`.
    pub public_origin: Option<PublicOrigin>,
    /// The proxies that may say who their clients are.
    pub trusted_proxies: TrustedProxies,
    /// Whether a proxy in front ends TLS.
    pub has_tls_in_front: bool,
    /// How many requests a client may send.
    pub rate_limits: RateLimits,
    /// How many streams of events a user may have open: each keeps a connection and asks the database now and then.
    pub max_streams_of_caller: usize,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            public_origin: None,
            trusted_proxies: TrustedProxies::default(),
            has_tls_in_front: false,
            rate_limits: RateLimits::default(),
            max_streams_of_caller: 16,
        }
    }
}

/// What the guards of all routes share.
pub struct Guards {
    settings: GuardSettings,
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    cookie: SessionCookie,
    rate_limiter: RateLimiter,
    streams: Places<UserId>,
    request_metrics: RequestMetrics,
}

impl Guards {
    /// The guards of one server. `registry` gets the request metrics.
    pub fn new(
        settings: GuardSettings,
        authenticator: Arc<dyn Authenticator>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Self {
        Self {
            cookie: SessionCookie::for_origin(settings.public_origin.as_ref()),
            rate_limiter: RateLimiter::new(settings.rate_limits),
            streams: Places::new(settings.max_streams_of_caller),
            request_metrics: RequestMetrics::register(registry),
            settings,
            authenticator,
            clock,
        }
    }

    /// The session cookie as browsers of this server take it.
    #[must_use]
    pub fn session_cookie(&self) -> SessionCookie {
        self.cookie
    }
}

/// Puts the guards of all requests around `router`, whose routes have their own already.
pub(crate) fn surround(router: Router, guards: &Arc<Guards>) -> Router {
    let tls = security_headers::TlsInFront(guards.settings.has_tls_in_front);
    // The last one added is the first that a request meets.
    router
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(request_form::check))
        .layer(from_fn(catch_problems))
        .layer(from_fn_with_state(tls, security_headers::add))
        .layer(from_fn_with_state(Arc::clone(guards), record::record))
}
