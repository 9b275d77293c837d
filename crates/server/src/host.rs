//! What a dialect may ask of the server, for the time of one request.

use std::sync::Arc;

use annals_dialects::{Failure, Host};
use annals_model::{
    Event, Field, GroupCount, Issued, Page, Presented, Principal, Query, Refusal, Scope, Timestamp,
    TokenRequest,
};
use annals_store::QueryError;
use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use crate::{
    app::{App, brief},
    observe::trail::Trail,
};

/// The server as one request sees it.
pub(crate) struct RequestHost {
    app: Arc<App>,
    trail: Arc<Trail>,
}

impl RequestHost {
    pub(crate) const fn new(app: Arc<App>, trail: Arc<Trail>) -> Self {
        Self { app, trail }
    }

    /// Asks the store; on a thread of its own what is not brief.
    async fn ask<T: Send + 'static>(
        &self,
        is_brief: bool,
        question: impl FnOnce(&App) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Failure> {
        let app = Arc::clone(&self.app);
        let answer = brief(&self.app, &self.trail, is_brief, move || question(&app)).await;
        let answer = answer.map_err(|problem| Failure::Internal(problem.detail))?;
        answer.map_err(|error| match error {
            QueryError::TooLarge(error) => error.into(),
            error => {
                tracing::error!(request_id = self.trail.id(), %error, "a query has no answer");
                Failure::Internal(error.to_string())
            }
        })
    }
}

impl Host for RequestHost {
    fn authenticate(&self, presented: Presented) -> BoxFuture<'_, Result<Principal, Refusal>> {
        async move {
            let principal = self.app.authenticator.authenticate(&presented).await?;
            self.trail.set_principal(&principal.name);
            Ok(principal)
        }
        .boxed()
    }

    fn issue(&self, request: TokenRequest) -> BoxFuture<'_, Result<Issued, Refusal>> {
        async move {
            let issued = self.app.authenticator.issue(&request)?;
            self.trail.set_principal(&issued.name);
            Ok(issued)
        }
        .boxed()
    }

    fn page(&self, query: Query) -> BoxFuture<'_, Result<Page, Failure>> {
        self.ask(self.app.store.is_brief(&query), move |app| app.store.query(&query)).boxed()
    }

    fn event(&self, scope: Scope, id: Uuid) -> BoxFuture<'_, Result<Option<Arc<Event>>, Failure>> {
        self.ask(self.app.store.is_brief_by_id(), move |app| app.store.event(&scope, id)).boxed()
    }

    fn exists(&self, id: Uuid) -> BoxFuture<'_, Result<bool, Failure>> {
        self.ask(self.app.store.is_brief_by_id(), move |app| app.store.exists(id)).boxed()
    }

    fn group(
        &self,
        query: Query,
        field: Field,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<GroupCount>, Failure>> {
        self.ask(false, move |app| app.store.group(&query, &field, limit)).boxed()
    }

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }
}
