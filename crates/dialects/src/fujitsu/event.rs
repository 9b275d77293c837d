//! One event in K5's shape, read and written. It knows no requests.

use std::borrow::Cow;

use annals_model::{Entity, Event, InvalidEvent, Json, Named, canonical_json, identity_of_text};

use super::{
    time,
    vocabulary::{K5, NAME},
};
use crate::{
    database_events::sentence,
    host::Import,
    object::{Members, json_text},
};

const DATE: &str = "date";
const CATEGORIES: &str = "eventCategories";
const MESSAGE: &str = "message";
const SOURCE_ID: &str = "sourceIdentifier";
const SOURCE_TYPE: &str = "sourceType";
const FIELDS: [&str; 5] = [DATE, CATEGORIES, MESSAGE, SOURCE_ID, SOURCE_TYPE];

/// How the manual's sample of 2016 spells `date`.
const DATE_MISSPELT: &str = " date";

/// Appends an event in K5's shape.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) {
    let source_type = K5.source_type_of(event);
    let categories = source_type.and_then(|it| K5.categories(event, it)).unwrap_or_default();
    let message = match &event.message {
        Some(message) => Cow::Borrowed(message.as_str()),
        None => {
            let title = source_type.map(|it| it.title).unwrap_or_default();
            let category = categories.first().copied().unwrap_or_default();
            Cow::Owned(sentence::of(event, title, category))
        }
    };
    let mut members = Members::default();
    members.set_text(DATE, &time::write(event.time));
    members.set(CATEGORIES, array(&categories));
    members.set_text(MESSAGE, &message);
    members.set_text(SOURCE_ID, event.target.id.as_deref().unwrap_or_default());
    members.set_text(SOURCE_TYPE, source_type.map(|it| it.word).unwrap_or_default());
    if let Some(data) = event.data.as_ref().filter(|_| K5.is_own(event)) {
        for (name, json) in Members::of(data).iter().filter(|(name, _)| !FIELDS.contains(name)) {
            members.push(name.to_owned(), json.clone());
        }
    }
    members.write(out);
}

/// A JSON array of texts.
pub(super) fn array(texts: &[&str]) -> Json {
    let quoted: Vec<Json> = texts.iter().map(|text| json_text(text)).collect();
    let texts: Vec<&str> = quoted.iter().map(Json::as_str).collect();
    Json::from_stored(format!("[{}]", texts.join(",")))
}

/// Reads an event in K5's shape, which names no tenant: it is that of the import.
pub(super) fn read(text: &str, import: &Import) -> Result<Event, InvalidEvent> {
    let mut members = Members::parse(text)?;
    let date_key = if members.get(DATE).is_some() { DATE } else { DATE_MISSPELT };
    let date = members.text(date_key)?.ok_or_else(|| InvalidEvent::new(DATE, "is missing"))?;
    let time = time::read(&date).ok_or_else(|| {
        InvalidEvent::new(DATE, format!("`{date}` is not a time such as 2013-03-18T19:09:17"))
    })?;
    let categories = categories(&members)?;
    let message = members.required_text(MESSAGE)?;
    let source_id = members.required_text(SOURCE_ID)?;
    let word = members.required_text(SOURCE_TYPE)?;
    let source_type = K5.source_type(&word).ok_or_else(|| {
        InvalidEvent::new(SOURCE_TYPE, format!("`{word}` is neither `db-instance` nor `db-snapshot`"))
    })?;

    let source = import.source(NAME);
    let (action, outcome) = source_type.meaning(&categories);
    let first = categories.first().map(|category| format!(".{category}")).unwrap_or_default();
    members.retain(|name, _| !FIELDS.contains(&name) && name != date_key);
    let data = (!members.is_empty()).then(|| members.to_json());
    let mut event = Event {
        time,
        source,
        kind: format!("{}{first}", source_type.word),
        action: action.to_owned(),
        outcome,
        organization: import.organization.clone().and_then(|id| Named::new(id, None)),
        target: Entity { kind: Some(source_type.target.to_owned()), id: Some(source_id), name: None },
        categories,
        message: Some(message),
        data,
        ..Event::default()
    };
    event.id = identity_of_text(&event.source, &canonical(&event));
    Ok(event)
}

