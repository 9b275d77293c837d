//! Requests and whole answers.

use std::sync::Arc;

use annals_model::{Entity, Event, Named, Outcome, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Config, PREFIX, Rafay, list::ORDERED_EVENTS_MAX};
use crate::{
    Dialect,
    host::{Body, Call, Import},
    testing::{Answer, MemoryHost, get},
};

const COMPUTE: &str = "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/compute/instance";
const SERVICE: &str = "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/service/instance";
const ALL_TIME: &str = "range_from=2026-01-01&range_to=2026-12-31";

const GOLDEN: &str = r#"{"kind":"compute","partner_id":"d27v024","organization_id":"dk3opkn","items":[{"id":"019c510c-8800-7aef-8715-fa6af0422e01","kind":"compute","status":"success","action":"deploy","message":"instance deployed","instance_id":"019c510c-86c4-707d-aef7-15fa6af0422e","instance_name":"dev-vm-1","profile_id":"019c2891-3cd2-7aec-a429-283874929fbd","profile_name":"small-gpu-vm","partner_id":"d27v024","organization_id":"lk5xnd2","organization_name":"Goodlife","project_id":"7krxjzk","project_name":"development","workspace_name":"default-ws","created_by":"user@example.com","created_at":"2026-02-12T08:51:41.123Z"}],"count":1,"offset":0,"limit":10,"range_from":"2026-02-12T00:00:00Z","range_to":"2026-02-13T10:20:46Z"}"#;

fn rafay() -> Rafay {
    Rafay::new(Config { partner_id: "d27v024".into(), organization_id: "dk3opkn".into() })
}

fn read(value: &Value) -> Vec<Event> {
    let events = rafay().read(value.to_string().as_bytes(), &Import::default()).unwrap();
    events.into_iter().map(Result::unwrap).collect()
}

fn item(id: &str, status: &str, created_at: &str) -> Value {
    json!({"id": id, "kind": "compute", "status": status, "instance_id": format!("instance-of-{id}"), "created_at": created_at})
}

