//! Tokens of Keystone: what it is asked, how often, for how long its word is kept, and what happens without it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use annals_auth::{Authenticator, KeystoneConfig};
use annals_model::{Grant, Presented, Principal, Refusal, Role, Timestamp};
use annals_testkit::FakeClock;
use serde_json::{Value, json};

use crate::{
    keystone_server::{KeystoneServer, PASSWORD, Reaction, said_of},
    signer::{NOW, credentials},
};

/// Seconds after which a good token is asked about again.
const CACHE: u64 = 300;
/// Seconds after which a refused one is.
const REFUSED_CACHE: u64 = 5;
/// Seconds after which a service token is asked for again when that failed.
const LOGIN_INTERVAL: u64 = 5;
/// Questions that are put to Keystone at once.
const QUESTIONS_MAX: usize = 16;
/// Tokens that are asked about or wait to be.
const FLIGHTS_MAX: usize = 256;

struct Judge {
    authenticator: Arc<Authenticator>,
    clock: FakeClock,
    server: KeystoneServer,
}

impl Judge {
    fn new(changes: &Value) -> Self {
        let server = KeystoneServer::start(NOW);
        let mut config = server.config();
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config: KeystoneConfig = serde_json::from_value(config).unwrap();
        let clock = FakeClock::new(Timestamp::from_seconds(NOW).unwrap());
        let known =
            credentials(json!([{"name": "static", "token": "static", "grants": [{"role": "reader"}]}]));
        let authenticator = Authenticator::new(&known, None, Arc::new(clock.clone()))
            .and_then(|it| it.with_keystone(Some(&config)))
            .unwrap();
        server.know("alice", Reaction::Good(said_of("alice", NOW + 3600, Some("d393"), "member")));
        Self { authenticator: Arc::new(authenticator), clock, server }
    }

    async fn token(&self, token: &str) -> Result<Principal, Refusal> {
        self.authenticator.authenticate(&Presented::KeystoneToken(token.to_owned())).await
    }

    async fn is_good(&self, token: &str) -> bool {
        self.token(token).await.is_ok()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.server.advance(seconds.try_into().unwrap());
    }

    /// Questions and logins so far.
    fn asked(&self) -> (usize, usize) {
        (self.server.questions(), self.server.logins())
    }
}

fn judge() -> Judge {
    Judge::new(&json!({}))
}

#[tokio::test]
async fn a_projects_token_reads_the_project() {
    let judge = judge();
    assert_eq!(judge.asked(), (0, 0), "nothing is asked before there is need");
    let principal = judge.token("alice").await.unwrap();
    assert_eq!((principal.name.as_str(), principal.subject.as_deref()), ("alice", Some("id-of-alice")));
    let grant = Grant { role: Role::Reader, organization: Some("d393".into()), project: None };
    assert_eq!(principal.grants, [grant]);
    assert_eq!(principal.token_scopes, None);
}

#[tokio::test]
async fn an_administrator_reads_everything_and_an_unscoped_token_nothing() {
    let judge = judge();
    judge.server.know("root", Reaction::Good(said_of("root", NOW + 60, Some("d393"), "admin")));
    judge.server.know("bare", Reaction::Good(said_of("bare", NOW + 60, None, "")));
    assert!(judge.token("root").await.unwrap().read_scope().is_everything());
    assert!(judge.token("bare").await.unwrap().read_scope().is_nothing());

    let strict = Judge::new(&json!({"admin_roles": []}));
    strict.server.know("root", Reaction::Good(said_of("root", NOW + 60, Some("d393"), "admin")));
    assert_eq!(strict.token("root").await.unwrap().read_scope().organizations(), Some(vec!["d393"]));
}

#[tokio::test]
async fn keystone_is_asked_only_about_tokens_presented_as_its_own() {
    let judge = judge();
    let presented = Presented::Token("alice".into());
    assert_eq!(judge.authenticator.authenticate(&presented).await, Err(Refusal::Unknown));
    assert_eq!(judge.token("static").await.unwrap().name, "static");
    for strange in ["", "with space", "tab\t", "line\r\nx-auth-token: x", "h\u{e9}", &"x".repeat(2049)] {
        if !strange.is_empty() {
            assert_eq!(judge.token(strange).await, Err(Refusal::Unknown), "{strange:?}");
        }
    }
    assert_eq!(judge.asked(), (0, 0));
    assert!(!judge.authenticator.is_empty());

    let without = Authenticator::new(&[], None, Arc::new(judge.clock.clone())).unwrap();
    let presented = Presented::KeystoneToken("alice".into());
    assert_eq!(without.authenticate(&presented).await, Err(Refusal::Unknown));
}

