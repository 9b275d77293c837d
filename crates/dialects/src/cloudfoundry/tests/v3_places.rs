//! Organizations, spaces and applications, as the command line's version 8 looks them up.

use super::*;

/// Two organizations with a space each; `app-1` and `app-2` in the first, `app-3` in the second; `app-2` was renamed.
fn places() -> Arc<MemoryHost> {
    let named = |kind: &str, guid: &str, name: &str, space: &str, organization: &str, year: u16| {
        json!({
            "type": format!("audit.{kind}.create"), "actee": guid, "actee_type": kind, "actee_name": name,
            "space_guid": space, "organization_guid": organization, "timestamp": format!("{year}-01-01T00:00:00Z"),
        })
    };
    let host = [
        named("organization", "org-1", "acme", "", "org-1", 2014),
        named("space", "space-1", "dev", "space-1", "org-1", 2014),
        named("space", "space-2", "dev", "space-2", "org-2", 2014),
        named("app", "app-1", "shop", "space-1", "org-1", 2014),
        named("app", "app-2", "shop", "space-1", "org-1", 2014),
        named("app", "app-2", "blog", "space-1", "org-1", 2015),
        named("app", "app-3", "shop", "space-2", "org-2", 2014),
    ];
    let events = (1..).zip(&host).map(|(number, changes)| event(number, changes));
    let host = MemoryHost::new(events.collect());
    let host = host.with_reader("dev", Some("org-1"), Some("space-1"));
    Arc::new(host.with_reader("new", Some("org-9"), Some("space-9")))
}

fn names(host: &Arc<MemoryHost>, target: &str, token: &str) -> Vec<String> {
    let answer = ask_as(host, target, token);
    assert_eq!(answer.status, 200, "{target}: {}", String::from_utf8_lossy(&answer.body));
    let shown = |one: &Value| format!("{}={}", one["guid"].as_str().unwrap(), one["name"].as_str().unwrap());
    answer.json()["resources"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn the_way_of_the_command_line_leads_to_an_apps_events() {
    let host = places();
    // cf target -o acme -s dev; whoever may read a space only does not see what its organization is called.
    assert_eq!(names(&host, "/v3/organizations?names=acme", "all"), ["org-1=acme"]);
    assert_eq!(names(&host, "/v3/spaces?names=dev&organization_guids=org-1", "dev"), ["space-1=dev"]);
    // cf events blog
    assert_eq!(names(&host, "/v3/apps?names=blog&space_guids=space-1", "dev"), ["app-2=blog"]);
    let answer = ask_as(&host, "/v3/audit_events?target_guids=app-2&order_by=-created_at&page=1", "dev");
    assert_eq!(guids(&answer), ["06", "05"]);
}

#[test]
fn lists_select_and_are_seen_by_those_who_may() {
    let host = places();
    for (target, token, expected) in [
        ("/v3/organizations", "all", vec!["org-1=acme", "org-2=org-2"]),
        ("/v3/organizations?guids=org-2,org-3", "all", vec!["org-2=org-2"]),
        ("/v3/organizations?order_by=-name", "all", vec!["org-2=org-2", "org-1=acme"]),
        ("/v3/organizations", "new", vec!["org-9=org-9"]),
        ("/v3/organizations?names=", "all", vec![]),
        ("/v3/organizations?names[]=acme", "all", vec![]),
        ("/v3/spaces?names=dev", "all", vec!["space-1=dev", "space-2=dev"]),
        ("/v3/spaces?organization_guids=org-2", "all", vec!["space-2=dev"]),
        ("/v3/spaces", "dev", vec!["space-1=dev"]),
        ("/v3/spaces?organization_guids=org-9", "new", vec!["space-9=space-9"]),
        ("/v3/apps?order_by=name", "all", vec!["app-2=blog", "app-1=shop", "app-3=shop"]),
        ("/v3/apps?names=shop", "all", vec!["app-1=shop", "app-3=shop"]),
        ("/v3/apps?names=shop,blog&organization_guids=org-1", "all", vec!["app-2=blog", "app-1=shop"]),
        ("/v3/apps?guids=app-3", "all", vec!["app-3=shop"]),
        ("/v3/apps?guids=app-3", "dev", vec![]),
        ("/v3/apps?space_guids=space-9", "new", vec![]),
    ] {
        assert_eq!(names(&host, target, token), expected, "{target} as {token}");
    }
}

#[test]
fn resources_say_what_they_are_in() {
    let host = places();
    let first = |target: &str| ask(&host, target).json()["resources"][0].clone();
    let related = |guid: &str| json!({ "data": { "guid": guid } });
    assert_eq!(
        first("/v3/spaces?guids=space-2")["relationships"],
        json!({ "organization": related("org-2") })
    );
    assert_eq!(first("/v3/apps?guids=app-3")["relationships"], json!({ "space": related("space-2") }));
    assert_eq!(
        first("/v3/organizations"),
        json!({
            "guid": "org-1", "created_at": null, "updated_at": null, "name": "acme", "suspended": false,
            "metadata": { "labels": {}, "annotations": {} }, "links": {},
        })
    );
}

#[test]
fn pages_are_linked() {
    let host = places();
    let page = ask(&host, "/v3/apps?names=shop&per_page=1&order_by=name").json()["pagination"].clone();
    let at = |page: u8| json!({ "href": format!("http://annals.test/v3/apps?names=shop&order_by=%2Bname&page={page}&per_page=1") });
    assert_eq!((&page["total_results"], &page["total_pages"]), (&json!(2), &json!(2)));
    assert_eq!((&page["next"], &page["last"], &page["previous"]), (&at(2), &at(2), &Value::Null));
    assert_eq!(names(&host, "/v3/apps?names=shop&per_page=1&page=2", "all"), ["app-3=shop"]);
    assert_eq!(names(&host, "/v3/apps?names=shop&per_page=1&page=3", "all"), Vec::<String>::new());
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let host = places();
    let detail = |target: &str| {
        let answer = ask(&host, target);
        assert_eq!(answer.status, 400, "{target}");
        let body = answer.json();
        assert_eq!(body["errors"][0]["title"], "CF-BadQueryParameter");
        body["errors"][0]["detail"].as_str().unwrap().replace("The query parameter is invalid: ", "")
    };
    let valid = "Valid parameters are: 'page', 'per_page', 'order_by', 'names', 'guids'";
    assert_eq!(
        detail("/v3/organizations?space_guids=x&label_selector=a"),
        format!("Unknown query parameter(s): 'space_guids', 'label_selector'. {valid}")
    );
    assert_eq!(
        detail("/v3/apps?order_by=state&names[x]=a&page=0"),
        "Page must be a positive integer, Order by can only be: 'created_at', 'updated_at', 'name', Names must be an array"
    );
    let limited = CloudFoundry::new(Config { max_total_results: Some(10), ..Config::default() });
    let answer = get(&limited, &host, "/v3/apps", &[("authorization", "bearer all")]);
    assert_eq!(answer.status, 400);
    assert_eq!(get(&dialect(), &host, "/v3/apps", &[]).status, 401);
    for path in ["/v3/apps/app-1", "/v3/organizations/org-1"] {
        assert_eq!(ask(&host, path).status, 404);
    }
}
