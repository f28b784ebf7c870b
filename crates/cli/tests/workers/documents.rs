//! Documents that cannot be read, or that end whatever reads them.

use gradus_app::domain::DocumentState;
use gradus_app::store::datasets::sources;
use gradus_app::store::{Whose, documents};

use crate::each_database;
use crate::site::Site;

each_database!(
    what_cannot_be_read_is_rejected_with_a_reason_and_the_worker_goes_on,
    an_expired_document_goes_unless_something_needs_it,
);

async fn what_cannot_be_read_is_rejected_with_a_reason_and_the_worker_goes_on(site: &Site) {
    let mut worker = site.worker();
    let deep = format!("{}{}", "[".repeat(3_000_000), "]".repeat(3_000_000));
    let hostile: [(&str, Vec<u8>); 4] = [
        ("truncated.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog".to_vec()),
        ("no-zip.docx", b"PK\x03\x04 and then nothing of the kind".to_vec()),
        ("deep.json", deep.into_bytes()),
        ("../../etc/passwd\n.pdf", b"\x00\x01\x02\x03".repeat(100)),
    ];
    for (name, bytes) in hostile {
        let id = site.upload(name, "guide", &bytes).await;
        let document = site
            .until("a hostile document", async || {
                let document = site.services.document(Whose::Anyones, id).await.unwrap();
                (!matches!(document.state.0, DocumentState::Uploaded | DocumentState::Extracting))
                    .then_some(document)
            })
            .await;
        assert_eq!(document.state.0, DocumentState::Rejected, "{name}");
        let reason = document.failure.unwrap().0.message;
        assert!(
            !reason.is_empty() && !reason.contains(site.place.path("data").to_str().unwrap()),
            "{name}: {reason}"
        );
        // A person may have it read again; it fails the same way.
        let again = site.services.read_document_again(Whose::Of(site.owner), id).await.unwrap();
        assert_eq!(again.state.0, DocumentState::Uploaded);
        let again = site
            .until("a hostile document once more", async || {
                let document = site.services.document(Whose::Anyones, id).await.unwrap();
                (document.state.0 == DocumentState::Rejected).then_some(document)
            })
            .await;
        assert_eq!(again.failure.unwrap().0.message, reason, "{name}");
    }
    let good = site.upload("guide.md", "guide", crate::course::GUIDE.as_bytes()).await;
    site.until_read(good).await;
    assert!(worker.is_running());
    assert!(!std::path::Path::new("/etc/passwd.pdf").exists());
}

async fn an_expired_document_goes_unless_something_needs_it(site: &Site) {
    let _worker = site.worker();
    let version = site.dataset().await;
    let reader = site.services.store.reader();
    let needed = sources::of_version(&reader, version).await.unwrap()[0].document;
    let unused = site.upload("notes.txt", "other", b"nobody needs this").await;
    site.services
        .store
        .write(move |tx| async move {
            for document in [needed, unused] {
                documents::keep_until(&tx, document, tx.now()).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    crate::killed::clean_up(site).await;
    assert!(site.services.document(Whose::Anyones, unused).await.is_err());
    let kept = site.services.document(Whose::Anyones, needed).await.unwrap();
    assert!(
        kept.expires_at.unwrap() > kept.created_at + chrono::TimeDelta::hours(23),
        "it is looked at tomorrow"
    );
}
