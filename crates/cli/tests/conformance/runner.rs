//! Runs a file of cases: starts the real server, records the events, sends the requests, compares the answers.

use std::{
    fmt, io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use annals_testkit::ServerProcess;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    compare::{self, Answer, Difference, pattern_of, select},
    keystone::Keystone,
    language::{Case, CaseFile, Credential, Recording, Sign},
    sign, sign_aws,
    template::{Names, plain},
};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Who asks without any credential.
const NOBODY: &str = "nobody";
/// What need not be encoded in a query (RFC 3986).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What became of a file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) run: usize,
    pub(crate) failures: Vec<String>,
}

/// Runs those cases of a file whose place (`path: name`) contains `only`.
pub(crate) fn run(path: &str, dialect: &str, file: &CaseFile, only: &str) -> Report {
    let mut report = Report::default();
    let mut session = match Session::start(dialect, file) {
        Ok(session) => session,
        Err(error) => {
            report.run = 1;
            report.failures.push(format!("{path}: {error}"));
            return report;
        }
    };
    for case in &file.cases {
        let line = case.referenced.line();
        let examples = match case.value.examples.as_slice() {
            [] => vec![Map::new()],
            examples => examples.to_vec(),
        };
        for example in examples {
            let (name, outcome) = session.run(&case.value, &example);
            if !format!("{path}: {name}").contains(only) {
                continue;
            }
            report.run += 1;
            if let Err(failure) = outcome {
                report.failures.push(format!("{path}:{line}: {name}\n{failure}"));
            }
        }
    }
    report
}

/// Why a case failed.
struct Failure {
    request: Option<String>,
    difference: Difference,
}

impl Failure {
    fn broken(what: impl Into<String>) -> Self {
        let difference = Difference { expected: "a case that can be run".to_owned(), found: what.into() };
        Self { request: None, difference }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(request) = &self.request {
            writeln!(out, "  request:  {request}")?;
        }
        writeln!(out, "  expected: {}", self.difference.expected)?;
        write!(out, "  found:    {}", self.difference.found)
    }
}

/// A server with a file's events.
struct Session<'f> {
    dialect: &'f str,
    file: &'f CaseFile,
    process: ServerProcess,
    keystone: Option<Keystone>,
    _directory: TempDir,
    agent: ureq::Agent,
    names: Names,
}