#[tokio::test]
async fn a_good_token_is_remembered_for_a_time() {
    let judge = judge();
    assert!(judge.is_good("alice").await);
    judge.advance(CACHE - 1);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.asked(), (1, 1));
    // Revoked, and believed until the time is over.
    judge.server.forget("alice");
    assert!(judge.is_good("alice").await);
    judge.advance(1);
    assert_eq!(judge.token("alice").await, Err(Refusal::Unknown));
    assert_eq!(judge.asked(), (2, 1), "the service token is kept");
}

#[tokio::test]
async fn a_token_is_not_remembered_beyond_its_end() {
    let judge = judge();
    judge.server.know("short", Reaction::Good(said_of("short", NOW + 10, Some("d393"), "member")));
    assert!(judge.is_good("short").await);
    judge.advance(9);
    assert!(judge.is_good("short").await);
    assert_eq!(judge.server.questions(), 1);
    judge.advance(1);
    // Should Keystone's clock be behind, ours decides.
    assert_eq!(judge.token("short").await, Err(Refusal::Expired));
    assert_eq!(judge.server.questions(), 2);
}

#[tokio::test]
async fn a_refused_token_is_remembered_for_a_short_time() {
    let judge = judge();
    assert_eq!(judge.token("bob").await, Err(Refusal::Unknown));
    judge.server.know("bob", Reaction::Good(said_of("bob", NOW + 60, Some("d393"), "member")));
    judge.advance(REFUSED_CACHE - 1);
    assert_eq!(judge.token("bob").await, Err(Refusal::Unknown));
    assert_eq!(judge.server.questions(), 1);
    judge.advance(1);
    assert!(judge.is_good("bob").await);
}

