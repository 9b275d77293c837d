//! Events in a dialect's own shape: what is read is valid, can be written as JSON and comes back from it, and was
//! counted before it was read.

use annals_dialects::{Dialect, Import};
use annals_model::{Event, Timestamp};
use annals_server::fuzzing::{events_expected, import};
use annals_testkit::FakeClock;

pub(crate) fn run(dialect: &dyn Dialect, input: &[u8]) {
    let named = Import { organization: Some("acme".to_owned()), installation: Some("eu10".to_owned()) };
    for said in [Import::default(), named] {
        let Ok(events) = dialect.read(input, &said) else { continue };
        let expected = events_expected(input);
        assert!(events.len() <= expected, "{} events where memory was taken for {expected}", events.len());
        for event in events.iter().flatten() {
            let source = said.source(dialect.name());
            assert_eq!(event.source, source, "the source of an import");
            check(event);
        }
        let again = dialect.read(input, &said).unwrap();
        assert!(events == again, "read twice, two things were read: {events:?} and {again:?}");
    }
    let said = Import { organization: Some("acme".to_owned()), installation: None };
    if let Ok((events, _)) = import(dialect, input, true, &said) {
        events.iter().for_each(check);
    }
}

/// Holds an event that was read to what every event must be.
pub(crate) fn check(event: &Event) {
    let verdict = event.validate();
    assert!(verdict.is_ok(), "an event was taken that breaks a rule: {verdict:?}: {event:?}");
    let json = serde_json::to_vec(event).unwrap();
    let back = Event::from_json(&json, &FakeClock::new(Timestamp::default())).unwrap();
    assert_eq!(&back, event, "it comes back from its JSON form");
}
