//! Signatures that a client would make: Exoscale's of requests, and those of JSON Web Tokens. It knows no cases.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::hmac::{self, Algorithm, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use serde_json::{Value, json};

fn hmac(algorithm: Algorithm, secret: &str, message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), message.as_bytes()).as_ref().to_vec()
}

/// The signature of a message, as Exoscale's `Authorization` header has it.
pub(crate) fn exo2(secret: &str, message: &str) -> String {
    STANDARD.encode(hmac(HMAC_SHA256, secret, message))
}

/// What Exoscale's clients sign of a request: its message, and the names for `signed-query-args`. They sign every
/// argument that occurs once, in order of names.
pub(crate) fn exo2_message(method: &str, target: &str, body: &str, expires: &str) -> (String, Vec<String>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let occurrences = |name: &str| pairs.iter().filter(|(other, _)| other == name).count();
    let mut signed: Vec<_> = pairs.iter().filter(|(name, _)| occurrences(name) == 1).cloned().collect();
    signed.sort_unstable();
    let values: String = signed.iter().map(|(_, value)| value.as_str()).collect();
    let message = format!("{method} {path}\n{body}\n{values}\n\n{expires}");
    (message, signed.into_iter().map(|(name, _)| name).collect())
}

/// A signed JSON Web Token in its compact form. The algorithm `none` has an empty signature.
pub(crate) fn web_token(claims: &Value, algorithm: &str, secret: &str) -> Result<String, String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": algorithm, "typ": "JWT"})), part(claims));
    let signature = match algorithm {
        "HS256" => hmac(HMAC_SHA256, secret, &signed),
        "HS384" => hmac(HMAC_SHA384, secret, &signed),
        "HS512" => hmac(HMAC_SHA512, secret, &signed),
        "none" => Vec::new(),
        other => return Err(format!("the runner cannot sign with {other}")),
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Exoscale's Python client.
    #[test]
    fn signs_as_exoscales_clients_do() {
        let secret = "tC5sYb0Jv2Qn8eWm4Lr7Xk1Zp9Hd3Ug6Fa_0-BtNqVs";
        for (target, expected, names, signature) in [
            (
                "/v2/event",
                "GET /v2/event\n\n\n\n1893456000",
                "",
                "TTEuZx5kzcETEPLeIxXF6EMFSA+NfqIcvDn2yFhaShk=",
            ),
            (
                "/v2/event?to=2026-08-02T00%3A00%3A00%2B02%3A00&from=2026-08-01",
                "GET /v2/event\n\n2026-08-012026-08-02T00:00:00+02:00\n\n1893456000",
                "from;to",
                "jW3kQqVS3CJ22ML5MHJac+et8kUYMHSI07PLABDAdjI=",
            ),
        ] {
            let (message, signed) = exo2_message("GET", target, "", "1893456000");
            assert_eq!((message.as_str(), signed.join(";").as_str()), (expected, names));
            assert_eq!(exo2(secret, &message), signature, "{target}");
        }
    }

    #[test]
    fn tokens_have_three_parts() {
        let token = web_token(&json!({"user_id": "u"}), "HS256", "s").unwrap();
        assert_eq!(token.split('.').count(), 3);
        assert!(web_token(&json!({}), "none", "s").unwrap().ends_with('.'));
        assert!(web_token(&json!({}), "RS256", "s").is_err());
    }
}
