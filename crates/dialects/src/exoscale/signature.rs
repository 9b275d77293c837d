//! EXO2-HMAC-SHA256, Exoscale's request signature: reads the header and builds the message that was signed, after
//! Exoscale's API documentation ("API request signature") and its official clients. It judges no secret.

use annals_model::{Presented, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::AUTHORIZATION;

use crate::host::Call;

const SCHEME: &str = "EXO2-HMAC-SHA256";
/// How far ahead a signature may expire. Clients say ten minutes.
const EXPIRY_SECONDS_MAX: i64 = 24 * 60 * 60;
/// The query arguments that steer the answer and must be signed.
const STEERING: [&str; 2] = ["from", "to"];

/// Why a request carries no signature that could be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no header, or more than one, or another scheme.
    Missing,
    /// The header is not of the documented form.
    Malformed,
    /// Its time has passed.
    Expired,
    /// It would be good for too long.
    TooFarAhead,
    /// An argument that steers the answer is not signed.
    Unsigned(&'static str),
}

impl Fault {
    /// What the client is told.
    pub(super) fn message(self) -> String {
        match self {
            Self::Missing => {
                format!("Missing request signature: an Authorization header with {SCHEME} is required")
            }
            Self::Malformed => "Invalid request signature".to_owned(),
            Self::Expired => "Invalid request signature: expired".to_owned(),
            Self::TooFarAhead => {
                format!("Invalid request signature: expires more than {EXPIRY_SECONDS_MAX} seconds ahead")
            }
            Self::Unsigned(name) => {
                format!("Invalid request signature: the query argument '{name}' is not in signed-query-args")
            }
        }
    }
}

/// The signature of a request and what it signs.
///
/// # Errors
/// When there is none that could be judged.
pub(super) fn read(call: &Call, now: Timestamp) -> Result<Presented, Fault> {
    let mut headers = call.headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else { return Err(Fault::Missing) };
    let header = header.to_str().map_err(|_| Fault::Malformed)?;
    let (scheme, parts) = header.trim().split_once(' ').ok_or(Fault::Missing)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(Fault::Missing);
    }

    let (mut credential, mut arguments, mut expires, mut signature) = (None, None, None, None);
    for part in parts.split(',') {
        // At the first `=`: the signature ends in one.
        let (name, value) = part.trim().split_once('=').ok_or(Fault::Malformed)?;
        let slot = match name {
            "credential" => &mut credential,
            "signed-query-args" => &mut arguments,
            "expires" => &mut expires,
            "signature" => &mut signature,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(Fault::Malformed);
        }
    }
    let (Some(key), Some(expires), Some(signature)) = (credential, expires, signature) else {
        return Err(Fault::Malformed);
    };
    let signature = STANDARD.decode(signature).map_err(|_| Fault::Malformed)?;
    if key.is_empty() || !expires.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Malformed);
    }
    let expiry: i64 = expires.parse().map_err(|_| Fault::Malformed)?;
    if expiry < now.seconds() {
        return Err(Fault::Expired);
    }
    if expiry > now.seconds() + EXPIRY_SECONDS_MAX {
        return Err(Fault::TooFarAhead);
    }

    let names: Vec<&str> = arguments.unwrap_or("").split(';').filter(|name| !name.is_empty()).collect();
    let query = call.query_pairs();
    // A name that occurs once adds its value; one that occurs more often, or never, adds nothing: Exoscale's clients
    // disagree whether to list such a name, and agree that it has no value.
    let single = |name: &str| {
        let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    for name in STEERING {
        if single(name).is_some_and(|value| !value.is_empty()) && !names.contains(&name) {
            return Err(Fault::Unsigned(name));
        }
    }
    let values: String = names.iter().filter_map(|name| single(name)).collect();
    Ok(Presented::Signature {
        key: key.to_owned(),
        secret_prefix: "",
        derivation: Vec::new(),
        message: message(call.method.as_str(), &call.path, &call.body, &values, expires),
        signature,
    })
}

