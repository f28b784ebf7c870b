//! Files of marked answers as people make them: what is read, and what is said where it cannot be.

use gradus_domain::Marks;
use gradus_grading::guide::{Guide, Question, QuestionId};
use gradus_grading::import::{
    ImportErrors, Place, known_marks_csv, marked_answers_csv, marked_answers_jsonl,
};

fn question(id: &str, max_marks: i32) -> Question {
    Question::new(QuestionId(id.into()), String::new(), Marks::from_thousandths(max_marks * 1000))
}

fn guide() -> Guide {
    Guide { title: None, questions: vec![question("1", 2), question("2a", 3)] }
}

fn errors(result: Result<impl Sized, ImportErrors>) -> Vec<String> {
    let errors = result.err().map_or_else(Vec::new, |refused| refused.errors);
    errors.iter().map(ToString::to_string).collect()
}

fn csv_errors(text: &str) -> Vec<String> {
    errors(marked_answers_csv("marks.csv", text.as_bytes(), &guide()))
}

fn jsonl_errors(text: &str) -> Vec<String> {
    errors(marked_answers_jsonl("marks.jsonl", text.as_bytes(), &guide()))
}

#[test]
fn a_csv_file_becomes_marked_answers() {
    let text = "Candidate;Q;Response;Marks (out of);Second marker;Comment\n\
                S01;Q1;\"Water moves;\nby osmosis\";1,5;1;Nearly\n\
                ;question 2(a);;0;;\n";
    // Windows-1252 would do as well: see the encodings' own tests.
    let found = marked_answers_csv("marks.csv", text.as_bytes(), &guide()).unwrap();
    let [first, blank] = found.answers.as_slice() else {
        panic!("{:?}", found.answers);
    };
    assert_eq!(first.student.as_deref(), Some("S01"));
    assert_eq!(first.question.0, "1");
    assert_eq!(first.answer, "Water moves;\nby osmosis");
    assert_eq!(first.mark, Marks::from_thousandths(1500));
    assert_eq!(first.second_mark, Some(Marks::ONE));
    assert_eq!(first.feedback.as_deref(), Some("Nearly"));
    assert_eq!((first.source.file.as_str(), first.source.row), ("marks.csv", 2));
    assert_eq!((blank.question.0.as_str(), blank.answer.as_str()), ("2a", ""));
    assert_eq!((&blank.student, &blank.feedback, blank.second_mark), (&None, &None, None));
    assert_eq!(blank.source.row, 3);
}

#[test]
fn every_wrong_cell_is_reported_with_its_row_its_column_and_what_to_do() {
    let text = "student,question,answer,mark,mark2,max\n\
                S1,1,a,two,,\n\
                S1,2a,a,4,,\n\
                S1,1,a,-1,9,\n\
                S1,7,a,1,,\n\
                S1,,a,,,\n\
                S1,1,a,2/2,,\n\
                S1,1,a,1,,5\n\
                S1,1,a,1,,2\n";
    assert_eq!(
        csv_errors(text),
        [
            "marks.csv, row 2, column `mark`: `two` is not a number of marks. Enter a number such as 2, 1.5 or ½.",
            "marks.csv, row 3, column `mark`: 4 is above 3, the maximum of question 2a. Correct the mark here, or the maximum in the guide.",
            "marks.csv, row 4, column `mark`: -1 is below 0. Enter a mark of 0 or more.",
            "marks.csv, row 4, column `mark2`: 9 is above 2, the maximum of question 1. Correct the mark here, or the maximum in the guide.",
            "marks.csv, row 5, column `question`: `7` is not a question of the guide. The guide's questions are `1` and `2a`: use one of these.",
            "marks.csv, row 6, column `question`: the question is missing. Enter one of the guide's questions: `1` and `2a`.",
            "marks.csv, row 6, column `mark`: the mark is missing. Enter it, or delete the row.",
            "marks.csv, row 7, column `mark`: `2/2` could mean 1 or a share of the maximum of 2. Enter the number of marks alone, such as 2 or 0.5.",
            "marks.csv, row 8, column `max`: the maximum is given as `5`, but question 1 has 2 in the guide. Correct the one that is wrong; marks on another scale must be converted first.",
        ]
    );
}

#[test]
fn a_mark_between_the_steps_is_a_warning() {
    let text = "question,answer,mark\n1,a,0.3\n1,b,2\n";
    let found = marked_answers_csv("marks.csv", text.as_bytes(), &guide()).unwrap();
    assert_eq!(found.answers.len(), 2);
    let [warning] = found.warnings.as_slice() else {
        panic!("{:?}", found.warnings);
    };
    assert_eq!(warning.place, Some(Place::Row(2)));
    assert_eq!(warning.column.as_deref(), Some("mark"));
    assert!(warning.message.starts_with("0.3 is not a multiple of 1"));
}

#[test]
fn a_missing_column_is_named_with_the_columns_found() {
    assert_eq!(
        csv_errors("pupil,q,essay\nA,1,x\n"),
        [
            "marks.csv, row 1: there is no column for the answer; the columns are `pupil`, `q` and `essay`. Name the column that holds it `answer`.",
            "marks.csv, row 1: there is no column for the mark; the columns are `pupil`, `q` and `essay`. Name the column that holds it `mark`.",
        ]
    );
}

