//! Training jobs that learn from conversations, as programs made for OpenAI's API look at them: filtered, with what a
//! person wishes of them, with their newest events first.

use gradus_domain::{Id, QueueJobState, TrainingJobId, Wish};
use gradus_store::models::{self, TrainedModel};
use gradus_store::training_jobs::TrainingJob;
use gradus_store::training_jobs::events::{self, TrainingEvent};
use gradus_store::{Page, PageRequest, StoreError, Whose, queue};

use super::Services;
use crate::Error;

/// How many jobs are read at a time where many may not be wanted.
const READ_AT_ONCE: u32 = 100;

impl Services {
    /// A training job that learns from conversations, if it may be seen.
    ///
    /// # Errors
    /// When it is not there, or learns from something else.
    pub async fn conversation_job(&self, whose: Whose, id: TrainingJobId) -> Result<TrainingJob, Error> {
        let job = self.training_job(whose, id).await?;
        if job.training_document_id.is_none() {
            return Err(StoreError::NotFound { noun: "training job", id: id.to_string() }.into());
        }
        Ok(job)
    }

    /// A page of those that may be seen and are wanted.
    pub async fn conversation_jobs(
        &self,
        whose: Whose,
        request: PageRequest,
        is_wanted: impl Fn(&TrainingJob) -> bool + Send + Sync,
    ) -> Result<Page<TrainingJob>, Error> {
        let most = request.limit as usize;
        let mut part = PageRequest { limit: READ_AT_ONCE, ..request };
        let mut items = Vec::new();
        loop {
            let read = self.training_jobs(whose, &part).await?;
            part.after = read.items.last().map(|last| last.id.0.uuid());
            let is_wanted = |job: &TrainingJob| job.training_document_id.is_some() && is_wanted(job);
            items.extend(read.items.into_iter().filter(is_wanted));
            let has_more = items.len() > most;
            if has_more || !read.has_more {
                items.truncate(most);
                return Ok(Page { items, has_more });
            }
        }
    }

    /// What a person wishes of a job that a worker has.
    pub async fn wish_of(&self, id: TrainingJobId) -> Result<Wish, Error> {
        let work = queue::of_subject(&self.store.reader(), id.uuid()).await?;
        let running = work.filter(|work| work.state.0 == QueueJobState::Running);
        Ok(running.map_or(Wish::GoOn, |work| work.wish.0))
    }

    /// The model that a job made, once it has.
    pub async fn model_of(&self, id: TrainingJobId) -> Result<Option<TrainedModel>, Error> {
        Ok(models::of_job(&self.store.reader(), id).await?.pop())
    }

    /// The events of a job before a number, or the last ones, newest first.
    ///
    /// # Errors
    /// When the job is not there.
    pub async fn newest_training_events(
        &self,
        whose: Whose,
        id: TrainingJobId,
        before: Option<i64>,
        most: u64,
    ) -> Result<Vec<TrainingEvent>, Error> {
        self.training_job(whose, id).await?;
        Ok(events::before(&self.store.reader(), id, before, most).await?)
    }
}
