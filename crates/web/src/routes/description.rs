//! The API's description (OpenAPI 3.1), made from the table. Each operation has its access written into it;
//! how to sign in and how failures look are the same for all, so they are added here.

use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, Parameter, Paths};
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder};
use utoipa::openapi::security::{SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    ResponseBuilder, Schema,
};
use utoipa::{PartialSchema as _, ToSchema};

use super::{Access, RouteTable};
use crate::guard::SessionCookie;
use crate::problem::{ProblemDocument, Surface};

const BEARER: &str = "bearer";
const SESSION: &str = "session";

/// What the description says of the API as a whole.
#[derive(Debug, Clone, Copy)]
pub struct ApiFacts {
    /// The API's name.
    pub title: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// What it is for, in Markdown.
    pub description: &'static str,
    /// The session cookie, which has one name or another.
    pub session_cookie: SessionCookie,
}

impl<S> RouteTable<S> {
    /// The description of all described routes under `/api`.
    #[must_use]
    pub fn describe(&self, facts: &ApiFacts) -> OpenApi {
        let mut paths = Paths::new();
        let mut components = components(facts);
        for route in self.routes.iter().filter(|route| Surface::of_path(&route.path) == Surface::Api) {
            let Some(described) = &route.described else { continue };
            let operation = completed(described.operation.clone(), route.access);
            paths.add_path_operation(&route.path, vec![described.method.clone()], operation);
            components.schemas.extend(described.schemas.iter().cloned());
        }
        let info = InfoBuilder::new().title(facts.title).version(facts.version);
        let info = info.description(Some(facts.description)).build();
        OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
    }
}

fn completed(mut operation: Operation, access: Access) -> Operation {
    let extensions = operation.extensions.get_or_insert_with(Extensions::default);
    extensions.merge(Extensions::from_iter([("x-access", access.description())]));
    operation.security = Some(requirements(access));
    operation.parameters.iter_mut().flatten().for_each(never_null);
    operation.responses.responses.entry("default".to_owned()).or_insert_with(problem_response);
    operation
}

/// A parameter that is not given is left out: neither a header nor an address can say `null`.
fn never_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
        && let SchemaType::Array(types) = &mut schema.schema_type
    {
        types.retain(|one| *one != Type::Null);
    }
}

/// The ways to sign in of which one is needed; an empty list says that none is.
fn requirements(access: Access) -> Vec<SecurityRequirement> {
    let session = SecurityRequirement::new::<_, [&str; 0], &str>(SESSION, []);
    let bearer = SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []);
    match (access.needs_caller(), access.needs_session()) {
        (false, _) => Vec::new(),
        (true, true) => vec![session],
        (true, false) => vec![bearer, session],
    }
}

fn problem_response() -> RefOr<utoipa::openapi::Response> {
    let schema = Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new()
        .description("What went wrong, and what to do next (RFC 9457).")
        .content("application/problem+json", content);
    RefOr::T(response.build())
}

fn components(facts: &ApiFacts) -> Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API token, as `Authorization: Bearer grd_…`."))
        .build();
    let session = ApiKeyValue::with_description(
        facts.session_cookie.name(),
        "The cookie of a browser's session. Requests that change something also need `Sec-Fetch-Site: \
         same-origin` or an `Origin` that is the server's own; browsers send them by themselves.",
    );
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    ComponentsBuilder::new()
        .schema(ProblemDocument::name(), ProblemDocument::schema())
        .schemas_from_iter(schemas)
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .security_scheme(SESSION, SecurityScheme::ApiKey(ApiKey::Cookie(session)))
        .build()
}
