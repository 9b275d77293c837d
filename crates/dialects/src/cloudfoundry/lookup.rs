//! One event by the identifier this API shows it under, which need not be the one it is stored under.

use std::sync::Arc;

use annals_model::{Event, Field, Filter, Query, Scope, derived_id};
use uuid::Uuid;

use super::{NAME, row};
use crate::host::{Failure, Host};

/// The event shown under `guid`, within a scope.
pub(super) async fn event(host: &dyn Host, scope: Scope, guid: &str) -> Result<Option<Arc<Event>>, Failure> {
    let found = host.event(scope.clone(), id_of(guid)).await?;
    // An event is not found under the identifier that was derived for the store.
    if let Some(event) = found.filter(|event| row::guid_of(event) == guid) {
        return Ok(Some(event));
    }
    if is_shown_id(guid) {
        return Ok(None);
    }
    // The derived identifier depends on the installation, which the request does not name.
    let query = Query::new(scope).filter(with_source_id(guid)).limit(1);
    Ok(host.page(query).await?.events.into_iter().next())
}

/// Whether an event is shown under `guid` to anybody at all.
pub(super) async fn exists(host: &dyn Host, guid: &str) -> Result<bool, Failure> {
    host.exists(id_of(guid)).await
}

fn with_source_id(guid: &str) -> Filter {
    Filter::of_source(NAME).and(Filter::term(Field::SourceId, guid))
}

/// Whether a text is spelled as identifiers are shown: lower case, with hyphens.
fn is_shown_id(guid: &str) -> bool {
    Uuid::try_parse(guid).is_ok_and(|uuid| uuid.to_string() == guid)
}

fn id_of(guid: &str) -> Uuid {
    match Uuid::try_parse(guid) {
        Ok(uuid) if is_shown_id(guid) => uuid,
        _ => derived_id(NAME, guid),
    }
}
