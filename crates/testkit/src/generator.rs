//! Sample events of six platforms, each in its platform's own JSON shape, so that whoever uses them goes through the
//! same readers as real events do.

use std::time::Duration;

use annals_model::Timestamp;
use serde_json::Value;

use crate::{
    Organization, Random, World,
    platforms::{cloudfoundry, exoscale, fujitsu, qovery, rafay, rds},
    working_hours,
};

/// A platform whose events can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Cloud Foundry: a resource of `GET /v2/events`.
    CloudFoundry,
    /// Exoscale: an item of `GET /v2/event`.
    Exoscale,
    /// Qovery: an item of `GET /organization/{id}/events`.
    Qovery,
    /// Rafay: an item of `GET …/events/paas/partner/kind/{kind}/instance`.
    Rafay,
    /// Fujitsu K5: an item of `GET /v1.0/{tenantId}/events`.
    Fujitsu,
    /// Amazon RDS: an item of `DescribeEvents`.
    Rds,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 6] =
        [Self::CloudFoundry, Self::Exoscale, Self::Qovery, Self::Rafay, Self::Fujitsu, Self::Rds];

    /// The name of the dialect that reads its events.
    pub const fn dialect(self) -> &'static str {
        match self {
            Self::CloudFoundry => "cloudfoundry",
            Self::Exoscale => "exoscale",
            Self::Qovery => "qovery",
            Self::Rafay => "rafay",
            Self::Fujitsu => "fujitsu",
            Self::Rds => "rds",
        }
    }

    /// The id by which the platform knows an organization.
    pub fn organization_id(self, organization: &Organization) -> &str {
        match self {
            Self::CloudFoundry | Self::Exoscale | Self::Qovery => &organization.guid,
            Self::Rafay => &organization.short_id,
            Self::Fujitsu => &organization.tenant,
            Self::Rds => &organization.account,
        }
    }
}

/// One event in a platform's own shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Whose event it is.
    pub platform: Platform,
    /// The organization it happened in, by the id that its platform uses; what an import must say where the shape
    /// itself does not.
    pub organization: String,
    /// When it happened.
    pub time: Timestamp,
    /// The event.
    pub event: Value,
}

/// Makes sample events. The same seed makes the same events, whatever the machine.
#[derive(Debug, Clone)]
pub struct Generator {
    random: Random,
    world: World,
}

impl Generator {
    /// A generator of that seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), world: World::new() }
    }

    /// What the events happen in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// So many instants in the time before `now`, oldest first: mostly in working hours, to the millisecond.
    pub fn instants(&mut self, count: usize, now: Timestamp, span: Duration) -> Vec<Timestamp> {
        let mut instants: Vec<_> =
            (0..count).map(|_| working_hours::instant(&mut self.random, now, span)).collect();
        instants.sort_unstable();
        instants
    }

    /// So many events of every platform in the time before `now`, oldest first.
    pub fn samples(&mut self, count: usize, now: Timestamp, span: Duration) -> impl Iterator<Item = Sample> {
        let instants = self.instants(count, now, span);
        instants.into_iter().map(|time| {
            let platform = *self.random.pick(&Platform::ALL);
            self.sample(platform, time)
        })
    }

    /// An event of a platform in one of the organizations, the busy ones more often.
    pub fn sample(&mut self, platform: Platform, time: Timestamp) -> Sample {
        let organization = self.random.favour(self.world.organizations());
        let make = match platform {
            Platform::CloudFoundry => cloudfoundry::event,
            Platform::Exoscale => exoscale::event,
            Platform::Qovery => qovery::event,
            Platform::Rafay => rafay::event,
            Platform::Fujitsu => fujitsu::event,
            Platform::Rds => rds::event,
        };
        Sample {
            platform,
            organization: platform.organization_id(organization).to_owned(),
            time,
            event: make(&mut self.random, organization, time),
        }
    }
}
