//! What may stand where somebody types. The text need not be a whole search, and what stands before need not be right.

use super::{
    names::{KNOWN, Meaning, ROOTS, is_name, meaning},
    parse::Parser,
    tree::{Literal, Name, OPERATORS},
};
use crate::{
    Field,
    limits::{SEARCH_BYTES_MAX, SEARCH_CANDIDATES_MAX},
};

/// Times that people often mean.
const TIMES: [(&str, &str); 8] = [
    ("today", "since midnight"),
    ("yesterday", "the day before"),
    ("-1h", "the last hour"),
    ("-24h", "the last 24 hours"),
    ("-7d", "the last 7 days"),
    ("-30d", "the last 30 days"),
    ("-7d..-1d", "from one time to another"),
    ("now", "the present instant, as the end of a range"),
];

/// What each operator does.
const OPERATOR_DETAILS: [&str; 3] = [
    "both conditions; a blank means the same",
    "one of both conditions",
    "not this condition; - means the same",
];

/// What may stand where somebody types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The first character of what is being typed, counted from 0.
    pub from: usize,
    /// The character behind it.
    pub to: usize,
    /// What may stand there, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// Whose values may stand there too.
    pub wanted: Option<Wanted>,
}

/// Something that may stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What to write in place of what is being typed.
    pub text: String,
    /// What it is.
    pub kind: CandidateKind,
    /// What it means, in a few words.
    pub detail: String,
}

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// A name, with the sign that belongs behind it.
    Field,
    /// `AND`, `OR`, `NOT`.
    Operator,
    /// A value.
    Value,
}

impl CandidateKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Operator => "operator",
            Self::Value => "value",
        }
    }
}

/// Stored values that may stand where somebody types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of these fields.
    pub fields: Vec<Field>,
    /// Those that begin so, upper and lower case alike.
    pub prefix: String,
}

/// A value as it is written in a search: in quotation marks where it needs them.
pub fn written_value(value: &str) -> String {
    Literal::of_value(value).to_string()
}

/// Where somebody types.
enum Spot {
    /// In a word or name that begins at this byte.
    Word(usize),
    /// In a value of this field that begins at this byte.
    Value(Name, usize),
    /// Where nothing can be told.
    Nowhere,
}

/// What may stand at a character of a search, counted from 0. What is behind it counts only as far as it belongs to the
/// same word.
pub fn complete(text: &str, at: usize) -> Completion {
    let at = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let (before, behind) = text.split_at_checked(at).unwrap_or((text, ""));
    let count = |text: &str| text.chars().count();
    let typed_to = count(before);
    let nothing = Completion { from: typed_to, to: typed_to, candidates: Vec::new(), wanted: None };
    if text.len() > SEARCH_BYTES_MAX {
        return nothing;
    }
    match spot(before) {
        Spot::Nowhere => nothing,
        Spot::Word(start) => {
            let typed = before.get(start..).unwrap_or_default();
            let rest =
                behind.find(|sign: char| !is_name(sign.encode_utf8(&mut [0; 4]))).unwrap_or(behind.len());
            // A colon that is there already is not written twice.
            let colon = usize::from(behind.get(rest..).is_some_and(|behind| behind.starts_with(':')));
            Completion {
                from: count(before.get(..start).unwrap_or_default()),
                to: typed_to + count(behind.get(..rest).unwrap_or_default()) + colon,
                candidates: names(typed, start > 0),
                wanted: None,
            }
        }
        Spot::Value(name, start) => {
            let typed = before.get(start..).unwrap_or_default();
            let ends = |sign: char| match typed.starts_with('"') {
                true => sign == '"',
                false => sign.is_whitespace() || "(),[]\"".contains(sign),
            };
            let rest = behind.find(ends).unwrap_or(behind.len());
            let quote = usize::from(typed.starts_with('"') && rest < behind.len());
            let prefix = plain(typed);
            let (candidates, wanted) = values(&name, prefix);
            Completion {
                from: count(before.get(..start).unwrap_or_default()),
                to: typed_to + count(behind.get(..rest).unwrap_or_default()) + quote,
                candidates,
                wanted,
            }
        }
    }
}

/// What a value that is being typed says so far.
fn plain(typed: &str) -> String {
    let mut plain = String::new();
    let mut signs = typed.strip_prefix('"').unwrap_or(typed).chars();
    while let Some(sign) = signs.next() {
        plain.extend(if sign == '\\' { signs.next() } else { Some(sign) });
    }
    plain
}

