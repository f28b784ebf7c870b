//! A job in a worker's hands: what it is about, whether it should stop, and where its files may lie.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gradus_domain::{Id, Wish};
use gradus_store::queue::{self, Claim};
use gradus_store::{StoreError, Transaction};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::service::Services;

/// A job that a worker does.
pub struct Assignment {
    /// What there is to work with.
    pub services: Services,
    /// The program that reads documents in a process of its own.
    pub program: PathBuf,
    /// The job.
    pub claim: Claim,
    signals: Signals,
}

/// What may end a job early.
#[derive(Clone)]
pub(super) struct Signals {
    wish: Arc<watch::Sender<Wish>>,
    lost: Arc<AtomicBool>,
    drain: CancellationToken,
    /// Tokens a second, as the bits of an `f64`; zero while nothing is trained.
    speed: Arc<AtomicU64>,
}

/// What the heartbeat of a job needs.
pub(super) struct Pulse {
    pub(super) services: Services,
    pub(super) claim: Claim,
    pub(super) signals: Signals,
}

/// Why a job should stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// It is another worker's by now.
    Lost,
    /// A person wishes so.
    Wished(Wish),
    /// This worker is shutting down.
    Drained,
}

impl Signals {
    pub(super) fn reason(&self) -> Option<StopReason> {
        let wish = *self.wish.borrow();
        if self.lost.load(Ordering::Acquire) {
            Some(StopReason::Lost)
        } else if wish != Wish::GoOn {
            Some(StopReason::Wished(wish))
        } else {
            self.drain.is_cancelled().then_some(StopReason::Drained)
        }
    }

    pub(super) fn tell(&self, wish: Wish) {
        self.wish.send_replace(wish);
    }

    /// How fast tokens are trained on.
    pub(super) fn speed(&self) -> Option<f64> {
        Some(f64::from_bits(self.speed.load(Ordering::Relaxed))).filter(|speed| *speed > 0.0)
    }

    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        // Whoever waits for a wish should look again.
        self.wish.send_modify(|_| {});
    }
}

impl Assignment {
    pub(super) fn begin(
        services: Services,
        program: PathBuf,
        claim: Claim,
        drain: CancellationToken,
    ) -> (Self, Pulse) {
        let wish = claim.job.wish.0;
        let signals = Signals {
            wish: Arc::new(watch::Sender::new(wish)),
            lost: Arc::new(AtomicBool::new(false)),
            drain,
            speed: Arc::default(),
        };
        let pulse = Pulse { services: services.clone(), claim: claim.clone(), signals: signals.clone() };
        (Self { services, program, claim, signals }, pulse)
    }

    /// Says how fast tokens are trained on.
    pub(super) fn tell_speed(&self, tokens_per_second: f64) {
        self.signals.speed.store(tokens_per_second.to_bits(), Ordering::Relaxed);
    }

    /// Why the job should stop now, if it should.
    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        self.signals.reason()
    }

    /// Asks the same from any thread.
    pub(super) fn stop_question(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let signals = self.signals.clone();
        move || signals.reason().is_some()
    }

    /// Returns once the job should stop.
    pub(super) async fn stopped(&self) {
        let mut wish = self.signals.wish.subscribe();
        while self.stop_reason().is_none() {
            tokio::select! {
                changed = wish.changed() => if changed.is_err() { return },
                () = self.signals.drain.cancelled() => {}
            }
        }
    }

    /// The thing that the job is about.
    ///
    /// # Errors
    /// When the job names none.
    pub(super) fn subject<T: Id>(&self) -> Result<T, Error> {
        let subject = self.claim.job.subject_id.map(T::from_uuid);
        subject.ok_or_else(|| {
            Error::Store(StoreError::Damaged(format!("job {} is about nothing", self.claim.id())))
        })
    }

    /// Writes, if the job is still this worker's.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::LeaseLost`].
    pub(super) async fn write<T, W, F>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(Transaction) -> F + Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let claim = self.claim.clone();
        let held = move |tx: Transaction| async move {
            queue::hold(&tx, &claim).await?;
            work(tx).await
        };
        self.services.store.write(held).await
    }

    /// A directory of this attempt's own: an attempt that was lost and goes on writes elsewhere.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn directory(&self) -> Result<PathBuf, Error> {
        let directory = self.path();
        std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        Ok(directory)
    }

    /// Removes the attempt's directory.
    pub(super) fn clear(&self) {
        // What cannot be removed now is removed by the clean-up.
        _ = std::fs::remove_dir_all(self.path());
    }

    fn path(&self) -> PathBuf {
        self.services.work_directory.join(format!("{}-{}", self.claim.id(), self.claim.job.fence))
    }
}
