//! Who is at the other end of a connection. `X-Forwarded-For` is believed only as far as proxies that the
//! configuration names have written it.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use gradus_app::accounts::neighbourhood;
use http::HeaderMap;
use http::request::Parts;

use crate::problem::{Category, Problem};

/// The address of the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// What is counted as one client when requests are limited.
    #[must_use]
    pub fn neighbourhood(self) -> IpAddr {
        neighbourhood(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Every request that came over a connection has one.
        parts.extensions.get::<Self>().copied().ok_or_else(|| Problem::general(Category::Internal))
    }
}

/// The proxies whose word about their clients is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// The client of a request that came from `peer`: the last address in `X-Forwarded-For` that no trusted
    /// proxy has, as long as trusted proxies wrote all that follows it.
    #[must_use]
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let lines = lines.map(|line| line.to_str().unwrap_or_default());
        for entry in lines.flat_map(|line| line.rsplit(',')) {
            if !self.contains(client) {
                break;
            }
            let Some(address) = forwarded_address(entry.trim()) else { break };
            client = address;
        }
        ClientAddress(client)
    }

    /// Whether one of them has this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromStr for TrustedProxies {
    type Err = ParseNetworkError;

    /// Reads `127.0.0.1, 10.0.0.0/8, ::1`; nothing stands for no proxy.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(Network::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Why a list of networks cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is no address or network: write them as 127.0.0.1 or 10.0.0.0/8, with commas between")]
pub struct ParseNetworkError {
    entry: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Network {
    fn parse(entry: &str) -> Result<Self, ParseNetworkError> {
        let error = || ParseNetworkError { entry: entry.to_owned() };
        let (address, bits) = match entry.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (entry, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(width), str::parse).map_err(|_| error())?;
        if prefix_bits > width { Err(error()) } else { Ok(Self { address, prefix_bits }) }
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u32::from(own) ^ u32::from(other)).leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (u128::from(own) ^ u128::from(other)).leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }
}

/// An entry of the header: an address, which some proxies write with a port.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let plain = entry.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    plain.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
        }
        let trusted: TrustedProxies = trusted.parse().unwrap();
        trusted.client_of(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn without_a_trusted_proxy_the_header_is_ignored() {
        assert_eq!(client("", "203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_says_who_its_client_is_and_no_more() {
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["6.6.6.6", "1.2.3.4, 10.9.9.9"]), "1.2.3.4");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["1.2.3.4:5678"]), "1.2.3.4");
    }

    #[test]
    fn nonsense_in_the_header_ends_the_chain() {
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["unknown"]), "10.1.2.3");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["6.6.6.6, , 10.4.4.4"]), "10.4.4.4");
    }

    #[test]
    fn ipv4_written_as_ipv6_is_ipv4() {
        assert_eq!(client("127.0.0.1", "::ffff:127.0.0.1", &["::ffff:9.9.9.9"]), "9.9.9.9");
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for entry in ["10.0.0.0/33", "::/129", "localhost", "10.0.0/8", "10.0.0.0/-1"] {
            let error = entry.parse::<TrustedProxies>().unwrap_err();
            assert_eq!(error, ParseNetworkError { entry: entry.to_owned() });
        }
        assert!("10.0.0.0/0".parse::<TrustedProxies>().unwrap().contains("1.2.3.4".parse().unwrap()));
    }
}