/// Five segments joined by line feeds: method and path, body, values of the signed arguments, values of signed
/// headers (none are), expiry.
fn message(method: &str, path: &str, body: &[u8], values: &str, expires: &str) -> Vec<u8> {
    let request = format!("{method} {path}");
    [request.as_bytes(), body, values.as_bytes(), b"", expires.as_bytes()].join(&b'\n')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use ring::hmac;
    use uuid::Uuid;

    use super::*;
    use crate::testing::MemoryHost;

    const KEY: &str = "EXO0123456789abcdef01234567";
    const SECRET: &str = "tC5sYb0Jv2Qn8eWm4Lr7Xk1Zp9Hd3Ug6Fa_0-BtNqVs";
    const EXPIRES: &str = "1893456000";

    fn call(method: &str, target: &str, body: &'static str, authorization: &[&str]) -> Call {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        Call {
            route: None,
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            path: path.to_owned(),
            parameters: Vec::new(),
            query: query.to_owned(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
            base_url: String::new(),
            request_id: Uuid::nil(),
            host: Arc::new(MemoryHost::new(Vec::new())),
        }
    }

    fn just_before(expires: &str) -> Timestamp {
        Timestamp::from_seconds(expires.parse::<i64>().unwrap() - 600).unwrap()
    }

    fn check(
        (key, secret, expires): (&str, &str, &str),
        (method, target, body): (&str, &str, &'static str),
        expected: &str,
        arguments: &str,
        published: &str,
    ) {
        let listed =
            if arguments.is_empty() { String::new() } else { format!(",signed-query-args={arguments}") };
        let header =
            format!("EXO2-HMAC-SHA256 credential={key}{listed},expires={expires},signature={published}");
        let call = call(method, target, body, &[&header]);
        let Presented::Signature { key: read_key, secret_prefix, derivation, message, signature } =
            read(&call, just_before(expires)).unwrap()
        else {
            panic!("not a signature")
        };
        assert_eq!((read_key.as_str(), secret_prefix, derivation.len()), (key, "", 0));
        assert_eq!(String::from_utf8(message.clone()).unwrap(), expected);
        assert_eq!(STANDARD.encode(&signature), published);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        assert_eq!(STANDARD.encode(hmac::sign(&key, &message)), published, "{target}");
    }

    #[test]
    fn signs_what_the_clients_sign() {
        let ours = (KEY, SECRET, EXPIRES);
        for (request, message, arguments, signature) in [
            (
                ("GET", "/v2/event", ""),
                "GET /v2/event\n\n\n\n1893456000",
                "",
                "TTEuZx5kzcETEPLeIxXF6EMFSA+NfqIcvDn2yFhaShk=",
            ),
            (
                ("GET", "/v2/event?from=2026-08-01T00%3A00%3A00Z&to=2026-08-02T00%3A00%3A00Z", ""),
                "GET /v2/event\n\n2026-08-01T00:00:00Z2026-08-02T00:00:00Z\n\n1893456000",
                "from;to",
                "fDT/qDssz7DGbJuO1m6JSvCZ9CplkiXTYpYwbNazRco=",
            ),
            (
                ("GET", "/v2/event?to=2026-08-02T00%3A00%3A00%2B02%3A00&from=2026-08-01", ""),
                "GET /v2/event\n\n2026-08-012026-08-02T00:00:00+02:00\n\n1893456000",
                "from;to",
                "jW3kQqVS3CJ22ML5MHJac+et8kUYMHSI07PLABDAdjI=",
            ),
            (
                ("GET", "/v2/event?from=a&from=b&to=c", ""),
                "GET /v2/event\n\nc\n\n1893456000",
                "from;to",
                "W1GoT+KyMB3MvWr+UL8pZgINTUalDx3qbMohLx5K4MQ=",
            ),
            (
                ("POST", "/v2/security-group", "{\"name\": \"web\"}"),
                "POST /v2/security-group\n{\"name\": \"web\"}\n\n\n1893456000",
                "",
                "arqZ4Qbr0sJpkPuoZRoEYY9n8nteQV39+7SNJRFfzyk=",
            ),
            (
                ("GET", "/v2/ssh-key/some%20key", ""),
                "GET /v2/ssh-key/some%20key\n\n\n\n1893456000",
                "",
                "TGOh41WlZdBHXKfCAvjYf84NNzzjp+kqgbBfrv8gr/o=",
            ),
        ] {
            check(ours, request, message, arguments, signature);
        }
        // The golden vectors of egoscale.
        let (key, secret) = (format!("EXO{}", "x".repeat(24)), "X".repeat(43));
        let theirs = (key.as_str(), secret.as_str(), "3376684800");
        check(
            theirs,
            ("GET", "/v2/zone", ""),
            "GET /v2/zone\n\n\n\n3376684800",
            "",
            "Ntbq/p0HVmA3Zg1HHY+Lq1vjFGi7HeMrrgXDS5jRNlY=",
        );
        check(
            theirs,
            ("GET", "/v2/zone?k1=v1&k2=v2", ""),
            "GET /v2/zone\n\nv1v2\n\n3376684800",
            "k1;k2",
            "iqOBz13+44L5j0uJclE8hmUhQQcvtCSoPEOXYK6liqY=",
        );
    }

    fn fault(target: &str, headers: &[&str]) -> Option<Fault> {
        read(&call("GET", target, "", headers), just_before(EXPIRES)).err()
    }

    #[test]
    fn takes_any_order_and_a_plus_as_a_space() {
        let header =
            "exo2-hmac-sha256 signature=Z29vZA==, expires=1893456000,signed-query-args=to;from,credential=k";
        let call = call("GET", "/v2/event?from=1+2&to=3", "", &[header]);
        let Ok(Presented::Signature { message, .. }) = read(&call, just_before(EXPIRES)) else {
            panic!("refused")
        };
        assert_eq!(message, b"GET /v2/event\n\n31 2\n\n1893456000");
    }

    #[test]
    fn refuses_other_headers() {
        assert_eq!(fault("/v2/event", &[]), Some(Fault::Missing));
        assert_eq!(fault("/v2/event", &["Bearer x"]), Some(Fault::Missing));
        let good = "EXO2-HMAC-SHA256 credential=k,expires=1893456000,signature=Z29vZA==";
        assert_eq!(fault("/v2/event", &[good]), None);
        assert_eq!(fault("/v2/event", &[good, good]), Some(Fault::Missing));
        for parts in [
            "credential=k,expires=1893456000",
            "credential=,expires=1893456000,signature=Z29vZA==",
            "credential=k,credential=l,expires=1893456000,signature=Z29vZA==",
            "credential=k,expires=soon,signature=Z29vZA==",
            "credential=k,expires=,signature=Z29vZA==",
            "credential=k,expires=99999999999999999999,signature=Z29vZA==",
            "credential=k,expires=1893456000,signature=Z29vZA",
            "credential=k,expires=1893456000,signature=_29vZA==",
            "credential",
        ] {
            let header = format!("EXO2-HMAC-SHA256 {parts}");
            assert_eq!(fault("/v2/event", &[&header]), Some(Fault::Malformed), "{parts}");
        }
    }

    #[test]
    fn expiry_lies_between_now_and_tomorrow() {
        let now = just_before(EXPIRES).seconds();
        for (expires, expected) in [
            (now - 1, Some(Fault::Expired)),
            (now, None),
            (now + EXPIRY_SECONDS_MAX, None),
            (now + EXPIRY_SECONDS_MAX + 1, Some(Fault::TooFarAhead)),
        ] {
            let header = format!("EXO2-HMAC-SHA256 credential=k,expires={expires},signature=Z29vZA==");
            assert_eq!(fault("/v2/event", &[&header]), expected, "{expires}");
        }
    }

    #[test]
    fn steering_arguments_must_be_signed() {
        let with =
            |list: &str| format!("EXO2-HMAC-SHA256 credential=k{list},expires=1893456000,signature=Z29vZA==");
        let (none, from) = (with(""), with(",signed-query-args=from"));
        assert_eq!(fault("/v2/event?from=2025", &[&none]), Some(Fault::Unsigned("from")));
        assert_eq!(fault("/v2/event?from=2025&to=2026", &[&from]), Some(Fault::Unsigned("to")));
        assert_eq!(fault("/v2/event?from=2025", &[&from]), None);
        // Blank or repeated, some clients do not list them; others are no concern of the answer.
        assert_eq!(fault("/v2/event?from=&trace=1", &[&none]), None);
        assert_eq!(fault("/v2/event?from=1&from=2", &[&none]), None);
    }
}
