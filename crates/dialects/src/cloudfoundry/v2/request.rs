//! The parameters of a v2 list, as cloud_controller_ng's `common_params.rb` and `paginated_collection_renderer.rb`
//! read and judge them. The grammar inside `q` is not its business.

use annals_model::Order;
use percent_encoding::percent_decode_str;

use super::super::{Config, errors::Problem};

/// Events on a page, at most.
pub(in super::super) const PER_PAGE_MAX: i64 = 100;
/// `inline-relations-depth`, at most.
const DEPTH_MAX: i64 = 3;

/// What was asked, as sent; integers are read, nothing is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Parameters {
    /// `q`, decoded, in their order.
    pub(in super::super) queries: Vec<String>,
    pub(super) page: Option<i64>,
    pub(super) per_page: Option<i64>,
    pub(super) depth: Option<i64>,
    pub(super) orphans: Option<i64>,
    pub(super) direction: Option<String>,
    order_by: Option<String>,
    pub(super) exclude: Vec<String>,
    pub(super) include: Vec<String>,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Paging {
    pub(in super::super) page: u64,
    pub(in super::super) per_page: u32,
    pub(in super::super) offset: u64,
    pub(in super::super) order: Order,
}

impl Parameters {
    /// Reads a query string. The last of several equal parameters counts, except for `q`, of which all do.
    pub(in super::super) fn read(query: &str) -> Result<Self, Problem> {
        let mut parameters = Self { queries: queries(query)?, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "page" => parameters.page = Some(integer("page", &value)?),
                "results-per-page" => parameters.per_page = Some(integer("results-per-page", &value)?),
                "inline-relations-depth" => {
                    parameters.depth = Some(integer("inline-relations-depth", &value)?);
                }
                "orphan-relations" => parameters.orphans = Some(integer("orphan-relations", &value)?),
                "order-direction" => parameters.direction = Some(value.into_owned()),
                "order-by" => parameters.order_by = Some(value.into_owned()),
                "exclude-relations" => parameters.exclude = list(&value),
                "include-relations" => parameters.include = list(&value),
                _ => {}
            }
        }
        Ok(parameters)
    }

    /// Refuses an order that is none of these; gives the one that was asked for.
    pub(in super::super) fn order_by(&self, allowed: &[&str]) -> Result<Option<&str>, Problem> {
        match self.order_by.as_deref() {
            Some(other) if !allowed.contains(&other) => Err(Problem::OrderBy(other.to_owned())),
            order_by => Ok(order_by),
        }
    }

    /// Judges what is left, in Cloud Foundry's order.
    pub(in super::super) fn paging(&self, settings: &Config) -> Result<Paging, Problem> {
        let refuse = |what: String| Err(Problem::BadQuery(what));
        let page = self.page.unwrap_or(1);
        let per_page = self.per_page.unwrap_or_else(|| i64::from(settings.default_results_per_page));
        if per_page > PER_PAGE_MAX {
            return refuse(format!("results_per_page must be <= {PER_PAGE_MAX}"));
        }
        if let Some(limit) = settings.max_total_results
            && i128::from(page) * i128::from(per_page) > i128::from(limit)
        {
            return refuse(format!("(page * per_page) must be less than {limit}"));
        }
        if self.depth.is_some_and(|depth| depth > DEPTH_MAX) {
            return refuse(format!("inline_relations_depth must be <= {DEPTH_MAX}"));
        }
        let order = match self.direction.as_deref() {
            None | Some("asc") => Order::Ascending,
            Some("desc") => Order::Descending,
            Some(other) => {
                return refuse(format!("order_direction must be 'asc' or 'desc' but was '{other}'"));
            }
        };
        let Some(page) = u64::try_from(page).ok().filter(|page| *page > 0) else {
            return refuse(format!("page must be a positive integer but was '{page}'"));
        };
        let Some(per_page) = u32::try_from(per_page).ok().filter(|per_page| *per_page > 0) else {
            return refuse(format!("results_per_page must be a positive integer but was '{per_page}'"));
        };
        let offset = (page - 1).saturating_mul(u64::from(per_page));
        Ok(Paging { page, per_page, offset, order })
    }

    /// Whether the list of orphans is wanted, which is empty: events have no relations.
    pub(super) fn shows_orphans(&self) -> bool {
        self.orphans == Some(1)
    }
}