#[test]
fn a_column_that_stands_twice_is_not_guessed() {
    let found = csv_errors("question,answer,mark,Mark\n1,a,1,2\n");
    assert_eq!(
        found,
        [
            "marks.csv, row 1, column `mark`: two columns have this name. Rename or delete the one that does not count."
        ]
    );
}

#[test]
fn a_guide_with_one_question_needs_no_column_for_it() {
    let guide = Guide { title: None, questions: vec![question("3", 2)] };
    let found = marked_answers_csv("marks.csv", b"answer,mark\nx,1\n", &guide).unwrap();
    assert_eq!(found.answers[0].question.0, "3");
}

#[test]
fn a_file_without_rows_is_refused() {
    assert_eq!(csv_errors(""), ["marks.csv: the file is empty. Choose the file that holds the rows."]);
    let no_rows =
        "marks.csv: the file has no rows of answers. Choose the file that holds the marked answers.";
    assert_eq!(csv_errors("question,answer,mark\n,,\n"), [no_rows]);
    assert_eq!(jsonl_errors("[]"), [no_rows.replace(".csv", ".jsonl")]);
    assert!(csv_errors("PK\u{3}\u{4}").concat().contains("Excel"));
}

#[test]
fn a_long_list_of_problems_shows_twenty_and_counts_the_rest() {
    let text = format!("question,answer,mark\n{}", "1,a,x\n".repeat(1234));
    let refused = marked_answers_csv("marks.csv", text.as_bytes(), &guide()).unwrap_err();
    assert_eq!(refused.errors.len(), 1234);
    let shown = refused.to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 21);
    assert!(lines[19].starts_with("marks.csv, row 21,"));
    assert_eq!(lines[20], "and 1214 more problems");
}

#[test]
fn json_lines_are_read_as_public_data_sets_write_them() {
    let text = r#"{"dataset": "saf", "qid": "2a", "question": "Why?", "reference": "…", "rubric": null, "answer": "Because", "score": 2.0, "max": 3.0, "label": "x"}

{"question_id": "Q1", "response": "So", "mark": "1½", "student": 17, "feedback": null}"#;
    let found = marked_answers_jsonl("marks.jsonl", text.as_bytes(), &guide()).unwrap();
    let marks: Vec<_> = found.answers.iter().map(|answer| answer.mark.as_f64()).collect();
    assert_eq!(marks, [2.0, 1.5]);
    let rows: Vec<_> = found.answers.iter().map(|answer| answer.source.row).collect();
    assert_eq!(rows, [1, 3]);
    assert_eq!(found.answers[0].question.0, "2a");
    assert_eq!(found.answers[1].student.as_deref(), Some("17"));
}

#[test]
fn problems_in_json_lines_are_reported_by_line_and_field() {
    let text = "{\"qid\": \"1\", \"answer\": \"a\", \"score\": 3}\n{\"qid\": \"1\",\n17\n\
                {\"qid\": \"1\", \"answer\": \"a\"}\n{\"qid\": \"1\", \"answer\": [\"a\"], \"mark\": 1}\n";
    let found = jsonl_errors(text);
    assert_eq!(found.len(), 5, "{found:#?}");
    let starts = [
        "marks.jsonl, line 1, field `score`: 3 is above 2, the maximum of question 1.",
        "marks.jsonl, line 2: bad JSON at character 12: EOF while parsing a value.",
        "marks.jsonl, line 3: this is not a JSON object.",
        "marks.jsonl, line 4: there is no field for the mark; the fields are `qid` and `answer`.",
        "marks.jsonl, line 5, field `answer`: the value is neither text nor a number.",
    ];
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn a_json_array_is_read_like_lines() {
    let text = "[{\"q\": 1, \"answer\": \"a\", \"mark\": 1},\n {\"q\": 1, \"answer\": \"b\", \"mark\": 3}]";
    let found = jsonl_errors(text);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("marks.jsonl, item 2, field `mark`: 3 is above 2"));
}

#[test]
fn known_marks_need_no_answers_but_a_student_and_only_one_mark_each() {
    let text = "student,question,mark,second_mark\nH1,Q1,2,1\nH1,2a,0,\n";
    let found = known_marks_csv("known.csv", text.as_bytes(), &guide()).unwrap();
    assert_eq!(found.marks.len(), 2);
    assert_eq!(found.marks[0].student, "H1");
    assert_eq!(found.marks[0].second_mark, Some(Marks::ONE));
    let text = "student,question,mark\nH1,1,2\n,1,1\nh1,Q1,0\n";
    let found = errors(known_marks_csv("known.csv", text.as_bytes(), &guide()));
    assert_eq!(
        found,
        [
            "known.csv, row 3, column `student`: the student is missing. Enter whose paper the mark belongs to.",
            "known.csv, row 4: student `h1` already has a mark for question 1 in row 2. Keep one of the rows; a second marker's mark goes into a column `second_mark`.",
        ]
    );
}