fn spot(before: &str) -> Spot {
    let mut parser = Parser::standing_at(before, 0);
    loop {
        parser.blanks();
        match parser.peek() {
            None => return Spot::Word(before.len()),
            Some('(' | ')' | '-') => {
                parser.next();
            }
            Some('"') => {
                if parser.quoted().is_err() {
                    return Spot::Nowhere;
                }
            }
            Some(_) => match parser.name() {
                Err(_) => return Spot::Nowhere,
                Ok(Some(name)) => {
                    while parser.peek().is_some_and(|sign| matches!(sign, ':' | '<' | '>' | '=')) {
                        parser.next();
                    }
                    if let Some(start) = value_at_end(&mut parser, before.len()) {
                        return Spot::Value(name, start);
                    }
                }
                Ok(None) => {
                    let start = parser.place();
                    while parser.peek().is_some_and(|sign| !sign.is_whitespace() && !"()\"".contains(sign)) {
                        parser.next();
                    }
                    if parser.place() == before.len() {
                        let is_word = before.get(start..).is_some_and(is_name);
                        return if is_word { Spot::Word(start) } else { Spot::Nowhere };
                    }
                    if parser.place() == start {
                        // A sign that begins nothing.
                        parser.next();
                    }
                }
            },
        }
    }
}

/// Passes over the values of a condition; where the last one begins when it reaches the end of the text.
fn value_at_end(parser: &mut Parser<'_>, end: usize) -> Option<usize> {
    let closing = match parser.peek() {
        Some('(') => Some(')'),
        Some('[') => Some(']'),
        _ => None,
    };
    if closing.is_some() {
        parser.next();
    }
    loop {
        if closing.is_some() {
            parser.separators();
        }
        while parser.peek().is_some_and(|sign| matches!(sign, '<' | '>' | '=')) {
            parser.next();
        }
        let mut start = parser.place();
        if parser.peek() == Some('"') {
            if parser.quoted().is_err() {
                return Some(start);
            }
            // Closed: nothing more is typed here.
            start = end + 1;
        } else {
            let mut last = None;
            while let Some(sign) = parser.peek() {
                if sign.is_whitespace()
                    || sign == ')'
                    || sign == '"'
                    || (closing.is_some() && matches!(sign, ',' | ']'))
                {
                    break;
                }
                parser.next();
                if sign == '\\' {
                    parser.next();
                }
                if sign == '.' && last == Some('.') {
                    start = parser.place();
                }
                last = Some(sign);
            }
        }
        if parser.place() >= end {
            return (start <= end).then_some(start);
        }
        let sign = parser.peek();
        if closing.is_none() || sign == closing {
            if closing.is_some() {
                parser.next();
            }
            return None;
        }
        if sign == Some(')') || sign == Some(']') {
            parser.next();
        }
    }
}

fn names(typed: &str, is_continued: bool) -> Vec<Candidate> {
    let lower = typed.to_ascii_lowercase();
    let field = |name: &str, sign: char, detail: &str| Candidate {
        text: format!("{name}{sign}"),
        kind: CandidateKind::Field,
        detail: detail.to_owned(),
    };
    let all = || {
        let known = KNOWN.iter().map(|(name, detail)| (*name, ':', *detail));
        known.chain(ROOTS.iter().map(|(name, detail)| (*name, '.', *detail)))
    };
    let begins = |name: &str| name.starts_with(&lower);
    let has_part = |name: &str| !begins(name) && name.split('.').skip(1).any(|part| part.starts_with(&lower));
    let mut candidates: Vec<Candidate> = all()
        .filter(|(name, _, _)| begins(name))
        .chain(all().filter(|(name, _, _)| has_part(name)))
        .map(|(name, sign, detail)| field(name, sign, detail))
        .collect();
    for (operator, detail) in OPERATORS.iter().zip(OPERATOR_DETAILS) {
        // `AND` and `OR` need something before them.
        let is_possible = is_continued || *operator == "NOT";
        if is_possible && operator.starts_with(&typed.to_ascii_uppercase()) {
            let text = format!("{operator} ");
            candidates.push(Candidate { text, kind: CandidateKind::Operator, detail: detail.to_owned() });
        }
    }
    candidates.truncate(SEARCH_CANDIDATES_MAX);
    candidates
}

