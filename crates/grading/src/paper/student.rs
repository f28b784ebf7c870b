//! Who wrote a paper: "Student: H03", "Candidate number: 4711", "Name: …", "ID 123".

use super::lines::PaperLine;

/// Labels and how good a name of the student they give: codes before names, which people share.
const LABELS: [(&str, u8); 40] = [
    ("student id", 0),
    ("student number", 0),
    ("student no", 0),
    ("student code", 0),
    ("candidate number", 0),
    ("candidate no", 0),
    ("candidate id", 0),
    ("candidate code", 0),
    ("examination number", 0),
    ("exam number", 0),
    ("exam no", 0),
    ("index number", 0),
    ("index no", 0),
    ("registration number", 0),
    ("registration no", 0),
    ("reg no", 0),
    ("reg. no", 0),
    ("roll number", 0),
    ("roll no", 0),
    ("matriculation number", 0),
    ("matric number", 0),
    ("matric no", 0),
    ("learner id", 0),
    ("employee id", 0),
    ("employee number", 0),
    ("staff id", 0),
    ("id number", 0),
    ("id no", 0),
    ("id", 0),
    ("student", 1),
    ("candidate", 1),
    ("learner", 1),
    ("trainee", 1),
    ("participant", 1),
    ("student name", 2),
    ("candidate name", 2),
    ("full name", 2),
    ("name of student", 2),
    ("name of candidate", 2),
    ("name", 2),
];

/// How far into a paper without heads a student's line is looked for.
const FIRST_LINES: usize = 15;

/// The lines before the first answer that say who wrote the paper.
pub(super) fn student_lines(lines: &[PaperLine<'_>], first_head: Option<usize>) -> Vec<usize> {
    let end = first_head.unwrap_or(lines.len()).min(lines.len());
    (0..end.min(FIRST_LINES)).filter(|&at| named(lines[at].passage.text).is_some()).collect()
}

/// The student's code or, where there is none, name.
pub(super) fn student(lines: &[PaperLine<'_>], student_lines: &[usize]) -> Option<String> {
    let found = student_lines.iter().filter_map(|&at| named(lines[at].passage.text));
    found.min_by_key(|(rank, _)| *rank).map(|(_, value)| value.to_owned())
}

/// The student's code or name in a single line, such as a page's header.
///
/// ```
/// use gradus_grading::paper::student_in_line;
/// assert_eq!(student_in_line("Cell Biology – Candidate H08").as_deref(), Some("H08"));
/// assert_eq!(student_in_line("Cell Biology"), None);
/// ```
pub fn student_in_line(line: &str) -> Option<String> {
    named(line).map(|(_, value)| value.to_owned())
}

/// The best name on a line with its rank.
fn named(line: &str) -> Option<(u8, &str)> {
    let starts = line.char_indices().map(|(at, _)| at).filter(|&at| {
        let before = line[..at].trim_end_matches(' ');
        let spaces = at - before.len();
        before.is_empty()
            || before.ends_with(['\t', '|', ';', ',', '\u{a0}', '–', '—'])
            || before.ends_with(" -")
            || spaces > 1
    });
    starts
        .take(40)
        .flat_map(|at| {
            LABELS.iter().filter_map(move |(label, rank)| Some((*rank, value_after(&line[at..], label)?)))
        })
        .min_by_key(|(rank, _)| *rank)
}

/// The value after a label at the beginning of a text.
fn value_after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let head = text.get(..label.len())?;
    if !head.eq_ignore_ascii_case(label) {
        return None;
    }
    let after = text[label.len()..].trim_start_matches('.');
    let set_off = after.trim_start_matches(' ');
    let value = match set_off.chars().next()? {
        ':' | '#' | '=' | '\t' | '|' => &set_off[1..],
        '-' | '–' if set_off.len() < after.len() => set_off.trim_start_matches(['-', '–']),
        // "Student H03": without a colon only a code counts.
        _ if after.starts_with(' ') => {
            let segment = first_segment(set_off);
            let code = segment.split_whitespace().next()?;
            let alone = segment.split_whitespace().count() == 1;
            return (alone && code.contains(|c: char| c.is_ascii_digit())).then_some(code);
        }
        _ => return None,
    };
    let value = value.trim_start_matches([' ', '#', ':', '\t']);
    let value = before_next_label(first_segment(value))
        .trim_matches(|c: char| c.is_whitespace() || c == '_' || c == '.' || c == ',');
    (!value.is_empty() && value.len() <= 80).then_some(value)
}

/// What stands before a tab, a bar or a gap.
fn first_segment(value: &str) -> &str {
    let end = value.find(['\t', '|', ';']).unwrap_or(value.len());
    let end = value[..end].find("  ").unwrap_or(end);
    &value[..end]
}

/// "H03, Date: 4 May" ends at the next word with a colon.
fn before_next_label(value: &str) -> &str {
    match value.find(':') {
        Some(colon) => {
            let word = value[..colon].rfind([' ', ',']).unwrap_or(0);
            &value[..word]
        }
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_are_named_as_papers_name_them() {
        for (line, value) in [
            ("Student: H03", "H03"),
            ("STUDENT ID: 4711", "4711"),
            ("Candidate number: 0042   Centre: 12", "0042"),
            ("Name: Jane Doe", "Jane Doe"),
            ("Name: Jane Doe   ID: 77", "77"),
            ("Name: Jane Doe, Class: 10B", "Jane Doe"),
            ("Name\tJane Doe", "Jane Doe"),
            ("ID 123", "123"),
            ("Student H03", "H03"),
            ("Roll No. 15", "15"),
            ("Introduction to Cell Biology – Candidate H08", "H08"),
            ("Candidate H08   Page 1 of 2", "H08"),
        ] {
            assert_eq!(named(line).map(|(_, value)| value), Some(value), "{line}");
        }
    }

    #[test]
    fn sentences_and_empty_forms_name_nobody() {
        for line in [
            "Students answer all questions",
            "Name: ________",
            "Name two organelles",
            "Name 2 organelles here",
            "ideas",
            "",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }
}
