//! JSON that is kept as it was said: compact text, checked once, never re-ordered or re-rounded.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::limits::JSON_DEPTH_MAX;

/// One JSON value as compact text.
///
/// Numbers keep their digits and objects their order and their repeated keys; only white space between tokens is
/// dropped. Two values are equal when their texts are.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

/// Why a text cannot be kept as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// Its arrays and objects are nested too deep.
    #[error("nested deeper than {JSON_DEPTH_MAX} levels")]
    Depth,
}

impl Json {
    /// Checks a JSON text and drops the white space between its tokens.
    ///
    /// # Errors
    /// When the text is not one JSON value, or nested deeper than [`JSON_DEPTH_MAX`].
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| JsonError::Syntax(error.to_string()))?;
        Self::from_checked(raw.get())
    }

    /// Takes a text that a JSON parser has accepted.
    fn from_checked(text: impl AsRef<str> + Into<Box<str>>) -> Result<Self, JsonError> {
        let (compact, depth) = compact(text.as_ref());
        if depth > JSON_DEPTH_MAX {
            return Err(JsonError::Depth);
        }
        Ok(Self(compact.map_or_else(|| text.into(), Into::into)))
    }

    /// The JSON of a value in memory.
    ///
    /// # Errors
    /// When it is nested too deep.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, JsonError> {
        Self::from_checked(value.to_string())
    }

    /// Takes back a text that [`Json::as_str`] gave, as when it is read from a store that checks its own files.
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value in memory.
    pub fn to_value(&self) -> serde_json::Value {
        // The text was checked when it came in; a float that overflows is the one thing only this parser refuses.
        serde_json::from_str(&self.0).unwrap_or(serde_json::Value::Null)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_checked(Raw(raw)).map_err(de::Error::custom)
    }
}

/// A JSON text that its parser allocated; most need no other allocation.
struct Raw(Box<RawValue>);

impl AsRef<str> for Raw {
    fn as_ref(&self) -> &str {
        self.0.get()
    }
}

impl From<Raw> for Box<str> {
    fn from(raw: Raw) -> Self {
        raw.0.into()
    }
}

/// Drops white space outside of texts, `None` when there is none; also gives the deepest nesting of arrays and objects.
fn compact(text: &str) -> (Option<String>, usize) {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    // Up to where the text is in `out`.
    let mut kept = 0;
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
                // White space is ASCII, so these are boundaries of characters.
                out.push_str(text.get(kept..at).unwrap_or_default());
                kept = at + 1;
            }
            b'"' => {
                while let Some(length) =
                    bytes.get(at + 1..).and_then(|rest| rest.iter().position(|b| matches!(b, b'"' | b'\\')))
                {
                    at += 1 + length;
                    if bytes[at] == b'"' {
                        break;
                    }
                    // The escaped byte, which may be a quotation mark.
                    at += 1;
                }
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    if let Some(out) = &mut out {
        out.push_str(text.get(kept..).unwrap_or_default());
    }
    (out, deepest)
}

/// The canonical text of a JSON value: keys sorted by their bytes at every level, no white space. Two JSON texts that
/// differ only in key order or white space have the same canonical text; events without an id are identified by it.
pub fn canonical_json(value: &serde_json::Value) -> String {
    fn sorted(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_unstable_by_key(|(key, _)| *key);
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_digits_order_and_repeats_but_not_white_space() {
        let json = Json::parse(" { \"b\" : 1.0 , \"a\":[ 1e400, \"x \\\" y\" ],\n\"b\":2 } ").unwrap();
        assert_eq!(json.as_str(), r#"{"b":1.0,"a":[1e400,"x \" y"],"b":2}"#);
        assert_eq!(serde_json::to_string(&json).unwrap(), json.as_str());
        assert_eq!(serde_json::from_str::<Json>(json.as_str()).unwrap(), json);
        for text in [r#""""#, r#""\\""#, r#"["\" [[ ","é\\",{}]"#, r#"{"a\"":" ","b":[]}"#] {
            assert_eq!(Json::parse(text).unwrap().as_str(), text);
            assert_eq!(Json::parse(&format!(" {text}\n")).unwrap().as_str(), text);
            assert_eq!(serde_json::from_str::<Json>(&format!("\t{text} ")).unwrap().as_str(), text);
        }
        assert_eq!(Json::parse("[ \"\\\" [\" , \"é\" ]").unwrap().as_str(), "[\"\\\" [\",\"é\"]");
    }

    #[test]
    fn refuses_broken_and_deep_json() {
        for text in ["", "{", "{\"a\":}", "1 2", "\"\n\""] {
            assert!(matches!(Json::parse(text), Err(JsonError::Syntax(_))), "{text}");
        }
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Json::parse(&deep(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(Json::parse(&deep(JSON_DEPTH_MAX + 1)), Err(JsonError::Depth));
        assert_eq!(Json::parse(&deep(100_000)), Err(JsonError::Depth));
    }

    #[test]
    fn canonical_text_ignores_key_order() {
        let one = serde_json::json!({"b": {"y": 1, "x": [{"d": 1, "c": 2}]}, "a": null});
        let two = serde_json::json!({"a": null, "b": {"x": [{"c": 2, "d": 1}], "y": 1}});
        assert_eq!(canonical_json(&one), canonical_json(&two));
        assert_eq!(canonical_json(&one), r#"{"a":null,"b":{"x":[{"c":2,"d":1}],"y":1}}"#);
    }
}
