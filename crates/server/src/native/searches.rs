//! `/api/v1/searches`: searches that people keep under a name, for themselves or for everybody.

use std::sync::Arc;

use annals_model::{Principal, Role, Timestamp, limits::SEARCH_BYTES_MAX};
use annals_store::{SavedSearch, SearchError};
use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, json, json_response},
    body,
    limits::{SAVED_SEARCH_BYTES_MAX, SEARCH_DESCRIPTION_BYTES_MAX, SEARCH_NAME_BYTES_MAX, SEARCHES_MAX},
    native::{
        Segment,
        access::caller_with,
        filters::Parameters,
        ingest::{Form, form},
        problem::{Kind, Problem},
        segment,
    },
    observe::trail::Trail,
};

/// Saved searches.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchList {
    /// The caller's own and those that are shared, by name.
    searches: Vec<Search>,
}

/// A saved search.
#[derive(Serialize, ToSchema)]
pub(crate) struct Search {
    /// Its name.
    name: String,
    /// Who saved it.
    owner: String,
    /// When it was saved.
    #[schema(value_type = String, format = DateTime)]
    changed: Timestamp,
    /// The search, in the words of the search language.
    search: String,
    /// What it is for.
    description: String,
    /// Whether everybody who may read sees it.
    shared: bool,
    /// What a page keeps with it; absent when nothing was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    view: Option<Box<RawValue>>,
}

/// What is saved of a search.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchContent)]
pub(crate) struct Content {
    /// The name, where it is repeated; it must be that of the path.
    #[serde(default, rename = "name", skip_serializing)]
    #[schema(nullable = false, max_length = 128)]
    repeated_name: Option<String>,
    /// The search, in the words of the search language.
    #[serde(default)]
    #[schema(max_length = 8192)]
    search: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 4096)]
    description: String,
    /// Whether everybody who may read sees it. Only an administrator of everything shares.
    #[serde(default)]
    shared: bool,
    /// What a page keeps with it: columns, times and the like. The server does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, nullable = false)]
    view: Option<Box<RawValue>>,
}

/// Lists saved searches.
#[utoipa::path(
    get, path = "/api/v1/searches", operation_id = "list_searches", tag = "views",
    responses((status = 200, description = "The caller's own searches and the shared ones", body = SearchList)),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    Parameters::none(request.uri().query())?;
    let found = blocking(&trail, move || app.store.searches(&reader.name)).await?;
    let found = found.map_err(|error| failed(&trail, &error))?;
    let searches = found.into_iter().filter_map(read).collect();
    Ok(json_response(json(&SearchList { searches })))
}

/// Gives a saved search: the caller's own of that name, else the shared one.
#[utoipa::path(
    get, path = "/api/v1/searches/{name}", operation_id = "get_search", tag = "views",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The search", body = Search)),
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let (reader, name) = asked(&app, &trail, name, request.headers(), request.uri().query()).await?;
    let found = find(&app, &trail, &reader, &name).await?;
    found.and_then(read).map(|search| json_response(json(&search))).ok_or_else(|| missing(&name))
}

/// Saves a search, in place of the caller's one of that name.
#[utoipa::path(
    put, path = "/api/v1/searches/{name}", operation_id = "save_search", tag = "views",
    params(("name" = String, Path, description = "Its name: 1 to 128 bytes without control characters")),
    request_body(content = Content, content_type = "application/json"),
    responses((status = 200, description = "The search as it is saved", body = Search)),
)]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let (reader, name) = asked(&app, &trail, name, request.headers(), request.uri().query()).await?;
    let (parts, sent) = request.into_parts();
    if form(&parts.headers)? != Form::Json {
        let detail = "a search is one JSON object: send application/json";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let held = body::read(&app, &trail, &parts.headers, sent, SAVED_SEARCH_BYTES_MAX).await?;
    let content = content(&name, &held.bytes)?;
    if content.shared && !may_share(&reader) {
        return Err(Problem::new(
            Kind::Forbidden,
            "only an administrator of everything may share a search: save it with \"shared\":false",
        ));
    }
    let text = String::from_utf8(json(&content)).unwrap_or_default();
    let changed = app.clock.now();
    let search = SavedSearch { owner: reader.name, name, shared: content.shared, body: text, changed };
    let saved =
        blocking(&trail, move || app.store.save_search(&search, SEARCHES_MAX).map(|()| search)).await?;
    let saved = saved.map_err(|error| failed(&trail, &error))?;
    read(saved).map(|search| json_response(json(&search))).ok_or_else(Problem::internal)
}

