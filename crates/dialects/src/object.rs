//! JSON objects member by member, every value verbatim: what dialects use whose events must come back exactly as they
//! went in. It knows no platform.
//!
//! The scheme: a dialect lifts the members it has fields for into the event, and can render those fields as members
//! again. Whatever rendering would not give back ([`leftover`]) goes into the event's `data`, and is laid over the
//! rendered members when the event is shown. So nothing that was said can be lost, by construction.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use annals_model::{Event, InvalidEvent, Json, limits::EVENT_BYTES_MAX};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of a JSON object in their order; of a repeated key the last value counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members(Vec<(Cow<'static, str>, Json)>);

impl Members {
    /// Reads an object, within the depth that events may have.
    ///
    /// # Errors
    /// When the text is not a JSON object or nested too deep.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidEvent> {
        let json = Json::parse(text).map_err(|error| InvalidEvent::whole(error.to_string()))?;
        serde_json::from_str(json.as_str()).map_err(|_| InvalidEvent::whole("an event must be a JSON object"))
    }

    /// The members of an object that was kept before; none when it is something else.
    pub(crate) fn of(json: &Json) -> Self {
        serde_json::from_str(json.as_str()).unwrap_or_default()
    }

    /// The value of a member; a `null` is a value.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The members in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// Drops every member that does not satisfy the test.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    /// A member that is a text; `None` when it is absent or `null`.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, InvalidEvent> {
        self.typed(key, "must be a text")
    }

    /// A member that must be a text.
    ///
    /// # Errors
    /// When it is absent, `null` or something else.
    pub(crate) fn required_text(&self, key: &str) -> Result<String, InvalidEvent> {
        self.text(key)?.ok_or_else(|| InvalidEvent::new(key, "is missing"))
    }

    /// A member that is a whole number; `None` when it is absent or `null`.
    ///
    /// # Errors
    /// When it is something else, or beyond 64 bits.
    pub(crate) fn integer(&self, key: &str) -> Result<Option<i64>, InvalidEvent> {
        self.typed(key, "must be a whole number of at most 64 bits")
    }

    /// A member that is an object; `None` when it is absent or `null`.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, InvalidEvent> {
        self.typed(key, "must be an object")
    }

    fn typed<'j, T: Deserialize<'j>>(
        &'j self,
        key: &str,
        rule: &'static str,
    ) -> Result<Option<T>, InvalidEvent> {
        let Some(value) = self.get(key).filter(|value| value.as_str() != "null") else { return Ok(None) };
        serde_json::from_str(value.as_str()).map(Some).map_err(|_| InvalidEvent::new(key, rule))
    }

    /// Sets a member, in its old place if it is there already.
    pub(crate) fn set(&mut self, key: impl Into<Cow<'static, str>>, value: Json) {
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some(member) => member.1 = value,
            None => self.0.push((key, value)),
        }
    }

    /// Adds a member that is known not to be there yet, at the same cost however many there are.
    pub(crate) fn push(&mut self, key: impl Into<Cow<'static, str>>, value: Json) {
        self.0.push((key.into(), value));
    }

    /// Sets a member to a text.
    pub(crate) fn set_text(&mut self, key: impl Into<Cow<'static, str>>, text: &str) {
        self.set(key, json_text(text));
    }

    /// Sets a member to a text if there is one.
    pub(crate) fn set_some(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.set_text(key, text);
        }
    }

    /// Sets a member to a number.
    pub(crate) fn set_integer(&mut self, key: &'static str, number: i64) {
        self.set(key, Json::from_stored(number.to_string()));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object as one value.
    pub(crate) fn to_json(&self) -> Json {
        let mut text = Vec::new();
        self.write(&mut text);
        // Keys and values are UTF-8 and so is what joins them.
        Json::from_stored(String::from_utf8(text).unwrap_or_default())
    }

    /// Appends the object to a body.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (position, (key, value)) in self.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend(json_text(key).as_str().as_bytes());
            out.push(b':');
            out.extend(value.as_str().as_bytes());
        }
        out.push(b'}');
    }
}

