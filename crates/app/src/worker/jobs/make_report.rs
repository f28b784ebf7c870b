//! Writing a report from the results of a model test.

use async_trait::async_trait;
use gradus_domain::{Id, ReportId, ReportState, ReportStep};
use gradus_store::{StoreError, Whose, model_tests, reports};

use super::{Changes, Completion, Job, Left, on_a_thread};
use crate::Error;
use crate::worker::Assignment;

pub(super) struct MakeReport;

#[async_trait]
impl Job for MakeReport {
    async fn run(&self, assignment: &Assignment) -> Result<Completion, Error> {
        let id: ReportId = assignment.subject()?;
        let report = assignment
            .write(move |tx| async move {
                reports::step(&tx, id, ReportStep::Generate).await?;
                reports::get(&tx, Whose::Anyones, id).await
            })
            .await?;
        let services = &assignment.services;
        let test =
            report.model_test_id.ok_or_else(|| Error::invalid("model_test", "the report names none"))?;
        let test = model_tests::get(&services.store.reader(), Whose::Anyones, test.0).await?;
        let results = test.result_hash.ok_or_else(|| Error::invalid("model_test", "has no results"))?;
        let json = services.archive.read(&results).await?;
        let (html, json) = on_a_thread(move || {
            let report = gradus_report::from_json(&String::from_utf8_lossy(&json))?;
            Ok((gradus_report::render_html(&report)?, json))
        })
        .await?;
        let html = services.archive.keep_bytes(html.into_bytes()).await?.hash.to_string();
        let json = services.archive.keep_bytes(json).await?.hash.to_string();
        Ok(Completion::new(move |tx| async move { reports::complete(&tx, id, html, json).await }))
    }

    fn leave(&self, left: Left) -> Option<Changes> {
        let failure = left.final_failure("writing it was cancelled")?;
        Changes::new(move |tx, subject| async move {
            let id = ReportId::from_uuid(subject);
            match reports::get(&tx, Whose::Anyones, id).await {
                Ok(report) if matches!(report.state.0, ReportState::Queued | ReportState::Generating) => {
                    reports::fail(&tx, id, failure).await
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }
}
