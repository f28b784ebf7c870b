//! A model test whose worker dies while it stores marks: it is done again, and every answer has its mark, once.

use gradus_app::domain::{Id, ModelTestId, ModelTestState, State};
use gradus_app::service::model_tests::{ModelTestSettings, NewModelTest, NewSubmission};
use gradus_app::store::model_tests::submissions::{self, Submission};
use gradus_app::store::{Whose, queue};

use crate::each_database;
use crate::site::Site;

each_database!(a_model_test_whose_worker_dies_among_its_marks_has_each_mark_once);

/// Marks are stored some hundreds at a time: these are several transactions.
const ANSWERS: usize = 2000;

async fn model_test(site: &Site, name: &str) -> ModelTestId {
    let version = site.dataset().await;
    let job = site.train(version, 1).await;
    let done = site.until_job(job, |job| job.state.0.is_final()).await;
    assert!(done.failure.is_none(), "{:?}", done.failure);
    let (model, _) = site.model_of(job).await;
    let settings = ModelTestSettings { held_out: true, ..ModelTestSettings::default() };
    let new = NewModelTest { name: name.to_owned(), model, dataset_version: version, settings };
    let test = site.services.add_model_test(site.owner, new).await.unwrap().id.0;
    let given = (0..ANSWERS).map(|number| NewSubmission {
        student: Some(format!("S{number}")),
        question: (1 + number % 2).to_string(),
        answer: format!("Water {number}."),
        expected: (number % 3).to_string(),
    });
    site.services.add_submissions(Whose::Of(site.owner), test, given.collect()).await.unwrap();
    site.services.run_model_test(Whose::Of(site.owner), test).await.unwrap();
    test
}

async fn all(site: &Site, test: ModelTestId) -> Vec<Submission> {
    submissions::from(&site.services.store.reader(), test, 0, 10 * ANSWERS as u64).await.unwrap()
}

/// Asks one row alone, so often that no chunk of marks is missed.
async fn is_marked(site: &Site, test: ModelTestId, position: u64) -> bool {
    let found = submissions::from(&site.services.store.reader(), test, position, 1).await.unwrap();
    found.first().is_some_and(|one| one.marked_at.is_some())
}

async fn a_model_test_whose_worker_dies_among_its_marks_has_each_mark_once(site: &Site) {
    let mut worker = site.worker();
    let test = model_test(site, "spring").await;
    site.until("the first marks", async || is_marked(site, test, 0).await.then_some(())).await;
    worker.kill();
    let marked = all(site, test).await.iter().filter(|one| one.verdict.is_some()).count();
    assert!(marked > 0 && marked < ANSWERS, "{marked} marks were stored when the worker died");
    let before = all(site, test).await;

    let _other = site.worker();
    let done = site
        .until("the model test", async || {
            let test = site.services.model_test(Whose::Anyones, test).await.unwrap();
            test.state.0.is_final().then_some(test)
        })
        .await;
    assert_eq!(done.state.0, ModelTestState::Completed, "{:?}", done.failure);
    let after = all(site, test).await;
    assert!(after.len() > ANSWERS, "the held-out answers are submissions too");
    assert_eq!((done.done, done.total), (after.len() as i64, after.len() as i64));
    assert!(after.iter().map(|one| one.position).eq(0..after.len() as i64), "a gap, or two of one");
    assert!(after.iter().all(|one| one.verdict.is_some() && one.marked_at.is_some()), "a mark was lost");
    let facts = |one: &Submission| (one.id.0, one.student.clone(), one.answer.clone(), one.expected.clone());
    assert!(before.iter().map(facts).eq(after.iter().map(facts)), "answers were added or exchanged");
    let marks = before.iter().zip(&after).filter(|(one, _)| one.verdict.is_some());
    for (one, other) in marks {
        assert_eq!((&one.verdict, one.confidence), (&other.verdict, other.confidence), "{other:?}");
    }
    let work = queue::of_subject(&site.services.store.reader(), test.uuid()).await.unwrap().unwrap();
    assert_eq!(work.attempts, 1, "the lost one does not count");
}
