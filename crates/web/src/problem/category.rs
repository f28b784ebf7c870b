//! What kinds of failure there are and which HTTP status each has: the one place that says so.

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Surface;

/// A kind of failure, as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The request cannot be read.
    Malformed,
    /// The request can be read, but what it says is not allowed.
    Invalid,
    /// Nobody is signed in, or what they show is no longer valid.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The method does not exist at this address.
    MethodNotAllowed,
    /// The body did not arrive in time.
    Timeout,
    /// The thing is in a state in which this cannot be done.
    Conflict,
    /// A condition of the request (`If-Match`) does not hold.
    PreconditionFailed,
    /// The body is larger than allowed.
    TooLarge,
    /// The address is longer than allowed.
    AddressTooLong,
    /// The body is of a kind that is not read here.
    UnsupportedMediaType,
    /// Too many requests.
    Throttled,
    /// The part of a file that is asked for is not there.
    RangeNotSatisfiable,
    /// The headers are more or longer than allowed.
    HeadersTooLarge,
    /// Something went wrong here.
    Internal,
    /// A service that this one depends on failed.
    Upstream,
    /// The server is starting, stopping or short of something; trying again later helps.
    Unavailable,
}

impl Category {
    /// The status code of this kind.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.facts().0
    }

    /// The status code of this kind where `surface` is read. OpenAI's clients try a 409 again, and know 400 for
    /// whatever is wrong with a request.
    #[must_use]
    pub fn status_on(self, surface: Surface) -> StatusCode {
        match (surface, self) {
            (Surface::OpenAi, Self::Invalid | Self::Conflict) => StatusCode::BAD_REQUEST,
            _ => self.status(),
        }
    }

    /// A stable name for programs, used where a problem has no code of its own.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.facts().1
    }

    /// The kind in a few words for people, the same for all problems of the kind.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    /// The kind that a status code stands for, where an answer was made without a problem.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let known = Self::ALL.into_iter().find(|category| category.status() == status);
        known.unwrap_or(if status.is_server_error() { Self::Internal } else { Self::Malformed })
    }

    const ALL: [Self; 18] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::AddressTooLong,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::Throttled,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Upstream,
        Self::Unavailable,
    ];

    #[rustfmt::skip]
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "The request cannot be read"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request is not valid"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The request took too long"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Not possible in this state"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition_failed", "Changed in the meantime"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large"),
            Self::AddressTooLong => (StatusCode::URI_TOO_LONG, "address_too_long", "The address is too long"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported kind of body"),
            Self::RangeNotSatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", "Not in the file"),
            Self::Throttled => (StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many requests"),
            Self::HeadersTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "The headers are too large"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong"),
            Self::Upstream => (StatusCode::BAD_GATEWAY, "upstream", "Another service failed"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
        }
    }

    /// What is said where nothing more is known, or may be told.
    #[must_use]
    pub fn general_detail(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read. Check its form against the API's description.",
            Self::Invalid => "The request is not valid.",
            Self::Unauthenticated => "Sign in, or send an API token as `Authorization: Bearer …`.",
            Self::Forbidden => "You may not do this.",
            Self::NotFound => "There is nothing at this address that you may see.",
            Self::MethodNotAllowed => "This address does not have this method. `Allow` lists those it has.",
            Self::Timeout => "The request did not arrive in time. Send it again over a faster connection.",
            Self::Conflict => "This cannot be done in the present state.",
            Self::PreconditionFailed => "It was changed since you read it. Read it again.",
            Self::TooLarge => "The body is larger than allowed here.",
            Self::AddressTooLong => "The address is longer than allowed.",
            Self::UnsupportedMediaType => "This address does not read this kind of body.",
            Self::RangeNotSatisfiable => "The part that is asked for is not in the file.",
            Self::Throttled => "Too many requests. `Retry-After` says when to try again.",
            Self::HeadersTooLarge => "The headers are more or longer than allowed.",
            Self::Internal => {
                "Something went wrong on the server. Its log has the cause under this request's id."
            }
            Self::Upstream => "A service that this one depends on failed. Try again later.",
            Self::Unavailable => "The server cannot do this now. Try again later.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_status_of_its_own_and_is_found_by_it() {
        for category in Category::ALL {
            assert_eq!(Category::of_status(category.status()), category);
        }
    }

    #[test]
    fn other_statuses_are_the_nearest_kind() {
        assert_eq!(Category::of_status(StatusCode::IM_A_TEAPOT), Category::Malformed);
        assert_eq!(Category::of_status(StatusCode::GATEWAY_TIMEOUT), Category::Internal);
    }
}
