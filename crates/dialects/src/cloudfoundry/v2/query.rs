//! The grammar of `q`: segments, operators, values; and what they mean for an event.
//!
//! As cloud_controller_ng's `lib/vcap/rest_api/query.rb` reads them. A comparison with null selects nothing, since none
//! of the columns is ever null.

use annals_model::{Bounds, Field, Filter, TimeRange, Timestamp};

use super::{
    super::{
        condition::{self, TextTest},
        errors::Problem,
    },
    request::split,
    timestamp,
};

/// One second: timestamps are shown without their fraction, so comparisons take whole seconds.
const SECOND_NANOS: i64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    AtLeast,
    AtMost,
    Below,
    Above,
    In,
}

/// Where two begin at the same place the one listed first is meant.
const OPERATORS: [(&str, Operator); 6] = [
    (":", Operator::Equal),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("<", Operator::Below),
    (">", Operator::Above),
    (" IN ", Operator::In),
];

/// The condition of all `q`s together, on the events this API shows.
pub(super) fn filter(queries: &[String], now: Timestamp) -> Result<Filter, Problem> {
    let mut types = Vec::new();
    let mut conditions = Filter::all();
    for segment in queries.iter().flat_map(|query| segments(query)) {
        let (name, comparison) = parse(&segment);
        let field = match name {
            "timestamp" => {
                conditions = conditions.and(on_time(comparison, now)?);
                continue;
            }
            "type" => {
                types.push(on_text(comparison));
                continue;
            }
            "actee" => Field::TargetId,
            "space_guid" => Field::Project,
            "organization_guid" => Field::Organization,
            other => return Err(Problem::BadQuery(other.to_owned())),
        };
        conditions = conditions.and(on_text(comparison).on(field));
    }
    Ok(condition::shown_with_type(&types).and(conditions))
}

