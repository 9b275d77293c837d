//! Requests and whole answers.

use std::sync::Arc;

use annals_model::{Entity, Event, Json, Named, Outcome, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Config, Fujitsu};
use crate::{
    Dialect,
    host::{Body, Call, Import},
    testing::{Answer, MemoryHost, get},
};

const EVENTS: &str = "/v1.0/t1/events";

const GOLDEN: &str = r#"{"events":[{"date":"2013-03-18T19:09:17","eventCategories":["backup"],"message":"Finished DB Instance backup","sourceIdentifier":"dbinst_678yuhyhih","sourceType":"db-instance"}]}"#;

/// The manual's sample of 2016.
const OLD_SAMPLE: &str = r#"{"marker":"event1192","events":[{" date":"2013-03-18T19:09:17","message":"Finished DB Instance backup","eventCategories":["backup"],"sourceIdentifier":"dbinst_678yuhyhih","sourceType":"db-instance"}]}"#;

fn fujitsu() -> Fujitsu {
    Fujitsu::new(Config::default())
}

fn import(tenant: &str) -> Import {
    Import { organization: Some(tenant.into()), installation: None }
}

fn read(body: &str, tenant: &str) -> Vec<Event> {
    fujitsu().read(body.as_bytes(), &import(tenant)).unwrap().into_iter().map(Result::unwrap).collect()
}

fn item(date: &str, category: &str, id: &str, source_type: &str) -> Value {
    json!({
        "date": date, "eventCategories": [category], "message": format!("{category} of {id}"),
        "sourceIdentifier": id, "sourceType": source_type
    })
}

/// Now is 12:00. Four events of t1 and one of t2.
fn host() -> Arc<MemoryHost> {
    let t1 = json!([
        item("2026-11-22T11:59:00", "backup", "a", "db-instance"),
        item("2026-11-22T11:00:00", "creation", "s", "db-snapshot"),
        item("2026-11-22T10:59:59", "configuration change", "a", "db-instance"),
        item("2026-11-21T12:00:00", "failure", "b", "db-instance"),
    ]);
    let t2 = item("2026-11-22T11:59:30", "backup", "z", "db-instance");
    let mut events = read(&t1.to_string(), "t1");
    events.extend(read(&t2.to_string(), "t2"));
    let host = MemoryHost::new(events);
    let host = host.with_reader("one", Some("t1"), None).with_reader("part", Some("t1"), Some("p"));
    Arc::new(host.with_reader("two", Some("t1"), None).with_reader("two", Some("t3"), None))
}

fn ask(host: &Arc<MemoryHost>, target: &str) -> Answer {
    get(&fujitsu(), host, target, &[("X-Auth-Token", "all")])
}

fn messages(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let json = answer.json();
    json["events"].as_array().unwrap().iter().map(|it| it["message"].as_str().unwrap().to_owned()).collect()
}

fn error(answer: &Answer, name: &str) -> (u16, String) {
    let json = answer.json();
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(json[name]["code"], answer.status, "{json}");
    (answer.status, json[name]["message"].as_str().unwrap().to_owned())
}

#[test]
fn the_golden_answer_comes_back() {
    for sample in [GOLDEN, OLD_SAMPLE] {
        let host = Arc::new(MemoryHost::new(read(sample, "t1")));
        let range = "startTime=2013-03-18T19:00Z&endTime=2013-03-18T20:00Z&eventCategories=backup";
        for path in [EVENTS, "/v1.0/t1/events/"] {
            let answer = ask(&host, &format!("{path}?{range}"));
            assert_eq!(
                (answer.status, &answer.headers["content-type"]),
                (200, &"application/json".parse().unwrap())
            );
            assert_eq!(std::str::from_utf8(&answer.body).unwrap(), GOLDEN);
        }
    }
    assert_eq!(read(GOLDEN, "t1"), read(OLD_SAMPLE, "t1"), "they are the same event");
}

