//! Tokens of our own: who gets one, what it says, what it is good for, and when it ends.

use std::{sync::Arc, time::Duration};

use annals_auth::{Authenticator, LoginConfig, Secret, token_sha256};
use annals_model::{Grant, Issued, Login, Presented, Principal, Refusal, Role, Timestamp, TokenRequest};
use annals_testkit::FakeClock;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::signer::{NOW, SECRET, Signer, claims, credentials, shared_secret, token};

/// Seconds an access token is good.
const ACCESS: u64 = 600;
/// Seconds a refresh token is good.
const REFRESH: u64 = 43_200;
const LOGIN_SECRET: &str = "thirty-two bytes are enough here";

struct Server {
    authenticator: Authenticator,
    clock: FakeClock,
}

impl Server {
    fn with(credentials_json: Value, login: Option<&LoginConfig>) -> Self {
        let clock = FakeClock::new(Timestamp::from_seconds(NOW).unwrap());
        let shared = shared_secret();
        let authenticator =
            Authenticator::new(&credentials(credentials_json), Some(&shared), Arc::new(clock.clone()))
                .and_then(|made| made.with_login(login))
                .unwrap();
        Self { authenticator, clock }
    }

    fn new() -> Self {
        Self::with(users(), None)
    }

    fn log_in(&self, name: &str, password: &str) -> Result<Issued, Refusal> {
        self.ask(Login::User { name: name.into(), password: password.into() })
    }

    fn refresh(&self, token: &str) -> Result<Issued, Refusal> {
        self.ask(Login::Refresh { token: token.into() })
    }

    fn ask(&self, login: Login) -> Result<Issued, Refusal> {
        self.authenticator.issue(&TokenRequest { login, ..request() })
    }

