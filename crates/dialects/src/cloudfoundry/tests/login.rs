//! Tokens for clients that log in.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method};

use super::*;
use crate::{host::Call, testing::send};

/// `Basic cf:`, as every client sends it for a user.
const CF: &str = "Basic Y2Y6";

fn post_to(dialect: &CloudFoundry, host: &Arc<MemoryHost>, client: Option<&str>, body: &str) -> Answer {
    let mut headers = http::HeaderMap::new();
    if let Some(client) = client {
        headers.insert("authorization", HeaderValue::from_str(client).unwrap());
    }
    let path = "/oauth/token";
    let call = Call {
        route: dialect.routes().iter().copied().find(|route| route.path == path),
        method: Method::POST,
        path: path.to_owned(),
        parameters: Vec::new(),
        query: String::new(),
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        base_url: "http://annals.test".to_owned(),
        request_id: Uuid::from_u128(7),
        host: Arc::<MemoryHost>::clone(host),
    };
    send(dialect, call)
}

fn post(client: Option<&str>, body: &str) -> Answer {
    post_to(&dialect(), &host(&[]), client, body)
}

fn denied(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    assert_eq!(answer.headers["cache-control"], "no-store");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (answer.status, text("error"), text("error_description"))
}

#[test]
fn a_user_gets_a_token_and_renews_it() {
    for (client, body) in [
        (Some(CF), "grant_type=password&username=all&password=all&scope="),
        (None, "grant_type=password&username=all&password=all&client_id=cf&client_secret="),
        (None, "grant_type=password&username=all&password=all&client_id=cf"),
        (Some(CF), "grant_type=refresh_token&refresh_token=all-r"),
    ] {
        let answer = post(client, body);
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["content-type"], "application/json;charset=UTF-8");
        let expected = json!({
            "access_token": "all", "token_type": "bearer", "expires_in": 600, "jti": "7",
            "scope": "cloud_controller.read openid", "refresh_token": "all-r",
        });
        assert_eq!(answer.json(), expected, "{body}");
    }
}

#[test]
fn a_client_of_its_own_gets_a_token_without_another_to_renew_it() {
    let basic = format!("Basic {}", STANDARD.encode("all:all"));
    for (client, body) in [
        (Some(basic.as_str()), "grant_type=client_credentials&client_id=all&client_secret=all"),
        (None, "grant_type=client_credentials&client_id=all&client_secret=all"),
    ] {
        let answer = post(client, body).json();
        assert_eq!(answer["access_token"], "all");
        assert_eq!(answer.get("refresh_token"), None);
    }
}

#[test]
fn what_is_not_good_is_denied_in_the_words_of_uaa() {
    let bad_user = (401, "unauthorized".to_owned(), "Bad credentials".to_owned());
    for body in [
        "grant_type=password&username=all&password=wrong",
        "grant_type=password&username=nobody&password=nobody",
        "grant_type=password&username=all",
        "grant_type=password&username=all&password=",
        "grant_type=password&password=all",
    ] {
        assert_eq!(denied(&post(Some(CF), body)), bad_user, "{body}");
    }
    let bad_client = (401, "invalid_client".to_owned(), "Bad client credentials".to_owned());
    let user = "grant_type=password&username=all&password=all";
    let with_secret = format!("Basic {}", STANDARD.encode("cf:secret"));
    for (client, body) in [
        (None, user),
        (Some("Bearer Y2Y6"), user),
        (Some("Basic %"), user),
        (Some(with_secret.as_str()), user),
        (None, "grant_type=password&username=all&password=all&client_id=other"),
        (None, "grant_type=refresh_token&refresh_token=all-r"),
        (Some(CF), "grant_type=client_credentials"),
        (None, "grant_type=client_credentials&client_id=all&client_secret=wrong"),
    ] {
        let answer = post(client, body);
        assert_eq!(denied(&answer), bad_client, "{client:?} {body}");
        assert_eq!(answer.headers["www-authenticate"], r#"Basic realm="UAA/client""#);
    }
    for body in ["grant_type=refresh_token&refresh_token=all", "grant_type=refresh_token"] {
        let (status, error, _) = denied(&post(Some(CF), body));
        assert_eq!((status, error.as_str()), (401, "invalid_token"), "{body}");
    }
    for (body, expected) in [
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("grant_type=PASSWORD&username=all&password=all", "unsupported_grant_type"),
        ("", "invalid_request"),
        ("{\"grant_type\":\"password\"}", "invalid_request"),
        ("grant_type=password&grant_type=password", "invalid_request"),
        ("grant_type=password&username=all&username=all&password=all", "invalid_request"),
    ] {
        let (status, error, _) = denied(&post(Some(CF), body));
        assert_eq!((status, error.as_str()), (400, expected), "{body}");
    }
}

#[test]
fn tokens_that_come_from_elsewhere_are_not_given_here() {
    let dialect =
        CloudFoundry::new(Config { login_url: Some("https://uaa.example.org".into()), ..Config::default() });
    let answer = post_to(&dialect, &host(&[]), Some(CF), "grant_type=password&username=all&password=all");
    assert_eq!((answer.status, &answer.json()["code"]), (404, &json!(10000)));
}

#[test]
fn the_command_line_is_told_what_to_ask_for() {
    let login = get(&dialect(), &host(&[]), "/login", &[]).json();
    let prompts = json!({ "username": ["text", "Credential"], "password": ["password", "Token"] });
    let links = json!({ "uaa": "http://annals.test", "login": "http://annals.test" });
    assert_eq!(login, json!({ "links": links, "prompts": prompts }));
}