fn ask(host: &Arc<MemoryHost>, target: &str) -> Answer {
    get(&rafay(), host, target, &[("X-API-KEY", "all")])
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let json = answer.json();
    json["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Four events, one of them of a service, and the order of the log is not that of time.
fn host() -> Arc<MemoryHost> {
    let mut service = item("s", "success", "2026-02-12T10:00:00Z");
    service["kind"] = "service".into();
    let mut two = item("2", "failed", "2026-02-12T09:00:00Z");
    two["organization_id"] = "other".into();
    let mut three = item("3", "success", "2026-02-12T11:00:00.500Z");
    three["profile_id"] = "gpu".into();
    three["organization_id"] = "acme".into();
    let events = read(&json!([three, item("1", "created", "2026-02-12T08:00:00Z"), two, service]));
    Arc::new(MemoryHost::new(events).with_reader("acme-only", Some("acme"), None))
}

#[test]
fn the_golden_answer_comes_back() {
    let events = read(&serde_json::from_str(GOLDEN).unwrap());
    let host = Arc::new(MemoryHost::new(events));
    let range = "range_from=2026-02-12T00:00:00.000Z&range_to=2026-02-13T10%3A20%3A46.789Z";
    let answer = ask(&host, &format!("{COMPUTE}?{range}&offset=0&limit=10"));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(std::str::from_utf8(&answer.body).unwrap(), GOLDEN);
}

#[test]
fn both_kinds_have_their_list_and_others_have_none() {
    assert_eq!(ids(&ask(&host(), &format!("{COMPUTE}?{ALL_TIME}"))), ["3", "2", "1"]);
    let service = ask(&host(), &format!("{SERVICE}?{ALL_TIME}"));
    assert_eq!((ids(&service), service.json()["kind"].clone()), (vec!["s".to_owned()], json!("service")));
    let unknown = ask(&host(), &COMPUTE.replace("compute", "storage"));
    assert_eq!((unknown.status, unknown.json()["code"].clone()), (404, json!(5)));
}

#[test]
fn keys_decide() {
    let target = format!("{COMPUTE}?{ALL_TIME}");
    for (headers, status, code) in [
        (vec![], 401, 16),
        (vec![("x-api-key", "")], 401, 16),
        (vec![("x-api-key", "wrong")], 401, 16),
        (vec![("authorization", "Bearer all")], 401, 16),
        (vec![("x-api-key", "acme-only")], 403, 7),
    ] {
        let answer = get(&rafay(), &host(), &target, &headers);
        let json = answer.json();
        assert_eq!((answer.status, json["code"].as_i64()), (status, Some(code)), "{headers:?}");
        assert_eq!(json["details"], json!([]));
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    for name in ["x-api-key", "X-API-KEY", "X-RAFAY-API-KEYID", "x-rafay-api-keyid"] {
        assert_eq!(get(&rafay(), &host(), &target, &[(name, "all")]).status, 200, "{name}");
    }
}

#[test]
fn the_range_is_required_and_must_make_sense() {
    for (query, text) in [
        ("range_to=2026-01-01", "range_from is missing"),
        ("range_from=2026-01-01", "range_to is missing"),
        ("range_from=&range_to=2026-01-01", "range_from is empty"),
        ("range_from=2026-01-01&range_to=", "range_to is empty"),
        ("range_from=soon&range_to=2026-01-01", "range_from is not a time"),
        ("range_from=2026-01-02&range_to=2026-01-01", "range_from is later than range_to"),
        (
            "range_from=2026-01-01&range_from=2026-01-01&range_to=2026-01-01",
            "range_from is given more than once",
        ),
    ] {
        let answer = ask(&host(), &format!("{COMPUTE}?{query}"));
        let json = answer.json();
        assert_eq!((answer.status, json["code"].as_i64()), (400, Some(3)), "{query}");
        assert!(json["message"].as_str().unwrap().contains(text), "{query}: {json}");
    }
}

#[test]
fn the_range_is_closed_on_both_ends() {
    for (range, expected) in [
        ("range_from=2026-02-12T08:00:00Z&range_to=2026-02-12T11:00:00.500Z", vec!["3", "2", "1"]),
        ("range_from=2026-02-12T08:00:00.001Z&range_to=2026-02-12T11:00:00.499Z", vec!["2"]),
        ("range_from=2026-02-12T09:00:00Z&range_to=2026-02-12T09:00:00Z", vec!["2"]),
        // A bare `+` in a zone, and epoch seconds and milliseconds.
        ("range_from=2026-02-12T09:00:00+00:00&range_to=2026-02-12T10:00:00+01:00", vec!["2"]),
        ("range_from=1770886800&range_to=1770886800000", vec!["2"]),
        ("range_from=2026-02-12&range_to=2026-02-13", vec!["3", "2", "1"]),
        ("range_from=2026-02-13&range_to=2026-02-14", vec![]),
    ] {
        assert_eq!(ids(&ask(&host(), &format!("{COMPUTE}?{range}"))), expected, "{range}");
    }
}

#[test]
fn pages_have_a_limit_and_an_offset() {
    let fields = |query: &str| {
        let answer = ask(&host(), &format!("{COMPUTE}?{ALL_TIME}{query}"));
        let json = answer.json();
        let number = |name: &str| json[name].as_u64().unwrap();
        (ids(&answer).join(" "), number("count"), number("offset"), number("limit"))
    };
    assert_eq!(fields(""), ("3 2 1".to_owned(), 3, 0, 10));
    assert_eq!(fields("&limit=2"), ("3 2".to_owned(), 3, 0, 2));
    assert_eq!(fields("&limit=2&offset=2"), ("1".to_owned(), 3, 2, 2));
    assert_eq!(fields("&limit=5000&offset=1"), ("2 1".to_owned(), 3, 1, 1000));
    assert_eq!(fields("&offset=50"), (String::new(), 3, 50, 10));
    for query in
        ["&limit=0", "&limit=-1", "&limit=x", "&limit=", "&offset=-1", "&offset=x", "&order=up", "&orderby=x"]
    {
        let answer = ask(&host(), &format!("{COMPUTE}?{ALL_TIME}{query}"));
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!(3)), "{query}");
    }
}

#[test]
fn filters_are_exact_and_unknown_parameters_are_ignored() {
    for (query, expected) in [
        ("&status=success", vec!["3"]),
        ("&status=Success", vec![]),
        ("&status=nothing", vec![]),
        ("&status=", vec!["3", "2", "1"]),
        ("&org_id=acme", vec!["3"]),
        ("&org_id=nowhere", vec![]),
        ("&org_id=&profile_id=", vec!["3", "2", "1"]),
        ("&org_id", vec!["3", "2", "1"]),
        ("&profile_id=gpu", vec!["3"]),
        ("&profile_id=gpu&org_id=other", vec![]),
        ("&colour=red", vec!["3", "2", "1"]),
        ("&order=asc", vec!["1", "2", "3"]),
        ("&order=ASC&orderby=created_at&limit=1", vec!["1"]),
        ("&order=desc&orderBy=createdAt", vec!["3", "2", "1"]),
    ] {
        let answer = ask(&host(), &format!("{COMPUTE}?{ALL_TIME}{query}"));
        assert_eq!(ids(&answer), expected, "{query}");
        if !query.contains("limit") {
            assert_eq!(answer.json()["count"].as_u64(), Some(expected.len() as u64), "{query}");
        }
    }
    let empty = ask(&host(), &format!("{COMPUTE}?{ALL_TIME}&status=nothing"));
    assert_eq!(empty.json()["items"], json!([]), "clients iterate: never null");
}

#[test]
fn other_columns_order_too() {
    for (query, expected) in [
        ("&orderby=status", vec!["3", "2", "1"]),
        ("&orderby=status&order=asc", vec!["1", "2", "3"]),
        ("&orderby=organization_id&order=asc", vec!["1", "3", "2"]),
        ("&orderby=organization_id", vec!["2", "3", "1"]),
        ("&orderby=organizationId&limit=1&offset=1", vec!["3"]),
        ("&orderby=instance_id&order=asc&offset=2", vec!["3"]),
        ("&orderby=status&offset=9", vec![]),
        // No event has one: all tie, and the order of time remains.
        ("&orderby=instance_name", vec!["3", "2", "1"]),
        ("&orderby=instance_name&order=asc", vec!["1", "2", "3"]),
    ] {
        let answer = ask(&host(), &format!("{COMPUTE}?{ALL_TIME}{query}"));
        assert_eq!(ids(&answer), expected, "{query}");
        assert_eq!(answer.json()["count"], 3, "{query}");
    }
}

#[test]
fn ordering_by_a_column_is_bounded() {
    let event = |number: u64| Event {
        id: Uuid::from_u128(number.into()),
        time: Timestamp::parse("2026-02-12T08:00:00Z").unwrap(),
        source: "native".into(),
        kind: "k".into(),
        action: "create".into(),
        target: Entity { kind: Some("instance".into()), id: Some(number.to_string()), name: None },
        ..Event::default()
    };
    let mut host = MemoryHost::new((0..ORDERED_EVENTS_MAX).map(event).collect());
    host.page_events = 3_000;
    let host = Arc::new(host);
    let target = format!("{COMPUTE}?{ALL_TIME}&orderby=instance_id&order=asc&limit=3");
    let answer = ask(&host, &target);
    let instances: Vec<_> =
        answer.json()["items"].as_array().unwrap().iter().map(|item| item["instance_id"].clone()).collect();
    assert_eq!(instances, [json!("0"), json!("1"), json!("10")]);

    let host = Arc::new(MemoryHost::new((0..=ORDERED_EVENTS_MAX).map(event).collect()));
    let answer = ask(&host, &target);
    assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!(3)));
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("10001 events match and at most 10000"), "{message}");
    assert_eq!(
        ids(&ask(&host, &format!("{COMPUTE}?{ALL_TIME}&limit=3"))).len(),
        3,
        "by time there is no bound"
    );
}

