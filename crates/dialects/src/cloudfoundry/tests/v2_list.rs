//! `GET /v2/events`: the documented answer, filters, pages, errors, visibility.

use super::*;

#[test]
fn the_documented_events_come_back_as_documented() {
    let documented: Value = serde_json::from_str(DOCUMENTED_LIST).unwrap();
    let host = Arc::new(MemoryHost::new(read(&documented)));
    let answer = ask(
        &host,
        "/v2/events?q=actee:cc272319-7e45-4e87-9de1-763f6402f398&q=timestamp%3E2014-01-01+00%3A00%3A00-04%3A00",
    );
    let mut expected = documented;
    for resource in expected["resources"].as_array_mut().unwrap() {
        // Cloud Foundry added this column in 2017; events from before have none.
        resource["entity"]["actor_username"] = Value::Null;
    }
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), expected);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.starts_with(r#"{"total_results":3,"total_pages":1,"prev_url":null,"next_url":null,"resources":[{"metadata":{"guid":"2fbfce2b-9cf4-4865-95ea-db2a41849e91","url":"/v2/events/2fbfce2b-9cf4-4865-95ea-db2a41849e91","created_at":"2015-02-13T22:34:52Z","updated_at":null},"entity":{"type":"audit.app.create","actor":"uaa-id-150","actor_type":"user","actor_name":"user@email.com","actor_username":null,"actee":"cc272319-7e45-4e87-9de1-763f6402f398","actee_type":"app","actee_name":"name-474","timestamp":"2015-02-13T22:34:52Z","metadata":{"request":{"name":"new","instances":1,"memory":84,"state":"STOPPED","environment_json":"PRIVATE DATA HIDDEN"}},"space_guid":"9bf82354-1f5d-45f8-a060-e0bfbfe2b1bb","organization_guid":"7006e95a-7bb0-406b-9a73-1e3f81b62d05"}},"#));
    assert!(text.ends_with("]}"));
}

#[test]
fn headers_are_the_platforms() {
    let host = host(&[]);
    let headers = [("authorization", "BEARER all"), ("x-vcap-request-id", "my request!")];
    let answer = get(&dialect(), &host, "/v2/events", &headers);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json;charset=utf-8");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["x-user-guid"], "all");
    assert_eq!(answer.headers["x-vcap-request-id"], "myrequest::00000000-0000-0000-0000-000000000007");
    let answer = ask(&host, "/v2/events");
    assert_eq!(answer.headers["x-vcap-request-id"], "00000000-0000-0000-0000-000000000007");
}

#[test]
fn an_empty_list_has_one_page() {
    let answer = ask(&host(&[]), "/v2/events");
    let expected = r#"{"total_results":0,"total_pages":1,"prev_url":null,"next_url":null,"resources":[]}"#;
    assert_eq!(answer.body, expected);
    let answer = ask(&host(&[]), "/v2/events?orphan-relations=1");
    let expected =
        r#"{"total_results":0,"total_pages":1,"prev_url":null,"next_url":null,"resources":[],"orphans":{}}"#;
    assert_eq!(answer.body, expected);
}

