//! The requests that the demo prints: one `curl` line for each way in, ready to be pasted into a shell. Each asks for
//! a time in which there are events, so that each has something to show.

use std::time::Duration;

use annals_dialects::shell_word;
use annals_model::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

use super::credentials::{AWS_KEY, AWS_SECRET, READER, SIGNING_KEY, SIGNING_SECRET, WRITER};

/// How long the printed Exoscale signature is good; the platform's rule here is a day at most.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(23 * 60 * 60);
/// Events that a printed request asks for, where it can say so.
const SHOWN_EVENTS: &str = "5";
/// The least that Fujitsu's and Amazon's lists can be asked for.
const SHOWN_EVENTS_DATABASE: &str = "20";
/// What `curl` signs Amazon's request for; any region will do.
const AWS_SIGNATURE: &str = "aws:amz:eu-central-1:rds";

/// What of the sample events the requests need to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// The tenants asked about.
    pub(super) tenants: Tenants,
    /// Instants from which on there are some events of each platform.
    pub(super) since: Since,
}

/// One tenant of each platform whose events do not name theirs.
#[derive(Debug, Clone, Default)]
pub(super) struct Tenants {
    pub(super) exoscale: String,
    pub(super) qovery: String,
    pub(super) fujitsu: String,
    pub(super) rds: String,
}

/// For each platform an instant from which on there are some events.
#[derive(Debug, Clone, Default)]
pub(super) struct Since {
    pub(super) cloudfoundry: Timestamp,
    pub(super) exoscale: Timestamp,
    pub(super) qovery: Timestamp,
    pub(super) rafay: Timestamp,
    pub(super) fujitsu: Timestamp,
    pub(super) rds: Timestamp,
}

/// One request and what it shows.
pub(super) struct Example {
    /// A heading, without the `#`.
    pub(super) title: &'static str,
    /// One line for a shell.
    pub(super) command: String,
}

/// Every request, for a server at `base` (without a final slash).
pub(super) fn examples(base: &str, sample: &Sample, now: Timestamp) -> Vec<Example> {
    let bearer = format!("Authorization: bearer {READER}");
    let since = &sample.since;
    let get = |path: &str| Curl::new().arg("-G").arg(&format!("{base}{path}"));
    vec![
        Example {
            title: "Cloud Foundry v2: events since an instant",
            command: get("/v2/events")
                .header(&bearer)
                .data(&format!("q=timestamp>={}", since.cloudfoundry.to_rfc3339_seconds()))
                .data(&format!("results-per-page={SHOWN_EVENTS}"))
                .line(),
        },
        Example {
            title: "Cloud Foundry v3: the newest audit events",
            command: get("/v3/audit_events")
                .header(&bearer)
                .data("order_by=-created_at")
                .data(&format!("per_page={SHOWN_EVENTS}"))
                .line(),
        },
        Example {
            title: "Exoscale: events since an instant, with a signed request (good for 23 hours)",
            command: {
                let (from, to) = (since.exoscale.to_rfc3339_seconds(), now.to_rfc3339_seconds());
                get("/v2/event")
                    .header(&exoscale_signature(&from, &to, now))
                    .data(&format!("from={from}"))
                    .data(&format!("to={to}"))
                    .line()
            },
        },
        Example {
            title: "Qovery: an organization's newest events",
            command: get(&format!("/organization/{}/events", sample.tenants.qovery))
                .header(&format!("Authorization: Token {READER}"))
                .data(&format!("fromTimestamp={}", since.qovery.seconds()))
                .data(&format!("pageSize={SHOWN_EVENTS}"))
                .line(),
        },
        Example {
            title: "Rafay: events of compute instances",
            command: get("/apis/dashboard.envmgmt.io/v1/events/paas/partner/kind/compute/instance")
                .header(&format!("x-api-key: {READER}"))
                .data(&format!("range_from={}", since.rafay.to_rfc3339_seconds()))
                .data(&format!("range_to={}", now.to_rfc3339_seconds()))
                .data(&format!("limit={SHOWN_EVENTS}"))
                .line(),
        },
        Example {
            title: "Fujitsu K5: a tenant's database events",
            command: get(&format!("/v1.0/{}/events", sample.tenants.fujitsu))
                .header(&format!("X-Auth-Token: {READER}"))
                .data(&format!("startTime={}", since.fujitsu.to_rfc3339_seconds()))
                .data(&format!("limit={SHOWN_EVENTS_DATABASE}"))
                .line(),
        },
        Example {
            title: "Amazon RDS: an account's database events (curl 7.75 or newer signs the request)",
            command: Curl::new()
                .arg(&format!("{base}/"))
                .option("--aws-sigv4", AWS_SIGNATURE)
                .option("--user", &format!("{AWS_KEY}:{AWS_SECRET}"))
                .data("Action=DescribeEvents")
                .data("Version=2014-10-31")
                .data(&format!("StartTime={}", since.rds.to_rfc3339_seconds()))
                .data(&format!("MaxRecords={SHOWN_EVENTS_DATABASE}"))
                .line(),
        },
        Example {
            title: "Native: what failed lately, on all platforms",
            command: get("/api/v1/events")
                .header(&bearer)
                .data("outcome=failure")
                .data(&format!("limit={SHOWN_EVENTS}"))
                .data("total=true")
                .line(),
        },
        Example {
            title: "Native: record an event",
            command: Curl::new()
                .arg(&format!("{base}/api/v1/events"))
                .header(&format!("Authorization: Bearer {WRITER}"))
                .header("Content-Type: application/json")
                .option("--data", &native_event(now))
                .line(),
        },
    ]
}

