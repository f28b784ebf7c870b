//! One PUT of a file, or of a part of one, with flat memory: the body is read from the disk as it is sent.
//! The request is signed over the SHA-256 of the body, so the server refuses bytes that changed on the way.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpRequestBody};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::transport::RequestBody;
use super::{Bucket, LONGEST_WAIT, RETRIES, Refusal};
use crate::blobs::reader::CHUNK_BYTES;
use crate::blobs::{BlobError, directory};

/// The wait before the first retry; it is four times as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// A stretch of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilePart<'a> {
    pub(super) path: &'a Path,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

impl Bucket {
    /// Puts a stretch of a file under an address, once more where the reason of a failure may pass. Returns
    /// the answer's entity tag, which names the part of an upload.
    pub(super) async fn send(&self, url: &str, part: &FilePart<'_>) -> Result<String, BlobError> {
        let digest = part.sha256().await?;
        let mut wait = FIRST_WAIT;
        for _ in 0..RETRIES {
            match self.send_once(url, part, &digest).await {
                Err(error) if error.is_transient() => {
                    tracing::info!(%error, "sending a blob once more");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 4).min(LONGEST_WAIT);
                }
                done => return done,
            }
        }
        self.send_once(url, part, &digest).await
    }

    async fn send_once(&self, url: &str, part: &FilePart<'_>, digest: &[u8]) -> Result<String, BlobError> {
        let refused = |refusal| BlobError::Place { action: "store a blob", refusal };
        let head = self.signed_head(url, part.bytes, digest).await?;
        let body = part.body().await?;
        let answer = self.transport.send(head.map(|_| body)).await;
        let answer = answer.map_err(|error| refused(Refusal::no_answer(&error)))?;
        if answer.status().is_success() {
            return entity_tag(answer.headers()).map_err(refused);
        }
        let status = answer.status();
        let document = answer.into_body().bytes().await.unwrap_or_default();
        Err(refused(Refusal::answer(status, &String::from_utf8_lossy(&document))))
    }

    /// A request with its signature, for a body that has that digest.
    async fn signed_head(&self, url: &str, bytes: u64, digest: &[u8]) -> Result<HttpRequest, BlobError> {
        let request = Request::put(url).header(CONTENT_LENGTH, bytes).body(HttpRequestBody::empty());
        let mut request = request.map_err(|error| BlobError::Place {
            action: "store a blob",
            refusal: Refusal::because(error.to_string()),
        })?;
        let failed = BlobError::objects("sign a request to the bucket");
        let credential = self.objects.credentials().get_credential().await.map_err(&failed)?;
        let authorizer = AwsAuthorizer::new(&credential, "s3", &self.region);
        authorizer.try_authorize(&mut request, Some(digest)).map_err(&failed)?;
        Ok(request)
    }
}

impl FilePart<'_> {
    async fn body(&self) -> Result<RequestBody, BlobError> {
        let failed = |error| BlobError::file("read", self.path)(error);
        let mut file = tokio::fs::File::open(self.path).await.map_err(failed)?;
        file.seek(SeekFrom::Start(self.start)).await.map_err(failed)?;
        let chunks = ReaderStream::with_capacity(file.take(self.bytes), CHUNK_BYTES);
        let frames =
            chunks.map_ok(Frame::data).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error));
        Ok(StreamBody::new(frames).boxed_unsync())
    }

    async fn sha256(&self) -> Result<Vec<u8>, BlobError> {
        let (path, start, bytes) = (self.path.to_owned(), self.start, self.bytes);
        directory::blocking(move || {
            let mut hasher = Sha256::new();
            let mut chunk = vec![0; CHUNK_BYTES];
            let mut hash = || -> std::io::Result<()> {
                let mut file = std::fs::File::open(&path)?;
                file.seek(SeekFrom::Start(start))?;
                let mut part = file.take(bytes);
                loop {
                    match part.read(&mut chunk)? {
                        0 => return Ok(()),
                        read => hasher.update(&chunk[..read]),
                    }
                }
            };
            hash().map_err(BlobError::file("read", &path))?;
            Ok(hasher.finalize().to_vec())
        })
        .await
    }
}

fn entity_tag(headers: &HeaderMap) -> Result<String, Refusal> {
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    tag.map(str::to_owned).ok_or_else(|| Refusal::because("the server answered without an entity tag"))
}