/// Removes a saved search: the caller's own of that name, else the shared one.
#[utoipa::path(
    delete, path = "/api/v1/searches/{name}", operation_id = "delete_search", tag = "views",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "It is removed")),
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    name: Segment,
    request: Request,
) -> Result<Response, Problem> {
    let (reader, name) = asked(&app, &trail, name, request.headers(), request.uri().query()).await?;
    let found = find(&app, &trail, &reader, &name).await?.ok_or_else(|| missing(&name))?;
    if found.shared && !may_share(&reader) {
        let detail = format!("`{name}` is shared: only an administrator of everything may remove it");
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    let removed = blocking(&trail, move || app.store.delete_search(&reader.name, &found.name, found.shared));
    match removed.await?.map_err(|error| failed(&trail, &error))? {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(missing(&name)),
    }
}

/// Who asks, and for the search of which name.
async fn asked(
    app: &App,
    trail: &Arc<Trail>,
    name: Segment,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(Principal, String), Problem> {
    let reader = caller_with(app, trail, headers, Role::Reader).await?;
    let name = segment(name)?;
    Parameters::none(query)?;
    Ok((reader, name))
}

/// The search that a name means to somebody: their own, else the shared one.
async fn find(
    app: &Arc<App>,
    trail: &Arc<Trail>,
    reader: &Principal,
    name: &str,
) -> Result<Option<SavedSearch>, Problem> {
    let (asked, owner) = (Arc::clone(app), reader.name.clone());
    let found = blocking(trail, move || asked.store.searches(&owner)).await?;
    let found = found.map_err(|error| failed(trail, &error))?;
    Ok(found.into_iter().filter(|search| search.name == name).min_by_key(|search| search.shared))
}

/// Whether somebody may change what everybody sees.
fn may_share(caller: &Principal) -> bool {
    caller.may(Role::Admin, None, None)
}

/// Reads what is to be saved.
fn content(name: &str, body: &[u8]) -> Result<Content, Problem> {
    if name.is_empty() || name.len() > SEARCH_NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Problem::parameter(format!(
            "the name of a search must have 1 to {SEARCH_NAME_BYTES_MAX} bytes and no control characters"
        )));
    }
    let bad = |detail: String| Problem::new(Kind::BadBody, detail);
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(bad("not a search: it must be a JSON object".to_owned()));
    }
    let mut content: Content =
        serde_json::from_slice(body).map_err(|error| bad(format!("not a search: {error}")))?;
    if content.repeated_name.take().is_some_and(|repeated| repeated != name) {
        return Err(bad(format!("`name` is not `{name}`, as the path says: leave it out")));
    }
    for (member, length, most) in [
        ("search", content.search.len(), SEARCH_BYTES_MAX),
        ("description", content.description.len(), SEARCH_DESCRIPTION_BYTES_MAX),
    ] {
        if length > most {
            return Err(bad(format!("`{member}` has {length} bytes, at most {most}")));
        }
    }
    if let Some(view) = content.view.as_ref().map(|view| view.get())
        && !view.starts_with('{')
    {
        if view != "null" {
            return Err(bad("`view` must be an object".to_owned()));
        }
        content.view = None;
    }
    Ok(content)
}

/// A search as it is answered; `None` when what is stored is not one.
fn read(saved: SavedSearch) -> Option<Search> {
    let Content { search, description, shared, view, .. } = serde_json::from_str(&saved.body).ok()?;
    let SavedSearch { owner, name, changed, .. } = saved;
    Some(Search { name, owner, changed, search, description, shared, view })
}

fn missing(name: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no saved search `{name}`"))
}

fn failed(trail: &Trail, error: &SearchError) -> Problem {
    match error {
        SearchError::TooMany(_) => Problem::new(Kind::TooManySearches, error.to_string()),
        SearchError::DiskLow { .. } => Problem::new(Kind::DiskLow, error.to_string()),
        SearchError::Catalog(_) => {
            tracing::error!(request_id = trail.id(), %error, "the catalog gave no answer");
            Problem::new(Kind::StoreStopped, "the catalog cannot be used now; the server's log says why")
        }
    }
}