fn values(name: &Name, prefix: String) -> (Vec<Candidate>, Option<Wanted>) {
    let fields = match meaning(name) {
        Ok(Meaning::Field(field)) => vec![field],
        Ok(Meaning::Thing(id, named)) => vec![named, id],
        Ok(Meaning::Time) => {
            let lower = prefix.to_ascii_lowercase();
            let fitting = TIMES.iter().filter(|(text, _)| text.starts_with(&lower));
            let candidates = fitting.map(|(text, detail)| Candidate {
                text: (*text).to_owned(),
                kind: CandidateKind::Value,
                detail: (*detail).to_owned(),
            });
            return (candidates.collect(), None);
        }
        Ok(Meaning::Place(_)) | Err(_) => return (Vec::new(), None),
    };
    (Vec::new(), Some(Wanted { fields, prefix }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `|` where somebody types: what is replaced, and the first few candidates.
    fn typed(text: &str) -> (String, Vec<String>, Option<(String, String)>) {
        let at = text.chars().position(|sign| sign == '|').unwrap();
        let text = text.replace('|', "");
        let completion = complete(&text, at);
        let replaced =
            text.chars().skip(completion.from).take(completion.to - completion.from).collect::<String>();
        let candidates = completion.candidates.into_iter().map(|candidate| candidate.text).collect();
        let wanted = completion.wanted.map(|wanted| {
            let fields: Vec<String> = wanted.fields.iter().map(|field| field.name().into_owned()).collect();
            (fields.join(" "), wanted.prefix)
        });
        (replaced, candidates, wanted)
    }

    #[test]
    fn names_are_completed() {
        let (replaced, candidates, _) = typed("outcome:failure act|");
        assert_eq!(replaced, "act");
        assert_eq!(candidates, ["actor:", "action:", "actor.id:", "actor.name:", "actor.type:"]);
        let (replaced, candidates, _) = typed("-(na|me:x");
        assert_eq!(replaced, "name:");
        assert_eq!(
            candidates,
            ["actor.name:", "target.name:", "organization.name:", "project.name:", "environment.name:"]
        );
        assert_eq!(typed("da|").1, ["data."]);
        let (replaced, candidates, _) = typed("|");
        assert_eq!(replaced, "");
        assert!(candidates.starts_with(&["time:".to_owned()]) && candidates.ends_with(&["NOT ".to_owned()]));
        assert!(typed("a |").1.contains(&"OR ".to_owned()));
        assert_eq!(
            typed("alice o|").1,
            ["outcome:", "organization:", "origin:", "organization.id:", "organization.name:", "OR "]
        );
        assert_eq!(typed("\"act|").1, Vec::<String>::new());
        assert_eq!(typed("a*ct|").1, Vec::<String>::new());
    }

    #[test]
    fn values_are_asked_for() {
        let wanted = |text: &str| {
            let (replaced, candidates, wanted) = typed(text);
            assert_eq!(candidates, Vec::<String>::new(), "{text}");
            (replaced, wanted.unwrap_or_default())
        };
        let pair = |replaced: &str, fields: &str, prefix: &str| {
            (replaced.to_owned(), (fields.to_owned(), prefix.to_owned()))
        };
        assert_eq!(wanted("type:aud|it.x -a"), pair("audit.x", "type", "aud"));
        assert_eq!(wanted("x (actor:|"), pair("", "actor.name actor.id", ""));
        assert_eq!(wanted("type:(a, b|)"), pair("b", "type", "b"));
        assert_eq!(wanted("type:[a |"), pair("", "type", ""));
        assert_eq!(
            wanted("target.name=\"big \\\"b|ang\" x"),
            pair("\"big \\\"bang\"", "target.name", "big \"b")
        );
        assert_eq!(wanted("status>=4|"), pair("4", "status", "4"));
        assert_eq!(wanted("status:1..4|"), pair("4", "status", "4"));
        assert_eq!(wanted("labels.team:p|"), pair("p", "labels.team", "p"));
        assert_eq!(wanted("data.x:p|"), (("p").to_owned(), Default::default()));
        assert_eq!(wanted("nothing:p|"), (("p").to_owned(), Default::default()));
        assert_eq!(typed("type:\"a\"|").2, None);
        assert_eq!(typed("type:(a) ti|").1, ["time:"]);
        assert_eq!(typed("time:-2|").1, ["-24h"]);
        assert_eq!(typed("time:-1d..n|").1, ["now"]);
    }

    #[test]
    fn any_text_can_be_completed_anywhere() {
        for text in [
            "type:(", "((((", "))", "a\"b", ":::", "é:é", "type:]", "type:[)", "type:(]", "\\", "type:\\",
            "a!=", "<>",
        ] {
            for at in 0..=text.chars().count() + 1 {
                let completion = complete(text, at);
                assert!(
                    completion.from <= completion.to && completion.to <= text.chars().count(),
                    "{text} {at}"
                );
            }
        }
        assert_eq!(complete(&"x".repeat(SEARCH_BYTES_MAX + 1), 1).candidates, []);
    }

    #[test]
    fn values_are_written_so_that_they_are_read() {
        for (value, written) in [
            ("audit.app.create", "audit.app.create"),
            ("big bang", "\"big bang\""),
            ("", "\"\""),
            ("a*", "\"a*\""),
            ("OR", "\"OR\""),
            ("1..2", "\"1..2\""),
        ] {
            assert_eq!(written_value(value), written);
        }
    }
}
