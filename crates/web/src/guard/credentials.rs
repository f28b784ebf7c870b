//! What a request shows to say who sends it: an API token or a session.

use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::SessionCookie;

/// A token as the client sent it. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever checks it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a request shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// `Authorization: Bearer …`, which browsers never send by themselves.
    Bearer(Secret),
    /// The session cookie, which browsers send with every request, whoever caused it.
    Session(Secret),
}

/// Credentials that are shown, but in no form that is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadableCredentials;

impl Credentials {
    /// What `headers` show. An `Authorization` header decides alone, so that a bad token never falls back
    /// to a cookie.
    pub(crate) fn of(
        headers: &HeaderMap,
        cookie: SessionCookie,
    ) -> Result<Option<Self>, UnreadableCredentials> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let Some(line) = lines.next() else {
            let token = cookie.token(headers);
            return Ok(token.map(|token| Self::Session(Secret::new(token))));
        };
        let token = line.to_str().ok().and_then(bearer_token).filter(|_| lines.next().is_none());
        token.map(|token| Some(Self::Bearer(Secret::new(token)))).ok_or(UnreadableCredentials)
    }
}

fn bearer_token(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    let token = token.trim();
    let is_plain = !token.is_empty() && !token.contains([' ', ',']);
    (scheme.eq_ignore_ascii_case("bearer") && is_plain).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[(&'static str, &'static str)]) -> Result<Option<Credentials>, UnreadableCredentials> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Credentials::of(&headers, SessionCookie::for_origin(None))
    }

    #[test]
    fn a_token_and_a_session_are_told_apart() {
        assert_eq!(read(&[]), Ok(None));
        let bearer = read(&[("authorization", "bearer grd_x")]);
        assert_eq!(bearer, Ok(Some(Credentials::Bearer(Secret::new("grd_x")))));
        let session = read(&[("cookie", "__Host-gradus_session=s")]);
        assert_eq!(session, Ok(Some(Credentials::Session(Secret::new("s")))));
    }

    #[test]
    fn a_bad_authorization_does_not_fall_back_to_the_cookie() {
        for line in ["Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "grd_x"] {
            let read = read(&[("authorization", line), ("cookie", "__Host-gradus_session=s")]);
            assert_eq!(read, Err(UnreadableCredentials), "{line}");
        }
        let twice = read(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(twice, Err(UnreadableCredentials));
    }

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?}", Credentials::Bearer(Secret::new("grd_secret")));
        assert!(!printed.contains("grd_secret"), "{printed}");
    }
}
