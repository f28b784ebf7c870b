//! The log: lines on standard error, for people or for programs.

use tracing::Level;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::time::ChronoUtc;

use crate::config::{LogConfig, LogFormat, LogLevel};

/// Starts logging. Once a process.
pub(crate) fn start(config: &LogConfig) {
    let level = match config.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // Milliseconds and the time zone: times of several machines are compared.
    let timer = ChronoUtc::new("%Y-%m-%dT%H:%M:%S%.3fZ".to_owned());
    let log = fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false).with_timer(timer);
    // A log that was started before stays.
    _ = match config.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
