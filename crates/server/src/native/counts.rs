//! `GET /api/v1/facets`, `/fields/{field}` and `/histogram`: counts events by value and by time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use annals_model::{Field, GroupCount, Query, Role, TimeRange, Timestamp, limits::GROUPS_MAX};
use annals_store::{Facet, QueryError, Store};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, json, json_response},
    limits::{
        CHOSEN_BUCKETS_MAX, FACET_FIELDS_MAX, FACET_VALUES_DEFAULT, FACET_VALUES_MAX, GROUPS_DEFAULT,
        SPLIT_VALUES_DEFAULT, SPLIT_VALUES_MAX, VALUES_DEFAULT, VALUES_MAX,
    },
    native::{
        Segment,
        access::caller_with,
        filters::{Parameters, field as field_named},
        problem::{Kind, Problem},
        read::unanswered,
        segment,
    },
    observe::trail::Trail,
};

/// Widths of buckets that people read easily, in seconds: 1 s to 30 s, 1 min to 30 min, 1 h to 12 h, days, weeks.
/// Beyond the last it is doubled.
const ROUND_WIDTHS: [u64; 23] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800, 1_209_600, 2_419_200, 7_862_400,
];

/// The widest bucket, in seconds: its nanoseconds are a signed number of 64 bits.
const WIDTH_MAX: u64 = i64::MAX.unsigned_abs() / 1_000_000_000;

/// How often each value of a field occurs.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldCounts {
    /// The field.
    field: String,
    /// Its values, the most frequent first.
    values: Vec<ValueCount>,
}

/// How often one value occurs.
#[derive(Serialize, ToSchema)]
pub(crate) struct ValueCount {
    /// The value; null counts the events that do not have the field.
    value: Option<String>,
    /// How many events have it.
    count: u64,
}

/// How many events match, and their most frequent values of some fields.
#[derive(Serialize, ToSchema)]
pub(crate) struct FacetList {
    /// How many events match.
    total: u64,
    /// One for each field, in the order asked for.
    facets: Vec<FieldFacet>,
}

/// The most frequent values of one field.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldFacet {
    /// The field.
    field: String,
    /// Its values, the most frequent first.
    values: Vec<ValueCount>,
    /// Whether there are further values.
    more: bool,
}

/// How many events happened when.
#[derive(Serialize, ToSchema)]
pub(crate) struct Histogram {
    /// The width of a bucket in seconds.
    width_seconds: u64,
    /// Where the time begins: as asked for, else with the first bucket; null when no event matches.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    from: Option<Timestamp>,
    /// The first instant behind it: as asked for, else the end of the last bucket; null when no event matches.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    to: Option<Timestamp>,
    /// The buckets that are not empty, oldest first.
    buckets: Vec<Bucket>,
}

/// One bucket of a histogram.
#[derive(Serialize, ToSchema)]
pub(crate) struct Bucket {
    /// Its first instant, a multiple of the width since 1970.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// How many events happened in it.
    count: u64,
    /// How many of them have each value of the field `by`; values that none of them has are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    values: Option<BTreeMap<String, u64>>,
}

/// Counts events by the values of a field.
#[utoipa::path(
    get, path = "/api/v1/fields/{field}", operation_id = "count_by_field", tag = "counts",
    params(
        ("field" = String, Path, description = "A field, as in `type` or `labels.team`"),
        ("limit" = Option<u32>, Query, description = "Values: 1 to 10000, 100 by default"),
    ),
    responses((status = 200, description = "The most frequent values", body = FieldCounts)),
)]
pub(crate) async fn field(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let name = segment(name)?;
    let field = field_named(&name).ok_or_else(|| Problem::new(Kind::NotFound, no_field(&name)))?;
    let parameters =
        Parameters::parse(request.uri().query().unwrap_or_default(), &["limit"], app.clock.now())?;
    let limit = parameters.number("limit", GROUPS_DEFAULT as u32, 1..=GROUPS_MAX as u32)?;
    let query = parameters.query(&reader)?;
    let (asked, named) = (Arc::clone(&app), field.name().into_owned());
    let body = blocking(&trail, move || {
        let counts = asked.store.group(&query, &field, limit as usize)?;
        Ok(json(&FieldCounts { field: named, values: value_counts(counts) }))
    })
    .await?;
    body.map(json_response).map_err(|error| unanswered(&trail, &error))
}

