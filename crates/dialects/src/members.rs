//! JSON objects read and written member by member, so that what a dialect does not know is kept to the digit. It
//! knows no platform.

use std::{collections::BTreeMap, fmt};

use annals_model::{InvalidEvent, Json, limits::EVENT_BYTES_MAX};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The members of a JSON object, in its order; no name is there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members(Vec<(String, Json)>);

impl Members {
    /// Reads one event of at most [`EVENT_BYTES_MAX`] bytes.
    pub(crate) fn of_event(text: &str) -> Result<Self, InvalidEvent> {
        if text.len() > EVENT_BYTES_MAX {
            return Err(InvalidEvent::whole(format!(
                "{} bytes, at most {EVENT_BYTES_MAX} an event",
                text.len()
            )));
        }
        serde_json::from_str(text).map_err(|error| InvalidEvent::whole(format!("not an event: {error}")))
    }

    /// The members of an object; none of anything else.
    pub(crate) fn of_json(json: &Json) -> Self {
        serde_json::from_str(json.as_str()).unwrap_or_default()
    }

    /// The value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The value of that name when it is a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text_of)
    }

    /// The value of that name, which must be a text.
    pub(crate) fn required_text(&self, name: &str) -> Result<String, InvalidEvent> {
        let value = self.get(name).ok_or_else(|| InvalidEvent::new(name, "is missing"))?;
        text_of(value).ok_or_else(|| InvalidEvent::new(name, "must be a text"))
    }

    /// Gives the member `old` the name `new`, unless `new` is there already.
    pub(crate) fn rename(&mut self, old: &str, new: &str) {
        if self.get(new).is_some() {
            return;
        }
        if let Some((name, _)) = self.0.iter_mut().find(|(name, _)| name == old) {
            new.clone_into(name);
        }
    }

    /// Every member.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The members for which `keep` says so as an object; `None` when there are none.
    pub(crate) fn object_of(&self, mut keep: impl FnMut(&str, &Json) -> bool) -> Option<Json> {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        let mut found = false;
        for (name, value) in self.iter().filter(|(name, value)| keep(name, value)) {
            found = true;
            object.raw(name, value.as_str());
        }
        object.close();
        // Texts and values that were UTF-8 still are; compact values make a compact object.
        String::from_utf8(out).ok().filter(|_| found).map(Json::from_stored)
    }
}

/// A JSON text as a text; `None` for other values.
pub(crate) fn text_of(json: &Json) -> Option<String> {
    serde_json::from_str(json.as_str()).ok()
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if members.get(&name).is_some() {
                        return Err(de::Error::custom(format!("`{name}` is there twice")));
                    }
                    members.0.push((name, value));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// What a body of events holds.
#[derive(Debug)]
pub(crate) struct Items<'b> {
    /// The events, unread.
    pub(crate) events: Vec<&'b str>,
    /// What stands beside the events where the body is a whole answer of a list.
    pub(crate) envelope: BTreeMap<String, &'b RawValue>,
}

/// Takes a body apart: one event, an array of them, or an object that holds them as `list`.
pub(crate) fn items<'b>(body: &'b [u8], list: &str) -> Result<Items<'b>, InvalidEvent> {
    let broken = |error: &dyn fmt::Display| InvalidEvent::whole(format!("not valid JSON: {error}"));
    let text = std::str::from_utf8(body).map_err(|error| broken(&error))?;
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| broken(&error))?;
    let elements = |text: &'b str| -> Result<Vec<&'b str>, InvalidEvent> {
        let elements: Option<Vec<&RawValue>> = serde_json::from_str(text)
            .map_err(|error| InvalidEvent::new(list, format!("must be an array: {error}")))?;
        Ok(elements.unwrap_or_default().into_iter().map(RawValue::get).collect())
    };
    match whole.get().bytes().next() {
        Some(b'[') => Ok(Items { events: elements(whole.get())?, envelope: BTreeMap::new() }),
        Some(b'{') => {
            let envelope: BTreeMap<String, &RawValue> =
                serde_json::from_str(whole.get()).map_err(|error| broken(&error))?;
            match envelope.get(list) {
                Some(value) => Ok(Items { events: elements(value.get())?, envelope }),
                None => Ok(Items { events: vec![whole.get()], envelope: BTreeMap::new() }),
            }
        }
        _ => Err(InvalidEvent::whole(format!(
            "neither an event, nor an array of events, nor an object with `{list}`"
        ))),
    }
}

/// Writes a JSON object.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Begins one.
    pub(crate) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        quote(name, self.out);
        self.out.push(b':');
        self.out.extend(json.as_bytes());
    }

    /// Adds a member whose value is a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, "");
        quote(text, self.out);
    }

    /// Ends it.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}

/// Appends a text as JSON.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    // Writing a text to memory cannot fail.
    if let Ok(quoted) = serde_json::to_string(text) {
        out.extend(quoted.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_order_and_digits() {
        let members = Members::of_event(r#"{"b": 1.0, "a": "x\n", "c": null}"#).unwrap();
        assert_eq!(members.object_of(|_, _| true).unwrap().as_str(), r#"{"b":1.0,"a":"x\n","c":null}"#);
        assert_eq!(members.object_of(|name, _| name == "b").unwrap().as_str(), r#"{"b":1.0}"#);
        assert_eq!(members.object_of(|_, _| false), None);
        assert_eq!(members.text("a").as_deref(), Some("x\n"));
        assert_eq!((members.text("b"), members.text("c")), (None, None));
        assert_eq!(members.required_text("c").unwrap_err().to_string(), "`c`: must be a text");
        assert_eq!(members.required_text("d").unwrap_err().to_string(), "`d`: is missing");
    }

    #[test]
    fn members_are_refused() {
        for text in ["[]", "1", "{", r#"{"a":1,"a":2}"#] {
            assert!(Members::of_event(text).is_err(), "{text}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(EVENT_BYTES_MAX));
        assert!(Members::of_event(&long).unwrap_err().to_string().contains("at most"));
    }

    #[test]
    fn bodies_are_taken_apart() {
        let events = |body: &str| items(body.as_bytes(), "items").map(|items| items.events.join("|"));
        assert_eq!(events(r#" {"id": 1} "#).unwrap(), r#"{"id": 1}"#);
        assert_eq!(events(r#"[{"id":1}, {"id":2}]"#).unwrap(), r#"{"id":1}|{"id":2}"#);
        assert_eq!(events(r#"{"count":2,"items":[{"id":1},{"id":2}]}"#).unwrap(), r#"{"id":1}|{"id":2}"#);
        assert_eq!(events(r#"{"items":null}"#).unwrap(), "");
        for body in ["", "1", "null", "{", r#"{"items":{}}"#, "[1] 2"] {
            assert!(events(body).is_err(), "{body}");
        }
        assert!(items(b"\xff", "items").is_err());
    }
}
