//! Query parameters that platforms take at most once, and whole numbers in them. It knows no platform.

use crate::host::Call;

/// The query parameters of a request, decoded, in its order.
pub(crate) struct Parameters(Vec<(String, String)>);

/// A parameter that is given more than once.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is given more than once")]
pub(crate) struct Repeated(pub(crate) &'static str);

impl Parameters {
    /// Those of a call.
    pub(crate) fn of(call: &Call) -> Self {
        Self(call.query_pairs())
    }

    /// Those of a call and those of its body, which is a form.
    pub(crate) fn of_form(call: &Call) -> Self {
        let form = form_urlencoded::parse(&call.body).into_owned();
        Self(call.query_pairs().into_iter().chain(form).collect())
    }

    /// The value of the parameter that goes by any of these names.
    pub(crate) fn one(&self, names: &[&'static str]) -> Result<Option<&str>, Repeated> {
        let mut values = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        let value = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            Some(_) => Err(Repeated(names.first().copied().unwrap_or_default())),
            None => Ok(value),
        }
    }

    /// Every parameter.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A whole number in decimal digits, perhaps behind a minus, held to the range of the type; `None` for other texts.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let held = if digits.len() < text.len() { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_held() {
        for (text, number) in [
            ("10", Some(10)),
            ("-3", Some(-3)),
            ("007", Some(7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("-", None),
            ("+5", None),
            ("1.0", None),
            ("1e3", None),
            (" 5", None),
            ("٣", None),
        ] {
            assert_eq!(whole_number(text), number, "{text}");
        }
    }

    #[test]
    fn parameters_come_once() {
        let pairs = [("a", "1"), ("b", "2"), ("B", "3"), ("c", "4"), ("c", "5")];
        let parameters = Parameters(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(parameters.one(&["a"]), Ok(Some("1")));
        assert_eq!(parameters.one(&["d"]), Ok(None));
        assert_eq!(parameters.one(&["b", "B"]), Err(Repeated("b")));
        assert_eq!(parameters.one(&["c"]).unwrap_err().to_string(), "c is given more than once");
    }
}
