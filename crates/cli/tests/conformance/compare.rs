//! Whether an answer is what was expected, and if not, where it differs. It knows no server.

use regex::Regex;
use serde_json::{Map, Value};

use crate::{language::Expect, template::plain, xml};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as a value, which in an answer in XML is made as `conformance/README.md` says.
    ///
    /// # Errors
    /// When it is neither JSON nor, by its content type, XML.
    pub(crate) fn value(&self) -> Result<Value, String> {
        let is_xml = |(name, value): &(String, String)| {
            name.eq_ignore_ascii_case("content-type") && value.starts_with("text/xml")
        };
        if self.headers.iter().any(is_xml) {
            xml::value(&String::from_utf8_lossy(&self.body))
        } else {
            serde_json::from_slice(&self.body).map_err(|error| error.to_string())
        }
    }
}

/// What differs: what was expected, and what was found in its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Difference {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}

/// Compares an answer; the first difference is told.
///
/// # Errors
/// When the expectation itself cannot be followed.
pub(crate) fn compare(expect: &Expect, answer: &Answer) -> Result<Option<Difference>, String> {
    let status = Value::from(answer.status);
    if expect.status != status {
        let body = String::from_utf8_lossy(&answer.body);
        return Ok(Some(Difference::new(
            format!("status {}", expect.status),
            format!("status {status} with {body}"),
        )));
    }
    for (name, expected) in &expect.headers {
        if let Some(difference) = compare_header(name, expected, &answer.headers)? {
            return Ok(Some(difference));
        }
    }
    if let Some(expected) = &expect.body_text {
        let found = String::from_utf8_lossy(&answer.body);
        if !texts_agree(expected, &found)? {
            return Ok(Some(Difference::new(format!("the text {expected:?}"), format!("{found:?}"))));
        }
    }
    let looks_into_body = expect.body.is_some()
        || expect.body_contains.is_some()
        || !(expect.at.is_empty() && expect.absent.is_empty() && expect.keys.is_empty());
    if !looks_into_body {
        return Ok(None);
    }
    match answer.value() {
        Ok(body) => compare_body(expect, &body),
        Err(error) => {
            let body = String::from_utf8_lossy(&answer.body);
            Ok(Some(Difference::new("a body in JSON or XML", format!("{error}: {body}"))))
        }
    }
}

