//! Every limit on an event or a query, by name. `docs/limits.md` lists them for users.

/// Bytes of one event in its JSON form.
pub const EVENT_BYTES_MAX: usize = 4 << 20;
/// Bytes of one identifier, name, type, status or other short text.
pub const SHORT_TEXT_BYTES_MAX: usize = 4 << 10;
/// Bytes of `message`, of `request.uri` and of `request.user_agent`.
pub const LONG_TEXT_BYTES_MAX: usize = 64 << 10;
/// Entries of `categories`.
pub const CATEGORIES_MAX: usize = 32;
/// Entries of `labels`.
pub const LABELS_MAX: usize = 64;
/// Bytes of the name of a label.
pub const LABEL_KEY_BYTES_MAX: usize = 128;
/// Nesting of `before`, `after` and `data`.
pub const JSON_DEPTH_MAX: usize = 64;
/// Nodes of a filter tree, values of lists included.
pub const FILTER_NODES_MAX: usize = 10_000;
/// Nesting of a filter tree.
pub const FILTER_DEPTH_MAX: usize = 64;
/// Bytes of a word of a text search; a longer word is cut here, in the event and in the search alike.
pub const TOKEN_BYTES_MAX: usize = 64;
/// Events on one page.
pub const PAGE_EVENTS_MAX: u32 = 10_000;
/// Bytes of events on one page (their stored form); a page ends early when it is reached, after one event at least.
pub const PAGE_BYTES_MAX: usize = 16 << 20;
/// Groups that one grouping returns.
pub const GROUPS_MAX: usize = 10_000;
/// Buckets that one time histogram returns.
pub const BUCKETS_MAX: usize = 10_000;
/// Bytes of a text in the search language.
pub const SEARCH_BYTES_MAX: usize = 8 << 10;
/// Parentheses and negations inside of each other in a search. Each makes at most two levels of a filter tree.
pub const SEARCH_DEPTH_MAX: usize = 24;
/// Words and values of a search.
pub const SEARCH_TERMS_MAX: usize = 500;
/// Wildcards of a search.
pub const SEARCH_WILDCARDS_MAX: usize = 32;
/// Characters of one value with wildcards.
pub const SEARCH_PATTERN_CHARS_MAX: usize = 256;
/// Candidates that one completion returns.
pub const SEARCH_CANDIDATES_MAX: usize = 50;
