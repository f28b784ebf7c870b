//! One route: a method, a path, who may use it, what bodies it takes, its description and its handler.

use std::borrow::Cow;

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::{HttpMethod, Operation, Parameter};
use utoipa::openapi::{RefOr, Schema};

use super::Access;
use crate::guard::{BodyPace, BodyRules};

/// What the API's description says of a route.
pub(super) struct Described {
    pub(super) method: HttpMethod,
    pub(super) operation: Operation,
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

/// One entry of the [`RouteTable`](super::RouteTable).
pub struct Route<S> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) access: Access,
    pub(super) body: BodyRules,
    pub(super) is_metered: bool,
    pub(super) described: Option<Described>,
    pub(super) handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A route of an API. `D` is the type that `#[utoipa::path]` makes beside the handler (`__path_` and its
    /// name): it knows method, path and description, and which bodies are taken follows from it.
    pub fn described<D, H, T>(access: Access, handler: H) -> Self
    where
        D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
        H: Handler<T, S>,
        T: 'static,
    {
        let method = D::methods().into_iter().next().unwrap_or(HttpMethod::Get);
        let mut operation = D::operation();
        // A type made from a handler has its tags apart from the rest.
        operation.tags.get_or_insert_default().extend(D::tags().into_iter().map(str::to_owned));
        let mut schemas = Vec::new();
        D::schemas(&mut schemas);
        let mut route = Self::undescribed(&http_method(&method), &D::path(), access, handler);
        route.body.accepts = body_kinds(&operation);
        route.described = Some(Described { method, operation, schemas });
        route
    }

    /// A route that is no part of an API: a page, a probe, a style sheet.
    pub fn undescribed<H, T>(method: &Method, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        // A method that the router has no filter for is refused when the table is made.
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::TRACE);
        Self {
            method: method.clone(),
            path: path.to_owned(),
            access,
            body: BodyRules::usual(access.needs_caller()),
            is_metered: true,
            described: None,
            handler: on(filter, handler),
        }
    }

    /// With one more parameter in its description.
    #[must_use]
    pub fn with_parameter(mut self, parameter: Parameter) -> Self {
        if let Some(described) = &mut self.described {
            described.operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
        }
        self
    }

    /// Takes bodies of these media types, which a route without a description cannot know.
    #[must_use]
    pub fn accepting(mut self, media_types: &[&'static str]) -> Self {
        self.body.accepts = media_types.iter().map(|kind| Cow::Borrowed(*kind)).collect();
        self
    }

    /// Takes bodies of so many bytes, and lets them arrive at this pace.
    #[must_use]
    pub fn with_body_limits(mut self, max_bytes: u64, pace: BodyPace) -> Self {
        self.body.max_bytes = max_bytes;
        self.body.pace = pace;
        self
    }

    /// Counts against nobody's quota: probes and style sheets.
    #[must_use]
    pub fn unmetered(mut self) -> Self {
        self.is_metered = false;
        self
    }
}

fn http_method(method: &HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Trace => Method::TRACE,
    }
}

fn body_kinds(operation: &Operation) -> Vec<Cow<'static, str>> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    body.content.keys().map(|kind| Cow::Owned(kind.clone())).collect()
}
