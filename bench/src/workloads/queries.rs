//! The questions that are asked, each as a path of ours and as SQL.
//!
//! In both `:organization`, `:type`, `:actor`, `:target`, `:from`, `:to` and `:id` stand for values of an event. In SQL
//! `{all}` is every column, the id first, `{hour}` the hour of the time as a number, and `{word(x)}` the condition that
//! the message has that word.

use annals_testkit::Profile;

/// How an answer is read, and what of it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Events in order: their ids.
    Events,
    /// One event: its id.
    Event,
    /// A page by number or offset, with the total: the ids, and the number.
    Page,
    /// An exact total, in the answer of a list.
    Total,
    /// The values of a field with their numbers.
    Groups,
    /// Hours with their numbers.
    Hours,
    /// Hours and types with their numbers.
    HoursByType,
}

/// One question.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// What results are kept under.
    pub(crate) key: &'static str,
    pub(crate) shape: Shape,
    /// The path of ours.
    pub(crate) path: String,
    /// One statement, or two where a total is asked for beside a page.
    pub(crate) sql: Vec<String>,
}

/// A question that finds nothing in common with others of its kind but the filter.
struct Filter {
    key: &'static str,
    parameters: &'static str,
    condition: &'static str,
}

const fn filter(key: &'static str, parameters: &'static str, condition: &'static str) -> Filter {
    Filter { key, parameters, condition }
}

/// Pages of the newest events.
const LATEST: &[(Filter, u32)] = &[
    (filter("org_50", "organization=:organization", "organization = :organization"), 50),
    (
        filter(
            "org_day_50",
            "organization=:organization&from=:from&to=:to",
            "organization = :organization and time >= :from and time < :to",
        ),
        50,
    ),
    (filter("actor_100", "actor=:actor", "actor = :actor"), 100),
    (filter("target_100", "target=:target", "target = :target"), 100),
    (filter("type_100", "type=:type", "type = :type"), 100),
    (
        filter(
            "org_type_50",
            "organization=:organization&type=:type",
            "organization = :organization and type = :type",
        ),
        50,
    ),
    (
        filter(
            "org_type_day_50",
            "organization=:organization&type=:type&from=:from&to=:to",
            "organization = :organization and type = :type and time >= :from and time < :to",
        ),
        50,
    ),
    (
        filter(
            "org_2types_50",
            "organization=:organization&type=:type&type=:other_type",
            "organization = :organization and type in (:type, :other_type)",
        ),
        50,
    ),
    (filter("actor_type_50", "actor=:actor&type=:type", "actor = :actor and type = :type"), 50),
    (filter("actor_target_50", "actor=:actor&target=:target", "actor = :actor and target = :target"), 50),
    (filter("target_type_50", "target=:target&type=:type", "target = :target and type = :type"), 50),
    (filter("all_50", "", "1 = 1"), 50),
];

/// Words that are searched for in the message, which only large events have. Nothing else in an event has them.
const WORDS: &[(Filter, u32)] = &[
    (filter("word_rare_50", "q=quarantined", "{word(quarantined)}"), 50),
    (filter("word_common_50", "q=autoscaler", "{word(autoscaler)}"), 50),
    (
        filter(
            "word_org_50",
            "q=autoscaler&organization=:organization",
            "{word(autoscaler)} and organization = :organization",
        ),
        50,
    ),
];

const TOTALS: &[Filter] = &[
    filter("total_all", "", "1 = 1"),
    filter("total_type", "type=:type", "type = :type"),
    filter("total_org", "organization=:organization", "organization = :organization"),
    filter(
        "total_org_type",
        "organization=:organization&type=:type",
        "organization = :organization and type = :type",
    ),
    filter(
        "total_org_2types",
        "organization=:organization&type=:type&type=:other_type",
        "organization = :organization and type in (:type, :other_type)",
    ),
];

/// Events on a page of the deep pages.
const PAGE_EVENTS: u64 = 50;
/// Page numbers, and the key of each. The last one begins behind 100,000 events.
const PAGES: &[(&str, u64)] = &[("page_1", 1), ("page_1000", 1_000), ("offset_100000", 2_001)];
/// The share of events that the deep pages list, about: one type, successes.
const PAGED_SHARE: u64 = 6;

