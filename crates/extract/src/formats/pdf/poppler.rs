//! Words and their places from the program `pdftotext` (poppler-utils), a process of its own.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
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
    let mut collected = Vec::new();
    let read = thread::scope(|scope| {
        scope.spawn(move || {
            // The program may stop reading early; what it prints then decides.
            let _ = input.write_all(bytes);
        });
        output.take(limits.max_expanded_bytes).read_to_end(&mut collected)
    });
    // Ends it where it still prints beyond the limit; it has ended otherwise.
    let _ = child.kill();
    let _ = child.wait();
    read.map_err(|error| Failure::damaged(format!("pdftotext cannot read it ({error})")))?;
    Ok(collected)
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