#[test]
fn tokens_and_tenants_decide() {
    let headers = |token: &'static str| vec![("x-auth-token", token)];
    for given in [vec![], headers(""), headers("wrong"), vec![("authorization", "Bearer all")]] {
        for path in [EVENTS, "/v1.0/t1/eventcategories", "/v1.0/nothing/here"] {
            let answer = get(&fujitsu(), &host(), path, &given);
            let expected = (401, "The request you have made requires authentication.".to_owned());
            assert_eq!(error(&answer, "unauthorized"), expected, "{path} {given:?}");
        }
    }
    for (token, path, tenant) in [
        ("one", "/v1.0/t2/events", "t1"),
        ("one", "/v1.0/t2/eventcategories/db-instance", "t1"),
        // A token of several tenants has no tenant to name.
        ("two", "/v1.0/t2/events", "t2"),
    ] {
        let answer = get(&fujitsu(), &host(), path, &headers(token));
        let expected = format!("User with tenant id {tenant} cannot access this resource.");
        assert_eq!(error(&answer, "forbidden"), (403, expected));
    }
    for token in ["one", "two", "all"] {
        let answer = get(&fujitsu(), &host(), EVENTS, &headers(token));
        assert_eq!(messages(&answer), ["backup of a", "creation of s"], "{token}: of the path's tenant only");
    }
    let part = get(&fujitsu(), &host(), EVENTS, &headers("part"));
    assert_eq!(messages(&part), Vec::<String>::new(), "none of the events is of that project");
}

#[test]
fn windows_select() {
    let (backup, creation, change, failure) =
        ("backup of a", "creation of s", "configuration change of a", "failure of b");
    for (query, expected) in [
        ("", vec![backup, creation]),
        ("duration=1", vec![backup]),
        ("duration=61", vec![backup, creation, change]),
        ("duration=20160", vec![backup, creation, change, failure]),
        ("startTime=2026-11-22T11:30Z", vec![backup]),
        ("startTime=2026-11-22T11:30:00.000Z&duration=10000", vec![backup]),
        ("endTime=2026-11-22T11:00Z", vec![creation, change]),
        ("endTime=2026-11-22T11:00&duration=10000", vec![creation, change]),
        ("endTime=2026-11-22T12:00:00%2B01:00", vec![creation, change]),
        ("endTime=2026-11-22T12:00:00+01:00", vec![creation, change]),
        ("startTime=2026-11-21T12:00:00Z&endTime=2026-11-21T12:00:00Z", vec![failure]),
        ("startTime=2026-11-21T12:00:01Z&endTime=2026-11-22T10:59:58Z", vec![]),
        ("startTime=2026-11-23T00:00Z", vec![]),
    ] {
        assert_eq!(messages(&ask(&host(), &format!("{EVENTS}?{query}"))), expected, "{query}");
    }
}

#[test]
fn filters_select() {
    let (backup, creation, change, failure) =
        ("backup of a", "creation of s", "configuration change of a", "failure of b");
    for (query, expected) in [
        ("sourceType=db-instance", vec![backup, change, failure]),
        ("sourceType=db-snapshot", vec![creation]),
        ("sourceId=a", vec![backup, change]),
        ("sourceId=a&sourceType=db-snapshot", vec![]),
        ("sourceId=unknown", vec![]),
        ("eventCategories=backup", vec![backup]),
        ("eventCategories=backup&eventCategories=creation", vec![backup, creation]),
        ("eventCategories=backup,failure", vec![backup, failure]),
        ("eventCategories.=configuration+change", vec![change]),
        ("eventCategories.1=failure&eventCategories.2=creation", vec![creation, failure]),
        ("eventCategories.member.1=failure", vec![failure]),
        (
            "eventCategories.eventCategory.1=failure&eventCategories.eventCategory.2=backup",
            vec![backup, failure],
        ),
        ("eventCategories=unheard", vec![]),
        ("eventCategories=", vec![backup, creation, change, failure]),
        ("eventcategories=backup", vec![backup, creation, change, failure]),
        ("colour=red", vec![backup, creation, change, failure]),
        ("eventCategories=creation&sourceType=db-instance", vec![]),
    ] {
        let target = format!("{EVENTS}?startTime=2026-11-01T00:00Z&{query}");
        assert_eq!(messages(&ask(&host(), &target)), expected, "{query}");
    }
}

#[test]
fn bad_parameters_are_refused() {
    for (query, text) in [
        ("duration=0", "duration"),
        ("duration=20161", "duration"),
        ("duration=x", "duration"),
        ("startTime=yesterday", "startTime"),
        ("endTime=", "endTime"),
        ("startTime=2026-11-22T10:00Z&endTime=2026-11-22T09:00Z", "startTime is later than endTime"),
        ("sourceType=db-disk", "sourceType"),
        ("limit=x", "limit"),
        ("marker=event1192", "marker"),
        ("marker=00000000-0000-0000-0000-000000000000", "marker"),
        ("limit=20&limit=30", "limit is given more than once"),
    ] {
        let (status, message) = error(&ask(&host(), &format!("{EVENTS}?{query}")), "badRequest");
        assert_eq!(status, 400, "{query}");
        assert!(message.contains(text), "{query}: {message}");
    }
}

