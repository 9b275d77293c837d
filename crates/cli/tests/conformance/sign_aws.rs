//! The signature that AWS's clients make of a request: Signature Version 4 in the header `Authorization`, after AWS's
//! documentation ("Create a signed AWS API request"). It is written for the tests and shares nothing with the server,
//! and it knows no cases.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{
    digest,
    hmac::{self, HMAC_SHA256},
};

/// What stays as it is in a canonical query string: RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// And in a canonical path.
const IN_PATHS: &AsciiSet = &UNRESERVED.remove(b'/');

/// A request to be signed.
pub(crate) struct Unsigned<'r> {
    pub(crate) method: &'r str,
    /// Path and query as they go over the wire.
    pub(crate) target: &'r str,
    /// Every header, `Host` and `X-Amz-Date` among them, in the order in which they are sent.
    pub(crate) headers: &'r [(String, String)],
    pub(crate) body: &'r str,
}

/// The names of all headers, as `SignedHeaders` lists them.
pub(crate) fn all_headers(headers: &[(String, String)]) -> String {
    let names: BTreeSet<String> = headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.into_iter().collect::<Vec<_>>().join(";")
}

/// The signature of a request whose date is `date` (`20150830T123600Z`), for a scope as in
/// `20150830/us-east-1/rds/aws4_request`, over the headers of that list.
pub(crate) fn signature(
    secret: &str,
    date: &str,
    scope: &str,
    signed: &str,
    request: &Unsigned<'_>,
) -> String {
    let canonical = hex(sha256(&canonical_request(signed, request)).as_ref());
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, step| mac(&key, step));
    hex(&mac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}")))
}

fn canonical_request(signed: &str, request: &Unsigned<'_>) -> String {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encoded_anew(name), encoded_anew(value)))
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = signed.split(';').map(|name| canonical_header(name, request.headers)).collect();
    let body = hex(sha256(request.body).as_ref());
    let path = utf8_percent_encode(path, IN_PATHS);
    format!("{}\n{path}\n{}\n{headers}\n{signed}\n{body}", request.method, query.join("&"))
}

fn encoded_anew(text: &str) -> String {
    let text = text.replace('+', " ");
    utf8_percent_encode(&percent_decode_str(&text).decode_utf8_lossy(), UNRESERVED).to_string()
}

/// `name:value,value` and the end of the line; white space in values is one space.
fn canonical_header(name: &str, headers: &[(String, String)]) -> String {
    let values = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let values = values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "));
    format!("{name}:{}\n", values.collect::<Vec<_>>().join(","))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(text: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const DATE: &str = "20150830T123600Z";

    fn sign(scope: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        headers.push(("X-Amz-Date".to_owned(), DATE.to_owned()));
        let signed = all_headers(&headers);
        signature(SECRET, DATE, scope, &signed, &Unsigned { method, target, headers: &headers, body })
    }

    /// The example of AWS's documentation of the signature, and vectors of the test suite that AWS published for it
    /// (`get-vanilla`, `post-vanilla`, `get-vanilla-query-order-key-case`, `post-x-www-form-urlencoded`).
    #[test]
    fn signs_as_aws_documents() {
        let form = "application/x-www-form-urlencoded";
        let host = ("Host", "example.amazonaws.com");
        let suite = "20150830/us-east-1/service/aws4_request";
        for (scope, method, target, headers, body, expected) in [
            (
                "20150830/us-east-1/iam/aws4_request",
                "GET",
                "/?Action=ListUsers&Version=2010-05-08",
                vec![
                    ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
                    ("Host", "iam.amazonaws.com"),
                ],
                "",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
            (
                suite,
                "GET",
                "/",
                vec![host],
                "",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                suite,
                "POST",
                "/",
                vec![host],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                suite,
                "GET",
                "/?Param2=value2&Param1=value1",
                vec![host],
                "",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                suite,
                "POST",
                "/",
                vec![("Content-Type", form), host],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            assert_eq!(sign(scope, method, target, &headers, body), expected, "{method} {target} {body}");
        }
    }

    #[test]
    fn headers_are_listed_once_and_in_order() {
        let headers = [("X-B", "1"), ("host", "h"), ("x-b", "2"), ("A", "3")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(all_headers(&headers), "a;host;x-b");
        assert_eq!(canonical_header("x-b", &headers), "x-b:1,2\n");
    }
}
