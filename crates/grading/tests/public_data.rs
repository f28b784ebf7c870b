//! The importers on the real sets, where `../shared/data` (or `GRADUS_SHARED_DATA`) has them.

use std::path::PathBuf;

use gradus_domain::Marks;
use gradus_grading::import::public::{HoldOut, PublicFile, PublicSet, hold_out, public_set};

/// The set in that file, or `None` after saying that the test is skipped.
#[expect(clippy::print_stdout, reason = "who runs the tests must see that one was skipped")]
fn shared_set(name: &str) -> Option<PublicSet> {
    #[expect(clippy::disallowed_methods, reason = "a test may be told where the data lies")]
    let folder = std::env::var_os("GRADUS_SHARED_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(
        public_set(&[PublicFile { path: name, bytes: &bytes }], None).expect("a set as its README describes"),
    )
}

fn sizes(set: &PublicSet) -> Vec<(&str, usize)> {
    set.parts.iter().map(|part| (part.name.as_str(), part.answers.len())).collect()
}

#[test]
fn sci_ents_bank_is_read_whole() {
    let Some(set) = shared_set("sciEntsBank.jsonl") else { return };
    assert_eq!(set.name, "sciEntsBank");
    assert_eq!(
        sizes(&set),
        [("train", 4969), ("unseen-answers", 540), ("unseen-questions", 733), ("unseen-domains", 4562)]
    );
    assert_eq!((set.guide.questions.len(), set.notes.len()), (196, 0));
    let names: Vec<String> = set.guide.questions[0].scale().into_iter().map(|verdict| verdict.name).collect();
    assert_eq!(names, ["contradictory", "incorrect", "correct"]);
    assert!(set.parts.iter().flat_map(|part| &part.answers).all(|answer| answer.verdict.is_some()));
}

#[test]
fn beetle_is_read_whole_with_its_further_references() {
    let Some(set) = shared_set("beetle.jsonl") else { return };
    assert_eq!(sizes(&set), [("train", 3941), ("unseen-answers", 439), ("unseen-questions", 819)]);
    assert_eq!((set.guide.questions.len(), set.notes.len()), (56, 0));
    let with_several = set.guide.questions.iter().filter(|question| !question.notes.is_empty());
    assert_eq!(with_several.count(), 52);
}

#[test]
fn saf_is_read_whole_on_scales_that_hold_nearly_all_marks() {
    let Some(set) = shared_set("saf_en_v2.jsonl") else { return };
    assert_eq!(sizes(&set), [("train", 2127), ("unseen-answers", 375), ("unseen-questions", 479)]);
    assert_eq!(set.guide.questions.len(), 31);
    assert!(set.parts.iter().flat_map(|part| &part.answers).all(|answer| answer.verdict.is_none()));
    for question in &set.guide.questions {
        // Eighths out of one mark; quarters or halves where there are more marks or only half a one.
        let step = question.scale()[1].marks;
        let of_one_mark = question.max_marks == Marks::ONE;
        assert_eq!(step == Marks::from_thousandths(125), of_one_mark, "{} {step}", question.id.0);
    }
    assert!(set.notes.len() == 1 && set.notes[0].starts_with("51 of 2981 marks"), "{:?}", set.notes);
}

#[test]
fn validation_parts_of_a_real_set_have_about_the_shares_that_were_asked_for() {
    let Some(set) = shared_set("sciEntsBank.jsonl") else { return };
    let held_out = hold_out(set, HoldOut { answers_share: 0.1, questions_share: 0.1, seed: 1 });
    let [("train", train), ("validation-questions", questions), ("validation-answers", answers), ..] =
        sizes(&held_out)[..]
    else {
        panic!("{:?}", sizes(&held_out));
    };
    assert_eq!(train + questions + answers, 4969);
    assert!((400..600).contains(&questions), "{questions}");
    assert_eq!(answers, (f64::from(4969 - questions as u32) * 0.1).round() as usize);
}
