//! Every limit of the HTTP side, by name. Those an operator may change are fields of [`Limits`]; the rest are part of
//! the interface. `docs/limits.md` lists all of them for users, with those of events and queries.

use std::time::Duration;

use serde::Deserialize;

/// Events in one `POST`; more of them are to be sent in several requests.
pub const EVENTS_PER_REQUEST_MAX: usize = 100_000;
/// Bytes of a body whose events are read and encoded at once, instead of on another thread: some tens of them.
pub const BRIEF_BODY_BYTES_MAX: usize = 16 << 10;
/// Events on one page of the native API when the request does not say.
pub const LIST_EVENTS_DEFAULT: u32 = 100;
/// Events on one page of the native API.
pub const LIST_EVENTS_MAX: u32 = 1_000;
/// Values of a grouping when the request does not say.
pub const GROUPS_DEFAULT: usize = 100;
/// Fields of one request for facets.
pub const FACET_FIELDS_MAX: usize = 20;
/// Values of each field of a request for facets that does not say.
pub const FACET_VALUES_DEFAULT: usize = 10;
/// Values of each field of a request for facets.
pub const FACET_VALUES_MAX: usize = 1_000;
/// Values that complete a text when the request does not say.
pub const VALUES_DEFAULT: usize = 20;
/// Values that complete a text.
pub const VALUES_MAX: usize = 1_000;
/// Buckets of a histogram whose width the server chooses.
pub const CHOSEN_BUCKETS_MAX: usize = 2_000;
/// Values by which a histogram is split when the request does not say; events with rarer ones are only in the counts of
/// the buckets.
pub const SPLIT_VALUES_DEFAULT: usize = 10;
/// Values by which a histogram is split.
pub const SPLIT_VALUES_MAX: usize = 100;
/// Events that a stream reads from the store at once.
pub const STREAM_PAGE_EVENTS: u32 = 500;
/// Bytes of events that a stream reads from the store at once, one event at least: what it holds in memory.
pub const STREAM_PAGE_BYTES: usize = 1 << 20;
/// How long a stream that has come to the end of the log waits before it reads again: events come together then.
pub const STREAM_PAUSE: Duration = Duration::from_millis(50);
/// When a browser is to come back after a stream broke off, in milliseconds.
pub const STREAM_RETRY_MILLIS: u64 = 1_000;
/// Events that an export reads from the store at once.
pub const EXPORT_PAGE_EVENTS: u32 = 8_000;
/// Bytes of events that an export reads from the store at once, one event at least.
pub const EXPORT_PAGE_BYTES: usize = 4 << 20;
/// Events of one row group of a Parquet file.
pub const EXPORT_GROUP_EVENTS: usize = 100_000;
/// Bytes of events, column by column, that a Parquet export collects before it writes a row group.
pub const EXPORT_GROUP_BYTES: usize = 32 << 20;
/// Parquet exports at once, each of which holds a row group in memory; one beyond it is answered 429.
pub const PARQUET_EXPORTS_MAX: usize = 8;
/// Searches that one owner saves, and that are shared.
pub const SEARCHES_MAX: usize = 200;
/// Bytes of a saved search as it is sent.
pub const SAVED_SEARCH_BYTES_MAX: usize = 64 << 10;
/// Bytes of the name of a saved search.
pub const SEARCH_NAME_BYTES_MAX: usize = 128;
/// Bytes of the description of a saved search.
pub const SEARCH_DESCRIPTION_BYTES_MAX: usize = 4 << 10;
/// Entries of each list of `[mask]`.
pub const MASK_RULES_MAX: usize = 200;
/// Bytes of an entry of `[mask]`.
pub const MASK_RULE_BYTES_MAX: usize = 128;
/// Bytes of the body of a request to a dialect. Platforms' list requests have no body, sign-ins a small one.
pub const DIALECT_BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of an `X-Request-Id` that is taken over from the client.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Bytes of the name of an installation in an import.
pub const INSTALLATION_BYTES_MAX: usize = 64;
/// One in so many of `requests_max` is left to requests that do not record: reading goes on however much is recorded.
pub const READS_SHARE: usize = 4;
/// Backups that are made at once; one beyond it is answered 429.
pub const BACKUPS_MAX: usize = 1;
/// Bytes of a request for a backup: the names of some hundred thousand segments.
pub const BACKUP_REQUEST_BYTES_MAX: usize = 4 << 20;
/// Bytes of a backup that are sent at once.
pub const BACKUP_PIECE_BYTES: usize = 256 << 10;
/// Such pieces that wait for a slow client.
pub const BACKUP_PIECES_MAX: usize = 4;
/// Bytes of a body that nobody reads, as of a refused request, that are taken before the connection is closed on it.
pub const LINGER_BYTES_MAX: usize = 64 << 20;
/// How long such a body is taken for.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// Headers of one request.
pub const HEADERS_MAX: usize = 100;
/// Bytes of memory that are taken because a request says that its body has so many.
pub const BODY_RESERVED_BYTES_MAX: usize = 1 << 20;
/// What memory for bodies is counted in.
pub const BODY_UNIT_BYTES: usize = 64 << 10;
/// Logarithm of the widest window of a zstd body, as RFC 9659 sets it for HTTP: 8 MiB.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// When to come back after the server had too much to do.
pub const RETRY_AFTER_OVERLOAD_SECONDS: u64 = 1;
/// When to come back after the disk ran full or the store stopped.
pub const RETRY_AFTER_OUTAGE_SECONDS: u64 = 30;

