//! The parameters of a v3 list, as cloud_controller_ng's `events_list_message.rb` and `list_message.rb` read and judge
//! them. Everything that is wrong is told at once.

use std::collections::BTreeSet;

use annals_model::{Field, Filter, Order, TimeError, TimeRange, Timestamp};
use percent_encoding::percent_decode_str;

use super::{
    super::condition::{self, TextTest},
    links::PageOf,
};

const PER_PAGE_DEFAULT: u32 = 50;
pub(super) const PER_PAGE_MAX: u64 = 5000;
/// Identifiers in `guids`; each is looked up by itself.
const GUIDS_MAX: usize = 1000;
const SECOND_NANOS: i64 = 1_000_000_000;

const ORDER_BY: [&str; 2] = ["created_at", "updated_at"];
const ALLOWED: [&str; 10] = [
    "page",
    "per_page",
    "order_by",
    "created_ats",
    "updated_ats",
    "guids",
    "types",
    "target_guids",
    "space_guids",
    "organization_guids",
];

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListRequest {
    pub(super) paging: Paging,
    /// Lists of texts, by parameter; `target_guids[not]` among them.
    lists: Vec<(&'static str, Vec<String>)>,
    times: Vec<TimeTest>,
    pub(super) guids: BTreeSet<String>,
    /// Name and value of every filter that was sent, for links.
    pub(super) sent: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TimeTest(Vec<TimeRange>);

/// Which page of which list was asked for, as every list reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) page: u64,
    pub(super) per_page: u32,
    /// The column and the direction; `None` when neither was asked for.
    pub(super) order_by: Option<(&'static str, Order)>,
}

impl Paging {
    /// Reads it; what is wrong is added to what else is.
    pub(super) fn read(parameters: &Nested, columns: &[&'static str], wrong: &mut Vec<String>) -> Self {
        let page = positive(parameters.get("page"), "Page", wrong).unwrap_or(1);
        let per_page =
            positive(parameters.get("per_page"), "Per page", wrong).unwrap_or(PER_PAGE_DEFAULT.into());
        if per_page > PER_PAGE_MAX {
            wrong.push(format!("Per page must be between 1 and {PER_PAGE_MAX}"));
        }
        let order_by = order_by(parameters.get("order_by"), columns, wrong);
        Self { page, per_page: u32::try_from(per_page).unwrap_or(PER_PAGE_DEFAULT), order_by }
    }

    /// What is wrong with a page that reaches behind so many resources.
    pub(super) fn beyond(self, max_total_results: Option<u64>) -> Option<String> {
        let limit = max_total_results?;
        let end = u128::from(self.page) * u128::from(self.per_page);
        (end > u128::from(limit))
            .then(|| format!("Maximum result (page * per_page) must be less than {limit}"))
    }

    /// Which end comes first.
    pub(super) fn order(self) -> Order {
        self.order_by.map_or(Order::Ascending, |(_, order)| order)
    }
}

/// The parameters in the order in which their names first came; the last of several equal ones counts.
#[derive(Debug)]
pub(super) struct Nested(Vec<(String, Given)>);

impl Nested {
    /// Reads a query string.
    pub(super) fn read(query: &str) -> Self {
        let mut found: Vec<(String, Given)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name.is_empty() {
                continue;
            }
            let (name, member) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
                Some((base, member)) if !base.is_empty() => (base.to_owned(), Some(member.to_owned())),
                _ => (name.into_owned(), None),
            };
            let place = found.iter_mut().find(|(given, _)| *given == name).map(|(_, given)| given);
            match (place, member) {
                (Some(Given::Nested(members)), Some(member)) => {
                    members.retain(|(other, _)| *other != member || member.is_empty());
                    members.push((member, value.into_owned()));
                }
                (Some(given), Some(member)) => *given = Given::Nested(vec![(member, value.into_owned())]),
                (Some(given), None) => *given = Given::Text(value.into_owned()),
                (None, Some(member)) => {
                    found.push((name, Given::Nested(vec![(member, value.into_owned())])));
                }
                (None, None) => found.push((name, Given::Text(value.into_owned()))),
            }
        }
        Self(found)
    }

    /// The parameter of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// Finds fault with parameters of other names.
    pub(super) fn check_names(&self, allowed: &[&str], wrong: &mut Vec<String>) {
        let names = self.0.iter().map(|(name, _)| name.as_str());
        let unknown: Vec<&str> = names.filter(|name| !allowed.contains(name)).collect();
        if !unknown.is_empty() {
            let quoted = |names: &[&str]| format!("'{}'", names.join("', '"));
            wrong.push(format!(
                "Unknown query parameter(s): {}. Valid parameters are: {}",
                quoted(&unknown),
                quoted(allowed)
            ));
        }
    }
}

/// A parameter as Rack nests them: `a=1`, `a[]=1`, `a[b]=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// `a=1`
    Text(String),
    /// The others.
    Nested(Vec<(String, String)>),
}