/// The questions for so many events of a profile.
pub(crate) fn queries(profile: Profile, events: u64) -> Vec<Query> {
    let select = |condition: &str, limit: u32| {
        format!("select {{all}} from events where {condition} order by time desc limit {limit}")
    };
    let joined = |parameters: &str| {
        if parameters.is_empty() { String::new() } else { format!("{parameters}&") }
    };
    let mut queries = Vec::new();
    let words = if profile == Profile::Large1017 { WORDS } else { &[] };
    for (Filter { key, parameters, condition }, limit) in LATEST.iter().chain(words) {
        queries.push(Query {
            key,
            shape: Shape::Events,
            path: format!("/api/v1/events?{}limit={limit}", joined(parameters)),
            sql: vec![select(condition, *limit)],
        });
    }
    queries.push(Query {
        key: "by_id",
        shape: Shape::Event,
        path: "/api/v1/events/:id".to_owned(),
        sql: vec!["select {all} from events where id = :id".to_owned()],
    });
    for Filter { key, parameters, condition } in TOTALS {
        queries.push(Query {
            key,
            shape: Shape::Total,
            path: format!("/api/v1/events?{}limit=0&total=true", joined(parameters)),
            sql: vec![format!("select count(*) from events where {condition}")],
        });
    }
    let grouped = |key, shape, path: &str, sql: &str| Query {
        key,
        shape,
        path: path.to_owned(),
        sql: vec![sql.to_owned()],
    };
    queries.extend([
        grouped(
            "org_by_type",
            Shape::Groups,
            "/api/v1/fields/type?organization=:organization",
            "select type, count(*) from events where organization = :organization group by type",
        ),
        grouped(
            "all_by_type",
            Shape::Groups,
            "/api/v1/fields/type",
            "select type, count(*) from events group by type",
        ),
        grouped(
            "all_by_org",
            Shape::Groups,
            "/api/v1/fields/organization.id?limit=10000",
            "select organization, count(*) from events group by organization",
        ),
        grouped(
            "all_by_hour",
            Shape::Hours,
            "/api/v1/histogram?width=1h",
            "select {hour}, count(*) from events group by {hour}",
        ),
        grouped(
            "hour_type",
            Shape::HoursByType,
            // More values than there are types, so that none is left out.
            "/api/v1/histogram?width=1h&by=type&values=100",
            "select {hour}, type, count(*) from events group by {hour}, type",
        ),
    ]);
    // Hours are counted only where the product answers with all of them at once: 10,000 at most.
    queries.retain(|query| {
        events <= HOURS_EVENTS_MAX || !matches!(query.shape, Shape::Hours | Shape::HoursByType)
    });
    for (key, page) in PAGES {
        let offset = (page - 1) * PAGE_EVENTS;
        if offset + PAGE_EVENTS > events / PAGED_SHARE {
            continue;
        }
        // A type of Cloud Foundry that exactly one type of ours becomes, when it succeeded.
        let condition = "type = 'app.update' and outcome = 'success'";
        queries.push(Query {
            key,
            shape: Shape::Page,
            path: format!(
                "/v2/events?q=type:audit.app.update&order-direction=desc&results-per-page={PAGE_EVENTS}&page={page}"
            )
            .replace("type:audit", "type%3Aaudit"),
            sql: vec![
                format!(
                    "select {{all}} from events where {condition} order by time desc limit {PAGE_EVENTS} \
                     offset {offset}"
                ),
                format!("select count(*) from events where {condition}"),
            ],
        });
    }
    queries
}

/// Events whose hours are no more than a histogram may have buckets; a million is thirty days.
const HOURS_EVENTS_MAX: u64 = 13_000_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::Sample;

    #[test]
    fn keys_are_different_and_every_name_is_known() {
        for profile in [Profile::Small454, Profile::Large1017] {
            let queries = queries(profile, 1_000_000);
            let keys: BTreeSet<_> = queries.iter().map(|query| query.key).collect();
            assert_eq!(keys.len(), queries.len());
            let sample = Sample::of(1, 1_000, profile);
            for query in &queries {
                let path = sample.path(&query.path).unwrap();
                assert!(path.starts_with('/') && !path.contains(' '), "{path}");
            }
        }
    }

    #[test]
    fn only_large_events_have_words_and_only_many_have_deep_pages() {
        let has = |profile, events, key| queries(profile, events).iter().any(|query| query.key == key);
        assert!(has(Profile::Large1017, 1_000_000, "word_rare_50"));
        assert!(!has(Profile::Small454, 1_000_000, "word_rare_50"));
        assert!(has(Profile::Small454, 1_000_000, "offset_100000"));
        assert!(!has(Profile::Small454, 100_000, "page_1000"));
        assert!(!has(Profile::Small454, 100_000_000, "all_by_hour"));
    }
}