    async fn token(&self, token: &str) -> Result<Principal, Refusal> {
        self.authenticator.authenticate(&Presented::Token(token.into())).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn users() -> Value {
    json!([
        {"name": "ada", "token": "ada-token", "grants": [{"role": "reader", "organization": "acme"}]},
        {"name": "bob", "token_sha256": token_sha256("bob-token"), "grants": []},
        {"name": "signer", "key": "k", "secret": "s", "grants": [{"role": "admin"}]},
        {"name": "subject", "subject": "u-1", "grants": [{"role": "admin"}]},
    ])
}

fn request() -> TokenRequest {
    TokenRequest {
        login: Login::Refresh { token: String::new() },
        client: "cf".into(),
        issuer: "https://annals.example.org/oauth/token".into(),
        scopes: vec!["cloud_controller.read".into(), "openid".into()],
        audiences: vec!["cloud_controller".into()],
    }
}

fn said_by(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_user_gets_a_token_with_the_credentials_grants() {
    let server = Server::new();
    let issued = server.log_in("ada", "ada-token").unwrap();
    assert_eq!((issued.name.as_str(), issued.expires_in_seconds), ("ada", ACCESS));
    let principal = server.token(&issued.access_token).await.unwrap();
    assert_eq!(principal.name, "ada");
    assert_eq!(principal.token_scopes, Some(vec!["cloud_controller.read".into(), "openid".into()]));
    let grant = Grant { role: Role::Reader, organization: Some("acme".into()), project: None };
    assert_eq!(principal.grants, [grant]);

    let said = said_by(&issued.access_token);
    assert_eq!(said["user_name"], "ada");
    assert_eq!(said["user_id"], said["sub"]);
    assert_eq!(principal.subject.as_deref(), said["user_id"].as_str());
    assert_eq!(said["jti"], issued.token_id.as_str());
    assert_eq!((&said["iat"], &said["exp"]), (&json!(NOW), &json!(NOW + 600)));
    assert_eq!(said["client_id"], "cf");
    assert_eq!(said["iss"], "https://annals.example.org/oauth/token");
    assert_eq!(said["aud"], json!(["cloud_controller"]));
    // The same user has the same id in every token and on every server, and its own.
    assert_eq!(
        said["user_id"],
        said_by(&Server::new().log_in("ada", "ada-token").unwrap().access_token)["user_id"]
    );
    let bob = server.log_in("bob", "bob-token").unwrap();
    assert_ne!(said["user_id"], said_by(&bob.access_token)["user_id"]);
    assert!(server.token(&bob.access_token).await.unwrap().grants.is_empty());
    assert!(!format!("{said}").contains("ada-token"));
}

#[tokio::test]
async fn a_client_gets_a_token_of_its_own() {
    let server = Server::new();
    let issued = server.ask(Login::Client { name: "ada".into(), secret: "ada-token".into() }).unwrap();
    assert_eq!(issued.refresh_token, None);
    let said = said_by(&issued.access_token);
    assert_eq!((&said["client_id"], &said["sub"]), (&json!("ada"), &json!("ada")));
    assert_eq!((said.get("user_id"), said.get("user_name")), (None, None));
    assert_eq!(said["grant_type"], "client_credentials");
    let principal = server.token(&issued.access_token).await.unwrap();
    assert_eq!((principal.name.as_str(), principal.subject.as_deref()), ("ada", Some("ada")));
    let wrong = Login::Client { name: "ada".into(), secret: "bob-token".into() };
    assert_eq!(server.ask(wrong), Err(Refusal::Unknown));
}

#[test]
fn nobody_else_gets_one() {
    let server = Server::new();
    for (name, password) in [
        ("ada", "bob-token"),
        ("ada", ""),
        ("ada", "ada-token "),
        ("", "ada-token"),
        ("Ada", "ada-token"),
        ("nobody", "ada-token"),
        ("signer", "s"),
        ("signer", "k"),
        ("subject", "u-1"),
        ("bob", &token_sha256("bob-token")),
        ("ada", &"x".repeat(20_000)),
    ] {
        assert_eq!(server.log_in(name, password), Err(Refusal::Unknown), "{name} {password}");
    }
}

#[tokio::test]
async fn an_access_token_ends() {
    let server = Server::new();
    let issued = server.log_in("ada", "ada-token").unwrap();
    server.advance(ACCESS - 1);
    assert!(server.token(&issued.access_token).await.is_ok());
    server.advance(1);
    assert_eq!(server.token(&issued.access_token).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn a_refresh_token_gets_new_ones_and_nothing_else_until_its_end() {
    let server = Server::new();
    let issued = server.log_in("ada", "ada-token").unwrap();
    let refresh_token = issued.refresh_token.unwrap();
    assert!(said_by(&refresh_token)["jti"].as_str().unwrap().ends_with("-r"));
    assert_eq!(server.token(&refresh_token).await, Err(Refusal::Unacceptable), "it is no credential");
    assert_eq!(server.refresh(&issued.access_token), Err(Refusal::Unacceptable), "nor the other way round");

    server.advance(REFRESH - 1);
    let renewed = server.refresh(&refresh_token).unwrap();
    assert_eq!(renewed.refresh_token.as_deref(), Some(refresh_token.as_str()));
    assert_ne!(renewed.token_id, issued.token_id);
    assert_eq!(server.token(&renewed.access_token).await.unwrap().name, "ada");
    let other = TokenRequest {
        client: "other".into(),
        login: Login::Refresh { token: refresh_token.clone() },
        ..request()
    };
    assert_eq!(server.authenticator.issue(&other), Err(Refusal::Unacceptable));
    server.advance(1);
    assert_eq!(server.refresh(&refresh_token), Err(Refusal::Expired));
    for strange in ["", "ada-token", "a.b.c", &format!("{refresh_token}x")] {
        assert_eq!(server.refresh(strange), Err(Refusal::Unknown), "{strange}");
    }
}

#[tokio::test]
async fn tokens_that_others_made_are_not_taken_for_ours() {
    let server = Server::new();
    let issued = server.log_in("ada", "ada-token").unwrap();
    // Made by another server, or by ours before it was started again.
    let other = Server::new().log_in("ada", "ada-token").unwrap();
    assert!(server.token(&other.access_token).await.is_err());
    assert!(server.refresh(&other.refresh_token.unwrap()).is_err());
    // Changed.
    let (signed, signature) = issued.access_token.rsplit_once('.').unwrap();
    let mut said = said_by(&issued.access_token);
    said["user_name"] = "bob".into();
    let head = signed.split('.').next().unwrap();
    let forged = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(said.to_string()));
    assert!(server.token(&forged).await.is_err());
    // Signed by the issuer of `[jwt]`: that one's rules apply, and a credential's name is none of them.
    let theirs = token("HS256", Signer::Shared(SECRET), None, &said);
    assert_eq!(server.token(&theirs).await, Err(Refusal::Unacceptable));
    let good = token("HS256", Signer::Shared(SECRET), None, &claims(&json!({})));
    let principal = server.token(&good).await.unwrap();
    assert_eq!((principal.name.as_str(), principal.subject.as_deref()), ("ada", Some("u-1")));
}

#[tokio::test]
async fn tokens_outlive_a_restart_under_a_secret_but_not_their_credential() {
    let login = LoginConfig { secret: Some(Secret::new(LOGIN_SECRET)), ..LoginConfig::default() };
    let before = Server::with(users(), Some(&login));
    let issued = before.log_in("ada", "ada-token").unwrap();
    let refresh_token = issued.refresh_token.unwrap();

    let promoted = json!([{"name": "ada", "token": "ada-token", "grants": [{"role": "admin"}]}]);
    let after = Server::with(promoted, Some(&login));
    assert_eq!(
        after.token(&issued.access_token).await.unwrap().grants[0].role,
        Role::Admin,
        "grants are today's"
    );
    assert!(after.refresh(&refresh_token).is_ok());

    for changed in [
        json!([{"name": "ada", "token": "another", "grants": []}]),
        json!([{"name": "eve", "token": "ada-token", "grants": []}]),
        json!([]),
    ] {
        let after = Server::with(changed.clone(), Some(&login));
        assert_eq!(after.token(&issued.access_token).await, Err(Refusal::Unknown), "{changed}");
        assert_eq!(after.refresh(&refresh_token), Err(Refusal::Unknown), "{changed}");
    }
    // The secret alone does not sign: another key is made of it.
    let forged = token("HS256", Signer::Shared(LOGIN_SECRET), None, &said_by(&issued.access_token));
    assert!(before.token(&forged).await.is_err());
}

#[test]
fn faults_name_the_key() {
    let fault = |config: Value| {
        let config: LoginConfig = serde_json::from_value(config).map_err(|error| error.to_string())?;
        assert!(!format!("{config:?}").contains("too short"));
        let made = Authenticator::new(&[], None, Arc::new(FakeClock::default())).unwrap();
        made.with_login(Some(&config)).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(fault(json!({})), Ok(()));
    assert_eq!(fault(json!({"secret": LOGIN_SECRET, "access_token_seconds": 60})), Ok(()));
    for (config, expected) in [
        (json!({"secret": "too short"}), "login: `secret` has 9 bytes, must have 32 at least"),
        (json!({"access_token_seconds": 59}), "login: `access_token_seconds` is 59, must be 60 to 86400"),
        (json!({"refresh_token_seconds": 0}), "login: `refresh_token_seconds` is 0, must be 60 to 2592000"),
        (json!({"secrt": "x"}), "unknown field `secrt`"),
    ] {
        let error = fault(config.clone()).unwrap_err();
        assert!(error.contains(expected), "{config}: {error}");
    }
}
