//! Searches and the events that they find in a small history.

use super::*;

fn event(id: u8, time: &str, kind: &str, change: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event { time: time.parse().unwrap(), kind: kind.to_owned(), ..Event::default() };
    event.id = uuid::Uuid::from_u128(u128::from(id));
    event.source = "cloudfoundry/eu10".to_owned();
    event.action = kind.rsplit('.').next().unwrap_or_default().to_owned();
    event.organization = Named::new("acme", Some("ACME Inc.".to_owned()));
    change(&mut event);
    event
}

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text).unwrap())
}

/// Four events of two days.
fn history() -> Vec<Event> {
    let alice = || Entity {
        kind: Some("user".into()),
        id: Some("u-1".into()),
        name: Some("Alice@example.com".into()),
    };
    vec![
        event(1, "2026-11-21T09:00:00Z", "audit.app.create", |event| {
            event.actor = alice();
            event.target =
                Entity { kind: Some("app".into()), id: Some("a-1".into()), name: Some("shop".into()) };
            event.origin = Some("CLI".into());
            event.outcome = Outcome::Success;
            event.message = Some("Alice created the shop: done".into());
            event.data = json(r#"{"request":{"memory":512,"routes":["a.example.com","b.example.com"]}}"#);
        }),
        event(2, "2026-11-21T17:30:00Z", "audit.app.delete-request", |event| {
            event.actor = alice();
            event.target =
                Entity { kind: Some("app".into()), id: Some("a-1".into()), name: Some("shop".into()) };
            event.origin = Some("CONSOLE".into());
            event.outcome = Outcome::Failure;
            event.request = Request {
                status: Some(502),
                uri: Some("/v3/apps/a-1".into()),
                ip: Some("10.0.0.7".into()),
                ..Request::default()
            };
            event.before = json(r#"{"instances":3,"state":"STARTED"}"#);
            event.after = json(r#"{"instances":0,"state":null}"#);
        }),
        event(3, "2026-11-22T08:00:00Z", "create-instance", |event| {
            event.source = "exoscale".into();
            event.organization = None;
            event.actor = Entity { id: Some("alice".into()), ..Entity::default() };
            event.status = Some("202".into());
            event.outcome = Outcome::Pending;
            event.categories = vec!["compute".into(), "Billing".into()];
            event.labels = [("team".to_owned(), "Payments".to_owned())].into();
            event.data = json(r#"{"request":{"memory":"1024"},"flags":{"dry run":true}}"#);
        }),
        event(4, "2026-11-22T11:59:00Z", "DEPLOY_FAILED", |event| {
            event.source = "qovery".into();
            event.actor = Entity { name: Some("Bob".into()), ..Entity::default() };
            event.outcome = Outcome::Failure;
            event.message = Some("deploy of the shop failed, was not done: time-out".into());
            event.data = json(r#"{"request":{"memory":96.5}}"#);
        }),
    ]
}

/// Searches, and the events they find.
const FINDS: &[(&str, &[u8])] = &[
    ("", &[1, 2, 3, 4]),
    ("shop", &[1, 2, 4]),
    ("SHOP done", &[1, 4]),
    ("\"the shop: done\"", &[1]),
    ("\"shop failed\"", &[4]),
    ("\"time out\"", &[4]),
    ("type:audit.app.*", &[1, 2]),
    ("type:*create*", &[1, 3]),
    ("type:deploy_failed", &[4]),
    ("type=deploy_failed", &[]),
    ("type:(audit.app.create,create-instance)", &[1, 3]),
    ("action:delete?request", &[2]),
    ("source:cloudfoundry*", &[1, 2]),
    ("actor:alice", &[3]),
    ("actor:ALICE*", &[1, 2, 3]),
    ("actor.name:alice*", &[]),
    ("actor.name:Alice*", &[1, 2]),
    ("actor:(bob,u-1)", &[1, 2, 4]),
    ("-actor.id:*", &[4]),
    ("-origin:CONSOLE", &[1, 3, 4]),
    ("origin:* -origin:console", &[1]),
    ("outcome:failure OR outcome:pending", &[2, 3, 4]),
    ("NOT (outcome:failure OR outcome:pending)", &[1]),
    ("organization:\"acme inc.\"", &[1, 2, 4]),
    ("-organization:acme", &[3]),
    ("target.type:app time:yesterday", &[1, 2]),
    ("action:delete* time:yesterday", &[2]),
    ("time:today", &[3, 4]),
    ("time:-5m", &[4]),
    ("time:-7d..now", &[1, 2, 3, 4]),
    ("time:2026-11-21T09:00", &[1]),
    ("time>2026-11-21", &[3, 4]),
    ("time<=2026-11-21", &[1, 2]),
    ("time:2026-11-21T17:00..2026-11-22T08:00", &[2, 3]),
    ("status>=200", &[3]),
    ("request.status>=500", &[2]),
    ("request.uri:/V3/apps/*", &[2]),
    ("request.ip:10.0.0.*", &[2]),
    ("message:*time-out*", &[4]),
    ("categories:billing", &[3]),
    ("labels.team:payments", &[3]),
    ("labels.team=payments", &[]),
    ("data.request.memory>512", &[3]),
    ("data.request.memory>=512", &[1, 3]),
    ("data.request.memory<97", &[4]),
    ("data.request.memory:96..512", &[1, 4]),
    ("data.request.memory:512", &[1]),
    ("data.request.memory>\"1\"", &[3]),
    ("data.request.routes:B.example.com", &[1]),
    ("data.request.routes:*", &[1]),
    ("data.request:*", &[1, 3, 4]),
    ("data.flags.\"dry run\":true", &[3]),
    ("data.flags:true", &[]),
    ("-data:*", &[2]),
    ("before.instances>0 after.instances:0", &[2]),
    ("before.state:started -after.state:*", &[2]),
    ("after.state:null", &[2]),
    ("shop -outcome:success (origin:CONSOLE OR actor:bob)", &[2, 4]),
];

#[test]
fn searches_find_what_they_should() {
    for (text, expected) in FINDS {
        let filter = filter(text);
        let found: Vec<u8> = history()
            .iter()
            .filter(|event| filter.matches(event))
            .map(|event| event.id.as_bytes()[15])
            .collect();
        assert_eq!(found, *expected, "{text}");
    }
}
