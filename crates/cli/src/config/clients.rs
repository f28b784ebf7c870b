//! What one client may take of the server, so that there is something left for the others.

use std::time::Duration;

use gradus_web::guard::{GuardSettings, Quota, RateLimits};
use gradus_web::server::ServerLimits;
use serde::{Deserialize, Serialize};

/// What one client may take of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClientsConfig {
    /// Open connections of one address, or /64 network of IPv6; proxies that are trusted may have all.
    pub(crate) connections: usize,
    /// Open streams of events of one user.
    pub(crate) event_streams: usize,
    /// Requests of one user, at once or spread out.
    pub(crate) requests_per_minute: u32,
    /// Requests without credentials of one address, which a whole office may share.
    pub(crate) anonymous_requests_per_minute: u32,
}

impl Default for ClientsConfig {
    fn default() -> Self {
        let (server, guards) = (ServerLimits::default(), GuardSettings::default());
        Self {
            connections: server.max_connections_of_neighbourhood,
            event_streams: guards.max_streams_of_caller,
            requests_per_minute: guards.rate_limits.caller.requests,
            anonymous_requests_per_minute: guards.rate_limits.address.requests,
        }
    }
}

impl ClientsConfig {
    /// The limits of requests.
    pub(crate) fn rate_limits(&self) -> RateLimits {
        let quota = |requests| Quota { requests, window: Duration::from_secs(60) };
        RateLimits {
            address: quota(self.anonymous_requests_per_minute),
            caller: quota(self.requests_per_minute),
        }
    }

    /// The name of a setting that would keep everyone out, if there is one.
    pub(crate) fn closed(&self) -> Option<&'static str> {
        let settings = [
            ("connections", self.connections),
            ("event_streams", self.event_streams),
            ("requests_per_minute", self.requests_per_minute as usize),
            ("anonymous_requests_per_minute", self.anonymous_requests_per_minute as usize),
        ];
        settings.into_iter().find(|(_, most)| *most == 0).map(|(name, _)| name)
    }
}
