//! From text to tree, by recursive descent. `docs/search.md` has the grammar.

use super::{
    SearchError, SearchErrorKind as Kind,
    tree::{
        Comparison, Condition, Literal, Name, Node, OPERATORS, Span, Value, ValueKind, is_name_character,
    },
};
use crate::{
    Glyph,
    limits::{
        SEARCH_BYTES_MAX, SEARCH_DEPTH_MAX, SEARCH_PATTERN_CHARS_MAX, SEARCH_TERMS_MAX, SEARCH_WILDCARDS_MAX,
    },
    text::tokens,
};

impl Node {
    /// Reads a search without looking at what its names and values mean.
    ///
    /// # Errors
    /// What is wrong and where.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let mut parser = Parser { text, at: 0, depth: 0, terms: 0, wildcards: 0 };
        if text.len() > SEARCH_BYTES_MAX {
            return Err(parser.error(Kind::TooLong(text.len()), 0));
        }
        let node = parser.or()?;
        if parser.peek() == Some(')') {
            return Err(parser.error_ahead(Kind::UnopenedGroup, 1));
        }
        Ok(node.unwrap_or(Self::All))
    }
}

/// A text as it stood there: its signs, and whether quotation marks were around it.
pub(super) struct Piece {
    glyphs: Vec<Glyph>,
    quoted: bool,
    span: Span,
}

impl Piece {
    fn has_wildcards(&self) -> bool {
        self.glyphs.iter().any(|glyph| !matches!(glyph, Glyph::Is(_)))
    }

    fn into_literal(self) -> Literal {
        let text = self.glyphs.iter().filter_map(|glyph| match glyph {
            Glyph::Is(character) => Some(*character),
            _ => None,
        });
        Literal { text: text.collect(), quoted: self.quoted, span: self.span }
    }
}

/// How a value is read.
#[derive(Clone, Copy)]
struct Manner {
    /// What closes the list it is in.
    closing: Option<char>,
    /// To the letter: no wildcards, no ranges, no comparisons.
    is_exact: bool,
}

pub(super) struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    terms: usize,
    wildcards: usize,
}

impl<'t> Parser<'t> {
    /// A parser that stands somewhere in a text; for completion.
    pub(super) const fn standing_at(text: &'t str, at: usize) -> Self {
        Self { text, at, depth: 0, terms: 0, wildcards: 0 }
    }

    pub(super) const fn place(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn skip(&mut self, sign: &str) -> bool {
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len();
        }
        is_there
    }

