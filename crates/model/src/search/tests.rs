//! The language by example: what each construct means, what each error says and where, which events each search finds;
//! and by chance: trees are written and read back, searches find what a naive reading of their tree finds.

use proptest::{collection::vec, option, prelude::*, sample::select};

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

/// Every kind of error: the search, the column, the length, the message, the hint.
const ERRORS: &[(&str, usize, usize, &str, &str)] = &[
    (
        "a \"b c",
        3,
        1,
        "this quotation mark is not closed",
        "close it with another `\"`; to search for the sign itself write `\\\"`",
    ),
    (
        r#"x "a\b""#,
        5,
        2,
        r"`\b` means nothing inside quotation marks",
        r#"there are \" \\ \n \r \t; for a backslash write \\"#,
    ),
    (
        r"type:a\",
        7,
        1,
        "a backslash stands at the end",
        r"it takes away the meaning of the sign behind it; for a backslash write \\",
    ),
    ("(a OR b", 1, 1, "this parenthesis is not closed", "close it with `)`"),
    (
        "é a) b",
        4,
        1,
        "this parenthesis was not opened",
        "remove it, or open it with `(`; to search for the sign itself use quotation marks",
    ),
    (
        "a ( )",
        3,
        3,
        "there is nothing between these parentheses",
        "write a condition between them, or remove them",
    ),
    (
        "a OR",
        3,
        2,
        "`OR` has nothing on one of its sides",
        "write a condition on each side; to search for the word itself write \"OR\"",
    ),
    (
        "OR a",
        1,
        2,
        "`OR` has nothing on one of its sides",
        "write a condition on each side; to search for the word itself write \"OR\"",
    ),
    (
        "a AND )",
        3,
        3,
        "`AND` has nothing on one of its sides",
        "write a condition on each side; to search for the word itself write \"AND\"",
    ),
    (
        "a AND AND b",
        7,
        3,
        "`AND` has nothing on one of its sides",
        "write a condition on each side; to search for the word itself write \"AND\"",
    ),
    (
        "(NOT )",
        2,
        3,
        "`NOT` has nothing on one of its sides",
        "write a condition on each side; to search for the word itself write \"NOT\"",
    ),
    (
        "a - b",
        3,
        1,
        "this minus stands alone",
        "write it directly before what is to be excluded, as in -origin:CONSOLE",
    ),
    (
        "a :b",
        3,
        1,
        "there is no field before `:`",
        "write a field before it, as in type:create; or use quotation marks",
    ),
    (
        "type: a",
        6,
        0,
        "`type` has no value",
        "write the value directly behind it; type:* finds what has any value, -type:* what has none",
    ),
    (
        "data.x>",
        8,
        0,
        "`data.x` has no value",
        "write the value directly behind it; data.x:* finds what has any value, -data.x:* what has none",
    ),
    ("a actr:b", 3, 4, "there is no field `actr`", "nearest are `actor`"),
    (
        "http://x",
        1,
        4,
        "there is no field `http`",
        "what the source itself said is below `data`, as in data.http; to search for words use quotation marks",
    ),
    ("origin!=API", 7, 2, "`!=` is no operator", "write -origin:… to exclude a value"),
    ("type:(a, b", 6, 1, "this list is not closed", "close it with the bracket that fits the first one"),
    ("type:[ ]", 6, 3, "this list is empty", "write values, as in type:(create,delete)"),
    (
        "type:a,b",
        7,
        1,
        "a comma stands in a value that is no list",
        "write a list as (a,b); a comma inside of a value needs quotation marks or a backslash",
    ),
    (
        "type:(a NOT b)",
        9,
        3,
        "`NOT` has no meaning in a list",
        "an event needs only one value of a list; write separate conditions",
    ),
    (
        "type:\"a\"b",
        9,
        1,
        "`b` stands inside of a value",
        "leave a blank between conditions; a value with such a sign needs quotation marks around all of it",
    ),
    (
        "target:f(x)",
        9,
        1,
        "`(` stands inside of a value",
        "leave a blank between conditions; a value with such a sign needs quotation marks around all of it",
    ),
    (
        "a deplo*",
        8,
        1,
        "wildcards work on fields only",
        "write a field, as in actor:ali* or message:*timeout*; quotation marks search for the words without it",
    ),
    (
        "status:4*..5",
        8,
        2,
        "a range or a comparison cannot have wildcards",
        "write the ends in full, or use the wildcard alone",
    ),
    (
        "status:..",
        8,
        2,
        "this range has no end on either side",
        "write one end at least, as in -7d.. or ..512",
    ),
    (
        "status:1..2..3",
        12,
        2,
        "this range has more than two ends",
        "write from..to; a value with two dots in a row needs quotation marks",
    ),
    ("time:now..-1d", 6, 8, "this range ends before it begins", "the smaller end comes first"),
    ("a data.x:10..9", 10, 5, "this range ends before it begins", "the smaller end comes first"),
    (
        "alice & bob",
        7,
        1,
        "`&` has no letter and no digit to search for",
        "leave it out, or use it in the value of a field",
    ),
    (
        "time:soon",
        6,
        4,
        "`soon` is no time",
        "there are now, today, yesterday, -15m, -24h, -7d, 2026, 2026-01, 2026-01-31, 2026-01-31T23:59 and RFC 3339",
    ),
    (
        "time:2026*",
        6,
        5,
        "`2026*` is no time",
        "there are now, today, yesterday, -15m, -24h, -7d, 2026, 2026-01, 2026-01-31, 2026-01-31T23:59 and RFC 3339",
    ),
    ("time<9999", 5, 5, "`9999` lies outside of the years 1678 to 2261", "leave the end of the range open"),
    (
        "outcome:(success,failed)",
        18,
        6,
        "there is no outcome `failed`",
        "there are success, failure, pending and unknown; the source's own word is in `status`",
    ),
    (
        "data..x:1",
        1,
        7,
        "the name `data.\"\".x` has a gap",
        "write names between dots, as in data.request.memory; one with signs in it needs quotation marks",
    ),
];

