//! Cloud Foundry's names for what happened, each beside the words of all platforms. One table for both directions: it
//! gives imported events their action and outcome, and shows events of other sources under Cloud Foundry's names.
//!
//! The names are those of Cloud Foundry's API documentation (v3, "audit events"). It must know nothing of requests
//! or of JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use annals_model::{
    Event, Field, Filter, Outcome,
    vocabulary::{action as verb, kind},
};

/// Something Cloud Foundry keeps events about.
#[derive(Debug)]
pub(super) struct Thing {
    /// Its name in `actee_type`.
    pub(super) actee_type: &'static str,
    /// The `target.type`s of other sources' events that mean it.
    kinds: &'static [&'static str],
}

/// Which events of other sources a word tells, by their outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    /// None: the words of all platforms are too coarse for it.
    Nothing,
    /// What was done, as far as anybody knows.
    Done,
    /// What was asked for or begun.
    Asked,
    /// What was asked for, begun or done: Cloud Foundry has one word for all of it.
    AskedOrDone,
    /// What was refused or went wrong.
    Failed,
    /// All of it, whatever the outcome.
    Always,
}

impl Tells {
    const fn outcomes(self) -> &'static [Outcome] {
        match self {
            Self::Nothing => &[],
            Self::Done => &[Outcome::Success, Outcome::Unknown],
            Self::Asked => &[Outcome::Pending],
            Self::AskedOrDone => &[Outcome::Success, Outcome::Unknown, Outcome::Pending],
            Self::Failed => &[Outcome::Failure],
            Self::Always => &Outcome::ALL,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Word {
    /// Cloud Foundry's name.
    pub(super) name: &'static str,
    /// The verb of all platforms.
    pub(super) action: &'static str,
    /// How what it names has ended.
    pub(super) outcome: Outcome,
    /// What it is about.
    pub(super) thing: &'static Thing,
    tells: Tells,
}

const fn thing(actee_type: &'static str, kinds: &'static [&'static str]) -> Thing {
    Thing { actee_type, kinds }
}

static APP: Thing = thing("app", &[kind::APP, kind::CONTAINER]);
static BLOB: Thing = thing("blob", &["blob"]);
static BUILDPACK: Thing = thing("buildpack", &["buildpack"]);
static ORGANIZATION: Thing = thing("organization", &[kind::ORGANIZATION]);
static ORGANIZATION_QUOTA: Thing = thing("organization_quota", &["organization_quota"]);
static ROUTE: Thing = thing("route", &[kind::ROUTE]);
static ROUTE_POLICY: Thing = thing("route_policy", &["route_policy"]);
static SERVICE: Thing = thing("service", &["service"]);
static SERVICE_BINDING: Thing = thing("service_binding", &["service_binding"]);
static SERVICE_BROKER: Thing = thing("service_broker", &["service_broker"]);
static SERVICE_DASHBOARD_CLIENT: Thing = thing("service_dashboard_client", &["service_dashboard_client"]);
static SERVICE_INSTANCE: Thing = thing("service_instance", &[kind::SERVICE_INSTANCE, kind::DATABASE]);
static SERVICE_KEY: Thing = thing("service_key", &["service_key"]);
static SERVICE_PLAN: Thing = thing("service_plan", &["service_plan"]);
static SERVICE_PLAN_VISIBILITY: Thing = thing("service_plan_visibility", &["service_plan_visibility"]);
static SERVICE_ROUTE_BINDING: Thing = thing("service_route_binding", &["service_route_binding"]);
static SPACE: Thing = thing("space", &[kind::PROJECT, "space"]);
static SPACE_QUOTA: Thing = thing("space_quota", &["space_quota"]);
static STACK: Thing = thing("stack", &["stack"]);
static USER: Thing = thing("user", &[kind::USER]);
static USER_PROVIDED: Thing = thing("user_provided_service_instance", &["user_provided_service_instance"]);

const fn word(
    name: &'static str,
    action: &'static str,
    outcome: Outcome,
    thing: &'static Thing,
    tells: Tells,
) -> Word {
    Word { name, action, outcome, thing, tells }
}

use Outcome::{Failure as FAILURE, Pending as PENDING, Success as SUCCESS};
use Tells::{Always, Asked, AskedOrDone, Done, Failed, Nothing};

/// Building an application's image, which the words of all platforms do not tell from deploying it.
const BUILD: &str = "build";

/// Every documented type.
#[rustfmt::skip]
pub(super) static WORDS: &[Word] = &[
    word("app.crash", verb::CRASH, FAILURE, &APP, Always),
    word("audit.app.apply_manifest", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.build.create", BUILD, PENDING, &APP, Asked),
    word("audit.app.build.failed", BUILD, FAILURE, &APP, Failed),
    word("audit.app.build.staged", BUILD, SUCCESS, &APP, Done),
    word("audit.app.copy-bits", verb::IMPORT, SUCCESS, &APP, Nothing),
    word("audit.app.create", verb::CREATE, SUCCESS, &APP, Done),
    word("audit.app.delete-request", verb::DELETE, PENDING, &APP, AskedOrDone),
    word("audit.app.deployment.cancel", verb::CANCEL, SUCCESS, &APP, Done),
    word("audit.app.deployment.continue", verb::DEPLOY, PENDING, &APP, Nothing),
    word("audit.app.deployment.create", verb::DEPLOY, PENDING, &APP, AskedOrDone),
    word("audit.app.droplet.create", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.droplet.delete", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.droplet.download", verb::EXPORT, SUCCESS, &APP, Nothing),
    word("audit.app.droplet.mapped", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.droplet.upload", verb::IMPORT, SUCCESS, &APP, Nothing),
    word("audit.app.environment.show", verb::READ, SUCCESS, &APP, Done),
    word("audit.app.environment_variables.show", verb::READ, SUCCESS, &APP, Nothing),
    word("audit.app.map-route", verb::BIND, SUCCESS, &APP, Nothing),
    word("audit.app.package.create", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.package.delete", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.package.download", verb::EXPORT, SUCCESS, &APP, Nothing),
    word("audit.app.package.upload", verb::IMPORT, SUCCESS, &APP, Nothing),
    word("audit.app.process.crash", verb::CRASH, FAILURE, &APP, Nothing),
    word("audit.app.process.create", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.process.delete", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.process.not-ready", verb::NOTIFY, FAILURE, &APP, Nothing),
    word("audit.app.process.ready", verb::NOTIFY, SUCCESS, &APP, Nothing),
    word("audit.app.process.rescheduling", verb::MAINTAIN, PENDING, &APP, AskedOrDone),
    word("audit.app.process.scale", verb::SCALE, SUCCESS, &APP, Done),
    word("audit.app.process.terminate_instance", verb::RESTART, SUCCESS, &APP, Nothing),
    word("audit.app.process.update", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.restage", verb::DEPLOY, PENDING, &APP, Nothing),
    word("audit.app.restart", verb::RESTART, SUCCESS, &APP, Done),
    word("audit.app.revision.create", verb::UPDATE, SUCCESS, &APP, Nothing),
    word("audit.app.revision.environment_variables.show", verb::READ, SUCCESS, &APP, Nothing),
    word("audit.app.ssh-authorized", verb::CONNECT, SUCCESS, &APP, Done),
    word("audit.app.ssh-unauthorized", verb::CONNECT, FAILURE, &APP, Failed),
    word("audit.app.start", verb::START, SUCCESS, &APP, Done),
    word("audit.app.stop", verb::STOP, SUCCESS, &APP, Done),
    word("audit.app.task.cancel", verb::CANCEL, SUCCESS, &APP, Nothing),
    word("audit.app.task.create", verb::RUN, SUCCESS, &APP, Done),
    word("audit.app.unmap-route", verb::UNBIND, SUCCESS, &APP, Nothing),
    word("audit.app.update", verb::UPDATE, SUCCESS, &APP, Done),
    word("audit.app.upload-bits", verb::IMPORT, SUCCESS, &APP, Nothing),
    word("audit.buildpack.create", verb::CREATE, SUCCESS, &BUILDPACK, Done),
    word("audit.buildpack.delete", verb::DELETE, SUCCESS, &BUILDPACK, Done),
    word("audit.buildpack.update", verb::UPDATE, SUCCESS, &BUILDPACK, Done),
    word("audit.buildpack.upload", verb::IMPORT, SUCCESS, &BUILDPACK, Done),
    word("audit.organization.create", verb::CREATE, SUCCESS, &ORGANIZATION, Done),
    word("audit.organization.delete-request", verb::DELETE, PENDING, &ORGANIZATION, AskedOrDone),
    word("audit.organization.update", verb::UPDATE, SUCCESS, &ORGANIZATION, Done),
    word("audit.organization_quota.apply", verb::UPDATE, SUCCESS, &ORGANIZATION_QUOTA, Nothing),
    word("audit.organization_quota.create", verb::CREATE, SUCCESS, &ORGANIZATION_QUOTA, Done),
    word("audit.organization_quota.delete", verb::DELETE, SUCCESS, &ORGANIZATION_QUOTA, Done),
    word("audit.organization_quota.update", verb::UPDATE, SUCCESS, &ORGANIZATION_QUOTA, Done),
    word("audit.route.create", verb::CREATE, SUCCESS, &ROUTE, Done),
    word("audit.route.delete-request", verb::DELETE, PENDING, &ROUTE, AskedOrDone),
    word("audit.route.share", verb::GRANT, SUCCESS, &ROUTE, Done),
    word("audit.route.transfer-owner", verb::UPDATE, SUCCESS, &ROUTE, Nothing),
    word("audit.route.unshare", verb::REVOKE, SUCCESS, &ROUTE, Done),
    word("audit.route.update", verb::UPDATE, SUCCESS, &ROUTE, Done),
    word("audit.route_policy.create", verb::CREATE, SUCCESS, &ROUTE_POLICY, Done),
    word("audit.route_policy.delete", verb::DELETE, SUCCESS, &ROUTE_POLICY, Done),
    word("audit.route_policy.update", verb::UPDATE, SUCCESS, &ROUTE_POLICY, Done),
    word("audit.service.create", verb::CREATE, SUCCESS, &SERVICE, Done),
    word("audit.service.delete", verb::DELETE, SUCCESS, &SERVICE, Done),
    word("audit.service.update", verb::UPDATE, SUCCESS, &SERVICE, Done),
    word("audit.service_binding.create", verb::CREATE, SUCCESS, &SERVICE_BINDING, Done),
    word("audit.service_binding.delete", verb::DELETE, SUCCESS, &SERVICE_BINDING, Done),
    word("audit.service_binding.show", verb::READ, SUCCESS, &SERVICE_BINDING, Done),
    word("audit.service_binding.start_create", verb::CREATE, PENDING, &SERVICE_BINDING, Asked),
    word("audit.service_binding.start_delete", verb::DELETE, PENDING, &SERVICE_BINDING, Asked),
    word("audit.service_binding.update", verb::UPDATE, SUCCESS, &SERVICE_BINDING, Done),
    word("audit.service_broker.create", verb::CREATE, SUCCESS, &SERVICE_BROKER, Done),
    word("audit.service_broker.delete", verb::DELETE, SUCCESS, &SERVICE_BROKER, Done),
    word("audit.service_broker.update", verb::UPDATE, SUCCESS, &SERVICE_BROKER, Done),
    word("audit.service_dashboard_client.create", verb::CREATE, SUCCESS, &SERVICE_DASHBOARD_CLIENT, Done),
    word("audit.service_dashboard_client.delete", verb::DELETE, SUCCESS, &SERVICE_DASHBOARD_CLIENT, Done),
    word("audit.service_instance.bind_route", verb::BIND, SUCCESS, &SERVICE_INSTANCE, Nothing),
    word("audit.service_instance.create", verb::CREATE, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_instance.delete", verb::DELETE, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_instance.purge", verb::DELETE, SUCCESS, &SERVICE_INSTANCE, Nothing),
    word("audit.service_instance.share", verb::GRANT, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_instance.show", verb::READ, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_instance.start_create", verb::CREATE, PENDING, &SERVICE_INSTANCE, Asked),
    word("audit.service_instance.start_delete", verb::DELETE, PENDING, &SERVICE_INSTANCE, Asked),
    word("audit.service_instance.start_update", verb::UPDATE, PENDING, &SERVICE_INSTANCE, Asked),
    word("audit.service_instance.unbind_route", verb::UNBIND, SUCCESS, &SERVICE_INSTANCE, Nothing),
    word("audit.service_instance.unshare", verb::REVOKE, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_instance.update", verb::UPDATE, SUCCESS, &SERVICE_INSTANCE, Done),
    word("audit.service_key.create", verb::CREATE, SUCCESS, &SERVICE_KEY, Done),
    word("audit.service_key.delete", verb::DELETE, SUCCESS, &SERVICE_KEY, Done),
    word("audit.service_key.show", verb::READ, SUCCESS, &SERVICE_KEY, Done),
    word("audit.service_key.start_create", verb::CREATE, PENDING, &SERVICE_KEY, Asked),
    word("audit.service_key.start_delete", verb::DELETE, PENDING, &SERVICE_KEY, Asked),
    word("audit.service_key.update", verb::UPDATE, SUCCESS, &SERVICE_KEY, Done),
    word("audit.service_plan.create", verb::CREATE, SUCCESS, &SERVICE_PLAN, Done),
    word("audit.service_plan.delete", verb::DELETE, SUCCESS, &SERVICE_PLAN, Done),
    word("audit.service_plan.update", verb::UPDATE, SUCCESS, &SERVICE_PLAN, Done),
    word("audit.service_plan_visibility.create", verb::CREATE, SUCCESS, &SERVICE_PLAN_VISIBILITY, Done),
    word("audit.service_plan_visibility.delete", verb::DELETE, SUCCESS, &SERVICE_PLAN_VISIBILITY, Done),
    word("audit.service_plan_visibility.update", verb::UPDATE, SUCCESS, &SERVICE_PLAN_VISIBILITY, Done),
    word("audit.service_route_binding.create", verb::CREATE, SUCCESS, &SERVICE_ROUTE_BINDING, Done),
    word("audit.service_route_binding.delete", verb::DELETE, SUCCESS, &SERVICE_ROUTE_BINDING, Done),
    word("audit.service_route_binding.start_create", verb::CREATE, PENDING, &SERVICE_ROUTE_BINDING, Asked),
    word("audit.service_route_binding.start_delete", verb::DELETE, PENDING, &SERVICE_ROUTE_BINDING, Asked),
    word("audit.service_route_binding.update", verb::UPDATE, SUCCESS, &SERVICE_ROUTE_BINDING, Done),
    word("audit.space.create", verb::CREATE, SUCCESS, &SPACE, Done),
    word("audit.space.delete-request", verb::DELETE, PENDING, &SPACE, AskedOrDone),
    word("audit.space.update", verb::UPDATE, SUCCESS, &SPACE, Done),
    word("audit.space_quota.apply", verb::UPDATE, SUCCESS, &SPACE_QUOTA, Nothing),
    word("audit.space_quota.create", verb::CREATE, SUCCESS, &SPACE_QUOTA, Done),
    word("audit.space_quota.delete", verb::DELETE, SUCCESS, &SPACE_QUOTA, Done),
    word("audit.space_quota.remove", verb::UPDATE, SUCCESS, &SPACE_QUOTA, Nothing),
    word("audit.space_quota.update", verb::UPDATE, SUCCESS, &SPACE_QUOTA, Done),
    word("audit.stack.create", verb::CREATE, SUCCESS, &STACK, Done),
    word("audit.stack.delete", verb::DELETE, SUCCESS, &STACK, Done),
    word("audit.stack.update", verb::UPDATE, SUCCESS, &STACK, Done),
    word("audit.user.organization_auditor_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.organization_auditor_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.organization_billing_manager_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.organization_billing_manager_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.organization_manager_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.organization_manager_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.organization_user_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.organization_user_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.space_auditor_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.space_auditor_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.space_developer_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.space_developer_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.space_manager_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.space_manager_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user.space_supporter_add", verb::GRANT, SUCCESS, &USER, Nothing),
    word("audit.user.space_supporter_remove", verb::REVOKE, SUCCESS, &USER, Nothing),
    word("audit.user_provided_service_instance.create", verb::CREATE, SUCCESS, &USER_PROVIDED, Done),
    word("audit.user_provided_service_instance.delete", verb::DELETE, SUCCESS, &USER_PROVIDED, Done),
    word("audit.user_provided_service_instance.show", verb::READ, SUCCESS, &USER_PROVIDED, Done),
    word("audit.user_provided_service_instance.update", verb::UPDATE, SUCCESS, &USER_PROVIDED, Done),
    word("blob.remove_orphan", verb::DELETE, SUCCESS, &BLOB, Done),
];

/// The verb and outcome of an event that Cloud Foundry calls `name`. A name that is not in the table still has a verb:
/// its last part, with what says that the deed was only begun read as such.
pub(super) fn meaning(name: &str) -> (String, Outcome) {
    if let Some(word) = WORDS.iter().find(|word| word.name == name) {
        return (word.action.to_owned(), word.outcome);
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if let Some(action) = last.strip_suffix("-request").or_else(|| last.strip_prefix("start_")) {
        return (action.to_lowercase(), Outcome::Pending);
    }
    (last.to_lowercase(), Outcome::Unknown)
}

/// The word that tells an event of another source; `None` when Cloud Foundry has none for it.
pub(super) fn word_for(event: &Event) -> Option<&'static Word> {
    let kind = event.target.kind.as_deref()?;
    WORDS.iter().find(|word| {
        word.action == event.action
            && word.thing.kinds.contains(&kind)
            && word.tells.outcomes().contains(&event.outcome)
    })
}

/// The events, of whatever source, that the words selected by `wanted` tell. As few conditions as the table allows:
/// verbs that are told of the same things share one.
pub(super) fn told_by(wanted: impl Fn(&Word) -> bool) -> Filter {
    let mut things: BTreeMap<(Tells, &str), BTreeSet<&str>> = BTreeMap::new();
    for word in WORDS.iter().filter(|word| word.tells != Nothing && wanted(word)) {
        things.entry((word.tells, word.action)).or_default().extend(word.thing.kinds);
    }
    let mut verbs: BTreeMap<(Tells, BTreeSet<&str>), BTreeSet<&str>> = BTreeMap::new();
    for ((tells, action), kinds) in things {
        verbs.entry((tells, kinds)).or_default().insert(action);
    }
    let conditions = verbs.into_iter().map(|((tells, kinds), actions)| {
        let mut condition =
            vec![Filter::any_of(Field::Action, actions), Filter::any_of(Field::TargetKind, kinds)];
        if tells != Always {
            let outcomes = tells.outcomes().iter().map(|outcome| outcome.as_str());
            condition.push(Filter::any_of(Field::Outcome, outcomes));
        }
        Filter::And(condition)
    });
    Filter::Or(conditions.collect())
}

/// The events that any word tells. It is part of nearly every request, so it is made once.
pub(super) fn told_by_any() -> &'static Filter {
    static TOLD: LazyLock<Filter> = LazyLock::new(|| told_by(|_| true));
    &TOLD
}

/// Kinds of things that Cloud Foundry and the words of all platforms call differently: theirs, ours.
const KINDS: &[(&str, &str)] = &[("space", kind::PROJECT)];

/// The word of all platforms for a kind of thing that Cloud Foundry names.
pub(super) fn our_kind(theirs: &str) -> &str {
    KINDS.iter().find(|(name, _)| *name == theirs).map_or(theirs, |(_, ours)| ours)
}

/// Cloud Foundry's name for a kind of thing.
pub(super) fn their_kind(ours: &str) -> &str {
    KINDS.iter().find(|(_, name)| *name == ours).map_or(ours, |(theirs, _)| theirs)
}

#[cfg(test)]
mod tests {
    use annals_model::Entity;

    use super::*;

    fn event(action: &str, kind: &str, outcome: Outcome) -> Event {
        Event {
            action: action.into(),
            outcome,
            target: Entity { kind: Some(kind.into()), ..Entity::default() },
            ..Event::default()
        }
    }

    #[test]
    fn holds_every_documented_type_once() {
        assert_eq!(WORDS.len(), 140);
        assert!(WORDS.is_sorted_by(|one, two| one.name < two.name), "sorted, so that none is there twice");
    }

    #[test]
    fn names_mean_what_they_say() {
        for (name, action, outcome) in [
            ("audit.app.create", "create", Outcome::Success),
            ("audit.app.delete-request", "delete", Outcome::Pending),
            ("audit.service_instance.start_update", "update", Outcome::Pending),
            ("audit.app.build.failed", "build", Outcome::Failure),
            ("app.crash", "crash", Outcome::Failure),
            // Names that are not documented, or no longer.
            ("audit.space.role.add", "add", Outcome::Unknown),
            ("audit.volume.delete-request", "delete", Outcome::Pending),
            ("audit.volume.start_create", "create", Outcome::Pending),
            ("odd", "odd", Outcome::Unknown),
        ] {
            assert_eq!(meaning(name), (action.to_owned(), outcome), "{name}");
        }
    }

    #[test]
    fn requests_and_beginnings_are_pending() {
        for word in WORDS {
            let last = word.name.rsplit('.').next().unwrap();
            if last.ends_with("-request") || last.starts_with("start_") {
                assert_eq!(word.outcome, Outcome::Pending, "{}", word.name);
            }
        }
    }

    #[test]
    fn no_event_is_told_by_two_words() {
        for word in WORDS {
            for kind in word.thing.kinds {
                for outcome in word.tells.outcomes() {
                    let told = word_for(&event(word.action, kind, *outcome)).unwrap();
                    assert_eq!(told.name, word.name, "{} {kind} {outcome:?}", word.action);
                }
            }
        }
    }

    #[test]
    fn rendering_and_filters_agree() {
        let kinds: BTreeSet<&str> = WORDS.iter().flat_map(|word| word.thing.kinds).copied().collect();
        let actions: BTreeSet<&str> = WORDS.iter().map(|word| word.action).collect();
        for kind in kinds.into_iter().chain(["cluster"]) {
            for action in actions.iter().copied().chain(["backup"]) {
                for outcome in Outcome::ALL {
                    let event = event(action, kind, outcome);
                    let word = word_for(&event);
                    assert_eq!(told_by_any().matches(&event), word.is_some(), "{event:?}");
                    let only = told_by(|one| word.is_some_and(|word| word.name == one.name));
                    assert_eq!(only.matches(&event), word.is_some(), "{event:?}");
                    let others = told_by(|one| word.is_none_or(|word| word.name != one.name));
                    assert!(!others.matches(&event), "{event:?}");
                }
            }
        }
    }

    #[test]
    fn the_filter_stays_small() {
        let Filter::Or(conditions) = told_by_any() else { unreachable!("a disjunction") };
        assert!(conditions.len() <= 20, "{} conditions", conditions.len());
    }
}