/// Gives the values of a field that begin with a text.
#[utoipa::path(
    get, path = "/api/v1/values/{field}", operation_id = "complete_value", tag = "counts",
    params(
        ("field" = String, Path, description = "A field, as in `type` or `labels.team`"),
        ("prefix" = Option<String>, Query, description = "What the values begin with, in any case; absent = every value"),
        ("limit" = Option<u32>, Query, description = "Values: 1 to 1000, 20 by default"),
    ),
    responses((status = 200, description = "The most frequent of these values", body = FieldCounts)),
)]
pub(crate) async fn values(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let name = segment(name)?;
    let field = field_named(&name).ok_or_else(|| Problem::new(Kind::NotFound, no_field(&name)))?;
    let parameters =
        Parameters::parse(request.uri().query().unwrap_or_default(), &["prefix", "limit"], app.clock.now())?;
    let limit = parameters.number("limit", VALUES_DEFAULT as u32, 1..=VALUES_MAX as u32)?;
    let prefix = parameters.own("prefix").unwrap_or_default().to_owned();
    let query = parameters.query(&reader)?;
    let (asked, named) = (Arc::clone(&app), field.name().into_owned());
    let body = blocking(&trail, move || {
        let counts = asked.store.values(&query, &field, &prefix, limit as usize)?;
        Ok(json(&FieldCounts { field: named, values: value_counts(counts) }))
    })
    .await?;
    body.map(json_response).map_err(|error| unanswered(&trail, &error))
}

/// Counts the events that match, and the most frequent values of several fields among them.
#[utoipa::path(
    get, path = "/api/v1/facets", operation_id = "count_by_fields", tag = "counts",
    params(
        ("field" = Vec<String>, Query, description = "A field, as in `type` or `labels.team`; repeated: each of these, 20 at most"),
        ("limit" = Option<u32>, Query, description = "Values of each field: 1 to 1000, 10 by default"),
    ),
    responses((status = 200, description = "The most frequent values of each field", body = FacetList)),
)]
pub(crate) async fn facets(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let parameters =
        Parameters::parse(request.uri().query().unwrap_or_default(), &["field", "limit"], app.clock.now())?;
    let limit = parameters.number("limit", FACET_VALUES_DEFAULT as u32, 1..=FACET_VALUES_MAX as u32)?;
    let mut fields: Vec<Field> = Vec::new();
    for name in parameters.own_all("field") {
        let field = field_named(name).ok_or_else(|| Problem::parameter(no_field(name)))?;
        // Asked twice is answered once.
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    if !(1..=FACET_FIELDS_MAX).contains(&fields.len()) {
        let detail = format!(
            "{} fields are asked for: name 1 to {FACET_FIELDS_MAX} of them, as in field=type&field=actor.name",
            fields.len()
        );
        return Err(Problem::parameter(detail));
    }
    let query = parameters.query(&reader)?;
    let asked = Arc::clone(&app);
    let body = blocking(&trail, move || {
        let facets = asked.store.facets(&query, &fields, limit as usize)?;
        let facet = |(field, facet): (&Field, Facet)| FieldFacet {
            field: field.name().into_owned(),
            values: value_counts(facet.values),
            more: facet.more,
        };
        let list = fields.iter().zip(facets.fields).map(facet).collect();
        Ok(json(&FacetList { total: facets.total, facets: list }))
    })
    .await?;
    body.map(json_response).map_err(|error| unanswered(&trail, &error))
}

/// Counts events by time.
#[utoipa::path(
    get, path = "/api/v1/histogram", operation_id = "count_by_time", tag = "counts",
    params(
        ("width" = Option<String>, Query, description = "The width of a bucket: `30s`, `5m`, `1h` (the default), `7d`"),
        ("buckets" = Option<u32>, Query, description = "Instead of `width`: so many buckets at most, 1 to 2000, of a round width that the server chooses"),
        ("by" = Option<String>, Query, description = "A field by whose most frequent values each bucket is counted too, as in `outcome`"),
        ("values" = Option<u32>, Query, description = "How many values of that field: 1 to 100, 10 by default"),
    ),
    responses((status = 200, description = "How many events happened when", body = Histogram)),
)]
pub(crate) async fn histogram(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let own = ["width", "buckets", "by", "values"];
    let parameters = Parameters::parse(request.uri().query().unwrap_or_default(), &own, app.clock.now())?;
    let choice = match (parameters.own("width"), parameters.own("buckets")) {
        (Some(_), Some(_)) => {
            return Err(Problem::parameter("`width` and `buckets` are both given: give one of them"));
        }
        (None, Some(_)) => {
            Choice::Buckets(u64::from(parameters.number("buckets", 1, 1..=CHOSEN_BUCKETS_MAX as u32)?))
        }
        (text, None) => {
            let text = text.unwrap_or("1h");
            Choice::Width(width(text).ok_or_else(|| {
                Problem::parameter(format!(
                    "`width` is `{text}`: must be a number and s, m, h or d, as in 15m"
                ))
            })?)
        }
    };
    let by = match parameters.own("by") {
        Some(name) => Some(field_named(name).ok_or_else(|| Problem::parameter(no_field(name)))?),
        None if parameters.own("values").is_some() => {
            return Err(Problem::parameter("`values` is given without `by`: say which field's values"));
        }
        None => None,
    };
    let values =
        parameters.number("values", SPLIT_VALUES_DEFAULT as u32, 1..=SPLIT_VALUES_MAX as u32)? as usize;
    let query = parameters.query(&reader)?;
    let (asked, range) = (Arc::clone(&app), parameters.range());
    let body = blocking(&trail, move || {
        let width = match choice {
            Choice::Width(width) => width,
            Choice::Buckets(most) => chosen_width(&asked.store, &query, range, most)?,
        };
        let buckets = count_buckets(&asked.store, &query, width, by.as_ref().map(|field| (field, values)))?;
        let first = buckets.first().map(|bucket| bucket.from);
        let end = buckets.last().map(|bucket| bucket.from.plus(width));
        let (from, to) = (range.from.or(first), range.to.or(end));
        Ok(json(&Histogram { width_seconds: width.as_secs(), from, to, buckets }))
    })
    .await?;
    body.map(json_response).map_err(|error| unanswered(&trail, &error))
}