fn native_event(now: Timestamp) -> String {
    serde_json::json!({
        "time": now.to_rfc3339_millis(),
        "type": "shop.order.cancel",
        "action": "cancel",
        "outcome": "success",
        "organization": {"id": "acme"},
        "actor": {"type": "user", "name": "you@example.org"},
        "target": {"type": "order", "id": "4711"},
    })
    .to_string()
}

/// The header of Exoscale's request signature: HMAC-SHA256 over method and path, body, the values of the signed
/// parameters, signed headers (none) and the expiry (Exoscale's documentation, "API Request Signature").
fn exoscale_signature(from: &str, to: &str, now: Timestamp) -> String {
    let expires = now.plus(SIGNATURE_LIFETIME).seconds();
    let message = format!("GET /v2/event\n\n{from}{to}\n\n{expires}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, message.as_bytes()));
    format!(
        "Authorization: EXO2-HMAC-SHA256 credential={SIGNING_KEY},signed-query-args=from;to,expires={expires},\
         signature={signature}"
    )
}

/// A `curl` command line in the making.
struct Curl(Vec<String>);

impl Curl {
    fn new() -> Self {
        Self(vec!["curl".to_owned(), "-sS".to_owned()])
    }

    fn arg(mut self, text: &str) -> Self {
        self.0.push(shell_word(text));
        self
    }

    fn option(self, name: &str, value: &str) -> Self {
        self.arg(name).arg(value)
    }

    fn header(self, header: &str) -> Self {
        self.option("-H", header)
    }

    fn data(self, pair: &str) -> Self {
        self.option("--data-urlencode", pair)
    }

    fn line(self) -> String {
        self.0.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_platform_documents() {
        let now = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        let header = exoscale_signature("2026-11-22T00:00:00Z", "2026-11-22T12:00:00Z", now);
        let message = "GET /v2/event\n\n2026-11-22T00:00:00Z2026-11-22T12:00:00Z\n\n1795431600";
        let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes());
        let (head, signature) = header.split_once(",signature=").unwrap();
        assert_eq!(
            head,
            format!(
                "Authorization: EXO2-HMAC-SHA256 credential={SIGNING_KEY},signed-query-args=from;to,expires=1795431600"
            )
        );
        hmac::verify(&key, message.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();
    }

    #[test]
    fn every_way_in_has_its_request() {
        let examples = examples("http://127.0.0.1:1", &Sample::default(), Timestamp::default());
        assert_eq!(examples.len(), 9);
        for example in examples {
            assert!(example.command.starts_with("curl -sS "), "{}", example.command);
            assert!(!example.command.contains('\n'), "{}", example.command);
        }
    }
}
