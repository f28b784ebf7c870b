//! What a client may ask of the listening server before any route is known.

use std::time::Duration;

use crate::guard::TrustedProxies;

/// Limits of connections and request heads. The defaults suit a server on the open internet.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Connections served at once; more wait in the system's queue until one ends.
    pub max_connections: usize,
    /// Connections of one neighbourhood served at once; more are turned away, so that one client leaves room for others.
    pub max_connections_of_neighbourhood: usize,
    /// Who connects for many others, and may have all connections.
    pub proxies: TrustedProxies,
    /// From the moment a head is awaited until it is complete. It also ends connections that are kept open
    /// without a request.
    pub header_read_timeout: Duration,
    /// Request line and headers together.
    pub max_head_bytes: usize,
    /// The request line alone.
    pub max_request_line_bytes: usize,
    /// Header lines of one request.
    pub max_headers: usize,
    /// How long a client may leave a part of an answer unread before its connection is cut.
    pub write_stall_timeout: Duration,
    /// After an answer that came before the whole request was read: how long the rest is read and thrown
    /// away, so that the client sees the answer rather than a reset connection.
    pub linger: Duration,
    /// From the wish to shut down until connections that are still busy are cut.
    pub drain_deadline: Duration,
    /// How long nothing is accepted after the system ran out of file descriptors or memory.
    pub exhaustion_pause: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_of_neighbourhood: 256,
            proxies: TrustedProxies::default(),
            header_read_timeout: Duration::from_secs(15),
            max_head_bytes: 32 * 1024,
            max_request_line_bytes: 8 * 1024,
            max_headers: 100,
            write_stall_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            drain_deadline: Duration::from_secs(10),
            exhaustion_pause: Duration::from_millis(500),
        }
    }
}