#[test]
fn events_of_other_sources_are_listed_when_there_are_words_for_them() {
    let event = |number: u128, action: &str, outcome: Outcome, target: &str, id: Option<&str>| Event {
        id: Uuid::from_u128(number),
        time: Timestamp::parse("2026-02-12T08:00:00Z").unwrap(),
        source: "native".into(),
        kind: format!("x.{action}"),
        action: action.into(),
        outcome,
        status: Some("success".into()),
        organization: Named::new("acme", Some("Acme".into())),
        target: Entity { kind: Some(target.into()), id: id.map(Into::into), name: Some("vm".into()) },
        ..Event::default()
    };
    let host = Arc::new(MemoryHost::new(vec![
        event(1, "create", Outcome::Unknown, "instance", Some("i")),
        event(2, "restart", Outcome::Success, "instance", Some("i")),
        event(3, "delete", Outcome::Failure, "instance", Some("i")),
        event(4, "scale", Outcome::Pending, "instance", Some("i")),
        event(5, "restart", Outcome::Unknown, "instance", Some("i")),
        event(6, "create", Outcome::Success, "database", Some("i")),
        event(7, "create", Outcome::Success, "instance", None),
        event(8, "create", Outcome::Success, "service_instance", Some("i")),
    ]));
    let shown = |target: &str| {
        let json = ask(&host, target).json();
        let items = json["items"].as_array().unwrap().clone();
        assert_eq!(json["count"].as_u64(), Some(items.len() as u64));
        let word = |item: &Value| {
            format!("{}:{}", &item["id"].as_str().unwrap()[35..], item["status"].as_str().unwrap())
        };
        items.iter().map(word).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        shown(&format!("{COMPUTE}?{ALL_TIME}&order=asc")),
        "1:created 2:success 3:failed 4:inprogress"
    );
    assert_eq!(shown(&format!("{SERVICE}?{ALL_TIME}")), "8:created");
    for (status, expected) in [
        ("created", "1:created"),
        ("success", "2:success"),
        ("failed", "3:failed"),
        ("inprogress", "4:inprogress"),
        ("deleted", ""),
    ] {
        assert_eq!(shown(&format!("{COMPUTE}?{ALL_TIME}&status={status}")), expected);
    }
}