impl<'f> Session<'f> {
    fn start(dialect: &'f str, file: &'f CaseFile) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        let mut names = Names::at(i64::try_from(now.as_secs()).map_err(|error| error.to_string())?);
        let mut settings = file.settings.clone();
        for (name, credential) in &file.credentials {
            let token = secret_of(name);
            let token = match credential {
                Credential { jwt: Some(jwt), .. } => {
                    let claims = names.fill(&jwt.claims)?;
                    sign::web_token(&claims, &jwt.alg, &jwt.secret)
                        .map_err(|error| format!("credential `{name}`: {error}"))?
                }
                Credential { grants: Some(grants), jwt: None } => {
                    settings.push_str(&credential_settings(dialect, name, grants)?);
                    token
                }
                Credential { grants: None, jwt: None } => {
                    return Err(format!("credential `{name}` has neither `grants` nor `jwt`"));
                }
            };
            names.set(&format!("token {name}"), token);
            names.set(&format!("key {name}"), key_of(name));
        }
        let keystone = file.keystone.as_ref().map(|tokens| {
            let keystone = Keystone::start()?;
            keystone.know(tokens);
            Ok::<_, io::Error>(keystone)
        });
        let keystone = keystone.transpose().map_err(|error| format!("the stand-in for Keystone: {error}"))?;
        if let Some(keystone) = &keystone {
            settings.push_str(&keystone.settings());
            names.set("keystone", keystone.url());
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let binary = Path::new(env!("CARGO_BIN_EXE_annals"));
        let process = ServerProcess::start(binary, directory.path(), &settings)
            .map_err(|error| format!("{error}: {}", log_of(directory.path())))?;
        names.set("server", process.url(""));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(ANSWER_MAX))
            .build()
            .new_agent();
        let session = Self { dialect, file, process, keystone, _directory: directory, agent, names };
        for recording in &file.events {
            session
                .record(&recording.value)
                .map_err(|error| format!("line {}: {error}", recording.referenced.line()))?;
        }
        Ok(session)
    }

    /// Records events; each must be new and accepted.
    fn record(&self, recording: &Recording) -> Result<(), String> {
        let mut path = match recording.shape.as_str() {
            "native" => "/api/v1/events?".to_owned(),
            dialect => format!("/api/v1/import/{dialect}?"),
        };
        for (name, value) in
            [("organization", &recording.organization), ("installation", &recording.installation)]
        {
            if let Some(value) = value {
                path.push_str(&format!("{name}={}&", utf8_percent_encode(value, ENCODED)));
            }
        }
        let path = path.trim_end_matches(['?', '&']);
        let mut lines = String::new();
        let mut rows = recording.each.clone();
        if rows.is_empty() {
            rows = (1..=recording.repeat.unwrap_or(1)).map(|_| Map::new()).collect();
        } else if recording.repeat.is_some() {
            return Err("give `repeat` or `each`, not both".to_owned());
        }
        for (index, row) in rows.iter().enumerate() {
            let mut names = self.names.clone();
            names.set("n", index + 1);
            match names.with(row)?.fill(&recording.events)? {
                Value::Array(events) => events.iter().for_each(|event| lines.push_str(&format!("{event}\n"))),
                event => lines.push_str(&format!("{event}\n")),
            }
        }
        let headers = [
            ("authorization".to_owned(), self.process.authorization()),
            ("content-type".to_owned(), "application/x-ndjson".to_owned()),
        ];
        let answer = self.send("POST", path, &headers, Some(lines)).map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status != 200 || body["rejected"] != json!([]) || body["duplicates"] != json!(0) {
            let body = String::from_utf8_lossy(&answer.body);
            return Err(format!("the events were not recorded: {} {body}", answer.status));
        }
        Ok(())
    }

    fn run(&mut self, case: &Case, example: &Map<String, Value>) -> (String, Result<(), Failure>) {
        let names = match self.names.with(example) {
            Ok(names) => names,
            Err(error) => return (case.name.clone(), Err(Failure::broken(error))),
        };
        let name = names.fill_text(&case.name).unwrap_or_else(|_| case.name.clone());
        let outcome = self.answer(case, &names);
        (name, outcome)
    }

    fn answer(&mut self, case: &Case, names: &Names) -> Result<(), Failure> {
        let request = self.request(case, names).map_err(Failure::broken)?;
        let keystone = self.keystone.as_ref();
        if let Some(turn) = &case.keystone {
            let keystone = keystone.ok_or_else(|| Failure::broken("the file has no `keystone`"))?;
            keystone.know(&turn.tokens);
            if let Some(away) = turn.away {
                keystone.be_away(away);
            }
        }
        let asked_before = keystone.map_or(0, Keystone::questions);
        let line = format!("{} {}", request.method, request.target);
        let failed = |difference| Failure { request: Some(line.clone()), difference };
        let answer =
            self.send(&request.method, &request.target, &request.headers, request.body.clone()).map_err(
                |error| failed(Difference { expected: "an answer".to_owned(), found: error.to_string() }),
            )?;

        let expect = filled_expectation(case, names).map_err(Failure::broken)?;
        if let Some(difference) = compare::compare(&expect, &answer).map_err(Failure::broken)? {
            return Err(failed(difference));
        }
        let asked = keystone.map_or(0, Keystone::questions) - asked_before;
        if let Some(expected) = expect.keystone_questions.filter(|expected| *expected != asked) {
            let expected = format!("Keystone to be asked {expected} times");
            return Err(failed(Difference { expected, found: format!("{asked} times") }));
        }
        for (name, what) in &case.keep {
            let value = kept(what, &answer).map_err(Failure::broken)?;
            self.names.set(name, value);
        }
        Ok(())
    }

    fn request(&self, case: &Case, names: &Names) -> Result<Request, String> {
        let line = names.fill_text(&case.request)?;
        let (method, target) = line
            .split_once(' ')
            .ok_or_else(|| format!("the request `{line}` is not a method, a space and a target"))?;
        // Links of some platforms are absolute.
        let target = target.strip_prefix(&self.process.url("")).unwrap_or(target).to_owned();
        let target = with_query(target, &names.fill(&case.query)?)?;
        let mut headers = Vec::new();
        let body = match (&case.json, &case.text, &case.form) {
            (Some(json), None, None) => Some(names.fill(json)?.to_string()),
            (None, Some(text), None) => Some(names.fill_text(text)?),
            (None, None, Some(form)) => {
                let kind = "application/x-www-form-urlencoded; charset=utf-8";
                headers.push(("Content-Type".to_owned(), kind.to_owned()));
                Some(self.form(&names.fill(form)?, names)?)
            }
            (None, None, None) => None,
            _ => return Err("give `json` or `text` or `form`, one of them".to_owned()),
        };
        let mut request = Request { method: method.to_owned(), target, headers, body };
        for (name, value) in &case.headers {
            let name = names.fill_text(name)?;
            let values = match names.fill(value)? {
                Value::Array(values) => values,
                value => vec![value],
            };
            request.headers.extend(values.iter().map(|value| (name.clone(), plain(value))));
        }
        let caller = case.caller.as_ref().or(self.file.caller.as_ref()).map_or(NOBODY, String::as_str);
        let caller = names.fill_text(caller)?;
        if caller != NOBODY {
            let headers = self.credential(&caller, case, names, &request)?;
            request.headers.extend(headers);
        }
        Ok(request)
    }

    /// A form: the file's members, then the case's own.
    fn form(&self, own: &Value, names: &Names) -> Result<String, String> {
        let own = match own {
            Value::Object(own) => own,
            other => return Err(format!("`form` is {other}: write names and values")),
        };
        let mut members = Map::new();
        for (name, value) in &self.file.form {
            members.insert(name.clone(), names.fill(value)?);
        }
        members.extend(own.clone());
        members.retain(|_, value| !value.is_null());
        with_query(String::new(), &Value::Object(members)).map(|text| text.replacen('?', "", 1))
    }

    /// The headers with which a caller shows who it is, in the platform's manner.
    fn credential(
        &self,
        caller: &str,
        case: &Case,
        names: &Names,
        request: &Request,
    ) -> Result<Vec<(String, String)>, String> {
        if !self.file.credentials.contains_key(caller) {
            return Err(format!("there is no credential `{caller}` in this file"));
        }
        let token = names.fill_text(&format!("{{{{token {caller}}}}}"))?;
        let unchanged = Sign::default();
        let sign = case.sign.as_ref().unwrap_or(&unchanged);
        let exoscales = sign.message.is_some() || sign.expires.is_some();
        let awss = [&sign.date, &sign.scope, &sign.signed, &sign.body].into_iter().any(Option::is_some);
        if exoscales && self.dialect != "exoscale" || awss && self.dialect != "rds" {
            return Err(format!("{} is not signed like that", self.dialect));
        }
        if self.dialect == "rds" {
            let host = self.process.url("").replacen("http://", "", 1);
            return aws_headers(caller, sign, names, request, host);
        }
        Ok(vec![match self.dialect {
            "exoscale" => ("authorization".to_owned(), exo2_header(caller, sign, names, request)?),
            "cloudfoundry" => ("authorization".to_owned(), format!("bearer {token}")),
            "qovery" => ("authorization".to_owned(), format!("Token {token}")),
            "rafay" => ("x-api-key".to_owned(), token),
            "fujitsu" => ("x-auth-token".to_owned(), token),
            _ => ("authorization".to_owned(), format!("Bearer {token}")),
        }])
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: Option<String>,
    ) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut request = ureq::http::Request::builder().method(method).uri(self.process.url(target));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = match body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        Ok(Answer { status, headers, body: answer.body_mut().read_to_vec()? })
    }
}

