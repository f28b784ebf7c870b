//! What a client is told of its quota: the fields `RateLimit-Policy` and `RateLimit` of the IETF's draft
//! (draft-ietf-httpapi-ratelimit-headers-10), as in `RateLimit: "caller";r=42;t=7`.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use super::Draw;
use crate::problem::{Category, Problem};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Says in `headers` what the quota is (`q` requests in `w` seconds) and what is left of it (`r` requests;
/// all of them again in `t` seconds).
pub(crate) fn announce(headers: &mut HeaderMap, draw: &Draw) {
    let Draw { policy, quota, remaining, .. } = draw;
    let window_s = quota.window.as_secs();
    let full_in_s = draw.full_in.as_secs_f64().ceil();
    let requests = quota.requests;
    let fields = [
        (POLICY, format!("\"{policy}\";q={requests};w={window_s}")),
        (STATE, format!("\"{policy}\";r={remaining};t={full_in_s}")),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

impl Draw {
    /// The problem of a request that was not granted.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        let seconds = whole_seconds(self.wait?.as_secs_f64());
        Some(Problem::general(Category::Throttled).with_retry_after(seconds))
    }
}

/// Rounded up, and never nothing: a client told 0 would try again at once.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a wait is at least 0 and at most a window"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().max(1.0) as u64
}
