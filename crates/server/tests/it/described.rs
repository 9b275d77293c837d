//! What dialects answer is what their OpenAPI documents say: status, content type, headers, body.

use std::collections::BTreeSet;

use annals_dialects::{Config, Dialect, all};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonschema::Draft;
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Request},
    fixture::{ADMIN, Fixture, NOBODY, Setup},
};

/// The tenant of all samples that name none; a UUID, because one platform addresses no other.
const ORGANIZATION: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const KEY: &str = "EXO0123456789abcdef01234567";
const SECRET: &str = "secret-of-the-signer";

/// An event of every platform in its own shape.
const SAMPLES: [(&str, &str); 6] = [
    ("cloudfoundry", include_str!("../../../cli/tests/fixtures/cloudfoundry.json")),
    ("exoscale", include_str!("../../../cli/tests/fixtures/exoscale-all-fields.json")),
    ("fujitsu", include_str!("../../../cli/tests/fixtures/fujitsu.json")),
    ("qovery", include_str!("../../../cli/tests/fixtures/qovery.json")),
    ("rafay", include_str!("../../../cli/tests/fixtures/rafay.json")),
    (
        "rds",
        r#"{"Events":[{"SourceIdentifier":"orders","SourceType":"db-instance","Message":"DB instance created",
            "EventCategories":["creation"],"Date":"2026-02-12T08:08:24.077Z",
            "SourceArn":"arn:aws:rds:eu-central-1:123456789012:db:orders"}]}"#,
    ),
];

fn server() -> Fixture {
    let mut setup = Setup::default();
    let signer = json!({ "name": "signer", "key": KEY, "secret": SECRET, "grants": [{ "role": "reader" }] });
    setup.credentials.as_array_mut().unwrap().push(signer);
    let server = Fixture::with(setup);
    for (dialect, text) in SAMPLES {
        let path = format!("/api/v1/import/{dialect}?organization={ORGANIZATION}");
        let answer = server.post(&path).token(ADMIN).json(text).send();
        let counts = answer.json();
        assert!(counts["rejected"] == json!([]) && counts["accepted"] != 0, "{dialect}: {counts}");
    }
    server
}

fn sign(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A value for `Authorization` of Exoscale's kind; `values` are those of `from` and `to`.
fn exoscale(path: &str, values: &[(&str, &str)]) -> String {
    let expires = seconds() + 600;
    let (names, values): (Vec<_>, Vec<_>) = values.iter().copied().unzip();
    let message = format!("GET {path}\n\n{}\n\n{expires}", values.concat());
    let signed = match names.as_slice() {
        [] => String::new(),
        names => format!(",signed-query-args={}", names.join(";")),
    };
    let signature = STANDARD.encode(sign(SECRET.as_bytes(), &message));
    format!("EXO2-HMAC-SHA256 credential={KEY}{signed},expires={expires},signature={signature}")
}

/// A document whose answers can be asked about.
struct Described {
    name: &'static str,
    document: Value,
    draft: Draft,
}

impl Described {
    fn of(dialect: &str) -> Self {
        let dialects = all(&Config::default());
        let dialect: &dyn Dialect =
            dialects.iter().find(|known| known.name() == dialect).map(AsRef::as_ref).unwrap();
        let mut document: Value = serde_json::from_str(dialect.openapi()).unwrap();
        let published_in_3_0 = document["openapi"].as_str().unwrap().starts_with("3.0");
        let draft = if published_in_3_0 { Draft::Draft4 } else { Draft::Draft202012 };
        if published_in_3_0 {
            allow_null(&mut document);
        }
        Self { name: dialect.name(), document, draft }
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap(),
            None => value,
        }
    }

    /// Holds a value to a schema of the document.
    fn validate(&self, schema: &Value, value: &Value, at: &str) {
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator =
            jsonschema::options().with_draft(self.draft).should_validate_formats(true).build(&whole);
        let errors: Vec<_> = validator
            .unwrap()
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{at}: {errors:#?}\n{value:#}");
    }

    /// Holds an answer to what the document says of the operation.
    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let at = format!("{}: {method} {path}: {}", self.name, answer.status);
        let operation = &self.document["paths"][path][method];
        assert!(operation.is_object(), "{at}: no such operation");
        let described = operation["responses"].get(answer.status.to_string());
        let described = self.resolved(described.unwrap_or_else(|| panic!("{at}: {}", answer.text())));
        let media_type = answer.header("content-type").unwrap().split(';').next().unwrap();
        let schema = described["content"].get(media_type).unwrap_or_else(|| panic!("{at}: {media_type}"));
        let schema = &schema["schema"];
        match media_type {
            "application/json" => self.validate(schema, &answer.json(), &at),
            "text/xml" => {
                let roots = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
                let begins = |root: &Value| {
                    let xml = &self.resolved(root)["xml"];
                    let (name, namespace) =
                        (xml["name"].as_str().unwrap(), xml["namespace"].as_str().unwrap());
                    answer.text().starts_with(&format!("<{name} xmlns=\"{namespace}\">"))
                };
                assert!(roots.iter().any(begins), "{at}: {}", answer.text());
            }
            _ => assert_eq!(*schema, json!({ "type": "string" }), "{at}"),
        }
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header);
            match answer.header(&name.to_lowercase()) {
                Some(text) if header["schema"]["type"] == "integer" => {
                    self.validate(&header["schema"], &json!(text.parse::<i64>().unwrap()), &at);
                }
                Some(text) => self.validate(&header["schema"], &json!(text), &at),
                None => assert_ne!(header["required"], true, "{at}: no header {name}"),
            }
        }
    }
}