#[test]
fn categories_are_listed() {
    let instance = json!({
        "eventCategories": [
            "availability", "failover", "recovery", "low storage", "creation", "notification", "backup",
            "configuration change", "restoration", "maintenance", "deletion", "failure"
        ],
        "sourceType": "db-instance"
    });
    let snapshot = json!({
        "eventCategories": ["deletion", "restoration", "notification", "failure", "creation"],
        "sourceType": "db-snapshot"
    });
    for (path, expected) in [
        ("", json!([instance, snapshot])),
        ("/", json!([instance, snapshot])),
        ("/db-instance", json!([instance])),
        ("/db-instance/", json!([instance])),
        ("/instance/", json!([instance])),
        ("/snapshot", json!([snapshot])),
        ("/db-snapshot", json!([snapshot])),
    ] {
        let answer = ask(&host(), &format!("/v1.0/t1/eventcategories{path}"));
        assert_eq!((answer.status, answer.json()), (200, json!({"eventCategoriesMaps": expected})), "{path}");
    }
    assert_eq!(error(&ask(&host(), "/v1.0/t1/eventcategories/disk"), "itemNotFound").0, 404);
}

#[test]
fn unknown_paths_and_methods_are_refused_in_shape() {
    let send = |method: Method, path: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-auth-token", "all".parse().unwrap());
        let call = Call {
            route: None,
            method,
            path: path.to_owned(),
            parameters: Vec::new(),
            query: String::new(),
            headers,
            body: Bytes::new(),
            base_url: String::new(),
            request_id: Uuid::nil(),
            host: host(),
        };
        let fujitsu = fujitsu();
        let reply = futures_util::FutureExt::now_or_never(fujitsu.serve(call)).unwrap();
        let status = reply.status().as_u16();
        // RFC 9110: who refuses a method says which ones there are.
        let allow = reply.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(allow.as_deref(), (status == 405).then_some("GET, HEAD"), "{path}");
        let Body::Full(body) = reply.into_body() else { panic!("errors are short") };
        let json: Value = serde_json::from_slice(&body).unwrap();
        (status, json.as_object().unwrap().keys().next().unwrap().clone())
    };
    for (method, path, expected) in [
        (Method::POST, "/v1.0/t1/events", (405, "badMethod")),
        (Method::DELETE, "/v1.0/t1/events/", (405, "badMethod")),
        (Method::PUT, "/v1.0/t1/eventcategories", (405, "badMethod")),
        (Method::PUT, "/v1.0/t1/eventcategories/db-instance/", (405, "badMethod")),
        (Method::GET, "/v1.0/t1/instances", (404, "itemNotFound")),
        (Method::GET, "/v1.0/t1/events/7", (404, "itemNotFound")),
        (Method::GET, "/v1.0/", (404, "itemNotFound")),
    ] {
        let (status, name) = send(method.clone(), path);
        assert_eq!((status, name.as_str()), expected, "{method} {path}");
    }
}

#[test]
fn bodies_may_be_one_event_an_array_or_an_answer() {
    let one = item("2026-11-22T11:59:00", "backup", "a", "db-instance");
    assert_eq!(read(&one.to_string(), "t1").len(), 1);
    assert_eq!(read(&json!([one, one]).to_string(), "t1").len(), 2);
    assert_eq!(read(&json!({"events": []}).to_string(), "t1").len(), 0);
    let mixed = fujitsu().read(json!({"events": [one, {}]}).to_string().as_bytes(), &import("t1")).unwrap();
    assert!(mixed[0].is_ok() && mixed[1].is_err(), "a bad event does not spoil the others");
    let mut many = one.clone();
    many["eventCategories"] = json!(vec!["x"; 33]);
    let refused = fujitsu().read(many.to_string().as_bytes(), &import("t1")).unwrap().remove(0).unwrap_err();
    assert_eq!(refused.field, "categories");
    let error = fujitsu().read(one.to_string().as_bytes(), &Import::default()).unwrap_err();
    assert!(error.to_string().starts_with("`organization`"), "{error}");
}

