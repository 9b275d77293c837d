//! What the native API reads: bodies, parameters, cursors.

use annals_model::{Clock, Cursor, Event, LogCursor, Order, Position, Timestamp};
use annals_server::fuzzing::{decompress, import_parameters, ingest, list_parameters};
use annals_testkit::FakeClock;

use crate::{Target, events::check, seeds};

/// Bytes that a compressed body may become.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 20;

pub(crate) fn targets() -> Vec<Target> {
    let cursor = Cursor {
        store: 7,
        query: 9,
        order: Order::Descending,
        position: Position { time: Timestamp::from_nanos(1_795_348_800_000_000_000), seq: 42 },
    };
    let place = LogCursor { store: 7, seq: 42 };
    let singles = seeds::sample_events().iter().take(20).map(|event| serde_json::to_vec(event).unwrap());
    vec![
        Target::new("native-event", native_event).with_seeds(singles),
        Target::new("native-body", native_body).with_seeds(seeds::native_events()),
        Target::new("native-parameters", native_parameters),
        Target::new("cursor", cursor_text).with_seeds([
            cursor.to_string().into_bytes(),
            place.to_string().into_bytes(),
            vec![7; 25],
        ]),
        Target::new("compressed-body", compressed_body),
    ]
}

fn clock() -> FakeClock {
    FakeClock::new(Timestamp::from_nanos(1_795_348_800_000_000_000))
}

fn native_event(input: &[u8]) {
    if let Ok(event) = Event::from_json(input, &clock()) {
        check(&event);
    }
}

fn native_body(input: &[u8]) {
    for is_lines in [false, true] {
        let Ok((events, bad)) = ingest(input, is_lines, &clock()) else { continue };
        events.iter().for_each(check);
        if is_lines {
            let blank = |line: &&[u8]| !line.trim_ascii().is_empty();
            let lines = input.split(|byte| *byte == b'\n').filter(blank).count();
            assert_eq!(events.len() + bad, lines, "every line is an event or an error");
        }
    }
}

fn native_parameters(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(query) = list_parameters(text, clock().now()) {
        // What a cursor is made for must be told from everything else in a bounded time.
        let fingerprint = query.fingerprint();
        assert_eq!(list_parameters(text, clock().now()).unwrap().fingerprint(), fingerprint);
        let _ = query.check();
    }
    if let Ok(import) = import_parameters(text) {
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        assert!(import.installation.as_deref().is_none_or(plain), "{import:?}");
        assert!(import.organization.as_deref() != Some(""), "{import:?}");
    }
}

fn cursor_text(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(cursor) = text.parse::<Cursor>()
    {
        assert_eq!(cursor.to_string(), text, "one cursor, one text");
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(cursor) = text.parse::<LogCursor>()
    {
        assert_eq!(cursor.to_string(), text, "one place of the log, one text");
    }
    // Any cursor comes back from its text.
    let Some((bytes, rest)) = input.split_first_chunk::<24>() else { return };
    let half = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let whole = |at: usize| u64::from(half(at)) | u64::from(half(at + 4)) << 32;
    let cursor = Cursor {
        store: half(0),
        query: half(4),
        order: if rest.is_empty() { Order::Ascending } else { Order::Descending },
        position: Position { time: Timestamp::from_nanos(whole(8) as i64), seq: whole(16) },
    };
    assert_eq!(cursor.to_string().parse(), Ok(cursor));
    let place = LogCursor { store: cursor.store, seq: cursor.position.seq };
    assert_eq!(place.to_string().parse(), Ok(place));
}

/// The input is a body in both encodings: as what was sent, and as what gzip or zstd made of it in the seeds.
fn compressed_body(input: &[u8]) {
    for is_gzip in [false, true] {
        if let Ok(body) = decompress(input, is_gzip, DECOMPRESSED_BYTES_MAX) {
            assert!(body.len() <= DECOMPRESSED_BYTES_MAX, "{} bytes", body.len());
        }
    }
}
