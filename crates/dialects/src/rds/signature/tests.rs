//! Signatures that AWS published, that real clients made, and that nobody should have sent.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ring::hmac;
use uuid::Uuid;

use super::*;
use crate::testing::MemoryHost;

/// Those of AWS's own examples.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const PUBLISHED: &str = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
const PUBLISHED_DATE: (&str, &str) = ("X-Amz-Date", "20150830T123600Z");
const PUBLISHED_HOST: (&str, &str) = ("Host", "example.amazonaws.com");

fn call(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Call {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Call {
        route: None,
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.to_owned(),
        parameters: Vec::new(),
        query: query.to_owned(),
        headers: map,
        body: Bytes::copy_from_slice(body.as_bytes()),
        base_url: String::new(),
        request_id: Uuid::nil(),
        host: Arc::new(MemoryHost::new(Vec::new())),
    }
}

/// Whether a signature is good, as the server finds it.
fn good(presented: &Presented) -> bool {
    let Presented::Signature { key, secret_prefix, derivation, message, signature } = presented else {
        return false;
    };
    assert_eq!(key, "AKIDEXAMPLE");
    let mut signing = hmac::Key::new(hmac::HMAC_SHA256, format!("{secret_prefix}{SECRET}").as_bytes());
    for step in derivation {
        signing = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&signing, step).as_ref());
    }
    hmac::verify(&signing, message, signature).is_ok()
}

/// The requests of AWS's Signature Version 4 test suite that a service without paths can be sent.
#[test]
fn published_signatures_are_good() {
    const UNRESERVED: &str = "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
    const FORM_UTF8: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded; charset=utf8");
    for (name, (method, target, body), more, signed, signature) in [
        (
            "get-vanilla",
            ("GET", "/", ""),
            &[][..],
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "post-vanilla",
            ("POST", "/", ""),
            &[],
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-vanilla-query",
            ("POST", "/?Param1=value1", ""),
            &[],
            "host;x-amz-date",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "get-vanilla-query-order-key-case",
            ("GET", "/?Param2=value2&Param1=value1", ""),
            &[],
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-unreserved",
            ("GET", UNRESERVED, ""),
            &[],
            "host;x-amz-date",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-header-value-trim",
            ("GET", "/", ""),
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "get-header-key-duplicate",
            ("GET", "/", ""),
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "host;my-header1;x-amz-date",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-order",
            ("GET", "/", ""),
            &[
                ("My-Header1", "value4"),
                ("My-Header1", "value1"),
                ("My-Header1", "value3"),
                ("My-Header1", "value2"),
            ],
            "host;my-header1;x-amz-date",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "post-x-www-form-urlencoded",
            ("POST", "/", "Param1=value1"),
            &[FORM],
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            "post-x-www-form-urlencoded-parameters",
            ("POST", "/", "Param1=value1"),
            &[FORM_UTF8],
            "content-type;host;x-amz-date",
            "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
        ),
    ] {
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={PUBLISHED}, SignedHeaders={signed}, Signature={signature}");
        let headers = [&[PUBLISHED_HOST, PUBLISHED_DATE, ("Authorization", &authorization)], more].concat();
        let call = call(method, target, &headers, body);
        let header = Header::of(&call).unwrap();
        let scope = Scope::read(header.credential).unwrap();
        let found = presented(&call, &header, date(&call).unwrap(), &scope).unwrap();
        assert!(good(&found), "{name}: {}", message(&found));
    }
}

fn message(presented: &Presented) -> String {
    match presented {
        Presented::Signature { message, .. } => String::from_utf8(message.clone()).unwrap(),
        _ => String::new(),
    }
}

const NOW: &str = "2026-11-22T05:50:10Z";
const HOST_HEADER: (&str, &str) = ("host", "127.0.0.1:18650");
const DATE_HEADER: (&str, &str) = ("x-amz-date", "20261122T055009Z");
const TYPE_HEADER: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

/// A header as boto3 writes it.
fn boto(signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-central-1/rds/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
    )
}

fn read_at(call: &Call, now: &str) -> Result<Signed, Fault> {
    read(call, Timestamp::parse(now).unwrap())
}

