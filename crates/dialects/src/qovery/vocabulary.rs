//! The tables between Qovery's words and those of all platforms, and the filters made of them. Rendering an event and
//! looking for it read the same tables, so what is shown is found.

use std::collections::BTreeMap;

use annals_model::{
    Event, Field, Filter, Outcome,
    vocabulary::{action, kind},
};

use super::{
    NAME,
    enums::{ORIGINS, SUB_TARGET_TYPES, canonical, spellings},
};

// Verbs that only Qovery has.
const AUTHORIZE: &str = "authorize";
const DRY_RUN: &str = "dry_run";
const FORCE_UNLOCK: &str = "force_unlock";
const MIGRATE_STATE: &str = "migrate_state";
const UNINSTALL: &str = "uninstall";

/// What Qovery's event types mean.
const MEANINGS: &[(&str, &str, Outcome)] = {
    use Outcome::{Failure, Pending, Success};
    &[
        ("CREATE", action::CREATE, Success),
        ("UPDATE", action::UPDATE, Success),
        ("DELETE", action::DELETE, Success),
        ("ACCEPT", action::ACCEPT, Success),
        ("EXPORT", action::EXPORT, Success),
        ("CLONE", action::CLONE, Success),
        ("DEPLOY_QUEUED", action::DEPLOY, Pending),
        ("STOP_QUEUED", action::STOP, Pending),
        ("RESTART_QUEUED", action::RESTART, Pending),
        ("DELETE_QUEUED", action::DELETE, Pending),
        ("UNINSTALL_QUEUED", UNINSTALL, Pending),
        ("MAINTENANCE", action::MAINTAIN, Success),
        ("DRY_RUN", DRY_RUN, Pending),
        ("TRIGGER_REDEPLOY", action::DEPLOY, Pending),
        ("TRIGGER_CANCEL", action::CANCEL, Pending),
        ("FORCE_RUN_QUEUED", action::RUN, Pending),
        ("FORCE_RUN_QUEUED_DEPLOY", action::RUN, Pending),
        ("FORCE_RUN_QUEUED_STOP", action::RUN, Pending),
        ("FORCE_RUN_QUEUED_DELETE", action::RUN, Pending),
        ("TRIGGER_DEPLOY", action::DEPLOY, Pending),
        ("TRIGGER_STOP", action::STOP, Pending),
        ("TRIGGER_RESTART", action::RESTART, Pending),
        ("TRIGGER_DELETE", action::DELETE, Pending),
        ("TRIGGER_UNINSTALL", UNINSTALL, Pending),
        ("TRIGGER_DEPLOY_DRY_RUN", DRY_RUN, Pending),
        ("TRIGGER_TERRAFORM_FORCE_UNLOCK", FORCE_UNLOCK, Pending),
        ("TRIGGER_TERRAFORM_MIGRATE_STATE", MIGRATE_STATE, Pending),
        ("TRIGGER_FORCE_RUN", action::RUN, Pending),
        ("TRIGGER_FORCE_RUN_DEPLOY", action::RUN, Pending),
        ("TRIGGER_FORCE_RUN_STOP", action::RUN, Pending),
        ("TRIGGER_FORCE_RUN_DELETE", action::RUN, Pending),
        ("DEPLOYED", action::DEPLOY, Success),
        ("STOPPED", action::STOP, Success),
        ("DELETED", action::DELETE, Success),
        ("UNINSTALLED", UNINSTALL, Success),
        ("RESTARTED", action::RESTART, Success),
        ("DEPLOYED_DRY_RUN", DRY_RUN, Success),
        ("FORCE_RUN_SUCCEEDED", action::RUN, Success),
        ("TERRAFORM_FORCE_UNLOCK_SUCCEEDED", FORCE_UNLOCK, Success),
        ("TERRAFORM_MIGRATE_STATE_SUCCEEDED", MIGRATE_STATE, Success),
        ("DEPLOY_FAILED", action::DEPLOY, Failure),
        ("STOP_FAILED", action::STOP, Failure),
        ("DELETE_FAILED", action::DELETE, Failure),
        ("UNINSTALL_FAILED", UNINSTALL, Failure),
        ("RESTART_FAILED", action::RESTART, Failure),
        ("DEPLOYED_DRY_RUN_FAILED", DRY_RUN, Failure),
        ("FORCE_RUN_FAILED", action::RUN, Failure),
        ("TERRAFORM_FORCE_UNLOCK_FAILED", FORCE_UNLOCK, Failure),
        ("TERRAFORM_MIGRATE_STATE_FAILED", MIGRATE_STATE, Failure),
        ("SHELL", action::CONNECT, Success),
        ("PORT_FORWARD", action::CONNECT, Success),
        ("REMOTE_DEBUG", action::CONNECT, Success),
        ("MCP", action::CONNECT, Success),
        ("IMPORT", action::IMPORT, Success),
        ("LOCK", action::LOCK, Success),
        ("UNLOCK", action::UNLOCK, Success),
        ("POLICY_FAILED", AUTHORIZE, Failure),
    ]
};