/// What OpenAPI 3.0 says by `nullable` is unknown to JSON Schema.
fn allow_null(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(allow_null);
            if object.remove("nullable") == Some(Value::Bool(true)) {
                let inner = Value::Object(std::mem::take(object));
                object.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(allow_null),
        _ => {}
    }
}

/// A request: path of the operation, path and query behind the document's server, headers, expected status.
type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)], u16);

/// Asks, and holds the answers to the document. Every `GET` that it describes must be among the requests, and answered.
fn check(server: &Fixture, dialect: &str, cases: &[Case<'_>]) {
    let described = Described::of(dialect);
    let gets = described.document["paths"].as_object().unwrap().iter();
    let gets = gets.filter(|(_, methods)| methods["get"].is_object()).map(|(path, _)| path.as_str());
    let answered = cases.iter().filter(|(.., status)| *status == 200).map(|(path, ..)| *path);
    assert_eq!(answered.collect::<BTreeSet<_>>(), gets.collect::<BTreeSet<_>>(), "{dialect}");
    let base = described.document["servers"][0]["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    for (path, target, headers, status) in cases {
        let mut request = server.get(&format!("{base}{target}"));
        for (name, value) in *headers {
            request = request.header(name, value);
        }
        let answer = request.send();
        assert_eq!(answer.status, *status, "{dialect}: {target}: {}", answer.text());
        described.check("get", path, &answer);
    }
}

#[test]
fn documents_are_served() {
    let server = Fixture::start();
    for dialect in all(&Config::default()) {
        let answer = server.get(&format!("/openapi/{}.json", dialect.name())).send();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.text(), dialect.openapi());
    }
    for path in ["/openapi/rafay", "/openapi/nobody.json", "/openapi/.json", "/openapi/%FF.json"] {
        server.get(path).send().problem(404, "not-found");
    }
    server.post("/openapi/rafay.json").token(ADMIN).send().problem(405, "method-not-allowed");
}

