//! From tree to filter: what names and values mean.

use std::collections::BTreeSet;

use super::{
    Moment, SearchError, SearchErrorKind as Kind,
    names::{Meaning, ignores_case, meaning},
    times,
    tree::{Comparison, Condition, Literal, Node, Value, ValueKind},
};
use crate::{
    Bounds, Criterion, Field, Filter, Glyph, NumberBounds, Outcome, Pattern,
    decimal::{compare_numbers, is_number},
    text::tokens,
};

/// The filter of a tree that was made of this text.
pub(super) fn lower(node: &Node, text: &str, moment: Moment) -> Result<Filter, SearchError> {
    Lowering { text, moment }.node(node)
}

struct Lowering<'t> {
    text: &'t str,
    moment: Moment,
}

impl Lowering<'_> {
    fn node(&self, node: &Node) -> Result<Filter, SearchError> {
        Ok(match node {
            Node::All => Filter::all(),
            Node::Not(inner) => Filter::Not(Box::new(self.node(inner)?)),
            Node::Or(nodes) => Filter::Or(self.nodes(nodes)?),
            Node::And(nodes) => {
                // Words that must all occur are looked for together.
                let mut words = String::new();
                let mut filters = Vec::new();
                for filter in self.nodes(nodes)? {
                    match filter {
                        Filter::Text(text) => {
                            words.push_str(if words.is_empty() { "" } else { " " });
                            words.push_str(&text);
                        }
                        other => filters.push(other),
                    }
                }
                if !words.is_empty() {
                    filters.push(Filter::Text(words));
                }
                filters.into_iter().fold(Filter::all(), Filter::and)
            }
            Node::Words(literal) => words(literal),
            Node::Condition(condition) => self.condition(condition)?,
        })
    }

    fn nodes(&self, nodes: &[Node]) -> Result<Vec<Filter>, SearchError> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn condition(&self, condition: &Condition) -> Result<Filter, SearchError> {
        let meaning = meaning(&condition.name).map_err(|kind| kind.at(self.text, condition.name.span))?;
        let mut filters = Vec::new();
        for value in &condition.values {
            let at = |kind: Kind| kind.at(self.text, value.span);
            filters.push(match &meaning {
                Meaning::Time => self.time(value).map_err(at)?,
                Meaning::Field(Field::Outcome) => self.outcome(value)?,
                Meaning::Field(field) => on_field(field, criterion(value, ignores_case(field)).map_err(at)?),
                Meaning::Thing(id, name) => {
                    let criterion = criterion(value, true).map_err(at)?;
                    Filter::Or(vec![on_field(id, criterion.clone()), on_field(name, criterion)])
                }
                Meaning::Place(place) => Filter::At(place.clone(), criterion(value, true).map_err(at)?),
            });
        }
        Ok(one_of(filters))
    }

    fn time(&self, value: &Value) -> Result<Filter, Kind> {
        let text = |literal: &Option<Literal>| literal.as_ref().map(|literal| literal.text.clone());
        let range = match &value.kind {
            ValueKind::Is(literal) | ValueKind::Exactly(literal) => {
                times::within(&literal.text, self.moment)?
            }
            ValueKind::Compare(comparison, literal) => {
                times::compared(*comparison, &literal.text, self.moment)?
            }
            ValueKind::Range(from, to) => {
                times::between(text(from).as_deref(), text(to).as_deref(), self.moment)?
            }
            // Every event has a time.
            ValueKind::Like(glyphs) if *glyphs == [Glyph::Many] => return Ok(Filter::all()),
            ValueKind::Like(_) => return Err(Kind::BadTime(value.to_string())),
        };
        Ok(Filter::Time(range))
    }

    /// There are four outcomes: a fifth is a mistake.
    fn outcome(&self, value: &Value) -> Result<Filter, SearchError> {
        match &value.kind {
            ValueKind::Is(literal) | ValueKind::Exactly(literal) => {
                match Outcome::from_name(&literal.text.to_ascii_lowercase()) {
                    Some(outcome) => Ok(Filter::term(Field::Outcome, outcome.as_str())),
                    None => Err(Kind::BadOutcome(literal.text.clone()).at(self.text, literal.span)),
                }
            }
            _ => {
                let criterion = criterion(value, true).map_err(|kind| kind.at(self.text, value.span))?;
                Ok(on_field(&Field::Outcome, criterion))
            }
        }
    }
}

fn words(literal: &Literal) -> Filter {
    let mut count = 0;
    tokens(&literal.text, &mut String::new(), |_| count += 1);
    if literal.quoted && count > 1 {
        Filter::Phrase(literal.text.clone())
    } else {
        Filter::Text(literal.text.clone())
    }
}

