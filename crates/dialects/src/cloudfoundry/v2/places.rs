//! `GET /v2/organizations`, `/v2/spaces` and `/v2/spaces/{guid}/apps`: places as v2 resources.

use annals_model::{Order, Principal};
use serde_json::{Value, json};

use super::{
    super::{
        Config, access,
        errors::Problem,
        places::{self, NAME, ORGANIZATION, Place, Wanted},
    },
    Parameters, frame, query,
};
use crate::host::{Body, Call};

/// Columns that places may be ordered by, without any effect: they come by name.
const ORDER_BY: [&str; 2] = ["name", "id"];

/// Answers `GET /v2/organizations`.
pub(in super::super) async fn organizations(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Body, Problem> {
    let wanted = wanted(parameters, principal, &[NAME])?;
    let found = places::organizations(call, principal, &wanted).await?;
    page(
        "/v2/organizations",
        "/v2/organizations",
        settings,
        parameters,
        found,
        |place| json!({ "name": place.name, "billing_enabled": false, "status": "active" }),
    )
}

/// Answers `GET /v2/spaces`.
pub(in super::super) async fn spaces(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Body, Problem> {
    let wanted = wanted(parameters, principal, &[NAME, ORGANIZATION])?;
    let found = places::spaces(call, principal, &wanted).await?;
    page("/v2/spaces", "/v2/spaces", settings, parameters, found, |place| {
        let organization = place.organization.as_deref().unwrap_or_default();
        json!({ "name": place.name, "organization_guid": organization, "allow_ssh": false })
    })
}

/// Answers `GET /v2/spaces/{guid}/apps`: the applications that events in this space were about, deleted ones included.
pub(in super::super) async fn apps(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
    space: &str,
) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    if !places::has_space(call, principal, space).await? {
        return Err(Problem::SpaceNotFound(space.to_owned()));
    }
    let wanted = wanted(parameters, principal, &[NAME])?.in_space(space);
    let found = places::apps(call, principal, &wanted).await?;
    let path = format!("/v2/spaces/{space}/apps");
    let entity = |place: &Place| json!({ "name": place.name, "space_guid": space, "routes": [] });
    page(&path, "/v2/apps", settings, parameters, found, entity)
}

/// What a request asks for, by somebody who may ask.
fn wanted(
    parameters: &Parameters,
    principal: &Principal,
    columns: &[&'static str],
) -> Result<Wanted, Problem> {
    access::check_scopes(principal)?;
    parameters.order_by(&ORDER_BY)?;
    query::text_tests(&parameters.queries, columns).map(Wanted::new)
}

/// One page of the list at a path, of resources at another.
fn page(
    path: &str,
    resources_path: &str,
    settings: &Config,
    parameters: &Parameters,
    mut found: Vec<Place>,
    entity: impl Fn(&Place) -> Value,
) -> Result<Body, Problem> {
    let paging = parameters.paging(settings)?;
    if paging.order == Order::Descending {
        found.reverse();
    }
    let order_by: Vec<&str> = parameters.order_by(&ORDER_BY)?.into_iter().collect();
    let frame = frame(path, &order_by, parameters, &paging, found.len() as u64);
    let skipped = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    let shown = found.iter().skip(skipped).take(paging.per_page as usize);
    let resources: Vec<String> = shown
        .map(|place| {
            let metadata = json!({
                "guid": place.guid,
                "url": format!("{resources_path}/{}", place.guid),
                "created_at": null,
                "updated_at": null,
            });
            json!({ "metadata": metadata, "entity": entity(place) }).to_string()
        })
        .collect();
    Ok(format!("{}{}{}", frame.open, resources.join(frame.separator), frame.close).into())
}
