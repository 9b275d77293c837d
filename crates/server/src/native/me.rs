//! `GET /api/v1/me`: who calls, what they may do, and what a page needs to know of the server.

use std::{collections::BTreeSet, sync::Arc};

use annals_model::{Grant, Principal, Role};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, json, json_response},
    native::{access::caller, filters::Parameters, problem::Problem},
    observe::trail::Trail,
    settings::Mask,
};

/// Who calls, and what they may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me<'m> {
    /// The name of the credential, or of the token's user.
    name: &'m str,
    /// What it may do: a role, on an organization, a project, or everything.
    #[schema(value_type = Vec<GrantWritten>)]
    grants: &'m [Grant],
    /// The organizations of which it may read something, sorted; null when no grant limits it to named ones.
    #[schema(required)]
    organizations: Option<BTreeSet<&'m str>>,
    /// The server.
    server: About,
    /// The platforms whose APIs it serves.
    dialects: Vec<&'static str>,
    /// What a page hides until it is asked to show it.
    mask: &'m Mask,
}

/// A grant as it is written; for the description alone.
#[derive(ToSchema)]
#[schema(as = Grant)]
#[expect(dead_code, reason = "the model writes the grant; this describes it")]
struct GrantWritten {
    /// `reader`, `writer` or `admin`.
    role: String,
    /// On which organization; absent = all.
    #[schema(nullable = false)]
    organization: Option<String>,
    /// On which project; absent = all of the organization.
    #[schema(nullable = false)]
    project: Option<String>,
}

/// What a server says of itself.
#[derive(Serialize, ToSchema)]
struct About {
    /// Its version.
    version: &'static str,
}

/// Says who calls and what they may do.
#[utoipa::path(
    get, path = "/api/v1/me", operation_id = "me", tag = "views",
    responses((status = 200, description = "Who calls, and what they may do", body = Me<'static>)),
)]
pub(crate) async fn me(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    // Somebody who may do nothing is told so.
    let caller = caller(&app, &trail, request.headers()).await?;
    Parameters::none(request.uri().query())?;
    let me = Me {
        name: &caller.name,
        grants: &caller.grants,
        organizations: organizations(&caller),
        server: About { version: env!("CARGO_PKG_VERSION") },
        dialects: app.dialects.iter().map(|dialect| dialect.name()).collect(),
        mask: &app.mask,
    };
    Ok(json_response(json(&me)))
}

/// The organizations that the grants to read name; `None` when one of them names none.
fn organizations(caller: &Principal) -> Option<BTreeSet<&str>> {
    let readable = caller.grants.iter().filter(|grant| grant.role.allows(Role::Reader));
    readable.map(|grant| grant.organization.as_deref()).collect()
}
