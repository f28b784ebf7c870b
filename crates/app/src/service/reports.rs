//! Reports: asked for, written by a worker, read as a page or as figures.

use gradus_domain::{JobKind, ModelTestId, ModelTestState, ReportId, ReportState, ReportStep, UserId};
use gradus_store::blobs::BlobReader;
use gradus_store::model_tests;
use gradus_store::reports::{self, Report};
use gradus_store::{Key, Page, PageRequest, StoreError, Text, Whose, turns};

use super::{Services, admit_thing, admit_work, queue_work};
use crate::{Error, Precondition};

/// In which form a report is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportForm {
    /// The page.
    Html,
    /// The figures.
    Json,
}

impl Services {
    /// Has a report on a model test written.
    ///
    /// # Errors
    /// When the test is not theirs or is not complete.
    pub async fn add_report(&self, owner: UserId, name: String, test: ModelTestId) -> Result<Report, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let found = model_tests::get(&tx, Whose::Of(owner), test).await?;
            if found.state.0 != ModelTestState::Completed {
                let message = format!("is {}: a report is about a completed one", found.state.0);
                return Err(Error::invalid("model_test", message));
            }
            admit_thing(&tx, quotas, owner).await?;
            admit_work(&tx, quotas, owner).await?;
            let report = Report {
                id: Key(ReportId::new()),
                owner_id: Key(owner),
                kind: "model-test".to_owned(),
                name,
                state: Text(ReportState::Queued),
                training_job_id: None,
                model_test_id: Some(Key(test)),
                other_model_test_id: None,
                html_hash: None,
                json_hash: None,
                failure: None,
                created_at: tx.now(),
                finished_at: None,
                revision: 1,
            };
            reports::insert(&tx, report.clone()).await?;
            queue_work(&tx, JobKind::MakeReport, owner, report.id.0).await?;
            Ok(report)
        })
        .await
    }

    /// A report that may be seen.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn report(&self, whose: Whose, id: ReportId) -> Result<Report, Error> {
        Ok(reports::get(&self.store.reader(), whose, id).await?)
    }

    /// A page of the reports that may be seen.
    pub async fn reports(&self, whose: Whose, request: &PageRequest) -> Result<Page<Report>, Error> {
        Ok(reports::page(&self.store.reader(), whose, request).await?)
    }

    /// A written report.
    ///
    /// # Errors
    /// When it is not there, or not written yet.
    pub async fn report_content(
        &self,
        whose: Whose,
        id: ReportId,
        form: ReportForm,
    ) -> Result<BlobReader, Error> {
        let report = self.report(whose, id).await?;
        let hash = match form {
            ReportForm::Html => report.html_hash,
            ReportForm::Json => report.json_hash,
        };
        let hash =
            hash.ok_or_else(|| StoreError::NotFound { noun: "page of the report", id: id.to_string() })?;
        self.archive.open(&hash).await
    }

    /// Has a report written again.
    ///
    /// # Errors
    /// When it is not theirs or is being written.
    pub async fn write_report_again(&self, whose: Whose, id: ReportId) -> Result<Report, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let report = reports::get(&tx, whose, id).await?;
            admit_work(&tx, quotas, report.owner_id.0).await?;
            reports::step(&tx, id, ReportStep::Retry).await?;
            queue_work(&tx, JobKind::MakeReport, report.owner_id.0, id).await?;
            Ok(reports::get(&tx, whose, id).await?)
        })
        .await
    }

    /// Deletes a report.
    ///
    /// # Errors
    /// When it is not theirs or not as is known.
    pub async fn delete_report(
        &self,
        whose: Whose,
        id: ReportId,
        known: Precondition<Report>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                if known.is_asked() {
                    turns::take(&tx, &id.to_string()).await?;
                    known.check("report", reports::get(&tx, whose, id).await?)?;
                }
                reports::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}
