//! Why something about accounts could not be done, in words for the person who asked.
//! Knows no HTTP: a [`Category`] says what kind of answer fits.

use std::time::Duration;

use gradus_domain::Scope;
use gradus_store::StoreError;

use super::names::{MOST_LABEL_CHARACTERS, MOST_NAME_CHARACTERS};
use super::passwords::{LEAST_CHARACTERS, MOST_BYTES};
use super::quotas::QuotaExceeded;

/// Any failure of the accounts' services.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Too few characters.
    #[error(
        "the password has {characters} characters; choose one of at least {LEAST_CHARACTERS}, such as a few words that have nothing to do with one another"
    )]
    PasswordTooShort {
        /// How many it has.
        characters: usize,
    },
    /// Too many bytes.
    #[error("the password is longer than {MOST_BYTES} bytes; choose a shorter one, since none is ever cut")]
    PasswordTooLong,
    /// Nothing but names that everyone knows.
    #[error(
        "the password is little more than `{word}`, which others would try first; choose one that builds neither on your name nor on Gradus's"
    )]
    PasswordFromContext {
        /// The name in it.
        word: String,
    },
    /// Among the first that anyone would try.
    #[error(
        "the password is among the first that others would try: {reason} Choose words that have nothing to do with one another"
    )]
    PasswordCommon {
        /// What makes it so, as a sentence.
        reason: String,
    },
    /// The password in use was not given rightly.
    #[error("this is not your present password; type it again")]
    PresentPasswordWrong,
    /// A user's name is not one.
    #[error(
        "`{given}` cannot be a user name: it has 1 to {MOST_NAME_CHARACTERS} characters, of which each is one of a to z, 0 to 9, `.`, `_`, `-` and `@`"
    )]
    UserNameForm {
        /// What was given, made safe to show.
        given: String,
    },
    /// Someone else has the name.
    #[error("there is already a user `{name}`; choose another name")]
    UserNameTaken {
        /// The name.
        name: String,
    },
    /// A text for people is empty, too long, or not one line.
    #[error("the {what} must have 1 to {MOST_LABEL_CHARACTERS} characters in one line; correct it")]
    LabelForm {
        /// What it is for.
        what: &'static str,
    },
    /// Name and password do not belong together, or the account may not be used.
    #[error(
        "this user name and password do not let anyone in; check both, or ask an administrator whether the account is in use"
    )]
    WrongCredentials,
    /// Too many failures lately.
    #[error("there were too many failed tries; wait {} s, then try again", wait.as_secs())]
    Throttled {
        /// How long to wait.
        wait: Duration,
    },
    /// More passwords are to be checked than the server can.
    #[error("the server has too many passwords to check at the moment; try again in {} s", wait.as_secs())]
    Busy {
        /// How long to wait.
        wait: Duration,
    },
    /// The session is unknown, over, or was ended.
    #[error("nobody is logged in here, or the session is over; log in again")]
    SessionOver,
    /// The API token is unknown, over, revoked, or its user's account is not in use.
    #[error("this API token is not valid: it is unknown, has expired or was revoked; make another one")]
    ApiTokenInvalid,
    /// What was asked needs an administrator.
    #[error("only an administrator may do this; ask one")]
    AdministratorNeeded,
    /// What was asked needs an author.
    #[error("your account may only look; ask an administrator to make you an author")]
    AuthorNeeded,
    /// What was asked needs a token that may more.
    #[error("this API token may not do this; use one of scope `{0}`")]
    ScopeNeeded(Scope),
    /// What was asked needs a person.
    #[error("an API token cannot do this; log in with your password")]
    SessionNeeded,
    /// A token would be able to do more than whoever makes it.
    #[error("a token of scope `{wanted}` could do more than you may here; ask for `{most}` at most")]
    ScopeTooWide {
        /// What was asked for.
        wanted: Scope,
        /// What could be had.
        most: Scope,
    },
    /// A token would be over at once, or outlive the one that it is made with.
    #[error("{0}")]
    Expiry(&'static str),
    /// The server has users already.
    #[error("this server is set up already; log in instead")]
    AlreadySetUp,
    /// The one-time token for setting up is not the one that holds.
    #[error(
        "this is not the server's set-up token; copy it from the console of the server that was started last: each start makes a new one"
    )]
    SetUpTokenWrong,
    /// The invitation is not one that holds.
    #[error(
        "this name and invitation code do not belong together, or the code was used or has expired; ask an administrator for a new one"
    )]
    InvitationInvalid,
    /// Nobody could keep the accounts any more.
    #[error("this is the last administrator; make someone else an administrator first")]
    LastAdministrator,
    /// The account is not in use.
    #[error("the account of `{name}` is disabled; enable it first")]
    Disabled {
        /// Whose.
        name: String,
    },
    /// There is no such thing that the caller may see.
    #[error("there is no {noun} {which} that you may see; look at the list for what there is")]
    NotThere {
        /// What kind of thing.
        noun: &'static str,
        /// Which.
        which: String,
    },
    /// Nobody of that name can be let in again.
    #[error("there is no user `{name}` who may log in; check the name")]
    NobodyToInvite {
        /// The name.
        name: String,
    },
    /// The thing belongs to someone else, who alone decides who sees it.
    #[error("this {noun} belongs to someone else; ask its owner")]
    NotOwner {
        /// What kind of thing.
        noun: &'static str,
    },
    /// The thing changed since it was looked at.
    #[error("your account was changed in the meantime; log in and try again")]
    Changed,
    /// A user has as much as one may have.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The settings make no sense.
    #[error("the accounts' settings cannot be used: {0}")]
    Settings(String),
    /// The system gave no random numbers, or a password could not be hashed.
    #[error(
        "the server could not {action}: {reason}; try again, and look at the server's log if it happens again"
    )]
    Server {
        /// What was tried.
        action: &'static str,
        /// Its reason.
        reason: String,
    },
    /// The database could not do its work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What kind of answer a failure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// What was given cannot be used as it is.
    Invalid,
    /// Nobody is logged in.
    Unauthenticated,
    /// Whoever is logged in may not do this.
    Forbidden,
    /// There is no such thing, for this caller.
    NotFound,
    /// It cannot be done as things stand.
    Conflict,
    /// The user has as much as one may have.
    Quota,
    /// Too often; [`AccountError::wait`] says how long to wait.
    Throttled,
    /// Not now; [`AccountError::wait`] says how long to wait.
    Busy,
    /// The server's own fault.
    Internal,
}

