//! What a segment keeps of one event besides its codes, borrowed from wherever the event is: encoded in the tail, or
//! decoded from a segment that is merged.

use annals_model::{Event, Json, Position, Timestamp};
use uuid::Uuid;

use super::texts::Values;
use crate::codec::{View, place};

/// How many texts have no dictionary.
pub(super) const TEXT_COLUMNS: usize = 8;
/// How many of them are texts; those behind are JSON.
pub(super) const PLAIN_COLUMNS: usize = 5;

/// One event without its codes.
pub(super) struct Record<'e> {
    pub(super) id: Uuid,
    pub(super) position: Position,
    pub(super) recorded: Timestamp,
    pub(super) status: Option<i64>,
    pub(super) elapsed_ms: Option<i64>,
    /// The texts without a dictionary, in the order of their columns.
    pub(super) texts: [Option<&'e str>; TEXT_COLUMNS],
    /// What the texts can refer to. The id is left out; who needs its text makes it.
    pub(super) values: Values<'e>,
}

impl<'e> Record<'e> {
    pub(super) fn of_event(event: &'e Event) -> Self {
        Self {
            id: event.id,
            position: event.position(),
            recorded: event.recorded,
            status: event.request.status,
            elapsed_ms: event.request.elapsed_ms,
            texts: [
                event.source_id.as_deref(),
                event.request.id.as_deref(),
                event.request.uri.as_deref(),
                event.request.user_agent.as_deref(),
                event.message.as_deref(),
                event.before.as_ref().map(Json::as_str),
                event.after.as_ref().map(Json::as_str),
                event.data.as_ref().map(Json::as_str),
            ],
            values: super::texts::values_of(event, None),
        }
    }

    /// An event all of which is in its codes.
    pub(super) fn without_texts(id: Uuid, position: Position, recorded: Timestamp) -> Self {
        let (texts, values) = Default::default();
        Self { id, position, recorded, status: None, elapsed_ms: None, texts, values }
    }

    pub(super) fn of_view(view: &View<'e>, position: Position, recorded: Timestamp) -> Self {
        use place::*;
        let (status, elapsed_ms) = view.numbers();
        let places = [SOURCE_ID, REQUEST_ID, REQUEST_URI, REQUEST_USER_AGENT, MESSAGE, BEFORE, AFTER, DATA];
        let text = |place: usize| view.text(place);
        Self {
            id: view.id,
            position,
            recorded,
            status,
            elapsed_ms,
            texts: places.map(text),
            values: [
                text(TARGET_ID),
                text(TARGET_NAME),
                text(ACTOR_NAME),
                text(ACTOR_ID),
                text(ORGANIZATION),
                text(PROJECT),
                text(ENVIRONMENT),
                text(KIND),
                text(PROJECT_NAME),
                text(ENVIRONMENT_NAME),
                text(ORGANIZATION_NAME),
                None,
                text(TARGET_KIND),
                text(ACTOR_KIND),
                text(REQUEST_METHOD),
                text(REQUEST_IP),
                text(STATUS),
                text(ACTION),
                text(PART),
                text(ORIGIN),
                text(ZONE),
                text(SOURCE),
                text(SOURCE_ID),
                text(REQUEST_ID),
            ],
        }
    }
}