/// A text as a JSON value.
pub(crate) fn json_text(text: &str) -> Json {
    // Writing a text as JSON cannot fail.
    Json::from_stored(serde_json::to_string(text).unwrap_or_default())
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                // Through a map, so that an object of very many members is not searched once for each of them.
                let mut places = BTreeMap::new();
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Json>()? {
                    let place = *places.entry(key.clone()).or_insert(members.len());
                    match members.get_mut(place) {
                        Some((_, old)) => *old = value,
                        None => members.push((Cow::Owned(key), value)),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// What of `said` the members `rendered` from the event's own fields do not give back, to be kept as `data`.
pub(crate) fn leftover(said: &Members, rendered: &Members) -> Option<Json> {
    let same = |one: &Json, two: &Json| {
        let text = |json: &Json| serde_json::from_str::<String>(json.as_str()).ok();
        one == two || text(one).is_some_and(|one| Some(one) == text(two))
    };
    let mut left = said.clone();
    left.retain(|key, value| !rendered.get(key).is_some_and(|rendered| same(rendered, value)));
    (!left.is_empty()).then(|| left.to_json())
}

/// Reads every event of a body: one event, an array of them, or an object that holds them as its member `list`.
///
/// # Errors
/// When the body is not JSON, or the array is none. A bad event is an error at its own place.
pub(crate) fn read_events(
    body: &[u8],
    list: Option<&str>,
    decode: impl Fn(&str) -> Result<Event, InvalidEvent>,
) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
    let not_json = |error: serde_json::Error| InvalidEvent::whole(format!("not valid JSON: {error}"));
    let whole: &RawValue = serde_json::from_slice(body).map_err(not_json)?;
    let mut array = whole.get().starts_with('[').then_some(whole);
    if let Some(list) = list.filter(|_| whole.get().starts_with('{')) {
        let members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(whole.get()).map_err(not_json)?;
        array = members.get(list).copied().filter(|value| value.get().starts_with('['));
    }
    let events: Vec<&RawValue> = match array {
        Some(array) => serde_json::from_str(array.get()).map_err(not_json)?,
        None => vec![whole],
    };
    let read = |event: &RawValue| {
        let text = event.get();
        if text.len() > EVENT_BYTES_MAX {
            let message = format!("{} bytes, at most {EVENT_BYTES_MAX} an event", text.len());
            return Err(InvalidEvent::whole(message));
        }
        let event = decode(text)?;
        event.validate()?;
        Ok(event)
    };
    Ok(events.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_digits_and_the_last_of_repeated_keys() {
        let members = Members::parse(r#" {"b": 1.0, "a": [ 1e400 ], "b": 2.50} "#).unwrap();
        assert_eq!(members.to_json().as_str(), r#"{"b":2.50,"a":[1e400]}"#);
        assert!(Members::parse("[]").is_err() && Members::parse("{").is_err());
    }

    #[test]
    fn says_which_member_has_the_wrong_type() {
        let members = Members::parse(r#"{"n": 1.5, "t": "x", "o": {}, "z": null}"#).unwrap();
        assert_eq!(members.integer("n").unwrap_err().field, "n");
        assert_eq!(members.text("t").unwrap().as_deref(), Some("x"));
        assert!(members.object("o").unwrap().is_some_and(|object| object.is_empty()));
        assert!(members.object("t").is_err() && members.text("o").is_err());
        assert_eq!((members.text("z").unwrap(), members.integer("absent").unwrap()), (None, None));
    }

    #[test]
    fn leftover_is_what_rendering_does_not_give_back() {
        let said = Members::parse(r#"{"a":"\u00e9","b":1,"c":null}"#).unwrap();
        let rendered = Members::parse(r#"{"a":"é","b":2}"#).unwrap();
        assert_eq!(leftover(&said, &rendered).unwrap().as_str(), r#"{"b":1,"c":null}"#);
        assert_eq!(leftover(&rendered, &rendered), None);
    }

    #[test]
    fn finds_the_events_of_a_body() {
        let decode = |text: &str| {
            let kind = Members::parse(text)?.text("k")?.unwrap_or_default();
            Ok(Event { source: "test".into(), kind, ..Event::default() })
        };
        let kinds = |body: &str, list| -> Vec<Option<String>> {
            let events = read_events(body.as_bytes(), list, decode).unwrap();
            events.into_iter().map(|event| event.ok().map(|event| event.kind)).collect()
        };
        let a_and = |more: &[Option<&str>]| -> Vec<Option<String>> {
            [&[Some("a")], more].concat().into_iter().map(|kind| kind.map(str::to_owned)).collect()
        };
        assert_eq!(kinds(r#"{"k":"a"}"#, None), a_and(&[]));
        assert_eq!(kinds(r#"{"k":"a"}"#, Some("events")), a_and(&[]));
        assert_eq!(kinds(r#"[{"k":"a"},{"k":""},7,{"k":"b"}]"#, None), a_and(&[None, None, Some("b")]));
        assert_eq!(kinds(r#"{"events":[{"k":"a"}]}"#, Some("events")), a_and(&[]));
        assert!(kinds("[]", None).is_empty());
        assert!(read_events(b"{", None, decode).is_err() && read_events(b"[1,", None, decode).is_err());
    }
}
