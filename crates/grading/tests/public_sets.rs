//! Public sets of marked answers: invented files in each published format, and what is said of broken ones.

use std::collections::BTreeMap;

use gradus_domain::Marks;
use gradus_grading::guide::{Guide, Question, QuestionId};
use gradus_grading::import::ImportErrors;
use gradus_grading::import::public::{HoldOut, Part, PartKind, PublicFile, PublicSet, hold_out, public_set};

fn read(files: &[(&str, &str)]) -> Result<PublicSet, ImportErrors> {
    read_with(files, None)
}

fn read_with(files: &[(&str, &str)], questions: Option<&Guide>) -> Result<PublicSet, ImportErrors> {
    let files: Vec<PublicFile<'_>> =
        files.iter().map(|(path, text)| PublicFile { path, bytes: text.as_bytes() }).collect();
    public_set(&files, questions)
}

fn errors(files: &[(&str, &str)]) -> Vec<String> {
    read(files)
        .err()
        .map_or_else(Vec::new, |refused| refused.errors.iter().map(ToString::to_string).collect())
}

fn question<'a>(set: &'a PublicSet, id: &str) -> &'a Question {
    set.guide.question(&QuestionId(id.into())).expect("a question of that name")
}

fn scale(question: &Question) -> Vec<String> {
    question.scale().iter().map(|verdict| format!("{}={}", verdict.name, verdict.marks)).collect()
}

/// `part: question mark verdict answer` of every answer.
fn answers(set: &PublicSet) -> Vec<String> {
    let of_part = |part: &Part| -> Vec<String> {
        let line = |answer: &gradus_grading::marked_answer::MarkedAnswer| {
            let verdict = answer.verdict.as_deref().unwrap_or("-");
            format!("{}: {} {} {verdict} {}", part.name, answer.question.0, answer.mark, answer.answer)
        };
        part.answers.iter().map(line).collect()
    };
    set.parts.iter().flat_map(of_part).collect()
}

fn semeval(id: &str, answers: &[(&str, &str)]) -> String {
    let answers = answers.iter().map(|(class, text)| {
        format!("    <studentAnswer id=\"a\" accuracy=\"{class}\">{text}</studentAnswer>\n")
    });
    format!(
        "<?xml version=\"1.0\"?>\n<question qtype=\"Q_EXPLAIN\" id=\"{id}\" module=\"M\" stype=\"X\">\n  \
         <questionText>Why does the kettle whistle?</questionText>\n  <referenceAnswers>\n    \
         <referenceAnswer category=\"GOOD\" id=\"r1\">Steam escapes.</referenceAnswer>\n    \
         <referenceAnswer category=\"BEST\" id=\"r2\">Steam &amp; air rush through a gap.</referenceAnswer>\n  \
         </referenceAnswers>\n  <studentAnswers>\n{}  </studentAnswers>\n</question>\n",
        answers.collect::<String>()
    )
}

const SAF: &str = "<?xml version='1.0' encoding='utf-8'?>
<question id=\"2.1\" module=\"TEA\">
  <questionText>Name two kinds of tea.</questionText>
  <referenceAnswers><referenceAnswer id=\"r\">Green and black.</referenceAnswer></referenceAnswers>
  <studentAnswers>
    <studentAnswer id=\"s1\">
      <response> green,
 black </response>
      <score>2</score>
      <response_feedback>Well done.</response_feedback>
      <verification_feedback>Correct</verification_feedback>
    </studentAnswer>
    <studentAnswer><response>green</response><response_feedback>One is missing.</response_feedback>
      <score>0.75</score><verification_feedback>Partially correct</verification_feedback></studentAnswer>
    <studentAnswer><response/><response_feedback/><score>0.0</score>
      <verification_feedback>Incorrect</verification_feedback></studentAnswer>
  </studentAnswers>
</question>";

