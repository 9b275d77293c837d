//! A host in memory, for tests and fuzzing: events in a list, filters by [`Filter::matches`], a fixed clock.
//!
//! It is no part of a server: it is there in tests and with the feature `testing`. It never waits, so no runtime is
//! needed to ask it.
//!
//! [`Filter::matches`]: annals_model::Filter::matches

#![expect(clippy::unwrap_used, reason = "it serves tests, in which a panic is the message")]

use std::{collections::BTreeMap, sync::Arc};

use annals_model::{
    Event, Field, Grant, GroupCount, Issued, Login, Order, Page, Presented, Principal, Query, Refusal, Role,
    Scope, Start, Timestamp, TokenRequest, Total,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use uuid::Uuid;

use crate::{
    Dialect,
    host::{Body, Call, Failure, Host, Route, Verb},
};

/// A host that holds its events in memory.
pub struct MemoryHost {
    /// What it holds, in log order.
    pub events: Vec<Arc<Event>>,
    /// Principals by token, those of Keystone's tokens behind `keystone/`; a signature by key `k` is good when its bytes
    /// are `good`.
    pub principals: BTreeMap<String, Principal>,
    /// What its clock shows.
    pub now: Timestamp,
    /// Events a page holds at most, to make pages end early.
    pub page_events: usize,
}

impl MemoryHost {
    /// A host that holds these events, in this log order, and lets the token `all` read everything.
    pub fn new(events: Vec<Event>) -> Self {
        let number = |(position, mut event): (usize, Event)| {
            event.seq = position as u64 + 1;
            Arc::new(event)
        };
        let host = Self {
            events: events.into_iter().enumerate().map(number).collect(),
            principals: BTreeMap::new(),
            now: Timestamp::parse("2026-11-22T12:00:00Z").unwrap(),
            page_events: usize::MAX,
        };
        host.with_reader("all", None, None)
    }

    /// Lets a token read an organization or a project.
    pub fn with_reader(mut self, token: &str, organization: Option<&str>, project: Option<&str>) -> Self {
        let grant = Grant {
            role: Role::Reader,
            organization: organization.map(Into::into),
            project: project.map(Into::into),
        };
        let principal = self.principals.entry(token.to_owned()).or_insert_with(|| Principal {
            name: token.to_owned(),
            subject: None,
            token_scopes: None,
            grants: Vec::new(),
        });
        principal.grants.push(grant);
        self
    }

    fn matching(&self, query: &Query) -> Vec<Arc<Event>> {
        let condition = query.condition();
        let mut found: Vec<_> =
            self.events.iter().filter(|event| condition.matches(event)).cloned().collect();
        found.sort_by_key(|event| event.position());
        if query.order == Order::Descending {
            found.reverse();
        }
        found
    }
}

impl Host for MemoryHost {
    fn authenticate(&self, presented: Presented) -> BoxFuture<'_, Result<Principal, Refusal>> {
        let verdict = match presented {
            Presented::Token(token) => self.principals.get(&token).cloned().ok_or(Refusal::Unknown),
            Presented::KeystoneToken(token) => {
                let known = self.principals.get(&token);
                let known = known.or_else(|| self.principals.get(&format!("keystone/{token}")));
                known.cloned().ok_or(Refusal::Unknown)
            }
            Presented::Signature { key, signature, .. } => match self.principals.get(&key) {
                Some(principal) if signature == b"good" => Ok(principal.clone()),
                Some(_) => Err(Refusal::BadSignature),
                None => Err(Refusal::Unknown),
            },
        };
        async { verdict }.boxed()
    }

    /// A token stands for itself and is its name's password; a refresh token is the same with `-r` behind it.
    fn issue(&self, request: TokenRequest) -> BoxFuture<'_, Result<Issued, Refusal>> {
        let (token, refreshed) = match &request.login {
            Login::User { name, password } if name == password => (name.as_str(), true),
            Login::Client { name, secret } if name == secret => (name.as_str(), false),
            Login::Refresh { token } => (token.strip_suffix("-r").unwrap_or_default(), true),
            Login::User { .. } | Login::Client { .. } => ("", false),
        };
        let verdict = self.principals.get(token).ok_or(Refusal::Unknown).map(|principal| Issued {
            name: principal.name.clone(),
            access_token: token.to_owned(),
            token_id: "7".to_owned(),
            scopes: request.scopes,
            expires_in_seconds: 600,
            refresh_token: refreshed.then(|| format!("{token}-r")),
        });
        async { verdict }.boxed()
    }

    fn page(&self, query: Query) -> BoxFuture<'_, Result<Page, Failure>> {
        let found = self.matching(&query);
        let total = (query.total == Total::Exact).then_some(found.len() as u64);
        let order = query.order;
        let behind = |position| {
            found.iter().take_while(move |event| match order {
                Order::Ascending => event.position() <= position,
                Order::Descending => event.position() >= position,
            })
        };
        let skipped = match query.start {
            Start::Beginning => 0,
            Start::Offset(offset) => usize::try_from(offset).unwrap(),
            Start::After(position) => behind(position).count(),
        };
        let limit = (query.limit_events() as usize).min(self.page_events);
        let events: Vec<_> = found.iter().skip(skipped).take(limit).cloned().collect();
        let more = skipped + events.len() < found.len();
        async move { Ok(Page { events, more, total }) }.boxed()
    }

    fn event(&self, scope: Scope, id: Uuid) -> BoxFuture<'_, Result<Option<Arc<Event>>, Failure>> {
        let found = self.events.iter().find(|event| event.id == id && scope.permits(event)).cloned();
        async { Ok(found) }.boxed()
    }

    fn exists(&self, id: Uuid) -> BoxFuture<'_, Result<bool, Failure>> {
        let found = self.events.iter().any(|event| event.id == id);
        async move { Ok(found) }.boxed()
    }

    fn group(
        &self,
        query: Query,
        field: Field,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<GroupCount>, Failure>> {
        let mut counts: BTreeMap<Option<String>, u64> = BTreeMap::new();
        for event in self.matching(&query) {
            let mut absent = true;
            field.visit(&event, |value| {
                absent = false;
                *counts.entry(Some(value.to_owned())).or_default() += 1;
            });
            if absent {
                *counts.entry(None).or_default() += 1;
            }
        }
        let mut groups: Vec<_> =
            counts.into_iter().map(|(value, count)| GroupCount { value, count }).collect();
        groups.sort_by(|one, two| two.count.cmp(&one.count).then_with(|| one.value.cmp(&two.value)));
        groups.truncate(limit);
        async { Ok(groups) }.boxed()
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

/// What came back: status, headers, whole body.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// All of the body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends `GET target` (path and query) with these headers to a dialect, as the server would.
///
/// # Panics
/// When a header cannot be one, or when the body breaks off.
pub fn get(dialect: &dyn Dialect, host: &Arc<MemoryHost>, target: &str, headers: &[(&str, &str)]) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let found = dialect.routes().iter().find_map(|route| Some((*route, fit(route, path)?)));
    let (route, parameters) =
        found.map_or((None, Vec::new()), |(route, parameters)| (Some(route), parameters));
    let header = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    let call = Call {
        route,
        method: Method::GET,
        path: path.to_owned(),
        parameters,
        query: query.to_owned(),
        headers: headers.iter().map(header).collect(),
        body: Bytes::new(),
        base_url: "http://annals.test".to_owned(),
        request_id: Uuid::from_u128(7),
        host: Arc::<MemoryHost>::clone(host),
    };
    send(dialect, call)
}

/// Hands a call to a dialect and collects the answer.
///
/// # Panics
/// When the body breaks off, or when the host of the call has to wait for something.
pub fn send(dialect: &dyn Dialect, call: Call) -> Answer {
    let (parts, body) = dialect.serve(call).now_or_never().unwrap().into_parts();
    let body = match body {
        Body::Full(bytes) => bytes,
        Body::Stream(mut stream) => {
            let mut whole = Vec::new();
            while let Some(piece) = stream.next().now_or_never().unwrap() {
                whole.extend(piece.unwrap());
            }
            whole.into()
        }
    };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// A JSON object with another value of one member.
#[cfg(test)]
pub(crate) fn with(mut item: serde_json::Value, name: &str, value: serde_json::Value) -> serde_json::Value {
    item[name] = value;
    item
}

/// A JSON object without one of its members.
///
/// # Panics
/// When it has no such member.
#[cfg(test)]
pub(crate) fn without(mut item: serde_json::Value, name: &str) -> serde_json::Value {
    item.as_object_mut().and_then(|members| members.remove(name)).unwrap();
    item
}

fn fit(route: &Route, path: &str) -> Option<Vec<String>> {
    if route.verb != Verb::Get || route.path.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut parameters = Vec::new();
    for (wanted, given) in route.path.split('/').zip(path.split('/')) {
        if wanted.starts_with('{') {
            parameters.push(percent_encoding::percent_decode_str(given).decode_utf8().ok()?.into_owned());
        } else if wanted != given {
            return None;
        }
    }
    Some(parameters)
}
