//! The bundled course, inside the binary so that an installed `gradus` has it too.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, files};

macro_rules! bundled {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../../examples/cell-biology/", $name)).as_slice())),*]
    };
}

const FILES: [(&str, &[u8]); 12] = bundled![
    "course.toml",
    "guide.docx",
    "marked-answers.csv",
    "held-out/known-marks.csv",
    "held-out/H01.docx",
    "held-out/H02.pdf",
    "held-out/H03.txt",
    "held-out/H04.md",
    "held-out/H05.html",
    "held-out/H06.rtf",
    "held-out/H07.docx",
    "held-out/H08.pdf",
];

/// The course's files.
pub(super) struct Course {
    pub(super) title: String,
    pub(super) caveat: String,
    pub(super) guide: PathBuf,
    pub(super) answers: PathBuf,
    pub(super) held_out: PathBuf,
    pub(super) known_marks: PathBuf,
    pub(super) unseen_questions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    title: String,
    caveat: String,
    guide: String,
    answers: String,
    held_out: String,
    known_marks: String,
    unseen_questions: Vec<String>,
}

/// Writes the course's files where they are missing or differ, so that people can look at them.
pub(super) fn unpack(directory: &Path) -> Result<Course, Error> {
    for (name, bytes) in FILES {
        let path = directory.join(name);
        if std::fs::read(&path).ok().as_deref() != Some(bytes) {
            files::write(&path, bytes)?;
        }
    }
    let path = directory.join(FILES[0].0);
    let course: CourseFile = toml::from_str(&files::read_text(&path)?).map_err(|error| Error::Format {
        path: path.clone(),
        expected: "a course description",
        reason: error.to_string(),
    })?;
    Ok(Course {
        title: course.title,
        caveat: course.caveat,
        guide: directory.join(course.guide),
        answers: directory.join(course.answers),
        held_out: directory.join(course.held_out),
        known_marks: directory.join(course.known_marks),
        unseen_questions: course.unseen_questions,
    })
}
