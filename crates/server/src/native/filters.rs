//! Query parameters of the native API: those that select events, which every reading request has, and those of one
//! request. Unknown ones are refused: a filter that is silently not applied answers another question.

use std::ops::RangeInclusive;

use annals_model::{
    Field, Filter, Principal, Query, Scope, TimeRange, Timestamp,
    search::{Moment, Search},
};

use crate::native::problem::{Kind, Problem};

/// Short names of fields.
pub(crate) const ALIASES: [(&str, Field); 5] = [
    ("organization", Field::Organization),
    ("project", Field::Project),
    ("environment", Field::Environment),
    ("actor", Field::ActorId),
    ("target", Field::TargetId),
];

/// Those of a request's own parameters that may be given more than once.
const REPEATABLE: [&str; 1] = ["field"];

/// The parameters of a request, taken apart.
pub(crate) struct Parameters {
    filter: Filter,
    search: Option<Search>,
    range: TimeRange,
    organizations: Vec<String>,
    own: Vec<(&'static str, String)>,
}

/// The field of that name or alias.
pub(crate) fn field(name: &str) -> Option<Field> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, field)| field.clone());
    alias.or_else(|| name.parse().ok())
}

impl Parameters {
    /// Reads a query string; `own` are the names that this request has beside the filters, `now` is what a search
    /// counts from.
    ///
    /// # Errors
    /// 400 that names the parameter, or the place in the search.
    pub(crate) fn parse(query: &str, own: &[&'static str], now: Timestamp) -> Result<Self, Problem> {
        let mut fields: Vec<(Field, Vec<String>)> = Vec::new();
        let mut text = None;
        let (mut from, mut to) = (None, None);
        let (mut search, mut offset) = (None, None);
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some(own) = own.iter().find(|own| **own == name) {
                if !REPEATABLE.contains(own) && found.iter().any(|(known, _)| known == own) {
                    return Err(repeated(own));
                }
                found.push((own, value.into_owned()));
                continue;
            }
            match &*name {
                "q" => set(&mut text, "q", value.into_owned())?,
                "search" => set(&mut search, "search", value.into_owned())?,
                "utc_offset" => set(&mut offset, "utc_offset", utc_offset(&value)?)?,
                "from" => set(&mut from, "from", instant("from", &value)?)?,
                "to" => set(&mut to, "to", instant("to", &value)?)?,
                _ => {
                    let field = field(&name).ok_or_else(|| unknown(&name, own))?;
                    match fields.iter_mut().find(|(known, _)| *known == field) {
                        Some((_, values)) => values.push(value.into_owned()),
                        None => fields.push((field, vec![value.into_owned()])),
                    }
                }
            }
        }
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::parameter(format!("`from` is {from}, later than `to`, which is {to}")));
        }
        let organizations = fields.iter().find(|(field, _)| *field == Field::Organization);
        let organizations = organizations.map(|(_, values)| values.clone()).unwrap_or_default();
        let conditions = fields.into_iter().map(|(field, mut values)| match values.len() {
            1 => Filter::term(field, values.remove(0)),
            _ => Filter::any_of(field, values),
        });
        let filter = conditions.chain(text.map(Filter::Text)).fold(Filter::all(), Filter::and);
        let moment = Moment { now, offset_seconds: offset.unwrap_or(0) };
        let search = search.map(|text| Search::parse(&text, moment)).transpose();
        let search = search.map_err(|error| Problem::search(&error))?;
        Ok(Self { filter, search, range: TimeRange::new(from, to), organizations, own: found })
    }

    /// Refuses every parameter.
    ///
    /// # Errors
    /// 400 that names the first one.
    pub(crate) fn none(query: Option<&str>) -> Result<(), Problem> {
        match form_urlencoded::parse(query.unwrap_or_default().as_bytes()).next() {
            Some((name, _)) => {
                Err(Problem::parameter(format!("unknown parameter `{name}`: this request takes none")))
            }
            None => Ok(()),
        }
    }

    /// The query that the parameters select within a scope.
    pub(crate) fn within(&self, scope: Scope) -> Query {
        let query = Query::new(scope).filter(self.filter.clone()).range(self.range);
        match &self.search {
            Some(search) => query.search(search.clone()),
            None => query,
        }
    }

    /// The value of one of the request's own parameters.
    pub(crate) fn own(&self, name: &str) -> Option<&str> {
        self.own.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// All values of one of the request's own parameters, as sent.
    pub(crate) fn own_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.own.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The time asked for: that of the parameters, and what of it the search leaves.
    pub(crate) fn range(&self) -> TimeRange {
        let search = self.search.as_ref().map_or(TimeRange::ALL, |search| search.filter.hull());
        self.range.intersect(search)
    }

    /// One of the request's own parameters as a number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        default: u32,
        bounds: RangeInclusive<u32>,
    ) -> Result<u32, Problem> {
        let Some(text) = self.own(name) else { return Ok(default) };
        text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
            let (least, most) = bounds.into_inner();
            Problem::parameter(format!("`{name}` is `{text}`: must be a number from {least} to {most}"))
        })
    }

    /// The query that the reader asks.
    ///
    /// # Errors
    /// 403 when the reader may read nothing of an organization asked for.
    pub(crate) fn query(&self, reader: &Principal) -> Result<Query, Problem> {
        let scope = reader.read_scope();
        let foreign =
            self.organizations.iter().find(|organization| !scope.touches_organization(organization));
        if let Some(organization) = foreign {
            let detail = format!("this credential is not allowed to read organization `{organization}`");
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        Ok(self.within(scope))
    }
}

