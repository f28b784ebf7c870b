//! Text in the order in which the file draws it: no layout, but it needs little of the fonts.

use super::document::Loaded;
use crate::blocks::Blocks;
use crate::error::Failure;
use crate::extraction::{Extracted, Warning};
use crate::guard;

/// Reads every page; one that cannot be read becomes a warning.
pub(super) fn read(loaded: &Loaded) -> Extracted {
    let mut blocks = Blocks::default();
    let mut warnings =
        vec![Warning::StructureLost { reason: "the places of its letters could not be read".to_owned() }];
    for &(number, _) in &loaded.pages {
        blocks.start_page(number);
        let text = guard::catch(|| {
            loaded.document.extract_text(&[number]).map_err(|error| Failure::damaged(error.to_string()))
        });
        match text {
            Ok(text) if text.trim().is_empty() => warnings.push(Warning::BlankPage { page: number }),
            Ok(text) => blocks.paragraph(&text),
            Err(failure) => warnings.push(Warning::UnreadPage { page: number, reason: failure.to_string() }),
        }
    }
    Extracted { text: blocks.finish(), warnings, ..Extracted::default() }
}
