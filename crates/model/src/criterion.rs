//! What a value must be, beyond being equal: patterns, case, numbers; and the places of an event that are no fields.

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::Serialize;

use crate::{
    Bounds, Event, Json,
    decimal::compare_numbers,
    path::Found,
    text::{fold, folds_of_ascii, is_word_character, tokens},
};

/// Ways to begin that [`Criterion::beginnings`] tells at most.
const BEGINNINGS_MAX: usize = 32;

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Anything but JSON's `null`.
    Any,
    /// This text. JSON's numbers and words are compared as they are written.
    Is(String),
    /// This text, upper and lower case alike. Made by [`Criterion::alike`].
    Alike(Folded),
    /// A text of this shape.
    Like(Pattern),
    /// A text within these bounds, compared byte by byte. JSON's numbers and words are no texts.
    Within(Bounds),
    /// A number within these bounds, or a text that is one.
    Between(NumberBounds),
}

/// A text in which upper and lower case are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Folded(String);

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Pattern {
    glyphs: Vec<Glyph>,
    ignores_case: bool,
}

/// One sign of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Glyph {
    /// This character.
    Is(char),
    /// Any one character: `?`.
    One,
    /// Any number of characters: `*`.
    Many,
}

/// Bounds of a number, as JSON writes numbers; each bound is (number, inclusive). Numbers are compared by their exact
/// values. A bound that is no number lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct NumberBounds {
    /// The lower bound.
    pub lower: Option<(String, bool)>,
    /// The upper bound.
    pub upper: Option<(String, bool)>,
}

impl NumberBounds {
    fn contain(&self, number: &str) -> bool {
        let beyond = |bound: &Option<(String, bool)>, side: Ordering| match bound {
            None => true,
            Some((bound, inclusive)) => match compare_numbers(number, bound) {
                Some(Ordering::Equal) => *inclusive,
                Some(order) => order == side,
                None => false,
            },
        };
        compare_numbers(number, number).is_some()
            && beyond(&self.lower, Ordering::Greater)
            && beyond(&self.upper, Ordering::Less)
    }
}

impl Pattern {
    /// A pattern; `ignores_case` makes upper and lower case alike.
    pub fn new(glyphs: impl IntoIterator<Item = Glyph>, ignores_case: bool) -> Self {
        let folded = |glyph| match glyph {
            Glyph::Is(character) if ignores_case => Glyph::Is(fold(character)),
            other => other,
        };
        Self { glyphs: glyphs.into_iter().map(folded).collect(), ignores_case }
    }

    /// What begins with this text, upper and lower case alike.
    pub fn beginning(text: &str) -> Self {
        Self::new(text.chars().map(Glyph::Is).chain([Glyph::Many]), true)
    }

    /// The text that everything of this shape begins with, if beginning so is all it asks for.
    pub fn as_prefix(&self) -> Option<String> {
        let is_prefix = !self.ignores_case
            && self.glyphs.last() == Some(&Glyph::Many)
            && self.head().count() + 1 == self.glyphs.len();
        is_prefix.then(|| self.head().collect())
    }