    pub(super) fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, kind: Kind, start: usize) -> SearchError {
        kind.at(self.text, Span::new(start, self.at))
    }

    fn error_ahead(&self, kind: Kind, bytes: usize) -> SearchError {
        kind.at(self.text, Span::new(self.at, self.at + bytes))
    }

    fn term(&mut self, start: usize) -> Result<(), SearchError> {
        self.terms += 1;
        if self.terms > SEARCH_TERMS_MAX { Err(self.error(Kind::TooManyTerms, start)) } else { Ok(()) }
    }

    /// The operator that stands here.
    fn operator(&self) -> Option<&'static str> {
        self.operator_before(|next| next.is_whitespace() || "()\"".contains(next))
    }

    /// The operator that stands here, if the text ends behind it or goes on with such a sign.
    fn operator_before(&self, ends: impl Fn(char) -> bool) -> Option<&'static str> {
        let rest = self.rest();
        OPERATORS.into_iter().find(|word| {
            let behind = rest.strip_prefix(word).map(|behind| behind.chars().next());
            behind.is_some_and(|next| next.is_none_or(&ends))
        })
    }

    /// `None` when there is nothing.
    fn or(&mut self) -> Result<Option<Node>, SearchError> {
        let mut list = Vec::new();
        let mut start = self.at;
        loop {
            let node = self.and()?;
            let is_or = self.operator() == Some("OR");
            match node {
                Some(node) => list.push(node),
                None if is_or => return Err(self.error_ahead(Kind::MissingOperand("OR"), 2)),
                None if list.is_empty() => return Ok(None),
                None => {
                    return Err(Kind::MissingOperand("OR").at(self.text, Span::new(start, start + 2)));
                }
            }
            if !is_or {
                break;
            }
            start = self.at;
            self.at += "OR".len();
        }
        Ok(Some(single(list, Node::Or)))
    }

    fn and(&mut self) -> Result<Option<Node>, SearchError> {
        let mut list = Vec::new();
        let mut and = None;
        loop {
            self.blanks();
            match (self.operator(), self.peek()) {
                (Some("AND"), _) => {
                    if list.is_empty() || and.is_some() {
                        return Err(self.error_ahead(Kind::MissingOperand("AND"), 3));
                    }
                    and = Some(Span::new(self.at, self.at + 3));
                    self.at += 3;
                }
                (Some("OR"), _) | (None, None | Some(')')) => break,
                _ => {
                    list.push(self.unary()?);
                    and = None;
                }
            }
        }
        if let Some(and) = and {
            return Err(Kind::MissingOperand("AND").at(self.text, and));
        }
        Ok(if list.is_empty() { None } else { Some(single(list, Node::And)) })
    }

    fn deeper(&mut self, start: usize) -> Result<(), SearchError> {
        self.depth += 1;
        if self.depth > SEARCH_DEPTH_MAX { Err(self.error(Kind::TooDeep, start)) } else { Ok(()) }
    }

    fn unary(&mut self) -> Result<Node, SearchError> {
        let start = self.at;
        if self.operator() == Some("NOT") {
            self.at += 3;
            self.deeper(start)?;
            self.blanks();
            if matches!(self.operator(), Some("AND" | "OR")) || matches!(self.peek(), None | Some(')')) {
                return Err(Kind::MissingOperand("NOT").at(self.text, Span::new(start, start + 3)));
            }
        } else if self.skip("-") {
            self.deeper(start)?;
            if self.peek().is_none_or(|next| next.is_whitespace() || next == ')') {
                return Err(self.error(Kind::LoneMinus, start));
            }
        } else {
            return self.primary();
        }
        let inner = self.unary()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(inner)))
    }

    fn primary(&mut self) -> Result<Node, SearchError> {
        let start = self.at;
        match self.peek() {
            Some('(') => {
                self.at += 1;
                self.deeper(start)?;
                let node = self.or()?;
                if !self.skip(")") {
                    return Err(Kind::UnclosedGroup.at(self.text, Span::new(start, start + 1)));
                }
                self.depth -= 1;
                node.ok_or_else(|| self.error(Kind::EmptyGroup, start))
            }
            Some('"') => {
                let literal = self.quoted()?.into_literal();
                self.words(literal)
            }
            Some(sign @ (':' | '<' | '>' | '=')) => Err(self.error_ahead(Kind::MissingField(sign), 1)),
            _ => match self.name()? {
                Some(name) => self.condition(name).map(Node::Condition),
                None => self.word(),
            },
        }
    }

    fn words(&mut self, literal: Literal) -> Result<Node, SearchError> {
        self.term(literal.span.start)?;
        let mut has_word = false;
        tokens(&literal.text, &mut String::new(), |_| has_word = true);
        if has_word {
            return Ok(Node::Words(literal));
        }
        let span = literal.span;
        Err(Kind::NoWord(literal.text).at(self.text, span))
    }

    /// A word without quotation marks and without a field.
    fn word(&mut self) -> Result<Node, SearchError> {
        let start = self.at;
        let mut text = String::new();
        let mut wildcard = None;
        while let Some(character) = self.peek() {
            if character.is_whitespace() || "()\"".contains(character) {
                break;
            }
            self.at += character.len_utf8();
            match character {
                '\\' => text.push(self.next().ok_or_else(|| self.error(Kind::LoneBackslash, self.at - 1))?),
                '*' => {
                    wildcard.get_or_insert(Span::new(self.at - 1, self.at));
                    text.push('*');
                }
                other => text.push(other),
            }
        }
        let span = Span::new(start, self.at);
        match wildcard {
            // Nothing but the star: everything.
            Some(_) if self.at - start == 1 => {
                self.term(start)?;
                Ok(Node::All)
            }
            Some(span) => Err(Kind::WildcardInWord.at(self.text, span)),
            None => self.words(Literal { text, quoted: false, span }),
        }
    }

    /// The name that stands here, if a sign behind it makes it one.
    pub(super) fn name(&mut self) -> Result<Option<Name>, SearchError> {
        let start = self.at;
        let mut parts = Vec::new();
        loop {
            if self.peek() == Some('"') && !parts.is_empty() {
                parts.push(self.quoted()?.into_literal().text);
            } else {
                let rest = self.rest();
                let end =
                    rest.find(|sign: char| sign == '.' || !is_name_character(sign)).unwrap_or(rest.len());
                parts.push(rest.get(..end).unwrap_or_default().to_owned());
                self.at += end;
            }
            if !self.skip(".") {
                break;
            }
        }
        let span = Span::new(start, self.at);
        let is_name = span.end > span.start && matches!(self.peek(), Some(':' | '<' | '>' | '='));
        let name = Name { parts, span };
        if !is_name {
            if span.end > span.start && self.rest().starts_with("!=") {
                return Err(self.error_ahead(Kind::NotEqual(name.to_string()), 2));
            }
            self.at = start;
            return Ok(None);
        }
        Ok(Some(name))
    }

    fn condition(&mut self, name: Name) -> Result<Condition, SearchError> {
        // A comparison may follow the name directly.
        self.skip(":");
        let is_exact = self.skip("=");
        let mut values = Vec::new();
        let open = self.at;
        let closing = match self.peek() {
            Some('(') => Some(')'),
            Some('[') => Some(']'),
            _ => None,
        };
        let manner = Manner { closing, is_exact };
        match closing {
            None => values.push(self.value(&name, manner)?),
            Some(closing) => {
                self.at += 1;
                loop {
                    self.separators();
                    match (self.operator_before(|next| ends_value(next, manner)), self.peek()) {
                        (_, None) => {
                            return Err(Kind::UnclosedList.at(self.text, Span::new(open, open + 1)));
                        }
                        (_, Some(sign)) if sign == closing => {
                            self.at += 1;
                            break;
                        }
                        (Some("OR"), _) => self.at += "OR".len(),
                        (Some(word), _) => {
                            return Err(self.error_ahead(Kind::OperatorInList(word), word.len()));
                        }
                        _ => values.push(self.value(&name, manner)?),
                    }
                }
                if values.is_empty() {
                    return Err(self.error(Kind::EmptyList, open));
                }
            }
        }
        let span = Span::new(name.span.start, self.at);
        Ok(Condition { name, values, span })
    }

    /// Blanks and commas.
    pub(super) fn separators(&mut self) {
        let rest = self.rest();
        self.at +=
            rest.len() - rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == ',').len();
    }

    fn value(&mut self, name: &Name, manner: Manner) -> Result<Value, SearchError> {
        let start = self.at;
        self.term(start)?;
        let compared =
            Comparison::ALL.into_iter().find(|(sign, _)| !manner.is_exact && self.rest().starts_with(sign));
        let kind = if let Some((sign, comparison)) = compared {
            self.at += sign.len();
            let piece = self.piece(manner)?.ok_or_else(|| self.missing(name))?;
            if self.rest().starts_with("..") {
                return Err(self.error_ahead(Kind::RangeOfThree, 2));
            }
            ValueKind::Compare(comparison, self.end_of_range(piece)?)
        } else {
            let first = self.piece(manner)?;
            if !manner.is_exact && self.skip("..") {
                let second = self.piece(manner)?;
                if self.rest().starts_with("..") {
                    return Err(self.error_ahead(Kind::RangeOfThree, 2));
                }
                if first.is_none() && second.is_none() {
                    return Err(self.error(Kind::EndlessRange, start));
                }
                let from = first.map(|piece| self.end_of_range(piece)).transpose()?;
                let to = second.map(|piece| self.end_of_range(piece)).transpose()?;
                ValueKind::Range(from, to)
            } else {
                let piece = first.ok_or_else(|| self.missing(name))?;
                if manner.is_exact {
                    ValueKind::Exactly(piece.into_literal())
                } else if piece.has_wildcards() {
                    if piece.glyphs.len() > SEARCH_PATTERN_CHARS_MAX {
                        return Err(Kind::PatternTooLong.at(self.text, piece.span));
                    }
                    ValueKind::Like(piece.glyphs)
                } else {
                    ValueKind::Is(piece.into_literal())
                }
            }
        };
        Ok(Value { kind, span: Span::new(start, self.at) })
    }

    fn missing(&self, name: &Name) -> SearchError {
        self.error_ahead(Kind::MissingValue(name.to_string()), 0)
    }

    fn end_of_range(&self, piece: Piece) -> Result<Literal, SearchError> {
        if piece.has_wildcards() {
            return Err(Kind::WildcardInRange.at(self.text, piece.span));
        }
        Ok(piece.into_literal())
    }

    /// A value, or one end of a range; `None` when there is nothing.
    fn piece(&mut self, manner: Manner) -> Result<Option<Piece>, SearchError> {
        let start = self.at;
        if self.peek() == Some('"') {
            let piece = self.quoted()?;
            let is_range = !manner.is_exact && self.rest().starts_with("..");
            return match self.peek() {
                Some(next) if !is_range && !ends_value(next, manner) => {
                    Err(self.error_ahead(self.glued(next, manner), next.len_utf8()))
                }
                _ => Ok(Some(piece)),
            };
        }
        let mut glyphs = Vec::new();
        while let Some(character) = self.peek() {
            if ends_value(character, manner) || (!manner.is_exact && self.rest().starts_with("..")) {
                break;
            }
            if matches!(character, '"' | '(' | ',') {
                return Err(self.error_ahead(self.glued(character, manner), 1));
            }
            self.at += character.len_utf8();
            glyphs.push(match character {
                '\\' => Glyph::Is(self.next().ok_or_else(|| self.error(Kind::LoneBackslash, self.at - 1))?),
                '*' if !manner.is_exact => self.wildcard(Glyph::Many)?,
                '?' if !manner.is_exact => self.wildcard(Glyph::One)?,
                other => Glyph::Is(other),
            });
        }
        let span = Span::new(start, self.at);
        Ok((!glyphs.is_empty()).then_some(Piece { glyphs, quoted: false, span }))
    }

    fn glued(&self, sign: char, manner: Manner) -> Kind {
        if sign == ',' && manner.closing.is_none() { Kind::CommaOutsideList } else { Kind::Glued(sign) }
    }

    fn wildcard(&mut self, glyph: Glyph) -> Result<Glyph, SearchError> {
        self.wildcards += 1;
        if self.wildcards > SEARCH_WILDCARDS_MAX {
            return Err(self.error(Kind::TooManyWildcards, self.at - 1));
        }
        Ok(glyph)
    }

    /// A text in quotation marks.
    pub(super) fn quoted(&mut self) -> Result<Piece, SearchError> {
        let start = self.at;
        self.at += 1;
        let mut glyphs = Vec::new();
        loop {
            let Some(character) = self.next() else {
                return Err(Kind::UnclosedQuote.at(self.text, Span::new(start, start + 1)));
            };
            glyphs.push(Glyph::Is(match character {
                '"' => break,
                '\\' => {
                    let before = self.at - 1;
                    match self.next() {
                        Some(sign @ ('"' | '\\')) => sign,
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(other) => return Err(self.error(Kind::BadEscape(other), before)),
                        None => return Err(Kind::UnclosedQuote.at(self.text, Span::new(start, start + 1))),
                    }
                }
                other => other,
            }));
        }
        Ok(Piece { glyphs, quoted: true, span: Span::new(start, self.at) })
    }
}

/// Whether a value ends before this sign.
fn ends_value(sign: char, manner: Manner) -> bool {
    sign.is_whitespace()
        || sign == ')'
        || manner.closing.is_some_and(|closing| sign == closing || sign == ',')
}

/// The only one of a list, or all of them together.
fn single(mut list: Vec<Node>, together: impl Fn(Vec<Node>) -> Node) -> Node {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        Some(last) => {
            list.push(last);
            together(list)
        }
        None => Node::All,
    }
}