/// What a value asks for.
fn criterion(value: &Value, ignores_case: bool) -> Result<Criterion, Kind> {
    Ok(match &value.kind {
        ValueKind::Exactly(literal) => Criterion::Is(literal.text.clone()),
        ValueKind::Is(literal) if ignores_case && has_case(&literal.text) => Criterion::alike(&literal.text),
        ValueKind::Is(literal) => Criterion::Is(literal.text.clone()),
        ValueKind::Like(glyphs) if *glyphs == [Glyph::Many] => Criterion::Any,
        ValueKind::Like(glyphs) => {
            let has_case = glyphs.iter().any(|glyph| match glyph {
                Glyph::Is(character) => has_case(character.encode_utf8(&mut [0; 4])),
                _ => false,
            });
            Criterion::Like(Pattern::new(glyphs.iter().copied(), ignores_case && has_case))
        }
        ValueKind::Compare(comparison, literal) => {
            let bound = |inclusive| Some((literal, inclusive));
            match comparison {
                Comparison::Less => bounds(None, bound(false))?,
                Comparison::AtMost => bounds(None, bound(true))?,
                Comparison::Greater => bounds(bound(false), None)?,
                Comparison::AtLeast => bounds(bound(true), None)?,
            }
        }
        ValueKind::Range(from, to) => {
            bounds(from.as_ref().map(|from| (from, true)), to.as_ref().map(|to| (to, true)))?
        }
    })
}

/// Numbers when all ends are numbers without quotation marks, else texts.
fn bounds(lower: Option<(&Literal, bool)>, upper: Option<(&Literal, bool)>) -> Result<Criterion, Kind> {
    let is_numeric =
        [lower, upper].iter().flatten().all(|(literal, _)| !literal.quoted && is_number(&literal.text));
    let is_backward = match (lower, upper) {
        (Some((lower, _)), Some((upper, _))) if is_numeric => {
            compare_numbers(&lower.text, &upper.text).is_some_and(std::cmp::Ordering::is_gt)
        }
        (Some((lower, _)), Some((upper, _))) => lower.text > upper.text,
        _ => false,
    };
    if is_backward {
        return Err(Kind::BackwardRange);
    }
    let end =
        |bound: Option<(&Literal, bool)>| bound.map(|(literal, inclusive)| (literal.text.clone(), inclusive));
    let (lower, upper) = (end(lower), end(upper));
    Ok(if is_numeric {
        Criterion::Between(NumberBounds { lower, upper })
    } else {
        Criterion::Within(Bounds { lower, upper })
    })
}

/// Whether a text may be written with other capitals.
fn has_case(text: &str) -> bool {
    text.chars().any(|character| !character.is_ascii() || character.is_ascii_alphabetic())
}

fn on_field(field: &Field, criterion: Criterion) -> Filter {
    match criterion {
        Criterion::Any => Filter::Exists(field.clone()),
        Criterion::Is(text) => Filter::Term(field.clone(), text),
        Criterion::Within(bounds) => Filter::Range(field.clone(), bounds),
        Criterion::Like(pattern) => match pattern.as_prefix() {
            Some(prefix) => Filter::Prefix(field.clone(), prefix),
            None => Filter::Value(field.clone(), Criterion::Like(pattern)),
        },
        other => Filter::Value(field.clone(), other),
    }
}

/// One of several conditions; values of one field are looked up together.
fn one_of(mut filters: Vec<Filter>) -> Filter {
    if filters.len() == 1
        && let Some(only) = filters.pop()
    {
        return only;
    }
    let mut terms: Option<(Field, BTreeSet<String>)> = None;
    let mut others = Vec::new();
    for filter in filters {
        match (filter, &mut terms) {
            (Filter::Term(field, text), None) => terms = Some((field, BTreeSet::from([text]))),
            (Filter::Term(field, text), Some((known, values))) if field == *known => {
                values.insert(text);
            }
            (Filter::Or(list), _) => others.extend(list),
            (other, _) => others.push(other),
        }
    }
    let terms = terms.map(|(field, values)| match values.len() {
        1 => values
            .into_iter()
            .map(|value| Filter::Term(field.clone(), value))
            .next()
            .unwrap_or(Filter::none()),
        _ => Filter::AnyOf(field, values),
    });
    match (terms, others.is_empty()) {
        (Some(terms), true) => terms,
        (terms, _) => Filter::Or(terms.into_iter().chain(others).collect()),
    }
}
