//! AWS Signature Version 4: reads the header and builds the text that was signed, after AWS's documentation ("Create a
//! signed AWS API request"). It judges no secret.
//!
//! Only the form with an `Authorization` header is understood, which is what clients send with `POST /`.

#[cfg(test)]
mod tests;

use std::time::Duration;

use annals_model::{Presented, Timestamp};
use http::header::AUTHORIZATION;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::digest;

use crate::host::Call;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SECRET_PREFIX: &str = "AWS4";
const SERVICE: &str = "rds";
const TERMINATOR: &str = "aws4_request";
const HOST: &str = "host";
const DATE: &str = "x-amz-date";
const CONTENT_HASH: &str = "x-amz-content-sha256";
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// How far the date of a request may lie from now.
const SKEW_MINUTES_MAX: u64 = 15;
const SKEW_MAX: Duration = Duration::from_secs(SKEW_MINUTES_MAX * 60);

/// What is not encoded in a canonical query string: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a request carries no signature that could be judged. Texts never hold what was sent as a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is none.
    Missing,
    /// The header is not of the documented form.
    Incomplete(String),
    /// It is of the documented form, but cannot be good for this service or this request.
    Mismatch(String),
    /// The date is too far from now.
    Expired(String),
    /// It was made with temporary credentials, of which there are none here.
    Temporary,
}

impl Fault {
    fn incomplete(message: impl Into<String>) -> Self {
        Self::Incomplete(message.into())
    }

    fn mismatch(message: impl Into<String>) -> Self {
        Self::Mismatch(message.into())
    }
}

/// A signature to be judged.
pub(super) struct Signed {
    /// The signature and what it signs.
    pub(super) presented: Presented,
    /// The region it is good for.
    pub(super) region: String,
}

/// The signature of a request and what it signs.
///
/// # Errors
/// When there is none that could be judged.
pub(super) fn read(call: &Call, now: Timestamp) -> Result<Signed, Fault> {
    if call.headers.contains_key(SECURITY_TOKEN) {
        return Err(Fault::Temporary);
    }
    let header = Header::of(call)?;
    let date = date(call)?;
    let scope = Scope::read(header.credential)?;
    scope.check(date)?;
    check_skew(date, now)?;
    let presented = presented(call, &header, date, &scope)?;
    Ok(Signed { presented, region: scope.region.to_owned() })
}

fn presented(call: &Call, header: &Header<'_>, date: &str, scope: &Scope<'_>) -> Result<Presented, Fault> {
    let canonical = sha256(&canonical_request(call, header.signed_headers)?);
    let steps = [scope.date, scope.region, scope.service, scope.terminator];
    Ok(Presented::Signature {
        key: scope.key.to_owned(),
        secret_prefix: SECRET_PREFIX,
        derivation: steps.map(|step| step.as_bytes().to_vec()).into(),
        message: format!("{ALGORITHM}\n{date}\n{}\n{canonical}", steps.join("/")).into_bytes(),
        signature: bytes_of_hex(header.signature).ok_or_else(|| Fault::mismatch(NO_MATCH))?,
    })
}

/// What is said of a signature that does not fit, whatever the reason.
pub(super) const NO_MATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// The parts of the `Authorization` header.
struct Header<'c> {
    credential: &'c str,
    signed_headers: &'c str,
    signature: &'c str,
}

impl<'c> Header<'c> {
    fn of(call: &'c Call) -> Result<Self, Fault> {
        let mut headers = call.headers.get_all(AUTHORIZATION).iter();
        let header = headers.next().ok_or(Fault::Missing)?;
        if headers.next().is_some() {
            return Err(Fault::incomplete("There is more than one Authorization header."));
        }
        let text = header.to_str().unwrap_or_default().trim();
        let parts = text.strip_prefix(ALGORITHM).filter(|rest| rest.starts_with(' ')).ok_or_else(|| {
            Fault::incomplete(format!("Authorization header requires the algorithm {ALGORITHM}."))
        })?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in parts.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or_else(|| {
                Fault::incomplete("There is no key=value pair (missing equal-sign) in Authorization header.")
            })?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Fault::incomplete(format!("Authorization header has more than one '{name}'.")));
            }
        }
        let required = |part: Option<&'c str>, name: &str| {
            part.ok_or_else(|| {
                Fault::incomplete(format!("Authorization header requires '{name}' parameter."))
            })
        };
        Ok(Self {
            credential: required(credential, "Credential")?,
            signed_headers: required(signed_headers, "SignedHeaders")?,
            signature: required(signature, "Signature")?,
        })
    }
}

/// The date of a request: `20150830T123600Z`.
fn date(call: &Call) -> Result<&str, Fault> {
    let mut dates = call.headers.get_all(DATE).iter();
    let (Some(date), None) = (dates.next(), dates.next()) else {
        return Err(Fault::incomplete("Authorization header requires existence of one 'X-Amz-Date' header."));
    };
    date.to_str()
        .ok()
        .map(str::trim)
        .filter(|text| instant(text).is_some())
        .ok_or_else(|| Fault::incomplete("Date must be in ISO-8601 'basic format', as in 20150830T123600Z."))
}