    fn matches(&self, value: &str) -> bool {
        let mut rest = value.chars();
        let mut at = 0;
        // Behind the last `*`: where the pattern goes on, and where in the value that was tried.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let is_fit = match self.glyphs.get(at) {
                Some(Glyph::Many) => {
                    at += 1;
                    again = Some((at, rest.clone()));
                    continue;
                }
                Some(Glyph::One) => rest.next().is_some(),
                Some(Glyph::Is(wanted)) => {
                    let found = rest.next();
                    found.is_some_and(|found| *wanted == if self.ignores_case { fold(found) } else { found })
                }
                None if rest.as_str().is_empty() => return true,
                None => false,
            };
            if is_fit {
                at += 1;
                continue;
            }
            let Some((behind, tried)) = &mut again else { return false };
            if tried.next().is_none() {
                return false;
            }
            at = *behind;
            rest = tried.clone();
        }
    }

    /// The characters before the first wildcard.
    fn head(&self) -> impl Iterator<Item = char> {
        self.glyphs.iter().map_while(|glyph| match glyph {
            Glyph::Is(character) => Some(*character),
            _ => None,
        })
    }

    /// The whole words between the wildcards, with blanks between them.
    fn whole_words(&self) -> String {
        let mut words = String::new();
        let mut rest = self.glyphs.as_slice();
        let mut is_cut_before = false;
        while !rest.is_empty() {
            let length = rest.iter().take_while(|glyph| matches!(glyph, Glyph::Is(_))).count();
            let (piece, behind) = rest.split_at(length);
            let piece: String = piece
                .iter()
                .filter_map(|glyph| match glyph {
                    Glyph::Is(character) => Some(*character),
                    _ => None,
                })
                .collect();
            // A word that touches a wildcard may be a part of a longer one.
            let from = if is_cut_before { piece.trim_start_matches(is_word_character) } else { &piece };
            let to = if behind.is_empty() { from } else { from.trim_end_matches(is_word_character) };
            words.push_str(to);
            words.push(' ');
            rest = behind.get(1..).unwrap_or_default();
            is_cut_before = true;
        }
        words
    }
}

impl Criterion {
    /// This text, upper and lower case alike.
    pub fn alike(text: &str) -> Self {
        Self::Alike(Folded(text.chars().map(fold).collect()))
    }

    /// Whether a text is what it must be.
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Is(wanted) => text == wanted,
            Self::Alike(Folded(wanted)) => text.chars().map(fold).eq(wanted.chars()),
            Self::Like(pattern) => pattern.matches(text),
            Self::Within(bounds) => bounds.contain(text),
            Self::Between(bounds) => bounds.contain(text),
        }
    }

    fn accepts_json(&self, value: &Found<'_>) -> bool {
        match (value, self) {
            (Found::Text(text), _) => self.accepts(text),
            (Found::Object, _) => *self == Self::Any,
            (Found::Word("null"), Self::Any) => false,
            (Found::Number(_) | Found::Word(_), Self::Within(_)) => false,
            (Found::Number(text) | Found::Word(text), _) => self.accepts(text),
        }
    }

    /// Texts with one of which every value begins that is accepted; `None` when there is no telling. No two of them can
    /// begin the same value. What begins so is not accepted for that.
    pub fn beginnings(&self) -> Option<Vec<String>> {
        let (head, ignores_case): (Cow<'_, str>, bool) = match self {
            Self::Is(text) => (Cow::Borrowed(text), false),
            Self::Alike(Folded(text)) => (Cow::Borrowed(text), true),
            Self::Like(pattern) => (Cow::Owned(pattern.head().collect()), pattern.ignores_case),
            Self::Any | Self::Within(_) | Self::Between(_) => return None,
        };
        let mut beginnings = vec![String::new()];
        for character in head.chars() {
            if !ignores_case {
                beginnings.iter_mut().for_each(|beginning| beginning.push(character));
                continue;
            }
            // Every way to write the character makes as many more beginnings.
            let ways: Vec<char> = folds_of_ascii(character).collect();
            if ways.is_empty() || beginnings.len() * ways.len() > BEGINNINGS_MAX {
                break;
            }
            beginnings = beginnings
                .iter()
                .flat_map(|beginning| ways.iter().map(move |way| format!("{beginning}{way}")))
                .collect();
        }
        (beginnings != [""]).then_some(beginnings)
    }

    /// Words that every accepted text has, as one text; empty when there is no telling.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Is(text) | Self::Alike(Folded(text)) => Cow::Borrowed(text),
            Self::Like(pattern) => Cow::Owned(pattern.whole_words()),
            Self::Any | Self::Within(_) | Self::Between(_) => Cow::Borrowed(""),
        }
    }
}