/// The conditions of all `q`s on columns of text, for lists that are not of events.
pub(in super::super) fn text_tests(
    queries: &[String],
    allowed: &[&'static str],
) -> Result<Vec<(&'static str, TextTest)>, Problem> {
    let segments = queries.iter().flat_map(|query| segments(query));
    segments
        .map(|segment| {
            let (name, comparison) = parse(&segment);
            match allowed.iter().find(|column| **column == name) {
                Some(column) => Ok((*column, on_text(comparison))),
                None => Err(Problem::BadQuery(name.to_owned())),
            }
        })
        .collect()
}

/// Cuts at `;`; `;;` is a semicolon that belongs to the text. Empty segments at the end are none.
fn segments(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut segment = String::new();
    let mut rest = query;
    while let Some((before, behind)) = rest.split_once(';') {
        segment.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix(';') {
            segment.push(';');
            rest = behind;
        } else {
            found.push(std::mem::take(&mut segment));
        }
    }
    segment.push_str(rest);
    found.push(segment);
    while found.last().is_some_and(String::is_empty) {
        found.pop();
    }
    found
}

/// Cuts at the leftmost operator; without one the whole text is a name.
fn parse(segment: &str) -> (&str, Option<(Operator, &str)>) {
    // Among equal places `min_by_key` takes the first.
    let leftmost = OPERATORS
        .iter()
        .filter_map(|(spelling, operator)| Some((segment.find(spelling)?, *spelling, *operator)))
        .min_by_key(|(place, ..)| *place);
    let Some((place, spelling, operator)) = leftmost else { return (segment, None) };
    let (name, rest) = segment.split_at(place);
    (name, Some((operator, rest.strip_prefix(spelling).unwrap_or_default())))
}

fn on_text(comparison: Option<(Operator, &str)>) -> TextTest {
    let Some((operator, value)) = comparison else { return TextTest::Nothing };
    let bound = |inclusive| Some((value.to_owned(), inclusive));
    match operator {
        Operator::Equal => TextTest::OneOf([value.to_owned()].into()),
        Operator::In => {
            let values: std::collections::BTreeSet<String> = split(value, ',').map(str::to_owned).collect();
            if values.is_empty() { TextTest::Nothing } else { TextTest::OneOf(values) }
        }
        Operator::AtLeast => TextTest::Within(Bounds { lower: bound(true), upper: None }),
        Operator::Above => TextTest::Within(Bounds { lower: bound(false), upper: None }),
        Operator::AtMost => TextTest::Within(Bounds { lower: None, upper: bound(true) }),
        Operator::Below => TextTest::Within(Bounds { lower: None, upper: bound(false) }),
    }
}

fn on_time(comparison: Option<(Operator, &str)>, now: Timestamp) -> Result<Filter, Problem> {
    let Some((operator, value)) = comparison else {
        return Err(Problem::BadQuery("timestamp has no operator, as in timestamp>2014-01-01".to_owned()));
    };
    if operator == Operator::In {
        let seconds: Vec<Filter> = split(value, ',')
            .filter(|item| !item.is_empty())
            .map(|item| Ok(Filter::Time(range(Operator::Equal, instant(item, now)?))))
            .collect::<Result<_, Problem>>()?;
        return Ok(Filter::Or(seconds));
    }
    if value.is_empty() {
        return Ok(Filter::none());
    }
    Ok(Filter::Time(range(operator, instant(value, now)?)))
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    timestamp::parse(text, now)
        .ok_or_else(|| Problem::BadQuery(format!("timestamp cannot be compared with '{text}'")))
}

/// Everything within the second that begins at `value` is shown alike, so it is compared alike.
fn range(operator: Operator, value: Timestamp) -> TimeRange {
    let behind = value.plus_nanos(SECOND_NANOS);
    match operator {
        Operator::Below => TimeRange::new(None, Some(value)),
        Operator::AtMost => TimeRange::new(None, Some(behind)),
        Operator::AtLeast => TimeRange::new(Some(value), None),
        Operator::Above => TimeRange::new(Some(behind), None),
        Operator::Equal | Operator::In => TimeRange::new(Some(value), Some(behind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_semicolons_are_one() {
        for (query, expected) in [
            ("v:one_semi;;", &["v:one_semi;"][..]),
            ("v:two;;;;semis and one;;semi", &["v:two;;semis and one;semi"]),
            ("v:one_semi;;;flag:t", &["v:one_semi;", "flag:t"]),
            ("a:5;b:x", &["a:5", "b:x"]),
            (";type:a", &["", "type:a"]),
            ("type:a;", &["type:a"]),
            ("", &[]),
            (";", &[]),
        ] {
            assert_eq!(segments(query), expected, "{query}");
        }
    }

    #[test]
    fn the_leftmost_operator_counts() {
        for (segment, name, comparison) in [
            ("type:a:b>c", "type", Some((Operator::Equal, "a:b>c"))),
            ("timestamp>=2014", "timestamp", Some((Operator::AtLeast, "2014"))),
            ("timestamp<=2014", "timestamp", Some((Operator::AtMost, "2014"))),
            ("timestamp<2014", "timestamp", Some((Operator::Below, "2014"))),
            ("timestamp>2014", "timestamp", Some((Operator::Above, "2014"))),
            ("str_val IN str 1,str 2,str IN 3", "str_val", Some((Operator::In, "str 1,str 2,str IN 3"))),
            ("type :a", "type ", Some((Operator::Equal, "a"))),
            ("type!=a", "type!=a", None),
            ("type in a", "type in a", None),
            ("type IN", "type IN", None),
            ("type", "type", None),
            (":10", "", Some((Operator::Equal, "10"))),
        ] {
            assert_eq!(parse(segment), (name, comparison), "{segment}");
        }
    }

    #[test]
    fn lists_and_nulls() {
        let test = |segment| on_text(parse(segment).1);
        assert_eq!(test("type IN a,,b,"), TextTest::OneOf(["a".into(), String::new(), "b".into()].into()));
        assert_eq!(test("type IN "), TextTest::Nothing);
        assert_eq!(test("type"), TextTest::Nothing);
        assert_eq!(test("type:"), TextTest::OneOf([String::new()].into()));
    }
}
