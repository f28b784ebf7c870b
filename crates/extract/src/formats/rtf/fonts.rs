//! Code pages: the document's own and that of each font.

use encoding_rs::Encoding;

/// The encoding of a Windows code page, as in `\ansicpg1251`.
pub(super) fn of_code_page(code_page: i32) -> Option<&'static Encoding> {
    match code_page {
        65001 => Some(encoding_rs::UTF_8),
        932 => Some(encoding_rs::SHIFT_JIS),
        936 => Some(encoding_rs::GBK),
        949 => Some(encoding_rs::EUC_KR),
        950 => Some(encoding_rs::BIG5),
        10000 => Some(encoding_rs::MACINTOSH),
        866 => Some(encoding_rs::IBM866),
        874 | 1250..=1258 => Encoding::for_label(format!("windows-{code_page}").as_bytes()),
        _ => None,
    }
}

/// The encoding of a Windows character set, as in `\fcharset204`; `None` for the document's own.
pub(super) fn of_character_set(character_set: i32) -> Option<&'static Encoding> {
    let code_page = match character_set {
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    };
    of_code_page(code_page)
}
