//! What follows a request through the server: its identifier, who sent it, and its place among the requests in
//! progress.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, HeaderName};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::limits::REQUEST_ID_BYTES_MAX;

/// The header that carries a request's identifier in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A place among all requests, and one among those that record.
type Places = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// What follows a request through the server.
pub(crate) struct Trail {
    id: String,
    uuid: Uuid,
    principal: OnceLock<String>,
    places: Mutex<Option<Places>>,
    body_read: AtomicBool,
}

impl Trail {
    /// Takes over the client's identifier when it is short and plain, otherwise makes one.
    pub(crate) fn begin(headers: &HeaderMap) -> Self {
        let given =
            headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| is_sane(text));
        let (id, uuid) = match given {
            Some(text) => {
                let uuid = Uuid::try_parse(text)
                    .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()));
                (text.to_owned(), uuid)
            }
            None => {
                let uuid = Uuid::new_v4();
                (uuid.to_string(), uuid)
            }
        };
        Self {
            id,
            uuid,
            principal: OnceLock::new(),
            places: Mutex::default(),
            body_read: AtomicBool::new(false),
        }
    }

    /// The identifier as answered and logged.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The identifier for those who need a UUID: itself where it is one, otherwise derived from it.
    pub(crate) const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The name of who sent it; empty as long as that is not known.
    pub(crate) fn principal(&self) -> &str {
        self.principal.get().map_or("", String::as_str)
    }

    pub(crate) fn set_principal(&self, name: &str) {
        // A dialect may ask twice; the first answer stays.
        let _ = self.principal.set(name.to_owned());
    }

    /// Keeps the request's places until everything that belongs to it has ended.
    pub(crate) fn hold(&self, places: Places) {
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = Some(places);
    }

    /// Gives the request's place back early, because its answer has one of another kind.
    pub(crate) fn release(&self) {
        drop(self.places.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(crate) fn set_body_read(&self) {
        self.body_read.store(true, Ordering::Relaxed);
    }

    /// Whether the client has sent all of its request.
    pub(crate) fn is_body_read(&self) -> bool {
        self.body_read.load(Ordering::Relaxed)
    }
}

fn is_sane(text: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn begin(id: &str) -> Trail {
        Trail::begin(&[(REQUEST_ID, HeaderValue::from_str(id).unwrap())].into_iter().collect())
    }

    #[test]
    fn takes_over_only_plain_identifiers() {
        for id in ["a", "8f2b2f6e-9d3a-4d0f-9a55-0d4f3a0b7a10", "Root=1-67891233:x/y+z==", &"x".repeat(128)] {
            assert_eq!(begin(id).id(), id);
        }
        for id in ["", "a b", "a\"b", "<x>", &"x".repeat(129)] {
            assert_ne!(begin(id).id(), id);
        }
        let uuid = "8f2b2f6e-9d3a-4d0f-9a55-0d4f3a0b7a10";
        assert_eq!(begin(uuid).uuid().to_string(), uuid);
        assert_eq!(begin("a").uuid(), begin("a").uuid());
    }
}