fn instant(date: &str) -> Option<Timestamp> {
    let shaped = date.len() == 16
        && date.bytes().enumerate().all(|(position, byte)| match position {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(9, 11), part(11, 13), part(13, 15));
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}

fn basic(time: Timestamp) -> String {
    time.to_rfc3339_seconds().replace(['-', ':'], "")
}

fn check_skew(date: &str, now: Timestamp) -> Result<(), Fault> {
    let Some(time) = instant(date) else { return Ok(()) };
    let (earliest, latest) = (now.minus(SKEW_MAX), now.plus(SKEW_MAX));
    let now = basic(now);
    if time < earliest {
        let earliest = basic(earliest);
        return Err(Fault::Expired(format!(
            "Signature expired: {date} is now earlier than {earliest} ({now} - {SKEW_MINUTES_MAX} min.)"
        )));
    }
    if time > latest {
        let latest = basic(latest);
        return Err(Fault::Expired(format!(
            "Signature not yet current: {date} is still later than {latest} ({now} + {SKEW_MINUTES_MAX} min.)"
        )));
    }
    Ok(())
}

/// What a credential is good for: `key/date/region/service/aws4_request`.
struct Scope<'c> {
    key: &'c str,
    date: &'c str,
    region: &'c str,
    service: &'c str,
    terminator: &'c str,
}

impl<'c> Scope<'c> {
    fn read(credential: &'c str) -> Result<Self, Fault> {
        let parts: Vec<&str> = credential.split('/').collect();
        match parts.as_slice() {
            [key, date, region, service, terminator] if !key.is_empty() && !region.is_empty() => {
                Ok(Self { key, date, region, service, terminator })
            }
            _ => Err(Fault::incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            )),
        }
    }

    fn check(&self, request_date: &str) -> Result<(), Fault> {
        if self.service != SERVICE {
            return Err(Fault::mismatch(format!(
                "Credential should be scoped to correct service: '{SERVICE}'."
            )));
        }
        if self.terminator != TERMINATOR {
            return Err(Fault::mismatch(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}'."
            )));
        }
        if request_date.split('T').next() != Some(self.date) {
            return Err(Fault::mismatch(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
            ));
        }
        Ok(())
    }
}

/// The request as it was signed.
fn canonical_request(call: &Call, signed_headers: &str) -> Result<Vec<u8>, Fault> {
    let names: Vec<&str> = signed_headers.split(';').collect();
    for required in [HOST, DATE] {
        if !names.contains(&required) {
            return Err(Fault::mismatch(format!(
                "'{required}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    // AWS has them in lower case and sorted. Nothing can be in the list twice then, which also bounds what is built here.
    let lower = names.iter().all(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase()));
    if !lower || !names.is_sorted_by(|one, next| one < next) {
        return Err(Fault::mismatch(NO_MATCH));
    }
    let payload = sha256(&call.body);
    let mut canonical = Vec::new();
    let mut line = |text: &[u8]| {
        canonical.extend_from_slice(text);
        canonical.push(b'\n');
    };
    line(call.method.as_str().as_bytes());
    line(canonical_path(&call.path).as_bytes());
    line(canonical_query(&call.query).as_bytes());
    for name in &names {
        let value = canonical_header(call, name).ok_or_else(|| Fault::mismatch(NO_MATCH))?;
        if *name == CONTENT_HASH && value != payload.as_bytes() {
            return Err(Fault::mismatch(format!(
                "The provided '{CONTENT_HASH}' header does not match what was computed."
            )));
        }
        line(&[name.as_bytes(), b":", &value].concat());
    }
    line(b"");
    line(signed_headers.as_bytes());
    canonical.extend(payload.as_bytes());
    Ok(canonical)
}

/// The path as sent, encoded once more, as AWS has it for every service but S3.
fn canonical_path(path: &str) -> String {
    const IN_PATHS: &AsciiSet = &ENCODED.remove(b'/');
    percent_encode(path.as_bytes(), IN_PATHS).to_string()
}

/// The arguments, encoded anew in the one way there is, and sorted by their encoded form. A `+` is the space that it is
/// where the arguments are used.
fn canonical_query(query: &str) -> String {
    let encode = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(&text.replace('+', " ")).collect();
        percent_encode(&decoded, ENCODED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The values of a header in their order, each without white space around it and with single spaces within.
fn canonical_header(call: &Call, name: &str) -> Option<Vec<u8>> {
    let values = call.headers.get_all(name).iter().map(|value| {
        let words: Vec<&[u8]> =
            value.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        words.join(&b' ')
    });
    let values: Vec<Vec<u8>> = values.collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return None;
    }
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}