#[test]
fn cloud_foundry_answers_as_described() {
    let server = server();
    let admin: &[_] = &[("authorization", &*format!("bearer {ADMIN}"))];
    let event = "470f1fd2-5cda-45f5-8e31-8058c40cf33a";
    let list = server.get("/v2/events?q=actee:cc272319-7e45-4e87-9de1-763f6402f398");
    let list = list.header(admin[0].0, admin[0].1).send().json();
    assert_ne!(list["resources"], json!([]), "a list of nothing would fit every schema");
    let space = list["resources"][0]["entity"]["space_guid"].as_str().unwrap();
    let one = format!("/v2/events/{event}");
    let v3_one = format!("/v3/audit_events/{event}");
    check(
        &server,
        "cloudfoundry",
        &[
            ("/", "/", &[], 200),
            ("/login", "/login", &[], 200),
            ("/v2/info", "/v2/info", &[], 200),
            ("/v2/info", "/v2/info", admin, 200),
            ("/v3", "/v3", &[], 200),
            ("/v3/info", "/v3/info", &[("x-request-id", "mine")], 200),
            ("/v2/events", "/v2/events?orphan-relations=1", admin, 200),
            ("/v2/events", "/v2/events?results-per-page=1&page=2", admin, 200),
            ("/v2/events", "/v2/events?q=nothing", admin, 400),
            ("/v2/events", "/v2/events?order-by=colour", admin, 500),
            ("/v2/events", "/v2/events", &[], 401),
            ("/v2/events/{guid}", &one, admin, 200),
            ("/v2/events/{guid}", &one, &[("authorization", "bearer wrong")], 401),
            ("/v2/events/{guid}", &one, &[("authorization", &format!("bearer {NOBODY}"))], 403),
            ("/v2/events/{guid}", "/v2/events/unknown", admin, 404),
            ("/v2/organizations", "/v2/organizations", admin, 200),
            ("/v2/spaces", "/v2/spaces", admin, 200),
            ("/v2/spaces", "/v2/spaces?q=colour:red", admin, 400),
            ("/v2/spaces/{guid}/apps", &format!("/v2/spaces/{space}/apps"), admin, 200),
            ("/v2/spaces/{guid}/apps", "/v2/spaces/unknown/apps", admin, 404),
            ("/v3/audit_events", "/v3/audit_events?per_page=1&page=2", admin, 200),
            ("/v3/audit_events", "/v3/audit_events?colour=red", admin, 400),
            ("/v3/audit_events", "/v3/audit_events", &[], 401),
            ("/v3/audit_events/{guid}", &v3_one, admin, 200),
            ("/v3/audit_events/{guid}", "/v3/audit_events/unknown", admin, 404),
            ("/v3/organizations", "/v3/organizations?per_page=1", admin, 200),
            ("/v3/organizations", "/v3/organizations?colour=red", admin, 400),
            ("/v3/spaces", "/v3/spaces", admin, 200),
            ("/v3/spaces", "/v3/spaces", &[], 401),
            ("/v3/apps", "/v3/apps", admin, 200),
            ("/v3/apps", "/v3/apps?page=0", admin, 400),
        ],
    );
}

#[test]
fn exoscale_answers_as_described() {
    let server = server();
    let range = [("from", "2010-01-01"), ("to", "2030-01-01")];
    let header = exoscale("/v2/event", &range);
    let list = server.get("/v2/event?from=2010-01-01&to=2030-01-01").header("authorization", &header).send();
    assert!(list.json().as_array().unwrap().len() >= SAMPLES.len(), "events of every platform are there");
    check(
        &server,
        "exoscale",
        &[
            ("/event", "/event?from=2010-01-01&to=2030-01-01", &[("authorization", &header)], 200),
            ("/event", "/event", &[("authorization", &exoscale("/v2/event", &[]))], 200),
            (
                "/event",
                "/event?from=now",
                &[("authorization", &exoscale("/v2/event", &[("from", "now")]))],
                400,
            ),
            ("/event", "/event", &[], 403),
            ("/zone", "/zone", &[], 200),
        ],
    );
}

#[test]
fn qovery_answers_as_described() {
    let server = server();
    let admin: &[_] = &[("authorization", &*format!("Token {ADMIN}"))];
    let nobody: &[_] = &[("authorization", &*format!("Token {NOBODY}"))];
    let path = format!("/organization/{ORGANIZATION}");
    let list =
        server.get(&format!("{path}/events?pageSize=100")).header(admin[0].0, admin[0].1).send().json();
    assert!(list["events"].as_array().unwrap().len() > 1, "another platform's events are among them: {list}");
    let mut cases: Vec<(String, String, &[_], u16)> = vec![
        ("/organization".into(), "/organization".into(), admin, 200),
        ("/organization".into(), "/organization".into(), &[], 401),
        ("/organization".into(), "/organization".into(), nobody, 403),
    ];
    for (below, query) in [
        ("", ""),
        ("/events", "?pageSize=1"),
        ("/targets", ""),
        ("/project", ""),
        ("/environments", ""),
        ("/services", ""),
    ] {
        let template = format!("/organization/{{organizationId}}{below}");
        let unknown = "00000000-0000-4000-8000-000000000000";
        cases.extend([
            (template.clone(), format!("{path}{below}{query}"), admin, 200),
            (template.clone(), format!("/organization/acme{below}"), admin, 400),
            (template.clone(), format!("{path}{below}"), &[][..], 401),
            (template.clone(), format!("{path}{below}"), nobody, 403),
            (template, format!("/organization/{unknown}{below}"), admin, 404),
        ]);
    }
    let cases: Vec<_> =
        cases.iter().map(|(path, target, headers, status)| (&**path, &**target, *headers, *status)).collect();
    check(&server, "qovery", &cases);
}