/// Events of a database named after their number; `seconds` before noon each, a fraction keeps them apart.
fn numbered(seconds: &[i64]) -> Vec<Event> {
    let noon = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let event = |(number, seconds): (usize, &i64)| Event {
        id: Uuid::from_u128(number as u128 + 1),
        time: noon.plus_nanos(-seconds * 1_000_000_000 + (number as i64 % 4) * 250_000_000),
        source: "native".into(),
        kind: "k".into(),
        action: "backup".into(),
        outcome: Outcome::Success,
        organization: Named::new("t1", None),
        target: Entity { kind: Some("database".into()), id: Some(number.to_string()), name: None },
        data: Some(Json::parse("1").unwrap()),
        ..Event::default()
    };
    seconds.iter().enumerate().map(event).collect()
}

fn shown(answer: &Answer) -> (Vec<String>, Option<String>, Option<String>) {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let json = answer.json();
    let events = json["events"].as_array().unwrap();
    let ids = events.iter().map(|it| it["sourceIdentifier"].as_str().unwrap().to_owned()).collect();
    let date = events.last().map(|it| it["date"].as_str().unwrap().to_owned());
    (ids, date, json["marker"].as_str().map(Into::into))
}

#[test]
fn pages_are_held_to_the_limits_and_go_on_to_the_end_of_a_second() {
    let host = |seconds: &[i64]| Arc::new(MemoryHost::new(numbered(seconds)));
    let apart = host(&(1..=150).collect::<Vec<_>>());
    for (query, count) in [("", 20), ("limit=5", 20), ("limit=50", 50), ("limit=1000", 100)] {
        assert_eq!(shown(&ask(&apart, &format!("{EVENTS}?{query}"))).0.len(), count, "{query}");
    }
    // The 15th to 29th of 40 events share a second: the page of 20 is extended by 9 and the next begins behind.
    let mut seconds: Vec<i64> = (1..=14).collect();
    seconds.extend([20; 15]);
    seconds.extend(30..=40);
    let tied = host(&seconds);
    let (ids, date, marker) = shown(&ask(&tied, EVENTS));
    assert_eq!((ids.len(), date.as_deref(), marker), (29, Some("2026-11-22T11:59:40"), None));
    let (ids, _, _) = shown(&ask(&tied, &format!("{EVENTS}?marker={}", date.unwrap())));
    assert_eq!(ids.len(), 11);
    let (ids, _, _) = shown(&ask(&tied, &format!("{EVENTS}?marker=2026-11-22T11:59:20")));
    assert_eq!(ids, Vec::<String>::new(), "nothing is older than the last");
    assert_eq!(shown(&ask(&tied, &format!("{EVENTS}?marker="))).0.len(), 29, "an empty marker is none");
}

#[test]
fn newest_come_first() {
    let host = Arc::new(MemoryHost::new(numbered(&[3, 1, 2])));
    assert_eq!(shown(&ask(&host, EVENTS)).0, ["1", "2", "0"]);
}

#[test]
fn keystone_judges_tokens_where_it_is_configured() {
    let host = MemoryHost::new(Vec::new());
    let host = host.with_reader("static", Some("t1"), None).with_reader("keystone/theirs", Some("t1"), None);
    let host = Arc::new(host);
    let uri = "https://keystone.example.org/v3";
    let with = Fujitsu::new(Config { keystone_uri: Some(uri.to_owned()), ..Config::default() });
    let asked = |dialect: &Fujitsu, token: &str| get(dialect, &host, EVENTS, &[("x-auth-token", token)]);
    for (token, status, status_without) in [("static", 200, 200), ("theirs", 200, 401), ("wrong", 401, 401)] {
        assert_eq!(asked(&with, token).status, status, "{token}");
        assert_eq!(asked(&fujitsu(), token).status, status_without, "{token}");
    }
    for refused in [asked(&with, "wrong"), get(&with, &host, EVENTS, &[])] {
        assert_eq!(refused.headers["www-authenticate"], r#"Keystone uri="https://keystone.example.org/v3""#);
        assert_eq!(refused.json()["error"]["title"], "Unauthorized");
    }
    assert!(asked(&fujitsu(), "wrong").headers.get("www-authenticate").is_none());
    assert_eq!(
        error(&get(&with, &host, "/v1.0/t2/events", &[("x-auth-token", "theirs")]), "forbidden").0,
        403
    );
}

#[test]
fn a_marker_is_emitted_when_asked_for_and_more_follows() {
    let dialect = Fujitsu::new(Config { emit_marker: true, ..Config::default() });
    let ask = |host: &Arc<MemoryHost>, query: &str| {
        shown(&get(&dialect, host, &format!("{EVENTS}?{query}"), &[("x-auth-token", "all")]))
    };
    let host = |seconds: &[i64]| Arc::new(MemoryHost::new(numbered(seconds)));
    assert_eq!(ask(&host(&[1; 30]), "").2, None, "nothing follows the extended page");
    assert_eq!(ask(&host(&[]), "").2, None);
    let tied = host(&[[1; 25].as_slice(), &[2; 30]].concat());
    let (first, _, marker) = ask(&tied, "");
    assert_eq!(first.len(), 25);
    let marker = marker.unwrap();
    assert!(Uuid::try_parse(&marker).is_ok());
    let (second, _, marker) = ask(&tied, &format!("marker={marker}"));
    assert_eq!(second.len(), 20, "behind an event pages are exact");
    let (third, _, marker) = ask(&tied, &format!("marker={}", marker.unwrap()));
    assert_eq!((third.len(), marker), (10, None));
    let mut all = [first, second, third].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 55);
    // Without the option, the body has none, though events are taken as markers.
    let id = Uuid::from_u128(1);
    let (_, _, marker) = shown(&super::tests::ask(&tied, &format!("{EVENTS}?marker={id}")));
    assert_eq!(marker, None);
}

