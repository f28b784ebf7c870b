//! How many requests one client may send. Each has a bucket that refills steadily, in this server's memory:
//! what must be counted over several servers (attempts to sign in) is counted in the database, elsewhere.

mod bucket;
mod headers;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use bucket::Bucket;
pub(crate) use headers::announce;

/// So many requests in so much time, at once or spread out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The number of requests; one at least.
    pub requests: u32,
    /// The time in which an empty bucket is full again.
    pub window: Duration,
}

/// The quotas of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of an address that shows no valid credentials.
    pub address: Quota,
    /// Of a signed-in user, over all sessions and tokens.
    pub caller: Quota,
}

impl Default for RateLimits {
    fn default() -> Self {
        let window = Duration::from_secs(60);
        // Many people may share an address: an office, a school.
        Self { address: Quota { requests: 1500, window }, caller: Quota { requests: 3000, window } }
    }
}

/// Whose bucket is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    Address(IpAddr),
    Caller(Uuid),
}

impl Client {
    /// The quota's name in headers.
    fn policy(self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Caller(_) => "caller",
        }
    }
}

/// What drawing from a bucket came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    pub(crate) policy: &'static str,
    pub(crate) quota: Quota,
    pub(crate) remaining: u32,
    /// Until the bucket is full.
    pub(crate) full_in: Duration,
    /// Until there is one request to draw; none if this one was granted.
    pub(crate) wait: Option<Duration>,
}

/// The buckets of all clients that are not full.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limits: RateLimits,
    buckets: Mutex<HashMap<Client, Bucket>>,
}

/// More clients than this are swept: those whose buckets have filled up need not be remembered.
const SWEEP_ABOVE: usize = 10_000;

impl RateLimiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, buckets: Mutex::default() }
    }

    /// Draws one request from the bucket of `client`.
    pub(crate) fn draw(&self, client: Client, now: Instant) -> Draw {
        let quota = match client {
            Client::Address(_) => self.limits.address,
            Client::Caller(_) => self.limits.caller,
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_ABOVE && !buckets.contains_key(&client) {
            self.sweep(&mut buckets, now);
        }
        let bucket = buckets.entry(client).or_insert_with(|| Bucket::full(quota, now));
        let granted = bucket.draw(quota, now);
        Draw {
            policy: client.policy(),
            quota,
            remaining: bucket.remaining(),
            full_in: bucket.full_in(quota),
            wait: (!granted).then(|| bucket.next_in(quota)),
        }
    }

    /// Forgets full buckets. An attacker with more addresses than that gets the oldest half forgotten too:
    /// memory is bounded, and the users' own buckets are among the newest.
    fn sweep(&self, buckets: &mut HashMap<Client, Bucket>, now: Instant) {
        let quota_of = |client: &Client| match client {
            Client::Address(_) => self.limits.address,
            Client::Caller(_) => self.limits.caller,
        };
        buckets.retain(|client, bucket| !bucket.is_full_at(quota_of(client), now));
        if buckets.len() >= SWEEP_ABOVE {
            let mut times: Vec<Instant> = buckets.values().map(Bucket::last_drawn).collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            buckets.retain(|_, bucket| bucket.last_drawn() > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests: u32) -> RateLimiter {
        let quota = Quota { requests, window: Duration::from_secs(60) };
        RateLimiter::new(RateLimits { address: quota, caller: quota })
    }

    fn address(number: u32) -> Client {
        Client::Address(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn a_client_is_stopped_at_its_quota_and_others_are_not() {
        let (limiter, now) = (limiter(3), Instant::now());
        let remaining: Vec<u32> = (0..3).map(|_| limiter.draw(address(1), now).remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = limiter.draw(address(1), now);
        assert_eq!(refused.wait, Some(Duration::from_secs(20)));
        assert_eq!(limiter.draw(address(2), now).wait, None);
        assert_eq!(limiter.draw(Client::Caller(Uuid::nil()), now).wait, None);
    }

    #[test]
    fn a_bucket_refills_steadily_and_a_refused_request_costs_nothing() {
        let (limiter, now) = (limiter(3), Instant::now());
        for _ in 0..20 {
            limiter.draw(address(1), now);
        }
        let later = now + Duration::from_secs(20);
        assert_eq!(limiter.draw(address(1), later).wait, None);
        assert!(limiter.draw(address(1), later).wait.is_some());
        let much_later = later + Duration::from_secs(3600);
        assert_eq!(limiter.draw(address(1), much_later).remaining, 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (limiter, now) = (limiter(3), Instant::now());
        for number in 0..3 * u32::try_from(SWEEP_ABOVE).unwrap() {
            limiter.draw(address(number), now + Duration::from_micros(u64::from(number)));
        }
        assert!(limiter.buckets.lock().unwrap().len() <= SWEEP_ABOVE);
    }

    #[test]
    fn sweeping_forgets_no_client_that_is_being_stopped() {
        let (limiter, now) = (limiter(1), Instant::now());
        let number_of_clients = u32::try_from(SWEEP_ABOVE).unwrap();
        for number in 0..number_of_clients {
            limiter.draw(address(number), now);
        }
        let later = now + Duration::from_secs(61);
        limiter.draw(address(0), later);
        limiter.draw(address(number_of_clients), later);
        assert!(limiter.draw(address(0), later).wait.is_some());
        assert_eq!(limiter.buckets.lock().unwrap().len(), 2);
    }
}
