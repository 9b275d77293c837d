//! Names of parameters that make up a list, after AWS's query protocol: `Name.Element.1`, `Name.member.1`.

/// Whether a parameter is one of the list `list`: by the list's name alone, with a dot or with a number behind it, and
/// with an element's name before the number.
pub(crate) fn is_member(name: &str, list: &str, elements: &[&str]) -> bool {
    let Some(rest) = name.strip_prefix(list) else { return false };
    let Some(rest) = rest.strip_prefix('.') else { return rest.is_empty() };
    let number = elements
        .iter()
        .find_map(|element| rest.strip_prefix(element)?.strip_prefix('.').filter(|number| !number.is_empty()))
        .unwrap_or(rest);
    number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_many_spellings() {
        for (name, expected) in [
            ("Tags", true),
            ("Tags.", true),
            ("Tags.1", true),
            ("Tags.12", true),
            ("Tags.member.1", true),
            ("Tags.Tag.2", true),
            ("tags", false),
            ("Tags1", false),
            ("Tags.member", false),
            ("Tags.member.", false),
            ("Tags.Tag.x", false),
            ("Tags.other.1", false),
            ("Tag", false),
            ("", false),
        ] {
            assert_eq!(is_member(name, "Tags", &["member", "Tag"]), expected, "{name}");
        }
    }
}