#[test]
fn rafay_answers_as_described() {
    let server = server();
    let path = "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance";
    let range = "?range_from=2010-01-01&range_to=2030-01-01";
    let at = |kind: &str, query: &str| format!("{}{query}", path.replace("{kind}", kind));
    let list = server.get(&at("compute", range)).header("x-api-key", ADMIN).send().json();
    assert_ne!(list["items"], json!([]));
    let admin: &[_] = &[("x-api-key", ADMIN)];
    check(
        &server,
        "rafay",
        &[
            (path, &at("compute", range), admin, 200),
            (path, &at("service", range), &[("X-RAFAY-API-KEYID", ADMIN)], 200),
            (path, &at("compute", "?range_from="), admin, 400),
            (path, &at("compute", range), &[], 401),
            (path, &at("compute", range), &[("x-api-key", NOBODY)], 403),
            (path, &at("network", range), admin, 404),
        ],
    );
}

#[test]
fn fujitsu_answers_as_described() {
    let server = server();
    let admin: &[_] = &[("x-auth-token", ADMIN)];
    let nobody: &[_] = &[("x-auth-token", NOBODY)];
    let range = "startTime=2010-01-01T00:00Z&endTime=2030-01-01T00:00Z";
    let all = server.get(&format!("/v1.0/{ORGANIZATION}/events?{range}"));
    let list = all.header("x-auth-token", ADMIN).send().json();
    assert!(list["events"].as_array().unwrap().len() > 1, "another platform's events are among them: {list}");
    let mut cases: Vec<(String, String, &[_], u16)> = Vec::new();
    for slash in ["", "/"] {
        let mut case = |path: &str, word: &str, query: &str, headers, status| {
            let path = format!("/v1.0/{{tenantId}}/{path}{slash}");
            let target = path.replace("{tenantId}", ORGANIZATION).replace("{sourceType}", word);
            cases.push((path, format!("{target}{query}"), headers, status));
        };
        case("events", "", &format!("?{range}"), admin, 200);
        case("events", "", "?eventCategories=backup&eventCategories=creation&limit=20", admin, 200);
        case("events", "", "?limit=many", admin, 400);
        case("events", "", "", &[], 401);
        case("events", "", "", nobody, 403);
        case("eventcategories", "", "", admin, 200);
        case("eventcategories/{sourceType}", "snapshot", "", admin, 200);
        case("eventcategories/{sourceType}", "tape", "", admin, 404);
    }
    let cases: Vec<_> =
        cases.iter().map(|(path, target, headers, status)| (&**path, &**target, *headers, *status)).collect();
    check(&server, "fujitsu", &cases);
}

#[test]
fn rds_answers_as_described() {
    let server = server();
    let described = Described::of("rds");
    for (body, key, status) in [
        ("Action=DescribeEvents&Version=2014-10-31&Duration=99999999", Some(KEY), 200),
        ("Action=DescribeEventCategories&Version=2014-10-31", Some(KEY), 200),
        ("Action=DescribeEvents&Version=2014-10-31&MaxRecords=1", Some(KEY), 400),
        ("Version=2014-10-31", Some(KEY), 400),
        ("Action=DescribeEvents&Version=2014-10-31", Some("unknown"), 403),
        ("Action=DescribeEvents&Version=2014-10-31", None, 403),
    ] {
        let mut request = server.post("/").header("content-type", "application/x-www-form-urlencoded");
        if let Some(key) = key {
            request = signed_for_aws(request, key, &server.address.to_string(), body);
        }
        let answer = request.body(body).send();
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        if body.contains("Duration") {
            assert!(answer.text().contains("<Event>"), "{}", answer.text());
        }
        described.check("post", "/", &answer);
    }
}

/// Signs a `POST /` as AWS's clients do (Signature Version 4).
fn signed_for_aws(request: Request, key: &str, host: &str, body: &str) -> Request {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sha256 = |text: &str| hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
    let date = annals_model::Timestamp::from_seconds(seconds().cast_signed()).unwrap();
    let date = date.to_rfc3339_seconds().replace(['-', ':'], "");
    let day = &date[..8];
    let canonical = format!("POST\n/\n\nhost:{host}\nx-amz-date:{date}\n\nhost;x-amz-date\n{}", sha256(body));
    let scope = format!("{day}/eu-central-1/rds/aws4_request");
    let message = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(&canonical));
    let first = sign(format!("AWS4{SECRET}").as_bytes(), day);
    let derived = ["eu-central-1", "rds", "aws4_request"].iter().fold(first, |key, step| sign(&key, step));
    let signature = hex(&sign(&derived, &message));
    let credential = format!("{key}/{scope}");
    request.header("x-amz-date", &date).header(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    )
}
