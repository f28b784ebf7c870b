//! The one cookie there is: the session's. Written and read here, and nowhere else.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::PublicOrigin;

/// The session cookie's name and attributes, which follow from how browsers reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCookie {
    is_secure: bool,
}

impl SessionCookie {
    /// With `Secure` and the `__Host-` prefix where browsers accept them: over TLS and on the same machine.
    /// Without a known public address the strict form is taken.
    #[must_use]
    pub fn for_origin(origin: Option<&PublicOrigin>) -> Self {
        Self { is_secure: origin.is_none_or(PublicOrigin::keeps_secure_cookies) }
    }

    /// The cookie's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        if self.is_secure { "__Host-gradus_session" } else { "gradus_session" }
    }

    /// The value of `Set-Cookie` that begins a session, or none if `token` has characters that a cookie
    /// cannot hold.
    #[must_use]
    pub fn set(self, token: &str, lifetime: Duration) -> Option<HeaderValue> {
        let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        if token.is_empty() || !is_plain {
            return None;
        }
        HeaderValue::from_str(&self.line(token, lifetime.as_secs())).ok()
    }

    /// The value of `Set-Cookie` that ends a session.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        HeaderValue::from_str(&self.line("", 0)).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    fn line(self, token: &str, lifetime_s: u64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{}={token}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    /// The token that a request shows. Two different ones are none: somebody planted one of them.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut tokens = pairs.filter(|(name, _)| *name == self.name()).map(|(_, token)| token);
        let token = tokens.next().filter(|token| !token.is_empty())?;
        tokens.all(|other| other == token).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECURE: SessionCookie = SessionCookie { is_secure: true };

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_session_is_for_this_host_and_no_script() {
        assert_eq!(
            SECURE.set("abc-123_~.", Duration::from_secs(60)).unwrap(),
            "__Host-gradus_session=abc-123_~.; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            SECURE.clear(),
            "__Host-gradus_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn over_plain_http_to_another_machine_the_cookie_has_the_plain_name() {
        let origin: PublicOrigin = "http://192.168.1.7:8080".parse().unwrap();
        let cookie = SessionCookie::for_origin(Some(&origin));
        let line = cookie.set("t", Duration::from_secs(1)).unwrap();
        assert_eq!(line, "gradus_session=t; Path=/; Max-Age=1; HttpOnly; SameSite=Lax");
        assert_eq!(SessionCookie::for_origin(None), SECURE);
    }

    #[test]
    fn a_token_cannot_add_attributes() {
        for token in ["", "a; Domain=evil", "a\r\nSet-Cookie: b=c", "a b", "a,b"] {
            assert_eq!(SECURE.set(token, Duration::from_secs(1)), None, "{token:?}");
        }
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(SECURE.token(&headers(&["a=b; __Host-gradus_session=tok; c=d"])), Some("tok"));
        assert_eq!(SECURE.token(&headers(&["a=b", "__Host-gradus_session=tok"])), Some("tok"));
        assert_eq!(SECURE.token(&headers(&["gradus_session=tok", "x__Host-gradus_session=tok"])), None);
        assert_eq!(SECURE.token(&headers(&["__Host-gradus_session="])), None);
    }

    #[test]
    fn two_different_tokens_are_none() {
        let twice = ["__Host-gradus_session=a; __Host-gradus_session=b"];
        assert_eq!(SECURE.token(&headers(&twice)), None);
        let same = ["__Host-gradus_session=a; __Host-gradus_session=a"];
        assert_eq!(SECURE.token(&headers(&same)), Some("a"));
    }
}
