//! An event shown on its own is the event in the platform's list: the request that is said to list it does, and its
//! answer holds the same text. An event that is not shown is in no list.

use std::sync::Arc;

use annals_model::{Entity, Named, Outcome, vocabulary::kind};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use super::*;
use crate::{
    Config, Dialect, all,
    host::Call,
    testing::{Answer, MemoryHost, get, send},
};

const BASE: &str = "http://annals.test";
const TENANT: &str = "3c90c3cc-0d44-4b50-8888-8dd25736052a";

/// Events of many kinds, each in a second of its own.
fn events() -> Vec<Event> {
    let kinds = ["app", kind::DATABASE, kind::SNAPSHOT, kind::INSTANCE, kind::SERVICE_INSTANCE, "unheard of"];
    let sources = ["native", "cloudfoundry/eu10", "exoscale", "qovery", "rafay", "fujitsu", "rds"];
    let mut events = Vec::new();
    for (kind, source) in kinds.into_iter().flat_map(|kind| sources.map(|source| (kind, source))) {
        for (action, outcome) in [("create", Outcome::Success), ("puzzle", Outcome::Unknown)] {
            let number = events.len() as u128;
            events.push(Event {
                id: Uuid::from_u128(number + 1),
                time: Timestamp::parse("2026-11-21T10:00:00.25Z")
                    .unwrap()
                    .plus_nanos(number as i64 * 1_000_000_000),
                source: source.to_owned(),
                kind: format!("audit.{kind}.{action}"),
                action: action.to_owned(),
                outcome,
                organization: if number.is_multiple_of(5) { None } else { Named::new(TENANT, None) },
                actor: Entity { kind: Some("user".into()), id: Some("u".into()), name: Some("it's".into()) },
                target: Entity {
                    kind: Some(kind.to_owned()),
                    id: (!number.is_multiple_of(7)).then(|| format!("id;{number}")),
                    name: None,
                },
                ..Event::default()
            });
        }
    }
    events
}

/// Sends the request that is said to list the event, with a credential that the host takes for good.
fn listed(dialect: &dyn Dialect, host: &Arc<MemoryHost>, shown: &Shown) -> Answer {
    let encoded =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&shown.request.parameters).finish();
    let target = format!("{}?{encoded}", shown.request.path);
    match shown.request.proof {
        Proof::Header(header) => {
            let (name, scheme) = header.split_once(": ").unwrap();
            get(dialect, host, &target, &[(name, &format!("{scheme}all"))])
        }
        Proof::ExoscaleSignature => {
            let expires = host.now.plus_nanos(1_000_000_000).seconds();
            let names: Vec<&str> = shown.request.parameters.iter().map(|(name, _)| *name).collect();
            // The bytes that the host takes for a good signature, in base64.
            let header = format!(
                "EXO2-HMAC-SHA256 credential=all,signed-query-args={},expires={expires},signature=Z29vZA==",
                names.join(";")
            );
            get(dialect, host, &target, &[("authorization", &header)])
        }
        Proof::AwsSignature(scope) => {
            assert_eq!(scope, "aws:amz:us-east-1:rds");
            // The same bytes in base 16.
            let header = "AWS4-HMAC-SHA256 Credential=all/20261122/us-east-1/rds/aws4_request, \
                          SignedHeaders=content-type;host;x-amz-date, Signature=676f6f64";
            let headers = [
                ("authorization", header),
                ("content-type", "application/x-www-form-urlencoded"),
                ("host", "annals.test"),
                ("x-amz-date", "20261122T120000Z"),
            ];
            let header = |(name, value): (&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let call = Call {
                route: dialect.routes().first().copied(),
                method: Method::POST,
                path: shown.request.path.clone(),
                parameters: Vec::new(),
                query: String::new(),
                headers: headers.into_iter().map(header).collect::<HeaderMap>(),
                body: encoded.into(),
                base_url: BASE.to_owned(),
                request_id: Uuid::from_u128(7),
                host: Arc::<MemoryHost>::clone(host),
            };
            send(dialect, call)
        }
    }
}