#[test]
fn unknown_paths_and_methods_are_refused_in_shape() {
    let send = |method: Method, path: &str| {
        let call = Call {
            route: None,
            method,
            path: path.to_owned(),
            parameters: Vec::new(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            base_url: String::new(),
            request_id: Uuid::nil(),
            host: host(),
        };
        let rafay = rafay();
        let reply = futures_util::FutureExt::now_or_never(rafay.serve(call)).unwrap();
        let status = reply.status().as_u16();
        let Body::Full(body) = reply.into_body() else { panic!("errors are short") };
        (status, serde_json::from_slice::<Value>(&body).unwrap()["code"].as_i64().unwrap())
    };
    assert_eq!(send(Method::POST, COMPUTE), (501, 12));
    assert_eq!(send(Method::DELETE, SERVICE), (501, 12));
    assert_eq!(send(Method::GET, &format!("{PREFIX}v1/else")), (404, 5));
    assert_eq!(send(Method::POST, &COMPUTE.replace("compute", "a/b")), (404, 5));
}

#[test]
fn bodies_may_be_one_event_an_array_or_an_answer() {
    let one = item("1", "success", "2026-02-12T08:00:00Z");
    assert_eq!(read(&one).len(), 1);
    assert_eq!(read(&json!([one, one])).len(), 2);
    let mut bare = one.clone();
    bare.as_object_mut().unwrap().remove("kind");
    let events = read(&json!({"kind": "service", "items": [bare, one], "count": 2}));
    let targets: Vec<_> = events.iter().map(|event| event.target.kind.as_deref().unwrap()).collect();
    assert_eq!(targets, ["service_instance", "instance"], "an event's own kind comes before the answer's");
    let mixed = rafay().read(json!([one, {"id": 1}]).to_string().as_bytes(), &Import::default()).unwrap();
    assert!(mixed[0].is_ok() && mixed[1].is_err(), "a bad event does not spoil the others");
    assert!(rafay().read(b"{", &Import::default()).is_err());
    let mut long = one.clone();
    long["status"] = "x".repeat(5_000).into();
    let refused =
        rafay().read(long.to_string().as_bytes(), &Import::default()).unwrap().remove(0).unwrap_err();
    assert_eq!(refused.field, "status");
}

proptest! {
    /// Walking by offset yields every event once, in either direction, however early the store ends its pages.
    #[test]
    fn walking_by_offset_yields_everything_once(
        seconds in proptest::collection::vec(0..5_i64, 0..40),
        limit in 1..9_usize,
        page_events in 1..5_usize,
        order in prop_oneof![Just("asc"), Just("desc")],
        column in prop_oneof![Just("created_at"), Just("status")],
    ) {
        let event = |(number, second): (usize, &i64)| Event {
            id: Uuid::from_u128(number as u128),
            time: Timestamp::from_seconds(1_770_886_800 + second).unwrap(),
            source: "native".into(),
            kind: "k".into(),
            action: if number % 3 == 0 { "create".into() } else { "restart".into() },
            outcome: if number % 2 == 0 { Outcome::Success } else { Outcome::Failure },
            target: Entity { kind: Some("instance".into()), id: Some("i".into()), name: None },
            ..Event::default()
        };
        let mut host = MemoryHost::new(seconds.iter().enumerate().map(event).collect());
        host.page_events = page_events;
        let host = Arc::new(host);
        let mut walked = Vec::new();
        loop {
            let offset = walked.len();
            let target = format!("{COMPUTE}?{ALL_TIME}&limit={limit}&offset={offset}&order={order}&orderby={column}");
            let page = ids(&ask(&host, &target));
            prop_assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        let mut unique = walked.clone();
        unique.sort();
        unique.dedup();
        prop_assert_eq!((unique.len(), walked.len()), (seconds.len(), seconds.len()));
    }
}
