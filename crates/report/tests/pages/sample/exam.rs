//! The exam of the sample report: questions, answers and four markers' marks.

use gradus_domain::Marks;
use gradus_grading::guide::QuestionId;
use gradus_report::data::{GuideFacts, QuestionFacts, TestedAnswer};

/// An answer with the marks that the tested model's row does not hold.
pub(crate) struct MarkedTwice {
    pub(crate) tested: TestedAnswer,
    pub(crate) base_mark: Marks,
    pub(crate) second_mark: Marks,
    pub(crate) max_marks: Marks,
    pub(crate) seen: bool,
}

struct Item {
    id: &'static str,
    max: i32,
    seen: bool,
    text: &'static str,
    /// A weak, a middling and a good answer.
    answers: [&'static str; 3],
}

const ITEMS: [Item; 5] = [
    Item {
        id: "1",
        max: 2,
        seen: true,
        text: "Name the organelle in which aerobic respiration takes place and say what it releases.",
        answers: [
            "the nucleus",
            "Mitochondria. It makes energy.",
            "The mitochondrion. It releases energy as ATP, and carbon dioxide and water besides.",
        ],
    },
    Item {
        id: "2a",
        max: 3,
        seen: true,
        text: "Explain why a plant cell placed in pure water swells but does not burst.",
        answers: [
            "Because plants like water",
            "Water goes into the cell by osmosis so it gets bigger.",
            "Water enters by osmosis, from the higher water potential outside to the lower one inside. \
             The vacuole swells and presses the membrane on the cell wall, and the wall is strong \
             enough to hold against that pressure, so the cell becomes turgid and does not burst.",
        ],
    },
    Item {
        id: "2b",
        max: 3,
        seen: true,
        text: "Predict what happens to a red blood cell in the same water, and give the reason.",
        answers: [
            "",
            "It bursts because too much water comes in",
            "It takes up water by osmosis and bursts (lysis), since an animal cell has no cell wall to \
             hold the membrane.",
        ],
    },
    Item {
        id: "3",
        max: 4,
        seen: true,
        text: "Describe how the structure of a leaf helps photosynthesis. Give two features with reasons.",
        answers: [
            "Leaves are green.",
            "they are flat so they get lots of light",
            "It is broad and flat, which gives a large surface for light; and it is thin, so carbon \
             dioxide has a short way to diffuse to the palisade cells, which are full of chloroplasts.",
        ],
    },
    Item {
        id: "4",
        max: 4,
        seen: false,
        text: "A student covers half of a leaf with foil for two days and then tests the leaf for starch. \
               What will be seen, and why?",
        answers: [
            "it dies",
            "The covered bit has no starch because there is no light",
            "With iodine, the uncovered half turns blue-black and the covered half stays brown: without \
             light there is no photosynthesis, so no glucose is made to be stored as starch, and what \
             was there has been used up.",
        ],
    },
];

/// Confidence from which on the sample marks automatically.
pub(crate) const THRESHOLD: f64 = 0.7;

const STUDENTS: [&str; 16] = [
    "Adeyemi, F.",
    "Brandt, L.",
    "Castellanos, M.",
    "Dimitrova, P.",
    "Eriksen, S.",
    "Fofana, A.",
    "Goldberg, R.",
    "Hashimoto, K.",
    "Ivanov, D.",
    "Jones, T.",
    "Kowalczyk, Z.",
    "López, N.",
    "Mbeki, O.",
    "Nguyễn, H.",
    "O’Brien, C.",
    "Petit, J.",
];

pub(crate) fn guide() -> GuideFacts {
    let facts = |item: &Item| QuestionFacts {
        id: QuestionId(item.id.into()),
        text: item.text.into(),
        max_marks: Marks::from_thousandths(item.max * 1000),
        seen: item.seen,
        training_answers: if item.seen { 58 } else { 0 },
    };
    GuideFacts {
        title: "Marking guide, Biology year 10, spring".into(),
        questions: ITEMS.iter().map(facts).collect(),
    }
}

/// Every student's answer to every question, with all four marks. Pseudo-random, the same at every call.
pub(crate) fn marked_answers() -> Vec<MarkedTwice> {
    let mut random = Random(20_260_309);
    let mut all = Vec::new();
    for student in STUDENTS {
        for item in &ITEMS {
            all.push(marked_answer(student, item, &mut random));
        }
    }
    all
}

fn marked_answer(student: &str, item: &Item, random: &mut Random) -> MarkedTwice {
    let quality = (random.below(100) / 34) as usize;
    let low = [0, item.max / 3, 2 * item.max / 3][quality];
    let is_blank = item.answers[quality].is_empty();
    let lucky = if is_blank { 0 } else { random.below(100) % (item.max / 3 + 1) };
    let reference = (low + lucky).min(item.max);
    let sure = random.below(100);
    let right = random.below(100) < 36 + sure * 6 / 10 - if item.seen { 0 } else { 18 };
    let slip = if random.below(2) == 0 { 1 } else { -1 };
    let given = if right { reference } else { moved(reference, slip, item.max) };
    let base = if random.below(100) < 30 { reference } else { random.below(item.max + 1) };
    let second = if random.below(100) < 77 { reference } else { moved(reference, -slip, item.max) };
    let confidence = 0.34 + 0.6 * f64::from(sure) / 100.0;
    let is_sure = confidence >= THRESHOLD;
    let review_worth = (1.0 - confidence) / f64::from(item.max).sqrt();
    let feedback = (given < item.max).then(|| "Say why, and name the process.".to_owned());
    MarkedTwice {
        tested: TestedAnswer {
            student: Some(student.into()),
            question: QuestionId(item.id.into()),
            answer: item.answers[quality].into(),
            reference_mark: Marks::from_thousandths(reference * 1000),
            given_mark: Marks::from_thousandths(given * 1000),
            expected_mark: f64::from(given) * 0.8 + f64::from(reference) * 0.15,
            confidence,
            review_worth: Some(review_worth),
            is_order: false,
            automatic: is_sure,
            reference_verdict: None,
            given_verdict: None,
            feedback,
        },
        base_mark: Marks::from_thousandths(base * 1000),
        second_mark: Marks::from_thousandths(second * 1000),
        max_marks: Marks::from_thousandths(item.max * 1000),
        seen: item.seen,
    }
}

/// One mark up or down, the other way at the ends.
fn moved(mark: i32, step: i32, max: i32) -> i32 {
    if (0..=max).contains(&(mark + step)) { mark + step } else { mark - step }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: i32) -> i32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as i32
    }
}