/// A place of an event that is no [`crate::Field`]: its values are as many as there are events, so nothing lists them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// [`Event::message`]
    Message,
    /// The address that was called.
    RequestUri,
    /// What the caller called itself.
    RequestUserAgent,
    /// The request's status.
    RequestStatus,
    /// How long the request took, in milliseconds.
    RequestElapsed,
    /// What keys lead to in the state before.
    Before(Vec<String>),
    /// What keys lead to in the state after.
    After(Vec<String>),
    /// What keys lead to in everything else the source said.
    Data(Vec<String>),
}

impl Place {
    /// The places without keys, with their names.
    pub const FIXED: [(&'static str, Self); 5] = [
        ("message", Self::Message),
        ("request.uri", Self::RequestUri),
        ("request.user_agent", Self::RequestUserAgent),
        ("request.status", Self::RequestStatus),
        ("request.elapsed_ms", Self::RequestElapsed),
    ];

    /// Whether one of the values there is what it must be. Of an array each element counts.
    pub fn has(&self, event: &Event, criterion: &Criterion) -> bool {
        let text = |text: &Option<String>| text.as_deref().is_some_and(|text| criterion.accepts(text));
        let number = |number: Option<i64>| {
            number.is_some_and(|number| criterion.accepts_json(&Found::Number(&number.to_string())))
        };
        let inside = |json: &Option<Json>, path: &[String]| {
            let mut found = false;
            if let Some(json) = json {
                json.visit_path(path, &mut |value| found = found || criterion.accepts_json(&value));
            }
            found
        };
        match self {
            Self::Message => text(&event.message),
            Self::RequestUri => text(&event.request.uri),
            Self::RequestUserAgent => text(&event.request.user_agent),
            Self::RequestStatus => number(event.request.status),
            Self::RequestElapsed => number(event.request.elapsed_ms),
            Self::Before(path) => inside(&event.before, path),
            Self::After(path) => inside(&event.after, path),
            Self::Data(path) => inside(&event.data, path),
        }
    }

    /// Words that every event has whose value here is what it must be, as one text; empty when there is no telling.
    pub fn words<'c>(&self, criterion: &'c Criterion) -> Cow<'c, str> {
        match self {
            // These numbers are among nobody's words.
            Self::RequestStatus | Self::RequestElapsed => Cow::Borrowed(""),
            Self::Message | Self::RequestUri | Self::RequestUserAgent => criterion.words(),
            // And so are JSON's three words.
            Self::Before(_) | Self::After(_) | Self::Data(_) => {
                if ["true", "false", "null"].iter().any(|word| criterion.accepts(word)) {
                    return Cow::Borrowed("");
                }
                criterion.words()
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = |f: &mut fmt::Formatter<'_>, root: &str, keys: &[String]| {
            write!(f, "{root}")?;
            keys.iter().try_for_each(|key| write!(f, ".{key}"))
        };
        match self {
            Self::Before(path) => keys(f, "before", path),
            Self::After(path) => keys(f, "after", path),
            Self::Data(path) => keys(f, "data", path),
            fixed => {
                let name = Self::FIXED.iter().find(|(_, place)| place == fixed).map(|(name, _)| *name);
                f.write_str(name.unwrap_or_default())
            }
        }
    }
}