/// Which event type another source's event has, by its action and then by its outcome: success, failure, pending,
/// unknown. An empty text is an event that Qovery has no word for.
const TYPES: &[(&str, [&str; 4])] = &[
    (action::ACCEPT, ["ACCEPT", "", "", "ACCEPT"]),
    (AUTHORIZE, ["", "POLICY_FAILED", "", ""]),
    (action::BIND, ["UPDATE", "", "", "UPDATE"]),
    (action::CANCEL, ["TRIGGER_CANCEL", "", "TRIGGER_CANCEL", "TRIGGER_CANCEL"]),
    (action::CLONE, ["CLONE", "", "", "CLONE"]),
    (action::CONNECT, ["SHELL", "", "", "SHELL"]),
    (action::CREATE, ["CREATE", "", "", "CREATE"]),
    (action::DELETE, ["DELETE", "DELETE_FAILED", "DELETE_QUEUED", "DELETE"]),
    (action::DEPLOY, ["DEPLOYED", "DEPLOY_FAILED", "DEPLOY_QUEUED", "TRIGGER_DEPLOY"]),
    (DRY_RUN, ["DEPLOYED_DRY_RUN", "DEPLOYED_DRY_RUN_FAILED", "TRIGGER_DEPLOY_DRY_RUN", "DRY_RUN"]),
    (action::EXPORT, ["EXPORT", "", "", "EXPORT"]),
    (
        FORCE_UNLOCK,
        [
            "TERRAFORM_FORCE_UNLOCK_SUCCEEDED",
            "TERRAFORM_FORCE_UNLOCK_FAILED",
            "TRIGGER_TERRAFORM_FORCE_UNLOCK",
            "TRIGGER_TERRAFORM_FORCE_UNLOCK",
        ],
    ),
    (action::GRANT, ["UPDATE", "", "", "UPDATE"]),
    (action::IMPORT, ["IMPORT", "", "", "IMPORT"]),
    (action::LOCK, ["LOCK", "", "", "LOCK"]),
    (action::MAINTAIN, ["MAINTENANCE", "", "MAINTENANCE", "MAINTENANCE"]),
    (
        MIGRATE_STATE,
        [
            "TERRAFORM_MIGRATE_STATE_SUCCEEDED",
            "TERRAFORM_MIGRATE_STATE_FAILED",
            "TRIGGER_TERRAFORM_MIGRATE_STATE",
            "TRIGGER_TERRAFORM_MIGRATE_STATE",
        ],
    ),
    (action::RESTART, ["RESTARTED", "RESTART_FAILED", "RESTART_QUEUED", "TRIGGER_RESTART"]),
    (action::REVOKE, ["UPDATE", "", "", "UPDATE"]),
    (action::RUN, ["FORCE_RUN_SUCCEEDED", "FORCE_RUN_FAILED", "FORCE_RUN_QUEUED", "TRIGGER_FORCE_RUN"]),
    (action::SCALE, ["UPDATE", "", "", "UPDATE"]),
    // Qovery starts a service by deploying it.
    (action::START, ["DEPLOYED", "DEPLOY_FAILED", "DEPLOY_QUEUED", "TRIGGER_DEPLOY"]),
    (action::STOP, ["STOPPED", "STOP_FAILED", "STOP_QUEUED", "TRIGGER_STOP"]),
    (action::UNBIND, ["UPDATE", "", "", "UPDATE"]),
    (UNINSTALL, ["UNINSTALLED", "UNINSTALL_FAILED", "UNINSTALL_QUEUED", "TRIGGER_UNINSTALL"]),
    (action::UNLOCK, ["UNLOCK", "", "", "UNLOCK"]),
    (action::UPDATE, ["UPDATE", "", "", "UPDATE"]),
];

