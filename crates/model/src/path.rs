//! Values inside a kept JSON text, by the names that lead to them, without building anything in memory.

use std::borrow::Cow;

use crate::Json;

/// A value that a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found<'j> {
    /// A text.
    Text(Cow<'j, str>),
    /// A number, as it is written.
    Number(&'j str),
    /// `true`, `false` or `null`.
    Word(&'j str),
    /// An object.
    Object,
}

impl Json {
    /// Calls `visit` with every value that a path of object keys leads to. Arrays are looked through on the way and at
    /// the end: every element counts. A key that an object repeats leads to each of its values.
    pub(crate) fn visit_path<'j>(&'j self, path: &[String], visit: &mut dyn FnMut(Found<'j>)) {
        let mut reader = Reader { json: self.as_str(), at: 0 };
        // A text that ends too early has no more values; nothing is read that is not there.
        let _ = reader.value(path, true, visit);
    }
}

/// Reads compact JSON that was checked when it came in.
struct Reader<'j> {
    json: &'j str,
    at: usize,
}

impl<'j> Reader<'j> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    /// Reads one value; `wanted` says whether the path leads through it. The nesting is limited when JSON comes in.
    fn value(&mut self, path: &[String], wanted: bool, visit: &mut dyn FnMut(Found<'j>)) -> Option<()> {
        if !wanted {
            return self.skip();
        }
        match self.peek()? {
            b'{' => {
                if path.is_empty() {
                    visit(Found::Object);
                    return self.skip();
                }
                self.at += 1;
                while self.peek()? != b'}' {
                    let key = self.text()?;
                    // The colon.
                    self.at += 1;
                    let (leads, rest) = match path.split_first() {
                        Some((first, rest)) => (unescaped(key)? == first.as_str(), rest),
                        None => (false, path),
                    };
                    self.value(rest, leads, visit)?;
                    if self.peek()? == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
            }
            b'[' => {
                self.at += 1;
                while self.peek()? != b']' {
                    self.value(path, true, visit)?;
                    if self.peek()? == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
            }
            b'"' => {
                let text = self.text()?;
                if path.is_empty() {
                    visit(Found::Text(unescaped(text)?));
                }
            }
            first => {
                let text = self.plain()?;
                if path.is_empty() {
                    let is_number = first == b'-' || first.is_ascii_digit();
                    visit(if is_number { Found::Number(text) } else { Found::Word(text) });
                }
            }
        }
        Some(())
    }

    /// Passes over one value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                _ => {
                    self.plain()?;
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A text with its quotes.
    fn text(&mut self) -> Option<&'j str> {
        let start = self.at;
        let bytes = self.json.as_bytes();
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let mut at = start + 1;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = at + 1;
        self.json.get(start..self.at)
    }

    /// A number or a word.
    fn plain(&mut self) -> Option<&'j str> {
        let rest = self.json.get(self.at..)?;
        let length = rest.bytes().position(|byte| matches!(byte, b',' | b']' | b'}')).unwrap_or(rest.len());
        // Something must be passed over, or nobody would ever arrive.
        if length == 0 {
            return None;
        }
        self.at += length;
        rest.get(..length)
    }
}

/// What a text with quotes says.
fn unescaped(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if inner.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn found(json: &Json, path: &[&str]) -> Vec<String> {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let mut found = Vec::new();
        json.visit_path(&path, &mut |value| {
            found.push(match value {
                Found::Text(text) => format!("{text:?}"),
                Found::Number(text) | Found::Word(text) => text.to_owned(),
                Found::Object => "{}".to_owned(),
            });
        });
        found
    }

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let json = Json::parse(
            r#"{"request":{"memory":512,"tags":["a","b",[{"x":1.50}]],"none":null},"list":[{"x":true},{"x":"é\n\u00e9"},3],
                "dup":1,"dup":2,"k\"ey":{"":"empty"},"empty":[],"object":{}}"#,
        )
        .unwrap();
        assert_eq!(found(&json, &["request", "memory"]), ["512"]);
        assert_eq!(found(&json, &["request", "tags"]), ["\"a\"", "\"b\"", "{}"]);
        assert_eq!(found(&json, &["request", "tags", "x"]), ["1.50"]);
        assert_eq!(found(&json, &["request", "none"]), ["null"]);
        assert_eq!(found(&json, &["list", "x"]), ["true", "\"é\\né\""]);
        assert_eq!(found(&json, &["dup"]), ["1", "2"]);
        assert_eq!(found(&json, &["k\"ey", ""]), ["\"empty\""]);
        assert_eq!(found(&json, &["object"]), ["{}"]);
        assert_eq!(found(&json, &[]), ["{}"]);
        for path in [&["memory"][..], &["request", "memory", "x"], &["empty"], &["object", "x"]] {
            assert_eq!(found(&json, path), Vec::<String>::new(), "{path:?}");
        }
    }

    #[test]
    fn what_is_no_json_ends_the_walk() {
        for text in ["", "{", "[", "{\"a\"", "{\"a\":", "\"", "\"\\", "[1", "}", "[,]", "{\"a\":[1}"] {
            let _ = found(&Json::from_stored(text), &["a"]);
            let _ = found(&Json::from_stored(text), &[]);
        }
    }

    fn reference(value: &Value, path: &[&str], out: &mut Vec<String>) {
        match (value, path) {
            (Value::Array(items), _) => items.iter().for_each(|item| reference(item, path, out)),
            (Value::Object(_), []) => out.push("{}".to_owned()),
            (Value::Object(map), [first, rest @ ..]) => {
                map.get(*first).into_iter().for_each(|value| reference(value, rest, out));
            }
            (_, [_, ..]) => {}
            (Value::String(text), []) => out.push(format!("{text:?}")),
            (other, []) => out.push(other.to_string()),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-5..5_i64).prop_map(Value::from),
            "[a\"\\\\\n{}\\[\\],:]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab\"]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_walk_finds_what_a_parsed_value_holds(value in value(), path in proptest::collection::vec("[ab\"]", 0..4)) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let mut expected = Vec::new();
            reference(&value, &path, &mut expected);
            prop_assert_eq!(found(&Json::from_value(&value).unwrap(), &path), expected);
        }
    }
}
