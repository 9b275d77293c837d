//! What clients ask before they ask for events.

use super::*;

#[test]
fn the_root_tells_where_things_are() {
    let answer = get(&dialect(), &host(&[]), "/", &[]);
    assert_eq!(answer.status, 200);
    let links = answer.json()["links"].clone();
    for (name, href) in [
        ("self", "http://annals.test"),
        ("login", "http://annals.test"),
        ("uaa", "http://annals.test"),
        ("cloud_controller_v2", "http://annals.test/v2"),
        ("cloud_controller_v3", "http://annals.test/v3"),
    ] {
        assert_eq!(links[name]["href"], href, "{name}");
    }
    assert_eq!(links["logging"], Value::Null);
}

#[test]
fn tokens_may_come_from_elsewhere() {
    let dialect =
        CloudFoundry::new(Config { login_url: Some("https://uaa.example.org".into()), ..Config::default() });
    let host = host(&[]);
    assert_eq!(get(&dialect, &host, "/", &[]).json()["links"]["login"]["href"], "https://uaa.example.org");
    let info = get(&dialect, &host, "/v2/info", &[]).json();
    assert_eq!(info["authorization_endpoint"], "https://uaa.example.org");
    assert_eq!(info["token_endpoint"], "https://uaa.example.org");
    let login = get(&dialect, &host, "/login", &[]).json();
    assert_eq!(
        login,
        json!({ "links": { "uaa": "https://uaa.example.org", "login": "https://uaa.example.org" }, "prompts": {} })
    );
}

#[test]
fn info_has_what_the_command_line_needs() {
    let host = host(&[]);
    let answer = get(&dialect(), &host, "/v2/info", &[]).json();
    let keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "name",
            "build",
            "support",
            "version",
            "description",
            "authorization_endpoint",
            "token_endpoint",
            "min_cli_version",
            "min_recommended_cli_version",
            "app_ssh_endpoint",
            "app_ssh_host_key_fingerprint",
            "app_ssh_oauth_client",
            "doppler_logging_endpoint",
            "api_version",
            "osbapi_version",
        ]
    );
    assert_eq!(answer["doppler_logging_endpoint"], "ws://annals.test");
    assert_eq!(ask(&host, "/v2/info").json()["user"], "all");
    assert_eq!(ask_as(&host, "/v2/info", "wrong").status, 200);
    assert_eq!(
        get(&dialect(), &host, "/v3", &[]).json()["links"]["audit_events"]["href"],
        "http://annals.test/v3/audit_events"
    );
    assert_eq!(get(&dialect(), &host, "/v3/info", &[]).json()["name"], "Annals");
}

fn places() -> Arc<MemoryHost> {
    let of = |number, changes: Value| event(number, &changes);
    let events = vec![
        of(
            1,
            json!({ "type": "audit.organization.create", "actee": "org-1", "actee_type": "organization", "actee_name": "acme", "space_guid": "" }),
        ),
        of(
            2,
            json!({ "type": "audit.space.create", "actee": "space-1", "actee_type": "space", "actee_name": "dev" }),
        ),
        of(3, json!({ "actee": "app-1", "actee_name": "shop" })),
        of(
            4,
            json!({ "type": "audit.app.update", "actee": "app-2", "actee_name": "blog", "space_guid": "space-2", "organization_guid": "org-2" }),
        ),
        of(
            5,
            json!({ "type": "audit.app.update", "actee": "app-3", "actee_name": "shop", "timestamp": "2014-01-01T00:00:00Z" }),
        ),
        of(
            6,
            json!({ "type": "audit.app.update", "actee": "app-3", "actee_name": "shop-old", "timestamp": "2016-01-01T00:00:00Z" }),
        ),
    ];
    let host = MemoryHost::new(events).with_reader("dev", Some("org-1"), Some("space-1")).with_reader(
        "new",
        Some("org-9"),
        Some("space-9"),
    );
    Arc::new(host)
}

fn names(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |one: &Value| (text(&one["metadata"]["guid"]), text(&one["entity"]["name"]));
    body["resources"].as_array().unwrap().iter().map(of).collect()
}

fn pair(guid: &str, name: &str) -> (String, String) {
    (guid.to_owned(), name.to_owned())
}

#[test]
fn organizations_and_spaces_are_those_of_events_and_grants() {
    let host = places();
    let ask = |target: &str, token: &str| names(&ask_as(&host, target, token));
    assert_eq!(ask("/v2/organizations", "all"), [pair("org-1", "acme"), pair("org-2", "org-2")]);
    assert_eq!(ask("/v2/organizations?order-by=name&q=name%3Aacme", "all"), [pair("org-1", "acme")]);
    assert_eq!(ask("/v2/organizations", "new"), [pair("org-9", "org-9")]);
    assert_eq!(ask("/v2/spaces", "all"), [pair("space-1", "dev"), pair("space-2", "space-2")]);
    let target = "/v2/spaces?order-by=name&q=name%3Adev&q=organization_guid%3Aorg-1";
    assert_eq!(ask(target, "dev"), [pair("space-1", "dev")]);
    assert_eq!(ask("/v2/spaces?q=organization_guid:org-2", "dev"), []);
    assert_eq!(ask("/v2/spaces?q=organization_guid:org-9", "new"), [pair("space-9", "space-9")]);
    let page = ask_as(&host, "/v2/spaces?results-per-page=1&order-by=name", "all").json();
    assert_eq!(page["total_results"], 2);
    assert_eq!(page["next_url"], "/v2/spaces?order-by=name&order-direction=asc&page=2&results-per-page=1");
}

#[test]
fn applications_have_the_last_name_they_were_given() {
    let host = places();
    let ask = |target: &str, token: &str| names(&ask_as(&host, target, token));
    let target = "/v2/spaces/space-1/apps?q=name%3Ashop&inline-relations-depth=1";
    assert_eq!(ask(target, "dev"), [pair("app-1", "shop")]);
    assert_eq!(ask("/v2/spaces/space-1/apps", "all"), [pair("app-1", "shop"), pair("app-3", "shop-old")]);
    assert_eq!(ask("/v2/spaces/space-9/apps", "new"), []);
    let unknown = ask_as(&host, "/v2/spaces/space-2/apps", "dev");
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!(40004)));
    assert_eq!(ask_as(&host, "/v2/spaces?q=guid:x", "all").status, 400);
    assert_eq!(get(&dialect(), &host, "/v2/organizations", &[]).status, 401);
}