#[test]
fn semeval_xml_becomes_questions_with_their_classes_as_the_scale() {
    let training =
        semeval("KETTLE", &[("correct", "Steam rushes <i>out</i>."), ("contradictory", "No steam.")]);
    let test = semeval("KETTLE", &[("incorrect", "It is hot.")]);
    let test = test.replace("stype", "testSet=\"unseen-answers\" stype");
    let set = read(&[
        ("test/3way/beetle/some-folder/KETTLE.xml", &test),
        ("training/3way/beetle/KETTLE.xml", &training),
    ])
    .unwrap();
    assert_eq!(set.name, "beetle");
    let kettle = question(&set, "KETTLE");
    assert_eq!(scale(kettle), ["contradictory=0", "incorrect=0", "correct=1"]);
    assert_eq!(kettle.model_answer.as_deref(), Some("Steam & air rush through a gap."));
    assert_eq!(kettle.notes, ["accept: Steam escapes."]);
    assert_eq!(
        answers(&set),
        [
            "train: KETTLE 1 correct Steam rushes out.",
            "train: KETTLE 0 contradictory No steam.",
            "unseen-answers: KETTLE 0 incorrect It is hot.",
        ]
    );
    assert_eq!(set.parts[1].answers[0].source.row, 9);
    assert_eq!(set.notes, [""; 0]);
}

#[test]
fn five_classes_have_half_marks_and_two_have_none() {
    let five = ["irrelevant", "correct", "non-domain", "partially_correct_incomplete", "contradictory"];
    let text = semeval("K", &five.map(|class| (class, "x")));
    let set = read(&[("semeval-5way/sciEntsBank/train/Core/K.xml", &text)]).unwrap();
    assert_eq!(set.name, "sciEntsBank");
    assert_eq!(
        scale(question(&set, "K")),
        ["contradictory=0", "non_domain=0", "irrelevant=0", "partially_correct_incomplete=0.5", "correct=1"]
    );
    let text = semeval("K", &[("incorrect", "x"), ("correct", "y")]);
    let set = read(&[("train/K.xml", &text)]).unwrap();
    assert_eq!(scale(question(&set, "K")), ["incorrect=0", "correct=1"]);
}

#[test]
fn the_same_answers_in_two_and_three_classes_are_refused_together() {
    let text = semeval("K", &[("correct", "x")]);
    let found = errors(&[("training/2way/beetle/K.xml", &text), ("training/3way/beetle/K.xml", &text)]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("the folders `2way` and `3way` hold the same answers"), "{}", found[0]);
}

#[test]
fn saf_xml_becomes_marks_on_a_scale_with_the_maximum_that_was_given() {
    let unseen = SAF.replace("<score>0.75", "<score>0.8");
    let set = read(&[("SAF2_0/training/2.1_TEA.xml", SAF), ("SAF2_0/unseen_answers/2.1_TEA.xml", &unseen)])
        .unwrap();
    let tea = question(&set, "2.1_TEA");
    assert_eq!((set.name.as_str(), tea.max_marks), ("SAF", Marks::from_thousandths(2000)));
    assert_eq!(scale(tea).len(), 9, "quarters hold the training marks");
    assert_eq!(
        answers(&set)[..3],
        ["train: 2.1_TEA 2 - green,\n black", "train: 2.1_TEA 0.75 - green", "train: 2.1_TEA 0 - ",]
    );
    let training = &set.parts[0].answers;
    assert_eq!(training[0].feedback.as_deref(), Some("Well done."));
    assert_eq!((training[2].feedback.as_deref(), training[1].source.row), (None, 13));
    assert!(set.notes[0].contains("for 1 of 1 questions the highest mark"), "{}", set.notes[0]);
    assert!(set.notes[1].starts_with("1 of 6 marks lie between the steps"), "{}", set.notes[1]);
}