/// Whether words stand one behind another in a text.
pub(crate) fn has_phrase(text: &str, phrase: &[String], buffer: &mut String) -> bool {
    let mut words: Vec<String> = Vec::new();
    tokens(text, buffer, |word| words.push(word.to_owned()));
    phrase.is_empty() || words.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, ignores_case: bool) -> Pattern {
        let glyph = |character| match character {
            '*' => Glyph::Many,
            '?' => Glyph::One,
            other => Glyph::Is(other),
        };
        Pattern::new(text.chars().map(glyph), ignores_case)
    }

    #[test]
    fn wildcards_stand_for_what_they_should() {
        for (shape, value) in [
            ("audit.app.*", "audit.app.create"),
            ("audit.app.*", "audit.app."),
            ("*", ""),
            ("*.delete*", "audit.app.delete-request"),
            ("a?c", "aéc"),
            ("*ab*ab", "aabab"),
            ("??", "ab"),
            ("a**b", "ab"),
        ] {
            assert!(pattern(shape, false).matches(value), "{shape} {value}");
        }
        for (shape, value) in
            [("audit.app.*", "audit.app"), ("?", ""), ("a?c", "ac"), ("", "a"), ("*ab", "aba"), ("Ab", "ab")]
        {
            assert!(!pattern(shape, false).matches(value), "{shape} {value}");
        }
        assert!(pattern("GRÖ?E*", true).matches("größe 2"));
        assert!(!pattern("GRÖ?E*", false).matches("größe 2"));
    }

    #[test]
    fn beginnings_are_exact_or_spell_out_the_case() {
        let of = |text: &str, ignores_case| Criterion::Like(pattern(text, ignores_case)).beginnings();
        assert_eq!(of("audit.*", false), Some(vec!["audit.".to_owned()]));
        assert_eq!(of("*x", false), None);
        assert_eq!(of("a1*", true), Some(vec!["a1".to_owned(), "A1".to_owned()]));
        assert_eq!(of("É*", true), None);
        let ways = Criterion::alike("keys").beginnings().unwrap();
        assert!(ways.contains(&"KEYs".to_owned()) && ways.contains(&"\u{212a}eys".to_owned()), "{ways:?}");
        assert!(ways.len() <= BEGINNINGS_MAX);
    }

    #[test]
    fn only_whole_words_must_occur() {
        let words = |text: &str| Criterion::Like(pattern(text, false)).words().into_owned();
        let list = |text: &str| words(text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(list("/v3/apps/*/x"), ["/v3/apps/", "/x"]);
        assert_eq!(list("audit.app*"), ["audit."]);
        assert_eq!(list("*lice smith ?ones"), ["smith"]);
        assert_eq!(list("one*"), Vec::<String>::new());
    }

    #[test]
    fn numbers_and_words_of_json_are_told_apart() {
        let between = |lower: &str, upper: &str| {
            Criterion::Between(NumberBounds {
                lower: Some((lower.to_owned(), false)),
                upper: Some((upper.to_owned(), true)),
            })
        };
        let is = |criterion: &Criterion, json: &str| {
            let event = Event { data: Some(Json::parse(json).unwrap()), ..Event::default() };
            Place::Data(vec!["x".to_owned()]).has(&event, criterion)
        };
        assert!(
            is(&between("512", "1e3"), r#"{"x":513}"#) && is(&between("512", "1e3"), r#"{"x":"1000.0"}"#)
        );
        assert!(!is(&between("512", "1e3"), r#"{"x":512}"#) && !is(&between("0", "9"), r#"{"x":"many"}"#));
        assert!(!is(&between("zero", "9"), r#"{"x":5}"#));
        assert!(is(&Criterion::Is("512".to_owned()), r#"{"x":[1,512]}"#));
        assert!(is(&Criterion::Is("true".to_owned()), r#"{"x":true}"#));
        assert!(is(&Criterion::Any, r#"{"x":{}}"#) && !is(&Criterion::Any, r#"{"x":[null]}"#));
        let within = Criterion::Within(Bounds { lower: Some(("a".to_owned(), true)), upper: None });
        assert!(is(&within, r#"{"x":"b"}"#) && !is(&within, r#"{"x":true}"#));
        let data = Place::Data(vec!["x".to_owned()]);
        assert_eq!(data.words(&Criterion::alike("TRUE")), "");
        assert_eq!(data.words(&Criterion::alike("Big Bang")), "big bang");
        assert_eq!(Place::RequestStatus.words(&Criterion::Is("404".to_owned())), "");
    }
}
