//! Searches made up by chance: what is written is read back, and means what is documented.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

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
