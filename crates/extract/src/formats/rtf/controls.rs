//! What control words mean: characters, and destinations whose text is no part of the body.

/// The character that a control word stands for.
pub(super) fn character(word: &str) -> Option<char> {
    Some(match word {
        "tab" => '\t',
        "line" | "lbr" => '\n',
        "emdash" => '—',
        "endash" => '–',
        "bullet" => '•',
        "lquote" => '‘',
        "rquote" => '’',
        "ldblquote" => '“',
        "rdblquote" => '”',
        "emspace" | "enspace" | "qmspace" => ' ',
        _ => return None,
    })
}

/// Destinations whose text is dropped even though they are not marked as ignorable.
pub(super) fn is_dropped(word: &str) -> bool {
    matches!(
        word,
        "colortbl"
            | "pict"
            | "fldinst"
            | "nonshppict"
            | "nonesttables"
            | "shprslt"
            | "sp"
            | "objdata"
            | "bkmkstart"
            | "bkmkend"
            | "annotation"
            | "atnid"
            | "atnauthor"
            | "ftnsep"
            | "ftnsepc"
            | "aftnsep"
            | "aftnsepc"
            | "tc"
            | "xe"
            | "rxe"
            | "txe"
            | "filetbl"
            | "revtbl"
            | "listpicture"
            | "private"
    )
}

/// Destinations that hold a page header or footer.
pub(super) fn is_running(word: &str) -> bool {
    let page_kind = word.strip_prefix("header").or_else(|| word.strip_prefix("footer"));
    page_kind.is_some_and(|kind| matches!(kind, "" | "l" | "r" | "f"))
}

/// Destinations marked as ignorable (`\*`) whose text is part of the body all the same.
pub(super) fn is_kept(word: &str) -> bool {
    matches!(word, "shpinst" | "ud" | "shptxt")
}