#[test]
fn events_of_other_sources_are_listed_when_there_are_words_for_them() {
    let event = |number: u128, action: &str, outcome: Outcome, target: &str, id: Option<&str>| Event {
        id: Uuid::from_u128(number),
        action: action.into(),
        outcome,
        target: Entity { kind: Some(target.into()), id: id.map(Into::into), name: None },
        ..numbered(&[number as i64]).remove(0)
    };
    let host = Arc::new(MemoryHost::new(vec![
        event(1, "create", Outcome::Success, "database", Some("1")),
        event(2, "create", Outcome::Success, "snapshot", Some("2")),
        event(3, "scale", Outcome::Failure, "database", Some("3")),
        event(4, "login", Outcome::Success, "database", Some("4")),
        event(5, "create", Outcome::Success, "instance", Some("5")),
        event(6, "create", Outcome::Success, "database", None),
        event(7, "stop", Outcome::Unknown, "database", Some("7")),
    ]));
    for (query, expected) in [
        ("", vec!["1", "2", "3", "7"]),
        ("eventCategories=creation", vec!["1", "2"]),
        ("eventCategories=creation&sourceType=db-snapshot", vec!["2"]),
        ("eventCategories=failure", vec!["3"]),
        ("eventCategories=configuration%20change", vec![]),
        ("eventCategories=availability,failure", vec!["3", "7"]),
        ("sourceId=7", vec!["7"]),
    ] {
        assert_eq!(shown(&ask(&host, &format!("{EVENTS}?{query}"))).0, expected, "{query}");
    }
}

proptest! {
    /// Walking by the last `date`, or by the emitted marker, yields every event exactly once and newest first,
    /// however many share a second and however early the store ends its pages.
    #[test]
    fn walking_yields_everything_once(
        seconds in proptest::collection::vec(1..12_i64, 0..150),
        page_events in 1..30_usize,
        by_marker in any::<bool>(),
    ) {
        let mut host = MemoryHost::new(numbered(&seconds));
        host.page_events = page_events;
        let host = Arc::new(host);
        let dialect = Fujitsu::new(Config { emit_marker: by_marker, ..Config::default() });
        let (mut walked, mut marker): (Vec<String>, String) = (Vec::new(), String::new());
        loop {
            let target = format!("{EVENTS}?marker={marker}&limit=20");
            let (ids, date, emitted) = shown(&get(&dialect, &host, &target, &[("x-auth-token", "all")]));
            let count = ids.len();
            walked.extend(ids);
            let next = if by_marker { emitted } else { date };
            match next {
                Some(next) if count >= 20 || by_marker => marker = next,
                _ => break,
            }
            prop_assert!(walked.len() <= seconds.len(), "an event is there twice");
        }
        let mut expected: Vec<_> = host.events.iter().map(|event| (event.position(), event.target.id.clone().unwrap())).collect();
        expected.sort();
        let expected: Vec<String> = expected.into_iter().rev().map(|(_, id)| id).collect();
        prop_assert_eq!(walked, expected);
    }
}