#[test]
fn saf_from_hugging_face_numbers_its_questions_with_training_first() {
    let row = |question: &str, answer: &str, score: &str| {
        format!(
            "{{\"id\": \"x\", \"question\": \"{question}\", \"reference_answer\": \"r\", \
             \"provided_answer\": \"{answer}\", \"answer_feedback\": \"f\", \
             \"verification_feedback\": \"Partially correct\", \"score\": {score}}}"
        )
    };
    let test = format!("[{},\n{}]", row("New?", "a", "0.5"), row("New?", "b", "1.0"));
    let training = format!("{}\n{}\n", row("Old?", "c", "1"), row("Old?", "d", "0"));
    let set = read(&[("test_unseen_questions.json", &test), ("train.jsonl", &training)]).unwrap();
    assert_eq!(
        answers(&set),
        ["train: 1 1 - c", "train: 1 0 - d", "unseen-questions: 2 0.5 - a", "unseen-questions: 2 1 - b"]
    );
    assert_eq!(question(&set, "2").text, "New?");
    assert_eq!(question(&set, "1").model_answer.as_deref(), Some("r"));
}

#[test]
fn asap_sas_takes_marks_from_its_own_columns_or_from_the_solution() {
    let training = "Id\tEssaySet\tScore1\tScore2\tEssayText\n\
                    1\t1\t3\t2\t\"He said \"\"no\"\", then left.\"\n2\t10\t1\t1\t\"Yes\" and \"no\"\n";
    let test = "Id\tEssaySet\tEssayText\n7\t1\tfirst\n8\t1\tsecond\n";
    let solution = "id,essay_set,essay_weight,essay_score\n7,1,1,2\n";
    let mut guide = Guide { title: None, questions: Vec::new() };
    let three = Marks::from_thousandths(3000);
    guide.questions.push(Question::new(QuestionId("1".into()), "What else?".into(), three));
    let files = [
        ("train_rel_2.tsv", training),
        ("public_leaderboard_rel_2.tsv", test),
        ("public_leaderboard_solution.csv", solution),
    ];
    let set = read_with(&files, Some(&guide)).unwrap();
    assert_eq!(
        answers(&set),
        [
            "train: 1 3 - He said \"no\", then left.",
            "train: 10 1 - \"Yes\" and \"no\"",
            "unseen-answers: 1 2 - first"
        ]
    );
    assert_eq!(set.parts[0].answers[0].second_mark, Some(Marks::from_thousandths(2000)));
    assert_eq!(question(&set, "1").text, "What else?");
    assert_eq!(question(&set, "10").text, "Essay set 10");
    assert_eq!(scale(question(&set, "10")), ["0=0", "1=1", "2=2"]);
    assert!(set.notes[0].contains("1 of its answers have no mark"), "{}", set.notes[0]);
    guide.questions[0].max_marks = Marks::ONE;
    let refused = read_with(&files, Some(&guide)).unwrap_err();
    assert!(refused.to_string().contains("has 1 marks in the guide and 3 in the set"), "{refused}");
}

fn row(split: &str, qid: &str, answer: &str, score: &str, label: &str) -> String {
    format!(
        "{{\"dataset\":\"tea\",\"split\":\"{split}\",\"qid\":\"{qid}\",\"question\":\"Why {qid}?\",\
         \"reference\":\"r\",\"references\":[\"r\",\"s\"],\"rubric\":null,\"answer\":\"{answer}\",\
         \"score\":{score},\"max\":2,\"label\":\"{label}\",\"module\":\"M\"}}\n"
    )
}

#[test]
fn json_rows_become_a_set_with_labels_as_the_scale_where_they_say_as_much_as_the_marks() {
    let rows = row("train", "A", "x", "2", "good") + &row("test-unseen-domains", "B", "y", "1.0", "fair");
    let set = read(&[("tea.jsonl", &rows)]).unwrap();
    assert_eq!(answers(&set), ["train: A 2 good x", "unseen-domains: B 1 fair y"]);
    assert_eq!(scale(question(&set, "A")), ["fair=1", "good=2"]);
    assert_eq!(question(&set, "A").notes, ["accept: s"]);
    let rows = rows + &row("train", "A", "z", "1.5", "fair");
    let set = read(&[("tea.jsonl", &rows)]).unwrap();
    assert_eq!(answers(&set)[1], "train: A 1.5 - z");
    assert_eq!(scale(question(&set, "A")), ["0=0", "0.5=0.5", "1=1", "1.5=1.5", "2=2"]);
}

