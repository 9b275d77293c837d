//! JSON Web Tokens under a shared secret or a key file: signatures, claims, grants.

use annals_auth::{JwtConfig, Secret};
use annals_model::{Grant, Refusal, Role};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::signer::{
    Judge, NOW, P256, RSA, RSA_NEXT, SECRET, Signer, claims, config, key_file, shared_secret, token,
    token_with_header,
};

fn key_in(file: &str) -> JwtConfig {
    JwtConfig { public_key_file: Some(key_file(file)), ..config() }
}

fn grant(role: Role, organization: Option<&str>, project: Option<&str>) -> Grant {
    Grant { role, organization: organization.map(Into::into), project: project.map(Into::into) }
}

/// How a token with these claims, signed with the shared secret, is judged under that configuration.
async fn judged(config: &JwtConfig, changes: Value) -> Result<annals_model::Principal, Refusal> {
    let token = token("HS256", Signer::Shared(SECRET), None, &claims(&changes));
    Judge::new(json!([]), Some(config)).token(&token).await
}

#[tokio::test]
async fn each_algorithm_with_its_key() {
    let (shared, rsa, p256) = (Signer::Shared(SECRET), Signer::Rsa(RSA), Signer::P256(P256));
    for (config, algorithm, signer) in [
        (shared_secret(), "HS256", shared),
        (shared_secret(), "HS384", shared),
        (shared_secret(), "HS512", shared),
        (key_in("rsa.public.pem"), "RS256", rsa),
        (key_in("rsa.public.pem"), "RS384", rsa),
        (key_in("rsa.public.pem"), "RS512", rsa),
        (key_in("rsa.pkcs1.pem"), "RS256", rsa),
        (key_in("p256.public.pem"), "ES256", p256),
    ] {
        let judge = Judge::new(json!([]), Some(&config));
        let good = token(algorithm, signer, None, &claims(&json!({})));
        let principal = judge.token(&good).await.unwrap();
        assert_eq!((principal.name.as_str(), principal.subject.as_deref()), ("ada", Some("u-1")));
        assert!(principal.grants.is_empty());

        // Other claims under the same signature, a signature cut short, and none.
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let forged_claims = token(algorithm, Signer::Nothing, None, &claims(&json!({"user_id": "u-2"})));
        let forged = format!("{forged_claims}{signature}");
        assert_eq!(judge.token(&forged).await, Err(Refusal::BadSignature), "{algorithm}");
        let whole = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let short = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&whole[..whole.len() - 1]));
        assert_eq!(judge.token(&short).await, Err(Refusal::BadSignature), "{algorithm}");
        assert_eq!(judge.token(&format!("{signed}.")).await, Err(Refusal::BadSignature), "{algorithm}");
    }
}

#[tokio::test]
async fn tokens_made_elsewhere() {
    // Signed by the `openssl` command.
    let by_openssl = include_str!("../keys/rs256-by-openssl.jwt").trim();
    let judge = Judge::new(json!([]), Some(&key_in("rsa.public.pem")));
    assert_eq!(judge.token(by_openssl).await.unwrap().name, "openssl");

    // The example of jwt.io. It has no `exp`, which is looked at only after the signature.
    let by_jwt_io = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwia\
                     WF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
    let with_secret =
        |secret: &str| JwtConfig { hs256_secret: Some(Secret::new(secret)), ..JwtConfig::default() };
    for (secret, expected) in
        [("your-256-bit-secret", Refusal::Unacceptable), ("another", Refusal::BadSignature)]
    {
        let config = JwtConfig { check_issuer: false, check_audience: false, ..with_secret(secret) };
        assert_eq!(Judge::new(json!([]), Some(&config)).token(by_jwt_io).await, Err(expected));
    }
}

#[tokio::test]
async fn another_key_made_the_signature() {
    let claims = claims(&json!({}));
    for (config, wrong) in [
        (shared_secret(), token("HS256", Signer::Shared("another secret"), None, &claims)),
        (shared_secret(), token("HS256", Signer::Shared(""), None, &claims)),
        (key_in("rsa.public.pem"), token("RS256", Signer::Rsa(RSA_NEXT), None, &claims)),
        // Signed with SHA-256, said to be signed with SHA-512.
        (
            key_in("rsa.public.pem"),
            token("RS256", Signer::Rsa(RSA), None, &claims).replacen(
                "eyJhbGciOiJSUzI1NiI",
                "eyJhbGciOiJSUzUxMiI",
                1,
            ),
        ),
    ] {
        assert_eq!(Judge::new(json!([]), Some(&config)).token(&wrong).await, Err(Refusal::BadSignature));
    }
}