#[tokio::test]
async fn nothing_is_remembered_when_the_clock_was_set_back_or_that_is_wanted() {
    let judge = judge();
    assert!(judge.is_good("alice").await);
    judge.clock.set(Timestamp::from_seconds(NOW - 1).unwrap());
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.questions(), 2);

    let forgetful = Judge::new(&json!({"cache_seconds": 0, "refused_cache_seconds": 0}));
    for _ in 0..2 {
        assert!(forgetful.is_good("alice").await);
        assert!(!forgetful.is_good("bob").await);
    }
    assert_eq!(forgetful.asked(), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_ask_once() {
    let judge = judge();
    let requests: Vec<_> = (0..40)
        .map(|number| {
            let authenticator = Arc::clone(&judge.authenticator);
            let token = if number % 2 == 0 { "alice" } else { "bob" };
            tokio::spawn(
                async move { authenticator.authenticate(&Presented::KeystoneToken(token.into())).await },
            )
        })
        .collect();
    for (number, request) in requests.into_iter().enumerate() {
        let verdict = request.await.unwrap().map(|principal| principal.name);
        let expected = if number % 2 == 0 { Ok("alice".to_owned()) } else { Err(Refusal::Unknown) };
        assert_eq!(verdict, expected);
    }
    assert_eq!(judge.asked(), (2, 1));
}

/// A judge that has its service token, and whose Keystone holds every further question back.
async fn held_judge() -> Judge {
    // Nobody loses patience before the test lets the questions go.
    let judge = Judge::new(&json!({"timeout_seconds": 30}));
    assert_eq!(judge.token("bob").await, Err(Refusal::Unknown));
    let good = said_of("somebody", NOW + 3600, Some("d393"), "member");
    judge.server.everything(Some(Reaction::Held(good)));
    judge
}

/// Presents so many tokens, each another one; when it is over, each has been looked at.
async fn present(judge: &Judge, count: usize) -> Vec<tokio::task::JoinHandle<Result<Principal, Refusal>>> {
    let begun = Arc::new(AtomicUsize::new(0));
    let requests = (0..count).map(|number| {
        let (authenticator, begun) = (Arc::clone(&judge.authenticator), Arc::clone(&begun));
        tokio::spawn(async move {
            let presented = Presented::KeystoneToken(format!("token-{number}"));
            // Nothing is waited for between this and the moment in which the token is on its way.
            begun.fetch_add(1, Ordering::Relaxed);
            authenticator.authenticate(&presented).await
        })
    });
    let requests = requests.collect();
    while begun.load(Ordering::Relaxed) < count {
        tokio::task::yield_now().await;
    }
    requests
}

/// Waits until Keystone has so many questions before it.
async fn until_held(judge: &Judge, questions: usize) {
    while judge.server.held() < questions {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn keystone_is_asked_sixteen_questions_at_once() {
    let judge = held_judge().await;
    let requests = present(&judge, QUESTIONS_MAX + 8).await;
    until_held(&judge, QUESTIONS_MAX).await;
    // A question too many would be there by now.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((judge.server.held(), judge.server.questions()), (QUESTIONS_MAX, 1 + QUESTIONS_MAX));
    judge.server.release();
    for request in requests {
        assert!(request.await.unwrap().is_ok(), "who had to wait is answered too");
    }
    assert_eq!(judge.server.questions(), 1 + QUESTIONS_MAX + 8);
}

#[tokio::test]
async fn nobody_waits_behind_two_hundred_and_fifty_six_tokens() {
    let judge = held_judge().await;
    let requests = present(&judge, FLIGHTS_MAX).await;
    until_held(&judge, QUESTIONS_MAX).await;
    assert_eq!(judge.token("one-too-many").await, Err(Refusal::Unavailable));
    // That is no word on the token, and one that is on its way already needs no more room.
    let joined = present(&judge, 1).await;
    judge.server.release();
    for request in requests.into_iter().chain(joined) {
        assert!(request.await.unwrap().is_ok());
    }
    assert_eq!(judge.server.questions(), 1 + FLIGHTS_MAX);
    assert!(judge.is_good("one-too-many").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_lands_although_who_asked_has_gone() {
    let judge = held_judge().await;
    let asked = tokio::time::timeout(Duration::ZERO, judge.token("alice")).await;
    assert!(asked.is_err());
    judge.server.release();
    // The second joins the flight or finds what it brought.
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.questions(), 2, "one about each of bob and alice");
}

#[tokio::test]
async fn the_service_token_is_renewed_before_its_end() {
    let judge = Judge::new(&json!({"cache_seconds": 0}));
    judge.server.service_tokens_live(600);
    assert!(judge.is_good("alice").await);
    judge.advance(539);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.logins(), 1);
    judge.advance(1);
    // It does not matter that the renewal fails as long as the old one serves.
    judge.server.next(&[Reaction::Says(503, "")]);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.logins(), 2);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.logins(), 2, "not tried again at once");
    judge.advance(LOGIN_INTERVAL);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.logins(), 3);
}

#[tokio::test]
async fn a_worthless_service_token_is_renewed_once() {
    let judge = Judge::new(&json!({"cache_seconds": 0}));
    assert!(judge.is_good("alice").await);
    judge.server.revoke_service_token();
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.asked(), (3, 2));
    // Asked, refused, renewed, asked, refused: enough.
    judge.server.know("odd", Reaction::Says(401, "{}"));
    assert_eq!(judge.token("odd").await, Err(Refusal::Unavailable));
    assert_eq!(judge.asked(), (5, 3));
    // Neither taken nor renewed; then all is well again.
    judge.server.everything(Some(Reaction::Says(401, "{}")));
    assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    assert_eq!(judge.asked(), (7, 4), "logins that fail are not repeated at once");
    judge.server.everything(None);
    assert!(judge.is_good("alice").await);
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_at_once_again() {
    let judge = Judge::new(&json!({"password": "wrong"}));
    for _ in 0..3 {
        assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    }
    assert_eq!(judge.asked(), (0, 1));
    judge.advance(LOGIN_INTERVAL);
    assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    assert_eq!(judge.asked(), (0, 2));
}

