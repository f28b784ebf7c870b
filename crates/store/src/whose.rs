//! Whose things are seen: everyone's, or one user's own and those shared with them.

use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition};

use gradus_domain::{Id, UserId};

/// Whose things are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everyone's: administrators and workers.
    Anyones,
    /// A user's own, and, for looking, those shared with them.
    Of(UserId),
}

/// How a kind of thing is shared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    /// The table of the shares.
    pub(crate) table: &'static str,
    /// Its column that names the thing.
    pub(crate) column: &'static str,
}

impl Whose {
    /// The things that belong to them.
    pub(crate) fn owns(self, owner: impl ColumnTrait) -> Condition {
        match self {
            Self::Anyones => Condition::all(),
            Self::Of(user) => Condition::all().add(owner.eq(user.uuid())),
        }
    }

    /// The things that belong to them or are shared with them.
    pub(crate) fn sees(self, owner: impl ColumnTrait, id: impl IntoColumnRef, shares: Shares) -> Condition {
        let Self::Of(user) = self else { return Condition::all() };
        let shared = Query::select()
            .column(shares.column)
            .from(shares.table)
            .and_where(Expr::col("user_id").eq(user.uuid()))
            .take();
        let shared: SimpleExpr = Expr::col(id).in_subquery(shared);
        Condition::any().add(owner.eq(user.uuid())).add(shared)
    }
}
