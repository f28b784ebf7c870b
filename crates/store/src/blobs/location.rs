//! Where blobs are kept, as a person writes it: a directory, or `s3://bucket/prefix` and options.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::BlobError;

/// The longest body that S3 takes in one request: 5 GiB.
const LARGEST_PUT_BYTES: u64 = 5 << 30;
/// The shortest part, but for the last, that S3 takes of an upload in parts: 5 MiB.
pub(super) const SMALLEST_PART_BYTES: u64 = 5 << 20;

/// A place for blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobLocation {
    /// A directory, with `blobs` and `spool` in it.
    Directory(PathBuf),
    /// A bucket of a server that speaks S3.
    Bucket(BucketLocation),
}

/// A bucket, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketLocation {
    pub(super) bucket: String,
    /// What keys begin with, without a slash at either end; may be empty.
    pub(super) prefix: String,
    pub(super) options: BucketOptions,
}

/// How buckets are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct BucketOptions {
    /// The server, as `https://host:port`; the region's own at Amazon where there is none.
    pub endpoint: Option<String>,
    /// The region; other servers than Amazon's take any, and most expect `us-east-1`.
    pub region: String,
    /// The access key's id. Without it and the secret, the role of the machine is used (at Amazon).
    pub access_key_id: Option<String>,
    /// The access key's secret.
    pub secret_access_key: Option<String>,
    /// The token of a temporary access key.
    pub session_token: Option<String>,
    /// Whether an endpoint without TLS is taken.
    pub allow_http: bool,
    /// The longest body of one request. Larger blobs are sent in parts. Lower it where a proxy takes less.
    pub largest_put_bytes: u64,
    /// A local directory for bytes on their way in.
    pub spool: PathBuf,
}

impl BucketOptions {
    /// Amazon's server in `us-east-1`, with the role of the machine.
    pub fn new(spool: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            allow_http: false,
            largest_put_bytes: LARGEST_PUT_BYTES,
            spool: spool.into(),
        }
    }

    /// The server's address, without a slash at its end.
    pub(super) fn endpoint(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => format!("https://s3.{}.amazonaws.com", self.region),
        }
    }

    fn problem(&self) -> Option<String> {
        let problem = match (&self.access_key_id, &self.secret_access_key) {
            (Some(_), None) => "the access key has an id and no secret; give both or neither",
            (None, Some(_)) => "the access key has a secret and no id; give both or neither",
            _ if self.region.is_empty() => "the region is empty; give one, such as us-east-1",
            _ if !(SMALLEST_PART_BYTES..=LARGEST_PUT_BYTES).contains(&self.largest_put_bytes) => {
                "the longest body of one request must be between 5 MiB and 5 GiB"
            }
            _ => {
                return self
                    .endpoint
                    .as_deref()
                    .and_then(|endpoint| endpoint_problem(endpoint, self.allow_http));
            }
        };
        Some(problem.to_owned())
    }
}

impl fmt::Debug for BucketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "hidden");
        f.debug_struct("BucketOptions")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &hidden(&self.secret_access_key))
            .field("session_token", &hidden(&self.session_token))
            .field("allow_http", &self.allow_http)
            .field("largest_put_bytes", &self.largest_put_bytes)
            .field("spool", &self.spool)
            .finish()
    }
}

impl BlobLocation {
    /// Reads a place: `s3://bucket`, `s3://bucket/prefix`, or the path of a directory, for which the options
    /// mean nothing.
    ///
    /// # Errors
    /// When it is none of these, or the options of a bucket contradict each other.
    pub fn parse(place: &str, options: BucketOptions) -> Result<Self, BlobError> {
        let refuse = |location: &str, problem: &str| {
            Err(BlobError::Location { location: location.to_owned(), problem: problem.to_owned() })
        };
        let Some((scheme, rest)) = place.split_once("://") else {
            return match place {
                "" => refuse("an empty path", "name a directory, or a bucket as s3://bucket/prefix"),
                path => Ok(Self::Directory(PathBuf::from(path))),
            };
        };
        if scheme != "s3" {
            // What follows may hold a password.
            let problem = "only s3:// and paths of directories are known; write s3://bucket/prefix and give \
                           the server as the endpoint";
            return refuse(&format!("{scheme}://…"), problem);
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !is_bucket_name(bucket) {
            let problem = "the name of a bucket has 3 to 63 of a-z, 0-9, dots and hyphens; keys and options \
                           do not belong here";
            return refuse("s3://…", problem);
        }
        if !is_prefix(prefix) {
            let problem = "what follows the bucket must be words of A-Z, a-z, 0-9, dots, hyphens and \
                           underscores, with one slash between two";
            return refuse(&format!("s3://{bucket}/…"), problem);
        }
        match options.problem() {
            Some(problem) => refuse(place, &problem),
            None => Ok(Self::Bucket(BucketLocation {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                options,
            })),
        }
    }
}

impl fmt::Display for BlobLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Bucket(location) => write!(f, "s3://{}/{}", location.bucket, location.prefix),
        }
    }
}

fn is_bucket_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    (3..=63).contains(&name.len()) && name.bytes().all(is_known)
}

/// Only characters that mean themselves in an address, so that a key is never written in two ways.
fn is_prefix(prefix: &str) -> bool {
    let is_word = |word: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !["", ".", ".."].contains(&word) && word.bytes().all(is_known)
    };
    prefix.is_empty() || prefix.split('/').all(is_word)
}

