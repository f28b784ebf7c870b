//! The table of all routes. The router is built from it and nothing else, and so is the API's description:
//! an address that is not in the table does not exist, and one that is has its access said.

mod access;
mod description;
mod not_found;
mod route;
mod router;

use std::collections::BTreeSet;

use http::Method;

pub use access::{Access, Resource};
pub use description::ApiFacts;
pub use route::Route;

/// All routes of a server.
pub struct RouteTable<S> {
    routes: Vec<Route<S>>,
}

/// What tests ask of a route, to try it for every kind of caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteFacts {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// Why routes do not make a table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Two routes answer the same requests.
    #[error("{method} {path} is there twice: remove one")]
    Twice {
        /// The method of both.
        method: Method,
        /// The path of the later one.
        path: String,
    },
    /// Two operations have one id, which client generators make one function of.
    #[error("two operations have the id {id}: give each its own `operation_id`")]
    SameOperationId {
        /// The id.
        id: String,
    },
    /// An operation has no id.
    #[error("{path} has an operation without an `operation_id`")]
    NoOperationId {
        /// Its path.
        path: String,
    },
    /// A route for a method that is refused everywhere.
    #[error("{path} cannot have the method {method}: use GET, POST, PUT, PATCH or DELETE")]
    Method {
        /// The method.
        method: Method,
        /// Its path.
        path: String,
    },
    /// A path names a thing, but nobody says whose it is, or the other way round.
    #[error(
        "{path}: a path with a parameter names a thing, so its access says whose it is, and no other's does"
    )]
    Resource {
        /// The path.
        path: String,
    },
}

impl<S> RouteTable<S> {
    /// The table of all routes, once they are found to fit together.
    pub fn new(routes: impl IntoIterator<Item = Route<S>>) -> Result<Self, TableError> {
        let routes: Vec<Route<S>> = routes.into_iter().collect();
        check(&routes)?;
        Ok(Self { routes })
    }

    /// Method, path and access of every route.
    #[must_use]
    pub fn facts(&self) -> Vec<RouteFacts> {
        self.routes.iter().map(Route::facts).collect()
    }
}

impl<S> Route<S> {
    fn facts(&self) -> RouteFacts {
        RouteFacts { method: self.method.clone(), path: self.path.clone(), access: self.access }
    }
}

fn check<S>(routes: &[Route<S>]) -> Result<(), TableError> {
    let (mut addresses, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for route in routes {
        let RouteFacts { method, path, access } = route.facts();
        let used = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        if !used.contains(&method) {
            return Err(TableError::Method { method, path });
        }
        if !addresses.insert((method.to_string(), shape(&path))) {
            return Err(TableError::Twice { method, path });
        }
        // Public pages may have parameters that are nobody's (`/problems/{code}`).
        let names_a_thing = path.contains('{') && access.needs_caller();
        if names_a_thing != (access.resource() != Resource::None) {
            return Err(TableError::Resource { path });
        }
        if let Some(described) = &route.described {
            let id = described.operation.operation_id.clone();
            let id = id.ok_or(TableError::NoOperationId { path })?;
            if !ids.insert(id.clone()) {
                return Err(TableError::SameOperationId { id });
            }
        }
    }
    Ok(())
}

/// A path without the names of its parameters: paths of one shape are one address.
fn shape(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
