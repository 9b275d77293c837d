//! The language of case files, as data: what a file may say, and nothing of what it means. `conformance/README.md`
//! explains it to those who write cases.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

/// A file of cases. Everything it needs stands in it: it has a server of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// What the file is about and where its rules come from. For people.
    #[serde(rename = "about")]
    pub(crate) _about: String,
    /// Further lines of the server's configuration file.
    #[serde(default)]
    pub(crate) settings: String,
    /// Tokens that a stand-in for OpenStack's Keystone knows, if the file needs one, with what it says of them.
    #[serde(default)]
    pub(crate) keystone: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) credentials: BTreeMap<String, Credential>,
    /// The credential of cases that name none.
    #[serde(default, rename = "as")]
    pub(crate) caller: Option<String>,
    /// What every `form` of a case holds as well, unless the case says it otherwise.
    #[serde(default)]
    pub(crate) form: Map<String, Value>,
    /// What is recorded before the first case, in this order.
    #[serde(default)]
    pub(crate) events: Vec<Spanned<Recording>>,
    pub(crate) cases: Vec<Spanned<Case>>,
}

/// Somebody who asks: by what is granted, or by a JSON Web Token.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    #[serde(default)]
    pub(crate) grants: Option<Value>,
    #[serde(default)]
    pub(crate) jwt: Option<WebToken>,
}

/// A JSON Web Token that the runner signs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebToken {
    pub(crate) claims: Value,
    #[serde(default = "hs256")]
    pub(crate) alg: String,
    pub(crate) secret: String,
}

fn hs256() -> String {
    "HS256".to_owned()
}

/// Events to record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// `native`, or the dialect in whose shape they are.
    pub(crate) shape: String,
    #[serde(default)]
    pub(crate) organization: Option<String>,
    #[serde(default)]
    pub(crate) installation: Option<String>,
    /// How often `events` is recorded, with `{{n}}` from 1 on.
    #[serde(default)]
    pub(crate) repeat: Option<u32>,
    /// `events` is recorded once for each of these, with their values in its places.
    #[serde(default)]
    pub(crate) each: Vec<Map<String, Value>>,
    /// One event, several, or a whole answer.
    pub(crate) events: Value,
}

/// A request and what its answer must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The case is run once for each of these, with their values in its places.
    #[serde(default)]
    pub(crate) examples: Vec<Map<String, Value>>,
    /// Method and target, as they go over the wire.
    pub(crate) request: String,
    /// Further parameters, in clear: an object.
    #[serde(default)]
    pub(crate) query: Value,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    #[serde(default, rename = "as")]
    pub(crate) caller: Option<String>,
    #[serde(default)]
    pub(crate) sign: Option<Sign>,
    /// A body that is a form, in clear: names and values.
    #[serde(default)]
    pub(crate) form: Option<Value>,
    #[serde(default)]
    pub(crate) json: Option<Value>,
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// What happens to Keystone before the request.
    #[serde(default)]
    pub(crate) keystone: Option<Turn>,
    /// Values of the answer for later cases: a path into the body and perhaps a pattern with one group.
    #[serde(default)]
    pub(crate) keep: BTreeMap<String, String>,
    pub(crate) expect: Expect,
}

/// What happens to Keystone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    /// Whether it answers nothing but 503 from now on.
    #[serde(default)]
    pub(crate) away: Option<bool>,
    /// What it says of tokens from now on; null: nothing any more.
    #[serde(default)]
    pub(crate) tokens: Map<String, Value>,
}

/// What of a signature differs from how the platform's clients sign.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    /// The header, with places.
    #[serde(default)]
    pub(crate) header: Option<String>,
    #[serde(default)]
    pub(crate) secret: Option<String>,
    /// Exoscale: what is signed.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// Exoscale: until when it is good.
    #[serde(default)]
    pub(crate) expires: Option<Value>,
    /// AWS: the header `X-Amz-Date`; an empty one is not sent.
    #[serde(default)]
    pub(crate) date: Option<String>,
    /// AWS: what the credential is good for.
    #[serde(default)]
    pub(crate) scope: Option<String>,
    /// AWS: the headers that are signed.
    #[serde(default)]
    pub(crate) signed: Option<String>,
    /// AWS: the body that is signed in place of the one that is sent.
    #[serde(default)]
    pub(crate) body: Option<String>,
}