fn compare_header(
    name: &str,
    expected: &Value,
    headers: &[(String, String)],
) -> Result<Option<Difference>, String> {
    let values: Vec<&str> = headers
        .iter()
        .filter(|(header, _)| header.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect();
    let found = || format!("{name}: {values:?}");
    Ok(match (expected, values.as_slice()) {
        (Value::Null, []) => None,
        (Value::Null, _) => Some(Difference::new(format!("no header {name}"), found())),
        (expected, [one]) if texts_agree(&plain(expected), one)? => None,
        (expected, _) => Some(Difference::new(format!("{name}: {}", plain(expected)), found())),
    })
}

fn compare_body(expect: &Expect, body: &Value) -> Result<Option<Difference>, String> {
    let comparison = Comparison { partial: false, unordered: expect.unordered };
    if let Some(expected) = &expect.body
        && let Some(difference) = comparison.compare(expected, body, "")?
    {
        return Ok(Some(difference));
    }
    let partial = Comparison { partial: true, unordered: expect.unordered };
    if let Some(expected) = &expect.body_contains
        && let Some(difference) = partial.compare(expected, body, "")?
    {
        return Ok(Some(difference));
    }
    for (path, expected) in &expect.at {
        let Some(found) = select(body, path)? else {
            return Ok(Some(Difference::new(
                format!("{expected} at {path}"),
                format!("nothing there, in {body}"),
            )));
        };
        if let Some(difference) = comparison.compare(expected, &found, path)? {
            return Ok(Some(difference));
        }
    }
    for path in &expect.absent {
        if let Some(found) = select(body, path)?.filter(|found| *found != Value::Array(Vec::new())) {
            return Ok(Some(Difference::new(format!("nothing at {path}"), found.to_string())));
        }
    }
    for (path, expected) in &expect.keys {
        let found = select(body, path)?;
        let names = found.as_ref().and_then(Value::as_object).map(|members| members.keys().cloned());
        let names = names.map_or(Value::Null, |names| names.collect::<Vec<_>>().into());
        if names != *expected {
            return Ok(Some(Difference::new(
                format!("the members {expected} at `{path}`"),
                names.to_string(),
            )));
        }
    }
    Ok(None)
}

/// How two values are compared.
#[derive(Clone, Copy)]
struct Comparison {
    /// Objects may have further members.
    partial: bool,
    unordered: bool,
}

impl Comparison {
    fn compare(self, expected: &Value, found: &Value, path: &str) -> Result<Option<Difference>, String> {
        match (expected, found) {
            (Value::String(text), Value::String(one)) if texts_agree(text, one)? => Ok(None),
            (Value::Object(expected), Value::Object(found)) => self.compare_members(expected, found, path),
            (Value::Array(expected), Value::Array(found)) => self.compare_items(expected, found, path),
            (expected, found) if expected == found => Ok(None),
            (expected, found) => Ok(Some(different(expected, found, path))),
        }
    }

    fn compare_members(
        self,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
        path: &str,
    ) -> Result<Option<Difference>, String> {
        for (name, value) in expected {
            let below = format!("{path}/{name}");
            let difference = match found.get(name) {
                Some(found) => self.compare(value, found, &below)?,
                None => Some(Difference::new(
                    format!("{value} at {below}"),
                    format!("nothing there, in {}", Value::Object(found.clone())),
                )),
            };
            if difference.is_some() {
                return Ok(difference);
            }
        }
        let further = found.iter().find(|(name, _)| !self.partial && !expected.contains_key(*name));
        Ok(further
            .map(|(name, value)| Difference::new(format!("no member {name} at `{path}`"), value.to_string())))
    }

    fn compare_items(
        self,
        expected: &[Value],
        found: &[Value],
        path: &str,
    ) -> Result<Option<Difference>, String> {
        let differ = || Some(different(&expected.into(), &found.into(), path));
        if expected.len() != found.len() {
            return Ok(differ());
        }
        if !self.unordered {
            for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                let difference = self.compare(expected, found, &format!("{path}/{index}"))?;
                if difference.is_some() {
                    return Ok(difference);
                }
            }
            return Ok(None);
        }
        let mut left: Vec<&Value> = found.iter().collect();
        for value in expected {
            let mut agreeing = None;
            for (index, candidate) in left.iter().enumerate() {
                if self.compare(value, candidate, path)?.is_none() {
                    agreeing = Some(index);
                    break;
                }
            }
            match agreeing {
                Some(index) => left.swap_remove(index),
                None => return Ok(differ()),
            };
        }
        Ok(None)
    }
}

fn different(expected: &Value, found: &Value, path: &str) -> Difference {
    let place = if path.is_empty() { "as the body".to_owned() } else { format!("at {path}") };
    Difference::new(format!("{expected} {place}"), found.to_string())
}

/// Whether a text is the expected one, or of the pattern behind `~`.
fn texts_agree(expected: &str, found: &str) -> Result<bool, String> {
    match expected.strip_prefix('~') {
        None => Ok(expected == found),
        Some(pattern) => Ok(pattern_of(&format!("^(?:{pattern})$"))?.is_match(found)),
    }
}

pub(crate) fn pattern_of(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| error.to_string())
}

