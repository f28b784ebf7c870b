//! Bytes of a text to characters: byte order mark, UTF-8, what the document declares, else a guess.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::extraction::Warning;

/// A decoded text, its lines ended by `\n`.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) warnings: Vec<Warning>,
}

/// Decodes `bytes`. `declared` is the label that the document states for its encoding, if any.
pub(crate) fn decode(bytes: &[u8], declared: Option<&str>) -> Decoded {
    let mut warnings = Vec::new();
    let encoding =
        certain_encoding(bytes).or_else(|| Encoding::for_label(declared?.as_bytes())).unwrap_or_else(|| {
            let guess = guess(bytes);
            warnings.push(Warning::GuessedEncoding { encoding: guess.name().to_owned() });
            guess
        });
    let (text, _, _) = encoding.decode(bytes);
    let undecodable = text.matches('\u{FFFD}').count();
    if undecodable > 0 {
        warnings.push(Warning::Undecodable { characters: undecodable });
    }
    Decoded { text: text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', ""), warnings }
}

/// Whether `bytes` can be a text in some encoding: hardly any control characters.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() || utf_16_without_mark(bytes).is_some() {
        return true;
    }
    let sample = &bytes[..bytes.len().min(64 << 10)];
    let controls = sample
        .iter()
        .filter(|&&byte| byte < 0x20 && !b"\t\n\r\x0C\x1B".contains(&byte) || byte == 0x7F)
        .count();
    !sample.contains(&0) && controls * 200 <= sample.len()
}

fn certain_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Some(encoding);
    }
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0x1B) && !bytes.contains(&0) {
        return Some(UTF_8);
    }
    utf_16_without_mark(bytes)
}

/// Western text in UTF-16 has a zero in every other byte.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(4096) & !1];
    let zeros = |offset: usize| sample.iter().skip(offset).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
    if half == 0 {
        None
    } else if odd * 10 > half * 7 && even * 20 < half {
        Some(UTF_16LE)
    } else if even * 10 > half * 7 && odd * 20 < half {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_decode_from_the_encodings_that_people_save_in() {
        let german = "Die Zelle öffnet sich für Süßwasser; größere Moleküle können nicht hindurch.";
        let russian = "Клетка получает энергию в результате дыхания, а растения запасают её.";
        let (windows_1252, ..) = encoding_rs::WINDOWS_1252.encode(german);
        let (windows_1251, ..) = encoding_rs::WINDOWS_1251.encode(russian);
        let utf_16: Vec<u8> = german.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xFF\xFE".as_slice(), &utf_16].concat();
        let utf_8_marked = [b"\xEF\xBB\xBF", german.as_bytes()].concat();
        for (bytes, expected) in [
            (german.as_bytes(), german),
            (&utf_8_marked, german),
            (&marked, german),
            (&utf_16, german),
            (&windows_1252, german),
            (&windows_1251, russian),
        ] {
            assert!(is_text(bytes), "{expected}");
            assert_eq!(decode(bytes, None).text, expected);
        }
    }

    #[test]
    fn a_guess_is_reported_and_a_declared_encoding_is_not_a_guess() {
        let bytes = b"na\xEFve caf\xE9";
        assert_eq!(decode(bytes, Some("iso-8859-1")).warnings, []);
        assert!(matches!(decode(bytes, None).warnings[..], [Warning::GuessedEncoding { .. }]));
    }

    #[test]
    fn line_ends_become_newlines() {
        assert_eq!(decode(b"a\r\nb\rc\n", None).text, "a\nb\nc\n");
    }

    #[test]
    fn binary_data_is_not_text() {
        assert!(!is_text(&[0, 1, 2, 3, 4, 5, 6, 7]));
        assert!(!is_text(b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"));
    }
}
