//! A quiz of two questions with answers of twelve students: enough to train on for a few updates.

use crate::gradus::Place;
use crate::model;

pub(crate) const GUIDE: &str = "# Leaves and roots

Question 1 (2 marks): Why are leaves green?
Model answer: They hold chlorophyll, which reflects green light.
- 1 mark: names chlorophyll
- 1 mark: it reflects green light

Question 2 (2 marks): What do roots do?
Model answer: They take up water and hold the plant in the soil.
- 1 mark: take up water
- 1 mark: hold the plant
";

/// Settings with which training takes a second: several micro-batches an update, an evaluation every few.
pub(crate) const TRAIN: &str = "train --dataset dataset.json --model tiny --output run --epochs 4 \
    --batch-size 4 --micro-batch-rows 160 --lora-rank 4 --lora-dropout 0.1 --learning-rate 0.02 \
    --evaluate-every 3 --checkpoint-every 2 --patience 3 --patience-after 12";

/// A place with the guide, the answers, the dataset and a tiny base model.
pub(crate) fn place() -> Place {
    let place = Place::new();
    model::write(&place, "tiny", 1024, 1);
    write(&place);
    place
}

/// Writes the guide, the answers and the dataset.
pub(crate) fn write(place: &Place) {
    place.write("guide.md", GUIDE);
    place.write("answers.csv", answers());
    place.succeed("dataset build --guide guide.md --answers answers.csv --output dataset.json");
}

/// As [`place`], with a trained model in `run/model`.
pub(crate) fn trained() -> Place {
    let place = place();
    place.succeed("train --dataset dataset.json --model tiny --output run --epochs 1 --lora-rank 2");
    place
}

pub(crate) fn answers() -> String {
    let first = [
        ("They have chlorophyll and that reflects the green light.", 2),
        ("Because of chlorophyll in the cells.", 1),
        ("Green light is reflected by them, I think.", 1),
        ("Because plants like the sun.", 0),
    ];
    let second = [
        ("Roots take water from the ground and stop the plant from falling over.", 2),
        ("They drink water.", 1),
        ("They keep the plant standing.", 1),
        ("They make sugar.", 0),
    ];
    let mut table = "student,question,answer,mark,feedback\n".to_owned();
    for student in 0..12 {
        for (question, texts) in [(1, first), (2, second)] {
            let (answer, mark) = texts[(student + question) % 4];
            let row = format!(
                "S{student:02},{question},\"{answer} ({student})\",{mark},See question {question}.\n"
            );
            table.push_str(&row);
        }
    }
    table
}

pub(crate) const PAPER: &str = "Student: Ada

Question 1
They have chlorophyll.

Question 2
They take up water from the soil.
";
