//! Lines put together again as paragraphs.

/// Lines joined as they were meant: wrapped lines by a space, others by a line break.
#[derive(Debug, Default)]
pub(crate) struct Body {
    text: String,
    last_is_item: bool,
}

impl Body {
    pub(crate) fn push(&mut self, text: &str, is_item: bool) {
        if text.is_empty() {
            return;
        }
        let wrapped = !is_item
            && !self.last_is_item
            && text.starts_with(char::is_lowercase)
            && !self.text.ends_with(['.', '?', '!', ':']);
        if !self.text.is_empty() {
            self.text.push(if wrapped { ' ' } else { '\n' });
        }
        self.text.push_str(text);
        self.last_is_item = is_item;
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}