#[test]
fn what_is_shown_is_what_the_list_holds() {
    let host = Arc::new(MemoryHost::new(events()));
    for dialect in all(&Config::default()) {
        let (mut seen, mut left_out) = (0, 0);
        for event in &host.events {
            match dialect.show(event, BASE, host.now) {
                Ok(shown) => {
                    let answer = listed(dialect.as_ref(), &host, &shown);
                    let text = String::from_utf8_lossy(&answer.body);
                    assert_eq!(answer.status, 200, "{}: {shown:?}: {text}", dialect.name());
                    assert!(text.contains(&shown.body), "{}: {shown:?} is not in {text}", dialect.name());
                    assert!(answer.headers["content-type"].to_str().unwrap().starts_with(shown.content_type));
                    seen += 1;
                }
                Err(why) => {
                    assert!(why.len() > 20 && !why.ends_with('.'), "{}: {why}", dialect.name());
                    left_out += 1;
                }
            }
        }
        assert!(seen > 5, "{} shows {seen}", dialect.name());
        // Exoscale has a word for everything.
        assert_eq!(left_out == 0, dialect.name() == "exoscale", "{}", dialect.name());
    }
}

#[test]
fn what_is_not_shown_is_in_no_list() {
    let host = Arc::new(MemoryHost::new(events()));
    let all_time = "startTime=2026-11-21T00:00:00Z&endTime=2026-11-22T00:00:00Z&limit=100";
    let lists = [
        (
            "cloudfoundry",
            vec!["/v3/audit_events?per_page=5000".to_owned()],
            "authorization",
            "bearer all",
            "guid",
        ),
        (
            "qovery",
            vec![format!("/organization/{TENANT}/events?pageSize=100")],
            "authorization",
            "Token all",
            "id",
        ),
        (
            "fujitsu",
            vec![format!("/v1.0/{TENANT}/events?{all_time}")],
            "x-auth-token",
            "all",
            "sourceIdentifier",
        ),
        (
            "rafay",
            ["compute", "service"]
                .map(|kind| {
                    format!(
                        "/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/{kind}/instance?limit=1000&\
                         range_from=2026-11-21T00:00:00Z&range_to=2026-11-22T00:00:00Z"
                    )
                })
                .to_vec(),
            "x-api-key",
            "all",
            "id",
        ),
    ];
    for dialect in all(&Config::default()) {
        let Some((_, targets, header, value, key)) = lists.iter().find(|list| list.0 == dialect.name())
        else {
            continue;
        };
        let mut text = String::new();
        for target in targets {
            let answer = get(dialect.as_ref(), &host, target, &[(header, value)]);
            assert_eq!(answer.status, 200, "{target}");
            text.push_str(&String::from_utf8_lossy(&answer.body));
        }
        for event in &host.events {
            let id = match *key {
                "sourceIdentifier" => event.target.id.clone().unwrap_or_else(|| "-".to_owned()),
                _ => event.id.to_string(),
            };
            let is_listed = text.contains(&format!("\"{key}\":\"{id}\""));
            let is_shown = dialect.show(event, BASE, host.now).is_ok();
            assert_eq!(is_listed, is_shown, "{}: {event:?}", dialect.name());
        }
    }
}

#[test]
fn words_survive_the_shell() {
    assert_eq!(shell_word("http://127.0.0.1:8650/v2/events"), "http://127.0.0.1:8650/v2/events");
    assert_eq!(shell_word("q=timestamp>=1"), "'q=timestamp>=1'");
    assert_eq!(shell_word("it's"), r"'it'\''s'");
    assert_eq!(shell_word("$TOKEN `x`"), "'$TOKEN `x`'");
    assert_eq!(shell_word(""), "''");
}

#[test]
fn secrets_are_variables_and_values_are_quoted() {
    let listing = |proof| Listing {
        path: "/v2/event".to_owned(),
        parameters: vec![("from", "a;b".to_owned()), ("to", "$c".to_owned())],
        proof,
    };
    let base = "https://events.example.org";
    assert_eq!(
        listing(Proof::Header("X-Auth-Token: ")).curl(base),
        "curl -sS -G https://events.example.org/v2/event -H \"X-Auth-Token: $TOKEN\" \
         --data-urlencode 'from=a;b' --data-urlencode 'to=$c'"
    );
    assert_eq!(
        listing(Proof::AwsSignature("aws:amz:us-east-1:rds")).curl(base),
        "curl -sS https://events.example.org/v2/event --aws-sigv4 aws:amz:us-east-1:rds --user \"$KEY:$SECRET\" \
         --data-urlencode 'from=a;b' --data-urlencode 'to=$c'"
    );
    let signed = listing(Proof::ExoscaleSignature).curl(base);
    assert!(signed.contains(r#"printf '%b%s' 'GET /v2/event\n\na;b$c\n\n' "$EXPIRES""#), "{signed}");
    assert!(signed.contains("signed-query-args=from;to,expires=$EXPIRES"), "{signed}");
}
