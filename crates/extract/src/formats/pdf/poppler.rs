//! Words and their places from the program `pdftotext` (poppler-utils), a process of its own.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use super::layout::{Page, Word};
use crate::error::Failure;
use crate::limits::Limits;

/// Reads every page.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Page>, Failure> {
    if !limits.external_programs {
        return Err(unavailable());
    }
    let output = run(bytes, limits)?;
    Ok(parse(&String::from_utf8_lossy(&output)))
}

/// The document goes in through a pipe, so that nothing is written to disk.
fn run(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Failure> {
    let last_page = limits.max_pages.to_string();
    let mut child = Command::new("pdftotext")
        .args(["-bbox", "-enc", "UTF-8", "-l", &last_page, "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| unavailable())?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(unavailable());
    };
    let most = limits.max_expanded_bytes;
    let read = thread::scope(|scope| {
        scope.spawn(move || {
            // The program may stop reading early; what it prints then decides.
            let _ = input.write_all(bytes);
        });
        let (sender, receiver) = channel();
        scope.spawn(move || {
            let mut collected = Vec::new();
            let read = output.take(most).read_to_end(&mut collected);
            let _ = sender.send(read.map(|_| collected));
        });
        let read = receiver.recv_timeout(limits.time_limit);
        // Ends it where it is too slow or prints too much, and with it the two threads above.
        let _ = child.kill();
        let _ = child.wait();
        read
    });
    match read {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(Failure::damaged(format!("pdftotext cannot read it ({error})"))),
        Err(_) => Err(Failure::TimedOut { limit: limits.time_limit }),
    }
}

fn unavailable() -> Failure {
    Failure::Unavailable { program: "pdftotext".to_owned() }
}

/// Reads the program's answer: one `<page>` or `<word>` element a line.
fn parse(answer: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    for line in answer.lines().map(str::trim) {
        if line.starts_with("<page ") {
            let mut page = Page::new(u32::try_from(pages.len() + 1).unwrap_or(u32::MAX));
            page.width = number(line, "width").unwrap_or(0.0);
            page.height = number(line, "height").unwrap_or(0.0);
            pages.push(page);
        } else if let (Some(page), Some(word)) = (pages.last_mut(), word(line)) {
            page.words.push(word);
        }
    }
    pages
}

fn word(line: &str) -> Option<Word> {
    let text = line.strip_prefix("<word ")?.split_once('>')?.1.strip_suffix("</word>")?;
    let (top, bottom) = (number(line, "yMin")?, number(line, "yMax")?);
    // A box reaches from the font's ascent to its descent: about a fifth lies below the baseline.
    let height = bottom - top;
    Some(Word {
        left: number(line, "xMin")?,
        right: number(line, "xMax")?,
        baseline: bottom - 0.2 * height,
        size: height * 0.87,
        turn: 0,
        text: text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    })
}

fn number(line: &str, name: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_answer_becomes_words_on_their_pages() {
        let answer = "<doc>\n  <page width=\"595\" height=\"842\">\n  </page>\n\
                      <page width=\"595\" height=\"842\">\n\
                      <word xMin=\"72.0\" yMin=\"70.0\" xMax=\"90.5\" yMax=\"80.0\">A&amp;B</word>\n</page></doc>";
        let pages = parse(answer);
        assert_eq!((pages.len(), pages[0].words.len()), (2, 0));
        let word = &pages[1].words[0];
        assert_eq!((word.text.as_str(), word.left, word.right, word.baseline), ("A&B", 72.0, 90.5, 78.0));
    }

    #[test]
    fn no_program_is_started_where_that_is_not_wanted() {
        let limits = Limits { external_programs: false, ..Limits::default() };
        assert!(matches!(read(b"%PDF-1.4", &limits), Err(Failure::Unavailable { .. })));
    }
}
