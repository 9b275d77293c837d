//! What Qovery's clients ask beside the events.

use super::*;

fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["results"].as_array().unwrap().clone()
}

/// (id, name) of every target of an answer, sorted by name.
fn targets(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", answer.json());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = answer.json()["targets"].as_array().unwrap().clone();
    let mut targets: Vec<_> =
        list.iter().map(|target| (text(&target["id"]), text(&target["name"]))).collect();
    targets.sort_by(|one, two| one.1.cmp(&two.1));
    targets
}

fn pair(number: u128, name: &str) -> (String, String) {
    (uuid(number), name.to_owned())
}

/// Two projects, three environments (one of them only ever a target), three services (one of them deleted).
fn events() -> Vec<Value> {
    let elsewhere = json!({
        "project_id": uuid(601), "project_name": "data", "environment_id": uuid(701), "environment_name": "staging",
        "target_type": "DATABASE", "target_id": uuid(501), "target_name": "orders", "origin": "GIT",
    });
    vec![
        said(1, 0, &json!({"target_name": "store"})),
        said(2, 1, &json!({})),
        said(3, 2, &elsewhere),
        said(4, 3, &json!({"target_id": uuid(502), "target_name": "gone"})),
        said(5, 4, &json!({"event_type": "DELETE", "target_id": uuid(502), "target_name": "gone"})),
        said(
            6,
            5,
            &json!({"target_type": "ENVIRONMENT", "target_id": uuid(702), "target_name": "test",
                          "environment_id": null, "environment_name": "test"}),
        ),
        said(
            7,
            6,
            &json!({"target_type": "ENVIRONMENT", "target_id": uuid(700), "target_name": "production"}),
        ),
        said(8, 7, &json!({"event_type": "DELETE", "sub_target_type": "VARIABLE"})),
    ]
}

#[test]
fn organizations_are_those_one_may_read() {
    let other = "0a1b2c3d-0000-4000-8000-00000000000b";
    let host =
        host(&events()).with_reader("two", Some(ORGANIZATION), None).with_reader("two", Some(other), None);
    let host = Arc::new(host.with_reader("acme", Some("acme"), None));
    let ids = |token: &str| -> Vec<Value> {
        let answer = ask_as(&dialect(), &host, token, "/organization");
        results(&answer).iter().map(|organization| organization["id"].clone()).collect()
    };
    assert_eq!(ids("Token all"), [json!(ORGANIZATION)]);
    assert_eq!(ids("Token two"), [json!(ORGANIZATION), json!(other)]);
    assert!(ids("Token acme").is_empty(), "its id is no UUID");
    assert_eq!(get(&dialect(), &host, "/organization", &[]).status, 401);
    let answer = ask_as(&dialect(), &host, "Token two", &format!("/organization/{other}"));
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!(other)));
    assert_eq!(ask(&host, &format!("/organization/{other}")).status, 404);
    assert_eq!(ask_as(&dialect(), &host, "Token acme", &path("")).status, 403);
}

#[test]
fn an_organization_tells_its_retention() {
    let mut first = read(&said(1, 0, &json!({})).to_string());
    first[0].organization = Named::new(ORGANIZATION, Some("Acme".into()));
    let host = Arc::new(MemoryHost::new(first));
    let limited = Qovery::new(Config { read_limit_days: [(ORGANIZATION.to_owned(), 7)].into() });
    for (dialect, days) in [(dialect(), 3_650), (limited, 7)] {
        let answer = ask_as(&dialect, &host, "Token all", &path(""));
        assert_eq!(
            answer.json(),
            json!({
                "id": ORGANIZATION,
                "created_at": "2026-11-20T10:00:00Z",
                "name": "Acme",
                "plan": "ENTERPRISE",
                "organization_plan": {"plan": "ENTERPRISE", "audit_logs_retention_in_days": days},
            })
        );
    }
}