#[test]
fn every_error_says_where_and_what_to_do() {
    let mut kinds = std::collections::BTreeSet::new();
    for (text, column, length, message, hint) in ERRORS {
        let error = Search::parse(text, moment()).expect_err(text);
        let found = (error.column, error.length, error.to_string(), error.hint());
        assert_eq!(found, (*column, *length, (*message).to_owned(), (*hint).to_owned()), "{text}");
        let name = format!("{:?}", error.kind);
        kinds.insert(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
    }
    // And those that a long search has.
    let deep = SEARCH_DEPTH_MAX + 1;
    for (text, column, length, message, hint) in [
        (
            format!("{:9000}", "a"),
            1,
            0,
            "the search has 9000 bytes; 8192 are allowed",
            "ask in several searches, or use the parameters for fields",
        ),
        (
            format!("{}a", "(".repeat(deep)),
            deep,
            1,
            "the search is nested deeper than 24 levels",
            "leave out parentheses and `NOT` that are not needed",
        ),
        (
            format!("{}a", "-".repeat(deep)),
            deep,
            1,
            "the search is nested deeper than 24 levels",
            "leave out parentheses and `NOT` that are not needed",
        ),
        (
            "a ".repeat(SEARCH_TERMS_MAX + 1),
            2 * SEARCH_TERMS_MAX + 1,
            1,
            "the search has more than 500 words and values",
            "ask in several searches",
        ),
        (
            format!("type:{}", "*".repeat(SEARCH_WILDCARDS_MAX + 1)),
            6 + SEARCH_WILDCARDS_MAX,
            1,
            "the search has more than 32 wildcards",
            "list the values, or ask in several searches",
        ),
        (
            format!("type:*{}", "a".repeat(SEARCH_PATTERN_CHARS_MAX)),
            6,
            1 + SEARCH_PATTERN_CHARS_MAX,
            "a value with wildcards has more than 256 characters",
            "shorten it with another `*`",
        ),
    ] {
        let error = Search::parse(&text, moment()).unwrap_err();
        let found = (error.column, error.length, error.to_string(), error.hint());
        assert_eq!(found, (column, length, message.to_owned(), hint.to_owned()), "{text}");
        let name = format!("{:?}", error.kind);
        kinds.insert(name.split(['(', ' ']).next().unwrap_or_default().to_owned());
    }
    let source = include_str!("error.rs");
    let declared = source.split("pub enum SearchErrorKind {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let variants = declared
        .lines()
        .filter_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase)))
        .map(|line| line.split(['(', ' ', ',']).next().unwrap_or_default());
    let missing: Vec<&str> = variants.filter(|kind| !kinds.contains(*kind)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "kinds of errors without an example");
}

