//! Events of other sources, told in Cloud Foundry's words.

use annals_model::{Json, Outcome};

use super::*;

#[test]
fn a_native_event_is_shown_and_found() {
    let host = Arc::new(MemoryHost::new(vec![native(1, "create", "app")]));
    let expected = json!({
        "metadata": {
            "guid": guid(1),
            "url": format!("/v2/events/{}", guid(1)),
            "created_at": "2015-02-13T22:34:52Z",
            "updated_at": "2015-02-13T22:34:52Z",
        },
        "entity": {
            "type": "audit.app.create",
            "actor": "",
            "actor_type": "",
            "actor_name": null,
            "actor_username": null,
            "actee": "app-1",
            "actee_type": "app",
            "actee_name": "",
            "timestamp": "2015-02-13T22:34:52Z",
            "metadata": {},
            "space_guid": "",
            "organization_guid": "org-1",
        },
    });
    for query in [
        "",
        "?q=type:audit.app.create",
        "?q=type+IN+audit.app.create,x",
        "?q=type%3E=audit.app.create&q=actee:app-1",
        "?q=space_guid:",
    ] {
        let answer = ask(&host, &format!("/v2/events{query}")).json();
        assert_eq!(answer["resources"], json!([expected]), "{query}");
        assert_eq!(answer["total_results"], 1);
    }
    for query in ["?q=type:audit.app.update", "?q=type:whatever", "?q=type%3Caudit.app.create"] {
        assert_eq!(ask(&host, &format!("/v2/events{query}")).json()["total_results"], 0, "{query}");
    }
    assert_eq!(ask(&host, &format!("/v2/events/{}", guid(1))).json(), expected);
    assert_eq!(guids(&ask(&host, "/v3/audit_events?types=audit.app.create,x")), ["01"]);
    let v3 = ask(&host, &format!("/v3/audit_events/{}", guid(1))).json();
    assert_eq!(v3["actor"], json!({ "guid": "", "type": "", "name": null }));
}

#[test]
fn what_has_no_word_is_not_there() {
    let failed = Event { outcome: Outcome::Failure, ..native(3, "create", "app") };
    let untargeted = Event { target: Entity::default(), ..native(4, "create", "app") };
    let events = vec![native(1, "create", "app"), native(2, "create", "cluster"), failed, untargeted];
    let host = Arc::new(MemoryHost::new(events));
    for target in ["/v2/events", "/v3/audit_events"] {
        assert_eq!(guids(&ask(&host, target)), ["01"]);
    }
    assert_eq!(ask(&host, "/v2/events").json()["total_results"], 1);
    for number in 2..=4 {
        assert_eq!(ask(&host, &format!("/v2/events/{}", guid(number))).status, 404);
        assert_eq!(ask(&host, &format!("/v3/audit_events/{}", guid(number))).status, 404);
    }
    assert_eq!(guids(&ask(&host, &format!("/v3/audit_events?guids={},{}", guid(1), guid(2)))), ["01"]);
}

#[test]
fn names_are_the_platforms() {
    let host = Arc::new(MemoryHost::new(vec![
        Event { outcome: Outcome::Pending, ..native(1, "delete", "project") },
        Event { outcome: Outcome::Failure, ..native(2, "build", "app") },
        Event { outcome: Outcome::Pending, ..native(3, "create", "database") },
        native(4, "deploy", "container"),
    ]));
    let answer = ask(&host, "/v2/events").json();
    let entities: Vec<_> = answer["resources"].as_array().unwrap().iter().map(|one| &one["entity"]).collect();
    let names: Vec<_> = entities
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["actee_type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        names,
        [
            ("audit.space.delete-request", "space"),
            ("audit.app.build.failed", "app"),
            ("audit.service_instance.start_create", "service_instance"),
            ("audit.app.deployment.create", "app"),
        ]
    );
}

#[test]
fn data_is_shown_as_metadata_where_it_is_an_object() {
    let with = |data: &str| Event { data: Some(Json::parse(data).unwrap()), ..native(1, "create", "app") };
    for (data, metadata) in [(r#"{"a":1}"#, json!({ "a": 1 })), ("[1]", json!({})), ("5", json!({}))] {
        let host = Arc::new(MemoryHost::new(vec![with(data)]));
        let answer = ask(&host, &format!("/v2/events/{}", guid(1))).json();
        assert_eq!(answer["entity"]["metadata"], metadata);
    }
}