/// The least that `header_bytes_max` may be.
const HEADER_BYTES_LEAST: usize = 8 << 10;
/// The most that any time may be: a day.
const SECONDS_MOST: u64 = 86_400;
/// The most requests or connections at once.
const PLACES_MOST: usize = 1 << 20;

/// The limits an operator may change: the table `[limits]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one body, both as it is sent and after it is decompressed.
    pub body_bytes_max: usize,
    /// Bytes of all bodies that are in memory at once; a request beyond it is answered 429.
    pub bodies_bytes_max: usize,
    /// Bytes of the request line and headers of one request.
    pub header_bytes_max: usize,
    /// Seconds within which a connection has to send the headers of a request.
    pub header_timeout_seconds: u64,
    /// Seconds within which a request has to be sent and its answer begun.
    pub request_timeout_seconds: u64,
    /// Seconds within which a client has to take some of its answer.
    pub write_timeout_seconds: u64,
    /// Requests that are worked on at once; one beyond it is answered 429.
    pub requests_max: usize,
    /// Connections that are open at once; one beyond it waits.
    pub connections_max: usize,
    /// Streams that are open at once; one beyond it is answered 429. They do not count as requests.
    pub streams_max: usize,
    /// Seconds between a stream's signs of life, at which its credential is judged again.
    pub stream_heartbeat_seconds: u64,
    /// Seconds that requests in progress are given to end when the server stops.
    pub drain_timeout_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 20,
            bodies_bytes_max: 256 << 20,
            header_bytes_max: 64 << 10,
            header_timeout_seconds: 15,
            request_timeout_seconds: 60,
            write_timeout_seconds: 60,
            // Each may occupy one thread of the runtime's blocking pool, which has 512.
            requests_max: 256,
            connections_max: 768,
            streams_max: 100,
            stream_heartbeat_seconds: 15,
            drain_timeout_seconds: 30,
        }
    }
}

impl Limits {
    /// The first limit that cannot be, with the reason.
    pub(crate) fn fault(&self) -> Option<String> {
        let times = [
            ("header_timeout_seconds", self.header_timeout_seconds, 1),
            ("request_timeout_seconds", self.request_timeout_seconds, 1),
            ("write_timeout_seconds", self.write_timeout_seconds, 1),
            ("stream_heartbeat_seconds", self.stream_heartbeat_seconds, 1),
            ("drain_timeout_seconds", self.drain_timeout_seconds, 0),
        ];
        for (name, seconds, least) in times {
            if !(least..=SECONDS_MOST).contains(&seconds) {
                return Some(format!("`limits.{name}` is {seconds}: must be {least} to {SECONDS_MOST}"));
            }
        }
        let places = [
            ("requests_max", self.requests_max),
            ("connections_max", self.connections_max),
            ("streams_max", self.streams_max),
        ];
        for (name, places) in places {
            if !(1..=PLACES_MOST).contains(&places) {
                return Some(format!("`limits.{name}` is {places}: must be 1 to {PLACES_MOST}"));
            }
        }
        if self.body_bytes_max == 0 {
            return Some("`limits.body_bytes_max` must not be 0".to_owned());
        }
        if self.header_bytes_max < HEADER_BYTES_LEAST {
            return Some(format!("`limits.header_bytes_max` must be at least {HEADER_BYTES_LEAST}"));
        }
        if self.bodies_bytes_max < self.body_bytes_max {
            return Some("`limits.bodies_bytes_max` must be at least `limits.body_bytes_max`".to_owned());
        }
        None
    }

    /// How many requests that record events are worked on at once: the other places are left to those that read.
    pub(crate) const fn writes_max(&self) -> usize {
        let places = self.requests_max - self.requests_max / READS_SHARE;
        if places == 0 { 1 } else { places }
    }

    pub(crate) const fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds)
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) const fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_seconds)
    }

    pub(crate) const fn stream_heartbeat(&self) -> Duration {
        Duration::from_secs(self.stream_heartbeat_seconds)
    }

    pub(crate) const fn drain_timeout(&self) -> Duration {
        Duration::from_secs(self.drain_timeout_seconds)
    }

    /// How many units of [`BODY_UNIT_BYTES`] all bodies together may fill.
    pub(crate) fn body_units(&self) -> usize {
        self.bodies_bytes_max.div_ceil(BODY_UNIT_BYTES).min(tokio::sync::Semaphore::MAX_PERMITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_limits_are_named() {
        assert_eq!(Limits::default().fault(), None);
        let cases = [
            (
                Limits { requests_max: 0, ..Limits::default() },
                "`limits.requests_max` is 0: must be 1 to 1048576",
            ),
            (
                Limits { write_timeout_seconds: u64::MAX, ..Limits::default() },
                "`limits.write_timeout_seconds` is 18446744073709551615: must be 1 to 86400",
            ),
            (
                Limits { header_bytes_max: 100, ..Limits::default() },
                "`limits.header_bytes_max` must be at least 8192",
            ),
            (
                Limits { bodies_bytes_max: 1, ..Limits::default() },
                "`limits.bodies_bytes_max` must be at least `limits.body_bytes_max`",
            ),
        ];
        for (limits, fault) in cases {
            assert_eq!(limits.fault().as_deref(), Some(fault));
        }
    }
}
