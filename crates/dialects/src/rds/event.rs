//! One event in RDS's shape: written as XML, read as the JSON that AWS's command line prints. It knows no requests.

use std::borrow::Cow;

use annals_model::{Entity, Event, InvalidEvent, Named, canonical_json, identity_of_text};

use super::{
    messages,
    vocabulary::{NAME, RDS, arn_word},
    xml::Xml,
};
use crate::{
    database_events::{sentence, time, vocabulary::SourceType},
    host::Import,
    object::Members,
};

const SOURCE_ID: &str = "SourceIdentifier";
const SOURCE_TYPE: &str = "SourceType";
const MESSAGE: &str = "Message";
const CATEGORIES: &str = "EventCategories";
const CATEGORY: &str = "EventCategory";
const DATE: &str = "Date";
const SOURCE_ARN: &str = "SourceArn";
/// The members that have a place of their own in an event; the ARN is kept as it was said.
const FIELDS: [&str; 5] = [SOURCE_ID, SOURCE_TYPE, MESSAGE, CATEGORIES, DATE];

/// Writes an event, as somebody sees it who asks in that region.
pub(super) fn write(event: &Event, region: &str, xml: &mut Xml) {
    let source_type = RDS.source_type_of(event);
    let categories = source_type.and_then(|it| RDS.categories(event, it)).unwrap_or_default();
    xml.element("Event", |xml| {
        xml.text(SOURCE_ID, event.target.id.as_deref().unwrap_or_default());
        xml.text(SOURCE_TYPE, source_type.map(|it| it.word).unwrap_or_default());
        xml.text(MESSAGE, &message(event, source_type, &categories));
        write_categories(categories.into_iter(), xml);
        xml.text(DATE, &event.time.to_rfc3339_millis());
        xml.text(SOURCE_ARN, &arn(event, source_type, region));
    });
}

/// Writes a list of categories.
pub(super) fn write_categories<'c>(categories: impl Iterator<Item = &'c str>, xml: &mut Xml) {
    xml.element(CATEGORIES, |xml| {
        for category in categories {
            xml.text(CATEGORY, category);
        }
    });
}

fn message<'e>(
    event: &'e Event,
    source_type: Option<&'static SourceType>,
    categories: &[&str],
) -> Cow<'e, str> {
    if let Some(said) = &event.message {
        return Cow::Borrowed(said);
    }
    let (word, title) = source_type.map(|it| (it.word, it.title)).unwrap_or_default();
    let category = categories.first().copied().unwrap_or_default();
    match messages::message(word, category, &event.action, event.outcome) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(sentence::of(event, title, category)),
    }
}

/// The ARN an own event came with, or else one of this region, with the organization for the account.
fn arn(event: &Event, source_type: Option<&SourceType>, region: &str) -> String {
    let own = event.data.as_ref().filter(|_| RDS.is_own(event));
    let said = own.and_then(|data| Members::of(data).text(SOURCE_ARN).ok().flatten());
    said.unwrap_or_else(|| {
        let account = event.organization.as_ref().map(|named| named.id.as_str()).unwrap_or_default();
        let word = source_type.map(arn_word).unwrap_or_default();
        let id = event.target.id.as_deref().unwrap_or_default();
        format!("arn:aws:rds:{region}:{account}:{word}:{id}")
    })
}

/// Reads an event in RDS's shape, which names no tenant but the account in its ARN: it is that of the import.
pub(super) fn read(text: &str, import: &Import) -> Result<Event, InvalidEvent> {
    let mut members = Members::parse(text)?;
    let date = members.required_text(DATE)?;
    let time = time::read(&date).ok_or_else(|| {
        InvalidEvent::new(DATE, format!("`{date}` is not a time such as 2026-11-22T03:59:50.415Z"))
    })?;
    let categories = categories(&members)?;
    let message = members.required_text(MESSAGE)?;
    let source_id = members.required_text(SOURCE_ID)?;
    let word = members.required_text(SOURCE_TYPE)?;
    let source_type = RDS.source_type(&word).ok_or_else(|| {
        InvalidEvent::new(SOURCE_TYPE, format!("`{word}` is not a source type such as `db-instance`"))
    })?;
    let zone = members.text(SOURCE_ARN)?.as_deref().and_then(region_of).map(Into::into);

    let source = import.source(NAME);
    let (action, outcome) = messages::meaning(source_type.word, &categories, &message)
        .unwrap_or_else(|| source_type.meaning(&categories));
    let first = categories.first().map(|category| format!(".{category}")).unwrap_or_default();
    // A member that is null is one that was not said.
    let has_place = |name: &str| FIELDS.contains(&name);
    members.retain(|name, value| !has_place(name) && (name != SOURCE_ARN || value.as_str() != "null"));
    let mut event = Event {
        time,
        source,
        kind: format!("{}{first}", source_type.word),
        action: action.to_owned(),
        outcome,
        organization: import.organization.clone().and_then(|id| Named::new(id, None)),
        target: Entity { kind: Some(source_type.target.to_owned()), id: Some(source_id), name: None },
        zone,
        categories,
        message: Some(message),
        data: (!members.is_empty()).then(|| members.to_json()),
        ..Event::default()
    };
    event.id = identity_of_text(&event.source, &canonical(&event, source_type));
    Ok(event)
}

