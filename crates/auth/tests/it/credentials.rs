//! Static tokens and signing keys.

use std::sync::Arc;

use annals_auth::{
    Authenticator, DERIVATION_STEPS_MAX, TOKEN_BYTES_MAX, new_key_pair, new_token, token_sha256,
};
use annals_model::{Grant, Presented, Refusal, Role, SystemClock};
use ring::hmac;
use serde_json::json;

use crate::signer::{Judge, shared_secret};

/// AWS's published example of a derived signing key ("Deriving the signing key", Signature Version 4).
const AWS_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const AWS_DERIVATION: [&str; 4] = ["20120215", "us-east-1", "iam", "aws4_request"];
const AWS_SIGNING_KEY: &str = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn signature(key: &str, message: &[u8], signature: Vec<u8>) -> Presented {
    Presented::Signature {
        key: key.to_owned(),
        secret_prefix: "",
        derivation: Vec::new(),
        message: message.to_owned(),
        signature,
    }
}

#[tokio::test]
async fn static_tokens_are_known_in_clear_and_by_digest() {
    let judge = Judge::new(
        json!([
            {"name": "ci", "token": "first", "grants": [{"role": "writer", "organization": "acme"}]},
            {"name": "auditor", "token_sha256": token_sha256("second"), "grants": [{"role": "reader"}]},
        ]),
        None,
    );
    let ci = judge.token("first").await.unwrap();
    assert_eq!((ci.name.as_str(), ci.subject, ci.token_scopes), ("ci", None, None));
    assert_eq!(ci.grants, [Grant { role: Role::Writer, organization: Some("acme".into()), project: None }]);
    assert_eq!(judge.token("second").await.unwrap().name, "auditor");
    for wrong in ["", "firs", "first ", "First", "third", &token_sha256("second"), &token_sha256("first")] {
        assert_eq!(judge.token(wrong).await, Err(Refusal::Unknown), "{wrong}");
    }
    assert_eq!(judge.token(&"x".repeat(TOKEN_BYTES_MAX + 1)).await, Err(Refusal::Unknown));
}

#[tokio::test]
async fn a_static_token_may_look_like_a_json_web_token() {
    let token = "e30.e30.e30";
    let credentials = json!([{"name": "ci", "token": token, "grants": []}]);
    let judge = Judge::new(credentials, Some(&shared_secret()));
    assert_eq!(judge.token(token).await.unwrap().name, "ci");
}

#[tokio::test]
async fn new_credentials_are_good() {
    let (token, (key, secret)) = (new_token(), new_key_pair());
    let judge = Judge::new(
        json!([
            {"name": "t", "token_sha256": token_sha256(&token), "grants": []},
            {"name": "k", "key": key, "secret": secret, "grants": []},
        ]),
        None,
    );
    assert_eq!(judge.token(&token).await.unwrap().name, "t");
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"m").as_ref().to_vec();
    assert_eq!(judge.authenticator.authenticate(&signature(&key, b"m", signed)).await.unwrap().name, "k");
    // A key is no token, and neither is its secret.
    assert_eq!(judge.token(&key).await, Err(Refusal::Unknown));
    assert_eq!(judge.token(&secret).await, Err(Refusal::Unknown));
}

#[tokio::test]
async fn signatures_by_the_secret_itself() {
    // RFC 4231, test case 2.
    let (secret, message) = ("Jefe", b"what do ya want for nothing?");
    let good = from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let credentials = json!([{"name": "exo", "key": "EXOkey", "secret": secret, "grants": []}]);
    let judge = Judge::new(credentials, None);

    let mut flipped = good.clone();
    flipped[31] ^= 1;
    let cases = [
        (signature("EXOkey", message, good.clone()), Ok("exo".to_owned())),
        (signature("EXOkey", message, flipped), Err(Refusal::BadSignature)),
        (signature("EXOkey", message, good[..31].to_vec()), Err(Refusal::BadSignature)),
        (signature("EXOkey", message, Vec::new()), Err(Refusal::BadSignature)),
        (signature("EXOkey", b"what do ya want?", good.clone()), Err(Refusal::BadSignature)),
        (signature("EXOother", message, good.clone()), Err(Refusal::Unknown)),
        (signature("exokey", message, good.clone()), Err(Refusal::Unknown)),
    ];
    for (presented, expected) in cases {
        let found = judge.authenticator.authenticate(&presented).await.map(|principal| principal.name);
        assert_eq!(found, expected, "{presented:?}");
    }
}

