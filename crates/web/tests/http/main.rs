//! The server as clients meet it: a real one on a port of its own, asked in raw bytes.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod asking;
mod connections;
mod csrf;
mod demo;
mod description;
mod events;
mod headers;
mod log;
mod people;
mod problems;
mod rate_limits;
mod running;
mod shutdown;
mod slow_clients;
mod strict_reading;
mod uploads;
mod wire;