#[tokio::test]
async fn trouble_is_neither_good_nor_bad_and_not_remembered() {
    let judge = judge();
    assert_eq!(judge.token("bob").await, Err(Refusal::Unknown));
    let expired = said_of("alice", NOW, Some("d393"), "member");
    for trouble in [
        Reaction::Says(500, "{}"),
        Reaction::Says(503, "busy"),
        Reaction::Says(429, ""),
        Reaction::Says(
            403,
            r#"{"error":{"code":403,"message":"You are not authorized","title":"Forbidden"}}"#,
        ),
        Reaction::Says(300, "{}"),
        Reaction::Says(302, ""),
        Reaction::Says(200, ""),
        Reaction::Says(200, "<html>welcome to the portal</html>"),
        Reaction::Says(200, r#"{"token":{"expires_at":"2099-01-01T00:00:00Z"}}"#),
        Reaction::Says(200, r#"{"token":{"user":{"id":"a","name":"b"},"expires_at":"never"}}"#),
        Reaction::Silence(Duration::from_millis(1500)),
    ] {
        judge.server.next(std::slice::from_ref(&trouble));
        assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    }
    judge.server.next(&[Reaction::Good(expired)]);
    assert_eq!(judge.token("alice").await, Err(Refusal::Expired));
    judge.advance(REFUSED_CACHE);
    assert!(judge.is_good("alice").await);
}

#[tokio::test]
async fn a_failed_connection_is_tried_three_times() {
    let judge = judge();
    assert_eq!(judge.token("bob").await, Err(Refusal::Unknown));
    let hang_up = || Reaction::HangUp;
    judge.server.next(&[hang_up(), hang_up()]);
    assert!(judge.is_good("alice").await);
    assert_eq!(judge.server.questions(), 4);
    judge.advance(CACHE);
    judge.server.everything(Some(hang_up()));
    assert_eq!(judge.token("alice").await, Err(Refusal::Unavailable));
    assert_eq!(judge.server.questions(), 7);
}

#[test]
fn faults_name_the_key() {
    let fault = |changes: Value| {
        let mut config = json!({
            "url": "https://keystone.example.org:5000/v3", "username": "annals", "password": PASSWORD,
            "project": "service",
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config: KeystoneConfig = serde_json::from_value(config).map_err(|error| error.to_string())?;
        let clock = Arc::new(FakeClock::default());
        let made = Authenticator::new(&[], None, clock).unwrap().with_keystone(Some(&config));
        made.map(drop).map_err(|error| error.to_string())
    };
    for good in [
        json!({}),
        json!({"url": "https://keystone.example.org/identity/v3/"}),
        json!({"url": "http://127.0.0.1:5000/v3"}),
        json!({"url": "http://keystone.internal/v3", "allow_http": true}),
        json!({"www_authenticate_uri": "http://keystone.example.org/v3"}),
    ] {
        assert_eq!(fault(good.clone()), Ok(()), "{good}");
    }
    for (changes, expected) in [
        (json!({"url": "http://keystone.internal/v3"}), "keystone: `url` must be https: whoever can change"),
        (json!({"url": "https://keystone.example.org"}), "keystone: `url` must end in /v3"),
        (json!({"url": "https://keystone.example.org/v3?x=/v3"}), "keystone: `url` must end in /v3"),
        (json!({"url": "https://a:b@keystone.example.org/v3"}), "keystone: `url` must not hold a user"),
        (json!({"url": "keystone"}), "keystone: `url` must start with https://"),
        (json!({"username": ""}), "keystone: `username` must not be empty"),
        (json!({"password": ""}), "keystone: `password` must not be empty"),
        (json!({"cache_seconds": 3601}), "keystone: `cache_seconds` is 3601, must be 0 to 3600"),
        (json!({"refused_cache_seconds": 61}), "keystone: `refused_cache_seconds` is 61, must be 0 to 60"),
        (json!({"timeout_seconds": 0}), "keystone: `timeout_seconds` is 0, must be 1 to 30"),
        (json!({"www_authenticate_uri": "here"}), "keystone: `www_authenticate_uri` must start with"),
        (json!({"ca_file": "/nowhere/ca.pem"}), "keystone: `ca_file` cannot be used: /nowhere/ca.pem"),
        (json!({"pasword": "x"}), "unknown field `pasword`"),
    ] {
        let error = fault(changes.clone()).unwrap_err();
        assert!(error.contains(expected), "{changes}: {error}");
        assert!(!error.contains(PASSWORD), "{error}");
    }
}

#[test]
fn the_password_is_not_shown() {
    let config = KeystoneServer::start(NOW).keystone();
    assert!(!format!("{config:?}").contains(PASSWORD));
    assert_eq!(config.www_authenticate_uri(), config.url);
}
