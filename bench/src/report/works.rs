//! Titles of what is measured, in the order of the tables.

/// A table of works.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What a reader must know about it.
    pub(crate) text: &'static str,
    /// Keys and titles.
    pub(crate) works: &'static [(&'static str, &'static str)],
}

pub(crate) const SECTIONS: &[Section] = &[
    Section {
        title: "Recording",
        text: "Ours: `POST /api/v1/events`, NDJSON; acknowledged means durable, deduplicated and visible. PostgreSQL: `COPY` of 1,000 rows \
               a transaction into the table with all its indexes, synchronous commit. ClickHouse, DuckDB, SQLite: inserts of 1,000 rows, \
               ClickHouse with fsync after each. In bulk: one load from a file without indexes, then the indexes, statistics and merges, \
               all of it counted; not durable on the way. Ours and PostgreSQL deduplicate by id, SQLite by a unique index, ClickHouse and DuckDB do not.",
        works: &[
            ("ingest_8", "batches of 1,000, 8 connections: acknowledged"),
            ("ingest_8_rest", "the same, until everything is sealed, merged, vacuumed"),
            ("ingest_8_batch", "one batch of 1,000 of 8 connections"),
            ("ingest_8_cpu", "processor time of a million events"),
            ("ingest_1", "batches of 1,000, 1 connection: acknowledged"),
            ("ingest_bulk", "in bulk"),
            ("posts_1", "single events, 1 connection"),
            ("posts_1_time", "the time of one"),
            ("posts_8", "single events, 8 connections"),
            ("posts_8_time", "the time of one"),
            ("posts_64", "single events, 64 connections"),
            ("posts_64_time", "the time of one"),
            ("limit_parse", "limit: events parsed and checked, all cores"),
            ("limit_sync_batches", "limit: batches of 1,000 written and fsynced"),
            ("limit_sync_singles", "limit: single events written and fsynced"),
            ("limit_http", "limit: the batches over HTTP, thrown away"),
        ],
    },
    Section {
        title: "The newest events",
        text: "Median / p99. Whole events, newest first. `limit` is a fixed answer of the same size from the same HTTP library.",
        works: &[
            ("org_50", "organization, latest 50"),
            ("org_day_50", "organization, one day, latest 50"),
            ("actor_100", "actor, latest 100"),
            ("target_100", "target, latest 100"),
            ("type_100", "type, latest 100"),
            ("org_type_50", "organization and type, latest 50"),
            ("org_type_day_50", "organization and type, one day, latest 50"),
            ("org_2types_50", "organization and one of two types, latest 50"),
            ("actor_type_50", "actor and type, latest 50"),
            ("actor_target_50", "actor and target, latest 50"),
            ("target_type_50", "target and type, latest 50"),
            ("all_50", "everything, latest 50"),
            ("by_id", "one event by its id"),
            ("page_rate", "organization, latest 50: pages of 8 connections"),
        ],
    },
    Section {
        title: "Totals and groups",
        text: "Exact. Ours of a total is a page of no events with its total.",
        works: &[
            ("total_all", "everything, total"),
            ("total_type", "type, total"),
            ("total_org", "organization, total"),
            ("total_org_type", "organization and type, total"),
            ("total_org_2types", "organization and one of two types, total"),
            ("org_by_type", "organization, by type"),
            ("all_by_type", "everything, by type"),
            ("all_by_org", "everything, by organization"),
            ("all_by_hour", "everything, by hour"),
            ("hour_type", "everything, by hour and type"),
        ],
    },
    Section {
        title: "Deep pages",
        text: "Pages of 50 of one type that succeeded, with the exact total; ours through Cloud Foundry's `GET /v2/events`.",
        works: &[
            ("page_1", "page 1"),
            ("page_1000", "page 1,000"),
            ("offset_100000", "page 2,001: behind 100,000 events"),
        ],
    },
    Section {
        title: "Words",
        text: "Words of the message, newest 50. PostgreSQL: GIN over `to_tsvector`; ClickHouse: `tokenbf_v1`; SQLite: FTS5; DuckDB scans. \
               Ours looks into every text of an event.",
        works: &[
            ("word_rare_50", "a rare word"),
            ("word_common_50", "a common word"),
            ("word_org_50", "a common word within one organization"),
        ],
    },
    Section {
        title: "Export",
        text: "Everything as JSON. Ours: `GET /api/v1/export` on one connection. PostgreSQL: `COPY` of `row_to_json`; ClickHouse: \
               `JSONEachRow`; DuckDB: `COPY … (FORMAT json)` to a file; SQLite: `json_object` of every row.",
        works: &[("export", "export"), ("export_core", "export, by processor time of the server")],
    },
    Section {
        title: "On disk",
        text: "All indexes, dictionaries, logs and catalogs included; compacted, vacuumed, merged.",
        works: &[
            ("disk", "bytes an event, compacted"),
            ("disk_rest", "bytes an event, at rest after the load"),
        ],
    },
    Section {
        title: "Reading while writing",
        text: "Pages of 50 on one connection; batches of 1,000 at 15,000 events a second on another.",
        works: &[
            ("mixed_read_idle", "a page, nobody writes"),
            ("mixed_read_writing", "a page, somebody writes"),
            ("mixed_read_sealing", "a page, somebody writes and the store seals"),
            ("mixed_write", "a batch"),
            ("mixed_write_sealing", "a batch, the store seals"),
        ],
    },
    Section {
        title: "Starting, memory",
        text: "Files are in the page cache. Memory: the process's own, and pages of mapped files, which the system takes back when it needs them.",
        works: &[
            ("start_clean", "ready after a clean stop"),
            ("start_first_page", "the first page after it"),
            ("start_killed", "ready after kill -9 under load"),
            ("memory_load", "own memory while loading, the most"),
            ("memory_load_mapped", "mapped files while loading, the most"),
            ("memory_used", "own memory after all questions"),
            ("memory_idle", "own memory after a start"),
            ("memory_idle_mapped", "mapped files after a start"),
        ],
    },
];

/// The title of a work.
pub(crate) fn title(key: &str) -> &str {
    let mut works = SECTIONS.iter().flat_map(|section| section.works);
    works.find(|(known, _)| *known == key).map_or(key, |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use annals_testkit::Profile;

    use super::*;
    use crate::workloads::queries::queries;

    #[test]
    fn every_question_has_a_title() {
        for query in queries(Profile::Large1017, 10_000_000) {
            assert_ne!(title(query.key), query.key);
        }
    }
}