fn categories(members: &Members) -> Result<Vec<String>, InvalidEvent> {
    let json = members.get(CATEGORIES).ok_or_else(|| InvalidEvent::new(CATEGORIES, "is missing"))?;
    serde_json::from_str(json.as_str())
        .map_err(|_| InvalidEvent::new(CATEGORIES, "must be an array of texts"))
}

/// The region in an ARN: `arn:partition:service:region:account:…`.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    (parts.next() == Some("arn")).then(|| parts.nth(2)).flatten().filter(|region| !region.is_empty())
}

/// What identifies an event, as the shape has no identifier: all of it, but the spelling of its date.
fn canonical(event: &Event, source_type: &SourceType) -> String {
    let mut value = event.data.as_ref().map_or_else(|| serde_json::json!({}), annals_model::Json::to_value);
    value[SOURCE_ID] = event.target.id.as_deref().unwrap_or_default().into();
    value[SOURCE_TYPE] = source_type.word.into();
    value[MESSAGE] = event.message.as_deref().unwrap_or_default().into();
    value[CATEGORIES] = event.categories.as_slice().into();
    value[DATE] = event.time.to_string().into();
    canonical_json(&value)
}

#[cfg(test)]
mod tests {
    use annals_model::{Json, Outcome, Timestamp};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::{super::xml::reading, *};
    use crate::testing::{with, without};

    const REGION: &str = "eu-central-1";

    fn sample() -> Value {
        json!({
            "SourceIdentifier": "orders", "SourceType": "db-instance", "Message": "Finished DB instance backup",
            "EventCategories": ["backup"], "Date": "2026-11-22T03:59:50.415000+00:00",
            "SourceArn": "arn:aws:rds:us-east-1:123456789012:db:orders"
        })
    }

    fn import() -> Import {
        Import { organization: Some("tenant".into()), installation: None }
    }

    fn decode(value: &Value) -> Result<Event, InvalidEvent> {
        read(&value.to_string(), &import())
    }

    fn encode(event: &Event) -> String {
        let mut xml = Xml::default();
        write(event, REGION, &mut xml);
        xml.into_text()
    }

    /// What is written, in the shape that is read.
    fn fields(event: &Event) -> Value {
        let element = reading::read(&encode(event));
        let mut value = Map::new();
        for child in element.children {
            let content = if child.name == CATEGORIES {
                child.children.into_iter().map(|it| it.text).collect()
            } else {
                Value::from(child.text)
            };
            assert_eq!(value.insert(child.name, content), None, "every element is there once");
        }
        value.into()
    }

    #[test]
    fn every_field_has_its_place() {
        let event = decode(&sample()).unwrap();
        assert_eq!(event.time.to_string(), "2026-11-22T03:59:50.415Z");
        assert_eq!((event.source.as_str(), event.kind.as_str()), ("rds", "db-instance.backup"));
        assert_eq!((event.action.as_str(), event.outcome), ("backup", Outcome::Success));
        assert_eq!(event.organization, Named::new("tenant", None));
        assert_eq!(event.target.kind.as_deref(), Some("database"));
        assert_eq!(event.target.id.as_deref(), Some("orders"));
        assert_eq!(event.zone.as_deref(), Some("us-east-1"));
        assert_eq!(event.categories, ["backup"]);
        assert_eq!(event.message.as_deref(), Some("Finished DB instance backup"));
        assert_eq!(
            encode(&event),
            "<Event><SourceIdentifier>orders</SourceIdentifier><SourceType>db-instance</SourceType>\
             <Message>Finished DB instance backup</Message>\
             <EventCategories><EventCategory>backup</EventCategory></EventCategories>\
             <Date>2026-11-22T03:59:50.415Z</Date>\
             <SourceArn>arn:aws:rds:us-east-1:123456789012:db:orders</SourceArn></Event>"
        );
    }

