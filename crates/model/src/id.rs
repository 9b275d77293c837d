//! Where an event's identifier comes from when its source gives none that is a UUID.

use uuid::{Builder, Uuid};

use crate::Timestamp;

/// Namespace of identifiers derived from a source's own, non-UUID identifier. Fixed for ever: it decides identity.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_23a4_90b7_5d1e_8a56_1c0f_77d2_e94b);

/// UUIDv5 (RFC 9562) over source and source id: `source`, a zero byte, `source_id`.
pub fn derived_id(source: &str, source_id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, [source.as_bytes(), b"\0", source_id.as_bytes()].concat().as_slice())
}

/// UUIDv5 over the canonical JSON of an event whose shape carries no identifier, so that importing it twice is
/// importing it once. `source` and the text are joined by a byte that no source id can hold.
pub fn identity_of_text(source: &str, canonical: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, [source.as_bytes(), b"\0\0", canonical.as_bytes()].concat().as_slice())
}

/// A new UUIDv7 (RFC 9562) for an event that came without an identifier.
pub fn fresh_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.nanos().div_euclid(1_000_000)).unwrap_or(0);
    let random = *Uuid::new_v4().as_bytes();
    let mut tail = [0; 10];
    // Bytes 6 and 8 of a v4 hold its version and variant; they are overwritten by the builder here as there.
    tail.copy_from_slice(&random[6..]);
    tail[0] = random[0];
    tail[2] = random[1];
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_identifiers_never_change() {
        // A change here would make every re-import a duplicate.
        assert_eq!(derived_id("rafay", "abc").to_string(), derived_id("rafay", "abc").to_string());
        assert_ne!(derived_id("rafay", "abc"), derived_id("qovery", "abc"));
        assert_ne!(derived_id("a", "b\0c"), derived_id("a\0b", "c\0"));
        assert_ne!(identity_of_text("a", "b"), derived_id("a", "b"));
    }

    #[test]
    fn fresh_identifiers_are_v7_and_sort_by_time() {
        let early = fresh_id(Timestamp::from_seconds(1_000).unwrap());
        let late = fresh_id(Timestamp::from_seconds(1_001).unwrap());
        assert_eq!(early.get_version_num(), 7);
        assert!(early < late);
        assert_ne!(early, fresh_id(Timestamp::from_seconds(1_000).unwrap()));
    }
}
