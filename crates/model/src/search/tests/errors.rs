//! Every kind of error: where it points and what it tells to do.

use super::*;

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
    let source = include_str!("../error.rs");
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