#[test]
fn living_things_are_listed() {
    let host = Arc::new(host(&events()));
    let ids = |rest: &str| {
        let mut ids: Vec<String> = results(&ask(&host, &path(rest)))
            .iter()
            .map(|thing| thing["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("/project"), [uuid(600), uuid(601)]);
    assert_eq!(ids("/environments"), [uuid(700), uuid(701)]);
    assert_eq!(ids("/services"), [uuid(500), uuid(501)], "a deleted variable deletes no service");
    let database = results(&ask(&host, &path("/services")));
    let database = database.iter().find(|service| service["id"] == uuid(501)).unwrap().clone();
    assert_eq!(
        database,
        json!({
            "id": uuid(501),
            "created_at": "2026-11-20T10:00:02Z",
            "name": "orders",
            "service_type": "DATABASE",
            "project": {"id": uuid(601), "name": "data"},
            "environment": {"id": uuid(701), "name": "staging"},
        })
    );
    for rest in ["/project", "/environments", "/services", "/targets"] {
        let unknown = format!("/organization/0a1b2c3d-0000-4000-8000-0000000000ff{rest}");
        assert_eq!(ask(&host, &unknown).status, 404, "{rest}");
    }
}

#[test]
fn menus_drill_down() {
    let host = Arc::new(host(&events()));
    let menu = |query: &str| targets(&ask(&host, &path(&format!("/targets?{query}"))));
    // Service type, then project, then environment, then the services; by their latest names, deleted ones too.
    assert_eq!(menu("targetType=APPLICATION&targetLevelToFetch=PROJECT"), [pair(600, "web")]);
    let project = format!("targetType=APPLICATION&projectId={}", uuid(600));
    assert_eq!(menu(&format!("{project}&targetLevelToFetch=ENVIRONMENT")), [pair(700, "production")]);
    let environment = format!("{project}&environmentId={}", uuid(700));
    assert_eq!(menu(&environment), [pair(502, "gone"), pair(500, "shop")]);
    assert_eq!(menu("targetType=DATABASE&targetLevelToFetch=PROJECT"), [pair(601, "data")]);
    // Environments, also those that are only ever a target.
    assert_eq!(menu("targetType=ENVIRONMENT&targetLevelToFetch=PROJECT"), [pair(600, "web")]);
    let environments =
        format!("targetType=ENVIRONMENT&projectId={}&targetLevelToFetch=ENVIRONMENT", uuid(600));
    assert_eq!(menu(&environments), [pair(700, "production"), pair(702, "test")]);
    assert!(menu("targetType=WEBHOOK").is_empty());
}

#[test]
fn menus_keep_the_other_filters() {
    let host = Arc::new(host(&events()));
    let menu =
        |query: &str| targets(&ask(&host, &path(&format!("/targets?targetLevelToFetch=PROJECT&{query}"))));
    let both = [pair(601, "data"), pair(600, "web")];
    assert_eq!(menu(""), both);
    assert_eq!(menu("origin=GIT"), both[..1]);
    assert_eq!(menu("eventType=DELETE"), both[1..]);
    assert_eq!(menu("triggeredBy=alice@example.com"), both);
    assert!(menu("triggeredBy=bob").is_empty());
    let second = Timestamp::parse("2026-11-20T10:00:02Z").unwrap().seconds();
    assert_eq!(menu(&format!("fromTimestamp={second}&toTimestamp={second}")), both[..1]);
}

#[test]
fn menus_say_what_is_missing_or_wrong() {
    let host = Arc::new(host(&events()));
    for (query, name) in [
        ("targetType=APPLICATION&targetLevelToFetch=ENVIRONMENT", "projectId"),
        ("targetType=ENVIRONMENT", "projectId"),
        ("targetType=JOB", "projectId"),
        (&format!("targetType=JOB&projectId={}", uuid(600)), "environmentId"),
        ("targetLevelToFetch=SERVICE", "targetLevelToFetch"),
        ("targetType=APP", "targetType"),
        ("projectId=web", "projectId"),
        ("eventType=X", "eventType"),
        ("fromTimestamp=now", "fromTimestamp"),
    ] {
        let answer = ask(&host, &path(&format!("/targets?{query}")));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["message"].as_str().unwrap().starts_with(name), "{query}");
    }
}
