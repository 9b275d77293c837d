//! `GET /v3/audit_events` and `GET /v3/audit_events/{guid}`.

use super::*;

const NAMES: &str = "'page', 'per_page', 'order_by', 'created_ats', 'updated_ats', 'guids', 'types', 'target_guids', 'space_guids', 'organization_guids'";

fn sample() -> Arc<MemoryHost> {
    host(&[
        json!({ "type": "a", "actee": "x", "timestamp": "2014-01-01T10:00:00.500Z" }),
        json!({ "type": "b", "actee": "y,z", "timestamp": "2014-01-01T10:00:01Z", "space_guid": "" }),
        json!({ "type": "c", "actee": "z", "timestamp": "2014-01-01T10:00:02Z", "space_guid": "", "organization_guid": "" }),
    ])
}

#[test]
fn an_event_is_shown_in_the_words_of_v3() {
    let host = host(&[
        json!({ "updated_at": null }),
        json!({ "space_guid": "", "organization_guid": "", "actor_name": null }),
    ]);
    let expected = format!(
        r#"{{"guid":"{0}","created_at":"2015-02-13T22:34:52Z","updated_at":"2015-02-13T22:34:52Z","type":"audit.app.create","actor":{{"guid":"uaa-id-150","type":"user","name":"user@email.com"}},"target":{{"guid":"app-1","type":"app","name":"name-474"}},"data":{{"request":{{"name":"new"}}}},"space":{{"guid":"space-1"}},"organization":{{"guid":"org-1"}},"links":{{"self":{{"href":"http://annals.test/v3/audit_events/{0}"}}}}}}"#,
        guid(1)
    );
    let answer = ask(&host, &format!("/v3/audit_events/{}", guid(1)));
    assert_eq!(answer.body, expected);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let other = ask(&host, &format!("/v3/audit_events/{}", guid(2))).json();
    assert_eq!((&other["space"], &other["organization"]), (&Value::Null, &Value::Null));
    assert_eq!(other["actor"]["name"], Value::Null);
}

#[test]
fn filters_select() {
    let host = sample();
    for (query, expected) in [
        ("", &["01", "02", "03"][..]),
        ("types=a", &["01"]),
        ("types=a,%20c", &["01", "03"]),
        ("types=", &[]),
        ("types[]=a", &[]),
        ("target_guids=y%252Cz", &["02"]),
        ("target_guids=y,z", &["03"]),
        ("target_guids[not]=x", &["02", "03"]),
        ("target_guids[not]=x,z", &["02"]),
        ("target_guids%5Bnot%5D=x%2Cz", &["02"]),
        ("space_guids=space-1", &["01"]),
        ("organization_guids=org-1", &["01", "02"]),
        ("organization_guids=org-1&types=b", &["02"]),
        ("created_ats=2014-01-01T10:00:00Z,2014-01-01T10:00:02Z", &["01", "03"]),
        ("created_ats[gt]=2014-01-01T10:00:00Z", &["02", "03"]),
        ("created_ats[gte]=2014-01-01T10:00:00Z&created_ats[lt]=2014-01-01T10:00:02Z", &["01", "02"]),
        ("updated_ats[lte]=2014-01-01T10:00:01Z", &["01", "02"]),
        ("created_ats[gt]=9999-01-01T00:00:00Z", &[]),
        ("created_ats[gt]=0001-01-01T00:00:00Z", &["01", "02", "03"]),
        ("order_by=-created_at", &["03", "02", "01"]),
        ("order_by=%2Bupdated_at", &["01", "02", "03"]),
        ("per_page=2&page=2", &["03"]),
        ("page=1abc&per_page=1x", &["01"]),
        ("page=99999999999999999999999", &[]),
    ] {
        assert_eq!(guids(&ask(&host, &format!("/v3/audit_events?{query}"))), expected, "{query}");
    }
    let two = format!("guids={},{}", guid(3), guid(1));
    assert_eq!(guids(&ask(&host, &format!("/v3/audit_events?{two},{}", guid(9)))), ["01", "03"]);
    assert_eq!(guids(&ask(&host, &format!("/v3/audit_events?{two}&order_by=-created_at"))), ["03", "01"]);
    assert_eq!(guids(&ask(&host, &format!("/v3/audit_events?{two}&types=c"))), ["03"]);
    let second = ask(&host, &format!("/v3/audit_events?{two}&per_page=1&page=2"));
    assert_eq!(guids(&second), ["03"]);
    assert_eq!(second.json()["pagination"]["total_results"], 2);
}

