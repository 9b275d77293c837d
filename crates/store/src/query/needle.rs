//! A word that is looked for in texts as they are stored, many bytes at a time. What this finds is still held against the
//! condition: it may be true of more events, never of fewer.

use annals_model::{Filter, Outcome, tokens};
use memchr::memmem::{self, Finder};

/// Words that are looked for at the same time; what has these is held against the condition for the others. Segments keep
/// one bit for each in a `u16`.
const WORDS_MAX: usize = 16;
/// The sign of the unit kelvin, whose lower case is a plain k.
const KELVIN: &[u8] = "\u{212a}".as_bytes();
/// What begins the escape of a character by its number in JSON.
const ESCAPE: &[u8] = br"\u";

/// A word that is looked for.
pub(crate) struct Needle {
    pub(crate) word: String,
    finder: Finder<'static>,
    /// Whether its letters may stand in a text in other ways than as themselves or in upper case.
    is_odd: bool,
}

impl Needle {
    fn new(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            finder: Finder::new(word.as_bytes()).into_owned(),
            is_odd: !word.is_ascii(),
        }
    }

    /// The words that whatever satisfies a condition has, the first [`WORDS_MAX`] of them.
    pub(crate) fn all_of(condition: &Filter) -> Vec<Self> {
        let mut words = Vec::new();
        gather(condition, &mut words);
        words.truncate(WORDS_MAX);
        words.iter().map(|word| Self::new(word)).collect()
    }

    /// Whether these bytes, in lower case, have it as it is spelled.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.finder.find(bytes).is_some()
    }

    /// Whether texts, in lower case, may have it in a spelling that is not looked for.
    pub(crate) fn may_be_disguised(&self, texts: &[u8]) -> bool {
        self.is_odd || (self.word.contains('k') && memmem::find(texts, KELVIN).is_some())
    }

    /// Whether it is the name of an outcome, which is stored as a number.
    pub(crate) fn is_outcome(&self) -> bool {
        Outcome::from_name(&self.word).is_some()
    }
}

/// Whether JSON among these texts, in lower case, spells characters by their numbers.
pub(crate) fn has_escapes(texts: &[u8]) -> bool {
    memmem::find(texts, ESCAPE).is_some()
}

fn gather(condition: &Filter, words: &mut Vec<String>) {
    match condition {
        Filter::And(list) => list.iter().for_each(|one| gather(one, words)),
        Filter::Text(text) | Filter::Phrase(text) => tokens(text, &mut String::new(), |word| {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }),
        _ => {}
    }
}
