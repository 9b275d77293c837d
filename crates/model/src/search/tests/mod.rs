//! The language by example: what each construct means. `errors` has what each error says and where, `finds` which
//! events each search finds, `chance` trees that are written and read back and searches beside a naive reading.

mod chance;
mod errors;
mod finds;

use super::*;
use crate::{
    Criterion, Entity, Event, Field, Glyph, Json, Named, NumberBounds, Outcome, Pattern, Place, Request,
    TimeRange, limits::*,
};

fn moment() -> Moment {
    Moment::utc("2026-11-22T12:00:00Z".parse().unwrap())
}

fn filter(text: &str) -> Filter {
    match Search::parse(text, moment()) {
        Ok(search) => search.filter,
        Err(error) => unreachable!("{}", error.render(text)),
    }
}

fn like(text: &str, ignores_case: bool) -> Criterion {
    let glyph = |sign: char| match sign {
        '*' => Glyph::Many,
        '?' => Glyph::One,
        other => Glyph::Is(other),
    };
    Criterion::Like(Pattern::new(text.chars().map(glyph), ignores_case))
}

fn data(path: &[&str]) -> Place {
    Place::Data(path.iter().map(|part| (*part).to_owned()).collect())
}

#[test]
fn words_and_operators_make_a_tree() {
    assert_eq!(filter("  "), Filter::all());
    assert_eq!(filter("*"), Filter::all());
    assert_eq!(filter("big bang"), Filter::Text("big bang".to_owned()));
    assert_eq!(filter("\"big bang\""), Filter::Phrase("big bang".to_owned()));
    assert_eq!(filter("\"bang\""), Filter::Text("bang".to_owned()));
    assert_eq!(filter(r#""say \"a\\b\"""#), Filter::Phrase(r#"say "a\b""#.to_owned()));
    assert_eq!(filter("and or not"), Filter::Text("and or not".to_owned()));
    let user = || Filter::term(Field::ActorId, "u1");
    let nowhere = || Filter::Not(Box::new(Filter::Exists(Field::Zone)));
    let failed = || Filter::term(Field::Outcome, "failure");
    let or = Filter::Or(vec![Filter::And(vec![user(), nowhere()]), failed()]);
    for text in
        ["actor.id:u1 AND -zone:* OR outcome:Failure", "(actor.id:u1 NOT zone:*) OR (outcome:failure)"]
    {
        assert_eq!(filter(text), or, "{text}");
    }
    let and = Filter::And(vec![user(), Filter::Or(vec![nowhere(), failed()])]);
    assert_eq!(filter("actor.id:u1 (-zone:* OR outcome:failure)"), and);
    assert_eq!(filter("--actor.id:u1"), Filter::Not(Box::new(Filter::Not(Box::new(user())))));
}

#[test]
fn fields_have_their_meaning() {
    assert_eq!(filter("actor.id:U1"), Filter::term(Field::ActorId, "U1"));
    assert_eq!(filter("type:Create"), Filter::Value(Field::Kind, Criterion::alike("create")));
    assert_eq!(filter("TYPE=Create"), Filter::term(Field::Kind, "Create"));
    assert_eq!(filter("type:=a*"), Filter::term(Field::Kind, "a*"));
    assert_eq!(filter("status:404"), Filter::term(Field::Status, "404"));
    assert_eq!(filter("labels.team:42"), Filter::term(Field::Label("team".to_owned()), "42"));
    assert_eq!(filter("labels.\"a b\".c=1"), Filter::term(Field::Label("a b.c".to_owned()), "1"));
    let either = |criterion: Criterion| {
        Filter::Or(vec![
            Filter::Value(Field::ActorId, criterion.clone()),
            Filter::Value(Field::ActorName, criterion),
        ])
    };
    assert_eq!(filter("actor:Alice"), either(Criterion::alike("ALICE")));
    assert_eq!(filter("actor:ali*"), either(like("ali*", true)));
    assert_eq!(filter("message:*time-out*"), Filter::At(Place::Message, like("*time-out*", true)));
    assert_eq!(filter("data.a.\"b.c\":x"), Filter::At(data(&["a", "b.c"]), Criterion::alike("x")));
    assert_eq!(filter("before.x:*"), Filter::At(Place::Before(vec!["x".to_owned()]), Criterion::Any));
}

#[test]
fn values_have_their_shapes() {
    assert_eq!(filter("type:audit.*"), Filter::Value(Field::Kind, like("audit.*", true)));
    assert_eq!(filter("actor.name:ali*"), Filter::Prefix(Field::ActorName, "ali".to_owned()));
    assert_eq!(filter("actor.name:a?i"), Filter::Value(Field::ActorName, like("a?i", false)));
    assert_eq!(filter(r"actor.name:a\*"), Filter::term(Field::ActorName, "a*"));
    assert_eq!(filter(r#"actor.name:"a*""#), Filter::term(Field::ActorName, "a*"));
    assert_eq!(
        filter("request.ip:2001:db8::1"),
        Filter::Value(Field::RequestIp, Criterion::alike("2001:DB8::1"))
    );
    let between = |lower: Option<(&str, bool)>, upper: Option<(&str, bool)>| {
        let end = |end: Option<(&str, bool)>| end.map(|(text, inclusive)| (text.to_owned(), inclusive));
        Criterion::Between(NumberBounds { lower: end(lower), upper: end(upper) })
    };
    for (text, criterion) in [
        ("data.request.memory>512", between(Some(("512", false)), None)),
        ("data.request.memory:>=512", between(Some(("512", true)), None)),
        ("data.request.memory<-0.5", between(None, Some(("-0.5", false)))),
        ("data.request.memory:<=5e2", between(None, Some(("5e2", true)))),
        ("data.request.memory:256..512", between(Some(("256", true)), Some(("512", true)))),
        ("data.request.memory:256..", between(Some(("256", true)), None)),
    ] {
        assert_eq!(filter(text), Filter::At(data(&["request", "memory"]), criterion), "{text}");
    }
    let within = crate::Bounds { lower: Some(("a".to_owned(), true)), upper: Some(("9".to_owned(), true)) };
    assert!(Search::parse("actor.id:a..9", moment()).is_err(), "{within:?}");
    let within = crate::Bounds { lower: Some(("5".to_owned(), true)), upper: Some(("b".to_owned(), true)) };
    assert_eq!(filter("actor.id:5..b"), Filter::Range(Field::ActorId, within));
    let quoted = crate::Bounds { lower: Some(("5".to_owned(), false)), upper: None };
    assert_eq!(filter("status>\"5\""), Filter::Range(Field::Status, quoted));
    assert_eq!(filter("status>5"), Filter::Value(Field::Status, between(Some(("5", false)), None)));
}

#[test]
fn lists_are_any_of_their_values() {
    let ids = Filter::any_of(Field::ActorId, ["a", "b"]);
    for text in
        ["actor.id:(a,b)", "actor.id:[a b]", "actor.id:(a OR b)", "actor.id=(b, a)", "actor.id:(a,\"b\",)"]
    {
        assert_eq!(filter(text), ids, "{text}");
    }
    let mixed = Filter::Or(vec![
        Filter::any_of(Field::ActorId, ["a", "c"]),
        Filter::Prefix(Field::ActorId, "b".to_owned()),
    ]);
    assert_eq!(filter("actor.id:(a,b*,c)"), mixed);
    assert_eq!(filter("outcome:(failure pending)"), Filter::any_of(Field::Outcome, ["failure", "pending"]));
    assert_eq!(filter("actor.id:(\"OR\" \\AND)"), Filter::any_of(Field::ActorId, ["OR", "AND"]));
}

#[test]
fn times_are_ranges() {
    let range = |from: &str, to: &str| {
        let end = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Filter::Time(TimeRange::new(end(from), end(to)))
    };
    assert_eq!(filter("time:-7d"), range("2026-11-15T12:00:00Z", ""));
    assert_eq!(filter("time:-7d..now"), range("2026-11-15T12:00:00Z", "2026-11-22T12:00:00.000000001Z"));
    assert_eq!(filter("time:yesterday"), range("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"));
    assert_eq!(filter("time>2026-11-21"), range("2026-11-22T00:00:00Z", ""));
    assert_eq!(
        filter("time:2026-11-21T10:00..\"2026-11-21 12:00\""),
        range("2026-11-21T10:00:00Z", "2026-11-21T12:01:00Z")
    );
    assert_eq!(
        filter("time:(2026-01,2026-03)"),
        Filter::Or(vec![
            range("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            range("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ])
    );
    let there = Moment { offset_seconds: -5 * 3_600, ..moment() };
    let search = Search::parse("time:today", there).unwrap();
    assert_eq!(search.filter, range("2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z"));
}

#[test]
fn one_search_is_one_question_however_late_it_is_asked() {
    let later = Moment { now: moment().now.plus_nanos(1), ..moment() };
    let there = Moment { offset_seconds: 60, ..moment() };
    let identity = |text: &str, moment| Search::parse(text, moment).unwrap().identity;
    assert_eq!(identity("a  time:-7d", moment()), identity("a AND time:-7d", later));
    assert_ne!(identity("time:-7d", moment()), identity("time:-6d", moment()));
    assert_ne!(identity("time:today", moment()), identity("time:today", there));
}