#[test]
fn everything_that_is_wrong_is_told() {
    let host = sample();
    let format =
        "ats has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'";
    for (query, message) in [
        ("page=0", "Page must be a positive integer".to_owned()),
        ("page=", "Page must be a positive integer".into()),
        ("per_page=-1", "Per page must be a positive integer".into()),
        ("per_page=5001", "Per page must be between 1 and 5000".into()),
        ("order_by=id", "Order by can only be: 'created_at', 'updated_at'".into()),
        ("x=1&y[z]=2", format!("Unknown query parameter(s): 'x', 'y'. Valid parameters are: {NAMES}")),
        ("created_ats=2014-01-01", format!("Created {format}")),
        ("updated_ats[lt]=2014-02-30T00:00:00Z", format!("Updated {format}")),
        ("created_ats[foo]=2014-01-01T00:00:00Z", "Created ats Invalid relational operator: 'foo'".into()),
        (
            "created_ats[lt]=2014-01-01T00:00:00Z,2014-01-02T00:00:00Z",
            "Created ats only accepts one value when using a relational operator".into(),
        ),
        ("target_guids[x]=", "Target guids target_guids has an invalid operator".into()),
        ("space_guids[not]=a", "Space guids must be an array".into()),
        ("types[not]=a", "Types must be an array".into()),
        (
            "page=0&per_page=5001",
            "Page must be a positive integer, Per page must be between 1 and 5000".into(),
        ),
    ] {
        let answer = ask(&host, &format!("/v3/audit_events?{query}"));
        let expected = json!({ "errors": [{
            "detail": format!("The query parameter is invalid: {message}"),
            "title": "CF-BadQueryParameter",
            "code": 10005,
        }] });
        assert_eq!((answer.status, answer.json()), (400, expected), "{query}");
    }
}

#[test]
fn the_last_page_may_be_configured() {
    let dialect = CloudFoundry::new(Config { max_total_results: Some(20), ..Config::default() });
    let answer =
        get(&dialect, &sample(), "/v3/audit_events?page=3&per_page=10", &[("authorization", "bearer all")]);
    let detail = &answer.json()["errors"][0]["detail"];
    assert_eq!(
        detail,
        "The query parameter is invalid: Maximum result (page * per_page) must be less than 20"
    );
}

#[test]
fn links_are_absolute_and_keep_every_filter() {
    let host = sample();
    let pagination =
        |query: &str| ask(&host, &format!("/v3/audit_events?{query}")).json()["pagination"].clone();
    let base = "http://annals.test/v3/audit_events?";
    assert_eq!(
        pagination(""),
        json!({
            "total_results": 3,
            "total_pages": 1,
            "first": { "href": format!("{base}page=1&per_page=50") },
            "last": { "href": format!("{base}page=1&per_page=50") },
            "next": null,
            "previous": null,
        })
    );
    let middle = pagination("page=2&per_page=1&order_by=created_at");
    let href = |page: u8| format!("{base}order_by=%2Bcreated_at&page={page}&per_page=1");
    for (link, page) in [("first", 1), ("previous", 1), ("next", 3), ("last", 3)] {
        assert_eq!(middle[link]["href"], href(page), "{link}");
    }
    let all = pagination(
        "per_page=1&types=a,b&target_guids[not]=q,r&created_ats[lt]=2020-01-01T00:00:00Z&organization_guids=org-1",
    );
    assert_eq!(
        all["next"]["href"],
        format!(
            "{base}created_ats%5Blt%5D=2020-01-01T00%3A00%3A00Z&organization_guids=org-1&page=2&per_page=1&target_guids%5Bnot%5D=q%2Cr&types=a%2Cb"
        )
    );
    assert_eq!(
        pagination("order_by=-created_at&per_page=2")["next"]["href"],
        format!("{base}order_by=-created_at&page=2&per_page=2")
    );
}

#[test]
fn a_link_leads_where_it_says() {
    let host = sample();
    let first = ask(&host, "/v3/audit_events?target_guids[not]=y%252Cz&per_page=1");
    assert_eq!(guids(&first), ["01"]);
    let next = first.json()["pagination"]["next"]["href"].as_str().unwrap().to_owned();
    let second = ask(&host, next.strip_prefix("http://annals.test").unwrap());
    assert_eq!(guids(&second), ["03"]);
    assert_eq!(second.json()["pagination"]["next"], Value::Null);
}

#[test]
fn roles_and_errors() {
    let mut host = MemoryHost::new(sample().events.iter().map(|event| Event::clone(event)).collect())
        .with_reader("org-auditor", Some("org-1"), None)
        .with_reader("space-developer", None, Some("space-1"));
    let mut scopeless = host.principals["all"].clone();
    scopeless.token_scopes = Some(vec!["openid".into()]);
    host.principals.insert("scopeless".into(), scopeless);
    let host = Arc::new(host);
    assert_eq!(guids(&ask_as(&host, "/v3/audit_events", "org-auditor")), ["01", "02"]);
    assert_eq!(guids(&ask_as(&host, "/v3/audit_events", "space-developer")), ["01"]);
    let one = |number| format!("/v3/audit_events/{}", guid(number));
    for (target, token, status, code, title) in [
        (one(2), "space-developer", 404, 10010, "CF-ResourceNotFound"),
        (one(9), "all", 404, 10010, "CF-ResourceNotFound"),
        (one(1), "scopeless", 403, 10003, "CF-NotAuthorized"),
        ("/v3/audit_events".into(), "wrong", 401, 1000, "CF-InvalidAuthToken"),
        ("/v3/nothing".into(), "all", 404, 10000, "CF-NotFound"),
    ] {
        let answer = ask_as(&host, &target, token);
        let error = answer.json()["errors"][0].clone();
        assert_eq!(
            (answer.status, &error["code"], &error["title"]),
            (status, &json!(code), &json!(title)),
            "{target} {token}"
        );
    }
    assert_eq!(get(&dialect(), &host, "/v3/audit_events", &[]).json()["errors"][0]["code"], 10002);
}
