//! Text of paragraphs from XML that a parser refuses: looks only at `w:t` and the ends of paragraphs.

use crate::blocks::Blocks;
use crate::encoding;
use crate::error::Failure;
use crate::extraction::Extracted;

/// Reads what text there is. A part that was cut off is refused: half an answer would look whole.
pub(super) fn read(xml: &[u8]) -> Result<Extracted, Failure> {
    let xml = encoding::decode(xml, Some("utf-8")).text;
    if !xml.contains("</w:document>") {
        return Err(Failure::damaged("its text ends in the middle"));
    }
    let mut blocks = Blocks::default();
    let mut paragraph = String::new();
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        match tag.split([' ', '/']).find(|name| !name.is_empty()) {
            Some("w:t") if !tag.starts_with('/') && !tag.ends_with('/') => {
                paragraph.push_str(&unescape(text))
            }
            Some("w:tab") if !paragraph.is_empty() => paragraph.push('\t'),
            Some("w:br") => paragraph.push('\n'),
            Some("w:p") if tag.starts_with('/') => blocks.paragraph(&std::mem::take(&mut paragraph)),
            _ => {}
        }
    }
    blocks.paragraph(&paragraph);
    if blocks.is_empty() {
        return Err(Failure::damaged("no text can be found in it"));
    }
    Ok(Extracted { text: blocks.finish(), ..Extracted::default() })
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_wrong_tag_but_a_cut_off_document_is_refused() {
        let xml = "<w:document><w:body><w:p><w:r><w:t xml:space=\"preserve\">A &amp; </w:t></w:i><w:t>B</w:t></w:r></w:p></w:body></w:document>";
        assert_eq!(read(xml.as_bytes()).unwrap().text.plain, "A & B\n");
        assert!(read(&xml.as_bytes()[..100]).is_err());
    }
}