/// The categories: an array as in the manual's example, or one text as in its table.
fn categories(members: &Members) -> Result<Vec<String>, InvalidEvent> {
    let json = members.get(CATEGORIES).ok_or_else(|| InvalidEvent::new(CATEGORIES, "is missing"))?;
    let one = |json: &Json| serde_json::from_str::<String>(json.as_str()).ok();
    let list = || serde_json::from_str(json.as_str()).ok();
    one(json)
        .map(|one| vec![one])
        .or_else(list)
        .ok_or_else(|| InvalidEvent::new(CATEGORIES, "must be an array of texts"))
}

/// What identifies an event, as the shape has no identifier: all of it, as it would be written, but with its time to
/// the full. The spellings that are read but not written make no other event of it.
fn canonical(event: &Event) -> String {
    let mut written = Vec::new();
    write(event, &mut written);
    let mut value: serde_json::Value = serde_json::from_slice(&written).unwrap_or_default();
    value[DATE] = time::write_exactly(event.time).into();
    canonical_json(&value)
}

#[cfg(test)]
mod tests {
    use annals_model::{Outcome, Timestamp};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::testing::{with, without};

    fn sample() -> Value {
        json!({
            "date": "2013-03-18T19:09:17", "eventCategories": ["backup"], "message": "Finished DB Instance backup",
            "sourceIdentifier": "dbinst_678yuhyhih", "sourceType": "db-instance"
        })
    }

    fn import() -> Import {
        Import { organization: Some("tenant".into()), installation: None }
    }

    fn decode(value: &Value) -> Result<Event, InvalidEvent> {
        read(&value.to_string(), &import())
    }