fn set<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    if place.replace(value).is_some() { Err(repeated(name)) } else { Ok(()) }
}

fn instant(name: &str, text: &str) -> Result<Timestamp, Problem> {
    // The `+` of a zone arrives as a space when a client forgets to encode it; no other space can be there.
    let repaired = match text.rfind(' ') {
        Some(at) if at > "2026-01-31T23:59".len() => text.replacen(' ', "+", 1),
        _ => text.to_owned(),
    };
    repaired.parse().map_err(|error| Problem::parameter(format!("`{name}`: {error}")))
}

fn utc_offset(text: &str) -> Result<i32, Problem> {
    // As in an instant, a `+` that was not encoded arrives as a space.
    Moment::offset_of(&text.replacen(' ', "+", 1)).ok_or_else(|| {
        Problem::parameter(format!("`utc_offset` is `{text}`: must be Z, or hours and minutes as in +02:00"))
    })
}

fn repeated(name: &str) -> Problem {
    Problem::parameter(format!("`{name}` is given more than once"))
}

fn unknown(name: &str, own: &[&str]) -> Problem {
    let fields = Field::FIXED.iter().map(|field| field.name().into_owned());
    let aliases = ALIASES.iter().map(|(alias, _)| (*alias).to_owned());
    let others = ["labels.<name>", "search", "utc_offset", "q", "from", "to"]
        .iter()
        .chain(own)
        .map(|name| (*name).to_owned());
    let known: Vec<String> = aliases.chain(fields).chain(others).collect();
    Problem::parameter(format!("unknown parameter `{name}`; known are {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Parameters, String> {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        Parameters::parse(query, &["limit"], now).map_err(|problem| problem.detail)
    }

    #[test]
    fn parameters_become_a_filter() {
        let parameters = parse(
            "type=a&type=b&actor=u&labels.x=%C3%A9+1&q=big+bang&from=2026-01-01T00:00:00+01:00&limit=7",
        )
        .unwrap();
        let expected = Filter::And(vec![
            Filter::any_of(Field::Kind, ["a", "b"]),
            Filter::term(Field::ActorId, "u"),
            Filter::term(Field::Label("x".to_owned()), "é 1"),
            Filter::Text("big bang".to_owned()),
        ]);
        assert_eq!(parameters.filter, expected);
        assert_eq!(parameters.range.from, Some("2025-12-31T23:00:00Z".parse().unwrap()));
        assert_eq!(parameters.number("limit", 1, 1..=10).map_err(|problem| problem.detail), Ok(7));
        assert_eq!(parse("actor=u&actor.id=v").unwrap().filter, Filter::any_of(Field::ActorId, ["u", "v"]));
        assert_eq!(parse("").unwrap().filter, Filter::all());
        let query = parse("actor=u&search=time:today+outcome:failure&utc_offset=+02:00").unwrap();
        let expected = Filter::And(vec![
            Filter::term(Field::ActorId, "u"),
            Filter::Time(TimeRange::new(
                Some("2026-11-21T22:00:00Z".parse().unwrap()),
                Some("2026-11-22T22:00:00Z".parse().unwrap()),
            )),
            Filter::term(Field::Outcome, "failure"),
        ]);
        assert_eq!(query.within(Scope::nothing()).condition(), Filter::none().and(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, beginning) in [
            ("kind=a", "unknown parameter `kind`; known are organization, "),
            ("labels.=a", "unknown parameter `labels.`"),
            ("order=asc", "unknown parameter `order`"),
            ("limit=1&limit=1", "`limit` is given more than once"),
            ("q=a&q=b", "`q` is given more than once"),
            ("search=a&search=b", "`search` is given more than once"),
            ("search=actr:x", "`search`: there is no field `actr` (column 1); nearest are `actor`"),
            ("utc_offset=2", "`utc_offset` is `2`: must be Z, or"),
            ("from=yesterday", "`from`: `yesterday` is not an RFC 3339 time"),
            ("to=9999-01-01T00:00:00Z", "`to`: `9999-01-01T00:00:00Z` lies outside"),
            (
                "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
                "`from` is 2026-01-02T00:00:00Z, later than `to`",
            ),
        ] {
            let detail = parse(query).err().unwrap();
            assert!(detail.starts_with(beginning), "{query}: {detail}");
        }
        for text in ["0", "11", "-1", "x", "", "1.5"] {
            let parameters = parse(&format!("limit={text}")).unwrap();
            let detail = parameters.number("limit", 1, 1..=10).err().unwrap().detail;
            assert_eq!(detail, format!("`limit` is `{text}`: must be a number from 1 to 10"));
        }
    }
}
