//! Requests and whole answers.

use std::{collections::BTreeSet, sync::Arc};

use annals_model::{Entity, Event, Grant, Named, Outcome, Principal, Role, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Rds, marker::Marker, xml::reading};
use crate::{
    Dialect,
    host::{Body, Call, Import},
    testing::MemoryHost,
};

const EVENTS: &str = "Action=DescribeEvents&Version=2014-10-31";
const CATEGORIES: &str = "Action=DescribeEventCategories&Version=2014-10-31";

/// A whole answer in the shape in which AWS's command line prints it.
const SAMPLE: &str = r#"{"Events":[{"SourceIdentifier":"orders","SourceType":"db-instance","Message":"Finished DB instance backup","EventCategories":["backup"],"Date":"2026-11-22T11:59:50.415000+00:00","SourceArn":"arn:aws:rds:eu-central-1:123456789012:db:orders"}],"ResponseMetadata":{"RequestId":"x"}}"#;

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// The events of a list, each told by its identifier.
    fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.body);
        let root = reading::read(&self.body);
        let events = root.at(&["DescribeEventsResult", "Events"]).unwrap();
        events.children.iter().map(|it| it.text_at(&["SourceIdentifier"]).unwrap().to_owned()).collect()
    }

    fn marker(&self) -> Option<String> {
        let root = reading::read(&self.body);
        root.text_at(&["DescribeEventsResult", "Marker"]).map(str::to_owned)
    }

    /// Status, code and message of an error.
    fn error(&self) -> (u16, String, String) {
        let root = reading::read(&self.body);
        assert_eq!(root.name, "ErrorResponse", "{}", self.body);
        let part = |name| root.text_at(&["Error", name]).unwrap().to_owned();
        (self.status, part("Code"), part("Message"))
    }
}

