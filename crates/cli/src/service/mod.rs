//! Running a server and its workers: what the configuration says, opened and put together.

mod log;
mod open;
mod signals;
mod supervise;

pub(crate) use log::start as start_log;
pub(crate) use open::{Opened, open, timekeeper};
pub(crate) use signals::{Hearing, cancelled_by_signals};
pub(crate) use supervise::{Supervisor, WorkerKind};
