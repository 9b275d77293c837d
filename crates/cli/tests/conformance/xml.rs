//! Answers in XML, as the values that expectations speak of. It knows no cases.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

/// Elements that hold a list: the value is an array of what is in them.
const LISTS: [&str; 3] = ["Events", "EventCategories", "EventCategoriesMapList"];

/// A document as a value: an element with elements in it is an object, one of [`LISTS`] an array, any other a text. The
/// root's name and namespace are its members `@name` and `@xmlns`.
///
/// # Errors
/// When it is not well formed, or has what no value can say.
pub(crate) fn value(text: &str) -> Result<Value, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let mut members = Map::new();
    members.insert("@name".to_owned(), root.tag_name().name().into());
    members.insert("@xmlns".to_owned(), root.tag_name().namespace().into());
    match of_element(root)? {
        Value::Object(inner) => members.extend(inner),
        Value::String(text) if text.is_empty() => {}
        other => return Err(format!("the root holds {other}")),
    }
    Ok(Value::Object(members))
}

fn of_element(element: Node<'_, '_>) -> Result<Value, String> {
    let name = element.tag_name().name();
    if element.attributes().len() > 0 {
        return Err(format!("the element {name} has attributes"));
    }
    let children: Vec<Node<'_, '_>> = element.children().filter(Node::is_element).collect();
    if !children.is_empty() && element.children().any(|it| it.is_text()) {
        return Err(format!("the element {name} has text beside its elements"));
    }
    if LISTS.contains(&name) {
        return Ok(Value::Array(children.into_iter().map(of_element).collect::<Result<_, _>>()?));
    }
    if children.is_empty() {
        return Ok(element.text().unwrap_or_default().into());
    }
    let mut members = Map::new();
    for child in children {
        let child_name = child.tag_name().name();
        if members.insert(child_name.to_owned(), of_element(child)?).is_some() {
            return Err(format!("the element {name} has more than one {child_name}"));
        }
    }
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_become_values() {
        let text = "<R xmlns=\"n\"><A><Events><Event><B>1 &lt; 2</B><C></C></Event><Event><B>x</B></Event></Events></A></R>";
        let expected = json!({
            "@name": "R", "@xmlns": "n", "A": {"Events": [{"B": "1 < 2", "C": ""}, {"B": "x"}]}
        });
        assert_eq!(value(text), Ok(expected));
        assert_eq!(value("<R/>"), Ok(json!({"@name": "R", "@xmlns": null})));
        assert_eq!(value("<R><Events/></R>").unwrap()["Events"], json!([]));
    }

    #[test]
    fn what_no_value_can_say_is_refused() {
        for text in ["", "<R>", "<R>x</R>", "<R><A/><A/></R>", "<R><A>x<B/></A></R>", "<R><A b=\"c\"/></R>"] {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
