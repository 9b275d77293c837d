//! Words: how an event's texts are cut for search. The store's word filters and [`crate::Filter::Text`] both use
//! this, so that an index can only ever exclude what the filter would exclude too.

use crate::{Event, limits::TOKEN_BYTES_MAX};

/// Calls `visit` with every word of a text: runs of letters and digits, in lower case, cut at
/// [`TOKEN_BYTES_MAX`] bytes. `buffer` is scratch space.
pub fn tokens(text: &str, buffer: &mut String, mut visit: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(first) = bytes.get(at) {
        if first.is_ascii() && !first.is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let start = at;
        let mut is_lower = true;
        while let Some(byte) = bytes.get(at).filter(|byte| byte.is_ascii_alphanumeric()) {
            is_lower &= !byte.is_ascii_uppercase();
            at += 1;
        }
        if bytes.get(at).is_none_or(u8::is_ascii) {
            if is_lower {
                visit(cut(&text[start..at]));
            } else {
                buffer.clear();
                buffer.push_str(&text[start..at]);
                buffer.make_ascii_lowercase();
                visit(cut(buffer));
            }
            continue;
        }
        // A word with other letters, or something else: character by character.
        buffer.clear();
        at = text.len();
        for (offset, character) in text[start..].char_indices() {
            if character.is_ascii_alphanumeric() {
                buffer.push(character.to_ascii_lowercase());
            } else if !character.is_ascii() && character.is_alphanumeric() {
                buffer.extend(character.to_lowercase());
            } else {
                at = start + offset + character.len_utf8();
                break;
            }
        }
        if !buffer.is_empty() {
            visit(cut(buffer));
        }
    }
}

/// A character in lower case, where that is one character; upper and lower case are alike when these are equal.
/// Texts that are alike have the same [`tokens`].
pub(crate) fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// Every character that [`fold`] makes this ASCII character of; none of them for one that is not ASCII or not folded.
pub(crate) fn folds_of_ascii(folded: char) -> impl Iterator<Item = char> {
    let upper = folded.to_ascii_uppercase();
    let ways = [
        Some(folded).filter(|character| character.is_ascii() && !character.is_ascii_uppercase()),
        Some(upper).filter(|upper| folded.is_ascii() && *upper != folded),
        // The sign of the unit kelvin is a capital k.
        Some('\u{212a}').filter(|_| folded == 'k'),
    ];
    ways.into_iter().flatten()
}

/// Whether a character belongs to a word.
pub(crate) fn is_word_character(character: char) -> bool {
    character.is_alphanumeric()
}

fn cut(token: &str) -> &str {
    let mut end = token.len().min(TOKEN_BYTES_MAX);
    while !token.is_char_boundary(end) {
        end -= 1;
    }
    &token[..end]
}

/// Calls `visit` with every text and number that is a value in a JSON text. Keys are no values.
///
/// The text must be valid JSON without white space between tokens, as [`crate::Json`] keeps it.
pub fn visit_json_text(json: &str, mut visit: impl FnMut(&str)) {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let start = at + 1;
                let mut end = start;
                let mut plain = true;
                while end < bytes.len() && bytes[end] != b'"' {
                    if bytes[end] == b'\\' {
                        plain = false;
                        end += 1;
                    }
                    end += 1;
                }
                let end = end.min(bytes.len());
                at = end + 1;
                if bytes.get(at) == Some(&b':') {
                    continue;
                }
                if plain {
                    visit(&json[start..end]);
                } else if let Ok(text) =
                    serde_json::from_str::<String>(&json[start - 1..(end + 1).min(json.len())])
                {
                    visit(&text);
                }
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while at < bytes.len() && !matches!(bytes[at], b',' | b']' | b'}') {
                    at += 1;
                }
                visit(&json[start..at]);
            }
            _ => at += 1,
        }
    }
}

impl Event {
    /// Calls `visit` with every text of the event that a text search looks into.
    pub fn visit_texts(&self, mut visit: impl FnMut(&str)) {
        for text in [&self.source, &self.kind, &self.action] {
            visit(text);
        }
        visit(self.outcome.as_str());
        let options = [
            &self.source_id,
            &self.status,
            &self.actor.kind,
            &self.actor.id,
            &self.actor.name,
            &self.target.kind,
            &self.target.id,
            &self.target.name,
            &self.part,
            &self.origin,
            &self.zone,
            &self.request.id,
            &self.request.method,
            &self.request.uri,
            &self.request.ip,
            &self.request.user_agent,
            &self.message,
        ];
        options.into_iter().flatten().for_each(|text| visit(text));
        for named in [&self.organization, &self.project, &self.environment].into_iter().flatten() {
            visit(&named.id);
            named.name.iter().for_each(|name| visit(name));
        }
        self.categories.iter().for_each(|text| visit(text));
        self.labels.values().for_each(|text| visit(text));
        for json in [&self.before, &self.after, &self.data].into_iter().flatten() {
            visit_json_text(json.as_str(), &mut visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        tokens(text, &mut String::new(), |word| found.push(word.to_owned()));
        found
    }

    #[test]
    fn cuts_words() {
        assert_eq!(
            words("User alice@Example.com: Größe_2 "),
            ["user", "alice", "example", "com", "größe", "2"]
        );
        assert_eq!(words("aB\u{a0}é x—É9a_ÀB"), ["ab", "é", "x", "é9a", "àb"]);
        assert_eq!(words(" -- "), Vec::<String>::new());
        assert_eq!(words(&"é".repeat(100)), ["é".repeat(TOKEN_BYTES_MAX / 2)]);
    }

    #[test]
    fn alike_texts_have_the_same_words() {
        for character in '\0'..=char::MAX {
            let folded = fold(character);
            assert_eq!(fold(folded), folded, "{character:?}");
            assert_eq!(words(&character.to_string()), words(&folded.to_string()), "{character:?}");
            let is_known = folds_of_ascii(folded).any(|way| way == character);
            assert_eq!(is_known, folded.is_ascii(), "{character:?}");
            assert_eq!(is_word_character(character), !words(&character.to_string()).is_empty());
        }
    }

    #[test]
    fn finds_the_values_of_json() {
        let mut found = Vec::new();
        visit_json_text(r#"{"a":"x","b":[1.5,-2,true,null,"\"q\" \u00e9"],"c":{"d:":"e"}}"#, |text| {
            found.push(text.to_owned());
        });
        assert_eq!(found, ["x", "1.5", "-2", "\"q\" é", "e"]);
    }
}
