//! `GET /v2/events/{guid}`.

use super::*;

#[test]
fn one_event_is_shown_as_in_a_list() {
    let host = host(&[json!({})]);
    let answer = ask(&host, &format!("/v2/events/{}", guid(1)));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), resource(1, &json!({})));
}

#[test]
fn an_identifier_that_is_no_uuid_is_one_here() {
    let host = host(&[json!({ "guid": "not a uuid" })]);
    let answer = ask(&host, "/v2/events/not%20a%20uuid");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["metadata"]["guid"], "not a uuid");
    // The identifier it is stored under is nobody's business.
    let stored = host.events[0].id;
    assert_eq!(ask(&host, &format!("/v2/events/{stored}")).status, 403);
}

#[test]
fn an_installations_events_are_found_too() {
    let import = Import { installation: Some("eu10".into()), ..Import::default() };
    let body = resource(1, &json!({ "guid": "odd" })).to_string();
    let events = dialect().read(body.as_bytes(), &import).unwrap().into_iter().map(Result::unwrap);
    let host = Arc::new(MemoryHost::new(events.collect()));
    assert_eq!(host.events[0].source, "cloudfoundry/eu10");
    assert_eq!(ask(&host, "/v2/events/odd").json()["metadata"]["guid"], "odd");
    assert_eq!(ask(&host, "/v2/events?q=type:audit.app.create").json()["total_results"], 1);
}

#[test]
fn unknown_and_invisible_are_told_apart() {
    let host = MemoryHost::new(vec![event(1, &json!({}))]).with_reader("other", Some("org-2"), None);
    let mut scopeless = host.principals["all"].clone();
    scopeless.token_scopes = Some(vec!["openid".into()]);
    let mut host = host;
    host.principals.insert("scopeless".into(), scopeless);
    let host = Arc::new(host);
    let (known, unknown) = (format!("/v2/events/{}", guid(1)), format!("/v2/events/{}", guid(2)));
    let not_found = format!(
        "{{\"description\":\"Event could not be found: {}\",\"error_code\":\"CF-EventNotFound\",\"code\":230002}}\n",
        guid(2)
    );
    for (target, token, status, code) in [
        (&known, "all", 200, None),
        (&known, "other", 403, Some(10003)),
        (&known, "scopeless", 403, Some(10007)),
        (&unknown, "all", 404, Some(230_002)),
        (&unknown, "other", 404, Some(230_002)),
        // It is looked for before the scopes are looked at.
        (&unknown, "scopeless", 404, Some(230_002)),
        (&unknown, "wrong", 401, Some(1000)),
    ] {
        let answer = ask_as(&host, target, token);
        let found = answer.json()["code"].as_i64();
        assert_eq!((answer.status, found), (status, code), "{target} {token}");
        if status == 404 {
            assert_eq!(answer.body, not_found);
        }
    }
}