/// A request, ready to be sent.
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

fn key_of(name: &str) -> String {
    format!("key-of-{name}")
}

fn secret_of(name: &str) -> String {
    format!("secret-of-{name}")
}

/// A credential in the server's configuration file. Exoscale's and AWS's clients sign with a key and a secret, all others
/// send a token.
fn credential_settings(dialect: &str, name: &str, grants: &Value) -> Result<String, String> {
    let mut credential = json!({"name": name, "grants": grants});
    if ["exoscale", "rds"].contains(&dialect) {
        credential["key"] = key_of(name).into();
        credential["secret"] = secret_of(name).into();
    } else {
        credential["token"] = secret_of(name).into();
    }
    let settings = toml::to_string(&json!({"credential": [credential]}));
    settings.map(|text| format!("\n{text}")).map_err(|error| format!("credential `{name}`: {error}"))
}

/// A target with further parameters, encoded.
fn with_query(mut target: String, query: &Value) -> Result<String, String> {
    let parameters = match query {
        Value::Null => return Ok(target),
        Value::Object(parameters) => parameters,
        other => return Err(format!("`query` is {other}: write names and values")),
    };
    for (name, value) in parameters {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            if value.is_object() || value.is_array() {
                return Err(format!(
                    "the parameter {name} is neither a text nor a number nor a list of them"
                ));
            }
            let separator = if target.contains('?') { '&' } else { '?' };
            let value = plain(value);
            let (name, value) = (utf8_percent_encode(name, ENCODED), utf8_percent_encode(&value, ENCODED));
            target.push_str(&format!("{separator}{name}={value}"));
        }
    }
    Ok(target)
}

