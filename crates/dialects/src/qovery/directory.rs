//! Organizations, projects, environments, services and event targets, derived from the events that are there: what
//! Qovery's console asks beside the events to build its menus and links, and its command line before an export.

use annals_model::{Event, Field, Filter, Order, Outcome, Query, Timestamp, vocabulary::action};
use serde_json::{Value, json};

use super::{
    Problem, Qovery,
    access::{self, Access},
    enums::{SERVICE_TYPES, TARGET_LEVELS, TARGET_TYPES},
    json as reply_json,
    parameters::Asked,
    vocabulary,
    wire::uuid_text,
};
use crate::host::{Call, Reply};

/// Organizations, projects and so on that one answer lists.
const THINGS_MAX: usize = 500;
/// The plan told for every organization: one that withholds nothing.
const PLAN: &str = "ENTERPRISE";
/// The retention told where no read limit is set; the console bounds its date picker by it.
const RETENTION_DAYS_UNLIMITED: u32 = 3_650;

/// A kind of things that events belong to or are about.
#[derive(Clone, Copy)]
enum Things {
    Projects,
    Environments,
    Targets,
}

impl Things {
    const fn id(self) -> Field {
        match self {
            Self::Projects => Field::Project,
            Self::Environments => Field::Environment,
            Self::Targets => Field::TargetId,
        }
    }

    const fn name(self) -> Field {
        match self {
            Self::Projects => Field::ProjectName,
            Self::Environments => Field::EnvironmentName,
            Self::Targets => Field::TargetName,
        }
    }
}

/// `GET /organization`: every organization the caller may read something of.
pub(super) async fn organizations(dialect: &Qovery, call: &Call) -> Result<Reply, Problem> {
    let scope = access::principal(call).await?.read_scope();
    if scope.is_nothing() {
        return Err(Problem::Forbidden);
    }
    let mut ids: Vec<String> =
        scope.organizations().unwrap_or_default().into_iter().map(str::to_owned).collect();
    let groups = call.host.group(Query::new(scope.clone()), Field::Organization, THINGS_MAX).await?;
    ids.extend(groups.into_iter().filter_map(|group| group.value));
    // An organization whose id is no UUID cannot be addressed in this API.
    ids.retain(|id| uuid_text(id).is_some_and(|uuid| uuid == *id));
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(THINGS_MAX);
    let mut results = Vec::new();
    for id in ids {
        results.push(organization_shown(dialect, &access::of_scope(dialect, call, &scope, id)).await?);
    }
    Ok(results_reply(&results))
}

/// `GET /organization/{organizationId}`.
pub(super) async fn organization(dialect: &Qovery, access: &Access<'_>) -> Result<Reply, Problem> {
    access.require_known().await?;
    Ok(reply_json(organization_shown(dialect, access).await?.to_string().into()))
}

async fn organization_shown(dialect: &Qovery, access: &Access<'_>) -> Result<Value, Problem> {
    let known = Known::of(access, access.unlimited_query(), &Field::OrganizationName).await?;
    let retention = dialect.read_limit_days(&access.organization).unwrap_or(RETENTION_DAYS_UNLIMITED);
    Ok(json!({
        "id": access.organization,
        "created_at": known.since,
        "name": known.name.as_deref().unwrap_or(&access.organization),
        "plan": PLAN,
        "organization_plan": { "plan": PLAN, "audit_logs_retention_in_days": retention },
    }))
}

/// `GET /organization/{organizationId}/project`: the projects that are not deleted.
pub(super) async fn projects(access: &Access<'_>) -> Result<Reply, Problem> {
    let mut results = Vec::new();
    for (id, known) in living(access, access.query(), Things::Projects).await? {
        results.push(json!({
            "id": id,
            "created_at": known.since,
            "name": known.name.as_deref().unwrap_or(&id),
            "organization": { "id": access.organization },
        }));
    }
    Ok(results_reply(&results))
}

/// `GET /organization/{organizationId}/environments`: the environments that are not deleted.
pub(super) async fn environments(access: &Access<'_>) -> Result<Reply, Problem> {
    let mut results = Vec::new();
    for (id, known) in living(access, access.query(), Things::Environments).await? {
        let project = known.latest.as_ref().and_then(|event| event.project.as_ref());
        results.push(json!({
            "id": id,
            "created_at": known.since,
            "name": known.name.as_deref().unwrap_or(&id),
            "organization": { "id": access.organization },
            "project": project.map(|project| json!({ "id": project.id, "name": project.name })),
        }));
    }
    Ok(results_reply(&results))
}

/// `GET /organization/{organizationId}/services`: the services that are not deleted.
pub(super) async fn services(access: &Access<'_>) -> Result<Reply, Problem> {
    let kinds = SERVICE_TYPES.iter().flat_map(|name| vocabulary::kinds(name).iter().copied());
    let query = access.query().filter(Filter::any_of(Field::TargetKind, kinds));
    let mut results = Vec::new();
    for (id, known) in living(access, query, Things::Targets).await? {
        let latest = known.latest.as_deref();
        let kind = latest.and_then(|event| event.target.kind.as_deref());
        let place = |named: Option<&annals_model::Named>| {
            named.map(|named| json!({ "id": named.id, "name": named.name }))
        };
        results.push(json!({
            "id": id,
            "created_at": known.since,
            "name": known.name.as_deref().unwrap_or(&id),
            "service_type": kind.and_then(vocabulary::target_type),
            "project": place(latest.and_then(|event| event.project.as_ref())),
            "environment": place(latest.and_then(|event| event.environment.as_ref())),
        }));
    }
    Ok(results_reply(&results))
}

