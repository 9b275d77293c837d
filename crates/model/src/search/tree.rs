//! The tree of a search, and how it is written: what is written is read back as the same tree.

use std::fmt::{self, Write};

use crate::Glyph;

/// Where something stands in the text of a search: bytes, from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

impl Span {
    /// From `start` up to but not including `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A search or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Every event.
    All,
    /// All of at least two.
    And(Vec<Node>),
    /// One of at least two.
    Or(Vec<Node>),
    /// The opposite.
    Not(Box<Node>),
    /// Words of no field: any text of the event. Quoted ones stand one behind another.
    Words(Literal),
    /// A condition on a field.
    Condition(Condition),
}

/// A condition on a field: one of its values is one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub name: Name,
    /// One at least.
    pub values: Vec<Value>,
    /// Where it stands.
    pub span: Span,
}

/// The name of a field: its parts, between which there are dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// One at least; only the first cannot be quoted.
    pub parts: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// A value of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where it stands.
    pub span: Span,
}

/// What a value of a condition is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// A text: `field:text`.
    Is(Literal),
    /// A text to the letter: `field=text`. All values of such a condition are of this kind.
    Exactly(Literal),
    /// A pattern with one wildcard at least.
    Like(Vec<Glyph>),
    /// More or less than a value.
    Compare(Comparison, Literal),
    /// From one value to another, both included; one of the ends is there.
    Range(Option<Literal>, Option<Literal>),
}

/// How values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    pub(super) const ALL: [(&'static str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::Greater)];

    /// Its sign.
    pub fn sign(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, comparison)| *comparison == self).map_or("", |(sign, _)| sign)
    }
}

/// A text of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// What it says, without quotation marks and backslashes. Only a quoted one can be empty.
    pub text: String,
    /// Whether it stands in quotation marks.
    pub quoted: bool,
    /// Where it stands, with its quotation marks.
    pub span: Span,
}

/// Signs that mean something in a value, wherever they stand.
pub(super) const SIGNS: &[char] = &['(', ')', '[', ']', ',', '"', '\\', '*', '?'];

/// Words that are operators.
pub(super) const OPERATORS: [&str; 3] = ["AND", "OR", "NOT"];

fn write_quoted(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

/// Writes the characters of a value or pattern without quotation marks.
fn write_plain(f: &mut impl Write, glyphs: impl Iterator<Item = Glyph>) -> fmt::Result {
    let mut before = None;
    let mut glyphs = glyphs.peekable();
    while let Some(glyph) = glyphs.next() {
        match glyph {
            Glyph::Many => f.write_char('*')?,
            Glyph::One => f.write_char('?')?,
            Glyph::Is(character) => {
                let is_sign = character.is_whitespace() || SIGNS.contains(&character);
                // Two dots are a range, also when the second one comes later; these signs compare where a value begins.
                let is_range =
                    character == '.' && (before == Some(Glyph::Is('.')) || glyphs.peek().is_none());
                let is_led = before.is_none() && matches!(character, '<' | '>' | '=');
                if is_sign || is_range || is_led {
                    f.write_char('\\')?;
                }
                f.write_char(character)?;
            }
        }
        before = Some(glyph);
    }
    Ok(())
}

impl Literal {
    /// A text that stands nowhere in particular, quoted where that is needed for a value to be read back.
    pub(super) fn of_value(text: &str) -> Self {
        let is_plain = |character: char| character.is_alphanumeric() || "._-@/:+#%&".contains(character);
        let quoted = text.is_empty()
            || !text.chars().all(is_plain)
            || text.contains("..")
            || OPERATORS.contains(&text);
        Self { text: text.to_owned(), quoted, span: Span::default() }
    }

    fn write_word(&self, f: &mut impl Write) -> fmt::Result {
        if self.quoted {
            return write_quoted(f, &self.text);
        }
        let is_operator = OPERATORS.contains(&self.text.as_str());
        for (index, character) in self.text.chars().enumerate() {
            let is_sign = character.is_whitespace() || "()\"\\*:<>=!".contains(character);
            if is_sign || (index == 0 && (is_operator || character == '-')) {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quoted {
            write_quoted(f, &self.text)
        } else {
            write_plain(f, self.text.chars().map(Glyph::Is))
        }
    }
}

/// Whether a part of a name can be written without quotation marks.
pub(super) fn is_plain_part(part: &str) -> bool {
    !part.is_empty() && part.chars().all(is_name_character) && !part.contains('.')
}

/// Whether a character can be part of a name without quotation marks. Dots are between the parts.
pub(super) fn is_name_character(character: char) -> bool {
    !character.is_whitespace() && !"()[]\",:<>=!\\*?".contains(character)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            if is_plain_part(part) { f.write_str(part)? } else { write_quoted(f, part)? }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ValueKind::Is(literal) | ValueKind::Exactly(literal) => {
                // In a list an operator would separate or be refused.
                if !literal.quoted && OPERATORS.contains(&literal.text.as_str()) {
                    f.write_char('\\')?;
                }
                literal.fmt(f)
            }
            ValueKind::Like(glyphs) => write_plain(f, glyphs.iter().copied()),
            ValueKind::Compare(comparison, literal) => write!(f, "{}{literal}", comparison.sign()),
            ValueKind::Range(from, to) => {
                from.iter().try_for_each(|from| write!(f, "{from}"))?;
                f.write_str("..")?;
                to.iter().try_for_each(|to| write!(f, "{to}"))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_exact = self.values.iter().any(|value| matches!(value.kind, ValueKind::Exactly(_)));
        write!(f, "{}{}", self.name, if is_exact { '=' } else { ':' })?;
        if let [value] = self.values.as_slice() {
            return value.fmt(f);
        }
        f.write_char('(')?;
        for (index, value) in self.values.iter().enumerate() {
            write!(f, "{}{value}", if index > 0 { "," } else { "" })?;
        }
        f.write_char(')')
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, list: &[Self], between: &str, binds: fn(&Self) -> bool| {
            for (index, node) in list.iter().enumerate() {
                f.write_str(if index > 0 { between } else { "" })?;
                if binds(node) { write!(f, "({node})")? } else { write!(f, "{node}")? }
            }
            Ok(())
        };
        match self {
            Self::All => f.write_char('*'),
            Self::And(nodes) => list(f, nodes, " ", |node| matches!(node, Self::And(_) | Self::Or(_))),
            Self::Or(nodes) => list(f, nodes, " OR ", |node| matches!(node, Self::Or(_))),
            Self::Not(inner) if matches!(**inner, Self::And(_) | Self::Or(_)) => write!(f, "-({inner})"),
            Self::Not(inner) => write!(f, "-{inner}"),
            Self::Words(literal) => literal.write_word(f),
            Self::Condition(condition) => condition.fmt(f),
        }
    }
}