#[test]
fn errors_are_drawn_for_terminals() {
    let draw = |text: &str| Search::parse(text, moment()).unwrap_err().render(text);
    assert_eq!(
        draw("outcome:failure actr:alice"),
        "outcome:failure actr:alice\n                ^^^^\nthere is no field `actr` (column 17)\nhint: nearest are `actor`"
    );
    assert!(draw("type:").starts_with("type:\n     ^\n"));
    assert!(draw("a\u{1b}\nb\tactr:c").starts_with("b actr:c\n  ^^^^\nthere is no field `actr` (column 6)"));
}

fn event(id: u8, time: &str, kind: &str, change: impl FnOnce(&mut Event)) -> Event {
    let mut event = Event { time: time.parse().unwrap(), kind: kind.to_owned(), ..Event::default() };
    event.id = uuid::Uuid::from_u128(u128::from(id));
    event.source = "cloudfoundry/eu10".to_owned();
    event.action = kind.rsplit('.').next().unwrap_or_default().to_owned();
    event.organization = Named::new("acme", Some("ACME Inc.".to_owned()));
    change(&mut event);
    event
}

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text).unwrap())
}

/// Four events of two days.
fn history() -> Vec<Event> {
    let alice = || Entity {
        kind: Some("user".into()),
        id: Some("u-1".into()),
        name: Some("Alice@example.com".into()),
    };
    vec![
        event(1, "2026-11-21T09:00:00Z", "audit.app.create", |event| {
            event.actor = alice();
            event.target =
                Entity { kind: Some("app".into()), id: Some("a-1".into()), name: Some("shop".into()) };
            event.origin = Some("CLI".into());
            event.outcome = Outcome::Success;
            event.message = Some("Alice created the shop: done".into());
            event.data = json(r#"{"request":{"memory":512,"routes":["a.example.com","b.example.com"]}}"#);
        }),
        event(2, "2026-11-21T17:30:00Z", "audit.app.delete-request", |event| {
            event.actor = alice();
            event.target =
                Entity { kind: Some("app".into()), id: Some("a-1".into()), name: Some("shop".into()) };
            event.origin = Some("CONSOLE".into());
            event.outcome = Outcome::Failure;
            event.request = Request {
                status: Some(502),
                uri: Some("/v3/apps/a-1".into()),
                ip: Some("10.0.0.7".into()),
                ..Request::default()
            };
            event.before = json(r#"{"instances":3,"state":"STARTED"}"#);
            event.after = json(r#"{"instances":0,"state":null}"#);
        }),
        event(3, "2026-11-22T08:00:00Z", "create-instance", |event| {
            event.source = "exoscale".into();
            event.organization = None;
            event.actor = Entity { id: Some("alice".into()), ..Entity::default() };
            event.status = Some("202".into());
            event.outcome = Outcome::Pending;
            event.categories = vec!["compute".into(), "Billing".into()];
            event.labels = [("team".to_owned(), "Payments".to_owned())].into();
            event.data = json(r#"{"request":{"memory":"1024"},"flags":{"dry run":true}}"#);
        }),
        event(4, "2026-11-22T11:59:00Z", "DEPLOY_FAILED", |event| {
            event.source = "qovery".into();
            event.actor = Entity { name: Some("Bob".into()), ..Entity::default() };
            event.outcome = Outcome::Failure;
            event.message = Some("deploy of the shop failed, was not done: time-out".into());
            event.data = json(r#"{"request":{"memory":96.5}}"#);
        }),
    ]
}

/// Searches, and the events they find.
const FINDS: &[(&str, &[u8])] = &[
    ("", &[1, 2, 3, 4]),
    ("shop", &[1, 2, 4]),
    ("SHOP done", &[1, 4]),
    ("\"the shop: done\"", &[1]),
    ("\"shop failed\"", &[4]),
    ("\"time out\"", &[4]),
    ("type:audit.app.*", &[1, 2]),
    ("type:*create*", &[1, 3]),
    ("type:deploy_failed", &[4]),
    ("type=deploy_failed", &[]),
    ("type:(audit.app.create,create-instance)", &[1, 3]),
    ("action:delete?request", &[2]),
    ("source:cloudfoundry*", &[1, 2]),
    ("actor:alice", &[3]),
    ("actor:ALICE*", &[1, 2, 3]),
    ("actor.name:alice*", &[]),
    ("actor.name:Alice*", &[1, 2]),
    ("actor:(bob,u-1)", &[1, 2, 4]),
    ("-actor.id:*", &[4]),
    ("-origin:CONSOLE", &[1, 3, 4]),
    ("origin:* -origin:console", &[1]),
    ("outcome:failure OR outcome:pending", &[2, 3, 4]),
    ("NOT (outcome:failure OR outcome:pending)", &[1]),
    ("organization:\"acme inc.\"", &[1, 2, 4]),
    ("-organization:acme", &[3]),
    ("target.type:app time:yesterday", &[1, 2]),
    ("action:delete* time:yesterday", &[2]),
    ("time:today", &[3, 4]),
    ("time:-5m", &[4]),
    ("time:-7d..now", &[1, 2, 3, 4]),
    ("time:2026-11-21T09:00", &[1]),
    ("time>2026-11-21", &[3, 4]),
    ("time<=2026-11-21", &[1, 2]),
    ("time:2026-11-21T17:00..2026-11-22T08:00", &[2, 3]),
    ("status>=200", &[3]),
    ("request.status>=500", &[2]),
    ("request.uri:/V3/apps/*", &[2]),
    ("request.ip:10.0.0.*", &[2]),
    ("message:*time-out*", &[4]),
    ("categories:billing", &[3]),
    ("labels.team:payments", &[3]),
    ("labels.team=payments", &[]),
    ("data.request.memory>512", &[3]),
    ("data.request.memory>=512", &[1, 3]),
    ("data.request.memory<97", &[4]),
    ("data.request.memory:96..512", &[1, 4]),
    ("data.request.memory:512", &[1]),
    ("data.request.memory>\"1\"", &[3]),
    ("data.request.routes:B.example.com", &[1]),
    ("data.request.routes:*", &[1]),
    ("data.request:*", &[1, 3, 4]),
    ("data.flags.\"dry run\":true", &[3]),
    ("data.flags:true", &[]),
    ("-data:*", &[2]),
    ("before.instances>0 after.instances:0", &[2]),
    ("before.state:started -after.state:*", &[2]),
    ("after.state:null", &[2]),
    ("shop -outcome:success (origin:CONSOLE OR actor:bob)", &[2, 4]),
];

#[test]
fn searches_find_what_they_should() {
    for (text, expected) in FINDS {
        let filter = filter(text);
        let found: Vec<u8> = history()
            .iter()
            .filter(|event| filter.matches(event))
            .map(|event| event.id.as_bytes()[15])
            .collect();
        assert_eq!(found, *expected, "{text}");
    }
}

// ---- by chance ----

fn literal() -> impl Strategy<Value = Literal> {
    let text = prop_oneof![
        4 => select(vec!["a", "app", "OR", "NOT", "5", "-1.5", "512", "a b", "x..y", ".", "..", "a.", "=x", ">", "-", "(é)", "A,b", "*", "\\", "\"", "\n\t", "a:b", "true"]).prop_map(str::to_owned),
        1 => "\\PC{1,6}",
    ];
    (text, any::<bool>()).prop_map(|(text, quoted)| Literal { text, quoted, span: Span::default() })
}

fn value() -> impl Strategy<Value = ValueKind> {
    let glyph = prop_oneof![
        3 => select(vec!['a', '.', '*', '?', ' ', '=', '-', ',', 'é']).prop_map(Glyph::Is),
        1 => Just(Glyph::One),
        1 => Just(Glyph::Many),
    ];
    let comparison =
        select(vec![Comparison::Less, Comparison::AtMost, Comparison::Greater, Comparison::AtLeast]);
    prop_oneof![
        4 => literal().prop_map(ValueKind::Is),
        2 => (vec(glyph, 0..5), 0..5_usize).prop_map(|(mut glyphs, at)| {
            glyphs.insert(at.min(glyphs.len()), Glyph::Many);
            ValueKind::Like(glyphs)
        }),
        2 => (comparison, literal()).prop_map(|(comparison, literal)| ValueKind::Compare(comparison, literal)),
        1 => (literal(), option::of(literal())).prop_map(|(from, to)| ValueKind::Range(Some(from), to)),
        1 => literal().prop_map(|to| ValueKind::Range(None, Some(to))),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let names = vec![
        vec!["type"],
        vec!["actor"],
        vec!["actor", "id"],
        vec!["time"],
        vec!["nothing"],
        vec!["labels", "a b"],
        vec!["data", "x", "y\"z"],
        vec!["data", ""],
        vec!["status"],
        vec!["message"],
    ];
    let values = prop_oneof![
        3 => vec(value(), 1..4),
        1 => vec(literal().prop_map(ValueKind::Exactly), 1..3),
    ];
    (select(names), values).prop_map(|(parts, values)| Condition {
        name: Name { parts: parts.into_iter().map(str::to_owned).collect(), span: Span::default() },
        values: values.into_iter().map(|kind| Value { kind, span: Span::default() }).collect(),
        span: Span::default(),
    })
}

fn node() -> impl Strategy<Value = Node> {
    let words = literal().prop_filter("a word", |literal| literal.text.chars().any(char::is_alphanumeric));
    let leaf = prop_oneof![
        1 => Just(Node::All),
        3 => words.prop_map(Node::Words),
        6 => condition().prop_map(Node::Condition),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Node::And),
            vec(inner.clone(), 2..4).prop_map(Node::Or),
            inner.prop_map(|inner| Node::Not(Box::new(inner))),
        ]
    })
}

/// The tree without where its parts stand.
fn unplaced(node: Node) -> Node {
    let bare = |literal: Literal| Literal { span: Span::default(), ..literal };
    match node {
        Node::All => Node::All,
        Node::And(nodes) => Node::And(nodes.into_iter().map(unplaced).collect()),
        Node::Or(nodes) => Node::Or(nodes.into_iter().map(unplaced).collect()),
        Node::Not(inner) => Node::Not(Box::new(unplaced(*inner))),
        Node::Words(literal) => Node::Words(bare(literal)),
        Node::Condition(condition) => {
            let values = condition.values.into_iter().map(|value| Value {
                kind: match value.kind {
                    ValueKind::Is(literal) => ValueKind::Is(bare(literal)),
                    ValueKind::Exactly(literal) => ValueKind::Exactly(bare(literal)),
                    ValueKind::Like(glyphs) => ValueKind::Like(glyphs),
                    ValueKind::Compare(comparison, literal) => ValueKind::Compare(comparison, bare(literal)),
                    ValueKind::Range(from, to) => ValueKind::Range(from.map(bare), to.map(bare)),
                },
                span: Span::default(),
            });
            Node::Condition(Condition {
                name: Name { span: Span::default(), ..condition.name },
                values: values.collect(),
                span: Span::default(),
            })
        }
    }
}

/// What the documentation says of a tree, said once more and without regard to cost.
mod naive {
    use super::*;
    use std::cmp::Ordering;

    pub(super) fn finds(node: &Node, event: &Event) -> bool {
        match node {
            Node::All => true,
            Node::And(nodes) => nodes.iter().all(|node| finds(node, event)),
            Node::Or(nodes) => nodes.iter().any(|node| finds(node, event)),
            Node::Not(inner) => !finds(inner, event),
            Node::Words(literal) => {
                let wanted = words(&literal.text);
                let mut texts = Vec::new();
                event.visit_texts(|text| texts.push(words(text)));
                if literal.quoted {
                    texts.iter().any(|text| text.windows(wanted.len()).any(|part| part == wanted))
                } else {
                    wanted.iter().all(|word| texts.iter().any(|text| text.contains(word)))
                }
            }
            Node::Condition(condition) => {
                let name = condition.name.to_string();
                let is_exact_name = name.ends_with(".id");
                values(&name, event)
                    .iter()
                    .any(|found| condition.values.iter().any(|value| fits(&value.kind, found, is_exact_name)))
            }
        }
    }

    fn words(text: &str) -> Vec<String> {
        let lower: String = text.to_lowercase();
        let words = lower.split(|sign: char| !sign.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }

    /// Every value with whether it is a text.
    fn values(name: &str, event: &Event) -> Vec<(String, bool)> {
        let text =
            |values: Vec<Option<String>>| values.into_iter().flatten().map(|value| (value, true)).collect();
        match name {
            "type" => text(vec![Some(event.kind.clone())]),
            "actor" => text(vec![event.actor.id.clone(), event.actor.name.clone()]),
            "actor.id" => text(vec![event.actor.id.clone()]),
            "status" => text(vec![event.status.clone()]),
            "message" => text(vec![event.message.clone()]),
            "data.x" => {
                let mut found = Vec::new();
                flatten(event.data.as_ref().map(Json::to_value).unwrap_or_default().get("x"), &mut found);
                found
            }
            other => unreachable!("{other}"),
        }
    }

    fn flatten(value: Option<&serde_json::Value>, found: &mut Vec<(String, bool)>) {
        match value {
            Some(serde_json::Value::Array(items)) => items.iter().for_each(|item| flatten(Some(item), found)),
            Some(serde_json::Value::String(text)) => found.push((text.clone(), true)),
            Some(serde_json::Value::Object(_)) => found.push(("{object}".to_owned(), false)),
            Some(other) => found.push((other.to_string(), false)),
            None => {}
        }
    }

    fn fits(kind: &ValueKind, (found, is_text): &(String, bool), is_exact_name: bool) -> bool {
        if found == "{object}" && !is_text {
            return matches!(kind, ValueKind::Like(glyphs) if *glyphs == [Glyph::Many]);
        }
        let case = |text: &str| if is_exact_name { text.to_owned() } else { text.to_lowercase() };
        let order = |end: &Literal, number: bool| -> Option<Ordering> {
            if number {
                found.parse::<f64>().ok().and_then(|found| found.partial_cmp(&end.text.parse::<f64>().ok()?))
            } else {
                is_text.then(|| found.as_str().cmp(&end.text))
            }
        };
        let is_number = |end: &Literal| !end.quoted && end.text.parse::<f64>().is_ok();
        match kind {
            ValueKind::Is(literal) => case(found) == case(&literal.text),
            ValueKind::Exactly(literal) => *found == literal.text,
            ValueKind::Like(glyphs) if *glyphs == [Glyph::Many] => *is_text || found != "null",
            ValueKind::Like(glyphs) => {
                let signs: Vec<char> = case(found).chars().collect();
                glob(glyphs, &signs, is_exact_name)
            }
            ValueKind::Compare(comparison, end) => {
                order(end, is_number(end)).is_some_and(|order| match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::AtMost => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::AtLeast => order.is_ge(),
                })
            }
            ValueKind::Range(from, to) => {
                let number = from.iter().chain(to).all(is_number);
                from.as_ref().is_none_or(|end| order(end, number).is_some_and(Ordering::is_ge))
                    && to.as_ref().is_none_or(|end| order(end, number).is_some_and(Ordering::is_le))
            }
        }
    }

    fn glob(glyphs: &[Glyph], signs: &[char], is_exact: bool) -> bool {
        match (glyphs.split_first(), signs.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some((Glyph::Many, rest)), _) => {
                (0..=signs.len()).any(|skipped| glob(rest, &signs[skipped..], is_exact))
            }
            (Some(_), None) => false,
            (Some((Glyph::One, rest)), Some((_, behind))) => glob(rest, behind, is_exact),
            (Some((Glyph::Is(sign), rest)), Some((found, behind))) => {
                let wanted: String = if is_exact { sign.to_string() } else { sign.to_lowercase().collect() };
                wanted == found.to_string() && glob(rest, behind, is_exact)
            }
        }
    }
}

/// Values that hit each other now and then.
const SHARED: [&str; 9] = ["a", "A", "app", "App-1", "é", "5", "12", "-1.5", "the APP é"];

fn small_event() -> impl Strategy<Value = Event> {
    let some = || option::of(select(&SHARED[..]).prop_map(str::to_owned));
    let item = prop_oneof![
        select(&SHARED[..]).prop_map(serde_json::Value::from),
        (-2..13_i64).prop_map(serde_json::Value::from),
        Just(serde_json::json!(null)),
        Just(serde_json::json!(true)),
        Just(serde_json::json!({"y": "a"})),
    ];
    let x = prop_oneof![item.clone(), vec(item, 0..3).prop_map(serde_json::Value::from)];
    (select(&SHARED[..]), some(), some(), some(), some(), option::of(x)).prop_map(
        |(kind, id, name, status, message, x)| Event {
            kind: kind.to_owned(),
            actor: Entity { id, name, ..Entity::default() },
            status,
            message,
            data: x.map(|x| Json::from_value(&serde_json::json!({ "x": x })).unwrap()),
            ..Event::default()
        },
    )
}

fn small_node() -> impl Strategy<Value = Node> {
    let literal = || {
        (select(&SHARED[..]), any::<bool>()).prop_map(|(text, quoted)| Literal {
            text: text.to_owned(),
            quoted,
            span: Span::default(),
        })
    };
    let comparison =
        select(vec![Comparison::Less, Comparison::AtMost, Comparison::Greater, Comparison::AtLeast]);
    let pattern = select(vec!["*", "a*", "*p*", "A?p", "*1", "?", "é"]).prop_map(|text| {
        ValueKind::Like(
            text.chars()
                .chain(['*'])
                .map(|sign| match sign {
                    '*' => Glyph::Many,
                    '?' => Glyph::One,
                    other => Glyph::Is(other),
                })
                .collect(),
        )
    });
    let value = prop_oneof![
        3 => literal().prop_map(ValueKind::Is),
        2 => pattern,
        2 => (comparison, literal()).prop_map(|(comparison, literal)| ValueKind::Compare(comparison, literal)),
        1 => (literal(), literal()).prop_map(|(from, to)| ValueKind::Range(Some(from), Some(to))),
    ];
    let values = prop_oneof![
        4 => vec(value, 1..3),
        1 => literal().prop_map(|literal| vec![ValueKind::Exactly(literal)]),
    ];
    let name = select(vec!["type", "actor", "actor.id", "status", "message", "data.x"]);
    let condition = (name, values).prop_map(|(name, values)| Condition {
        name: Name { parts: name.split('.').map(str::to_owned).collect(), span: Span::default() },
        values: values.into_iter().map(|kind| Value { kind, span: Span::default() }).collect(),
        span: Span::default(),
    });
    let leaf = prop_oneof![2 => literal().prop_map(Node::Words), 5 => condition.prop_map(Node::Condition)];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Node::And),
            vec(inner.clone(), 2..4).prop_map(Node::Or),
            inner.prop_map(|inner| Node::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(node in node()) {
        let text = node.to_string();
        let read = Node::parse(&text);
        prop_assert_eq!(read.map(unplaced), Ok(node), "{}", text);
    }

    #[test]
    fn any_text_is_a_search_or_an_error_within_it(text in "[a-e:.\\-()\"\\\\ *<>=\\[\\],!]{0,24}|\\PC{0,24}") {
        match Search::parse(&text, moment()) {
            Ok(search) => prop_assert!(search.filter.check_size().is_ok()),
            Err(error) => {
                let characters = text.chars().count();
                prop_assert!(error.column >= 1 && error.column - 1 + error.length <= characters, "{:?} {}", error, text);
                prop_assert!(error.render(&text).contains(&error.hint()));
            }
        }
    }

    #[test]
    fn searches_mean_what_is_documented(node in small_node(), events in vec(small_event(), 1..12)) {
        // A range that ends before it begins is refused; everything else has a meaning.
        let text = node.to_string();
        let Ok(search) = Search::parse(&text, moment()) else {
            prop_assert!(text.contains(".."));
            return Ok(());
        };
        for event in &events {
            prop_assert_eq!(search.filter.matches(event), naive::finds(&node, event), "{} {:?}", &text, event);
        }
    }
}
