//! Organizations, spaces and applications, as far as events and grants tell of them: what the `cf` command line looks up
//! before it asks for events.
//!
//! Nothing of them is kept: an organization is there when an event or a grant names it, and its name is the last one that
//! an event gave it. It must not be taken for a directory: what no event tells is not there.

use std::collections::{BTreeMap, BTreeSet};

use annals_model::{Event, Field, Filter, GroupCount, Principal, Query, Role, vocabulary::kind};
use serde_json::{Value, json};

use super::{
    Config, access,
    condition::{self, TextTest},
    errors::Problem,
    v2::{self, Parameters},
};
use crate::host::{Body, Call};

/// Organizations, spaces or applications that are looked at; the ones with the most events come first.
const PLACES_MAX: usize = 500;
/// `target.type`s of what Cloud Foundry calls a space.
const SPACE_KINDS: [&str; 2] = [kind::PROJECT, "space"];
/// `target.type`s of what Cloud Foundry calls an application.
const APP_KINDS: [&str; 2] = [kind::APP, kind::CONTAINER];

/// One resource of a list: what it is sorted by, and itself.
struct Place {
    name: String,
    guid: String,
    resource: Value,
}

/// Answers `GET /v2/organizations`.
pub(super) async fn organizations(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    parameters.order_by(&["name", "id"])?;
    let tests = v2::query::text_tests(&parameters.queries, &["name"])?;
    let seen = values(call, query(principal, condition::shown()), Field::Organization).await?;
    let scope = principal.read_scope();
    let granted = scope.organizations().unwrap_or_default().into_iter().map(str::to_owned);
    let mut places = Vec::new();
    for guid in seen.into_iter().chain(granted).collect::<BTreeSet<_>>() {
        let as_target = target(&guid, &[kind::ORGANIZATION]);
        let name = match latest(call, principal, as_target).await? {
            Some(event) => event.target.name.clone(),
            None => {
                let named = Filter::term(Field::Organization, guid.as_str())
                    .and(Filter::Exists(Field::OrganizationName));
                let event = latest(call, principal, named).await?;
                event.and_then(|event| event.organization.as_ref().and_then(|named| named.name.clone()))
            }
        };
        let name = name.unwrap_or_else(|| guid.clone());
        if tests.iter().all(|(_, test)| test.accepts(&name)) {
            let entity = json!({ "name": name, "billing_enabled": false, "status": "active" });
            places.push(Place::new("/v2/organizations", name, guid, &entity));
        }
    }
    answer("/v2/organizations", settings, parameters, places)
}

/// Answers `GET /v2/spaces`.
pub(super) async fn spaces(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    parameters.order_by(&["name", "id"])?;
    let tests = v2::query::text_tests(&parameters.queries, &["name", "organization_guid"])?;
    let of = |column: &str, text: &str| {
        tests.iter().filter(|(name, _)| *name == column).all(|(_, test)| test.accepts(text))
    };
    let within = tests
        .iter()
        .filter(|(column, _)| *column == "organization_guid")
        .fold(condition::shown(), |filter, (_, test)| filter.and(test.on(Field::Organization)));
    let seen = values(call, query(principal, within), Field::Project).await?;
    // A grant may name a space in which nothing has happened yet.
    let mut guids: BTreeMap<String, Option<String>> = seen.into_iter().map(|guid| (guid, None)).collect();
    for grant in principal.grants.iter().filter(|grant| grant.role.allows(Role::Reader)) {
        if let Some(project) = &grant.project {
            guids.entry(project.clone()).or_insert_with(|| grant.organization.clone());
        }
    }
    let mut places = Vec::new();
    for (guid, granted_in) in guids {
        let inside = Filter::term(Field::Project, guid.as_str());
        let last = latest(call, principal, inside.clone()).await?;
        let organization = last
            .and_then(|event| event.organization.as_ref().map(|organization| organization.id.clone()))
            .or(granted_in)
            .unwrap_or_default();
        let name = match latest(call, principal, target(&guid, &SPACE_KINDS)).await? {
            Some(event) => event.target.name.clone(),
            None => {
                let event = latest(call, principal, inside.and(Filter::Exists(Field::ProjectName))).await?;
                event.and_then(|event| event.project.as_ref().and_then(|named| named.name.clone()))
            }
        };
        let name = name.unwrap_or_else(|| guid.clone());
        if of("name", &name) && of("organization_guid", &organization) {
            let entity = json!({ "name": name, "organization_guid": organization, "allow_ssh": false });
            places.push(Place::new("/v2/spaces", name, guid, &entity));
        }
    }
    answer("/v2/spaces", settings, parameters, places)
}

