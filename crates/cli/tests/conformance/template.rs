//! Places in texts that are filled in when a case is run: `{{n}}`, `{{now-1h unix}}`, `{{name}}`. It knows no cases.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What places stand for.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Seconds since 1970 at which the file was begun.
    now_seconds: i64,
    values: BTreeMap<String, Value>,
}

impl Names {
    pub(crate) fn at(now_seconds: i64) -> Self {
        Self { now_seconds, values: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// These and an example's, which may use them.
    pub(crate) fn with(&self, example: &Map<String, Value>) -> Result<Self, String> {
        let mut names = self.clone();
        for (name, value) in example {
            let value = self.fill(value)?;
            names.values.insert(name.clone(), value);
        }
        Ok(names)
    }

    /// A value with all its places filled in. A text that is one place and nothing else becomes what the place stands
    /// for, be it a number or a list.
    pub(crate) fn fill(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match lone_place(text) {
                Some(place) => self.value_of(place)?,
                None => Value::String(self.fill_text(text)?),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, value)| Ok::<_, String>((self.fill_text(name)?, self.fill(value)?)));
                Value::Object(filled.collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    /// A text with all its places filled in.
    pub(crate) fn fill_text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            let (place, behind) =
                behind.split_once("}}").ok_or_else(|| format!("`{{{{` without `}}}}` in `{text}`"))?;
            filled.push_str(before);
            filled.push_str(&plain(&self.value_of(place)?));
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value_of(&self, place: &str) -> Result<Value, String> {
        let place = place.trim();
        if let Some(value) = self.values.get(place) {
            return Ok(value.clone());
        }
        if let Some((name, width)) = place.split_once(':')
            && let (Some(value), Ok(width)) = (self.values.get(name), width.parse::<usize>())
        {
            return Ok(format!("{:0>width$}", plain(value)).into());
        }
        if let Some(rest) = place.strip_prefix("now") {
            return self.instant(rest).ok_or_else(|| {
                format!("`{{{{{place}}}}}` is no instant: write now, then + or - with a number and s, m, h or d, then a space and a form")
            });
        }
        Err(format!("nothing here is called `{{{{{place}}}}}`"))
    }

    /// `-1h unix`
    fn instant(&self, text: &str) -> Option<Value> {
        let (shift, form) = text.split_once(' ').unwrap_or((text, ""));
        let mut seconds = self.now_seconds;
        if let Some((unit_at, unit)) = shift.char_indices().next_back() {
            let unit = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return None,
            };
            seconds += shift.get(..unit_at)?.parse::<i64>().ok()? * unit;
        }
        let zoned = jiff::Timestamp::from_second(seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let written = |form: &str| Some(Value::from(zoned.strftime(form).to_string()));
        match form {
            "" => written("%Y-%m-%dT%H:%M:%SZ"),
            "zoneless" => written("%Y-%m-%dT%H:%M:%S"),
            "minute" => written("%Y-%m-%dT%H:%MZ"),
            "date" => written("%Y-%m-%d"),
            "basic" => written("%Y%m%dT%H%M%SZ"),
            "basicdate" => written("%Y%m%d"),
            "unix" => Some(seconds.into()),
            "millis" => Some((seconds * 1_000).into()),
            "nanos" => Some((seconds * 1_000_000_000).into()),
            _ => None,
        }
    }
}

/// The text between the braces when there is nothing else.
fn lone_place(text: &str) -> Option<&str> {
    text.strip_prefix("{{")?.strip_suffix("}}").filter(|place| !place.contains("{{"))
}

/// A value within a text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        let mut names = Names::at(1_770_886_301);
        names.set("n", 7);
        names.set("found", json!([1, 2]));
        names
    }

    #[test]
    fn places_are_filled() {
        for (text, expected) in [
            ("{{n}}", json!(7)),
            ("a{{n}}b{{ n:3 }}", json!("a7b007")),
            ("{{n:3}}", json!("007")),
            ("{{found}}", json!([1, 2])),
            ("{{now}}", json!("2026-02-12T08:51:41Z")),
            ("{{now-1h}}", json!("2026-02-12T07:51:41Z")),
            ("{{now+2d date}}", json!("2026-02-14")),
            ("{{now-60s minute}}", json!("2026-02-12T08:50Z")),
            ("{{now zoneless}}", json!("2026-02-12T08:51:41")),
            ("{{now basic}}", json!("20260212T085141Z")),
            ("{{now-1d basicdate}}", json!("20260211")),
            ("{{now unix}}", json!(1_770_886_301)),
            ("t={{now-1s millis}}", json!("t=1770886300000")),
            ("{{now nanos}}", json!(1_770_886_301_000_000_000_i64)),
            ("plain", json!("plain")),
        ] {
            assert_eq!(names().fill(&json!(text)).unwrap(), expected, "{text}");
        }
        let nested = names().fill(&json!({"a{{n}}": ["{{n}}", {"b": "x{{n}}"}]})).unwrap();
        assert_eq!(nested, json!({"a7": [7, {"b": "x7"}]}));
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in ["{{m}}", "{{now-1y}}", "{{now-h}}", "{{now never}}", "{{n", "{{n:x}}", "{{}}"] {
            assert!(names().fill(&json!(text)).is_err(), "{text}");
        }
    }
}
