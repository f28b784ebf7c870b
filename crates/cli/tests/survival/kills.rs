//! When is killed, and whom: at a moment at which something is under way, after a while that chance decides.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gradus_app::domain::{JobKind, QueueJobState};
use gradus_app::engine::random::Random;
use gradus_app::store::{PageRequest, Store, queue};

use crate::client::UnderWay;

/// Every moment comes again before that.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(3);

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Upload,
    Cancellation,
    /// A worker has a job of this kind.
    Work(JobKind),
}

/// The moments that a server must survive. A run stores a checkpoint every few milliseconds.
pub(crate) const MOMENTS: [Moment; 7] = [
    Moment::Work(JobKind::Train),
    Moment::Upload,
    Moment::Work(JobKind::ExtractDocument),
    Moment::Cancellation,
    Moment::Work(JobKind::MakeReport),
    Moment::Work(JobKind::RunModelTest),
    Moment::Work(JobKind::BuildDataset),
];

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Victim {
    /// The server with everything that it started.
    Everything,
    /// The server: its workers find out by themselves.
    Server,
    /// The worker that does what is under way.
    Worker,
}

/// Chooses.
pub(crate) struct Kills {
    store: Store,
    random: Random,
    /// Whose turn it is first.
    first: usize,
    /// How often what was under way at a kill, and who was killed.
    pub(crate) hit: BTreeMap<Moment, u32>,
    pub(crate) victims: BTreeMap<Victim, u32>,
}

impl Kills {
    /// The same seed chooses the same, as far as time lets it.
    pub(crate) fn new(store: Store, seed: u64) -> Self {
        let mut random = Random::new(&[seed]);
        let first = (random.next_u64() % 3) as usize;
        Self { store, random, first, hit: BTreeMap::new(), victims: BTreeMap::new() }
    }

    /// Waits for the moment of the `number`-th kill, and says who is to be killed, and at which work.
    pub(crate) async fn next(&mut self, number: usize, under_way: &UnderWay) -> (Victim, Moment) {
        let moment = MOMENTS[number % MOMENTS.len()];
        // Not the first such moment, which may come right after the kill before.
        let pause = 100 + self.random.next_u64() % 900;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let hit = self.within(moment, under_way).await;
        // In turns, so that a few kills are enough for each; moments come in turns of another length.
        let victim = match ((self.first + number) % 3, moment) {
            (0, _) => Victim::Everything,
            (1, _) | (_, Moment::Upload) => Victim::Server,
            _ => Victim::Worker,
        };
        for moment in hit {
            *self.hit.entry(moment).or_default() += 1;
        }
        *self.victims.entry(victim).or_default() += 1;
        (victim, moment)
    }

    /// Waits until this is under way, and then for a while that chance decides, and says what all is under way then.
    async fn within(&mut self, moment: Moment, under_way: &UnderWay) -> Vec<Moment> {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "{moment:?} was never under way");
            tokio::time::sleep(BETWEEN_LOOKS).await;
            if self.under_way(under_way).await.contains(&moment) {
                let longest = if moment == Moment::Work(JobKind::Train) { 400 } else { 20 };
                tokio::time::sleep(Duration::from_millis(self.random.next_u64() % longest)).await;
                let now = self.under_way(under_way).await;
                // Short work may be over by then.
                if now.contains(&moment) {
                    return now;
                }
            }
        }
    }

    async fn under_way(&self, under_way: &UnderWay) -> Vec<Moment> {
        let (reader, all) = (self.store.reader(), PageRequest::first(50));
        let running = queue::page(&reader, Some(QueueJobState::Running), &all).await.unwrap().items;
        let mut moments: Vec<_> = running.iter().map(|job| Moment::Work(job.kind.0)).collect();
        for (count, moment) in
            [(&under_way.uploads, Moment::Upload), (&under_way.cancellations, Moment::Cancellation)]
        {
            if count.load(Ordering::Relaxed) > 0 {
                moments.push(moment);
            }
        }
        moments
    }
}