/// What is at a path: a JSON pointer (RFC 6901) in which `*` stands for every element of an array (the values found are
/// then an array), and a final `#` for how many elements there are.
///
/// # Errors
/// When it is no path.
pub(crate) fn select(body: &Value, path: &str) -> Result<Option<Value>, String> {
    let steps = match path.split_once('/') {
        None if path.is_empty() => Vec::new(),
        Some(("", steps)) => steps.split('/').collect(),
        _ => return Err(format!("the path `{path}` does not begin with `/`")),
    };
    let mut found = vec![body.clone()];
    let mut many = false;
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            match (step, value) {
                ("*", Value::Array(items)) => next.extend(items),
                ("#", Value::Array(items)) => next.push(items.len().into()),
                (step, value) => {
                    next.extend(value.pointer(&format!("/{step}")).cloned());
                }
            }
        }
        many |= step == "*";
        found = next;
    }
    Ok(if many { Some(Value::Array(found)) } else { found.pop() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn difference(expect: &Value, body: &Value) -> Option<Difference> {
        let mut expect = expect.clone();
        expect["status"] = json!(200);
        let answer = Answer {
            status: 200,
            headers: vec![("x-a".to_owned(), "one".to_owned())],
            body: body.to_string().into_bytes(),
        };
        compare(&serde_json::from_value(expect).unwrap(), &answer).unwrap()
    }

    #[test]
    fn what_agrees_agrees() {
        let body = json!({"a": [1, 2], "b": {"c": null, "d": "x-12"}, "l": [{"i": 1}, {"i": 2}]});
        for expect in [
            json!({}),
            json!({"body": body}),
            json!({"body_text": body.to_string()}),
            json!({"body_contains": {"b": {"c": null}}}),
            json!({"body_contains": {"b": {"d": "~x-[0-9]+"}}}),
            json!({"body_contains": {"a": [2, 1]}, "unordered": true}),
            json!({"at": {"/l/*/i": [1, 2], "/l/#": 2, "/b/d": "x-12", "/l/0": {"i": 1}}}),
            json!({"absent": ["/x", "/b/e", "/l/*/x"]}),
            json!({"keys": {"": ["a", "b", "l"], "/b": ["c", "d"]}}),
            json!({"headers": {"X-A": "one", "X-B": null}}),
            json!({"headers": {"X-A": "~o.*"}}),
        ] {
            assert_eq!(difference(&expect, &body), None, "{expect}");
        }
    }

    #[test]
    fn what_differs_is_told() {
        let body = json!({"a": [1, 2], "b": {"c": null, "d": "x-12"}, "l": [{"i": 1}, {"i": 2}]});
        for (expect, expected, found) in [
            (json!({"body_contains": {"a": [1]}}), "[1] at /a", "[1,2]"),
            (json!({"body_contains": {"a": [2, 1]}}), "2 at /a/0", "1"),
            (json!({"body_contains": {"a": [1, 1]}, "unordered": true}), "[1,1] at /a", "[1,2]"),
            (json!({"body_contains": {"b": {"d": "~x"}}}), "\"~x\" at /b/d", "\"x-12\""),
            (json!({"body": {"a": [1, 2], "b": body["b"]}}), "no member l at ``", "[{\"i\":1},{\"i\":2}]"),
            (json!({"at": {"/b/c": 1}}), "1 at /b/c", "null"),
            (json!({"at": {"/l/*/i": [1]}}), "[1] at /l/*/i", "[1,2]"),
            (json!({"absent": ["/b/c"]}), "nothing at /b/c", "null"),
            (json!({"absent": ["/l/*/i"]}), "nothing at /l/*/i", "[1,2]"),
            (json!({"keys": {"/b": ["d", "c"]}}), "the members [\"d\",\"c\"] at `/b`", "[\"c\",\"d\"]"),
            (json!({"headers": {"X-A": "two"}}), "X-A: two", "X-A: [\"one\"]"),
            (json!({"headers": {"X-A": null}}), "no header X-A", "X-A: [\"one\"]"),
            (json!({"headers": {"X-B": "~.*"}}), "X-B: ~.*", "X-B: []"),
        ] {
            assert_eq!(difference(&expect, &body), Some(Difference::new(expected, found)), "{expect}");
        }
        let missing = difference(&json!({"at": {"/x": 1}}), &body).unwrap();
        assert!(missing.found.starts_with("nothing there"), "{missing:?}");
    }

    #[test]
    fn other_statuses_and_other_bodies_are_told() {
        let expect = |text: &str| serde_json::from_str::<Expect>(text).unwrap();
        let answer = Answer { status: 404, headers: Vec::new(), body: b"gone".to_vec() };
        let found = compare(&expect(r#"{"status": 200}"#), &answer).unwrap();
        assert_eq!(found, Some(Difference::new("status 200", "status 404 with gone")));
        let found = compare(&expect(r#"{"status": 404, "body": {}}"#), &answer).unwrap().unwrap();
        assert_eq!(found.expected, "a body in JSON or XML");
        let found = compare(&expect(r#"{"status": 404, "body_text": "gone\n"}"#), &answer).unwrap().unwrap();
        assert_eq!(found.found, "\"gone\"");
        assert_eq!(compare(&expect(r#"{"status": 404, "body_text": "~g.*e"}"#), &answer).unwrap(), None);
    }

    #[test]
    fn xml_is_looked_into_as_json_is() {
        let expect: Expect = serde_json::from_str(r#"{"status": 200, "at": {"/A/B": "x"}}"#).unwrap();
        let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
        let mut answer = Answer { status: 200, headers, body: b"<R><A><B>x</B></A></R>".to_vec() };
        assert_eq!(compare(&expect, &answer).unwrap(), None);
        answer.body = b"<R><A><B>y</B></A></R>".to_vec();
        assert_eq!(compare(&expect, &answer).unwrap(), Some(Difference::new("\"x\" at /A/B", "\"y\"")));
    }
}
