//! A server behind TLS is spoken to if the machine trusts its certificate, and only then.

use std::process::Command;

use gradus_store::blobs::{BlobLocation, BlobStore, BucketOptions};

use crate::place::noise;
use crate::script::ScriptedServer;

const TEST: &str = "tls::a_server_whose_certificate_the_machine_trusts_is_used_and_another_is_not";
/// Names the server to the process that trusts it: what a machine trusts is read once a process.
const TRUSTED: &str = "GRADUS_TEST_TRUSTED_SERVER";

fn options(endpoint: &str, spool: &std::path::Path) -> BucketOptions {
    BucketOptions {
        endpoint: Some(endpoint.to_owned()),
        access_key_id: Some("anybody".to_owned()),
        secret_access_key: Some("anybody".to_owned()),
        ..BucketOptions::new(spool)
    }
}

async fn open(options: BucketOptions) -> BlobStore {
    BlobStore::open(&BlobLocation::parse("s3://strict", options).unwrap()).await.unwrap()
}

async fn store_and_read(endpoint: &str) {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(options(endpoint, spool.path())).await;
    let path = spool.path().join("file");
    std::fs::write(&path, noise(1_000_000, "tls")).unwrap();
    let blob = blobs.put_path(&path).await.unwrap();
    assert_eq!(blobs.verify(blob.hash).await.unwrap(), blob);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the process that trusts the server learns its address so")]
async fn a_server_whose_certificate_the_machine_trusts_is_used_and_another_is_not() {
    if let Ok(endpoint) = std::env::var(TRUSTED) {
        return store_and_read(&endpoint).await;
    }
    let Some(server) = ScriptedServer::start("tls_server.py") else { return };
    let mut trusting = Command::new(std::env::current_exe().unwrap());
    trusting.args(["--exact", TEST, "--nocapture"]).env(TRUSTED, &server.account.endpoint);
    trusting.env("SSL_CERT_FILE", server.directory.path().join("authority.pem"));
    let output = trusting.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let blobs = open(server.options()).await;
    let error = blobs.check().await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    let error = blobs.put_path(&server.directory.path().join("authority.pem")).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}
