//! Makes tokens for tests, good and bad ones. The keys in `tests/keys` were made for these tests alone.

use std::{path::PathBuf, sync::Arc, time::Duration};

use annals_auth::{Authenticator, ConfigError, CredentialConfig, JwtConfig, Secret};
use annals_model::{Presented, Principal, Refusal, Timestamp};
use annals_testkit::FakeClock;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RsaKeyPair,
    },
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://uaa.example.com/oauth/token";
pub(crate) const AUDIENCE: &str = "cloud_controller";
pub(crate) const SECRET: &str = "a secret shared with the issuer";
pub(crate) const RSA: &[u8] = include_bytes!("../keys/rsa.pkcs8.der");
pub(crate) const RSA_NEXT: &[u8] = include_bytes!("../keys/rsa-next.pkcs8.der");
pub(crate) const P256: &[u8] = include_bytes!("../keys/p256.pkcs8.der");

/// What every test calls now: 2026-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_767_225_600;

/// Where a key file lies.
pub(crate) fn key_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

/// What signs.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'k> {
    Shared(&'k str),
    Rsa(&'k [u8]),
    P256(&'k [u8]),
    Nothing,
}

/// The claims of a good access token, with some changed; `null` removes one.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "jti": "3f1b", "iss": ISSUER, "aud": ["cloud_controller", "openid"], "exp": NOW + 600,
        "user_id": "u-1", "user_name": "ada", "client_id": "cf", "sub": "u-1",
        "scope": ["cloud_controller.read", "openid"],
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A token with that algorithm in its header.
pub(crate) fn token(algorithm: &str, signer: Signer<'_>, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": algorithm, "typ": "JWT"});
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    token_with_header(&header, signer, claims)
}

pub(crate) fn token_with_header(header: &Value, signer: Signer<'_>, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let algorithm = header["alg"].as_str().unwrap_or_default();
    let signature = sign(algorithm, signer, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn sign(algorithm: &str, signer: Signer<'_>, message: &[u8]) -> Vec<u8> {
    match signer {
        Signer::Shared(secret) => {
            let hash = match algorithm {
                "HS384" => hmac::HMAC_SHA384,
                "HS512" => hmac::HMAC_SHA512,
                _ => hmac::HMAC_SHA256,
            };
            hmac::sign(&hmac::Key::new(hash, secret.as_bytes()), message).as_ref().to_vec()
        }
        Signer::Rsa(key) => {
            let key = RsaKeyPair::from_pkcs8(key).unwrap();
            let padding = match algorithm {
                "RS384" => &RSA_PKCS1_SHA384,
                "RS512" => &RSA_PKCS1_SHA512,
                _ => &RSA_PKCS1_SHA256,
            };
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
            signature
        }
        Signer::P256(key) => {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &random).unwrap();
            key.sign(&random, message).unwrap().as_ref().to_vec()
        }
        Signer::Nothing => Vec::new(),
    }
}

/// The public half of an RSA key as a JSON Web Key, as UAA writes it.
pub(crate) fn rsa_jwk(kid: &str, key: &[u8]) -> Value {
    let key = RsaKeyPair::from_pkcs8(key).unwrap();
    let public: PublicKeyComponents<Vec<u8>> = key.public_key().into();
    json!({
        "kty": "RSA", "use": "sig", "kid": kid, "alg": "RS256", "value": "-----BEGIN PUBLIC KEY-----…",
        "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
    })
}

/// The public half of a P-256 key as a JSON Web Key.
pub(crate) fn p256_jwk(kid: &str, key: &[u8]) -> Value {
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new()).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({
        "kty": "EC", "crv": "P-256", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    })
}

/// `[jwt]` with all checks on and no key yet.
pub(crate) fn config() -> JwtConfig {
    JwtConfig { issuer: Some(ISSUER.into()), audience: Some(AUDIENCE.into()), ..JwtConfig::default() }
}

/// `[jwt]` with the shared secret.
pub(crate) fn shared_secret() -> JwtConfig {
    JwtConfig { hs256_secret: Some(Secret::new(SECRET)), ..config() }
}

/// Credentials as the configuration file has them.
pub(crate) fn credentials(json: Value) -> Vec<CredentialConfig> {
    serde_json::from_value(json).unwrap()
}

/// An authenticator and its clock, which shows [`NOW`].
pub(crate) struct Judge {
    pub(crate) authenticator: Authenticator,
    clock: FakeClock,
}

impl Judge {
    pub(crate) fn try_new(credentials: Value, jwt: Option<&JwtConfig>) -> Result<Self, ConfigError> {
        let clock = FakeClock::new(Timestamp::from_seconds(NOW).unwrap());
        let authenticator =
            Authenticator::new(&self::credentials(credentials), jwt, Arc::new(clock.clone()))?;
        Ok(Self { authenticator, clock })
    }

    pub(crate) fn new(credentials: Value, jwt: Option<&JwtConfig>) -> Self {
        Self::try_new(credentials, jwt).unwrap()
    }

    pub(crate) async fn token(&self, token: &str) -> Result<Principal, Refusal> {
        self.authenticator.authenticate(&Presented::Token(token.to_owned())).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
