//! Between Exoscale's operation names (`create-instance`, `add-rule-to-security-group`) and the words of all
//! platforms. Names are composed of a verb and a resource, so they are taken apart by rule; the API has hundreds.

use annals_model::vocabulary::{action, kind};

/// What an operation did, in the words of all platforms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// The verb.
    pub(super) action: String,
    /// The kind of thing it was done to.
    pub(super) kind: Option<String>,
    /// What of that thing.
    pub(super) part: Option<String>,
}

/// The names that console sign-ins have instead of an operation's.
pub(super) const CONSOLE: [&str; 2] = ["authenticate", "create session"];

/// Exoscale's verbs that are not spelled like ours.
const VERBS: &[(&str, &str)] = &[
    ("add", action::CREATE),
    ("attach", action::BIND),
    ("copy", action::CLONE),
    ("detach", action::UNBIND),
    ("disable", action::UPDATE),
    ("enable", action::UPDATE),
    ("evict", action::SCALE),
    ("generate", action::CREATE),
    ("reboot", action::RESTART),
    ("register", action::CREATE),
    ("remove", action::DELETE),
    ("resize", action::SCALE),
    ("reveal", action::READ),
    ("revert", action::RESTORE),
    ("rotate", action::UPDATE),
    ("upgrade", action::UPDATE),
];

/// Exoscale's resources; the longest that an operation's resource begins with counts, and the rest is a part of it.
const RESOURCES: &[(&str, &str)] = &[
    ("access-key", kind::API_KEY),
    ("api-key", kind::API_KEY),
    ("block-storage", kind::VOLUME),
    ("block-storage-snapshot", kind::SNAPSHOT),
    ("block-storage-volume", kind::VOLUME),
    ("dbaas", kind::DATABASE),
    ("dns-domain", kind::ROUTE),
    ("elastic-ip", kind::NETWORK),
    ("iam-organization-policy", kind::ROLE),
    ("iam-role", kind::ROLE),
    ("instance", kind::INSTANCE),
    ("instance-pool", "instance_pool"),
    ("load-balancer", kind::ROUTE),
    ("organization", kind::ORGANIZATION),
    ("private-network", kind::NETWORK),
    ("reverse-dns", kind::ROUTE),
    ("security-group", kind::SECURITY_GROUP),
    ("sks", kind::CLUSTER),
    ("sks-cluster", kind::CLUSTER),
    ("snapshot", kind::SNAPSHOT),
    ("ssh-key", "ssh_key"),
    ("template", "template"),
    ("user", kind::USER),
];

/// Our verbs that Exoscale spells otherwise.
const VERBS_WRITTEN: &[(&str, &str)] = &[
    (action::BIND, "attach"),
    (action::CLONE, "copy"),
    (action::READ, "reveal"),
    (action::RESTART, "reboot"),
    (action::RESTORE, "revert"),
    (action::UNBIND, "detach"),
];

/// Our kinds that Exoscale names otherwise.
const KINDS_WRITTEN: &[(&str, &str)] = &[
    (kind::CLUSTER, "sks-cluster"),
    (kind::DATABASE, "dbaas-service"),
    (kind::NETWORK, "private-network"),
    (kind::ROLE, "iam-role"),
    (kind::VOLUME, "block-storage-volume"),
];

/// Takes an operation's name apart.
pub(super) fn read(handler: &str) -> Operation {
    if CONSOLE.contains(&handler) {
        return Operation { action: action::LOGIN.into(), kind: Some(kind::USER.into()), part: None };
    }
    let (verb, resource) = handler.split_once(['-', ' ']).unwrap_or((handler, ""));
    let verb_read = lookup(VERBS, verb).unwrap_or(verb);
    if resource.is_empty() {
        return Operation { action: verb_read.to_owned(), kind: None, part: None };
    }
    let (kind, part) = target(verb, resource);
    // A part that comes or goes changes the whole; the whole is what the event is about.
    let changes_whole = part.is_some()
        && [action::CREATE, action::DELETE, action::START, action::STOP, "reset"].contains(&verb_read);
    let action = if changes_whole { action::UPDATE } else { verb_read };
    Operation { action: action.to_owned(), kind: Some(kind), part }
}

/// The kind of a resource, and what of it.
fn target(verb: &str, resource: &str) -> (String, Option<String>) {
    let place = ["-to-", "-from-"].into_iter().find_map(|word| resource.split_once(word));
    if let Some((object, place)) = place {
        let (object_kind, _) = noun(object);
        // `attach-instance-to-elastic-ip` is a call to the elastic IP; volumes and databases are called themselves.
        let called = [kind::VOLUME, kind::DATABASE].contains(&object_kind.as_str());
        let joins = ["add", "attach", "delete", "detach", "remove"].contains(&verb);
        return if called || !joins { (object_kind, None) } else { (noun(place).0, Some(object.to_owned())) };
    }
    noun(resource)
}