/// Which kinds of things Qovery's target types are; the first is what a target of that type is read as.
const KINDS: &[(&str, &[&str])] = &[
    ("AGENTIC_WORKFLOW", &["agentic_workflow"]),
    ("APPLICATION", &[kind::APP]),
    ("CLUSTER", &[kind::CLUSTER]),
    ("CONTAINER", &[kind::CONTAINER]),
    ("CONTAINER_REGISTRY", &[kind::REGISTRY]),
    ("DATABASE", &[kind::DATABASE]),
    ("ENTERPRISE_CONNECTION", &["enterprise_connection"]),
    ("ENVIRONMENT", &[kind::ENVIRONMENT]),
    ("JOB", &[kind::JOB]),
    ("HELM", &["helm"]),
    ("HELM_REPOSITORY", &["helm_repository"]),
    ("MEMBERS_AND_ROLES", &[kind::USER, kind::ROLE]),
    ("ORGANIZATION", &[kind::ORGANIZATION, kind::API_KEY]),
    ("PROJECT", &[kind::PROJECT]),
    ("WEBHOOK", &[kind::WEBHOOK]),
    ("TERRAFORM", &["terraform"]),
];

/// The sub target type that a thing of this kind always is.
const API_TOKEN: (&str, &str) = (kind::API_KEY, "API_TOKEN");

/// What an event type means; an unknown one is its own verb.
pub(super) fn meaning(event_type: &str) -> (String, Outcome) {
    match MEANINGS.iter().find(|(name, ..)| *name == event_type) {
        Some((_, action, outcome)) => ((*action).to_owned(), *outcome),
        None => (event_type.to_ascii_lowercase(), Outcome::Unknown),
    }
}

/// The kind of thing that a target of this type is.
pub(super) fn kind_of(target_type: &str, sub_target_type: Option<&str>) -> Option<&'static str> {
    if target_type == "MEMBERS_AND_ROLES" && sub_target_type == Some("CUSTOM_ROLE") {
        return Some(kind::ROLE);
    }
    kinds(target_type).first().copied()
}

/// The kinds of things that targets of this type are.
pub(super) fn kinds(target_type: &str) -> &'static [&'static str] {
    KINDS.iter().find(|(name, _)| *name == target_type).map_or(&[], |(_, kinds)| kinds)
}

/// The type of a target of this kind.
pub(super) fn target_type(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(name, _)| *name)
}

/// The event type of another source's event.
pub(super) fn event_type(action: &str, outcome: Outcome) -> Option<&'static str> {
    let (_, types) = TYPES.iter().find(|(name, _)| *name == action)?;
    let position = Outcome::ALL.iter().position(|known| *known == outcome)?;
    types.get(position).copied().filter(|name| !name.is_empty())
}

/// The sub target type of an event of any source.
pub(super) fn sub_target_type(event: &Event) -> Option<&'static str> {
    if event.target.kind.as_deref() == Some(API_TOKEN.0) {
        return Some(API_TOKEN.1);
    }
    canonical(SUB_TARGET_TYPES, event.part.as_deref()?)
}

/// The origin of an event of any source.
pub(super) fn origin(event: &Event) -> Option<&'static str> {
    canonical(ORIGINS, event.origin.as_deref()?)
}

