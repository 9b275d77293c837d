//! From a name and a password to events, the way Cloud Foundry's clients go.

use serde_json::Value;

use crate::{
    client::Answer,
    fixture::{Fixture, READER, event},
};

/// `Basic cf:`.
const CF: &str = "Basic Y2Y6";

fn log_in(server: &Fixture, form: &str) -> Answer {
    let request = server.post("/oauth/token").header("authorization", CF);
    request.header("content-type", "application/x-www-form-urlencoded").body(form).send()
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", answer.text())).to_owned()
}

#[test]
fn a_credentials_name_and_token_lead_to_its_events() {
    let server = Fixture::start();
    server.record(&[event("audit.app.create", 0)]);
    let total = |token: &str| -> (u16, Value) {
        let answer = server.get("/v2/events").token(token).send();
        (answer.status, answer.json()["total_results"].clone())
    };
    let by_itself = total(READER);

    let info = server.get("/v2/info").send().json();
    assert_eq!(info["authorization_endpoint"], info["token_endpoint"]);
    assert!(info["token_endpoint"].as_str().unwrap().starts_with("http://127.0.0.1:"));

    let form = format!("grant_type=password&username=reader&password={READER}");
    let answer = log_in(&server, &form);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (token, refresh) = (text(&answer, "access_token"), text(&answer, "refresh_token"));
    assert_eq!(total(&token), by_itself);
    // It is the credential, for the native API too; a refresh token is nothing but that.
    assert_eq!(server.list_as(&token, "").status, 200);
    assert_eq!(total(&refresh).0, 401);
    let refused = server.get("/v2/events").token(&refresh).send().json();
    assert_eq!(refused["error_code"], "CF-InvalidAuthToken");

    let answer = log_in(&server, &format!("grant_type=refresh_token&refresh_token={refresh}"));
    assert_eq!(total(&text(&answer, "access_token")), by_itself);

    let answer = log_in(&server, "grant_type=password&username=reader&password=wrong");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.text(), r#"{"error":"unauthorized","error_description":"Bad credentials"}"#);
}