impl AccountError {
    /// A word that never changes, for programs.
    pub fn code(&self) -> &'static str {
        self.facts().1
    }

    /// What kind of answer fits.
    pub fn category(&self) -> Category {
        self.facts().0
    }

    /// How long to wait before trying again, where waiting is what helps.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Throttled { wait } | Self::Busy { wait } => Some(*wait),
            _ => None,
        }
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Busy { .. } | Self::Server { .. } => true,
            Self::Store(error) => error.is_transient(),
            _ => false,
        }
    }

    #[rustfmt::skip]
    fn facts(&self) -> (Category, &'static str) {
        match self {
            Self::PasswordTooShort { .. } => (Category::Invalid, "password-too-short"),
            Self::PasswordTooLong => (Category::Invalid, "password-too-long"),
            Self::PasswordFromContext { .. } => (Category::Invalid, "password-from-context"),
            Self::PasswordCommon { .. } => (Category::Invalid, "password-common"),
            Self::PresentPasswordWrong => (Category::Invalid, "present-password-wrong"),
            Self::UserNameForm { .. } => (Category::Invalid, "user-name-form"),
            Self::UserNameTaken { .. } => (Category::Conflict, "user-name-taken"),
            Self::LabelForm { .. } => (Category::Invalid, "label-form"),
            Self::WrongCredentials => (Category::Unauthenticated, "wrong-credentials"),
            Self::Throttled { .. } => (Category::Throttled, "too-many-tries"),
            Self::Busy { .. } => (Category::Busy, "busy"),
            Self::SessionOver => (Category::Unauthenticated, "session-over"),
            Self::ApiTokenInvalid => (Category::Unauthenticated, "api-token-invalid"),
            Self::AdministratorNeeded => (Category::Forbidden, "administrator-needed"),
            Self::AuthorNeeded => (Category::Forbidden, "author-needed"),
            Self::ScopeNeeded(_) => (Category::Forbidden, "scope-needed"),
            Self::SessionNeeded => (Category::Forbidden, "session-needed"),
            Self::ScopeTooWide { .. } => (Category::Forbidden, "scope-too-wide"),
            Self::Expiry(_) => (Category::Invalid, "expiry"),
            Self::AlreadySetUp => (Category::Conflict, "already-set-up"),
            Self::SetUpTokenWrong => (Category::Forbidden, "set-up-token-wrong"),
            Self::InvitationInvalid => (Category::Forbidden, "invitation-invalid"),
            Self::LastAdministrator => (Category::Conflict, "last-administrator"),
            Self::Disabled { .. } => (Category::Conflict, "disabled"),
            Self::NotThere { .. } | Self::NobodyToInvite { .. } => (Category::NotFound, "not-found"),
            Self::NotOwner { .. } => (Category::Forbidden, "not-owner"),
            Self::Changed => (Category::Conflict, "changed"),
            Self::Quota(exceeded) => (Category::Quota, exceeded.code()),
            Self::Settings(_) => (Category::Internal, "settings"),
            Self::Server { .. } => (Category::Internal, "internal"),
            Self::Store(StoreError::NotFound { .. }) => (Category::NotFound, "not-found"),
            Self::Store(error) if error.is_transient() => (Category::Busy, "database-busy"),
            Self::Store(_) => (Category::Internal, "database"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_whether_and_how_long_to_wait() {
        let wait = Duration::from_secs(7);
        for error in [AccountError::Throttled { wait }, AccountError::Busy { wait }] {
            assert!(error.is_transient() && error.wait() == Some(wait), "{error}");
            assert!(error.to_string().contains("7 s"), "{error}");
        }
        assert!(
            !AccountError::WrongCredentials.is_transient() && AccountError::WrongCredentials.wait().is_none()
        );
    }

    #[test]
    fn failures_of_the_database_are_told_apart() {
        let facts = |error: StoreError| AccountError::from(error).facts();
        let missing = StoreError::NotFound { noun: "user", id: "7".to_owned() };
        assert_eq!(facts(missing), (Category::NotFound, "not-found"));
        assert_eq!(facts(StoreError::Changed { noun: "user" }), (Category::Busy, "database-busy"));
        assert_eq!(facts(StoreError::Damaged(String::new())), (Category::Internal, "database"));
    }
}
