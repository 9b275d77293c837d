//! `GET /api/v1/complete`: what may stand where somebody types a search.

use std::sync::Arc;

use annals_model::{
    Role,
    limits::SEARCH_CANDIDATES_MAX,
    search::{self, CandidateKind, Wanted, written_value},
};
use annals_store::{QueryError, Store};
use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, json, json_response},
    native::{access::caller_with, filters::Parameters, problem::Problem, read::unanswered},
    observe::trail::Trail,
};

/// What may stand where somebody types a search.
#[derive(Serialize, ToSchema)]
pub(crate) struct Completion {
    /// The first character of what is being typed, counted from 0.
    from: usize,
    /// The character behind it: a candidate replaces the characters between.
    to: usize,
    /// What may stand there, the likeliest first.
    candidates: Vec<Candidate>,
}

/// Something that may stand there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Candidate {
    /// What to write.
    text: String,
    /// `field`, `operator` or `value`.
    #[schema(value_type = String, pattern = "^(field|operator|value)$")]
    kind: &'static str,
    /// What it means, in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    detail: String,
    /// For values that are stored: how many events that match the other parameters have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    count: Option<u64>,
}

/// Completes a search.
#[utoipa::path(
    get, path = "/api/v1/complete", operation_id = "complete_search", tag = "counts",
    params(("at" = Option<u32>, Query, description = "The character of `search` before which somebody types, counted from 0; its end if absent")),
    responses((status = 200, description = "What may stand there", body = Completion)),
)]
pub(crate) async fn complete(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let text = request.uri().query().unwrap_or_default();
    // What is still being typed is no search yet.
    let parameters = Parameters::parse(text, &["search", "at"], app.clock.now())?;
    let search = parameters.own("search").unwrap_or_default();
    let at = match parameters.own("at") {
        None => usize::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| Problem::parameter(format!("`at` is `{text}`: must be a number, 0 or more")))?,
    };
    let completion = search::complete(search, at);
    let query = parameters.query(&reader)?;
    let asked = Arc::clone(&app);
    let body = blocking(&trail, move || {
        let mut candidates: Vec<Candidate> = completion.candidates.into_iter().map(plain).collect();
        if let Some(wanted) = &completion.wanted {
            candidates.extend(stored(&asked.store, &query, wanted)?);
        }
        candidates.truncate(SEARCH_CANDIDATES_MAX);
        Ok(json(&Completion { from: completion.from, to: completion.to, candidates }))
    })
    .await?;
    body.map(json_response).map_err(|error| unanswered(&trail, &error))
}

fn plain(candidate: search::Candidate) -> Candidate {
    let kind = candidate.kind.as_str();
    Candidate { text: candidate.text, kind, detail: candidate.detail, count: None }
}

/// Values that are stored and that the reader may see, the most frequent first.
fn stored(store: &Store, query: &annals_model::Query, wanted: &Wanted) -> Result<Vec<Candidate>, QueryError> {
    let mut found = Vec::new();
    for field in &wanted.fields {
        for group in store.values(query, field, &wanted.prefix, SEARCH_CANDIDATES_MAX)? {
            let text = written_value(&group.value.unwrap_or_default());
            found.push((group.count, text, field.name().into_owned()));
        }
    }
    found.sort_unstable_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
    // One text may be the id of one thing and the name of another.
    let mut known = std::collections::BTreeSet::new();
    found.retain(|(_, text, _)| known.insert(text.clone()));
    let kind = CandidateKind::Value.as_str();
    Ok(found
        .into_iter()
        .map(|(count, text, detail)| Candidate { text, kind, detail, count: Some(count) })
        .collect())
}
