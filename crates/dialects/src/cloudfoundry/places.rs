//! Organizations, spaces and applications, as far as events and grants tell of them: what the `cf` command line looks up
//! before it asks for events.
//!
//! Nothing of them is kept: an organization is there when an event or a grant names it, and its name is the last one that
//! an event gave it. It must not be taken for a directory: what no event tells is not there. How they are shown belongs
//! to `v2` and `v3`.

use std::collections::{BTreeMap, BTreeSet};

use annals_model::{Event, Field, Filter, GroupCount, Principal, Query, Role, vocabulary::kind};

use super::{
    condition::{self, TextTest},
    errors::Problem,
};
use crate::host::Call;

/// Organizations, spaces or applications that are looked at; the ones with the most events come first.
const PLACES_MAX: usize = 500;
/// `target.type`s of what Cloud Foundry calls a space.
const SPACE_KINDS: [&str; 2] = [kind::PROJECT, "space"];
/// `target.type`s of what Cloud Foundry calls an application.
const APP_KINDS: [&str; 2] = [kind::APP, kind::CONTAINER];

/// What can be asked of an organization, a space or an application.
pub(super) const NAME: &str = "name";
/// See [`NAME`].
pub(super) const GUID: &str = "guid";
/// See [`NAME`]; not of an organization.
pub(super) const ORGANIZATION: &str = "organization_guid";
/// See [`NAME`]; of an application.
pub(super) const SPACE: &str = "space_guid";

/// An organization, a space or an application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// What it was called last, or its identifier.
    pub(super) name: String,
    /// Its identifier.
    pub(super) guid: String,
    /// The organization a space or an application is in, as far as that is known.
    pub(super) organization: Option<String>,
    /// The space an application is in, as far as that is known.
    pub(super) space: Option<String>,
}

/// What places are asked for: conditions on what can be asked, all of which must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Vec<(&'static str, TextTest)>);

impl Wanted {
    /// Those that satisfy these.
    pub(super) fn new(tests: Vec<(&'static str, TextTest)>) -> Self {
        Self(tests)
    }

    /// Of these, those in one space.
    pub(super) fn in_space(mut self, space: &str) -> Self {
        self.0.push((SPACE, TextTest::OneOf([space.to_owned()].into())));
        self
    }

    fn tests(&self, column: &str) -> impl Iterator<Item = &TextTest> {
        self.0.iter().filter(move |(name, _)| *name == column).map(|(_, test)| test)
    }

    fn accepts(&self, place: &Place) -> bool {
        let holds = |column, text: &str| self.tests(column).all(|test| test.accepts(text));
        holds(NAME, &place.name)
            && holds(GUID, &place.guid)
            && holds(ORGANIZATION, place.organization.as_deref().unwrap_or_default())
            && holds(SPACE, place.space.as_deref().unwrap_or_default())
    }

    /// A condition narrowed by what is asked of a column that is a field of events.
    fn narrow(&self, filter: Filter, column: &str, field: &Field) -> Filter {
        self.tests(column).fold(filter, |filter, test| filter.and(test.on(field.clone())))
    }

    /// The same for a column that is not the same in all events of a place: only events that could make it one that is
    /// asked for are looked at.
    fn narrow_to_lists(&self, filter: Filter, column: &str, field: &Field) -> Filter {
        self.tests(column).fold(filter, |filter, test| match test {
            TextTest::OneOf(_) => filter.and(test.on(field.clone())),
            _ => filter,
        })
    }
}

/// The organizations that events and grants name, by name.
pub(super) async fn organizations(
    call: &Call,
    principal: &Principal,
    wanted: &Wanted,
) -> Result<Vec<Place>, Problem> {
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
        places.push(Place { name, guid, organization: None, space: None });
    }
    Ok(sorted(places, wanted))
}

/// The spaces that events and grants name, by name.
pub(super) async fn spaces(
    call: &Call,
    principal: &Principal,
    wanted: &Wanted,
) -> Result<Vec<Place>, Problem> {
    let within = wanted.narrow(condition::shown(), ORGANIZATION, &Field::Organization);
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
        let organization = last.and_then(|event| organization_of(&event)).or(granted_in);
        let name = match latest(call, principal, target(&guid, &SPACE_KINDS)).await? {
            Some(event) => event.target.name.clone(),
            None => {
                let event = latest(call, principal, inside.and(Filter::Exists(Field::ProjectName))).await?;
                event.and_then(|event| event.project.as_ref().and_then(|named| named.name.clone()))
            }
        };
        let name = name.unwrap_or_else(|| guid.clone());
        places.push(Place { name, guid, organization, space: None });
    }
    Ok(sorted(places, wanted))
}

/// The applications that events were about, deleted ones included, by name.
pub(super) async fn apps(call: &Call, principal: &Principal, wanted: &Wanted) -> Result<Vec<Place>, Problem> {
    let inside = wanted.narrow(condition::shown(), SPACE, &Field::Project);
    let inside = wanted.narrow(inside, ORGANIZATION, &Field::Organization);
    let about_apps = inside.and(Filter::any_of(Field::TargetKind, APP_KINDS));
    // Applications that never had the name need no closer look.
    let named = wanted.narrow_to_lists(about_apps.clone(), NAME, &Field::TargetName);
    let named = wanted.narrow_to_lists(named, GUID, &Field::TargetId);
    let mut places = Vec::new();
    for guid in values(call, query(principal, named), Field::TargetId).await? {
        let about = about_apps.clone().and(Filter::term(Field::TargetId, guid.as_str()));
        let last = latest(call, principal, about.clone().and(Filter::Exists(Field::TargetName))).await?;
        let name = last.and_then(|event| event.target.name.clone()).unwrap_or_default();
        let last = latest(call, principal, about).await?;
        let organization = last.as_deref().and_then(organization_of);
        let space = last.and_then(|event| event.project.as_ref().map(|project| project.id.clone()));
        places.push(Place { name, guid, organization, space });
    }
    Ok(sorted(places, wanted))
}

/// Whether an event or a grant names a space.
pub(super) async fn has_space(call: &Call, principal: &Principal, space: &str) -> Result<bool, Problem> {
    if principal.grants.iter().any(|grant| grant.project.as_deref() == Some(space)) {
        return Ok(true);
    }
    let inside = condition::shown().and(Filter::term(Field::Project, space));
    Ok(latest(call, principal, inside).await?.is_some())
}

fn sorted(mut places: Vec<Place>, wanted: &Wanted) -> Vec<Place> {
    places.retain(|place| wanted.accepts(place));
    places.sort_unstable();
    places
}

fn organization_of(event: &Event) -> Option<String> {
    event.organization.as_ref().map(|organization| organization.id.clone())
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
