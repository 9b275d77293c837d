//! The names that searches know, what they mean, and which of them somebody may have meant.

use super::{
    SearchErrorKind as Kind,
    tree::{Name, is_name_character},
};
use crate::{Field, Place};

/// Names that are told to somebody who wrote one that there is not.
const NEAREST_MAX: usize = 3;
/// Characters of a name that are compared with those there are; no longer one is near to any.
const NAME_CHARS_MAX: usize = 40;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// When it happened.
    Time,
    /// The id or the name of a thing.
    Thing(Field, Field),
    /// A field.
    Field(Field),
    /// A place that is no field.
    Place(Place),
}

/// Things, which have an id and a name.
pub(super) const THINGS: [(&str, Field, Field); 5] = [
    ("organization", Field::Organization, Field::OrganizationName),
    ("project", Field::Project, Field::ProjectName),
    ("environment", Field::Environment, Field::EnvironmentName),
    ("actor", Field::ActorId, Field::ActorName),
    ("target", Field::TargetId, Field::TargetName),
];

/// Every name but those of labels and inside of JSON, with what it is, in the order in which people look for them.
pub(super) const KNOWN: [(&str, &str); 36] = [
    ("time", "when it happened: time:today, time:-7d, time:2026-01-01..2026-01-31"),
    ("actor", "who did it, by id or name"),
    ("target", "what it was done to, by id or name"),
    ("type", "the source's own name for what happened"),
    ("action", "the verb: create, update, delete, deploy, login …"),
    ("outcome", "how it ended: success, failure, pending, unknown"),
    ("organization", "the tenant, by id or name"),
    ("project", "the project or space, by id or name"),
    ("environment", "the environment, by id or name"),
    ("source", "the platform it came from"),
    ("message", "the sentence for people"),
    ("actor.id", "who did it, by id"),
    ("actor.name", "who did it, by name"),
    ("actor.type", "what kind of thing did it"),
    ("target.id", "what it was done to, by id"),
    ("target.name", "what it was done to, by name"),
    ("target.type", "what kind of thing it was done to"),
    ("status", "the source's own word or code for how it ended"),
    ("origin", "how the actor reached the platform: API, CLI, CONSOLE …"),
    ("part", "what of the target"),
    ("zone", "the region or zone"),
    ("categories", "the source's categories"),
    ("organization.id", "the tenant, by id"),
    ("organization.name", "the tenant, by name"),
    ("project.id", "the project or space, by id"),
    ("project.name", "the project or space, by name"),
    ("environment.id", "the environment, by id"),
    ("environment.name", "the environment, by name"),
    ("request.ip", "the caller's address"),
    ("request.method", "the request's method"),
    ("request.uri", "the address that was called"),
    ("request.user_agent", "what the caller called itself"),
    ("request.status", "the request's status, a number"),
    ("request.elapsed_ms", "how long the request took, in milliseconds"),
    ("request.id", "the platform's id of the request"),
    ("source_id", "the source's own id of the event"),
];

/// Names that go on behind a dot.
pub(super) const ROOTS: [(&str, &str); 4] = [
    ("data", "what the source said that has no field, as in data.request.memory"),
    ("before", "the target's state before"),
    ("after", "the target's state after"),
    ("labels", "a label, as in labels.team"),
];

/// What a name stands for.
pub(super) fn meaning(name: &Name) -> Result<Meaning, Kind> {
    let (first, rest) = match name.parts.split_first() {
        Some((first, rest)) => (first.to_ascii_lowercase(), rest),
        None => (String::new(), name.parts.as_slice()),
    };
    if ROOTS.iter().any(|(root, _)| *root == first) {
        // An empty name needs quotation marks, and those only something that is there.
        if rest.iter().any(String::is_empty) || (first == "labels" && rest.is_empty()) {
            return Err(Kind::BrokenPath(name.to_string()));
        }
        let path = rest.to_vec();
        return Ok(match first.as_str() {
            "data" => Meaning::Place(Place::Data(path)),
            "before" => Meaning::Place(Place::Before(path)),
            "after" => Meaning::Place(Place::After(path)),
            _ => Meaning::Field(Field::Label(path.join("."))),
        });
    }
    let written = name.parts.join(".").to_ascii_lowercase();
    let thing = THINGS.iter().find(|(thing, _, _)| *thing == written);
    if let Some((_, id, named)) = thing {
        return Ok(Meaning::Thing(id.clone(), named.clone()));
    }
    if written == "time" {
        return Ok(Meaning::Time);
    }
    if let Some((_, place)) = Place::FIXED.into_iter().find(|(place, _)| *place == written) {
        return Ok(Meaning::Place(place));
    }
    let field = written.parse().map_err(|_| unknown(&name.to_string()))?;
    Ok(Meaning::Field(field))
}

