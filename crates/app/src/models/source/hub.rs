//! The Hugging Face hub over HTTP. A download that was cut off goes on where it stopped, as long as
//! the server still has the same version of the file.

use super::{ModelSource, SourceError, Transfer, transfer};
use crate::models::catalogue::ModelFile;
use crate::models::progress::{Progress, Stage};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::http::{Response, header};
use ureq::{Agent, Body, tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection on which nothing arrives for so long is dead.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// One revision of a public model repository.
#[derive(Debug, Clone)]
pub struct HubRepository {
    /// `https://huggingface.co` or a mirror.
    pub endpoint: String,
    /// `owner/name`.
    pub repository: String,
    /// Commit, tag or branch.
    pub revision: String,
}

impl ModelSource for HubRepository {
    fn describe(&self) -> String {
        format!("{}/{}", self.endpoint.trim_end_matches('/'), self.repository)
    }

    fn fetch(
        &self,
        file: &ModelFile,
        destination: &Path,
        progress: &mut dyn Progress,
    ) -> Result<(), SourceError> {
        let part = Part::of(destination, self.url(&file.name));
        let resume = part.resume_point();
        let response = self.request(&part.url, resume.as_ref())?;
        let done = start_of(&response, resume.as_ref())?;
        let to = part.open(done, &response)?;
        let total = content_length(&response).map(|rest| done + rest);
        let limit = file.size.or(total).unwrap_or(u64::MAX);
        let way = Transfer { stage: Stage::Downloading, done, total, limit, destination: &part.path };
        let fetched = receive(response, to, way, progress);
        if let Err(SourceError::DiskFull) = fetched {
            part.remove();
        }
        let fetched = fetched?;
        if total.is_some_and(|total| total != fetched) {
            let total = total.unwrap_or_default();
            return Err(SourceError::failed(format!("it stopped after {fetched} of {total} bytes")));
        }
        part.finish(destination)
    }
}

impl HubRepository {
    fn url(&self, file: &str) -> String {
        format!(
            "{}/{}/resolve/{}/{file}",
            self.endpoint.trim_end_matches('/'),
            self.repository,
            self.revision
        )
    }

    fn request(&self, url: &str, resume: Option<&Resume>) -> Result<Response<Body>, SourceError> {
        let roots = tls::TlsConfig::builder().root_certs(tls::RootCerts::PlatformVerifier).build();
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(STALL_TIMEOUT))
            .timeout_per_read(Some(STALL_TIMEOUT))
            .http_status_as_error(false)
            .tls_config(roots)
            .user_agent(concat!("gradus/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        // A compressed answer could not be resumed.
        let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if let Some(resume) = resume {
            request = request
                .header(header::RANGE, format!("bytes={}-", resume.done))
                .header(header::IF_RANGE, &resume.etag);
        }
        request.call().map_err(|error| SourceError::failed(format!("no connection: {error}")))
    }
}

/// An unfinished download beside its destination, and a note of what it is a part of.
struct Part {
    url: String,
    path: PathBuf,
    note: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Note {
    url: String,
    etag: String,
}

/// Where to go on, and the version of the file that the part belongs to.
struct Resume {
    done: u64,
    etag: String,
}

impl Part {
    fn of(destination: &Path, url: String) -> Self {
        Self { url, path: beside(destination, ".download"), note: beside(destination, ".download.json") }
    }

    fn resume_point(&self) -> Option<Resume> {
        let note: Note = serde_json::from_str(&fs::read_to_string(&self.note).ok()?).ok()?;
        let done = fs::metadata(&self.path).ok()?.len();
        (note.url == self.url && done > 0).then_some(Resume { done, etag: note.etag })
    }

    /// Opens the part to go on at `done`, or to begin anew and note the version.
    fn open(&self, done: u64, response: &Response<Body>) -> Result<File, SourceError> {
        let failed = |error| SourceError::io("write", &self.path, &error);
        if done > 0 {
            return OpenOptions::new().append(true).open(&self.path).map_err(failed);
        }
        self.remove();
        let file = File::create(&self.path).map_err(failed)?;
        // A weak tag does not promise the same bytes.
        let etag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok());
        if let Some(etag) = etag.filter(|etag| !etag.starts_with("W/")) {
            let note = Note { url: self.url.clone(), etag: etag.to_owned() };
            let text =
                serde_json::to_string(&note).map_err(|error| SourceError::failed(error.to_string()))?;
            fs::write(&self.note, text).map_err(failed)?;
        }
        Ok(file)
    }

    fn finish(&self, destination: &Path) -> Result<(), SourceError> {
        let renamed = fs::rename(&self.path, destination);
        renamed.map_err(|error| SourceError::io("put in place", destination, &error))?;
        self.remove();
        Ok(())
    }

    fn remove(&self) {
        // Neither need be there.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.note);
    }
}

fn beside(destination: &Path, suffix: &str) -> PathBuf {
    let mut name = destination.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The byte at which the answer begins: where we asked, or the beginning.
fn start_of(response: &Response<Body>, resume: Option<&Resume>) -> Result<u64, SourceError> {
    let status = response.status().as_u16();
    match (status, resume) {
        (200, _) => Ok(0),
        (206, Some(resume)) => {
            let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
            let expected = format!("bytes {}-", resume.done);
            if range.is_some_and(|range| range.starts_with(&expected)) {
                return Ok(resume.done);
            }
            Err(SourceError::failed("the server answered with another part of the file than was asked for"))
        }
        (401 | 403, _) => {
            Err(SourceError::failed(format!("it wants a login for this repository (HTTP {status})")))
        }
        (404, _) => Err(SourceError::failed("it does not have this file (HTTP 404)")),
        _ => Err(SourceError::failed(format!("the server answered with HTTP {status}"))),
    }
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn receive(
    response: Response<Body>,
    mut to: File,
    way: Transfer<'_>,
    progress: &mut dyn Progress,
) -> Result<u64, SourceError> {
    let mut from = response.into_body().into_reader();
    transfer(&mut from, &mut to, way, progress)
}