#[tokio::test]
async fn the_algorithm_must_fit_the_configured_key() {
    let claims = claims(&json!({}));
    let public_key_as_secret = std::fs::read_to_string(key_file("rsa.public.pem")).unwrap();
    for (config, wrong) in [
        (key_in("rsa.public.pem"), token("HS256", Signer::Shared(&public_key_as_secret), None, &claims)),
        (
            key_in("rsa.public.pem"),
            token("HS256", Signer::Shared(public_key_as_secret.trim()), None, &claims),
        ),
        (key_in("rsa.public.pem"), token("ES256", Signer::P256(P256), None, &claims)),
        (key_in("p256.public.pem"), token("RS256", Signer::Rsa(RSA), None, &claims)),
        (shared_secret(), token("RS256", Signer::Rsa(RSA), None, &claims)),
        (shared_secret(), token("none", Signer::Nothing, None, &claims)),
        (shared_secret(), token("None", Signer::Nothing, None, &claims)),
        (shared_secret(), token("none", Signer::Shared(SECRET), None, &claims)),
        (key_in("rsa.public.pem"), token("none", Signer::Nothing, None, &claims)),
        (shared_secret(), token("hs256", Signer::Shared(SECRET), None, &claims)),
        (key_in("rsa.public.pem"), token("PS256", Signer::Rsa(RSA), None, &claims)),
        (
            shared_secret(),
            token_with_header(
                &json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
                Signer::Shared(SECRET),
                &claims,
            ),
        ),
    ] {
        assert_eq!(Judge::new(json!([]), Some(&config)).token(&wrong).await, Err(Refusal::Unacceptable));
    }
}

#[tokio::test]
async fn what_is_not_a_token_is_unknown() {
    let good = token("HS256", Signer::Shared(SECRET), None, &claims(&json!({})));
    let judge = Judge::new(json!([]), Some(&shared_secret()));
    let header = |json: &Value| token_with_header(json, Signer::Shared(SECRET), &claims(&json!({})));
    for wrong in [
        String::new(),
        "..".into(),
        "a.b".into(),
        "a.b.c.d".into(),
        format!("{good}."),
        format!("{good}="),
        format!(" {good}"),
        good.replacen('.', "", 1),
        header(&json!([])),
        header(&json!({"typ": "JWT"})),
        header(&json!({"alg": 256})),
        token("HS256", Signer::Shared(SECRET), None, &json!(["not", "claims"])),
    ] {
        assert_eq!(judge.token(&wrong).await, Err(Refusal::Unknown), "{wrong}");
    }
    assert!(judge.token(&good).await.is_ok());
}

#[tokio::test]
async fn claims_that_are_refused() {
    let refused = Refusal::Unacceptable;
    for (changes, refusal) in [
        (json!({"exp": NOW}), Refusal::Expired),
        (json!({"exp": NOW - 1}), Refusal::Expired),
        (json!({"exp": -1}), Refusal::Expired),
        (json!({"exp": null}), refused),
        (json!({"exp": (NOW + 600).to_string()}), refused),
        (json!({"exp": 1_999_999_999.5}), refused),
        (json!({"exp": [NOW + 600]}), refused),
        (json!({"nbf": NOW + 1}), refused),
        (json!({"nbf": "0"}), refused),
        (json!({"iss": null}), refused),
        (json!({"iss": "https://uaa.example.com/oauth/token/"}), refused),
        (json!({"iss": ["https://uaa.example.com/oauth/token"]}), refused),
        (json!({"aud": null}), refused),
        (json!({"aud": []}), refused),
        (json!({"aud": ["cloud_controller.read"]}), refused),
        (json!({"aud": "cloud_controllers openid"}), refused),
        (json!({"aud": {"cloud_controller": true}}), refused),
        (json!({"jti": null}), refused),
        (json!({"jti": ""}), refused),
        (json!({"jti": 7}), refused),
        (json!({"jti": "3f1b-r"}), refused),
        (json!({"user_id": null, "client_id": null, "sub": null}), refused),
        (json!({"user_id": 1, "client_id": "", "sub": {}}), refused),
        (json!({"scope": 1}), refused),
        (json!({"scope": ["a", 1]}), refused),
    ] {
        assert_eq!(judged(&shared_secret(), changes.clone()).await, Err(refusal), "{changes}");
    }
}

