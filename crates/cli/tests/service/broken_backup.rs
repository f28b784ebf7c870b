//! Backups that are damaged, and places that are not empty: nothing is restored, nothing is changed, and it is said why.

use std::fs;
use std::path::Path;

use gradus_testkit::{Kind, on_each_database};

use crate::gradus::{Place, Ran};
use crate::rows::{files, rows};
use crate::served::command;
use crate::site::Site;

on_each_database!(a_place_that_is_not_empty_is_refused_and_left_as_it_is);

/// A site with a file and a backup of it in `one`.
async fn backed_up(kind: Kind, content: &str) -> Option<Site> {
    let site = Site::new(kind).await?;
    site.upload("note.txt", "answers", content.as_bytes()).await;
    let ran = Ran::of("backup", command(&site, "backup one").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Some(site)
}

/// A new place with a copy of the backup in `one`.
fn copied(backup: &Path) -> Place {
    let place = Place::new();
    for (name, bytes) in files(backup) {
        place.write(&format!("one/{name}"), bytes);
    }
    place
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// The path in a backup of the file that it holds.
fn blob_in(backup: &Path) -> String {
    let name = files(&backup.join("blobs")).into_keys().next().unwrap();
    format!("one/blobs/{name}")
}

#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_made_of_it() {
    let site = backed_up(Kind::Sqlite, "a note").await.unwrap();
    let backup = site.place.path("one");
    let blob = blob_in(&backup);
    let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    let halve = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: &mut Vec<u8>| *bytes = String::from_utf8_lossy(bytes).replace(from, to).into_bytes()
    };
    type Change = Box<dyn Fn(&mut Vec<u8>)>;
    let damages: [(&str, Change, &[&str]); 8] = [
        ("one/tables/document.jsonl", Box::new(halve), &["document.jsonl", "not what was written"]),
        (
            "one/tables/user.jsonl",
            Box::new(replace("author", "admin")),
            &["user.jsonl", "not what was written"],
        ),
        ("one/tables/blob.jsonl", Box::new(Vec::clear), &["blob.jsonl", "not what was written"]),
        (&blob, Box::new(flip), &[&blob, "not the file that it is named after"]),
        (&blob, Box::new(halve), &[&blob, "it has 3 bytes of 6"]),
        ("one/backup.json", Box::new(halve), &["one/backup.json", "EOF"]),
        (
            "one/backup.json",
            Box::new(replace("\"format_version\": 1", "\"format_version\": 2")),
            &["its format is `2`", "restore it with Gradus"],
        ),
        (
            "one/backup.json",
            Box::new(replace("revisions", "another shape")),
            &["another shape", "restore it with Gradus", "and then install this version"],
        ),
    ];
    for (file, change, told) in damages {
        let place = copied(&backup);
        edit(&place.path(file), change);
        place.refuse("restore one", told);
    }
    for file in ["one/tables/model.jsonl", blob.as_str(), "one/backup.json"] {
        let place = copied(&backup);
        fs::remove_file(place.path(file)).unwrap();
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        place.refuse("restore one", &[name]);
    }
    Place::new().refuse("restore nothing", &["nothing holds no backup"]);
    // As it was written, it is restored.
    let whole = copied(&backup);
    whole.succeed("restore one");
    site.remove().await;
}

async fn a_place_that_is_not_empty_is_refused_and_left_as_it_is(kind: Kind) {
    let Some(site) = backed_up(kind, "a note").await else { return };
    let Some(other) = backed_up(kind, "another note").await else { return };
    let arguments = format!("restore {}", other.place.path("one").display());
    let refuse = |command: &mut std::process::Command, why: &str| {
        let ran = Ran::of(&arguments, command.output().unwrap());
        ran.assert_refused(&[why, "name another one in the configuration"]);
    };
    refuse(&mut command(&site, &arguments), "the database has users already");
    // An empty database over the files of another server.
    let (_, empty) = Site::nothing(kind).await.unwrap();
    let mut over_files = command(&site, &arguments);
    over_files.env("GRADUS_DATABASE_LOCATION", empty.address());
    refuse(&mut over_files, "the place for files has others already");
    empty.remove().await;

    let ran = Ran::of("backup", command(&site, "backup two").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(rows(&site.place.path("two")), rows(&site.place.path("one")));
    assert_eq!(files(&site.place.path("two/blobs")), files(&site.place.path("one/blobs")));
    for site in [site, other] {
        site.remove().await;
    }
}

#[tokio::test]
async fn a_backup_is_never_written_over_another_and_only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let site = backed_up(Kind::Sqlite, "a note").await.unwrap();
    let before = files(&site.place.path("one"));
    let ran = Ran::of("backup", command(&site, "backup one").output().unwrap());
    ran.assert_refused(&["one is there already"]);
    assert_eq!(files(&site.place.path("one")), before);
    let mode = fs::metadata(site.place.path("one")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{mode:o}");

    let partial = site.place.path(".partial-two");
    fs::create_dir(&partial).unwrap();
    let lock = fs::File::create(partial.join("lock")).unwrap();
    lock.lock().unwrap();
    let ran = Ran::of("backup", command(&site, "backup two").output().unwrap());
    ran.assert_refused(&["another backup is just being written to two"]);
    drop(lock);
    let ran = Ran::of("backup", command(&site, "backup two --json").output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let manifest = ran.json_lines().pop().unwrap();
    assert_eq!((&manifest["blobs"], &manifest["tables"]["document"]["rows"]), (&1.into(), &1.into()));
    site.remove().await;
}
