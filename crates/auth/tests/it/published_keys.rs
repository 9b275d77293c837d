//! JSON Web Tokens under keys that the issuer publishes: rotation, outage, and how often it is asked.

use std::sync::{Arc, Barrier};

use annals_auth::{JWT_KEYS_MAX, JwtConfig};
use annals_model::Refusal;
use serde_json::json;

use crate::{
    key_server::{Answer, KeyServer, key_set, key_set_text},
    signer::{Judge, NOW, P256, RSA, RSA_NEXT, SECRET, Signer, claims, p256_jwk, rsa_jwk, token},
};

/// Seconds after which keys may be fetched again.
const INTERVAL: u64 = 10;
/// Seconds after which keys are fetched again although they fit.
const FRESH: u64 = 10 * 60;
/// Seconds after which keys are not used without a key server.
const STALE: u64 = 60 * 60;

fn by_rsa(kid: Option<&str>, key: &[u8]) -> String {
    let claims = claims(&json!({"exp": NOW + 100_000}));
    token("RS256", Signer::Rsa(key), kid, &claims)
}

fn judge(server: &KeyServer) -> Judge {
    Judge::new(json!([]), Some(&server.config()))
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA), p256_jwk("two", P256)]);
    let judge = judge(&server);
    assert_eq!(server.asked(), 0);
    for token in [
        by_rsa(Some("one"), RSA),
        by_rsa(None, RSA),
        token("ES256", Signer::P256(P256), Some("two"), &claims(&json!({}))),
        token("ES256", Signer::P256(P256), None, &claims(&json!({}))),
    ] {
        assert_eq!(judge.token(&token).await.unwrap().name, "ada");
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_flight() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = Arc::new(judge(&server));
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let judge = Arc::clone(&judge);
            tokio::spawn(async move { judge.token(&by_rsa(Some("one"), RSA)).await })
        })
        .collect();
    for caller in callers {
        assert!(caller.await.unwrap().is_ok());
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_old_one_goes() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = judge(&server);
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());

    judge.advance(INTERVAL);
    server.answer(key_set(&[rsa_jwk("next", RSA_NEXT)]));
    assert!(judge.token(&by_rsa(Some("next"), RSA_NEXT)).await.is_ok());
    assert_eq!(server.asked(), 2);
    assert_eq!(judge.token(&by_rsa(Some("one"), RSA)).await, Err(Refusal::BadSignature));
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_new_key_under_the_old_name_is_found() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = judge(&server);
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    judge.advance(INTERVAL);
    server.answer(key_set(&[rsa_jwk("one", RSA_NEXT)]));
    assert!(judge.token(&by_rsa(Some("one"), RSA_NEXT)).await.is_ok());
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_after_a_while() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = judge(&server);
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    server.answer(key_set(&[rsa_jwk("next", RSA_NEXT)]));
    judge.advance(FRESH - 1);
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    judge.advance(1);
    assert_eq!(judge.token(&by_rsa(Some("one"), RSA)).await, Err(Refusal::BadSignature));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_key_server_does_not_hold_up_whom_known_keys_serve() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = Arc::new(judge(&server));
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    judge.advance(FRESH);
    let barrier = Arc::new(Barrier::new(2));
    server.answer(Answer::Late(Arc::clone(&barrier), key_set_text(&[rsa_jwk("one", RSA)])));
    let first = {
        let judge = Arc::clone(&judge);
        tokio::spawn(async move { judge.token(&by_rsa(Some("one"), RSA)).await })
    };
    while server.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    assert!(!first.is_finished());
    barrier.wait();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn forged_tokens_do_not_make_it_ask_at_will() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = judge(&server);
    assert!(judge.token(&by_rsa(Some("one"), RSA)).await.is_ok());
    judge.advance(INTERVAL);
    for kid in [Some("one"), Some("unheard-of"), None, Some("unheard-of")] {
        assert_eq!(judge.token(&by_rsa(kid, RSA_NEXT)).await, Err(Refusal::BadSignature), "{kid:?}");
    }
    assert_eq!(server.asked(), 2);
    judge.advance(INTERVAL - 1);
    assert_eq!(judge.token(&by_rsa(Some("one"), RSA_NEXT)).await, Err(Refusal::BadSignature));
    assert_eq!(server.asked(), 2);
    judge.advance(1);
    assert_eq!(judge.token(&by_rsa(Some("one"), RSA_NEXT)).await, Err(Refusal::BadSignature));
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn a_secret_is_never_looked_for_among_published_keys() {
    // A key set may hold a symmetric key, as UAA's does when it signs with one; published, it is nobody's secret.
    let server = KeyServer::with_keys(&[
        json!({"kty": "oct", "kid": "one", "alg": "HS256", "k": "YSBzZWNyZXQ"}),
        json!({"kty": "MAC", "kid": "one", "alg": "HS256", "value": SECRET}),
        rsa_jwk("two", RSA),
    ]);
    let judge = judge(&server);
    for secret in [SECRET, "a secret", ""] {
        let forged = token("HS256", Signer::Shared(secret), Some("one"), &claims(&json!({})));
        assert_eq!(judge.token(&forged).await, Err(Refusal::Unacceptable));
    }
    let unsigned = token("none", Signer::Nothing, Some("two"), &claims(&json!({})));
    assert_eq!(judge.token(&unsigned).await, Err(Refusal::Unacceptable));
    assert_eq!(server.asked(), 0);
    assert!(judge.token(&by_rsa(Some("two"), RSA)).await.is_ok());
}

