//! Where a request comes from, as the services record it: address, program and the request's id in one.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use gradus_app::accounts::Origin;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{Extensions, HeaderMap};

use super::{ClientAddress, RequestId};
use crate::problem::Problem;

/// Where the request comes from. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedFrom(pub Origin);

impl AskedFrom {
    pub(super) fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let address = extensions.get::<ClientAddress>();
        let user_agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        Self(Origin {
            // Every request that came over a connection has one.
            address: address.map_or(IpAddr::from([0, 0, 0, 0]), |address| address.0),
            user_agent: user_agent.unwrap_or_default().into_owned(),
            request_id: extensions.get::<RequestId>().map(ToString::to_string),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AskedFrom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(&parts.headers, &parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn address_program_and_request_are_told_together() {
        let mut extensions = Extensions::new();
        extensions.insert(ClientAddress(IpAddr::from([192, 0, 2, 7])));
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_bytes(b"gradus \xff client").unwrap());
        let AskedFrom(origin) = AskedFrom::of(&headers, &extensions);
        assert_eq!(origin.address, IpAddr::from([192, 0, 2, 7]));
        assert_eq!((origin.user_agent.as_str(), origin.request_id), ("gradus \u{fffd} client", None));
    }
}
