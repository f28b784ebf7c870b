//! Guides and papers that cannot be used.

use crate::course;
use crate::gradus::Place;

#[test]
fn guides_that_cannot_be_understood_are_refused() {
    let place = Place::new();
    place.write("empty.txt", "");
    place.write("blank.md", "\n  \n\n");
    place.write("prose.txt", "Dear all, please mark generously.\n");
    place.write("named.pdf", "Question 1 (2 marks): Why?\n");
    place.write("named.docx", "Question 1 (2 marks): Why?\n");
    place.write("bytes.docx", [7, 0, 1, 255, 3]);
    place.write("directory/x", "");
    place.refuse("guide show empty.txt", &["empty.txt", "is empty", "Export"]);
    place.refuse("guide show blank.md", &["blank.md"]);
    place.refuse("guide show prose.txt", &["prose.txt", "no question was found", "Begin each question"]);
    place.refuse("guide show named.pdf", &["named.pdf", "plain text", "Rename"]);
    place.refuse("guide show named.docx", &["named.docx", "plain text", "Rename"]);
    place.refuse("guide show bytes.docx", &["bytes.docx"]);
    place.refuse("guide show nothere.docx", &["nothere.docx", "No such file", "check the path"]);
    place.refuse("guide show directory", &["directory", "name a file"]);
    place.refuse("extract named.pdf", &["named.pdf", "Rename"]);
    place.refuse("extract nothere.txt", &["nothere.txt", "check the path"]);
}

#[test]
fn a_guide_without_marks_says_where_they_are_missing() {
    let place = Place::new();
    place.write("guide.md", "Question 1: Why are leaves green?\nModel answer: Chlorophyll.\n");
    place.write("answers.csv", "student,question,answer,mark\nS1,1,Green stuff,1\nS2,1,Sun,0\n");
    let expected = ["guide.md", "how many marks question 1 is worth", "(4 marks)"];
    place.refuse("guide show guide.md", &expected);
    place.refuse("dataset build --guide guide.md --answers answers.csv", &expected);
}

#[test]
fn papers_without_answers_are_refused() {
    let place = course::trained();
    place.write("prose.txt", "I was ill and have written nothing.\n");
    place.write("empty.txt", "");
    let mark = |paper: &str, expected: &[&str]| {
        place.refuse(&format!("mark {paper} --guide guide.md --model run/model"), expected);
    };
    mark("prose.txt", &["prose.txt", "no answer was found", "Begin each answer"]);
    mark("empty.txt", &["empty.txt", "is empty"]);
    mark("nothere.docx", &["nothere.docx", "check the path"]);
}

#[test]
fn a_model_test_without_matching_papers_is_refused() {
    let place = course::trained();
    place.write("papers/ada.txt", course::PAPER);
    place.write("nobody.csv", "student,question,mark\nBob,1,2\n");
    place.write("marks.csv", "student,question,mark\nAda,1,1\nAda,2,1\n");
    place.write("none/.hidden", "");
    let test = |papers: &str, marks: &str, expected: &[&str]| {
        let arguments = "test --model run/model --guide guide.md --output report --no-feedback";
        place.refuse(&format!("{arguments} --papers {papers} --known-marks {marks}"), expected);
    };
    test(
        "papers",
        "nobody.csv",
        &["nothing to test", "nobody.csv, row 2", "no paper of student Bob", "ada.txt"],
    );
    test("none", "marks.csv", &["none holds no documents"]);
    test("nothere", "marks.csv", &["nothere", "check the path"]);
    test("papers", "nothere.csv", &["nothere.csv", "check the path"]);
    place.write("papers/broken.txt", "");
    test("papers", "marks.csv", &["broken.txt", "is empty"]);
}