/// What an answer must be. What is not said may be anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    pub(crate) status: Value,
    /// Exact texts, patterns, or null for a header that must not be there.
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    /// The whole body, as JSON.
    #[serde(default, deserialize_with = "present")]
    pub(crate) body: Option<Value>,
    /// Members that must be in the body; arrays in it are whole.
    #[serde(default)]
    pub(crate) body_contains: Option<Value>,
    /// The whole body, byte by byte.
    #[serde(default)]
    pub(crate) body_text: Option<String>,
    /// Values at paths into the body.
    #[serde(default)]
    pub(crate) at: Map<String, Value>,
    /// Paths at which there must be nothing.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// The names of an object's members, in order.
    #[serde(default)]
    pub(crate) keys: Map<String, Value>,
    /// How often Keystone was asked about a token for this request.
    #[serde(default)]
    pub(crate) keystone_questions: Option<Value>,
    /// Arrays may be in any order.
    #[serde(default)]
    pub(crate) unordered: bool,
}

/// Tells `body: null` from no `body`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it, with the line.
pub(crate) fn read(path: &Path) -> Result<CaseFile, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse(&text)
}

/// Reads a file's text.
///
/// # Errors
/// What is wrong with it, with the line.
pub(crate) fn parse(text: &str) -> Result<CaseFile, String> {
    // `y` and `no` are texts here, as in YAML 1.2.
    let options = serde_saphyr::options! { strict_booleans: true };
    let file: CaseFile =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
    if file.cases.is_empty() {
        return Err("line 1: the file has no cases".to_owned());
    }
    let mut lines_of = BTreeMap::new();
    for case in &file.cases {
        let line = case.referenced.line();
        if let Some(first) = lines_of.insert(&case.value.name, line) {
            return Err(format!("line {line}: line {first} has a case of that name already"));
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str =
        "about: a test\ncases:\n  - name: one\n    request: GET /\n    expect: { status: 200 }\n";

    #[test]
    fn a_case_knows_its_line() {
        let file = parse(CASE).unwrap();
        assert_eq!((file.cases[0].referenced.line(), file.cases[0].value.request.as_str()), (3, "GET /"));
    }

    #[test]
    fn what_is_malformed_is_named_by_its_line() {
        for (from, to, expected) in [
            ("request:", "reqest:", "line 4 column 5: unknown field `reqest`"),
            ("    request: GET /\n", "", "missing field `request`"),
            ("name: one", "name: one\n    name: two", "line 4 column 5: duplicate mapping key: name"),
            ("{ status: 200 }", "[", "line 5 column 13"),
            ("about: a test\n", "", "missing field `about`"),
            ("  - name: one", "  - name: [one]", "line 3 column 11"),
        ] {
            let error = parse(&CASE.replace(from, to)).unwrap_err();
            assert!(error.contains(expected) && error.contains("line "), "{to}: {error}");
        }
        let twice = format!("{CASE}  - name: one\n    request: GET /\n    expect: {{ status: 200 }}\n");
        assert_eq!(parse(&twice).unwrap_err(), "line 6: line 3 has a case of that name already");
        assert!(parse("about: x\ncases: []\n").unwrap_err().contains("no cases"));
    }

    #[test]
    fn a_body_that_must_be_null_is_not_no_body() {
        let null = CASE.replace("status: 200", "status: 200, body: null");
        assert_eq!(parse(&null).unwrap().cases[0].value.expect.body, Some(Value::Null));
        assert_eq!(parse(CASE).unwrap().cases[0].value.expect.body, None);
    }
}