/// What is wrong with an endpoint; its text is not repeated, as people write passwords into addresses.
fn endpoint_problem(endpoint: &str, allow_http: bool) -> Option<String> {
    let problem = match Url::parse(endpoint) {
        Err(error) => return Some(format!("the endpoint is no address: {error}; write https://host:port")),
        Ok(url) if !["http", "https"].contains(&url.scheme()) => {
            "the endpoint begins with neither https:// nor http://; write https://host:port"
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "the endpoint holds a name or a password; give the access key in its own options"
        }
        Ok(url) if url.path() != "/" || url.query().is_some() || url.fragment().is_some() => {
            "the endpoint says more than https://host:port; the bucket and its prefix go into s3://bucket/prefix"
        }
        Ok(url) if url.scheme() == "http" && !allow_http => {
            "the endpoint uses http, which anybody on the way can read and change; use https, or allow http"
        }
        Ok(_) => return None,
    };
    Some(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI";

    fn options() -> BucketOptions {
        BucketOptions {
            access_key_id: Some("AKIA".to_owned()),
            secret_access_key: Some(SECRET.to_owned()),
            ..BucketOptions::new("spool")
        }
    }

    fn problem(place: &str, options: BucketOptions) -> String {
        BlobLocation::parse(place, options).unwrap_err().to_string()
    }

    #[test]
    fn a_path_is_a_directory() {
        for path in ["blobs", "/var/lib/gradus", "C:\\gradus", "s3/bucket"] {
            let location = BlobLocation::parse(path, options()).unwrap();
            assert_eq!(location, BlobLocation::Directory(PathBuf::from(path)));
            assert_eq!(location.to_string(), path);
        }
    }

    #[test]
    fn a_bucket_may_have_a_prefix() {
        for (place, bucket, prefix) in [
            ("s3://marks", "marks", ""),
            ("s3://marks/", "marks", ""),
            ("s3://marks.school-1/gradus/blobs/", "marks.school-1", "gradus/blobs"),
        ] {
            let BlobLocation::Bucket(location) = BlobLocation::parse(place, options()).unwrap() else {
                panic!("{place} is no bucket");
            };
            assert_eq!((location.bucket.as_str(), location.prefix.as_str()), (bucket, prefix));
        }
    }

    #[test]
    fn without_an_endpoint_the_region_names_the_server() {
        let options = BucketOptions { region: "eu-central-1".to_owned(), ..options() };
        assert_eq!(options.endpoint(), "https://s3.eu-central-1.amazonaws.com");
    }

    #[test]
    fn a_place_that_cannot_be_followed_is_refused_with_what_to_write() {
        for (place, words) in [
            ("", "name a directory"),
            ("gs://marks", "only s3:// and paths"),
            ("s3://", "3 to 63"),
            ("s3://Marks", "3 to 63"),
            ("s3://marks//x", "one slash"),
            ("s3://marks/../other", "one slash"),
            ("s3://marks/a b", "one slash"),
        ] {
            let problem = problem(place, options());
            assert!(problem.contains(words), "{place}: {problem}");
        }
    }

    #[test]
    fn half_an_access_key_is_refused() {
        let without_secret = BucketOptions { secret_access_key: None, ..options() };
        assert!(problem("s3://marks", without_secret).contains("give both or neither"));
        let without_id = BucketOptions { access_key_id: None, ..options() };
        assert!(problem("s3://marks", without_id).contains("give both or neither"));
    }

    #[test]
    fn an_endpoint_that_is_more_or_less_than_an_address_is_refused() {
        for (endpoint, words) in [
            ("minio:9000", "neither https:// nor http://"),
            ("minio", "is no address"),
            ("ftp://minio", "neither https:// nor http://"),
            ("https://minio/bucket", "more than https://host:port"),
            ("https://minio?x=1", "more than https://host:port"),
            ("http://minio:9000", "allow http"),
        ] {
            let options = BucketOptions { endpoint: Some(endpoint.to_owned()), ..options() };
            let problem = problem("s3://marks", options);
            assert!(problem.contains(words), "{endpoint}: {problem}");
        }
        let endpoint = Some("http://minio:9000/".to_owned());
        let allowed = BucketOptions { endpoint, allow_http: true, ..options() };
        assert_eq!(allowed.endpoint(), "http://minio:9000");
        assert!(BlobLocation::parse("s3://marks", allowed).is_ok());
    }

    #[test]
    fn a_request_longer_than_the_protocol_allows_is_refused() {
        for largest_put_bytes in [0, SMALLEST_PART_BYTES - 1, LARGEST_PUT_BYTES + 1] {
            let options = BucketOptions { largest_put_bytes, ..options() };
            assert!(problem("s3://marks", options).contains("between 5 MiB and 5 GiB"));
        }
    }

    #[test]
    fn no_message_repeats_a_secret() {
        let endpoint = Some(format!("https://user:{SECRET}@minio"));
        let with_password = BucketOptions { endpoint, ..options() };
        for problem in [
            problem("s3://marks", with_password),
            problem(&format!("https://AKIA:{SECRET}@minio/marks"), options()),
            problem(&format!("s3://AKIA:{SECRET}@marks/x"), options()),
            format!("{:?}", BlobLocation::parse("s3://marks", options()).unwrap()),
        ] {
            assert!(!problem.contains(SECRET), "{problem}");
        }
    }
}
