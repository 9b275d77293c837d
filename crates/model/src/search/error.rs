//! What can be wrong with a search, where, and what may have been meant.

use std::fmt;

use super::tree::Span;
use crate::limits::{SEARCH_BYTES_MAX, SEARCH_DEPTH_MAX, SEARCH_TERMS_MAX, SEARCH_WILDCARDS_MAX};

/// A search that cannot be understood. Its text form is the message alone; see [`SearchError::hint`] and
/// [`SearchError::render`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SearchError {
    /// What is wrong.
    pub kind: SearchErrorKind,
    /// The first character it concerns, counted from 1.
    pub column: usize,
    /// How many characters it concerns; 0 where something is missing.
    pub length: usize,
}

/// What is wrong with a search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchErrorKind {
    /// Longer than [`SEARCH_BYTES_MAX`].
    #[error("the search has {0} bytes; {SEARCH_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// Deeper than [`SEARCH_DEPTH_MAX`].
    #[error("the search is nested deeper than {SEARCH_DEPTH_MAX} levels")]
    TooDeep,
    /// More than [`SEARCH_TERMS_MAX`] words and values.
    #[error("the search has more than {SEARCH_TERMS_MAX} words and values")]
    TooManyTerms,
    /// More than [`SEARCH_WILDCARDS_MAX`] wildcards.
    #[error("the search has more than {SEARCH_WILDCARDS_MAX} wildcards")]
    TooManyWildcards,
    /// A `"` that is not closed.
    #[error("this quotation mark is not closed")]
    UnclosedQuote,
    /// A backslash before something that needs none.
    #[error("`\\{0}` means nothing inside quotation marks")]
    BadEscape(char),
    /// A backslash at the very end.
    #[error("a backslash stands at the end")]
    LoneBackslash,
    /// A `(` that is not closed.
    #[error("this parenthesis is not closed")]
    UnclosedGroup,
    /// A `)` that was not opened.
    #[error("this parenthesis was not opened")]
    UnopenedGroup,
    /// Parentheses around nothing.
    #[error("there is nothing between these parentheses")]
    EmptyGroup,
    /// An operator with nothing to work on.
    #[error("`{0}` has nothing on one of its sides")]
    MissingOperand(&'static str),
    /// A minus by itself.
    #[error("this minus stands alone")]
    LoneMinus,
    /// An operator without a field.
    #[error("there is no field before `{0}`")]
    MissingField(char),
    /// A field without a value.
    #[error("`{0}` has no value")]
    MissingValue(String),
    /// A name that is no field; the fields that may have been meant.
    #[error("there is no field `{name}`")]
    UnknownField {
        /// What was written.
        name: String,
        /// The nearest names.
        nearest: Vec<String>,
    },
    /// `!=`, which is not of this language.
    #[error("`!=` is no operator")]
    NotEqual(String),
    /// A list that is not closed.
    #[error("this list is not closed")]
    UnclosedList,
    /// A list without values.
    #[error("this list is empty")]
    EmptyList,
    /// A comma outside of a list.
    #[error("a comma stands in a value that is no list")]
    CommaOutsideList,
    /// `AND` or `NOT` in a list.
    #[error("`{0}` has no meaning in a list")]
    OperatorInList(&'static str),
    /// Something directly behind a quotation mark, or before one.
    #[error("`{0}` stands inside of a value")]
    Glued(char),
    /// A wildcard in a word that belongs to no field.
    #[error("wildcards work on fields only")]
    WildcardInWord,
    /// A wildcard where one value is needed.
    #[error("a range or a comparison cannot have wildcards")]
    WildcardInRange,
    /// A pattern longer than is allowed.
    #[error("a value with wildcards has more than {} characters", crate::limits::SEARCH_PATTERN_CHARS_MAX)]
    PatternTooLong,
    /// `..` without ends.
    #[error("this range has no end on either side")]
    EndlessRange,
    /// `a..b..c`.
    #[error("this range has more than two ends")]
    RangeOfThree,
    /// A range whose beginning lies behind its end.
    #[error("this range ends before it begins")]
    BackwardRange,
    /// A word without a letter or digit.
    #[error("`{0}` has no letter and no digit to search for")]
    NoWord(String),
    /// A text that is no time.
    #[error("`{0}` is no time")]
    BadTime(String),
    /// A time that cannot be stored.
    #[error("`{0}` lies outside of the years 1678 to 2261")]
    TimeOutOfRange(String),
    /// An outcome that there is not.
    #[error("there is no outcome `{0}`")]
    BadOutcome(String),
    /// Keys with a gap between two dots.
    #[error("the name `{0}` has a gap")]
    BrokenPath(String),
}

impl SearchErrorKind {
    /// What may have been meant, or what can be done.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLong(_) => "ask in several searches, or use the parameters for fields".to_owned(),
            Self::TooDeep => "leave out parentheses and `NOT` that are not needed".to_owned(),
            Self::TooManyTerms => "ask in several searches".to_owned(),
            Self::TooManyWildcards => "list the values, or ask in several searches".to_owned(),
            Self::UnclosedQuote => "close it with another `\"`; to search for the sign itself write `\\\"`".to_owned(),
            Self::BadEscape(_) => r#"there are \" \\ \n \r \t; for a backslash write \\"#.to_owned(),
            Self::LoneBackslash => r"it takes away the meaning of the sign behind it; for a backslash write \\".to_owned(),
            Self::UnclosedGroup => "close it with `)`".to_owned(),
            Self::UnopenedGroup => "remove it, or open it with `(`; to search for the sign itself use quotation marks".to_owned(),
            Self::EmptyGroup => "write a condition between them, or remove them".to_owned(),
            Self::MissingOperand(word) => {
                format!("write a condition on each side; to search for the word itself write \"{word}\"")
            }
            Self::LoneMinus => "write it directly before what is to be excluded, as in -origin:CONSOLE".to_owned(),
            Self::MissingField(sign) => format!("write a field before it, as in type{sign}create; or use quotation marks"),
            Self::MissingValue(name) => {
                format!("write the value directly behind it; {name}:* finds what has any value, -{name}:* what has none")
            }
            Self::UnknownField { name, nearest } if nearest.is_empty() => {
                format!("what the source itself said is below `data`, as in data.{name}; to search for words use quotation marks")
            }
            Self::UnknownField { nearest, .. } => {
                let names: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
                format!("nearest are {}", names.join(", "))
            }
            Self::NotEqual(name) => format!("write -{name}:… to exclude a value"),
            Self::UnclosedList => "close it with the bracket that fits the first one".to_owned(),
            Self::EmptyList => "write values, as in type:(create,delete)".to_owned(),
            Self::CommaOutsideList => "write a list as (a,b); a comma inside of a value needs quotation marks or a backslash".to_owned(),
            Self::OperatorInList(_) => "an event needs only one value of a list; write separate conditions".to_owned(),
            Self::Glued(_) => "leave a blank between conditions; a value with such a sign needs quotation marks around all of it".to_owned(),
            Self::WildcardInWord => "write a field, as in actor:ali* or message:*timeout*; quotation marks search for the words without it".to_owned(),
            Self::WildcardInRange => "write the ends in full, or use the wildcard alone".to_owned(),
            Self::PatternTooLong => "shorten it with another `*`".to_owned(),
            Self::EndlessRange => "write one end at least, as in -7d.. or ..512".to_owned(),
            Self::RangeOfThree => "write from..to; a value with two dots in a row needs quotation marks".to_owned(),
            Self::BackwardRange => "the smaller end comes first".to_owned(),
            Self::NoWord(_) => "leave it out, or use it in the value of a field".to_owned(),
            Self::BadTime(_) => {
                "there are now, today, yesterday, -15m, -24h, -7d, 2026, 2026-01, 2026-01-31, 2026-01-31T23:59 and RFC 3339".to_owned()
            }
            Self::TimeOutOfRange(_) => "leave the end of the range open".to_owned(),
            Self::BadOutcome(_) => "there are success, failure, pending and unknown; the source's own word is in `status`".to_owned(),
            Self::BrokenPath(_) => "write names between dots, as in data.request.memory; one with signs in it needs quotation marks".to_owned(),
        }
    }

    /// The error, at a place of the search.
    pub(super) fn at(self, text: &str, span: Span) -> SearchError {
        let characters = |part: Option<&str>| part.map_or(0, |part| part.chars().count());
        SearchError {
            kind: self,
            column: characters(text.get(..span.start)) + 1,
            length: characters(text.get(span.start..span.end)),
        }
    }
}

impl SearchError {
    /// What may have been meant, or what can be done.
    pub fn hint(&self) -> String {
        self.kind.hint()
    }

    /// The line of the search with a caret below the place, then the message and the hint: for terminals.
    pub fn render(&self, search: &str) -> String {
        Rendered { error: self, search }.to_string()
    }
}

struct Rendered<'e> {
    error: &'e SearchError,
    search: &'e str,
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = self.error.column.saturating_sub(1);
        let mut lines = self.search.split('\n').peekable();
        let mut line = lines.next().unwrap_or_default();
        while before > line.chars().count() && lines.peek().is_some() {
            before -= line.chars().count() + 1;
            line = lines.next().unwrap_or_default();
        }
        // What a terminal would obey is not sent to one.
        let plain: String = line.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        let rest = plain.chars().count().saturating_sub(before);
        let carets = self.error.length.min(rest).max(1);
        writeln!(f, "{plain}")?;
        writeln!(f, "{:before$}{}", "", "^".repeat(carets))?;
        writeln!(f, "{} (column {})", self.error, self.error.column)?;
        write!(f, "hint: {}", self.error.hint())
    }
}