fn send(host: &Arc<MemoryHost>, target: &str, body: &str, key: Option<&str>) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    headers.insert("host", "annals.test".parse().unwrap());
    headers.insert("x-amz-date", "20261122T120000Z".parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap());
    if let Some(key) = key {
        // The bytes that the host takes for a good signature, and others for a bad one.
        let (key, signature) = match key.strip_prefix("forged-") {
            Some(key) => (key, "00"),
            None => (key, "676f6f64"),
        };
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261122/eu-north-1/rds/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        headers.insert("authorization", value.parse().unwrap());
    }
    let call = Call {
        route: Rds.routes().iter().find(|route| route.path == path).copied(),
        method: Method::POST,
        path: path.to_owned(),
        parameters: Vec::new(),
        query: query.to_owned(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        base_url: String::new(),
        request_id: Uuid::from_u128(7),
        host: Arc::<MemoryHost>::clone(host),
    };
    let reply = Rds.serve(call).now_or_never().unwrap();
    let (parts, body) = reply.into_parts();
    let Body::Full(body) = body else { panic!("answers are whole") };
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(parts.headers["content-type"], "text/xml");
    assert_eq!(parts.headers["x-amzn-requestid"], Uuid::from_u128(7).to_string().as_str());
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn ask(host: &Arc<MemoryHost>, parameters: &str) -> Answer {
    send(host, "/", &format!("{EVENTS}&{parameters}"), Some("all"))
}

fn import(organization: &str) -> Import {
    Import { organization: Some(organization.into()), installation: None }
}

fn read(body: &str, organization: &str) -> Vec<Event> {
    Rds.read(body.as_bytes(), &import(organization)).unwrap().into_iter().map(Result::unwrap).collect()
}

fn item(date: &str, category: &str, id: &str, source_type: &str) -> Value {
    json!({
        "SourceIdentifier": id, "SourceType": source_type, "Message": "m", "EventCategories": [category],
        "Date": date, "SourceArn": "arn:aws:rds:eu-central-1:1:db:x"
    })
}

/// Now is 12:00. Six events of o1 and one of o2.
fn host() -> Arc<MemoryHost> {
    let o1 = json!([
        item("2026-11-22T11:59:00.000Z", "backup", "a1", "db-instance"),
        item("2026-11-22T11:00:00.000Z", "creation", "s1", "db-snapshot"),
        item("2026-11-22T10:59:59.999Z", "configuration change", "a2", "db-instance"),
        item("2026-11-21T12:00:00.000Z", "failure", "b1", "db-instance"),
        item("2026-10-01T12:00:00.000Z", "failover", "c1", "db-cluster"),
        item("2026-09-01T12:00:00.000Z", "novelty", "a1", "db-instance"),
    ]);
    let mut events = read(&o1.to_string(), "o1");
    events.extend(read(&item("2026-11-22T11:59:30.000Z", "backup", "z1", "db-instance").to_string(), "o2"));
    let mut host = MemoryHost::new(events)
        .with_reader("one", Some("o1"), None)
        .with_reader("both", Some("o1"), None)
        .with_reader("both", Some("o2"), None)
        .with_reader("none", Some("o3"), None);
    let writer = Principal {
        name: "writer <w>".into(),
        subject: None,
        token_scopes: None,
        grants: vec![Grant { role: Role::Writer, organization: None, project: None }],
    };
    host.principals.insert("writer".into(), writer);
    Arc::new(host)
}

#[test]
fn the_answer_is_exactly_in_shape() {
    let host = Arc::new(MemoryHost::new(read(SAMPLE, "o1")));
    let answer = ask(&host, "SourceType=db-instance&SourceIdentifier=orders");
    assert_eq!(answer.headers["content-type"], "text/xml");
    assert_eq!(
        answer.body,
        "<DescribeEventsResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeEventsResult><Events><Event>\
         <SourceIdentifier>orders</SourceIdentifier><SourceType>db-instance</SourceType>\
         <Message>Finished DB instance backup</Message>\
         <EventCategories><EventCategory>backup</EventCategory></EventCategories>\
         <Date>2026-11-22T11:59:50.415Z</Date><SourceArn>arn:aws:rds:eu-central-1:123456789012:db:orders</SourceArn>\
         </Event></Events></DescribeEventsResult><ResponseMetadata>\
         <RequestId>00000000-0000-0000-0000-000000000007</RequestId></ResponseMetadata></DescribeEventsResponse>"
    );
    let empty = ask(&host, "SourceType=db-snapshot");
    assert_eq!(
        empty.body,
        "<DescribeEventsResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeEventsResult><Events></Events>\
         </DescribeEventsResult><ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000007</RequestId>\
         </ResponseMetadata></DescribeEventsResponse>"
    );
}

#[test]
fn signatures_and_grants_decide() {
    let year = format!("{EVENTS}&StartTime=2026-01-01T00:00Z");
    for (key, expected) in [
        ("one", vec!["a1", "c1", "b1", "a2", "s1", "a1"]),
        ("both", vec!["a1", "c1", "b1", "a2", "s1", "a1", "z1"]),
        ("all", vec!["a1", "c1", "b1", "a2", "s1", "a1", "z1"]),
        ("none", vec![]),
    ] {
        assert_eq!(send(&host(), "/", &year, Some(key)).ids(), expected, "{key}");
    }
    for body in [EVENTS, CATEGORIES, "Action=Nonsense", ""] {
        for (key, status, code) in [
            (None, 403, "MissingAuthenticationToken"),
            (Some("nobody"), 403, "InvalidClientTokenId"),
            (Some("forged-one"), 403, "SignatureDoesNotMatch"),
        ] {
            let (found, found_code, _) = send(&host(), "/", body, key).error();
            assert_eq!((found, found_code.as_str()), (status, code), "{key:?} {body}");
        }
    }
    for body in [EVENTS, CATEGORIES] {
        let (status, code, message) = send(&host(), "/", body, Some("writer")).error();
        assert_eq!((status, code.as_str()), (403, "AccessDenied"));
        assert!(
            message.starts_with("User: writer <w> is not authorized to perform: rds:Describe"),
            "{message}"
        );
    }
}

#[test]
fn arns_name_the_region_and_the_organization() {
    let event = Event { organization: Named::new("o7", None), ..numbered(&[1]).remove(0) };
    let answer = ask(&Arc::new(MemoryHost::new(vec![event])), "");
    assert!(answer.body.contains("<SourceArn>arn:aws:rds:eu-north-1:o7:db:0</SourceArn>"), "{}", answer.body);
}

#[test]
fn parameters_may_be_in_the_query_string() {
    let day = "SourceType=db-instance&Duration=1440";
    let target = format!("/?{EVENTS}&{day}");
    assert_eq!(send(&host(), &target, "", Some("one")).ids(), ["b1", "a2", "a1"]);
    let split = send(&host(), &format!("/?{day}"), EVENTS, Some("one"));
    assert_eq!(split.ids(), ["b1", "a2", "a1"]);
    let (status, code, message) =
        send(&host(), "/?Duration=5", &format!("{EVENTS}&Duration=5"), Some("one")).error();
    assert_eq!((status, code.as_str()), (400, "InvalidQueryParameter"));
    assert_eq!(message, "The parameter Duration is given more than once.");
}

#[test]
fn actions_and_versions_are_named() {
    for (body, code, message) in [
        ("", "MissingAction", "The request is missing the parameter Action."),
        ("{\"Action\": \"DescribeEvents\"}", "MissingAction", "The request is missing the parameter Action."),
        (
            "Action=DeleteDBInstance&Version=2014-10-31",
            "InvalidAction",
            "Could not find operation DeleteDBInstance for version 2014-10-31",
        ),
        (
            "Action=describeevents&Version=2014-10-31",
            "InvalidAction",
            "Could not find operation describeevents for version 2014-10-31",
        ),
        (
            "Action=DescribeEvents&Version=2009-10-16",
            "InvalidAction",
            "Could not find operation DescribeEvents for version 2009-10-16",
        ),
        (
            "Action=DescribeEvents",
            "InvalidAction",
            "Could not find operation DescribeEvents for version NO_VERSION_SPECIFIED",
        ),
    ] {
        let found = send(&host(), "/", body, Some("one")).error();
        assert_eq!(found, (400, code.to_owned(), message.to_owned()), "{body}");
    }
    let (status, code, _) = send(&host(), "/other", EVENTS, Some("one")).error();
    assert_eq!((status, code.as_str()), (405, "MethodNotAllowed"));
    let long = format!("{EVENTS}&x={}", "y".repeat(70_000));
    let (status, code, _) = send(&host(), "/", &long, None).error();
    assert_eq!((status, code.as_str()), (413, "RequestEntityTooLarge"), "before anything is hashed");
}

#[test]
fn windows_select() {
    for (query, expected) in [
        ("", vec!["s1", "a1", "z1"]),
        ("Duration=1", vec!["a1", "z1"]),
        ("Duration=61", vec!["a2", "s1", "a1", "z1"]),
        // Beyond RDS's 14 days.
        ("Duration=100000", vec!["c1", "b1", "a2", "s1", "a1", "z1"]),
        ("Duration=2147483647", vec!["a1", "c1", "b1", "a2", "s1", "a1", "z1"]),
        ("StartTime=2026-11-22T11:59:30Z", vec!["z1"]),
        ("StartTime=2026-11-22T11:59:30Z&Duration=10000", vec!["z1"]),
        ("EndTime=2026-11-22T11:00:00Z", vec!["a2", "s1"]),
        ("EndTime=2026-11-22T11:00Z&Duration=1", vec!["a2", "s1"]),
        ("EndTime=2026-11-22T10:59:59.999Z", vec!["a2"]),
        ("EndTime=2026-11-22T10:59:59.998Z", vec![]),
        ("StartTime=2026-11-21T12:00:00Z&EndTime=2026-11-21T12:00:00Z", vec!["b1"]),
        ("StartTime=2026-11-21T12:00:00.001Z&EndTime=2026-11-22T10:00:00Z", vec![]),
        ("StartTime=2026-11-23T00:00:00Z", vec![]),
    ] {
        assert_eq!(ask(&host(), query).ids(), expected, "{query}");
    }
}

#[test]
fn filters_select() {
    let every = vec!["a1", "c1", "b1", "a2", "s1", "a1", "z1"];
    for (query, expected) in [
        ("SourceType=db-instance", vec!["a1", "b1", "a2", "a1", "z1"]),
        ("SourceType=db-snapshot", vec!["s1"]),
        ("SourceType=db-cluster", vec!["c1"]),
        ("SourceType=zero-etl", vec![]),
        ("SourceType=db-instance&SourceIdentifier=a1", vec!["a1", "a1"]),
        ("SourceType=db-snapshot&SourceIdentifier=a1", vec![]),
        ("SourceType=db-instance&SourceIdentifier=unknown", vec![]),
        ("EventCategories.EventCategory.1=backup", vec!["a1", "z1"]),
        (
            "EventCategories.EventCategory.1=backup&EventCategories.EventCategory.2=creation",
            vec!["s1", "a1", "z1"],
        ),
        ("EventCategories.member.1=failure&EventCategories.member.2=novelty", vec!["a1", "b1"]),
        ("EventCategories.member.1=configuration+change", vec!["a2"]),
        ("EventCategories.member.1=unheard", vec![]),
        ("EventCategories.member.1=Backup", vec![]),
        ("EventCategories=", every.clone()),
        ("Filters=&Marker=", every.clone()),
        ("Colour=red", every.clone()),
        ("EventCategories.member.1=creation&SourceType=db-instance", vec![]),
    ] {
        assert_eq!(ask(&host(), &format!("StartTime=2026-01-01T00:00Z&{query}")).ids(), expected, "{query}");
    }
}

#[test]
fn bad_parameters_are_refused() {
    let value = "InvalidParameterValue";
    let combination = "InvalidParameterCombination";
    for (query, code, text) in [
        ("SourceIdentifier=a1", combination, "Cannot specify source identifier without source type"),
        ("SourceIdentifier=", combination, "Cannot specify source identifier without source type"),
        ("SourceType=db-instance&SourceIdentifier=", value, "must not be blank"),
        ("SourceType=db-disk", value, "SourceType must be one of: db-instance, db-snapshot,"),
        ("SourceType=", value, "SourceType must be one of"),
        ("StartTime=yesterday", value, "StartTime must be a time"),
        ("EndTime=", value, "EndTime must be a time"),
        ("StartTime=2026-11-22T10:00Z&EndTime=2026-11-22T09:00Z", combination, "StartTime must not be later"),
        ("Duration=0", value, "Invalid value for Duration"),
        ("Duration=-5", value, "Invalid value for Duration"),
        ("Duration=x", value, "Invalid value for Duration"),
        ("Duration=2147483648", value, "Invalid value for Duration"),
        ("MaxRecords=19", value, "Invalid value 19 for MaxRecords. Must be between 20 and 100"),
        ("MaxRecords=101", value, "Invalid value 101 for MaxRecords. Must be between 20 and 100"),
        ("MaxRecords=", value, "Must be between 20 and 100"),
        ("MaxRecords=many", value, "Must be between 20 and 100"),
        ("MaxRecords=%3Cb%3E", value, "Invalid value <b> for MaxRecords"),
        ("Marker=x", value, "Invalid Marker"),
        (
            "Filters.Filter.1.Name=a&Filters.Filter.1.Values.Value.1=b",
            value,
            "Filters are not currently supported",
        ),
        ("Filters.member.1.Name=a", value, "Filters are not currently supported"),
        ("Filters=a", value, "Filters are not currently supported"),
        ("MaxRecords=20&MaxRecords=30", "InvalidQueryParameter", "MaxRecords is given more than once"),
    ] {
        let (status, found, message) = ask(&host(), query).error();
        assert_eq!((status, found.as_str()), (400, code), "{query}: {message}");
        assert!(message.contains(text), "{query}: {message}");
    }
}

#[test]
fn categories_are_listed() {
    let listed = |query: &str| {
        let answer = send(&host(), "/", &format!("{CATEGORIES}&{query}"), Some("one"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let root = reading::read(&answer.body);
        assert_eq!(root.name, "DescribeEventCategoriesResponse");
        assert_eq!(root.attributes, r#"xmlns="http://rds.amazonaws.com/doc/2014-10-31/""#);
        assert!(root.at(&["ResponseMetadata", "RequestId"]).is_some());
        let maps = root.at(&["DescribeEventCategoriesResult", "EventCategoriesMapList"]).unwrap();
        let one = |map: &reading::Element| {
            assert_eq!(map.name, "EventCategoriesMap");
            let categories = map.at(&["EventCategories"]).unwrap().children.iter();
            let categories: BTreeSet<String> = categories.map(|it| it.text.clone()).collect();
            (map.text_at(&["SourceType"]).unwrap().to_owned(), categories)
        };
        maps.children.iter().map(one).collect::<Vec<_>>()
    };
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    let snapshot = set(&["creation", "deletion", "failure", "notification", "restoration"]);
    assert_eq!(listed("SourceType=db-snapshot"), [("db-snapshot".to_owned(), snapshot)]);
    let instance = set(&[
        "availability",
        "backup",
        "configuration change",
        "creation",
        "deletion",
        "failover",
        "failure",
        "low storage",
        "maintenance",
        "notification",
        "read replica",
        "recovery",
        "restoration",
    ]);
    assert_eq!(listed("SourceType=db-instance"), [("db-instance".to_owned(), instance)]);
    assert_eq!(listed("SourceType=zero-etl"), [("zero-etl".to_owned(), set(&[]))]);
    let types: Vec<String> = listed("").into_iter().map(|(word, _)| word).collect();
    assert_eq!(types.len(), 9, "{types:?}");
    for query in ["SourceType=disk", "Filters.Filter.1.Name=a"] {
        let (status, code, _) = send(&host(), "/", &format!("{CATEGORIES}&{query}"), Some("one")).error();
        assert_eq!((status, code.as_str()), (400, "InvalidParameterValue"), "{query}");
    }
}

#[test]
fn bodies_may_be_one_event_an_array_or_an_answer() {
    let one = item("2026-11-22T11:59:00Z", "backup", "a", "db-instance");
    assert_eq!(read(SAMPLE, "o1").len(), 1);
    assert_eq!(read(&one.to_string(), "o1").len(), 1);
    assert_eq!(read(&json!([one, one]).to_string(), "o1").len(), 2);
    assert_eq!(read(r#"{"Events":[]}"#, "o1").len(), 0);
    let mixed = Rds.read(json!({"Events": [one, {}]}).to_string().as_bytes(), &import("o1")).unwrap();
    assert!(mixed[0].is_ok() && mixed[1].is_err(), "a bad event does not spoil the others");
    let error = Rds.read(one.to_string().as_bytes(), &Import::default()).unwrap_err();
    assert!(error.to_string().starts_with("`organization`"), "{error}");
}

/// Events of a database named after their number, so many seconds before noon.
fn numbered(seconds: &[i64]) -> Vec<Event> {
    let noon = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    let event = |(number, seconds): (usize, &i64)| Event {
        id: Uuid::from_u128(number as u128 + 1),
        time: noon.plus_nanos(-seconds * 1_000_000_000),
        source: "native".into(),
        kind: "k".into(),
        action: "backup".into(),
        outcome: Outcome::Success,
        organization: Named::new("o1", None),
        target: Entity { kind: Some("database".into()), id: Some(number.to_string()), name: None },
        ..Event::default()
    };
    seconds.iter().enumerate().map(event).collect()
}

#[test]
fn pages_have_limits() {
    let host = Arc::new(MemoryHost::new(numbered(&(1..=150).collect::<Vec<_>>())));
    for (query, count) in [("", 100), ("MaxRecords=20", 20), ("MaxRecords=57", 57), ("MaxRecords=100", 100)] {
        let answer = ask(&host, query);
        assert_eq!((answer.ids().len(), answer.marker().is_some()), (count, true), "{query}");
    }
    let all = ask(&Arc::new(MemoryHost::new(numbered(&[1; 100]))), "");
    assert_eq!((all.ids().len(), all.marker()), (100, None), "there is no marker when nothing follows");
}

#[test]
fn markers_belong_to_their_list() {
    let host = Arc::new(MemoryHost::new(numbered(&(1..=150).collect::<Vec<_>>())));
    let marker = ask(&host, "SourceType=db-instance&EventCategories.member.1=backup").marker().unwrap();
    for (query, good) in [
        ("SourceType=db-instance&EventCategories.member.1=backup", true),
        ("EventCategories.EventCategory.1=backup&MaxRecords=20&SourceType=db-instance", true),
        ("SourceType=db-instance", false),
        ("SourceType=db-instance&EventCategories.member.1=backup&Duration=60", false),
        ("SourceType=db-instance&EventCategories.member.1=creation", false),
        ("", false),
    ] {
        let answer = ask(&host, &format!("{query}&Marker={marker}"));
        assert_eq!(answer.status, if good { 200 } else { 400 }, "{query}: {}", answer.body);
        if !good {
            assert_eq!(answer.error().1, "InvalidParameterValue");
        }
    }
}

/// The window of a list that ends now does not move while somebody walks it, though the clock does.
#[test]
fn a_walk_keeps_its_window() {
    let events = numbered(&(0..110).map(|number| 3_600 - number).collect::<Vec<_>>());
    let first = ask(&Arc::new(MemoryHost::new(events.clone())), "");
    let marker = first.marker().unwrap();
    let read = Marker::read(&marker).unwrap();
    assert_eq!(read.range().from.map(|from| from.to_string()).as_deref(), Some("2026-11-22T11:00:00Z"));
    let mut later = MemoryHost::new(events);
    later.now = Timestamp::parse("2026-11-22T12:14:00Z").unwrap();
    let later = Arc::new(later);
    assert_eq!(ask(&later, "").ids(), Vec::<String>::new(), "they have left the past hour");
    let second = ask(&later, &format!("Marker={marker}"));
    assert_eq!(first.ids().len() + second.ids().len(), 110);
    assert_eq!(second.marker(), None);
}

proptest! {
    /// Walking by the marker yields every event once and oldest first, however many share an instant and however early
    /// the store ends its pages.
    #[test]
    fn walking_yields_everything_once(
        seconds in proptest::collection::vec(1..12_i64, 0..150),
        page_events in 1..30_usize,
    ) {
        let mut host = MemoryHost::new(numbered(&seconds));
        host.page_events = page_events;
        let host = Arc::new(host);
        let (mut walked, mut marker): (Vec<String>, String) = (Vec::new(), String::new());
        loop {
            let answer = ask(&host, &format!("Marker={marker}&MaxRecords=20"));
            walked.extend(answer.ids());
            prop_assert!(walked.len() <= seconds.len(), "an event is there twice");
            match answer.marker() {
                Some(next) => marker = next,
                None => break,
            }
        }
        let mut expected: Vec<_> =
            host.events.iter().map(|event| (event.position(), event.target.id.clone().unwrap())).collect();
        expected.sort();
        let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(walked, expected);
    }
}
