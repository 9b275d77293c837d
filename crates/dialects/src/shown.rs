//! One event as a platform's API shows it, with the request that lists it there: for people who look at an event and
//! want to know what their tools will see. It knows no platform.

use std::time::Duration;

use annals_model::{Event, Timestamp};

/// An event as a platform's API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The event, as it stands in an answer of the platform's list.
    pub body: String,
    /// A request of the platform's API whose answer holds the event.
    pub request: Listing,
}

/// A request that lists events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The path, percent-encoded.
    pub path: String,
    /// The parameters: in the query, or where the proof is [`Proof::AwsSignature`] in the body of a `POST`.
    pub parameters: Vec<(&'static str, String)>,
    /// How the caller proves who it is.
    pub proof: Proof,
}

/// How the callers of a platform's API prove who they are. In a command line secrets are variables of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A header with this text before the token, as in `Authorization: bearer `. The token is `$TOKEN`.
    Header(&'static str),
    /// Exoscale's signature over path and parameters. Key and secret are `$KEY` and `$SECRET`.
    ExoscaleSignature,
    /// AWS's signature, version 4, for this region and service. Key and secret are `$KEY` and `$SECRET`.
    AwsSignature(&'static str),
}

/// How long a signature is good that a command line makes.
const SIGNATURE_SECONDS: u32 = 600;

impl Listing {
    /// The request as one line for a POSIX shell, to a server at `base_url` (without a final slash).
    pub fn curl(&self, base_url: &str) -> String {
        let url = shell_word(&format!("{base_url}{}", self.path));
        let data: String = self
            .parameters
            .iter()
            .map(|(name, value)| format!(" --data-urlencode {}", shell_word(&format!("{name}={value}"))))
            .collect();
        match self.proof {
            Proof::Header(header) => format!("curl -sS -G {url} -H \"{header}$TOKEN\"{data}"),
            Proof::ExoscaleSignature => {
                let names: Vec<&str> = self.parameters.iter().map(|(name, _)| *name).collect();
                let values: String = self.parameters.iter().map(|(_, value)| value.as_str()).collect();
                // What is signed, as Exoscale's documentation has it: method and path, body, values, headers, expiry.
                let message = shell_word(&format!("GET {}\n\n{values}\n\n", self.path).replace('\n', "\\n"));
                format!(
                    "EXPIRES=$(($(date +%s) + {SIGNATURE_SECONDS})); SIGNATURE=$(printf '%b%s' {message} \"$EXPIRES\" | \
                     openssl dgst -sha256 -hmac \"$SECRET\" -binary | base64); curl -sS -G {url} -H \"Authorization: \
                     EXO2-HMAC-SHA256 credential=$KEY,signed-query-args={},expires=$EXPIRES,signature=$SIGNATURE\"{data}",
                    names.join(";")
                )
            }
            Proof::AwsSignature(scope) => {
                format!("curl -sS {url} --aws-sigv4 {scope} --user \"$KEY:$SECRET\"{data}")
            }
        }
    }
}

/// A text as one word of a POSIX shell.
pub fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The second an event happened in: its first instant, and that of the next one.
pub(crate) fn second_of(event: &Event) -> (Timestamp, Timestamp) {
    let first = event.time.floor_second();
    (first, first.plus(Duration::from_secs(1)))
}

/// What happened, in our words, to say that a platform has none for it.
pub(crate) fn described(event: &Event) -> String {
    let action = if event.action.is_empty() { "an action without a name" } else { event.action.as_str() };
    match event.target.kind.as_deref() {
        Some(kind) => format!("`{action}` of `{kind}` with outcome `{}`", event.outcome.as_str()),
        None => {
            format!("`{action}` of a target without a type with outcome `{}`", event.outcome.as_str())
        }
    }
}

#[cfg(test)]
mod tests;
