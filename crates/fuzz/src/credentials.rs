//! Credentials: requests with any headers, tokens, claims, key sets and Keystone's answers, held against the real judge.
//! Nothing may become a principal that nobody was given.

use std::sync::Arc;

use annals_auth::{
    Authenticator, CredentialConfig, JwtConfig,
    fuzzing::{keystone_answer, verify_with_key_set},
};
use annals_dialects::Host;
use annals_model::{Presented, Timestamp};
use annals_testkit::FakeClock;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use ring::hmac;
use serde_json::json;

use crate::{Target, host::FuzzHost, message::Message, requests::ask, seeds};

const STATIC_TOKEN: &str = "ann_fuzz";
const SIGNING_KEY: &str = "EXOfuzz";
const JWT_SECRET: &[u8] = b"an HMAC secret for fuzzing alone";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub(crate) fn targets() -> Vec<Target> {
    let judge = Arc::new(judge());
    let dialects = crate::dialects();
    let host = Arc::new(FuzzHost::real(Arc::clone(&judge)));
    let requests: Vec<_> = dialects.iter().flat_map(|dialect| seeds::of_routes(&**dialect)).collect();
    let credentials = move |input: &[u8]| {
        let Some(message) = Message::read(input) else { return };
        for dialect in &dialects {
            ask(&**dialect, &message, Arc::clone(&host) as Arc<dyn Host>);
        }
    };
    let tokens = {
        let judge = Arc::clone(&judge);
        move |input: &[u8]| token(&judge, input)
    };
    vec![
        Target::new("credentials", credentials).with_seeds(requests),
        Target::new("tokens", tokens).with_seeds([
            STATIC_TOKEN.into(),
            sign(HEADER, CLAIMS.as_bytes()).into_bytes(),
            b"e30.e30.e30".to_vec(),
        ]),
        Target::new("claims", move |input: &[u8]| claims(&judge, input))
            .with_seeds([CLAIMS.into(), format!("{HEADER}\n{CLAIMS}").into_bytes()]),
        Target::new("key-set", key_set),
        Target::new("keystone-answer", keystone),
    ]
}

/// Claims that are good.
const CLAIMS: &str = r#"{"iss":"https://uaa.test/oauth/token","aud":["annals"],"exp":1895348800,"iat":1795340000,"jti":"a1","user_id":"u-1","user_name":"alice","scope":["cloud_controller.read","openid"],"annals_grants":[{"role":"reader","organization":"acme","project":"web"}]}"#;

fn judge() -> Authenticator {
    let grants = json!([{"role": "reader"}]);
    let credentials = json!([
        {"name": "static", "grants": grants, "token": STATIC_TOKEN},
        {"name": "signing", "grants": grants, "key": SIGNING_KEY, "secret": "secret"},
        {"name": "subject", "grants": grants, "subject": "u-1"},
    ]);
    let credentials: Vec<CredentialConfig> = serde_json::from_value(credentials).unwrap();
    let jwt: JwtConfig = serde_json::from_value(json!({
        "issuer": "https://uaa.test/oauth/token",
        "audience": "annals",
        "hs256_secret": std::str::from_utf8(JWT_SECRET).unwrap(),
    }))
    .unwrap();
    let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
    Authenticator::new(&credentials, Some(&jwt), Arc::new(FakeClock::new(now))).unwrap()
}

/// Nothing is a good token but the one that was given out and what the secret signed.
fn token(judge: &Authenticator, input: &[u8]) {
    let Ok(token) = std::str::from_utf8(input) else { return };
    let verdict = judge.authenticate(&Presented::Token(token.to_owned())).now_or_never().unwrap();
    let Ok(principal) = verdict else { return };
    let is_signed = token.rsplit_once('.').is_some_and(|(signed, signature)| {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        hmac::verify(&secret(), signed.as_bytes(), &signature).is_ok()
    });
    assert!(token == STATIC_TOKEN || is_signed, "{token} was taken for {principal:?}");
}

fn secret() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, JWT_SECRET)
}

fn sign(header: &str, claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&secret(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Claims behind a good signature, with a header of their own on the first line if it is not an object's last.
fn claims(judge: &Authenticator, input: &[u8]) {
    let line = input.iter().position(|byte| *byte == b'\n');
    let (header, claims) = match line {
        Some(at) => (String::from_utf8_lossy(&input[..at]).into_owned(), &input[at + 1..]),
        None => (HEADER.to_owned(), input),
    };
    let token = sign(&header, claims);
    let verdict = judge.authenticate(&Presented::Token(token)).now_or_never().unwrap();
    let Ok(principal) = verdict else { return };
    let said: serde_json::Value = serde_json::from_slice(claims).unwrap();
    assert_eq!(said["iss"], "https://uaa.test/oauth/token", "{principal:?}");
    assert!(said["exp"].is_number() && said["jti"].is_string(), "{principal:?}");
    for grant in &principal.grants {
        assert!(grant.organization.as_deref() != Some("") && grant.project.as_deref() != Some(""));
    }
}

/// A token on the first line, behind it the key set. A set whose secret keys nobody has lets nothing in.
fn key_set(input: &[u8]) {
    let Some(line) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(token) = std::str::from_utf8(&input[..line]) else { return };
    verify_with_key_set(&input[line + 1..], token);
}

fn keystone(input: &[u8]) {
    let Some(principal) = keystone_answer(input) else { return };
    assert!(principal.grants.len() <= 1, "{principal:?}");
    assert!(principal.grants.iter().all(|grant| grant.organization.as_deref() != Some("")), "{principal:?}");
}
