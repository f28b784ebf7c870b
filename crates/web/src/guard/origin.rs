//! The address under which people reach this server, as browsers write it in `Origin`.

use std::net::Ipv4Addr;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// Scheme, host and port, as in `https://gradus.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin {
    text: String,
    is_https: bool,
    is_loopback: bool,
}

impl PublicOrigin {
    /// As browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether browsers keep `Secure` cookies of this origin: over TLS, or on the same machine.
    #[must_use]
    pub fn keeps_secure_cookies(&self) -> bool {
        self.is_https || self.is_loopback
    }
}

/// Why a text is no origin.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no public address: write it as https://gradus.example.org or http://127.0.0.1:8080, without a path"
)]
pub struct ParseOriginError {
    text: String,
}

impl FromStr for PublicOrigin {
    type Err = ParseOriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseOriginError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<PublicOrigin> {
    let uri: Uri = text.parse().ok()?;
    let is_https = uri.scheme()? == &Scheme::HTTPS;
    let default_port = if is_https { 443 } else { 80 };
    let authority = uri.authority()?;
    let is_origin = matches!(uri.scheme_str(), Some("http" | "https"))
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && !authority.as_str().contains('@');
    let host = authority.host().to_ascii_lowercase();
    let port = match authority.port_u16() {
        Some(port) if port != default_port => format!(":{port}"),
        _ => String::new(),
    };
    let scheme = uri.scheme_str()?;
    let is_loopback = matches!(host.as_str(), "localhost" | "[::1]")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_origin.then(|| PublicOrigin { text: format!("{scheme}://{host}{port}"), is_https, is_loopback })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> PublicOrigin {
        text.parse().unwrap()
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        assert_eq!(origin("https://Gradus.Example.org:443/").as_str(), "https://gradus.example.org");
        assert_eq!(origin("http://127.0.0.1:8080").as_str(), "http://127.0.0.1:8080");
        assert_eq!(origin("http://[::1]:80").as_str(), "http://[::1]");
    }

    #[test]
    fn secure_cookies_need_tls_or_the_same_machine() {
        for (text, keeps) in [
            ("https://gradus.example.org", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://192.168.1.7:8080", false),
        ] {
            assert_eq!(origin(text).keeps_secure_cookies(), keeps, "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for text in
            ["gradus.example.org", "https://", "ftp://x", "https://x/path", "https://x?q", "https://a@x", ""]
        {
            assert!(text.parse::<PublicOrigin>().is_err(), "{text}");
        }
    }
}
