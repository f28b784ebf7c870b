//! Where the server listens, as people write it: no name, since a name may stand for several addresses.

use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error};

/// Reads address and port.
///
/// # Errors
/// When the text is something else; the message says how it is written.
pub(crate) fn listening_address(text: &str) -> Result<SocketAddr, String> {
    let hint = |_| format!("`{text}` is no address with a port; write an address such as 127.0.0.1:8420");
    text.parse().map_err(hint)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    listening_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