#[tokio::test]
async fn claims_that_are_accepted() {
    for changes in [
        json!({"exp": NOW + 1}),
        json!({"nbf": NOW}),
        json!({"aud": "cloud_controller"}),
        json!({"aud": "openid cloud_controller"}),
        json!({"jti": "r"}),
        json!({"unknown": {"claim": 1}}),
    ] {
        assert!(judged(&shared_secret(), changes.clone()).await.is_ok(), "{changes}");
    }
}

#[tokio::test]
async fn a_token_expires_with_the_clock() {
    let judge = Judge::new(json!([]), Some(&shared_secret()));
    let token = token("HS256", Signer::Shared(SECRET), None, &claims(&json!({"exp": NOW + 60})));
    judge.advance(59);
    assert!(judge.token(&token).await.is_ok());
    judge.advance(1);
    assert_eq!(judge.token(&token).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn checks_can_be_switched_off_one_by_one() {
    let wrong = [
        ("issuer", json!({"iss": "somebody"})),
        ("audience", json!({"aud": "something"})),
        ("jti", json!({"jti": null})),
        ("jti", json!({"jti": "3f1b-r"})),
    ];
    for off in ["issuer", "audience", "jti"] {
        let config = JwtConfig {
            check_issuer: off != "issuer",
            check_audience: off != "audience",
            check_jti: off != "jti",
            ..shared_secret()
        };
        for (check, changes) in &wrong {
            assert_eq!(judged(&config, changes.clone()).await.is_ok(), *check == off, "{off} {changes}");
        }
    }
    // An unchecked claim needs no configured value.
    let config = JwtConfig {
        check_issuer: false,
        check_audience: false,
        issuer: None,
        audience: None,
        ..shared_secret()
    };
    assert!(judged(&config, json!({"iss": null, "aud": null})).await.is_ok());
}

#[tokio::test]
async fn who_it_is() {
    for (changes, name, subject) in [
        (json!({}), "ada", "u-1"),
        (json!({"user_name": null}), "u-1", "u-1"),
        (json!({"user_name": null, "preferred_username": "lovelace"}), "lovelace", "u-1"),
        (json!({"user_id": null, "user_name": null}), "cf", "cf"),
        (json!({"user_id": null, "user_name": null, "client_id": null, "sub": "s"}), "s", "s"),
    ] {
        let principal = judged(&shared_secret(), changes).await.unwrap();
        assert_eq!((principal.name.as_str(), principal.subject.as_deref()), (name, Some(subject)));
    }
}

#[tokio::test]
async fn scopes_in_every_spelling() {
    for (changes, scopes) in [
        (json!({}), vec!["cloud_controller.read", "openid"]),
        (json!({"scope": "a  b"}), vec!["a", "b"]),
        (json!({"scope": null, "scp": ["a"]}), vec!["a"]),
        (json!({"scope": null, "scp": "a b"}), vec!["a", "b"]),
        (json!({"scope": [], "scp": ["a"]}), vec![]),
        (json!({"scope": null}), vec![]),
    ] {
        let found = judged(&shared_secret(), changes.clone()).await.unwrap().token_scopes;
        assert_eq!(found, Some(scopes.into_iter().map(String::from).collect()), "{changes}");
    }
}

#[tokio::test]
async fn scopes_that_read_everything() {
    for (scope, reads) in [
        ("cloud_controller.admin", true),
        ("cloud_controller.admin_read_only", true),
        ("cloud_controller.global_auditor", true),
        ("cloud_controller.read", false),
        ("cloud_controller.administrator", false),
        ("Cloud_Controller.Admin", false),
        ("admin", false),
    ] {
        let principal = judged(&shared_secret(), json!({"scope": ["openid", scope]})).await.unwrap();
        assert_eq!(principal.read_scope().is_everything(), reads, "{scope}");
        assert!(!principal.has(Role::Writer) && !principal.has(Role::Admin), "{scope}");
    }
}

#[tokio::test]
async fn grants_of_configured_subjects() {
    let credentials = json!([
        {"name": "ada", "subject": "u-1", "grants": [{"role": "reader", "organization": "acme"}]},
        {"name": "deployer", "subject": "cf", "grants": [{"role": "writer"}]},
    ]);
    let judge = Judge::new(credentials, Some(&shared_secret()));
    for (changes, grants) in [
        // Only the identity counts, not the other claims that identities can come from.
        (json!({}), vec![grant(Role::Reader, Some("acme"), None)]),
        (json!({"user_id": "u-2", "sub": "u-1"}), vec![]),
        (json!({"user_id": "ada"}), vec![]),
        (json!({"user_id": null}), vec![grant(Role::Writer, None, None)]),
        (
            json!({"annals_grants": [{"role": "reader", "organization": "b", "project": "p"}]}),
            vec![grant(Role::Reader, Some("acme"), None), grant(Role::Reader, Some("b"), Some("p"))],
        ),
    ] {
        let token = token("HS256", Signer::Shared(SECRET), None, &claims(&changes));
        assert_eq!(judge.token(&token).await.unwrap().grants, grants, "{changes}");
    }
}

#[tokio::test]
async fn grants_in_the_token() {
    let good = json!({"annals_grants": [{"role": "admin"}, {"role": "writer", "project": "p"}]});
    assert_eq!(
        judged(&shared_secret(), good).await.unwrap().grants,
        [grant(Role::Admin, None, None), grant(Role::Writer, None, Some("p"))]
    );
    for wrong in [
        json!({"role": "admin"}),
        json!("admin"),
        json!([{"role": "owner"}]),
        json!([{"role": "Reader"}]),
        json!([{"organization": "acme"}]),
        json!([{"role": "reader", "organisation": "acme"}]),
        json!([{"role": "reader", "organization": ""}]),
        json!([{"role": "reader", "project": ""}]),
        json!([{"role": "reader"}, 7]),
    ] {
        let answer = judged(&shared_secret(), json!({"annals_grants": wrong})).await;
        assert_eq!(answer, Err(Refusal::Unacceptable), "{wrong}");
    }
}

#[test]
fn configurations_that_are_refused() {
    let one = "give one of `hs256_secret`, `public_key_file` and `jwks_url`";
    let cannot = |file: &str, why: &str| {
        format!("jwt: `public_key_file` cannot be used: {}: {why}", key_file(file).display())
    };
    let jwks = |url: &str| JwtConfig { jwks_url: Some(url.into()), ..config() };
    for (config, message) in [
        (config(), format!("jwt: `hs256_secret` is missing: {one}")),
        (
            JwtConfig { jwks_url: Some("https://example.com".into()), ..shared_secret() },
            format!("jwt: `jwks_url` is one too many: {one}"),
        ),
        (
            JwtConfig { public_key_file: Some(key_file("rsa.public.pem")), ..shared_secret() },
            format!("jwt: `public_key_file` is one too many: {one}"),
        ),
        (
            JwtConfig { hs256_secret: Some(Secret::new("")), ..config() },
            "jwt: `hs256_secret` must not be empty".into(),
        ),
        (
            JwtConfig { issuer: None, ..shared_secret() },
            "jwt: `issuer` is missing: name it, or set `check_issuer = false`".into(),
        ),
        (
            JwtConfig { audience: Some(String::new()), ..shared_secret() },
            "jwt: `audience` is missing: name it, or set `check_audience = false`".into(),
        ),
        (key_in("no-such.pem"), cannot("no-such.pem", "No such file or directory (os error 2)")),
        (key_in("rsa.pkcs8.der"), cannot("rsa.pkcs8.der", "not a PEM file with one public key")),
        (
            key_in("p384.public.pem"),
            cannot("p384.public.pem", "its public key is neither RSA nor on the curve P-256"),
        ),
        (
            key_in("rsa-1024.public.pem"),
            cannot("rsa-1024.public.pem", "its RSA key must have 2,048 to 8,192 bits"),
        ),
        (jwks("ftp://example.com/keys"), "jwt: `jwks_url` must start with https://".into()),
        (jwks("/token_keys"), "jwt: `jwks_url` must start with https://".into()),
        (
            jwks("https://me:secret@example.com/keys"),
            "jwt: `jwks_url` must not hold a user or a password".into(),
        ),
    ] {
        assert_eq!(Judge::try_new(json!([]), Some(&config)).err().unwrap().to_string(), message);
    }

    for (url, allow_http, good) in [
        ("https://uaa.example.com/token_keys", false, true),
        ("http://uaa.example.com/token_keys", false, false),
        ("http://uaa.example.com/token_keys", true, true),
        ("http://localhost:8080/token_keys", false, true),
        ("http://127.0.0.1:8080/token_keys", false, true),
        ("http://[::1]:8080/token_keys", false, true),
        ("http://127.0.0.1.example.com/token_keys", false, false),
        ("http://localhost.example.com/token_keys", false, false),
        ("http://10.0.0.1/token_keys", false, false),
    ] {
        let config = JwtConfig { jwks_allow_http: allow_http, ..jwks(url) };
        assert_eq!(Judge::try_new(json!([]), Some(&config)).is_ok(), good, "{url}");
    }
}