    #[test]
    fn verbs_follow_from_the_message_or_else_the_category() {
        for (source_type, categories, message, action, outcome) in [
            ("db-instance", json!(["notification"]), "DB instance stopped", "stop", Outcome::Success),
            ("db-instance", json!(["notification"]), "Something new", "notify", Outcome::Unknown),
            ("db-instance", json!(["read replica"]), "Replication has stopped", "notify", Outcome::Unknown),
            (
                "db-instance",
                json!(["failure"]),
                "DB instance put into failed state",
                "crash",
                Outcome::Failure,
            ),
            (
                "db-instance",
                json!(["low storage"]),
                "Allocated storage has been exhausted",
                "exhaust",
                Outcome::Unknown,
            ),
            ("db-snapshot", json!(["creation"]), "Creating manual snapshot", "create", Outcome::Pending),
            (
                "db-parameter-group",
                json!(["configuration change"]),
                "Updated parameter a",
                "notify",
                Outcome::Unknown,
            ),
            ("zero-etl", json!([]), "x", "notify", Outcome::Unknown),
        ] {
            let mut item = sample();
            item["SourceType"] = source_type.into();
            item["EventCategories"] = categories;
            item["Message"] = message.into();
            let event = decode(&item).unwrap();
            assert_eq!((event.action.as_str(), event.outcome), (action, outcome), "{message}");
            item["Date"] = "2026-11-22T03:59:50.415Z".into();
            assert_eq!(fields(&event), item);
        }
    }

    #[test]
    fn other_spellings_are_the_same_event() {
        let event = decode(&sample()).unwrap();
        for item in [
            with(sample(), "Date", json!("2026-11-22T03:59:50.415Z")),
            with(sample(), "Date", json!("2026-11-22T12:59:50.415+09:00")),
            with(sample(), "Date", json!("2026-11-22T03:59:50.415")),
        ] {
            assert_eq!(decode(&item).unwrap(), event, "{item}");
        }
        for item in [
            with(sample(), "Date", json!("2026-11-22T03:59:50.416Z")),
            with(sample(), "Date", json!("2026-11-22T03:59:50.415001Z")),
            with(sample(), "Message", json!("Backing up DB instance")),
            with(sample(), "EventCategories", json!([])),
            with(sample(), "SourceIdentifier", json!("other")),
            with(sample(), "SourceType", json!("db-snapshot")),
            with(sample(), "SourceArn", json!("arn:aws:rds:eu-west-1:123456789012:db:orders")),
            without(sample(), "SourceArn"),
            with(sample(), "Extra", json!(1)),
        ] {
            assert_ne!(decode(&item).unwrap().id, event.id, "{item}");
        }
        let none = decode(&without(sample(), "SourceArn")).unwrap();
        assert_eq!(decode(&with(sample(), "SourceArn", Value::Null)).unwrap(), none);
        assert_eq!((none.data, none.zone), (None, None));
        let elsewhere = Import { installation: Some("prod".into()), ..import() };
        let other = read(&sample().to_string(), &elsewhere).unwrap();
        assert_eq!(other.source, "rds/prod");
        assert_ne!(other.id, event.id);
    }

    #[test]
    fn arns_are_made_where_there_is_none() {
        for (item, arn) in [
            (sample(), "arn:aws:rds:us-east-1:123456789012:db:orders"),
            (without(sample(), "SourceArn"), "arn:aws:rds:eu-central-1:tenant:db:orders"),
        ] {
            assert_eq!(fields(&decode(&item).unwrap())["SourceArn"], arn);
        }
        let mut snapshot = without(sample(), "SourceArn");
        snapshot["SourceType"] = "db-snapshot".into();
        let event = decode(&snapshot).unwrap();
        assert_eq!(fields(&event)["SourceArn"], "arn:aws:rds:eu-central-1:tenant:snapshot:orders");
        let foreign =
            Event { source: "native".into(), data: decode(&sample()).unwrap().data, ..event.clone() };
        assert_eq!(fields(&foreign)["SourceArn"], "arn:aws:rds:eu-central-1:tenant:snapshot:orders");
        let nobodys = Event { organization: None, ..event };
        assert_eq!(fields(&nobodys)["SourceArn"], "arn:aws:rds:eu-central-1::snapshot:orders");
        for (arn, region) in [("arn:aws:rds::1:db:x", None), ("arn:aws", None), ("x:y:z:w", None), ("", None)]
        {
            assert_eq!(region_of(arn), region, "{arn}");
        }
    }