    fn encode(event: &Event) -> String {
        let mut out = Vec::new();
        write(event, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_field_has_its_place() {
        let event = decode(&sample()).unwrap();
        assert_eq!(event.time.to_string(), "2013-03-18T19:09:17Z");
        assert_eq!((event.source.as_str(), event.kind.as_str()), ("fujitsu", "db-instance.backup"));
        assert_eq!((event.action.as_str(), event.outcome), ("backup", Outcome::Unknown));
        assert_eq!(event.organization, Named::new("tenant", None));
        assert_eq!(event.target.kind.as_deref(), Some("database"));
        assert_eq!(event.target.id.as_deref(), Some("dbinst_678yuhyhih"));
        assert_eq!(event.categories, ["backup"]);
        assert_eq!(event.message.as_deref(), Some("Finished DB Instance backup"));
        assert_eq!(event.data, None);
        assert_eq!(encode(&event), sample().to_string(), "fields come in the documented order");
    }

    #[test]
    fn messages_of_the_service_are_read() {
        for (source_type, category, message, action, outcome) in [
            ("db-instance", "availability", "DB instance restarted", "restart", Outcome::Unknown),
            ("db-instance", "failover", "Multi-AZ instance failover started", "failover", Outcome::Unknown),
            (
                "db-instance",
                "low storage",
                "Allocated storage has been exhausted",
                "exhaust",
                Outcome::Unknown,
            ),
            ("db-instance", "failure", "DB instance put into failed state", "crash", Outcome::Failure),
            ("db-snapshot", "creation", "Manual snapshot created", "create", Outcome::Unknown),
            ("db-snapshot", "deletion", "Deleted user snapshot", "delete", Outcome::Unknown),
        ] {
            let mut item = sample();
            item["sourceType"] = source_type.into();
            item["eventCategories"] = json!([category]);
            item["message"] = message.into();
            let event = decode(&item).unwrap();
            assert_eq!((event.action.as_str(), event.outcome), (action, outcome), "{message}");
            assert_eq!(serde_json::from_str::<Value>(&encode(&event)).unwrap(), item);
        }
    }

    #[test]
    fn other_spellings_are_the_same_event() {
        let event = decode(&sample()).unwrap();
        let mut old = sample();
        let date = old.as_object_mut().unwrap().remove("date").unwrap();
        old[" date"] = date;
        for item in [
            old,
            with(sample(), "date", json!("2013-03-18T19:09:17Z")),
            with(sample(), "date", json!("2013-03-19T04:09:17.000+09:00")),
            with(sample(), "eventCategories", json!("backup")),
        ] {
            assert_eq!(decode(&item).unwrap(), event, "{item}");
        }
        for item in [
            with(sample(), "date", json!("2013-03-18T19:09:17.5Z")),
            with(sample(), "message", json!("Backing up DB instance")),
            with(sample(), "region", json!("uk-1")),
        ] {
            assert_ne!(decode(&item).unwrap().id, event.id, "{item}");
        }
        let elsewhere = Import { installation: Some("uk-1".into()), ..import() };
        let other = read(&sample().to_string(), &elsewhere).unwrap();
        assert_eq!(other.source, "fujitsu/uk-1");
        assert_ne!(other.id, event.id);
    }

    #[test]
    fn bad_events_name_the_field() {
        for (item, message) in [
            (without(sample(), "date"), "`date`: is missing"),
            (
                with(sample(), "date", json!("soon")),
                "`date`: `soon` is not a time such as 2013-03-18T19:09:17",
            ),
            (without(sample(), "eventCategories"), "`eventCategories`: is missing"),
            (with(sample(), "eventCategories", json!([1])), "`eventCategories`: must be an array of texts"),
            (without(sample(), "message"), "`message`: is missing"),
            (with(sample(), "message", Value::Null), "`message`: is missing"),
            (with(sample(), "message", json!(1)), "`message`: must be a text"),
            (without(sample(), "sourceIdentifier"), "`sourceIdentifier`: is missing"),
            (
                with(sample(), "sourceType", json!("disk")),
                "`sourceType`: `disk` is neither `db-instance` nor `db-snapshot`",
            ),
        ] {
            assert_eq!(decode(&item).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn events_of_other_sources_are_shown() {
        let event = Event {
            time: Timestamp::parse("2013-03-18T19:09:17.999Z").unwrap(),
            source: "qovery".into(),
            kind: "DEPLOY_FAILED".into(),
            action: "deploy".into(),
            outcome: Outcome::Failure,
            target: Entity {
                kind: Some("database".into()),
                id: Some("d-1".into()),
                name: Some("orders".into()),
            },
            data: Some(Json::parse(r#"{"extra":1}"#).unwrap()),
            ..Event::default()
        };
        let expected = json!({
            "date": "2013-03-18T19:09:17", "eventCategories": ["failure"],
            "message": "DB instance orders: deploy failed", "sourceIdentifier": "d-1", "sourceType": "db-instance"
        });
        assert_eq!(encode(&event), expected.to_string());
        let said = Event {
            categories: vec!["odd".into(), "maintenance".into()],
            message: Some("patched".into()),
            ..event
        };
        let shown: Value = serde_json::from_str(&encode(&said)).unwrap();
        assert_eq!(
            (&shown["eventCategories"], &shown["message"]),
            (&json!(["maintenance"]), &json!("patched"))
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            Just(Value::Null),
            Just(json!({"x": [1.5, {"z": null}]}))
        ]
    }

    fn item() -> impl Strategy<Value = Value> {
        let date =
            (0..4_000_000_000_i64).prop_map(|seconds| time::write(Timestamp::from_seconds(seconds).unwrap()));
        let category = prop_oneof![Just("backup".to_owned()), Just("failure".to_owned()), "[a-z ]{0,12}"];
        let categories = proptest::collection::vec(category, 0..4);
        let source_type = prop_oneof![Just("db-instance"), Just("db-snapshot")];
        let extra = proptest::collection::btree_map("[a-z]{1,3}", value(), 0..3);
        (date, categories, any::<String>(), any::<String>(), source_type, extra).prop_map(
            |(date, categories, message, id, source_type, extra)| {
                let mut item: Map<String, Value> = extra.into_iter().collect();
                item.insert(DATE.into(), date.into());
                item.insert(CATEGORIES.into(), categories.into());
                item.insert(MESSAGE.into(), message.into());
                item.insert(SOURCE_ID.into(), id.into());
                item.insert(SOURCE_TYPE.into(), source_type.into());
                item.into()
            },
        )
    }

    proptest! {
        #[test]
        fn own_events_come_back_as_they_went_in(item in item()) {
            let event = decode(&item).unwrap();
            let written: Value = serde_json::from_str(&encode(&event)).unwrap();
            prop_assert_eq!(&written, &item);
            prop_assert_eq!(decode(&written).unwrap().id, event.id);
        }
    }
}