/// Requests that boto3 1.44.5 sent.
#[test]
fn boto3_signs_what_we_read() {
    for (body, signature) in [
        (
            "Action=DescribeEvents&Version=2014-10-31&SourceType=db-instance&SourceIdentifier=orders&StartTime=2026-11-01T00%3A00%3A00Z&EndTime=2026-11-22T00%3A00%3A00Z&EventCategories.EventCategory.1=backup&EventCategories.EventCategory.2=configuration+change&MaxRecords=20",
            "6bc79e8e9e0be5e74bb9e1e161e23a31eae00490b77aff45e2aba96931a731c2",
        ),
        (
            "Action=DescribeEvents&Version=2014-10-31&Filters.Filter.1.Name=a&Filters.Filter.1.Values.Value.1=b&Filters.Filter.1.Values.Value.2=c&EventCategories=&Duration=5&Marker=x%3D%2F%2B",
            "1455bd7ef6df9db227e6cd5e50ccb617421e2c14d0fe2b22401f7c7d7b229dc2",
        ),
        (
            "Action=DescribeEventCategories&Version=2014-10-31&SourceType=db-snapshot",
            "13bd8742a46a24cebbf5c5566ad7439f5833f5016b19774eee6f5433bb3f24b3",
        ),
    ] {
        let authorization = boto(signature);
        let headers = [
            HOST_HEADER,
            DATE_HEADER,
            TYPE_HEADER,
            ("authorization", &authorization),
            ("accept-encoding", "identity"),
        ];
        let signed = read_at(&call("POST", "/", &headers, body), NOW).unwrap();
        assert_eq!(signed.region, "eu-central-1");
        assert!(good(&signed.presented), "{}", message(&signed.presented));
        // Nothing that is signed can be changed.
        let changed = body.replace("2014", "2013");
        let proxied =
            [HOST_HEADER, DATE_HEADER, ("content-type", "text/plain"), ("authorization", &authorization)];
        for other in [
            call("POST", "/", &headers, &changed),
            call("POST", "/?Duration=7", &headers, body),
            call("GET", "/", &headers, body),
            call("POST", "/x", &headers, body),
            call("POST", "/", &proxied, body),
        ] {
            assert!(!good(&read_at(&other, NOW).unwrap().presented));
        }
    }
}

fn fault(headers: &[(&str, &str)]) -> Fault {
    match read_at(&call("POST", "/", headers, "x"), NOW) {
        Err(fault) => fault,
        Ok(signed) => panic!("read as {:?}", signed.presented),
    }
}

fn authorization(credential: &str, signed_headers: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, Signature=00ff")
}

#[test]
fn headers_must_be_of_the_documented_form() {
    let incomplete = |headers: &[(&str, &str)], text: &str| match fault(headers) {
        Fault::Incomplete(message) => assert!(message.contains(text), "{headers:?}: {message}"),
        other => panic!("{headers:?}: {other:?}"),
    };
    assert_eq!(fault(&[HOST_HEADER, DATE_HEADER]), Fault::Missing);
    let good = boto("00ff");
    for (value, text) in [
        ("", "requires the algorithm"),
        ("Bearer s3cret", "requires the algorithm"),
        ("AWS4-HMAC-SHA256", "requires the algorithm"),
        ("AWS4-HMAC-SHA256X Credential=a", "requires the algorithm"),
        ("AWS4-HMAC-SHA256 s3cret", "missing equal-sign"),
        ("AWS4-HMAC-SHA256 SignedHeaders=a, Signature=00", "requires 'Credential'"),
        ("AWS4-HMAC-SHA256 Credential=a, Signature=00", "requires 'SignedHeaders'"),
        ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=a", "requires 'Signature'"),
        ("AWS4-HMAC-SHA256 Signature=1, Signature=2", "more than one 'Signature'"),
    ] {
        incomplete(&[HOST_HEADER, DATE_HEADER, ("authorization", value)], text);
        let Fault::Incomplete(message) = fault(&[("authorization", value)]) else { panic!("{value}") };
        assert!(!message.contains("s3cret"), "what was sent as a credential is not repeated");
    }
    incomplete(&[("authorization", &good), ("authorization", &good)], "more than one Authorization");
    incomplete(&[HOST_HEADER, ("authorization", &good)], "'X-Amz-Date'");
    incomplete(&[DATE_HEADER, DATE_HEADER, ("authorization", &good)], "'X-Amz-Date'");
    for date in [
        "",
        "2026-11-22T05:50:09Z",
        "20261122T055009",
        "20261322T055009Z",
        "2026112T0550090Z",
        "20261122T0550é9",
    ] {
        incomplete(&[HOST_HEADER, ("x-amz-date", date), ("authorization", &good)], "basic format");
    }
    for credential in [
        "k",
        "k/20261122/r/rds",
        "/20261122/r/rds/aws4_request",
        "k/20261122//rds/aws4_request",
        "k/k/20261122/r/rds/aws4_request",
    ] {
        let value = authorization(credential, "host;x-amz-date");
        incomplete(&[HOST_HEADER, DATE_HEADER, ("authorization", &value)], "5 slash-delimited");
    }
}

