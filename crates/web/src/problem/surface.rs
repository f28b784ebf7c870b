//! Who reads an address: programs of this API, programs made for OpenAI's, or people.

/// A part of the addresses, by the form that its answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// `/api/…`: our own API.
    Api,
    /// `/v1/…`: OpenAI's API.
    OpenAi,
    /// All else: pages, probes, metrics.
    Page,
}

impl Surface {
    /// The surface that a path belongs to.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("api") => Self::Api,
            Some("v1") => Self::OpenAi,
            _ => Self::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_of_a_path_decides() {
        assert_eq!(Surface::of_path("/api/v1/jobs"), Surface::Api);
        assert_eq!(Surface::of_path("/v1/models"), Surface::OpenAi);
        assert_eq!(Surface::of_path("/v1"), Surface::OpenAi);
        assert_eq!(Surface::of_path("/apiary"), Surface::Page);
        assert_eq!(Surface::of_path("*"), Surface::Page);
    }
}