fn exo2_header(caller: &str, sign: &Sign, names: &Names, request: &Request) -> Result<String, String> {
    let mut names = names.clone();
    let default = "{{now+10m unix}}".into();
    let expires = plain(&names.fill(sign.expires.as_ref().unwrap_or(&default))?);
    names.set("expires", expires.clone());
    names.set("key", key_of(caller));
    let body = request.body.as_deref().unwrap_or_default();
    let (message, signed) = sign::exo2_message(&request.method, &request.target, body, &expires);
    let message = match &sign.message {
        Some(other) => names.fill_text(other)?,
        None => message,
    };
    let secret = sign.secret.clone().unwrap_or_else(|| secret_of(caller));
    names.set("signature", sign::exo2(&secret, &message));
    let listed =
        if signed.is_empty() { String::new() } else { format!(",signed-query-args={}", signed.join(";")) };
    let header = format!(
        "EXO2-HMAC-SHA256 credential={{{{key}}}}{listed},expires={{{{expires}}}},signature={{{{signature}}}}"
    );
    names.fill_text(sign.header.as_ref().unwrap_or(&header))
}

/// `Authorization` and `X-Amz-Date`.
fn aws_headers(
    caller: &str,
    sign: &Sign,
    names: &Names,
    request: &Request,
    host: String,
) -> Result<Vec<(String, String)>, String> {
    let text = |said: &Option<String>, default: &str| names.fill_text(said.as_deref().unwrap_or(default));
    let date = text(&sign.date, "{{now basic}}")?;
    let scope = text(&sign.scope, "{{now basicdate}}/eu-central-1/rds/aws4_request")?;
    let mut added = Vec::new();
    if !date.is_empty() {
        added.push(("X-Amz-Date".to_owned(), date.clone()));
    }
    let mut headers = [request.headers.clone(), added.clone()].concat();
    headers.push(("Host".to_owned(), host));
    let signed = text(&sign.signed, &sign_aws::all_headers(&headers))?;
    let body = text(&sign.body, request.body.as_deref().unwrap_or_default())?;
    let secret = sign.secret.clone().unwrap_or_else(|| secret_of(caller));
    let unsigned = sign_aws::Unsigned {
        method: &request.method,
        target: &request.target,
        headers: &headers,
        body: &body,
    };
    let mut names = names.clone();
    names.set("signature", sign_aws::signature(&secret, &date, &scope, &signed, &unsigned));
    names.set("key", key_of(caller));
    names.set("scope", scope);
    names.set("signed", signed);
    let header =
        "AWS4-HMAC-SHA256 Credential={{key}}/{{scope}}, SignedHeaders={{signed}}, Signature={{signature}}";
    added.push(("Authorization".to_owned(), names.fill_text(sign.header.as_deref().unwrap_or(header))?));
    Ok(added)
}

fn filled_expectation(case: &Case, names: &Names) -> Result<crate::language::Expect, String> {
    let mut expect = case.expect.clone();
    expect.status = names.fill(&expect.status)?;
    let values = [&mut expect.body, &mut expect.body_contains, &mut expect.keystone_questions];
    for value in values.into_iter().flatten() {
        *value = names.fill(value)?;
    }
    for members in [&mut expect.headers, &mut expect.at, &mut expect.keys] {
        if let Value::Object(filled) = names.fill(&Value::Object(std::mem::take(members)))? {
            *members = filled;
        }
    }
    if let Some(text) = &mut expect.body_text {
        *text = names.fill_text(text)?;
    }
    Ok(expect)
}

/// `/links/next`, or `/links/next continueToken=([^&]*)`.
fn kept(what: &str, answer: &Answer) -> Result<Value, String> {
    let (path, pattern) = what.split_once(' ').unwrap_or((what, ""));
    let body = answer.value()?;
    let value = select(&body, path)?.ok_or_else(|| format!("nothing to keep at {path} of {body}"))?;
    if pattern.is_empty() {
        return Ok(value);
    }
    let text = plain(&value);
    let found = pattern_of(pattern)?.captures(&text).and_then(|groups| groups.get(1));
    found
        .map(|group| group.as_str().into())
        .ok_or_else(|| format!("the pattern `{pattern}` finds nothing to keep in `{text}`"))
}

fn log_of(directory: &Path) -> String {
    std::fs::read_to_string(directory.join("annals.log")).unwrap_or_else(|error: io::Error| error.to_string())
}
