//! The main job through the services: documents, dataset, training, model test, report.

use gradus_app::domain::{ModelTestState, ReportState, TrainingJobState};
use gradus_app::service::model_tests::{ModelTestSettings, NewModelTest, NewSubmission};
use gradus_app::service::reports::ReportForm;
use gradus_app::store::Whose;

use crate::each_database;
use crate::site::Site;

each_database!(documents_become_a_model_and_a_report);

async fn documents_become_a_model_and_a_report(site: &Site) {
    let _worker = site.worker();
    let version = site.dataset().await;
    let examples = site.services.examples(Whose::Of(site.owner), version, 0, 1000).await.unwrap();
    assert_eq!(examples.len(), 24);

    let id = site.train(version, 2).await;
    let job = site.until_job(id, |job| gradus_app::domain::State::is_final(job.state.0)).await;
    assert_eq!(job.state.0, TrainingJobState::Completed, "{:?}", job.failure);
    assert_eq!(Some(job.step), job.steps);
    assert!(job.progress.training_loss.is_some() && job.started_at.is_some() && job.finished_at.is_some());
    let events = site.services.training_events(Whose::Of(site.owner), id, 0, 10_000).await.unwrap();
    assert!(events.iter().map(|event| event.seq).eq(1..=events.len() as i64), "a gap in the events");
    let metrics =
        events.iter().filter(|event| event.kind == "metrics" && event.data.get("train_loss").is_some());
    assert_eq!(metrics.count() as i64, job.step, "one event an update");

    let (model, _) = site.model_of(id).await;
    let settings = ModelTestSettings { held_out: true, ..ModelTestSettings::default() };
    let new = NewModelTest { name: "spring".to_owned(), model, dataset_version: version, settings };
    let test = site.services.add_model_test(site.owner, new).await.unwrap().id.0;
    let given = NewSubmission {
        student: Some("Zoe".to_owned()),
        question: "1".to_owned(),
        answer: "They hold chlorophyll.".to_owned(),
        expected: "1".to_owned(),
    };
    assert_eq!(site.services.add_submissions(Whose::Of(site.owner), test, vec![given]).await.unwrap(), 1);
    site.services.run_model_test(Whose::Of(site.owner), test).await.unwrap();
    let done = site
        .until("the model test", async || {
            let test = site.services.model_test(Whose::Anyones, test).await.unwrap();
            gradus_app::domain::State::is_final(test.state.0).then_some(test)
        })
        .await;
    assert_eq!(done.state.0, ModelTestState::Completed, "{:?}", done.failure);
    let submissions = site.services.submissions(Whose::Of(site.owner), test, 0, 100).await.unwrap();
    assert_eq!((submissions.len() as i64, done.done), (done.total, done.total));
    assert!(submissions.len() > 1, "the held-out answers are submissions too");
    assert_eq!(submissions[0].student.as_deref(), Some("Zoe"));
    assert!(submissions.iter().all(|one| one.verdict.is_some() && one.marked_at.is_some()));

    let report = site.services.add_report(site.owner, "Spring".to_owned(), test).await.unwrap().id.0;
    site.until("the report", async || {
        let report = site.services.report(Whose::Anyones, report).await.unwrap();
        assert_ne!(report.state.0, ReportState::Failed, "{:?}", report.failure);
        (report.state.0 == ReportState::Completed).then_some(())
    })
    .await;
    let html = site.services.report_content(Whose::Of(site.owner), report, ReportForm::Html).await.unwrap();
    let html = String::from_utf8(html.into_bytes().await.unwrap().to_vec()).unwrap();
    assert!(html.contains("spring") && html.contains("chlorophyll"), "{}", &html[..500]);
    nothing_is_left_behind(site).await;
}

/// No file in the work directory, and no blob without its record.
pub(crate) async fn nothing_is_left_behind(site: &Site) {
    use futures_util::TryStreamExt;
    use gradus_app::store::blobs::ListedBlob;
    let work = site.place.path("data/work");
    let left: Vec<_> = std::fs::read_dir(work).map(|entries| entries.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    let mut stored: Vec<String> = site
        .services
        .archive
        .blobs()
        .list()
        .map_ok(|listed| match listed {
            ListedBlob::Blob { blob, .. } => blob.hash.to_string(),
            ListedBlob::Stray { key } => panic!("a stray file {key}"),
        })
        .try_collect()
        .await
        .unwrap();
    stored.sort();
    let recorded = gradus_app::store::blob_records::hashes(&site.services.store.reader()).await.unwrap();
    assert_eq!(stored, recorded);
}