    #[test]
    fn bad_events_name_the_field() {
        for (item, message) in [
            (without(sample(), "Date"), "`Date`: is missing"),
            (
                with(sample(), "Date", json!("soon")),
                "`Date`: `soon` is not a time such as 2026-11-22T03:59:50.415Z",
            ),
            (without(sample(), "EventCategories"), "`EventCategories`: is missing"),
            (with(sample(), "EventCategories", json!([1])), "`EventCategories`: must be an array of texts"),
            (
                with(sample(), "EventCategories", json!("backup")),
                "`EventCategories`: must be an array of texts",
            ),
            (without(sample(), "Message"), "`Message`: is missing"),
            (with(sample(), "Message", json!(1)), "`Message`: must be a text"),
            (without(sample(), "SourceIdentifier"), "`SourceIdentifier`: is missing"),
            (
                with(sample(), "SourceType", json!("disk")),
                "`SourceType`: `disk` is not a source type such as `db-instance`",
            ),
            (with(sample(), "SourceArn", json!(7)), "`SourceArn`: must be a text"),
        ] {
            assert_eq!(decode(&item).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn events_of_other_sources_are_shown() {
        let event = Event {
            time: Timestamp::parse("2013-03-18T19:09:17.9999Z").unwrap(),
            source: "qovery".into(),
            kind: "STOP".into(),
            action: "stop".into(),
            outcome: Outcome::Success,
            organization: Named::new("acme", None),
            target: Entity {
                kind: Some("database".into()),
                id: Some("d<1>".into()),
                name: Some("orders".into()),
            },
            data: Some(Json::parse(r#"{"Message":"no","SourceArn":"no"}"#).unwrap()),
            ..Event::default()
        };
        let expected = json!({
            "SourceIdentifier": "d<1>", "SourceType": "db-instance", "Message": "DB instance stopped",
            "EventCategories": ["notification"], "Date": "2013-03-18T19:09:17.999Z",
            "SourceArn": "arn:aws:rds:eu-central-1:acme:db:d<1>"
        });
        assert_eq!(fields(&event), expected);
        let failed = Event { outcome: Outcome::Failure, ..event.clone() };
        assert_eq!(fields(&failed)["EventCategories"], json!(["failure"]));
        assert_eq!(fields(&failed)["Message"], "DB instance orders: stop failed");
        let said = Event {
            categories: vec!["odd".into(), "maintenance".into()],
            message: Some("patched".into()),
            ..event
        };
        assert_eq!(fields(&said)["EventCategories"], json!(["maintenance"]));
        assert_eq!(fields(&said)["Message"], "patched");
    }

    fn text() -> impl Strategy<Value = String> {
        // What XML cannot hold at all is the writer's to test.
        any::<String>().prop_map(|text| {
            text.chars()
                .filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..))
                .collect()
        })
    }

    fn item() -> impl Strategy<Value = Value> {
        let date = (0..4_000_000_000_000_i64)
            .prop_map(|millis| Timestamp::from_millis(millis).unwrap().to_rfc3339_millis());
        let known = prop_oneof![Just("backup".to_owned()), Just("failure".to_owned())];
        let categories = proptest::collection::vec(prop_oneof![known, text()], 0..4);
        let words: Vec<&str> = RDS.source_types.iter().map(|it| it.word).collect();
        let message = prop_oneof![text(), Just("DB instance created".to_owned())];
        (date, categories, message, text(), proptest::sample::select(words), text()).prop_map(
            |(date, categories, message, id, source_type, arn)| {
                json!({
                    "SourceIdentifier": id, "SourceType": source_type, "Message": message,
                    "EventCategories": categories, "Date": date, "SourceArn": arn
                })
            },
        )
    }

    proptest! {
        #[test]
        fn own_events_come_back_as_they_went_in(item in item()) {
            let event = decode(&item).unwrap();
            let written = fields(&event);
            prop_assert_eq!(&written, &item);
            prop_assert_eq!(decode(&written).unwrap(), event);
        }
    }
}
