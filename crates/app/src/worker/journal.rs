//! What the log says of work: that a job begins, and how it ends. A failure's words are left out where they may hold what
//! people uploaded or asked for; whoever asked for the work is told.

use std::time::Duration;

use gradus_domain::Wish;
use gradus_domain::failure::{Category, Failure};
use gradus_store::queue::QueueJob;
use tracing::field::display;

use super::jobs::Left;

/// A job begins.
pub(super) fn begun(job: &QueueJob) {
    let subject = job.subject_id.map(display);
    tracing::info!(job = %job.id.0, kind = %job.kind.0, subject, attempt = job.attempts, "work begins");
}

/// A job is done.
pub(super) fn done(job: &QueueJob, took: Duration) {
    ended(job, "done", Some(took));
}

/// A job is another worker's by now: that one says how it ends.
pub(super) fn lost(job: &QueueJob, took: Duration) {
    ended(job, "lost to another worker", Some(took));
}

/// A job is left without its result; `took` is not known of one that its worker left lying.
pub(super) fn left(job: &QueueJob, left: &Left, took: Option<Duration>) {
    match left {
        Left::HandedBack => ended(job, "handed back", took),
        Left::Stopped(Wish::Pause) => ended(job, "paused", took),
        Left::Stopped(_) => ended(job, "cancelled", took),
        Left::Waiting { wait, failure } => failed(job, failure, Some(*wait), took),
        Left::Failed(failure) => failed(job, failure, None, took),
    }
}

fn ended(job: &QueueJob, outcome: &str, took: Option<Duration>) {
    tracing::info!(
        job = %job.id.0,
        kind = %job.kind.0,
        subject = job.subject_id.map(display),
        outcome,
        seconds = took.map(seconds),
        "work ended"
    );
}

fn failed(job: &QueueJob, failure: &Failure, again_after: Option<Duration>, took: Option<Duration>) {
    tracing::warn!(
        job = %job.id.0,
        kind = %job.kind.0,
        subject = job.subject_id.map(display),
        outcome = if again_after.is_some() { "tried again" } else { "failed" },
        again_after_seconds = again_after.map(seconds),
        seconds = took.map(seconds),
        category = %failure.category,
        reason = reason(failure),
        "work failed"
    );
}

fn reason(failure: &Failure) -> &str {
    match failure.category {
        Category::Input => "what was given cannot be used; whoever asked for the work is told why",
        _ => &failure.message,
    }
}

/// To the millisecond.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use gradus_domain::failure::Severity;

    use super::*;

    #[test]
    fn what_people_gave_stays_out_of_the_log_and_other_reasons_do_not() {
        let failure = |category| Failure {
            category,
            severity: Severity::Error,
            is_transient: false,
            message: "row 3: `an answer of a pupil`".to_owned(),
        };
        assert!(!reason(&failure(Category::Input)).contains("pupil"));
        assert!(reason(&failure(Category::Storage)).contains("row 3"));
    }
}
