//! Uploaded files: stored at once, read by a worker.

use chrono::{DateTime, Utc};
use gradus_domain::{DocumentId, DocumentPurpose, DocumentState, DocumentStep, JobKind, UserId, Word as _};
use gradus_store::blobs::{Blob, BlobReader, SpooledBlob};
use gradus_store::documents::{self, Document};
use gradus_store::{Json, Key, Page, PageRequest, StoreError, Text, Transaction, Whose, blob_records, turns};

use super::conversations::check_conversations;
use super::{Services, admit_work, queue_work};
use crate::accounts::Accounts;
use crate::{Error, Precondition};

/// What is known of a file before it is read.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    pub purpose: DocumentPurpose,
    /// Whatever its owner notes.
    pub metadata: serde_json::Value,
    /// When it is to be deleted.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Services {
    /// Stores an uploaded file and queues its reading.
    ///
    /// # Errors
    /// [`Error::Quota`]; [`Error::Conversations`] where it is to be learnt from and cannot be; when storage fails. Nothing
    /// is left of the file then.
    pub async fn add_document(
        &self,
        owner: UserId,
        new: NewDocument,
        spooled: SpooledBlob,
    ) -> Result<Document, Error> {
        if new.purpose == DocumentPurpose::Conversations {
            check_conversations(spooled.path().to_owned(), new.name.clone()).await?;
        }
        let blob = self.archive.keep_spooled(spooled).await?;
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let usage = Accounts::usage(&tx, owner).await?;
            quotas.admit_document(&usage, blob.bytes)?;
            let document = row(&tx, owner, new, blob);
            let is_read = document.purpose.is_read();
            if is_read {
                quotas.admit_work(&usage)?;
            }
            blob_records::settle(&tx, &document.blob_hash).await?;
            documents::insert(&tx, document.clone()).await?;
            if is_read {
                queue_work(&tx, JobKind::ExtractDocument, owner, document.id.0).await?;
            }
            Ok(document)
        })
        .await
    }

    /// A document that may be seen.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn document(&self, whose: Whose, id: DocumentId) -> Result<Document, Error> {
        Ok(documents::get(&self.store.reader(), whose, id).await?)
    }

    /// A page of the documents that may be seen.
    pub async fn documents(
        &self,
        whose: Whose,
        purpose: Option<DocumentPurpose>,
        request: &PageRequest,
    ) -> Result<Page<Document>, Error> {
        Ok(documents::page(&self.store.reader(), whose, purpose, request).await?)
    }

    /// The bytes that were uploaded.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn document_content(
        &self,
        whose: Whose,
        id: DocumentId,
    ) -> Result<(Document, BlobReader), Error> {
        let document = self.document(whose, id).await?;
        let reader = self.archive.open(&document.blob_hash).await?;
        Ok((document, reader))
    }

    /// The text that was read in a document, with its structure, as JSON.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] while it has none.
    pub async fn document_text(&self, whose: Whose, id: DocumentId) -> Result<BlobReader, Error> {
        let document = self.document(whose, id).await?;
        let hash = document
            .text_hash
            .ok_or_else(|| StoreError::NotFound { noun: "text of the document", id: id.to_string() })?;
        self.archive.open(&hash).await
    }

    /// A document as it was read.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it was not read yet, or cannot be.
    pub(crate) async fn read_text(&self, row: &Document) -> Result<crate::documents::Document, Error> {
        let Some(hash) = &row.text_hash else {
            return Err(Error::invalid(row.purpose.word(), unread(row)));
        };
        let json = self.archive.read(hash).await?;
        serde_json::from_slice(&json).map_err(|error| Error::Format {
            path: row.name.clone().into(),
            expected: "a document's text as this version of Gradus writes it (have it read again)",
            reason: error.to_string(),
        })
    }

    /// Has a document read again.
    ///
    /// # Errors
    /// When it is not there, or is being read.
    pub async fn read_document_again(&self, whose: Whose, id: DocumentId) -> Result<Document, Error> {
        let quotas = self.quotas;
        self.write(move |tx| async move {
            let document = documents::get(&tx, whose, id).await?;
            if !document.purpose.is_read() {
                let message = format!("has the purpose `{}`: such files are not read", document.purpose.0);
                return Err(Error::invalid("purpose", message));
            }
            admit_work(&tx, quotas, document.owner_id.0).await?;
            documents::step(&tx, id, DocumentStep::Retry).await?;
            queue_work(&tx, JobKind::ExtractDocument, document.owner_id.0, id).await?;
            Ok(documents::get(&tx, whose, id).await?)
        })
        .await
    }

    /// Deletes a document.
    ///
    /// # Errors
    /// When it is not theirs or not as is known, or something needs it.
    pub async fn delete_document(
        &self,
        whose: Whose,
        id: DocumentId,
        known: Precondition<Document>,
    ) -> Result<(), Error> {
        self.store
            .write(move |tx| async move {
                if known.is_asked() {
                    turns::take(&tx, &id.to_string()).await?;
                    known.check("document", documents::get(&tx, whose, id).await?)?;
                }
                gradus_store::queue::wish(&tx, gradus_domain::Id::uuid(id), gradus_domain::Wish::Cancel)
                    .await?;
                documents::delete(&tx, whose, id).await
            })
            .await?;
        Ok(())
    }
}

/// Makes sure that a document may be used for something.
pub(super) fn check_use(document: &Document, field: &str, wanted: DocumentPurpose) -> Result<(), Error> {
    if document.purpose.0 != wanted {
        let (name, purpose) = (&document.name, document.purpose.0);
        let message = format!("{name} was uploaded as `{purpose}`: upload it with the purpose `{wanted}`");
        return Err(Error::invalid(field, message));
    }
    // One that waits for its reader may be read by the time that it is needed.
    if document.state.0 == DocumentState::Rejected {
        return Err(Error::invalid(field, unread(document)));
    }
    Ok(())
}

/// Why there is nothing to read in a document.
fn unread(document: &Document) -> String {
    let Document { name, state, failure, .. } = document;
    match failure {
        Some(Json(failure)) => {
            let reason = failure.told();
            format!("{name} could not be read: {reason}; mend it and upload it again")
        }
        None => format!("{name} is {}: wait until it is ready", state.0),
    }
}

fn row(tx: &Transaction, owner: UserId, new: NewDocument, blob: Blob) -> Document {
    let state = if new.purpose.is_read() { DocumentState::Uploaded } else { DocumentState::Ready };
    Document {
        id: Key(DocumentId::new()),
        owner_id: Key(owner),
        name: new.name,
        purpose: Text(new.purpose),
        state: Text(state),
        blob_hash: blob.hash.to_string(),
        bytes: blob.bytes.cast_signed(),
        format: None,
        pages: None,
        quality: None,
        text_hash: None,
        findings: Json(serde_json::Value::Null),
        failure: None,
        metadata: Json(new.metadata),
        expires_at: new.expires_at,
        created_at: tx.now(),
        updated_at: tx.now(),
        revision: 1,
    }
}