#[test]
fn every_fault_of_every_file_is_reported_with_its_line() {
    let rows = row("train", "A", "x", "3", "good")
        + &row("later", "A", "x", "1", "good")
        + &row("train", "A", "x", "true", "good")
        + &row("train", "A", "x", "1", "good").replace("Why A?", "How?")
        + "{\"qid\"\n";
    let xml = semeval("K", &[("correct", "x"), ("brilliant", "y")]);
    let saf = SAF.replace("<score>0.75", "<score>three");
    let found = errors(&[
        ("rows.jsonl", &rows),
        ("train/K.xml", &xml),
        ("train/T.xml", &saf),
        ("nowhere/K2.xml", &xml),
        ("train/broken.xml", &xml[..xml.len() - 30]),
        ("train/readme.csv", "a,b\n1,2\n"),
        ("train/set.zip", "PK\u{3}\u{4}"),
    ]);
    let starts = [
        "nowhere/K2.xml: neither the file nor its folders say what is for training",
        "rows.jsonl, line 1: 3 is not between 0 and 2",
        "rows.jsonl, line 2, field `split`: `later` does not say",
        "rows.jsonl, line 3, field `score`: the value is neither text nor a number",
        "rows.jsonl, line 4: question `A` has another text here than in rows.jsonl, line 1",
        "rows.jsonl, line 5: bad JSON",
        "train/K.xml, line 10, field `accuracy`: `brilliant` is not a class",
        "train/T.xml, line 13, field `score`: `three` is not a number of marks",
        "train/broken.xml, line 11: the XML cannot be read",
        "train/readme.csv: this is no known set of marked answers",
        "train/set.zip: this is a ZIP archive",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}\n  instead of {start}");
    }
    assert!(errors(&[])[0].contains("there are no marked answers"));
}

fn many() -> PublicSet {
    let rows = (0..400).map(|n| {
        let (question, answer) = (n % 8, format!("Words {}", n / 8 % 37));
        row(if n < 360 { "train" } else { "unseen_answers" }, &format!("Q{question}"), &answer, "1", "x")
    });
    read(&[("rows.jsonl", &rows.collect::<String>())]).expect("well-formed rows")
}

#[test]
fn validation_parts_are_carved_out_of_training_without_parting_equal_texts() {
    let options = HoldOut { answers_share: 0.1, questions_share: 0.25, seed: 3 };
    let before = many();
    let after = hold_out(before.clone(), options);
    assert_eq!(after, hold_out(before.clone(), options));
    assert_ne!(after, hold_out(before.clone(), HoldOut { seed: 4, ..options }));
    let names: Vec<(&str, usize)> =
        after.parts.iter().map(|part| (part.name.as_str(), part.answers.len())).collect();
    assert_eq!(
        names,
        [("train", 243), ("validation-questions", 90), ("validation-answers", 27), ("unseen-answers", 40)]
    );
    assert_eq!(after.parts[1].kind, PartKind::Validation);
    let mut part_of = BTreeMap::new();
    for part in after.parts.iter().filter(|part| part.kind != PartKind::UnseenAnswers) {
        for answer in &part.answers {
            let text = (answer.question.clone(), answer.answer.clone());
            assert_eq!(*part_of.entry(text).or_insert(&part.name), &part.name, "{answer:?}");
        }
    }
    let questions = |at: usize| -> std::collections::BTreeSet<&str> {
        after.parts[at].answers.iter().map(|answer| answer.question.0.as_str()).collect()
    };
    assert_eq!((questions(0).len(), questions(1).len(), questions(2).len()), (6, 2, 6));
    assert!(questions(0).is_disjoint(&questions(1)) && questions(2).is_subset(&questions(0)));
}

#[test]
fn nothing_is_held_out_for_shares_of_nothing_and_training_is_never_emptied() {
    let none = HoldOut { answers_share: 0.0, questions_share: f64::NAN, seed: 1 };
    assert_eq!(hold_out(many(), none), many());
    let all = HoldOut { answers_share: 1.0, questions_share: 1.0, seed: 1 };
    let trained_on = &hold_out(many(), all).parts[0];
    assert_eq!(trained_on.kind, PartKind::Train);
    assert!(!trained_on.answers.is_empty());
}
