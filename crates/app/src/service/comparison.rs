//! Training jobs beside each other: where their settings differ, how their losses fell, what they came to.

use std::collections::{BTreeMap, BTreeSet};

use gradus_domain::TrainingJobId;
use gradus_store::Whose;
use gradus_store::training_jobs::TrainingJob;
use gradus_store::training_jobs::events::{self, TrainingEvent};
use serde_json::Value;

use super::Services;
use crate::Error;

/// The most jobs that are compared at once.
pub const MOST_COMPARED: usize = 10;
/// The most points of one curve: more than a chart shows.
const MOST_POINTS: usize = 200;
/// How many events are read at a time.
const READ_AT_ONCE: u64 = 2000;

/// Training jobs beside each other, in the order in which they were asked for.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The jobs and their curves.
    pub jobs: Vec<Compared>,
    /// The settings in which they differ, with the value of each job; null where a job leaves one to the defaults.
    pub differences: BTreeMap<String, Vec<Value>>,
}

/// One of the jobs.
#[derive(Debug, Clone)]
pub struct Compared {
    /// The job, whose progress has its newest figures.
    pub job: TrainingJob,
    /// Its losses by update.
    pub curves: Curves,
}

/// A run's losses by update, thinned out evenly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// Of the updates.
    pub training_loss: Vec<Point>,
    /// On held-out data.
    pub validation_loss: Vec<Point>,
}

/// A value after an update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// After which update.
    pub step: u64,
    /// The value.
    pub value: f64,
}

impl Services {
    /// Compares jobs that may be seen.
    ///
    /// # Errors
    /// When there are fewer than two or too many of them, one is named twice, or one is not there.
    pub async fn compare_training_jobs(
        &self,
        whose: Whose,
        ids: &[TrainingJobId],
    ) -> Result<Comparison, Error> {
        if ids.len() < 2 || ids.len() > MOST_COMPARED {
            return Err(Error::invalid("jobs", format!("name 2 to {MOST_COMPARED} training jobs")));
        }
        if (1..ids.len()).any(|at| ids[..at].contains(&ids[at])) {
            return Err(Error::invalid("jobs", "name each training job once"));
        }
        let mut jobs = Vec::with_capacity(ids.len());
        for &id in ids {
            let job = self.training_job(whose, id).await?;
            jobs.push(Compared { curves: self.curves(id).await?, job });
        }
        let settings: Vec<_> = jobs.iter().map(|compared| settings_of(&compared.job)).collect();
        Ok(Comparison { differences: differences(&settings), jobs })
    }

    async fn curves(&self, id: TrainingJobId) -> Result<Curves, Error> {
        let (reader, mut curves, mut after) = (self.store.reader(), Curves::default(), 0);
        loop {
            let events = events::after(&reader, id, after, READ_AT_ONCE).await?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            events.iter().for_each(|event| curves.take(event));
        }
        Ok(Curves {
            training_loss: thinned(curves.training_loss),
            validation_loss: thinned(curves.validation_loss),
        })
    }
}

impl Curves {
    fn take(&mut self, event: &TrainingEvent) {
        let Some(step) = event.data["step"].as_u64() else { return };
        for (name, curve) in
            [("train_loss", &mut self.training_loss), ("valid_loss", &mut self.validation_loss)]
        {
            let Some(value) = event.data[name].as_f64() else { continue };
            // What was computed again after a resumption replaces what was lost.
            while curve.last().is_some_and(|last| last.step >= step) {
                curve.pop();
            }
            curve.push(Point { step, value });
        }
    }
}

/// At most [`MOST_POINTS`] of the points, evenly spread, the first and the last among them.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let last = points.len() - 1;
    (0..MOST_POINTS).map(|at| points[at * last / (MOST_POINTS - 1)]).collect()
}

/// All that was asked for of a job, by name.
fn settings_of(job: &TrainingJob) -> BTreeMap<String, Value> {
    let id = |id: Option<String>| id.map_or(Value::Null, Value::String);
    let mut settings = BTreeMap::from([
        ("base_model".to_owned(), Value::String(job.base_model.clone())),
        ("dataset_version".to_owned(), id(job.dataset_version_id.map(|id| id.to_string()))),
        ("training_document".to_owned(), id(job.training_document_id.map(|id| id.to_string()))),
        ("validation_document".to_owned(), id(job.validation_document_id.map(|id| id.to_string()))),
        ("from_model".to_owned(), id(job.from_model_id.map(|id| id.to_string()))),
    ]);
    let given = job.settings.as_object().into_iter().flatten();
    settings.extend(given.map(|(name, value)| (format!("settings.{name}"), value.clone())));
    settings
}

fn differences(settings: &[BTreeMap<String, Value>]) -> BTreeMap<String, Vec<Value>> {
    let names: BTreeSet<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    let values = |name: &String| -> Vec<Value> {
        settings.iter().map(|settings| settings.get(name).cloned().unwrap_or_default()).collect()
    };
    let all = names.into_iter().map(|name| (name.clone(), values(name)));
    all.filter(|(_, values)| values.iter().any(|value| *value != values[0])).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use gradus_store::{Json, Key};
    use serde_json::json;

    use super::*;

    fn event(data: Value) -> TrainingEvent {
        TrainingEvent {
            training_job_id: Key(TrainingJobId::new()),
            seq: 1,
            at: DateTime::UNIX_EPOCH,
            kind: "metrics".to_owned(),
            level: "info".to_owned(),
            message: String::new(),
            data: Json(data),
        }
    }

    #[test]
    fn only_what_differs_is_listed_with_a_place_for_every_job() {
        let settings = |pairs: &[(&str, Value)]| -> BTreeMap<String, Value> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let one = settings(&[("base_model", json!("a")), ("settings.epochs", json!(3))]);
        let other = settings(&[("base_model", json!("a"))]);
        let expected = BTreeMap::from([("settings.epochs".to_owned(), vec![json!(3), Value::Null])]);
        assert_eq!(differences(&[one, other]), expected);
    }

    #[test]
    fn what_was_computed_again_after_a_resumption_replaces_what_was_lost() {
        let mut curves = Curves::default();
        for (step, loss) in [(1, 3.0), (2, 2.0), (3, 9.0), (2, 1.9), (3, 1.5)] {
            curves.take(&event(json!({ "step": step, "train_loss": loss })));
        }
        curves.take(&event(json!({ "step": 3, "valid_loss": 1.7 })));
        curves.take(&event(json!({ "trainable_parameters": 7 })));
        let points = |points: &[Point]| -> Vec<(u64, f64)> {
            points.iter().map(|point| (point.step, point.value)).collect()
        };
        assert_eq!(points(&curves.training_loss), [(1, 3.0), (2, 1.9), (3, 1.5)]);
        assert_eq!(points(&curves.validation_loss), [(3, 1.7)]);
    }

    #[test]
    fn a_long_curve_keeps_its_ends() {
        let points: Vec<Point> = (1..=10_000).map(|step| Point { step, value: 0.0 }).collect();
        let thin = thinned(points.clone());
        assert_eq!((thin.len(), thin[0], thin[MOST_POINTS - 1]), (MOST_POINTS, points[0], points[9_999]));
        assert!(thin.is_sorted_by(|one, next| one.step < next.step));
        assert_eq!(thinned(points[..7].to_vec()).len(), 7);
    }
}