/// `GET /organization/{organizationId}/targets`: what the console's menus offer to filter by.
pub(super) async fn targets(call: &Call, access: &Access<'_>) -> Result<Reply, Problem> {
    let asked = Asked::of(call);
    let target_type = asked.choice("targetType", TARGET_TYPES)?;
    let level = asked.choice("targetLevelToFetch", TARGET_LEVELS)?;
    let (project, environment) = (asked.uuid("projectId")?, asked.uuid("environmentId")?);
    let is_service = target_type.is_some_and(|name| SERVICE_TYPES.contains(&name));
    let wants_environment =
        level == Some("ENVIRONMENT") || (level.is_none() && target_type == Some("ENVIRONMENT"));
    let wants_service = level.is_none() && is_service;
    for (name, missing) in [
        ("projectId", project.is_none() && (wants_environment || wants_service)),
        ("environmentId", environment.is_none() && wants_service),
    ] {
        if missing {
            let wanted = if wants_service { "a service" } else { "an environment" };
            return Err(Problem::BadRequest(format!("{name} is mandatory when requesting {wanted}")));
        }
    }

    let mut filter = asked.common_filter()?;
    if let Some(id) = project {
        filter = filter.and(vocabulary::of_project(&id));
    }
    if let Some(id) = environment {
        filter = filter.and(vocabulary::of_environment(&id));
    }
    let query = access.query().filter(filter).range(asked.range()?);
    let things = match level {
        Some("PROJECT") => Things::Projects,
        Some(_) => Things::Environments,
        None => Things::Targets,
    };
    let mut ids = access.values(query.clone(), things.id(), THINGS_MAX).await?;
    if level == Some("ENVIRONMENT") && target_type == Some("ENVIRONMENT") {
        // An event about an environment need not say that it happened in that environment.
        ids.extend(access.values(query.clone(), Field::TargetId, THINGS_MAX).await?);
        ids.sort_unstable();
        ids.dedup();
    }
    let mut targets = Vec::new();
    for id in ids.into_iter().filter_map(|id| uuid_text(&id).filter(|uuid| *uuid == id)).take(THINGS_MAX) {
        let mut name = None;
        for things in [things, Things::Targets] {
            if name.is_none() {
                let found = query.clone().filter(Filter::term(things.id(), &id));
                name = named_by(access, found, &things.name()).await?;
            }
        }
        targets.push(json!({ "id": id, "name": name.as_deref().unwrap_or(&id) }));
    }
    if targets.is_empty() {
        access.require_known().await?;
    }
    Ok(reply_json(json!({ "targets": targets }).to_string().into()))
}

/// What events tell of a thing.
struct Known {
    since: Timestamp,
    name: Option<String>,
    latest: Option<std::sync::Arc<Event>>,
}

impl Known {
    /// What the events of a query tell of the one thing they share.
    async fn of(access: &Access<'_>, query: Query, name: &Field) -> Result<Self, Problem> {
        let first = access.page(query.clone().order(Order::Ascending).limit(1)).await?.events.pop();
        let latest = access.page(query.clone().limit(1)).await?.events.pop();
        Ok(Self {
            since: first.map_or_else(Timestamp::default, |event| event.time),
            name: named_by(access, query, name).await?,
            latest,
        })
    }
}

/// The name that the latest event of a query with one gives.
async fn named_by(access: &Access<'_>, query: Query, field: &Field) -> Result<Option<String>, Problem> {
    let named = access.page(query.filter(Filter::Exists(field.clone())).limit(1)).await?.events.pop();
    let mut name = None;
    if let Some(event) = named {
        field.visit(&event, |value| name = Some(value.to_owned()));
    }
    Ok(name)
}

/// The things among the events of a query that no event says were deleted.
async fn living(access: &Access<'_>, query: Query, things: Things) -> Result<Vec<(String, Known)>, Problem> {
    let mut found = Vec::new();
    for id in access.values(query.clone(), things.id(), THINGS_MAX).await? {
        if uuid_text(&id).is_none_or(|uuid| uuid != id) {
            continue;
        }
        let deleted = Filter::And(vec![
            Filter::term(Field::TargetId, &id),
            Filter::term(Field::Action, action::DELETE),
            Filter::term(Field::Outcome, Outcome::Success.as_str()),
            // What is deleted must be the thing itself, not a part of it.
            Filter::Exists(Field::Part).negate(),
        ]);
        if access.any(access.query().filter(deleted)).await? {
            continue;
        }
        let known =
            Known::of(access, query.clone().filter(Filter::term(things.id(), &id)), &things.name()).await?;
        found.push((id, known));
    }
    if found.is_empty() {
        access.require_known().await?;
    }
    Ok(found)
}

fn results_reply(results: &[Value]) -> Reply {
    reply_json(json!({ "results": results }).to_string().into())
}
