//! `GET /organization/{organizationId}/events` as Qovery's clients use it.

use super::*;

/// The numbers of the events of an answer, in its order.
fn numbers(answer: &Answer) -> Vec<u128> {
    assert_eq!(answer.status, 200, "{}", answer.json());
    let number = |event: &Value| Uuid::parse_str(event["id"].as_str().unwrap()).unwrap().as_u128() & 0xffff;
    answer.json()["events"].as_array().unwrap().iter().map(number).collect()
}

fn link(answer: &Answer, name: &str) -> Option<String> {
    answer.json()["links"].get(name).map(|link| link.as_str().unwrap().to_owned())
}

/// Ten events, the first five in the same instant.
fn ten() -> Vec<Value> {
    (1..=10).map(|number| said(number, (number as i64 - 5).max(0), &json!({}))).collect()
}

#[test]
fn the_newest_ten_come_first() {
    let mut events = ten();
    events.extend((11..=12).map(|number| said(number, number as i64, &json!({}))));
    let host = Arc::new(host(&events));
    let answer = ask(&host, &path("/events"));
    assert_eq!(numbers(&answer), [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    assert_eq!(answer.json()["organization_max_limit_reached"], false);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(link(&answer, "previous"), None);
    let next = link(&answer, "next").unwrap();
    let last = Timestamp::parse("2026-11-20T10:00:00Z").unwrap().nanos();
    assert_eq!(next, path(&format!("/events?continueToken={last}-3")));
    assert_eq!(numbers(&ask(&host, &next)), [2, 1]);
}

#[test]
fn walking_there_and_back_meets_every_event_once() {
    for page_size in [1, 2, 3, 5, 9, 10] {
        let host = Arc::new(host(&ten()));
        let mut pages = Vec::new();
        let mut answer = ask(&host, &path(&format!("/events?pageSize={page_size}")));
        loop {
            pages.push(numbers(&answer));
            let Some(next) = link(&answer, "next") else { break };
            assert_eq!(next.matches("continueToken=").count(), 1);
            answer = ask(&host, &next);
        }
        assert_eq!(pages.concat(), (1..=10).rev().collect::<Vec<u128>>());
        assert!(pages.iter().all(|page| !page.is_empty()));
        while let Some(previous) = link(&answer, "previous") {
            pages.pop();
            answer = ask(&host, &previous);
            assert_eq!(Some(&numbers(&answer)), pages.last());
            assert!(link(&answer, "next").is_some());
        }
        assert_eq!(pages.len(), 1);
    }
}

#[test]
fn a_page_that_ends_early_loses_nothing() {
    let mut host = host(&ten());
    host.page_events = 4;
    let host = Arc::new(host);
    let first = ask(&host, &path("/events"));
    assert_eq!(numbers(&first), [10, 9, 8, 7]);
    let second = ask(&host, &link(&first, "next").unwrap());
    assert_eq!(numbers(&second), [6, 5, 4, 3]);
    assert_eq!(numbers(&ask(&host, &link(&second, "previous").unwrap())), [10, 9, 8, 7]);
}

#[test]
fn bare_tokens_are_strict_about_the_instant() {
    let host = Arc::new(host(&ten()));
    let at = Timestamp::parse("2026-11-20T10:00:00Z").unwrap().nanos();
    assert_eq!(numbers(&ask(&host, &path(&format!("/events?continueToken={}", at + 1)))), [5, 4, 3, 2, 1]);
    let older = ask(&host, &path(&format!("/events?continueToken={at}")));
    assert!(numbers(&older).is_empty() && link(&older, "previous").is_none());
    let newer = ask(&host, &path(&format!("/events?pageSize=2&stepBackToken={at}")));
    assert_eq!(numbers(&newer), [7, 6]);
    assert!(link(&newer, "previous").is_some() && link(&newer, "next").is_some());
    assert_eq!(ask(&host, &path("/events?continueToken=1&stepBackToken=1")).status, 400);
    assert_eq!(ask(&host, &path("/events?continueToken=yesterday")).status, 400);
    assert_eq!(numbers(&ask(&host, &path("/events?pageSize=1&continueToken=&stepBackToken="))), [10]);
}

#[test]
fn links_keep_page_size_and_filters() {
    let host = Arc::new(host(&ten()));
    let filters = format!(
        "pageSize=3.0&fromTimestamp=1700000000&toTimestamp=1900000000&eventType=UPDATE&targetType=APPLICATION\
         &targetId={}&triggeredBy=alice%40example.com&origin=CONSOLE&serviceProjectId={}&serviceEnvironmentId={}",
        uuid(500),
        uuid(600),
        uuid(700),
    );
    let answer = ask(&host, &path(&format!("/events?{filters}&unknown=1")));
    assert_eq!(numbers(&answer), [10, 9, 8]);
    let next = link(&answer, "next").unwrap();
    let without_token = next.split("&continueToken=").next().unwrap();
    assert_eq!(without_token, path(&format!("/events?{filters}")));
    let sub = ask(&host, &path("/events?subTargetType=CONFIG"));
    assert!(numbers(&sub).is_empty() && sub.json()["links"] == json!({}));
}

#[test]
fn page_sizes() {
    let many: Vec<Value> = (1..=120).map(|number| said(number, number as i64, &json!({}))).collect();
    let host = Arc::new(host(&many));
    for (given, expected) in [
        ("1", 1),
        ("30", 30),
        ("30.0", 30),
        ("1e%2B01", 10),
        ("1e+01", 10),
        ("100", 100),
        ("101", 100),
        ("1e%2B06", 100),
        ("1e999", 100),
        ("", 10),
    ] {
        let answer = ask(&host, &path(&format!("/events?pageSize={given}")));
        assert_eq!(numbers(&answer).len(), expected, "{given}");
    }
    for given in ["0", "-1", "0.5", "1.5", "ten", "NaN"] {
        assert_eq!(ask(&host, &path(&format!("/events?pageSize={given}"))).status, 400, "{given}");
    }
}

#[test]
fn ranges_include_their_first_instant_and_their_last_unit() {
    let events = [
        said(1, 0, &json!({"timestamp": "2026-11-20T09:59:59.999999999Z"})),
        said(2, 0, &json!({})),
        said(3, 0, &json!({"timestamp": "2026-11-20T10:00:00.999999999Z"})),
        said(4, 1, &json!({})),
    ];
    let host = Arc::new(host(&events));
    let second = Timestamp::parse("2026-11-20T10:00:00Z").unwrap().seconds();
    for (query, expected) in [
        (format!("fromTimestamp={second}"), vec![4, 3, 2]),
        (format!("toTimestamp={second}"), vec![3, 2, 1]),
        (format!("fromTimestamp={second}&toTimestamp={second}"), vec![3, 2]),
        (format!("fromTimestamp={second}000&toTimestamp={second}000"), vec![2]),
        (format!("fromTimestamp={second}000000&toTimestamp={second}999999"), vec![3, 2]),
        (format!("fromTimestamp={second}000000001&toTimestamp={second}999999999"), vec![3]),
        (format!("fromTimestamp={}&toTimestamp={second}", second + 1), vec![]),
        ("fromTimestamp=&toTimestamp=".to_owned(), vec![4, 3, 2, 1]),
    ] {
        assert_eq!(numbers(&ask(&host, &path(&format!("/events?{query}")))), expected, "{query}");
    }
    assert_eq!(ask(&host, &path("/events?fromTimestamp=2026-11-20")).status, 400);
}

#[test]
fn every_filter_selects() {
    let other = |members: &Value| said(2, 1, members);
    for (query, members) in [
        ("eventType=DEPLOYED".to_owned(), json!({"event_type": "DEPLOYED"})),
        ("targetType=DATABASE".to_owned(), json!({"target_type": "DATABASE"})),
        (format!("targetId={}", uuid(501)), json!({"target_id": uuid(501)})),
        (
            format!("targetType=APPLICATION&targetId={}", uuid(501).to_uppercase()),
            json!({"target_id": uuid(501)}),
        ),
        ("subTargetType=VARIABLE".to_owned(), json!({"sub_target_type": "VARIABLE"})),
        ("triggeredBy=policy%3Ax%3AJenkins+1".to_owned(), json!({"triggered_by": "policy:x:Jenkins 1"})),
        ("origin=GIT".to_owned(), json!({"origin": "GIT"})),
        (format!("serviceProjectId={}", uuid(601)), json!({"project_id": uuid(601)})),
        (format!("serviceEnvironmentId={}", uuid(701)), json!({"environment_id": uuid(701)})),
        // A project's and an environment's own events are theirs too.
        (
            format!("targetType=PROJECT&targetId={0}&serviceProjectId={0}", uuid(601)),
            json!({"target_type": "PROJECT", "target_id": uuid(601), "project_id": null, "environment_id": null}),
        ),
        (
            format!(
                "targetType=ENVIRONMENT&serviceProjectId={}&serviceEnvironmentId={}",
                uuid(600),
                uuid(701)
            ),
            json!({"target_type": "ENVIRONMENT", "target_id": uuid(701), "environment_id": null}),
        ),
    ] {
        let host = Arc::new(host(&[said(1, 0, &json!({})), other(&members)]));
        assert_eq!(numbers(&ask(&host, &path(&format!("/events?{query}")))), [2], "{query}");
    }
}

#[test]
fn every_listed_value_is_taken_and_no_other() {
    let host = Arc::new(host(&[said(1, 0, &json!({}))]));
    for (name, list) in [
        ("eventType", EVENT_TYPES),
        ("targetType", TARGET_TYPES),
        ("subTargetType", SUB_TARGET_TYPES),
        ("origin", ORIGINS),
    ] {
        for value in list {
            assert_eq!(ask(&host, &path(&format!("/events?{name}={value}"))).status, 200, "{name}={value}");
        }
        for value in ["NOTHING", "update", "CREATE,UPDATE"] {
            let answer = ask(&host, &path(&format!("/events?{name}={value}")));
            assert_eq!(answer.status, 400, "{name}={value}");
            assert!(answer.json()["message"].as_str().unwrap().starts_with(name));
        }
    }
    assert_eq!(ask(&host, &path("/events?targetId=shop")).status, 400);
    assert_eq!(ask(&host, &path("/events?origin=API&origin=CLI")).status, 400);
}

#[test]
fn events_of_other_sources_are_seen_and_found() {
    let events = vec![
        foreign("create", Outcome::Success, "app"),
        foreign("create", Outcome::Failure, "app"),
        foreign("deploy", Outcome::Failure, "app"),
        foreign("login", Outcome::Success, "user"),
        foreign("create", Outcome::Success, "instance"),
    ];
    let host = Arc::new(MemoryHost::new(events));
    let types = |query: &str| -> Vec<String> {
        let answer = ask(&host, &path(&format!("/events?{query}")));
        let list = answer.json()["events"].as_array().unwrap().clone();
        list.iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(""), ["DEPLOY_FAILED", "CREATE"]);
    assert_eq!(types("eventType=CREATE&targetType=APPLICATION"), ["CREATE"]);
    assert_eq!(types("eventType=DEPLOY_FAILED"), ["DEPLOY_FAILED"]);
    assert_eq!(types("eventType=DELETE"), [""; 0]);
}

#[test]
fn refusals_have_the_platforms_shape() {
    let mut host = host(&[said(1, 0, &json!({}))])
        .with_reader("other", Some("0a1b2c3d-0000-4000-8000-00000000000b"), None)
        .with_reader("project", Some(ORGANIZATION), Some(&uuid(600)))
        .with_reader("empty", Some("0a1b2c3d-0000-4000-8000-00000000000c"), None);
    host.page_events = 100;
    let host = Arc::new(host);
    let dialect = dialect();
    let events = path("/events");
    let check = |authorization: &str, target: &str, status: u16, error: &str| {
        let answer = ask_as(&dialect, &host, authorization, target);
        let body = answer.json();
        assert_eq!((answer.status, &body["status"], &body["error"]), (status, &json!(status), &json!(error)));
        assert!(!body["message"].as_str().unwrap().is_empty());
    };
    check("Bearer nobody", &events, 401, "Unauthorized");
    check("Basic all", &events, 401, "Unauthorized");
    check("Token", &events, 401, "Unauthorized");
    check("Token other", &events, 403, "Forbidden");
    check("Token all", "/organization/acme/events", 400, "Bad Request");
    check("Token all", "/organization/0a1b2c3d000040008000000000000000/events", 400, "Bad Request");
    // Nobody has heard of it: no right names it, and no event.
    check("Token all", "/organization/0a1b2c3d-0000-4000-8000-0000000000ff/events", 404, "Not Found");
    check("Token all", &path("/nonsense"), 404, "Not Found");
    check("Token all", &path("/events?pageSize=0"), 400, "Bad Request");
    assert_eq!(get(&dialect, &host, &events, &[]).status, 401);

    assert_eq!(numbers(&ask_as(&dialect, &host, "Bearer all", &events)), [1]);
    assert_eq!(
        numbers(&ask_as(
            &dialect,
            &host,
            "token all",
            &events.to_uppercase().replace("ORGANIZATION", "organization").replace("EVENTS", "events")
        )),
        [1]
    );
    assert_eq!(numbers(&ask_as(&dialect, &host, "Token project", &events)), [1]);
    // Rights that name an organization make it known before anything happens there.
    let empty = "/organization/0a1b2c3d-0000-4000-8000-00000000000c/events";
    let answer = ask_as(&dialect, &host, "Token empty", empty);
    assert_eq!(answer.json(), json!({"links": {}, "organization_max_limit_reached": false, "events": []}));
}

#[test]
fn a_project_right_shows_the_project_only() {
    let host = host(&[said(1, 0, &json!({})), said(2, 1, &json!({"project_id": uuid(601)}))]).with_reader(
        "project",
        Some(ORGANIZATION),
        Some(&uuid(601)),
    );
    assert_eq!(numbers(&ask_as(&dialect(), &Arc::new(host), "Token project", &path("/events"))), [2]);
}

#[test]
fn a_read_limit_withholds_and_says_so() {
    // Now is 2026-11-22T12:00:00Z.
    let events = [
        said(1, 0, &json!({"timestamp": "2026-11-15T11:59:59.999999999Z"})),
        said(2, 0, &json!({"timestamp": "2026-11-15T12:00:00Z"})),
        said(3, 0, &json!({"timestamp": "2026-11-20T12:00:00Z", "origin": "GIT"})),
    ];
    let host = Arc::new(host(&events));
    let config: Config =
        serde_json::from_value(json!({"read_limit_days": {ORGANIZATION.to_uppercase(): 7}})).unwrap();
    let limited = Qovery::new(config);
    let old = Timestamp::parse("2026-11-01T00:00:00Z").unwrap().seconds();
    for (query, expected, reached) in [
        ("", vec![3, 2], true),
        ("?pageSize=1", vec![3], true),
        ("?origin=GIT", vec![3], false),
        (&format!("?fromTimestamp={old}&toTimestamp={}", old + 86_400), vec![], false),
        (&format!("?fromTimestamp={old}&toTimestamp={}", old + 14 * 86_400 + 43_199), vec![], true),
        (&format!("?fromTimestamp={}", old + 15 * 86_400), vec![3], false),
    ] {
        let answer = ask_as(&limited, &host, "Token all", &path(&format!("/events{query}")));
        assert_eq!(numbers(&answer), expected, "{query}");
        assert_eq!(answer.json()["organization_max_limit_reached"], reached, "{query}");
    }
    let last = ask_as(&limited, &host, "Token all", &path("/events?pageSize=1"));
    let last = ask_as(&limited, &host, "Token all", &link(&last, "next").unwrap());
    assert_eq!((numbers(&last), link(&last, "next")), (vec![2], None));
    assert_eq!(numbers(&ask(&host, &path("/events"))), [3, 2, 1]);
    assert!(serde_json::from_value::<Config>(json!({"read_limit": {}})).is_err());
}