fn noun(resource: &str) -> (String, Option<String>) {
    // `dbaas-service-pg` is a database of that engine, not a part of one.
    if resource == "dbaas-service" || resource.starts_with("dbaas-service-") {
        return (kind::DATABASE.to_owned(), None);
    }
    let rest = |name: &str| {
        let rest = resource.strip_prefix(name)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('-') }
    };
    let fitting = RESOURCES.iter().filter_map(|(name, kind)| Some((name, kind, rest(name)?)));
    match fitting.max_by_key(|(name, ..)| name.len()) {
        Some((_, kind, rest)) => ((*kind).to_owned(), (!rest.is_empty()).then(|| rest.to_owned())),
        None => (resource.replace(['-', ' '], "_"), None),
    }
}

/// An operation's name for an event of another source. Exoscale's names are free texts, so every event has one.
pub(super) fn write(action: &str, kind: Option<&str>, fallback: &str) -> String {
    if action == action::LOGIN {
        return CONSOLE[0].to_owned();
    }
    if action.is_empty() {
        return kebab(fallback);
    }
    let verb = lookup(VERBS_WRITTEN, action).map_or_else(|| kebab(action), str::to_owned);
    match kind.filter(|kind| !kind.is_empty()) {
        Some(kind) => {
            let noun = lookup(KINDS_WRITTEN, kind).map_or_else(|| kebab(kind), str::to_owned);
            format!("{verb}-{noun}")
        }
        None => verb,
    }
}

fn lookup(table: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(key, _)| *key == word).map(|(_, value)| *value)
}

fn kebab(word: &str) -> String {
    word.to_lowercase().replace(['_', '.', ' '], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_operation_names_apart() {
        for (handler, expected) in [
            ("authenticate", ("login", Some("user"), None)),
            ("create session", ("login", Some("user"), None)),
            ("create-api-key", ("create", Some("api_key"), None)),
            ("create-instance", ("create", Some("instance"), None)),
            ("create-instance-pool", ("create", Some("instance_pool"), None)),
            ("scale-instance-pool", ("scale", Some("instance_pool"), None)),
            ("evict-instance-pool-members", ("scale", Some("instance_pool"), Some("members"))),
            ("reboot-instance", ("restart", Some("instance"), None)),
            ("resize-instance-disk", ("scale", Some("instance"), Some("disk"))),
            ("reset-instance", ("reset", Some("instance"), None)),
            ("reset-instance-field", ("update", Some("instance"), Some("field"))),
            ("revert-instance-to-snapshot", ("restore", Some("instance"), None)),
            ("promote-snapshot-to-template", ("promote", Some("snapshot"), None)),
            ("add-rule-to-security-group", ("update", Some("security_group"), Some("rule"))),
            ("delete-rule-from-security-group", ("update", Some("security_group"), Some("rule"))),
            ("attach-instance-to-private-network", ("bind", Some("network"), Some("instance"))),
            ("detach-instance-from-elastic-ip", ("unbind", Some("network"), Some("instance"))),
            ("attach-block-storage-volume-to-instance", ("bind", Some("volume"), None)),
            ("detach-block-storage-volume", ("unbind", Some("volume"), None)),
            ("update-iam-role-policy", ("update", Some("role"), Some("policy"))),
            ("create-dbaas-service-pg", ("create", Some("database"), None)),
            ("delete-dbaas-service", ("delete", Some("database"), None)),
            ("create-dbaas-mysql-database", ("update", Some("database"), Some("mysql-database"))),
            ("create-sks-cluster", ("create", Some("cluster"), None)),
            ("create-sks-nodepool", ("update", Some("cluster"), Some("nodepool"))),
            ("create-dns-domain-record", ("update", Some("route"), Some("record"))),
            ("revoke-access-key", ("revoke", Some("api_key"), None)),
            ("register-ssh-key", ("create", Some("ssh_key"), None)),
            ("create-anti-affinity-group", ("create", Some("anti_affinity_group"), None)),
            ("invent", ("invent", None, None)),
        ] {
            let read = read(handler);
            let found = (read.action.as_str(), read.kind.as_deref(), read.part.as_deref());
            assert_eq!(found, expected, "{handler}");
        }
    }

    #[test]
    fn names_the_events_of_other_sources() {
        for (action, kind, expected) in [
            ("create", Some("instance"), "create-instance"),
            ("create", Some("app"), "create-app"),
            ("restart", Some("database"), "reboot-dbaas-service"),
            ("bind", Some("service_instance"), "attach-service-instance"),
            ("login", Some("user"), "authenticate"),
            ("notify", None, "notify"),
            ("", Some("app"), "audit-app-create"),
        ] {
            assert_eq!(write(action, kind, "audit.app.create"), expected);
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for (kind, _) in
            KINDS_WRITTEN.iter().chain(&[("instance", ""), ("api_key", ""), ("security_group", "")])
        {
            for action in ["create", "update", "delete", "restart", "bind", "unbind", "clone", "restore"] {
                let read = read(&write(action, Some(kind), "x"));
                assert_eq!((read.action.as_str(), read.kind.as_deref()), (action, Some(*kind)));
            }
        }
    }
}