/// Answers `GET /v2/spaces/{guid}/apps`: the applications that events in this space were about, deleted ones included.
pub(super) async fn apps(
    call: &Call,
    settings: &Config,
    parameters: &Parameters,
    principal: &Principal,
    space: &str,
) -> Result<Body, Problem> {
    access::check_scopes(principal)?;
    let inside = condition::shown().and(Filter::term(Field::Project, space));
    let granted = principal.grants.iter().any(|grant| grant.project.as_deref() == Some(space));
    if !granted && latest(call, principal, inside.clone()).await?.is_none() {
        return Err(Problem::SpaceNotFound(space.to_owned()));
    }
    parameters.order_by(&["name", "id"])?;
    let tests = v2::query::text_tests(&parameters.queries, &["name"])?;
    let about_apps = inside.and(Filter::any_of(Field::TargetKind, APP_KINDS));
    // Applications that never had the name need no closer look.
    let named = tests.iter().fold(about_apps.clone(), |filter, (_, test)| match test {
        TextTest::OneOf(_) => filter.and(test.on(Field::TargetName)),
        _ => filter,
    });
    let mut places = Vec::new();
    for guid in values(call, query(principal, named), Field::TargetId).await? {
        let about = about_apps.clone().and(Filter::term(Field::TargetId, guid.as_str()));
        let last = latest(call, principal, about.and(Filter::Exists(Field::TargetName))).await?;
        let name = last.and_then(|event| event.target.name.clone()).unwrap_or_default();
        if tests.iter().all(|(_, test)| test.accepts(&name)) {
            let entity = json!({ "name": name, "space_guid": space, "routes": [] });
            places.push(Place::new("/v2/apps", name, guid, &entity));
        }
    }
    let path = format!("/v2/spaces/{space}/apps");
    answer(&path, settings, parameters, places)
}

impl Place {
    fn new(path: &str, name: String, guid: String, entity: &Value) -> Self {
        let metadata = json!({
            "guid": guid,
            "url": format!("{path}/{guid}"),
            "created_at": null,
            "updated_at": null,
        });
        Self { name, guid, resource: json!({ "metadata": metadata, "entity": entity }) }
    }
}

/// One page of them, by name.
fn answer(
    path: &str,
    settings: &Config,
    parameters: &Parameters,
    mut places: Vec<Place>,
) -> Result<Body, Problem> {
    let paging = parameters.paging(settings)?;
    places.sort_unstable_by(|one, two| (&one.name, &one.guid).cmp(&(&two.name, &two.guid)));
    if paging.order == annals_model::Order::Descending {
        places.reverse();
    }
    let order_by: Vec<&str> = parameters.order_by(&["name", "id"])?.into_iter().collect();
    let frame = v2::frame(path, &order_by, parameters, &paging, places.len() as u64);
    let skipped = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    let shown = places.iter().skip(skipped).take(paging.per_page as usize);
    let resources: Vec<String> = shown.map(|place| place.resource.to_string()).collect();
    Ok(format!("{}{}{}", frame.open, resources.join(frame.separator), frame.close).into())
}

fn query(principal: &Principal, filter: Filter) -> Query {
    Query::new(principal.read_scope()).filter(filter)
}

/// Events that gave a thing of these kinds a name.
fn target(guid: &str, kinds: &[&str]) -> Filter {
    Filter::And(vec![
        Filter::term(Field::TargetId, guid),
        Filter::any_of(Field::TargetKind, kinds.iter().copied()),
        Filter::Exists(Field::TargetName),
    ])
}

/// The values a field has among the events a query selects.
async fn values(call: &Call, query: Query, field: Field) -> Result<Vec<String>, Problem> {
    let groups = call.host.group(query, field, PLACES_MAX).await?;
    Ok(groups.into_iter().filter_map(|GroupCount { value, .. }| value).collect())
}

/// The newest event that satisfies a condition.
async fn latest(
    call: &Call,
    principal: &Principal,
    filter: Filter,
) -> Result<Option<std::sync::Arc<Event>>, Problem> {
    let page = call.host.page(query(principal, filter).limit(1)).await?;
    Ok(page.events.into_iter().next())
}
