//! Runs a parser so that its panic, its deep recursion or its endless loop does not end the program.
//!
//! Protects from: panics (caught here and nowhere else), recursion up to `Limits::stack_bytes` (the
//! parser gets its own thread with a large stack), and waiting for ever (`Limits::time_limit`).
//! Does not protect from: recursion deeper than that stack and running out of memory, which end the
//! whole process; nor does it stop a parser that runs out of time: its thread goes on until it ends by
//! itself. Only a child process can do that.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use crate::error::Failure;
use crate::limits::Limits;

const THREAD_NAME: &str = "gradus-extract";

/// Runs `work` on a thread of its own within `limits`.
///
/// # Errors
/// Those of `work`; [`Failure::Crashed`] where it panicked; [`Failure::TimedOut`].
pub(crate) fn run<T: Send + 'static>(
    limits: &Limits,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    silence_parser_panics();
    let (sender, receiver) = channel();
    let spawned =
        thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(limits.stack_bytes).spawn(move || {
            // The receiver is gone when the time was up; nobody wants the result then.
            let _ = sender.send(catch(work));
        });
    if let Err(error) = spawned {
        return Err(crashed(format!("no thread could be started: {error}")));
    }
    match receiver.recv_timeout(limits.time_limit) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(Failure::TimedOut { limit: limits.time_limit }),
        Err(RecvTimeoutError::Disconnected) => Err(crashed("it ended without a result")),
    }
}

/// Runs `work` and turns a panic into a failure.
///
/// # Errors
/// Those of `work`; [`Failure::Crashed`] where it panicked.
pub(crate) fn catch<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(crashed(last_words(&*payload))))
}

fn crashed(detail: impl Into<String>) -> Failure {
    Failure::Crashed { detail: detail.into() }
}

fn last_words(payload: &(dyn Any + Send)) -> String {
    let words = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    words.lines().next().unwrap_or_default().chars().take(200).collect()
}

/// A caught panic is reported as a failure; printing it too would only alarm people.
fn silence_parser_panics() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD_NAME) {
                others(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_panic_becomes_a_failure_with_its_message() {
        let result: Result<(), _> = run(&Limits::default(), || panic!("bad object 7"));
        assert_eq!(result, Err(crashed("bad object 7")));
    }

    #[test]
    fn a_parser_that_never_ends_is_given_up() {
        let limits = Limits { time_limit: Duration::from_millis(20), ..Limits::default() };
        let (release, blocked) = channel::<()>();
        let result: Result<(), _> = run(&limits, move || {
            let _ = blocked.recv();
            Ok(())
        });
        drop(release);
        assert_eq!(result, Err(Failure::TimedOut { limit: limits.time_limit }));
    }

    #[test]
    fn deep_recursion_has_room() {
        fn depth(level: u32, pad: &mut [u8; 512]) -> u32 {
            pad[level as usize % 512] = 1;
            if level == 0 {
                return u32::from(pad[0]);
            }
            depth(level - 1, &mut pad.clone())
        }
        // About 50 MiB of frames: far more than a thread usually has.
        let result = run(&Limits::default(), || Ok(depth(100_000, &mut [0; 512])));
        assert_eq!(result, Ok(1));
    }
}