/// Whether an event was said by Qovery.
pub(super) fn is_own(event: &Event) -> bool {
    event.source.strip_prefix(NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every event that can be shown: Qovery's own, and those of other sources that Qovery has words for.
pub(super) fn visible() -> Filter {
    Filter::of_source(NAME).or(spoken(|_| true))
}

/// Every event that is shown with this event type.
pub(super) fn of_event_type(event_type: &str) -> Filter {
    let own = Filter::of_source(NAME).and(Filter::any_of(Field::Kind, spellings(event_type)));
    match spoken(|name| name == event_type) {
        Filter::Or(nothing) if nothing.is_empty() => own,
        // Qovery's own events have their type; other types of theirs may mean the same.
        spoken => Filter::Or(vec![own, Filter::of_source(NAME).negate().and(spoken)]),
    }
}

/// The events of any source whose words have an event type that passes the test.
fn spoken(wanted: impl Fn(&str) -> bool) -> Filter {
    // Actions that share their outcomes share a condition: a few lists instead of one condition for each pair.
    let mut actions: BTreeMap<Vec<Outcome>, Vec<&str>> = BTreeMap::new();
    for (action, types) in TYPES {
        let fits = |(name, outcome): (&&str, Outcome)| (!name.is_empty() && wanted(name)).then_some(outcome);
        let outcomes: Vec<Outcome> = types.iter().zip(Outcome::ALL).filter_map(fits).collect();
        if !outcomes.is_empty() {
            actions.entry(outcomes).or_default().push(action);
        }
    }
    let conditions: Vec<Filter> = actions
        .into_iter()
        .map(|(outcomes, actions)| {
            let condition = Filter::any_of(Field::Action, actions);
            if outcomes.len() == Outcome::ALL.len() {
                return condition;
            }
            condition.and(Filter::any_of(Field::Outcome, outcomes.into_iter().map(Outcome::as_str)))
        })
        .collect();
    if conditions.is_empty() {
        return Filter::none();
    }
    let kinds = KINDS.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    Filter::any_of(Field::TargetKind, kinds).and(Filter::Or(conditions))
}

/// Every event that is shown with this target type.
pub(super) fn of_target_type(target_type: &str) -> Filter {
    Filter::any_of(Field::TargetKind, kinds(target_type).iter().copied())
}

/// Every event that is shown with this sub target type.
pub(super) fn of_sub_target_type(sub_target_type: &str) -> Filter {
    let part = Filter::any_of(Field::Part, spellings(sub_target_type));
    let always = Filter::term(Field::TargetKind, API_TOKEN.0);
    if sub_target_type == API_TOKEN.1 { part.or(always) } else { part.and(always.negate()) }
}

/// Every event that is shown with this origin.
pub(super) fn of_origin(origin: &str) -> Filter {
    Filter::any_of(Field::Origin, spellings(origin))
}

/// Every event that is shown as triggered by this.
pub(super) fn of_triggered_by(who: &str) -> Filter {
    let nameless = Filter::Exists(Field::ActorName).negate();
    Filter::term(Field::ActorName, who).or(nameless.and(Filter::term(Field::ActorId, who)))
}

/// Every event in this project, the project's own changes included.
pub(super) fn of_project(id: &str) -> Filter {
    within(Field::Project, kind::PROJECT, id)
}

/// Every event in this environment, the environment's own changes included.
pub(super) fn of_environment(id: &str) -> Filter {
    within(Field::Environment, kind::ENVIRONMENT, id)
}

fn within(field: Field, kind: &str, id: &str) -> Filter {
    let itself = Filter::term(Field::TargetKind, kind).and(Filter::term(Field::TargetId, id));
    Filter::term(field, id).or(itself)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qovery::enums::{EVENT_TYPES, TARGET_TYPES};

    #[test]
    fn every_type_has_a_meaning_that_can_be_said_again() {
        assert_eq!(MEANINGS.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), EVENT_TYPES);
        for (name, action, outcome) in MEANINGS {
            let again = event_type(action, *outcome).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(meaning(again), ((*action).to_owned(), *outcome), "{name}");
        }
        assert_eq!(meaning("NEW_TYPE"), ("new_type".to_owned(), Outcome::Unknown));
    }

    #[test]
    fn only_listed_values_are_written() {
        for (action, types) in TYPES {
            for name in types.iter().filter(|name| !name.is_empty()) {
                assert!(EVENT_TYPES.contains(name), "{action}: {name}");
            }
        }
        assert_eq!(KINDS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), TARGET_TYPES);
        assert!(SUB_TARGET_TYPES.contains(&API_TOKEN.1));
    }

    #[test]
    fn kinds_lead_back_to_their_type() {
        for (name, kinds) in KINDS {
            for kind in *kinds {
                assert_eq!(target_type(kind), Some(*name));
            }
            for sub in [None, Some("CUSTOM_ROLE"), Some("VARIABLE")] {
                assert_eq!(target_type(kind_of(name, sub).unwrap()), Some(*name));
            }
        }
        assert_eq!((kind_of("NEW", None), target_type("instance")), (None, None));
    }

    #[test]
    fn filters_are_small() {
        let size = |filter: &Filter| serde_json::to_string(filter).unwrap().len();
        for name in EVENT_TYPES {
            assert!(size(&of_event_type(name)) < 1_500, "{name}");
        }
        assert!(size(&visible()) < 2_500, "{}", size(&visible()));
    }
}