/// The values of `q`. They are read apart from the others: Cloud Controller has the query string parsed a second time
/// for them by Ruby's `CGI.parse`, which splits at `;` too, so a `;` within a `q` must be sent as `%3B`.
fn queries(query: &str) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for pair in query.split(['&', ';']) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if decoded(name).as_deref() == Some("q") {
            let Some(value) = decoded(value) else {
                return Err(Problem::BadQuery("q is not UTF-8 when decoded".to_owned()));
            };
            found.push(value);
        }
    }
    Ok(found)
}

fn decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// As Ruby splits a list: empty items stay, but not at the end.
fn list(text: &str) -> Vec<String> {
    split(text, ',').map(str::to_owned).collect()
}

/// The parts of a text as Ruby's `split` gives them: without the empty ones at the end.
pub(super) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let end = text.trim_end_matches(separator).len();
    let kept = text.get(..end).unwrap_or_default();
    let parts = if kept.is_empty() { None } else { Some(kept.split(separator)) };
    parts.into_iter().flatten()
}

/// An integer as Ruby's `Integer()` reads it: white space around, a sign, `0x`, `0b`, `0o`, `0d` or `0` in front, single
/// underscores between digits.
fn integer(name: &str, text: &str) -> Result<i64, Problem> {
    parse_integer(text)
        .ok_or_else(|| Problem::BadQuery(format!("{name} must be an integer but was '{text}'")))
}

fn parse_integer(text: &str) -> Option<i64> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some("0d") => (10, lower.get(2..)?),
        // `0_7` is octal too.
        Some(two) if two.starts_with('0') => (8, lower.get(1..)?.trim_start_matches('_')),
        _ => (10, lower.as_str()),
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let digits = digits.replace('_', "");
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let value = i64::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_rubys() {
        for (text, expected) in [
            ("5", Some(5)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            (" 5 ", Some(5)),
            ("1_0", Some(10)),
            ("-3", Some(-3)),
            ("+3", Some(3)),
            ("0", Some(0)),
            ("0b101", Some(5)),
            ("0o17", Some(15)),
            ("0d19", Some(19)),
            ("0_7", Some(7)),
            ("", None),
            ("abc", None),
            ("1.5", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("08", None),
            ("- 3", None),
            ("--3", None),
            ("0x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_integer(text), expected, "{text:?}");
        }
    }

    #[test]
    fn only_an_encoded_semicolon_belongs_to_q() {
        let read = |query: &str| Parameters::read(query).unwrap().queries;
        assert_eq!(read("q=type:a;actee:b"), ["type:a"]);
        assert_eq!(read("q=type:a%3Bactee:b"), ["type:a;actee:b"]);
        assert_eq!(read("q=a&q=b&q%5B%5D=c&q[x]=d&q"), ["a", "b"]);
        assert_eq!(read("q=timestamp%3E2014-01-01+00%3A00"), ["timestamp>2014-01-01 00:00"]);
        assert_eq!(read("q=a=b"), ["a=b"]);
        assert!(Parameters::read("q=%FF").is_err());
    }

    #[test]
    fn the_last_of_equal_parameters_counts() {
        let parameters = Parameters::read("page=2&page=3&order-by=guid&order-by=id&nonsense=1").unwrap();
        assert_eq!(parameters.page, Some(3));
        assert_eq!(parameters.order_by(&["timestamp", "id"]), Ok(Some("id")));
    }

    #[test]
    fn splits_as_ruby_does() {
        let parts = |text| split(text, ',').collect::<Vec<_>>();
        assert_eq!(parts("a,,b,"), ["a", "", "b"]);
        assert_eq!(parts(",a"), ["", "a"]);
        assert!(parts("").is_empty() && parts(",,").is_empty());
    }
}
