//! The words all platforms share: verbs for [`crate::Event::action`] and kinds for `target.type` and `actor.type`.
//!
//! Both fields take any text. These are the words that every dialect's vocabulary knows, so an event that uses them is
//! seen through every dialect that can express it. `docs/vocabulary.md` explains each for people who send events.

/// Verbs.
pub mod action {
    /// Something came to be.
    pub const CREATE: &str = "create";
    /// Something was changed.
    pub const UPDATE: &str = "update";
    /// Something ceased to be.
    pub const DELETE: &str = "delete";
    /// Something was rolled out.
    pub const DEPLOY: &str = "deploy";
    /// Something was started.
    pub const START: &str = "start";
    /// Something was stopped.
    pub const STOP: &str = "stop";
    /// Something was stopped and started.
    pub const RESTART: &str = "restart";
    /// Something grew or shrank.
    pub const SCALE: &str = "scale";
    /// Something broke down by itself.
    pub const CRASH: &str = "crash";
    /// A request to an upstream was given up.
    pub const CANCEL: &str = "cancel";
    /// Something was copied to safety.
    pub const BACKUP: &str = "backup";
    /// Something was brought back from a copy.
    pub const RESTORE: &str = "restore";
    /// Service moved to a stand-in.
    pub const FAILOVER: &str = "failover";
    /// Something was mended by the platform.
    pub const RECOVER: &str = "recover";
    /// The platform looked after something.
    pub const MAINTAIN: &str = "maintain";
    /// The platform had something to say.
    pub const NOTIFY: &str = "notify";
    /// A person or machine signed in.
    pub const LOGIN: &str = "login";
    /// A person or machine opened a shell, a tunnel or a debugger.
    pub const CONNECT: &str = "connect";
    /// Something was tied to something.
    pub const BIND: &str = "bind";
    /// Something was untied from something.
    pub const UNBIND: &str = "unbind";
    /// A right was given.
    pub const GRANT: &str = "grant";
    /// A right was taken away.
    pub const REVOKE: &str = "revoke";
    /// Something secret was looked at.
    pub const READ: &str = "read";
    /// Something was brought in from outside.
    pub const IMPORT: &str = "import";
    /// Something was carried out.
    pub const EXPORT: &str = "export";
    /// Something was copied.
    pub const CLONE: &str = "clone";
    /// Something was closed to changes.
    pub const LOCK: &str = "lock";
    /// Something was opened to changes.
    pub const UNLOCK: &str = "unlock";
    /// A one-off job or hook ran.
    pub const RUN: &str = "run";
    /// An invitation or transfer was agreed to.
    pub const ACCEPT: &str = "accept";
    /// Capacity ran low.
    pub const EXHAUST: &str = "exhaust";
}

/// Kinds of targets and actors.
pub mod kind {
    /// A person or service account.
    pub const USER: &str = "user";
    /// An application or service that runs somebody's code.
    pub const APP: &str = "app";
    /// A container deployed as such.
    pub const CONTAINER: &str = "container";
    /// A scheduled or one-off job.
    pub const JOB: &str = "job";
    /// A database.
    pub const DATABASE: &str = "database";
    /// A copy of a database or disk.
    pub const SNAPSHOT: &str = "snapshot";
    /// A virtual machine or other rented computer.
    pub const INSTANCE: &str = "instance";
    /// A rented instance of a catalogue service.
    pub const SERVICE_INSTANCE: &str = "service_instance";
    /// A Kubernetes or other cluster.
    pub const CLUSTER: &str = "cluster";
    /// A tenant.
    pub const ORGANIZATION: &str = "organization";
    /// A project or space.
    pub const PROJECT: &str = "project";
    /// An environment of a project.
    pub const ENVIRONMENT: &str = "environment";
    /// A role or policy.
    pub const ROLE: &str = "role";
    /// An API key or token.
    pub const API_KEY: &str = "api_key";
    /// A network, subnet or address.
    pub const NETWORK: &str = "network";
    /// A firewall or security group.
    pub const SECURITY_GROUP: &str = "security_group";
    /// A route, domain or load balancer.
    pub const ROUTE: &str = "route";
    /// A disk or bucket.
    pub const VOLUME: &str = "volume";
    /// A registry or repository of images or charts.
    pub const REGISTRY: &str = "registry";
    /// A webhook.
    pub const WEBHOOK: &str = "webhook";
}