/// How the width of buckets is decided.
enum Choice {
    Width(Duration),
    /// So many of them at most.
    Buckets(u64),
}

fn count_buckets(
    store: &Store,
    query: &Query,
    width: Duration,
    by: Option<(&Field, usize)>,
) -> Result<Vec<Bucket>, QueryError> {
    let Some((field, values)) = by else {
        let buckets = store.histogram(query, width)?.into_iter();
        return Ok(buckets.map(|(from, count)| Bucket { from, count, values: None }).collect());
    };
    let split = store.split_histogram(query, width, field, values)?;
    let named = |counts: Vec<u64>| {
        let pairs = split.values.iter().cloned().zip(counts);
        pairs.filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>()
    };
    let buckets = split.buckets.into_iter();
    Ok(buckets
        .map(|bucket| Bucket { from: bucket.start, count: bucket.count, values: Some(named(bucket.counts)) })
        .collect())
}

/// The narrowest round width with at most so many buckets in the time asked for, or where that is open, in the time of
/// the events that match.
fn chosen_width(store: &Store, query: &Query, range: TimeRange, most: u64) -> Result<Duration, QueryError> {
    let last_of = |to: Timestamp| to.plus_nanos(-1);
    let (first, last) = match (range.from, range.to.map(last_of)) {
        (Some(from), Some(last)) => (from, last),
        (from, last) => match store.extent(query)? {
            Some((earliest, latest)) => (from.unwrap_or(earliest), last.unwrap_or(latest)),
            None => return Ok(Duration::from_secs(3_600)),
        },
    };
    Ok(round_width(first.seconds(), last.seconds(), most))
}

/// The narrowest round width of which at most `most` buckets reach from one second to another.
fn round_width(first: i64, last: i64, most: u64) -> Duration {
    let fits = |width: &u64| {
        let width = width.cast_signed();
        last.div_euclid(width).saturating_sub(first.div_euclid(width)) < most.cast_signed()
    };
    let beyond = ROUND_WIDTHS.last().copied().unwrap_or(1);
    let doubled =
        std::iter::successors(Some(beyond), |width| Some(width * 2)).take_while(|w| *w <= WIDTH_MAX);
    let mut widest = beyond;
    let found = ROUND_WIDTHS.into_iter().chain(doubled).inspect(|width| widest = *width).find(fits);
    // No width reaches from long before 1970 to long after it in one bucket; then the widest has to do.
    Duration::from_secs(found.unwrap_or(widest))
}

fn value_counts(counts: Vec<GroupCount>) -> Vec<ValueCount> {
    counts.into_iter().map(|GroupCount { value, count }| ValueCount { value, count }).collect()
}

fn no_field(name: &str) -> String {
    let known: Vec<String> = Field::FIXED.iter().map(|field| field.name().into_owned()).collect();
    format!("there is no field `{name}`; there are {} and labels.<name>", known.join(", "))
}

/// A number and a unit.
pub(crate) fn width(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_numbers_with_a_unit() {
        assert_eq!(width("30s"), Some(Duration::from_secs(30)));
        assert_eq!(width("2d"), Some(Duration::from_secs(172_800)));
        for text in
            ["", "s", "0h", "-1h", "1", "1w", "1.5h", "99999999999999999999h", "9999999999999999999d", "1é"]
        {
            assert_eq!(width(text), None, "{text}");
        }
    }

    #[test]
    fn a_chosen_width_is_round_and_fits() {
        const DAY: i64 = 86_400;
        for (first, last, most, seconds) in [
            (0, 0, 1, 1),
            (0, 59, 60, 1),
            (0, 60, 60, 2),
            (0, DAY - 1, 24, 3_600),
            (0, 30 * DAY - 1, 60, 43_200),
            (0, 30 * DAY - 1, 30, 86_400),
            // A range that is not aligned touches one bucket more.
            (1, 24 * 3_600, 24, 7_200),
            (0, 365 * DAY * 10, 100, 7_862_400),
        ] {
            assert_eq!(round_width(first, last, most).as_secs(), seconds, "{first} to {last} in {most}");
        }
        let all = (Timestamp::MIN.seconds(), Timestamp::MAX.seconds());
        for most in [4, 10, 2_000] {
            let width = round_width(all.0, all.1, most).as_secs().cast_signed();
            assert!(all.1.div_euclid(width) - all.0.div_euclid(width) < most.cast_signed(), "{most}");
        }
        assert!((WIDTH_MAX / 2..=WIDTH_MAX).contains(&round_width(all.0, all.1, 1).as_secs()));
    }
}