impl Given {
    /// The texts of a list.
    ///
    /// # Errors
    /// That it is none.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, String> {
        match self {
            Self::Text(text) => Ok(items(text)),
            // Rails turns `types[]=a` into the text `["a"]`, which nothing is called.
            Self::Nested(members) if is_plain(members) => {
                let texts = members.iter().map(|(_, text)| format!("\"{text}\""));
                Ok(vec![format!("[{}]", texts.collect::<Vec<_>>().join(", "))])
            }
            Self::Nested(_) => {
                let mut title = name.replace('_', " ");
                title.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
                Err(format!("{title} must be an array"))
            }
        }
    }
}

/// Whether these are `a[]=1` and nothing else.
fn is_plain(members: &[(String, String)]) -> bool {
    members.iter().all(|(key, _)| key.is_empty())
}

impl ListRequest {
    /// Reads a query string.
    ///
    /// # Errors
    /// What is wrong with it, all of it.
    pub(super) fn read(query: &str, max_total_results: Option<u64>) -> Result<Self, String> {
        let parameters = Nested::read(query);
        let mut wrong = Vec::new();
        let paging = Paging::read(&parameters, &ORDER_BY, &mut wrong);
        let mut request =
            Self { paging, lists: Vec::new(), times: Vec::new(), guids: BTreeSet::new(), sent: Vec::new() };
        parameters.check_names(&ALLOWED, &mut wrong);
        for name in ["created_ats", "updated_ats"] {
            if let Some(given) = parameters.get(name) {
                request.read_times(name, given, &mut wrong);
            }
        }
        for name in ["guids", "types", "target_guids", "space_guids", "organization_guids"] {
            if let Some(given) = parameters.get(name) {
                request.read_list(name, given, &mut wrong);
            }
        }
        wrong.extend(paging.beyond(max_total_results));
        if wrong.is_empty() { Ok(request) } else { Err(wrong.join(", ")) }
    }

    /// This page, for links.
    pub(super) fn page_of<'r>(&'r self, base_url: &'r str) -> PageOf<'r> {
        PageOf { base_url, path: "/v3/audit_events", paging: self.paging, sent: &self.sent }
    }

    /// The conditions, on the events this API shows. Identifiers are not among them.
    pub(super) fn filter(&self) -> Filter {
        let mut types = Vec::new();
        let mut conditions = Filter::all();
        for (name, items) in &self.lists {
            let items: BTreeSet<String> = items.iter().cloned().collect();
            let (field, test) = match *name {
                "types" => {
                    types.push(TextTest::OneOf(items));
                    continue;
                }
                "target_guids" => (Field::TargetId, TextTest::OneOf(items)),
                "target_guids[not]" => (Field::TargetId, TextTest::NoneOf(items)),
                "space_guids" => (Field::Project, TextTest::OneOf(items)),
                _ => (Field::Organization, TextTest::OneOf(items)),
            };
            conditions = conditions.and(test.on(field));
        }
        for TimeTest(ranges) in &self.times {
            conditions = conditions.and(match ranges.as_slice() {
                [range] => Filter::Time(*range),
                ranges => Filter::Or(ranges.iter().copied().map(Filter::Time).collect()),
            });
        }
        condition::shown_with_type(&types).and(conditions)
    }

    fn read_times(&mut self, name: &str, given: &Given, wrong: &mut Vec<String>) {
        let title = if name == "created_ats" { "Created ats" } else { "Updated ats" };
        let format = format!(
            "{title} has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'"
        );
        match given {
            Given::Text(text) => {
                let seconds: Option<Vec<TimeRange>> = items(text)
                    .iter()
                    .map(|item| instant(item).map(|value| TimeRange::new(Some(value), Some(behind(value)))))
                    .collect();
                match seconds {
                    Some(seconds) => self.times.push(TimeTest(seconds)),
                    None => wrong.push(format),
                }
                self.sent.push((name.to_owned(), joined(&items(text))));
            }
            Given::Nested(members) => {
                for (operator, text) in members {
                    let known = matches!(operator.as_str(), "lt" | "lte" | "gt" | "gte");
                    if !known {
                        wrong.push(format!("{title} Invalid relational operator: '{operator}'"));
                    }
                    if text.contains(',') {
                        wrong
                            .push(format!("{title} only accepts one value when using a relational operator"));
                        continue;
                    }
                    let Some(value) = instant(text) else {
                        wrong.push(format.clone());
                        continue;
                    };
                    let range = match operator.as_str() {
                        "lt" => TimeRange::new(None, Some(value)),
                        "lte" => TimeRange::new(None, Some(behind(value))),
                        "gt" => TimeRange::new(Some(behind(value)), None),
                        _ => TimeRange::new(Some(value), None),
                    };
                    self.times.push(TimeTest(vec![range]));
                    self.sent.push((format!("{name}[{operator}]"), text.clone()));
                }
            }
        }
    }

