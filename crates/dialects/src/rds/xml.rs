//! A writer of XML 1.0 text. It knows no platform.
//!
//! It is our own because an answer is a handful of nested elements without attributes, nothing is ever read, and the one
//! hard part, characters that XML cannot hold at all, is left to the caller by the writers there are.

/// A document being written.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// Adds an element of a namespace with what `inner` writes into it; elements within it have the same namespace.
    pub(super) fn root(&mut self, name: &str, namespace: &str, inner: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push_str(" xmlns=\"");
        self.escape(namespace);
        self.0.push_str("\">");
        inner(self);
        self.close(name);
    }

    /// Adds an element with what `inner` writes into it.
    pub(super) fn element(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
        inner(self);
        self.close(name);
    }

    /// Adds an element that holds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.escape(text));
    }

    /// The document.
    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // As itself it would be read as a line feed.
                '\r' => self.0.push_str("&#13;"),
                // XML 1.0 has no way to say these, not even by number.
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    self.0.push(char::REPLACEMENT_CHARACTER);
                }
                other => self.0.push(other),
            }
        }
    }
}

/// A reader of what the writer writes, for tests.
#[cfg(test)]
pub(super) mod reading {
    /// An element.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Element {
        pub(crate) name: String,
        pub(crate) attributes: String,
        pub(crate) text: String,
        pub(crate) children: Vec<Element>,
    }

    impl Element {
        /// The element behind a path of names, the first of each.
        pub(crate) fn at(&self, path: &[&str]) -> Option<&Element> {
            path.iter().try_fold(self, |here, name| here.children.iter().find(|it| it.name == *name))
        }

        /// The text of that element; an absent one has none.
        pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
            self.at(path).map(|it| it.text.as_str())
        }
    }

    /// Reads a document; panics when it is not well formed.
    pub(crate) fn read(text: &str) -> Element {
        let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(legal), "a character XML does not have: {text:?}");
        let (root, rest) = element(text);
        assert_eq!(rest, "", "something follows the root");
        root
    }

    fn element(text: &str) -> (Element, &str) {
        let (tag, mut rest) = text.strip_prefix('<').unwrap().split_once('>').unwrap();
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let (name, attributes) = (name.to_owned(), attributes.to_owned());
        let mut found = Element { name, attributes, text: String::new(), children: Vec::new() };
        let end = format!("</{}>", found.name);
        loop {
            if let Some(behind) = rest.strip_prefix(&end) {
                return (found, behind);
            }
            if rest.starts_with('<') {
                let (child, behind) = element(rest);
                found.children.push(child);
                rest = behind;
            } else {
                let (content, _) = rest.split_once('<').unwrap();
                found.text.push_str(&unescape(content));
                rest = &rest[content.len()..];
            }
        }
    }

    fn unescape(content: &str) -> String {
        // What a parser makes of the ends of lines.
        let content = content.replace("\r\n", "\n").replace('\r', "\n");
        let mut pieces = content.split('&');
        let mut text = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once(';').unwrap();
            text.push(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "#13" => '\r',
                other => panic!("unknown entity {other}"),
            });
            text.push_str(rest);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_nest_and_texts_are_escaped() {
        let mut xml = Xml::default();
        xml.root("A", "http://example.org/\"&", |xml| {
            xml.element("B", |_| {});
            xml.text("C", "<c a=\"1\">&amp; ]]> 'é' 😀\t\n\r\u{0}\u{1b}\u{7f}\u{85}\u{ffff}\u{fffd}");
        });
        assert_eq!(
            xml.into_text(),
            "<A xmlns=\"http://example.org/&quot;&amp;\"><B></B><C>&lt;c a=&quot;1&quot;&gt;&amp;amp; ]]&gt; 'é' 😀\t\n&#13;\u{fffd}\u{fffd}\u{7f}\u{85}\u{fffd}\u{fffd}</C></A>"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_well_formed_and_comes_back(text in any::<String>()) {
            let mut xml = Xml::default();
            xml.text("T", &text);
            let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
            let expected: String = text.chars().map(|c| if legal(c) { c } else { '\u{fffd}' }).collect();
            prop_assert_eq!(reading::read(&xml.into_text()).text, expected);
        }
    }
}