#[tokio::test]
async fn signatures_by_a_derived_key() {
    let credentials = json!([{"name": "aws", "key": "AKID", "secret": AWS_SECRET, "grants": []}]);
    let judge = Judge::new(credentials, None);
    let message = b"AWS4-HMAC-SHA256\n20120215T000000Z\n...";
    let key = hmac::Key::new(hmac::HMAC_SHA256, &from_hex(AWS_SIGNING_KEY));
    let good = hmac::sign(&key, message).as_ref().to_vec();
    let present = |secret_prefix, steps: &[&str]| Presented::Signature {
        key: "AKID".into(),
        secret_prefix,
        derivation: steps.iter().map(|step| step.as_bytes().to_vec()).collect(),
        message: message.to_vec(),
        signature: good.clone(),
    };
    let too_long = vec!["x"; DERIVATION_STEPS_MAX + 1];
    for (presented, expected) in [
        (present("AWS4", &AWS_DERIVATION), Ok("aws")),
        (present("", &AWS_DERIVATION), Err(Refusal::BadSignature)),
        (present("AWS4", &AWS_DERIVATION[..3]), Err(Refusal::BadSignature)),
        (present("AWS4", &[]), Err(Refusal::BadSignature)),
        (present("AWS4", &too_long), Err(Refusal::BadSignature)),
    ] {
        let answer = judge.authenticator.authenticate(&presented).await;
        assert_eq!(answer.as_ref().map(|principal| principal.name.as_str()).map_err(|r| *r), expected);
    }
}

#[test]
fn what_is_shared_is_refused() {
    let reader = json!([{"role": "reader"}]);
    for (other, message) in [
        (json!({"name": "a", "token": "u"}), "credential `a`: `name` is used by another credential too"),
        (json!({"name": "b", "token": "t"}), "credential `b`: `token` is the same as that of credential `a`"),
        (
            json!({"name": "b", "token_sha256": token_sha256("t")}),
            "credential `b`: `token_sha256` is the same as that of credential `a`",
        ),
        (
            json!({"name": "b", "key": "k", "secret": "z"}),
            "credential `b`: `key` is the same as that of credential `k`",
        ),
        (
            json!({"name": "b", "subject": "s"}),
            "credential `b`: `subject` is the same as that of another credential",
        ),
    ] {
        let mut credentials = json!([
            {"name": "a", "token": "t", "grants": reader},
            {"name": "k", "key": "k", "secret": "s", "grants": reader},
            {"name": "s", "subject": "s", "grants": reader},
        ]);
        let mut other = other;
        other["grants"] = reader.clone();
        credentials.as_array_mut().unwrap().push(other);
        let error = Judge::try_new(credentials, Some(&shared_secret())).err().unwrap();
        assert_eq!(error.to_string(), message);
    }
    let alone = json!([{"name": "s", "subject": "s", "grants": reader}]);
    assert_eq!(
        Judge::try_new(alone, None).err().unwrap().to_string(),
        "credential `s`: `subject` is an identity inside a JSON Web Token: it needs a `[jwt]` table"
    );
}

#[tokio::test]
async fn without_credentials_everything_is_refused() {
    let empty = Authenticator::new(&[], None, Arc::new(SystemClock)).unwrap();
    assert!(empty.is_empty());
    for presented in [
        Presented::Token(String::new()),
        Presented::Token("t".into()),
        Presented::Token("e30.e30.".into()),
        signature("", b"", Vec::new()),
    ] {
        assert_eq!(empty.authenticate(&presented).await, Err(Refusal::Unknown));
    }
    for credentials in [
        json!([{"name": "t", "token": "t", "grants": []}]),
        json!([{"name": "k", "key": "k", "secret": "s", "grants": []}]),
    ] {
        assert!(!Judge::new(credentials, None).authenticator.is_empty());
    }
    assert!(!Judge::new(json!([]), Some(&shared_secret())).authenticator.is_empty());
}

#[test]
fn nothing_secret_is_shown() {
    let credentials = json!([{"name": "t", "token": "hunter2", "grants": []}]);
    assert!(!format!("{:?}", Judge::new(credentials, None).authenticator).contains("hunter2"));
}
