//! Hosts for dialects under fuzzing: events of all platforms in memory, and judges of credentials.

use std::sync::{Arc, OnceLock};

use annals_auth::Authenticator;
use annals_dialects::{Failure, Host, testing::MemoryHost};
use annals_model::{
    Event, Field, GroupCount, Issued, Login, Page, Presented, Principal, Query, Refusal, Scope, Timestamp,
    TokenRequest,
};
use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use crate::seeds;

/// Events on a page of the store, few, so that lists are longer than one.
const PAGE_EVENTS: usize = 7;

/// Who judges credentials.
enum Judge {
    /// Takes any but those that begin in a way that says who is meant.
    Tolerant,
    /// The real one.
    Real(Arc<Authenticator>),
}

/// Events in memory and a judge.
pub(crate) struct FuzzHost {
    memory: MemoryHost,
    judge: Judge,
}

impl FuzzHost {
    /// A host that holds these events and takes nearly any credential, so that what lies behind it is reached.
    pub(crate) fn tolerant(events: Vec<Event>) -> Self {
        Self { memory: memory(events), judge: Judge::Tolerant }
    }

    /// A host that holds sample events and judges credentials as a server does.
    pub(crate) fn real(authenticator: Arc<Authenticator>) -> Self {
        Self { memory: memory(seeds::sample_events().to_vec()), judge: Judge::Real(authenticator) }
    }
}

/// The host that holds sample events of all platforms and takes nearly any credential.
pub(crate) fn tolerant() -> Arc<FuzzHost> {
    static HOST: OnceLock<Arc<FuzzHost>> = OnceLock::new();
    let make = || Arc::new(FuzzHost::tolerant(seeds::sample_events().to_vec()));
    Arc::clone(HOST.get_or_init(make))
}

fn memory(events: Vec<Event>) -> MemoryHost {
    let organization = events.iter().find_map(|event| event.organization.clone());
    let project = events.iter().find_map(|event| event.project.clone());
    let organization = organization.map_or_else(|| "acme".to_owned(), |named| named.id);
    let project = project.map_or_else(|| "web".to_owned(), |named| named.id);
    let mut memory = MemoryHost::new(events)
        .with_reader("organization", Some(&organization), None)
        .with_reader("project", None, Some(&project));
    memory.page_events = PAGE_EVENTS;
    memory
}

impl Host for FuzzHost {
    fn authenticate(&self, presented: Presented) -> BoxFuture<'_, Result<Principal, Refusal>> {
        async move {
            if let Judge::Real(authenticator) = &self.judge {
                return authenticator.authenticate(&presented).await;
            }
            let name = match &presented {
                Presented::Token(name) | Presented::KeystoneToken(name) => name,
                Presented::Signature { key, .. } => key,
            };
            let principal = match name.get(..3) {
                Some("bad") => return Err(Refusal::Unknown),
                Some("old") => return Err(Refusal::Expired),
                Some("for") => return Err(Refusal::BadSignature),
                Some("odd") => return Err(Refusal::Unacceptable),
                Some("org") => "organization",
                Some("pro") => "project",
                _ => "all",
            };
            self.memory.principals.get(principal).cloned().ok_or(Refusal::Unknown)
        }
        .boxed()
    }

    fn issue(&self, mut request: TokenRequest) -> BoxFuture<'_, Result<Issued, Refusal>> {
        match &self.judge {
            Judge::Real(authenticator) => {
                let issued = authenticator.issue(&request);
                async { issued }.boxed()
            }
            Judge::Tolerant => {
                // Who says nothing at all is refused.
                match &mut request.login {
                    Login::User { name, password: secret } | Login::Client { name, secret } => {
                        if !name.is_empty() {
                            "all".clone_into(name);
                            "all".clone_into(secret);
                        }
                    }
                    Login::Refresh { token } => "all-r".clone_into(token),
                }
                self.memory.issue(request)
            }
        }
    }

    fn page(&self, query: Query) -> BoxFuture<'_, Result<Page, Failure>> {
        match query.check() {
            Ok(()) => self.memory.page(query),
            Err(error) => async { Err(error.into()) }.boxed(),
        }
    }

    fn event(&self, scope: Scope, id: Uuid) -> BoxFuture<'_, Result<Option<Arc<Event>>, Failure>> {
        self.memory.event(scope, id)
    }

    fn exists(&self, id: Uuid) -> BoxFuture<'_, Result<bool, Failure>> {
        self.memory.exists(id)
    }

    fn group(
        &self,
        query: Query,
        field: Field,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<GroupCount>, Failure>> {
        match query.check() {
            Ok(()) => self.memory.group(query, field, limit),
            Err(error) => async { Err(error.into()) }.boxed(),
        }
    }

    fn now(&self) -> Timestamp {
        self.memory.now()
    }
}