#[test]
fn filters_select() {
    let host = host(&[
        json!({ "type": "a", "actee": "x", "timestamp": "2014-01-01T10:00:00.500Z" }),
        json!({ "type": "ab", "actee": "y;z", "timestamp": "2014-01-01T10:00:01.500Z", "space_guid": "" }),
        json!({ "type": "b,c", "actee": "a:b>c", "timestamp": "2014-01-01T10:00:02Z", "organization_guid": "" }),
        json!({ "type": "d", "actee": "", "timestamp": "2014-02-28T10:00:00Z", "space_guid": "space-2" }),
    ]);
    for (query, expected) in [
        ("", &["01", "02", "03", "04"][..]),
        ("q=", &["01", "02", "03", "04"]),
        ("q=%3B", &["01", "02", "03", "04"]),
        ("q[]=type:none", &["01", "02", "03", "04"]),
        ("q=type:a", &["01"]),
        ("q=type:", &[]),
        ("q=type", &[]),
        ("q=type+IN+", &[]),
        ("q=type+IN+a,d", &["01", "04"]),
        ("q=type+IN+b,c", &[]),
        ("q=type%3E=ab", &["02", "03", "04"]),
        ("q=type%3Eab", &["03", "04"]),
        ("q=type%3Cab", &["01"]),
        ("q=type%3C=ab", &["01", "02"]),
        ("q=type%3Ea&q=type%3Cb", &["02"]),
        ("q=actee:a:b%3Ec", &["03"]),
        ("q=actee:y%3B%3Bz", &["02"]),
        ("q=actee:", &["04"]),
        ("q=space_guid:", &["02"]),
        ("q=space_guid+IN+space-2,,x", &["02", "04"]),
        ("q=space_guid%3Cspace-2", &["01", "02", "03"]),
        ("q=organization_guid:", &["03"]),
        ("q=organization_guid:org-1", &["01", "02", "04"]),
        ("q=type:a%3Bactee:x", &["01"]),
        ("q=type:a%3Bactee:y", &[]),
        ("q=type:a&q=actee:y", &[]),
        // A `;` that is not encoded ends the parameter.
        ("q=type:a;actee:y", &["01"]),
        // Whole seconds are compared, as they are shown.
        ("q=timestamp:2014-01-01T10:00:00Z", &["01"]),
        ("q=timestamp%3E2014-01-01T10:00:00Z", &["02", "03", "04"]),
        ("q=timestamp%3E=2014-01-01T10:00:01Z", &["02", "03", "04"]),
        ("q=timestamp%3C=2014-01-01T10:00:01Z", &["01", "02"]),
        ("q=timestamp%3C2014-01-01T10:00:01Z", &["01"]),
        ("q=timestamp%3C=2014-01-01T10:00:00.6Z", &["01", "02"]),
        ("q=timestamp+IN+2014-01-01T10:00:00Z,2014-01-01T10:00:02Z", &["01", "03"]),
        ("q=timestamp+IN+,2014-01-01T10:00:02Z", &["03"]),
        ("q=timestamp:", &[]),
        ("q=timestamp+IN+", &[]),
        ("q=timestamp%3E2014-01-01T12:00:00%2B02:00", &["02", "03", "04"]),
        ("q=timestamp%3E2014-01-01&q=timestamp%3C2014-02-01", &["01", "02", "03"]),
        ("q=timestamp:Fri,+28+Feb+2014+10:00:00+GMT", &["04"]),
    ] {
        assert_eq!(guids(&ask(&host, &format!("/v2/events?{query}"))), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let host = host(&[json!({})]);
    for (query, status, code, text) in [
        ("q=guid:a", 400, 10005, "The query parameter is invalid: guid"),
        ("q=actor:a", 400, 10005, "The query parameter is invalid: actor"),
        ("q=Type:a", 400, 10005, "The query parameter is invalid: Type"),
        ("q=:10", 400, 10005, "The query parameter is invalid: "),
        ("q=%3Btype:a", 400, 10005, "The query parameter is invalid: "),
        ("q=type+:a", 400, 10005, "The query parameter is invalid: type "),
        ("q=type!=a", 400, 10005, "The query parameter is invalid: type!=a"),
        ("q=type=a", 400, 10005, "The query parameter is invalid: type=a"),
        ("q=type+IN", 400, 10005, "The query parameter is invalid: type IN"),
        (
            "q=timestamp:asdf",
            400,
            10005,
            "The query parameter is invalid: timestamp cannot be compared with 'asdf'",
        ),
        (
            "q=timestamp",
            400,
            10005,
            "The query parameter is invalid: timestamp has no operator, as in timestamp>2014-01-01",
        ),
        ("page=abc", 400, 10005, "The query parameter is invalid: page must be an integer but was 'abc'"),
        ("page=", 400, 10005, "The query parameter is invalid: page must be an integer but was ''"),
        ("page=0", 400, 10005, "The query parameter is invalid: page must be a positive integer but was '0'"),
        (
            "results-per-page=101",
            400,
            10005,
            "The query parameter is invalid: results_per_page must be <= 100",
        ),
        (
            "results-per-page=0",
            400,
            10005,
            "The query parameter is invalid: results_per_page must be a positive integer but was '0'",
        ),
        (
            "inline-relations-depth=4",
            400,
            10005,
            "The query parameter is invalid: inline_relations_depth must be <= 3",
        ),
        (
            "order-direction=ASC",
            400,
            10005,
            "The query parameter is invalid: order_direction must be 'asc' or 'desc' but was 'ASC'",
        ),
        ("order-by=guid", 500, 10012, "Cannot order by: guid"),
        // Of several faults the first that Cloud Foundry would find.
        ("order-by=guid&q=guid:a", 500, 10012, "Cannot order by: guid"),
        (
            "order-direction=x&results-per-page=101&q=guid:a",
            400,
            10005,
            "The query parameter is invalid: guid",
        ),
    ] {
        let answer = ask(&host, &format!("/v2/events?{query}"));
        let name = if code == 10005 { "CF-BadQueryParameter" } else { "CF-OrderByParameterInvalid" };
        let description = Value::from(text);
        let body = format!("{{\"description\":{description},\"error_code\":\"{name}\",\"code\":{code}}}\n");
        assert_eq!(
            (answer.status, String::from_utf8_lossy(&answer.body).as_ref()),
            (status, body.as_str()),
            "{query}"
        );
    }
    for query in
        ["results-per-page=100", "inline-relations-depth=3", "order-by=id", "order-by=timestamp", "x=1"]
    {
        assert_eq!(ask(&host, &format!("/v2/events?{query}")).status, 200, "{query}");
    }
}

#[test]
fn the_last_page_may_be_configured() {
    let dialect = CloudFoundry::new(Config { max_total_results: Some(20), ..Config::default() });
    let host = host(&[]);
    let ask = |query: &str| {
        get(&dialect, &host, &format!("/v2/events?{query}"), &[("authorization", "bearer all")])
    };
    assert_eq!(ask("page=2&results-per-page=10").status, 200);
    let answer = ask("page=3&results-per-page=10");
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()["description"],
        "The query parameter is invalid: (page * per_page) must be less than 20"
    );
}

#[test]
fn a_page_length_that_no_request_could_ask_for_is_no_configuration() {
    let read = |json: &str| serde_json::from_str::<Config>(json).map_err(|error| error.to_string());
    assert_eq!(read(r#"{"default_results_per_page":100}"#).unwrap().default_results_per_page, 100);
    for value in ["0", "101"] {
        let error = read(&format!(r#"{{"default_results_per_page":{value}}}"#)).unwrap_err();
        assert!(error.starts_with("default_results_per_page must be 1 to 100, but is"), "{error}");
    }
    assert!(read(r#"{"nonsense":1}"#).unwrap_err().contains("nonsense"));
}

#[test]
fn pages_lead_to_each_other() {
    let host = host(&[
        json!({ "timestamp": "1990-01-01T00:00:00Z" }),
        json!({ "timestamp": "2000-01-01T00:00:00Z" }),
        json!({ "timestamp": "1995-01-01T00:00:00Z" }),
        json!({ "timestamp": "1995-01-01T00:00:00Z" }),
        json!({ "timestamp": "2001-01-01T00:00:00Z" }),
    ]);
    assert_eq!(guids(&ask(&host, "/v2/events")), ["01", "03", "04", "02", "05"]);
    assert_eq!(guids(&ask(&host, "/v2/events?order-direction=desc")), ["05", "02", "04", "03", "01"]);

    let mut target = "/v2/events?q=type:audit.app.create&results-per-page=2".to_owned();
    let mut found = Vec::new();
    loop {
        let answer = ask(&host, &target);
        found.extend(guids(&answer));
        let body = answer.json();
        assert_eq!((&body["total_results"], &body["total_pages"]), (&json!(5), &json!(3)));
        match body["next_url"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(found, ["01", "03", "04", "02", "05"]);

    let beyond = ask(&host, "/v2/events?page=9&results-per-page=2").json();
    assert_eq!(beyond["resources"], json!([]));
    assert_eq!(beyond["next_url"], Value::Null);
    let previous = "/v2/events?order-by=timestamp&order-by=id&order-direction=asc&page=8&results-per-page=2";
    assert_eq!(beyond["prev_url"], previous);
    let far = ask(&host, "/v2/events?page=9223372036854775807&results-per-page=100");
    assert_eq!((far.status, &far.json()["resources"]), (200, &json!([])));
}

#[test]
fn a_semicolon_survives_in_links() {
    let host = host(&[json!({ "actee": "a;b" }), json!({ "actee": "a;b" })]);
    let first = ask(&host, "/v2/events?q=actee:a%3B%3Bb&results-per-page=1").json();
    let next = first["next_url"].as_str().unwrap();
    assert!(next.contains("q=actee:a%3B%3Bb"), "{next}");
    assert_eq!(guids(&ask(&host, next)), ["02"]);
}

#[test]
fn a_page_that_the_store_cuts_is_streamed_whole() {
    let events: Vec<Event> = (1..=9).map(|number| event(number, &json!({}))).collect();
    let mut host = MemoryHost::new(events);
    host.page_events = 2;
    let answer = ask(&Arc::new(host), "/v2/events?results-per-page=7");
    assert_eq!(guids(&answer), ["01", "02", "03", "04", "05", "06", "07"]);
    assert_eq!(answer.json()["total_results"], 9);
}

#[test]
fn roles_decide_what_is_seen() {
    let events = [
        json!({ "organization_guid": "a", "space_guid": "s" }),
        json!({ "organization_guid": "a", "space_guid": "" }),
        json!({ "organization_guid": "b", "space_guid": "t" }),
        json!({ "organization_guid": "", "space_guid": "" }),
    ];
    let events = (1..).zip(&events).map(|(number, changes)| event(number, changes)).collect();
    let mut host = MemoryHost::new(events)
        .with_reader("auditor of a", None, None)
        .with_reader("org-auditor", Some("a"), None)
        .with_reader("space-developer", None, Some("s"))
        .with_reader("nobody", Some("c"), None);
    host.principals.get_mut("nobody").unwrap().grants.clear();
    let token = |host: &MemoryHost, scopes: &[&str]| {
        let mut principal = host.principals["org-auditor"].clone();
        principal.subject = Some("user-guid".into());
        principal.token_scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        principal
    };
    let reading = token(&host, &["openid", "cloud_controller.read"]);
    let writing = token(&host, &["cloud_controller.write"]);
    host.principals.insert("reading".into(), reading);
    host.principals.insert("writing".into(), writing);
    let host = Arc::new(host);
    for (token, expected) in [
        ("all", &["01", "02", "03", "04"][..]),
        ("org-auditor", &["01", "02"]),
        ("space-developer", &["01"]),
        ("reading", &["01", "02"]),
        ("nobody", &[]),
    ] {
        let answer = ask_as(&host, "/v2/events", token);
        assert_eq!(guids(&answer), expected, "{token}");
        assert_eq!(answer.json()["total_results"], expected.len());
    }
    assert_eq!(ask_as(&host, "/v2/events", "reading").headers["x-user-guid"], "user-guid");
    let answer = ask_as(&host, "/v2/events", "writing");
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.body,
        "{\"description\":\"Your token lacks the necessary scopes to access this resource.\",\"error_code\":\"CF-InsufficientScope\",\"code\":10007}\n"
    );
}

#[test]
fn credentials_are_asked_for_in_the_platforms_words() {
    let host = host(&[]);
    let unauthenticated =
        "{\"description\":\"Authentication error\",\"error_code\":\"CF-NotAuthenticated\",\"code\":10002}\n";
    let invalid =
        "{\"description\":\"Invalid Auth Token\",\"error_code\":\"CF-InvalidAuthToken\",\"code\":1000}\n";
    for (header, body) in [
        (None, unauthenticated),
        (Some("Basic abc"), unauthenticated),
        (Some("all"), unauthenticated),
        (Some("bearer wrong"), invalid),
        (Some("bearer"), invalid),
        (Some("bearer all more"), invalid),
        (Some("bearerall"), invalid),
    ] {
        let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
        let answer = get(&dialect(), &host, "/v2/events?q=guid:a", &headers);
        assert_eq!(
            (answer.status, String::from_utf8_lossy(&answer.body).as_ref()),
            (401, body),
            "{header:?}"
        );
        assert!(!answer.headers.contains_key("x-user-guid"));
    }
    // Integers are read before anybody is asked for a credential.
    assert_eq!(get(&dialect(), &host, "/v2/events?page=x", &[]).status, 400);
}

#[test]
fn an_unknown_path_needs_no_credential() {
    let answer = get(&dialect(), &host(&[]), "/v2/nothing", &[]);
    assert_eq!(answer.status, 404);
    assert_eq!(answer.body, r#"{"description":"Unknown request","error_code":"CF-NotFound","code":10000}"#);
}
