//! Platforms' "list events" APIs, one folder each: requests to queries, events to that platform's answers, that
//! platform's events to ours, its vocabulary and its errors.
//!
//! A dialect knows its platform and the words of `annals-model`. It knows nothing of how events are stored, of how
//! credentials are judged, or of the HTTP library: it is handed a [`Call`] and gives a [`Reply`], and asks what it
//! needs of its [`Host`].
//!
//! Adding a platform is one folder here and one line in [`all`].

mod cloudfoundry;
mod database_events;
mod exoscale;
mod fujitsu;
pub mod host;
mod listing;
mod object;
mod parameters;
mod qovery;
mod rafay;
mod rds;
mod shown;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;

pub use cloudfoundry::Config as CloudFoundryConfig;
pub use fujitsu::Config as FujitsuConfig;
pub use host::{Body, Call, Failure, Host, Import, Reply, Route, Verb};
pub use qovery::Config as QoveryConfig;
pub use rafay::Config as RafayConfig;
pub use shown::{Listing, Proof, Shown, shell_word};

use annals_model::{Event, InvalidEvent, Timestamp};
use futures_util::future::BoxFuture;
use serde::Deserialize;

/// One platform's API.
pub trait Dialect: Send + Sync + 'static {
    /// Its name in paths, in the configuration and in [`Event::source`].
    fn name(&self) -> &'static str;

    /// The requests it answers.
    fn routes(&self) -> &'static [Route];

    /// Paths under which an unknown request is this platform's to refuse, as in `/v3/`.
    fn prefixes(&self) -> &'static [&'static str];

    /// The OpenAPI description of exactly these requests and their answers, as JSON text.
    fn openapi(&self) -> &'static str;

    /// Answers one request; never fails: what goes wrong is answered in the platform's own shape.
    fn serve(&self, call: Call) -> BoxFuture<'_, Reply>;

    /// Reads events in the platform's own shape: one event, an array of them, or a whole answer of its list.
    ///
    /// # Errors
    /// When the body as a whole cannot be read. A bad event among good ones is an error at its own place.
    fn read(&self, body: &[u8], import: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent>;

    /// An event as a list of this platform shows it to a caller who may read everything, with links of a server at
    /// `base_url` (without a final slash).
    ///
    /// # Errors
    /// Why the list leaves the event out, in words for people.
    fn show(&self, event: &Event, base_url: &str, now: Timestamp) -> Result<Shown, String>;
}

/// What of the dialects can be configured: the `[dialect.…]` tables of the configuration file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Cloud Foundry's.
    pub cloudfoundry: CloudFoundryConfig,
    /// Fujitsu K5's.
    pub fujitsu: FujitsuConfig,
    /// Qovery's.
    pub qovery: QoveryConfig,
    /// Rafay's.
    pub rafay: RafayConfig,
}

/// Every dialect.
pub fn all(config: &Config) -> Vec<Box<dyn Dialect>> {
    vec![
        Box::new(cloudfoundry::CloudFoundry::new(config.cloudfoundry.clone())),
        Box::new(exoscale::Exoscale),
        Box::new(fujitsu::Fujitsu::new(config.fujitsu.clone())),
        Box::new(qovery::Qovery::new(config.qovery.clone())),
        Box::new(rafay::Rafay::new(config.rafay.clone())),
        Box::new(rds::Rds),
    ]
}