/// Whether upper and lower case are alike in a field. What names one thing is compared to the letter.
pub(super) fn ignores_case(field: &Field) -> bool {
    !matches!(
        field,
        Field::Organization
            | Field::OrganizationName
            | Field::Project
            | Field::ProjectName
            | Field::Environment
            | Field::EnvironmentName
            | Field::ActorId
            | Field::ActorName
            | Field::TargetId
            | Field::TargetName
            | Field::RequestId
            | Field::SourceId
    )
}

/// The name of a field whose values are suggested, from a text that is being typed.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(is_name_character)
}

fn unknown(name: &str) -> Kind {
    let lower: Vec<char> = name.to_lowercase().chars().take(NAME_CHARS_MAX + 1).collect();
    let mut near = Vec::new();
    if lower.len() <= NAME_CHARS_MAX {
        for (order, known) in KNOWN.iter().chain(&ROOTS).map(|(known, _)| *known).enumerate() {
            let signs: Vec<char> = known.chars().collect();
            let last = known.rsplit('.').next().unwrap_or_default();
            let typed: String = lower.iter().collect();
            // A part of a name is as near as a name with one letter wrong.
            let distance = if last == typed || (lower.len() > 2 && known.starts_with(&typed)) {
                1
            } else {
                distance(&lower, &signs)
            };
            if distance <= 1 + lower.len() / 4 {
                near.push((distance, order, known));
            }
        }
    }
    near.sort_unstable();
    let least = near.first().map(|(distance, _, _)| *distance);
    near.retain(|(distance, _, _)| Some(*distance) == least);
    let nearest = near.into_iter().take(NEAREST_MAX).map(|(_, _, known)| known.to_owned()).collect();
    Kind::UnknownField { name: name.to_owned(), nearest }
}

/// How many letters have to be changed, added or left out.
fn distance(one: &[char], two: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (above, first) in one.iter().enumerate() {
        let mut corner = above;
        let mut left = above + 1;
        for (cell, second) in row.iter_mut().skip(1).zip(two) {
            let changed = corner + usize::from(first != second);
            corner = *cell;
            left = changed.min(corner + 1).min(left + 1);
            *cell = left;
        }
        if let Some(begin) = row.first_mut() {
            *begin = above + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name { parts: text.split('.').map(str::to_owned).collect(), span: Default::default() }
    }

    #[test]
    fn every_field_and_place_has_a_name_and_a_description() {
        let known = |name: &str| KNOWN.iter().any(|(known, _)| *known == name);
        for field in Field::FIXED {
            assert!(known(&field.name()), "{field}");
            assert_eq!(meaning(&name(&field.name())), Ok(Meaning::Field(field.clone())));
        }
        for (place, _) in Place::FIXED {
            assert!(known(place), "{place}");
        }
        for (known, _) in KNOWN {
            assert!(meaning(&name(known)).is_ok(), "{known}");
            assert!(meaning(&name(&known.to_uppercase())).is_ok(), "{known}");
        }
        assert_eq!(KNOWN.len(), Field::FIXED.len() + Place::FIXED.len() + THINGS.len() + 1);
    }

    #[test]
    fn near_names_are_told() {
        for (written, expected) in [
            ("actr", &["actor"][..]),
            ("typ", &["type"]),
            ("category", &["categories"]),
            ("name", &["actor.name", "target.name", "organization.name"]),
            ("user_agent", &["request.user_agent"]),
            ("actor.nme", &["actor.name"]),
            ("http", &[]),
            ("resource", &["source"]),
        ] {
            match meaning(&name(written)) {
                Err(Kind::UnknownField { nearest, .. }) => {
                    assert!(
                        nearest.iter().take(expected.len()).eq(expected.iter()),
                        "{written}: {nearest:?}"
                    );
                    assert_eq!(nearest.is_empty(), expected.is_empty(), "{written}: {nearest:?}");
                }
                other => unreachable!("{other:?}"),
            }
        }
        assert!(matches!(
            meaning(&name(&"x".repeat(4_000))),
            Err(Kind::UnknownField { nearest, .. }) if nearest.is_empty()
        ));
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        let of = |one: &str, two: &str| {
            distance(&one.chars().collect::<Vec<_>>(), &two.chars().collect::<Vec<_>>())
        };
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!((of("", "abc"), of("abc", ""), of("abc", "abc"), of("ab", "ba")), (3, 3, 0, 2));
    }
}