    fn read_list(&mut self, name: &'static str, given: &Given, wrong: &mut Vec<String>) {
        let read = match (given, name) {
            (Given::Nested(members), "target_guids") if !is_plain(members) => match members.as_slice() {
                [(operator, text)] if operator == "not" => Ok(("target_guids[not]", items(text))),
                _ => Err("Target guids target_guids has an invalid operator".to_owned()),
            },
            _ => given.list(name).map(|items| (name, items)),
        };
        let (name, items) = match read {
            Ok(read) => read,
            Err(problem) => {
                wrong.push(problem);
                return;
            }
        };
        self.sent.push((name.to_owned(), joined(&items)));
        if name == "guids" {
            if items.len() > GUIDS_MAX {
                wrong.push(format!("Guids must be at most {GUIDS_MAX}"));
            }
            self.guids.extend(items);
        } else {
            self.lists.push((name, items));
        }
    }
}

/// Splits at commas and the spaces behind them; empty items stay. Each item is decoded once more, so that `%2C` in it is
/// a comma of its own.
fn items(text: &str) -> Vec<String> {
    let decode = |item: &str| percent_decode_str(item).decode_utf8_lossy().into_owned();
    let mut parts = text.split(',');
    let first = parts.next().map(decode);
    first.into_iter().chain(parts.map(|item| decode(item.trim_start()))).collect()
}

/// The opposite of [`items`].
pub(super) fn joined(items: &[String]) -> String {
    let quoted = items.iter().map(|item| item.replace('%', "%25").replace(',', "%2C"));
    quoted.collect::<Vec<_>>().join(",")
}

/// A positive integer as Ruby's `to_i` reads it: the digits in front count, the rest is overlooked.
fn positive(given: Option<&Given>, title: &str, wrong: &mut Vec<String>) -> Option<u64> {
    let value = match given? {
        Given::Text(text) => {
            let text = text.trim_start();
            let text = text.strip_prefix('+').unwrap_or(text);
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text.get(..end).filter(|digits| !digits.is_empty()).map(|digits| {
                // More than can be counted is more than there is.
                digits.parse().unwrap_or(u64::MAX)
            })
        }
        Given::Nested(_) => None,
    };
    let value = value.filter(|value| *value > 0);
    if value.is_none() {
        wrong.push(format!("{title} must be a positive integer"));
    }
    value
}

fn order_by(
    given: Option<&Given>,
    columns: &[&'static str],
    wrong: &mut Vec<String>,
) -> Option<(&'static str, Order)> {
    let text = match given? {
        Given::Text(text) if text.trim().is_empty() => return None,
        Given::Text(text) => text.as_str(),
        Given::Nested(_) => "",
    };
    let (order, column) = match text.strip_prefix('-') {
        Some(column) => (Order::Descending, column),
        None => (Order::Ascending, text.strip_prefix('+').unwrap_or(text)),
    };
    let column = columns.iter().copied().find(|known| *known == column);
    if column.is_none() {
        wrong.push(format!("Order by can only be: '{}'", columns.join("', '")));
    }
    column.map(|column| (column, order))
}

/// An instant in the one format that is allowed; held at the ends of time where it cannot be stored.
fn instant(text: &str) -> Option<Timestamp> {
    let shape = text.len() == 20
        && text.bytes().zip("dddd-dd-ddTdd:dd:ddZ".bytes()).all(|(byte, expected)| match expected {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if !shape {
        return None;
    }
    match Timestamp::parse(text) {
        Ok(value) => Some(value),
        Err(TimeError::Range(text)) if text.as_str() < "1970" => Some(Timestamp::MIN),
        Err(TimeError::Range(_)) => Some(Timestamp::MAX),
        Err(TimeError::Grammar(_)) => None,
    }
}

/// The end of the second that begins there.
fn behind(value: Timestamp) -> Timestamp {
    value.plus_nanos(SECOND_NANOS)
}