#[test]
fn signatures_are_for_this_service_and_this_day() {
    for (credential, signed_headers, text) in [
        ("k/20261122/r/s3/aws4_request", "host;x-amz-date", "correct service: 'rds'"),
        ("k/20261122/r/rds/aws5_request", "host;x-amz-date", "valid terminator"),
        ("k/20261121/r/rds/aws4_request", "host;x-amz-date", "Date in Credential scope"),
        ("k/20261122/r/rds/aws4_request", "x-amz-date", "'host' must be"),
        ("k/20261122/r/rds/aws4_request", "host", "'x-amz-date' must be"),
        ("k/20261122/r/rds/aws4_request", "Host;X-Amz-Date", "'host' must be"),
        ("k/20261122/r/rds/aws4_request", "x-amz-date;host", "does not match the signature"),
        ("k/20261122/r/rds/aws4_request", "host;host;x-amz-date", "does not match the signature"),
        ("k/20261122/r/rds/aws4_request", "A;host;x-amz-date", "does not match the signature"),
        ("k/20261122/r/rds/aws4_request", "absent;host;x-amz-date", "does not match the signature"),
        ("k/20261122/r/rds/aws4_request", ";host;x-amz-date", "does not match the signature"),
    ] {
        let value = authorization(credential, signed_headers);
        match fault(&[HOST_HEADER, DATE_HEADER, ("a", "1"), ("authorization", &value)]) {
            Fault::Mismatch(message) => {
                assert!(message.contains(text), "{credential} {signed_headers}: {message}");
            }
            other => panic!("{credential} {signed_headers}: {other:?}"),
        }
    }
    for signature in ["", "0", "xy", "0g", "+1"] {
        let value = boto(signature);
        let headers = [HOST_HEADER, DATE_HEADER, TYPE_HEADER, ("authorization", &value)];
        assert_eq!(fault(&headers), Fault::mismatch(NO_MATCH), "{signature}");
    }
}

#[test]
fn dates_are_near() {
    let value = authorization("k/20261122/r/rds/aws4_request", "host;x-amz-date");
    let headers = [HOST_HEADER, DATE_HEADER, ("authorization", value.as_str())];
    for (now, expected) in [
        ("2026-11-22T05:50:09Z", None),
        ("2026-11-22T06:05:09Z", None),
        ("2026-11-22T05:35:09Z", None),
        (
            "2026-11-22T06:05:09.001Z",
            Some(
                "Signature expired: 20261122T055009Z is now earlier than 20261122T055009Z (20261122T060509Z - 15 min.)",
            ),
        ),
        (
            "2026-11-23T05:50:09Z",
            Some(
                "Signature expired: 20261122T055009Z is now earlier than 20261123T053509Z (20261123T055009Z - 15 min.)",
            ),
        ),
        (
            "2026-11-22T05:35:08Z",
            Some(
                "Signature not yet current: 20261122T055009Z is still later than 20261122T055008Z (20261122T053508Z + 15 min.)",
            ),
        ),
    ] {
        let found = read_at(&call("POST", "/", &headers, ""), now).err();
        assert_eq!(found, expected.map(|text| Fault::Expired(text.to_owned())), "{now}");
    }
}

#[test]
fn a_signed_hash_must_be_the_bodys() {
    let value = authorization("k/20261122/r/rds/aws4_request", "host;x-amz-content-sha256;x-amz-date");
    let unsigned = authorization("k/20261122/r/rds/aws4_request", "host;x-amz-date");
    let of_x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let read = |value: &str, hash: &str| {
        let headers = [HOST_HEADER, DATE_HEADER, ("x-amz-content-sha256", hash), ("authorization", value)];
        read_at(&call("POST", "/", &headers, "x"), NOW).map(|signed| message(&signed.presented))
    };
    assert!(read(&value, of_x).is_ok());
    for other in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &of_x.to_uppercase(), ""] {
        let Err(Fault::Mismatch(message)) = read(&value, other) else { panic!("{other}") };
        assert!(message.contains("x-amz-content-sha256"), "{message}");
        assert_eq!(read(&unsigned, other), read(&unsigned, of_x), "unsigned it means nothing");
    }
    assert_ne!(read(&value, of_x), read(&unsigned, of_x));
}

#[test]
fn temporary_credentials_are_refused() {
    let value = boto("00ff");
    let headers =
        [HOST_HEADER, DATE_HEADER, TYPE_HEADER, ("authorization", &value), ("x-amz-security-token", "t")];
    assert_eq!(fault(&headers), Fault::Temporary);
}

#[test]
fn arguments_have_one_canonical_form() {
    for (query, expected) in [
        ("", ""),
        ("a", "a="),
        ("a=", "a="),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1", "a=1&a=2"),
        ("a1=x&a=y", "a=y&a1=x"),
        ("a=b+c", "a=b%20c"),
        ("a=b%20c", "a=b%20c"),
        ("a=%2b%7E*", "a=%2B~%2A"),
        ("a=1=2&&", "a=1%3D2"),
        ("é=%ff", "%C3%A9=%FF"),
        ("A=1&a=1&_=1", "A=1&_=1&a=1"),
    ] {
        assert_eq!(canonical_query(query), expected, "{query}");
    }
    assert_eq!((canonical_path("/"), canonical_path("/a%20b/~")), ("/".into(), "/a%2520b/~".into()));
}