#[tokio::test]
async fn keys_for_other_purposes_do_not_verify() {
    let spoiled = |field: &str, value: &str| {
        let mut jwk = rsa_jwk("one", RSA);
        jwk[field] = value.into();
        jwk
    };
    for jwk in [
        spoiled("use", "enc"),
        spoiled("alg", "RS512"),
        spoiled("alg", "RSA-OAEP"),
        spoiled("kty", "EC"),
        spoiled("n", "AQAB"),
        spoiled("n", "not base64url!"),
        json!("not a key"),
    ] {
        let server = KeyServer::with_keys(&[jwk.clone(), p256_jwk("two", P256)]);
        let answer = judge(&server).token(&by_rsa(Some("one"), RSA)).await;
        assert_eq!(answer, Err(Refusal::BadSignature), "{jwk}");
    }
    // What an older UAA calls RS256.
    let server = KeyServer::with_keys(&[spoiled("alg", "SHA256withRSA")]);
    assert!(judge(&server).token(&by_rsa(Some("one"), RSA)).await.is_ok());
}

#[tokio::test]
async fn a_key_on_p256_from_rfc_7515() {
    // Appendix A.3: the signature is good and the token expired on 2011-03-22.
    let server = KeyServer::with_keys(&[json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })]);
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc1\
                 9yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6\
                 NU1Q";
    assert_eq!(judge(&server).token(token).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn only_so_many_keys_are_used() {
    let mut keys = vec![rsa_jwk("other", RSA_NEXT); JWT_KEYS_MAX];
    keys.push(rsa_jwk("one", RSA));
    let answer = judge(&KeyServer::with_keys(&keys)).token(&by_rsa(Some("one"), RSA)).await;
    assert_eq!(answer, Err(Refusal::BadSignature));
    keys.swap(0, JWT_KEYS_MAX);
    assert!(judge(&KeyServer::with_keys(&keys)).token(&by_rsa(Some("one"), RSA)).await.is_ok());
}

#[tokio::test]
async fn without_a_key_server_nothing_is_good_until_it_is_back() {
    let answers = [
        Answer::HangUp,
        Answer::Status("503 Service Unavailable"),
        Answer::Status("302 Found\r\nlocation: /token_keys"),
        Answer::Body("<html>".into()),
        Answer::Body("{}".into()),
        Answer::Body(r#"{"keys": []}"#.into()),
        Answer::Body(format!(r#"{{"keys": [], "padding": "{}"}}"#, "x".repeat(2 << 20))),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let server = KeyServer::start(answer);
        let judge = judge(&server);
        let token = by_rsa(Some("one"), RSA);
        assert_eq!(judge.token(&token).await, Err(Refusal::Unavailable), "answer {number}");
        let asked = server.asked();

        server.answer(key_set(&[rsa_jwk("one", RSA)]));
        judge.advance(INTERVAL - 1);
        assert_eq!(judge.token(&token).await, Err(Refusal::Unavailable), "answer {number}");
        assert_eq!(server.asked(), asked, "answer {number}");
        judge.advance(1);
        assert!(judge.token(&token).await.is_ok(), "answer {number}");
    }
}

#[tokio::test]
async fn an_outage_is_bridged_by_known_keys_for_a_while() {
    let server = KeyServer::with_keys(&[rsa_jwk("one", RSA)]);
    let judge = judge(&server);
    let token = by_rsa(Some("one"), RSA);
    assert!(judge.token(&token).await.is_ok());

    server.answer(Answer::HangUp);
    judge.advance(INTERVAL);
    // A key that is not known could be a new one; a signature that a known key denies is bad either way.
    assert_eq!(judge.token(&by_rsa(Some("next"), RSA_NEXT)).await, Err(Refusal::Unavailable));
    assert_eq!(judge.token(&by_rsa(Some("one"), RSA_NEXT)).await, Err(Refusal::BadSignature));
    assert!(judge.token(&token).await.is_ok());

    judge.advance(STALE - INTERVAL - 1);
    assert!(judge.token(&token).await.is_ok());
    judge.advance(1);
    assert_eq!(judge.token(&token).await, Err(Refusal::Unavailable));

    server.answer(key_set(&[rsa_jwk("one", RSA)]));
    judge.advance(INTERVAL);
    assert!(judge.token(&token).await.is_ok());
}

#[test]
fn certificate_authorities_are_read_from_a_file() {
    let server = KeyServer::with_keys(&[]);
    let file = crate::signer::key_file("rsa.public.pem");
    let config = JwtConfig { jwks_ca_file: Some(file.clone()), ..server.config() };
    assert_eq!(
        Judge::try_new(json!([]), Some(&config)).err().unwrap().to_string(),
        format!("jwt: `jwks_ca_file` cannot be used: {}: it holds no certificate", file.display())
    );
}
