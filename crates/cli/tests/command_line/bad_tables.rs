//! Tables of answers and datasets that cannot be used.

use crate::course;
use crate::gradus::Place;

fn build(table: impl AsRef<[u8]>, expected: &[&str]) {
    let place = Place::new();
    place.write("guide.md", course::GUIDE);
    place.write("bad.csv", table);
    place.refuse("dataset build --guide guide.md --answers bad.csv --output out.json", expected);
}

#[test]
fn tables_of_answers_with_faults_are_refused_with_file_row_and_column() {
    build("", &["bad.csv", "is empty"]);
    build("student,question,answer,mark\n", &["bad.csv", "no rows"]);
    build("student,question,answer\nS1,1,Green\n", &["bad.csv, row 1", "no column for the mark", "`mark`"]);
    build(
        "student,question,answer,mark\nS1,1,Green,3\n",
        &["bad.csv, row 2", "`mark`", "above 2", "question 1"],
    );
    build("student,question,answer,mark\nS1,1,Green,-1\n", &["bad.csv, row 2", "below 0"]);
    build("student,question,answer,mark\nS1,1,Green,good\n", &["bad.csv, row 2", "`good`", "Enter a number"]);
    build("student,question,answer,mark\nS1,7,Green,1\n", &["bad.csv, row 2", "`7`", "`1` and `2`"]);
    build("student,question,answer,mark\nS1,1,Green,1\nS2,1\n", &["bad.csv, row 3", "header has 4"]);
    build("student,question,answer,mark\nS1,1,a,1,b\n", &["bad.csv, row 2", "quotation marks"]);
    build([b'P', b'K', 3, 4, 0, 0, 9, 9], &["bad.csv", "CSV"]);
    build([0, 159, 146, 150, 0, 1], &["bad.csv"]);
}

#[test]
fn every_fault_of_a_table_is_told_at_once() {
    let table = "student,question,answer,mark\nS1,1,Green,9\nS2,8,Green,1\nS3,1,Green,x\n";
    build(table, &["row 2", "row 3", "row 4"]);
}

#[test]
fn what_cannot_be_a_dataset_is_refused() {
    let place = Place::new();
    place.write("guide.md", course::GUIDE);
    let rows: String = (0..9).map(|row| format!("S{row},{},Answer {row},1\n", 1 + row % 2)).collect();
    place.write("good.csv", format!("student,question,answer,mark\n{rows}"));
    let build = |options: &str, expected: &[&str]| {
        place.refuse(&format!("dataset build --guide guide.md --answers good.csv {options}"), expected);
    };
    build("--validation-share 2", &["validation", "shares from 0 to 1"]);
    build("--validation-share NaN", &["validation", "shares from 0 to 1"]);
    build("--unseen-questions 7", &["`7`", "not in the guide"]);
    build("--unseen-questions 1,2", &["no example is left"]);
    build("--answers nothere.csv", &["nothere.csv", "check the path"]);
    place.write("there/x", "");
    build("--output there", &["there"]);
}

#[test]
fn datasets_that_are_none_are_refused_by_name() {
    let place = course::place();
    let dataset = String::from_utf8(place.read("dataset.json")).unwrap();
    let refuse = |content: &[u8], expected: &[&str]| {
        place.write("bad.json", content);
        for command in ["dataset show bad.json", "train --dataset bad.json --model tiny --output new"] {
            place.refuse(command, &[&["bad.json"], expected].concat());
        }
    };
    refuse(b"", &["not a dataset", "gradus dataset build"]);
    refuse(b"{}", &["not a dataset", "format_version"]);
    refuse(&[0xFF, 0xFE, 1, 2], &["not a dataset"]);
    refuse(&dataset.as_bytes()[..dataset.len() / 2], &["not a dataset"]);
    let other = dataset.replacen("\"format_version\":1", "\"format_version\":7", 1);
    refuse(other.as_bytes(), &["version 7", "build it again"]);
    let changed = dataset.replacen("drink water", "drink juice", 1);
    assert_ne!(changed, dataset);
    refuse(changed.as_bytes(), &["changed after it was frozen"]);
    place.refuse("dataset show nothere.json", &["nothere.json", "check the path"]);
}
