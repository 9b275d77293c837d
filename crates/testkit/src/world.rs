//! The small world that sample events happen in: organizations, their projects, people and things. It is the same in
//! every run, so that documentation can name what is in it; only what happens in it follows from a seed.

use crate::Random;

/// The organizations, the busiest first.
const ORGANIZATIONS: [&str; 6] = ["acme", "northwind", "lumen", "harbour", "quarry", "tideway"];
const PROJECTS: [&str; 4] = ["production", "staging", "development", "data"];
const PEOPLE: [(&str, &str); 12] = [
    ("ada", "Ada Moreau"),
    ("bilal", "Bilal Haddad"),
    ("chiara", "Chiara Conti"),
    ("deniz", "Deniz Kaya"),
    ("emeka", "Emeka Obi"),
    ("freja", "Freja Lund"),
    ("goran", "Goran Horvat"),
    ("hana", "Hana Sato"),
    ("ines", "Inês Rocha"),
    ("jonas", "Jonas Weber"),
    ("kavya", "Kavya Rao"),
    ("liam", "Liam Byrne"),
];
const APPS: [&str; 10] =
    ["checkout", "web", "api", "orders", "search", "mailer", "billing", "reports", "images", "sessions"];
const DATABASES: [&str; 5] = ["orders-db", "users-db", "billing-db", "metrics-db", "archive-db"];
const INSTANCES: [&str; 8] =
    ["web-1", "web-2", "worker-1", "worker-2", "build-1", "gpu-1", "gpu-2", "bastion"];
const KEYS: [&str; 3] = ["ci-deployer", "terraform", "backup-robot"];

/// Everything there is.
#[derive(Debug, Clone)]
pub struct World {
    organizations: Vec<Organization>,
}

/// A tenant. Platforms name the same tenant in different ways.
#[derive(Debug, Clone)]
pub struct Organization {
    /// What people call it.
    pub name: &'static str,
    /// Its UUID: its id at Cloud Foundry and Qovery, and the one its Exoscale events are recorded under.
    pub guid: String,
    /// Its id at Fujitsu K5: 32 hex digits.
    pub tenant: String,
    /// Its account at Amazon: twelve digits.
    pub account: String,
    /// Its id at Rafay: seven digits and letters.
    pub short_id: String,
    /// Its projects, which Cloud Foundry calls spaces; the busiest first.
    pub projects: Vec<Project>,
    /// Its people, the busiest first.
    pub users: Vec<User>,
    /// Its keys for machines.
    pub keys: Vec<Key>,
    /// Its databases.
    pub databases: Vec<Thing>,
    /// Its rented computers.
    pub instances: Vec<Thing>,
}

/// A project or space.
#[derive(Debug, Clone)]
pub struct Project {
    /// What people call it.
    pub name: &'static str,
    /// Its UUID.
    pub guid: String,
    /// Its id at Rafay.
    pub short_id: String,
    /// Its one environment.
    pub environment: Thing,
    /// Its applications, the busiest first.
    pub apps: Vec<Thing>,
}

/// A person.
#[derive(Debug, Clone)]
pub struct User {
    /// Their UUID.
    pub guid: String,
    /// Their name.
    pub name: &'static str,
    /// Their address.
    pub email: String,
}

/// A key for machines.
#[derive(Debug, Clone)]
pub struct Key {
    /// What people call it.
    pub name: &'static str,
    /// Its public half.
    pub key: String,
    /// The UUID of its role.
    pub role: String,
}

/// Anything with an id and a name.
#[derive(Debug, Clone)]
pub struct Thing {
    /// Its UUID.
    pub guid: String,
    /// What people call it.
    pub name: String,
}

impl Thing {
    fn of(path: &str, name: &str) -> Self {
        Self { guid: uuid(path), name: name.to_owned() }
    }
}

impl World {
    /// The world; there is only one.
    pub fn new() -> Self {
        Self { organizations: ORGANIZATIONS.iter().map(|name| Organization::new(name)).collect() }
    }

    /// Its organizations, the busiest first.
    pub fn organizations(&self) -> &[Organization] {
        &self.organizations
    }

    /// The organization that most happens in.
    pub fn busiest(&self) -> &Organization {
        &self.organizations[0]
    }

    /// The UUID of the application that most happens to.
    pub fn busiest_app(&self) -> &str {
        &self.busiest().projects[0].apps[0].guid
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Organization {
    fn new(name: &'static str) -> Self {
        let thing = |kind: &str, own: &&str| Thing::of(&format!("{name}/{kind}/{own}"), own);
        let rotation = Random::of_name(name).below(PEOPLE.len() as u64) as usize;
        let people = PEOPLE.iter().cycle().skip(rotation).take(8);
        Self {
            name,
            guid: uuid(name),
            tenant: Random::of_name(&format!("{name}/tenant")).hex(32),
            account: format!("{:012}", Random::of_name(&format!("{name}/account")).below(1_000_000_000_000)),
            short_id: short_id(name),
            projects: PROJECTS.iter().map(|project| Project::new(name, project)).collect(),
            users: people
                .map(|(short, full)| User {
                    guid: uuid(&format!("{name}/user/{short}")),
                    name: full,
                    email: format!("{short}@{name}.example"),
                })
                .collect(),
            keys: KEYS
                .iter()
                .map(|key| Key {
                    name: key,
                    key: format!("EXO{}", Random::of_name(&format!("{name}/key/{key}")).hex(24)),
                    role: uuid(&format!("{name}/role/{key}")),
                })
                .collect(),
            databases: DATABASES.iter().map(|own| thing("database", own)).collect(),
            instances: INSTANCES.iter().map(|own| thing("instance", own)).collect(),
        }
    }
}

impl Project {
    fn new(organization: &str, name: &'static str) -> Self {
        let path = format!("{organization}/{name}");
        // Every project has some of the applications, and each of them an id of its own.
        let apps = APPS.iter().filter(|app| Random::of_name(&format!("{path}/{app}?")).chance(70));
        let mut apps: Vec<_> = apps.map(|app| Thing::of(&format!("{path}/{app}"), app)).collect();
        if apps.is_empty() {
            apps.push(Thing::of(&format!("{path}/web"), "web"));
        }
        Self {
            name,
            guid: uuid(&path),
            short_id: short_id(&path),
            environment: Thing::of(&format!("{path}/environment"), name),
            apps,
        }
    }
}

fn uuid(path: &str) -> String {
    Random::of_name(path).uuid().to_string()
}

fn short_id(path: &str) -> String {
    Random::of_name(&format!("{path}/short")).base36(7)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_stable_distinct_and_shaped() {
        let (world, again) = (World::new(), World::new());
        assert_eq!(format!("{world:?}"), format!("{again:?}"));
        let mut seen = BTreeSet::new();
        for organization in world.organizations() {
            assert_eq!((organization.tenant.len(), organization.short_id.len()), (32, 7));
            assert!(seen.insert(&organization.guid) && seen.insert(&organization.tenant));
            assert!(organization.account.len() == 12 && seen.insert(&organization.account));
            assert!(organization.users.iter().all(|user| seen.insert(&user.guid)));
            assert!(organization.keys.iter().all(|key| key.key.len() == 27 && seen.insert(&key.key)));
            for project in &organization.projects {
                assert!(seen.insert(&project.guid) && seen.insert(&project.short_id));
                assert!(project.apps.iter().all(|app| seen.insert(&app.guid)));
            }
        }
        // Changing these would change what documentation shows.
        assert_eq!(world.busiest().name, "acme");
        assert_eq!(world.busiest_app(), world.busiest().projects[0].apps[0].guid);
    }
}
