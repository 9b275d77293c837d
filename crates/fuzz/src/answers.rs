//! Events of any source, shown by a dialect: whatever an event holds, the lists and single events it is shown in are
//! well-formed.

use std::sync::Arc;

use annals_dialects::{Dialect, Host};
use annals_model::Timestamp;
use annals_server::fuzzing::{import, ingest};
use annals_testkit::FakeClock;

use crate::{events, host::FuzzHost, message::Message, requests::ask};

/// Requests that are asked about each input.
const REQUESTS_MAX: usize = 12;
/// Events that are shown.
const EVENTS_MAX: usize = 50;

/// Asks a dialect the requests it has seeds for.
pub(crate) struct Answers {
    dialect: Arc<dyn Dialect>,
    all: Vec<Arc<dyn Dialect>>,
    requests: Vec<Message>,
}

impl Answers {
    pub(crate) fn new(dialect: Arc<dyn Dialect>, requests: &[Vec<u8>]) -> Self {
        let requests = requests.iter().filter_map(|request| Message::read(request));
        Self { dialect, all: crate::dialects(), requests: requests.take(REQUESTS_MAX).collect() }
    }

    /// The input is events in their native form, or in the shape of any platform.
    pub(crate) fn run(&self, input: &[u8]) {
        let clock = FakeClock::new(Timestamp::default());
        let said = annals_dialects::Import { organization: Some("acme".to_owned()), installation: None };
        let native = [true, false].into_iter().filter_map(|is_lines| ingest(input, is_lines, &clock).ok());
        let theirs = self.all.iter().filter_map(|dialect| import(&**dialect, input, false, &said).ok());
        let mut found: Vec<_> = native.chain(theirs).flat_map(|(events, _)| events).collect();
        if found.is_empty() {
            return;
        }
        found.truncate(EVENTS_MAX);
        found.iter().for_each(events::check);
        let one = found.first().map(|event| event.id);
        let host = Arc::new(FuzzHost::tolerant(found));
        for request in &self.requests {
            ask(&*self.dialect, request, Arc::clone(&host) as Arc<dyn Host>);
        }
        // A single event, wherever the dialect has a path that ends in one.
        let paths = self.dialect.routes().iter().filter(|route| route.path.ends_with('}'));
        for (path, id) in paths.filter_map(|route| Some((route.path.rsplit_once('/')?.0, one?))) {
            let text = format!("GET {path}/{id}\nauthorization: bearer all");
            if let Some(message) = Message::read(text.as_bytes()) {
                ask(&*self.dialect, &message, Arc::clone(&host) as Arc<dyn Host>);
            }
        }
    }
}
