//! `GET /api/v1/export`: everything that matches, as a file. It is read from the store page by page while the client takes
//! it, so that any number of events needs the memory of one page, or of one row group where a file has those.

use std::{io, sync::Arc};

use annals_model::{Order, Page, Query, Role, Start};
use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{App, blocking, streamed},
    export::{FileWriter, Format},
    limits::{EXPORT_PAGE_BYTES, EXPORT_PAGE_EVENTS, PARQUET_EXPORTS_MAX},
    native::{
        access::caller_with,
        filters::Parameters,
        lines,
        problem::{Kind, Problem},
        read::unanswered,
    },
    observe::trail::Trail,
};

/// Writes everything that matches as a file.
#[utoipa::path(
    get, path = "/api/v1/export", operation_id = "export_events", tag = "events",
    params(
        ("format" = Option<String>, Query, description = "`ndjson` (the default), `csv` or `parquet`"),
        ("order" = Option<String>, Query, description = "`asc` (the default) = oldest first, `desc` = newest first"),
    ),
    responses((
        status = 200, description = "The file; when it cannot be written to its end the connection breaks off",
        content((String = "application/x-ndjson"), (String = "text/csv"), (String = "application/vnd.apache.parquet")),
        headers(("content-disposition" = String, description = "A name for the file")),
    )),
)]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let reader = caller_with(&app, &trail, request.headers(), Role::Reader).await?;
    let parameters =
        Parameters::parse(request.uri().query().unwrap_or_default(), &["format", "order"], app.clock.now())?;
    let name = parameters.own("format").unwrap_or("ndjson");
    let format = Format::from_name(name)
        .ok_or_else(|| Problem::parameter(format!("`format` is `{name}`: must be ndjson, csv or parquet")))?;
    let order = match parameters.own("order") {
        None | Some("asc") => Order::Ascending,
        Some("desc") => Order::Descending,
        Some(other) => {
            return Err(Problem::parameter(format!("`order` is `{other}`: must be asc or desc")));
        }
    };
    let query =
        parameters.query(&reader)?.order(order).limit(EXPORT_PAGE_EVENTS).page_bytes(EXPORT_PAGE_BYTES);
    let turn = match format {
        Format::Parquet => {
            Some(Arc::clone(&app.parquet_exports).try_acquire_owned().map_err(|_| too_many())?)
        }
        Format::Ndjson | Format::Csv => None,
    };
    let writer = format.writer().map_err(|error| {
        tracing::error!(request_id = trail.id(), %error, "no file can be begun");
        Problem::internal()
    })?;
    let file_name = format!("annals-{}.{name}", app.clock.now().to_rfc3339_seconds().replace([':', '-'], ""));

    // What is wrong with the question is answered as such, before the file begins.
    let body = match writer {
        None => streamed(lines::lines(app, trail, query).await?),
        Some(writer) => {
            let (asked, first) = (Arc::clone(&app), query.clone());
            let page = blocking(&trail, move || asked.store.query(&first)).await?;
            let page = page.map_err(|error| unanswered(&trail, &error))?;
            let state = Some(Export { app, trail, query, writer, page, _turn: turn });
            streamed(stream::try_unfold(state, |state| async move {
                match state {
                    Some(export) => export.next().await.map(Some),
                    None => Ok(None),
                }
            }))
        }
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{file_name}\""));
    let mut response = (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        body,
    )
        .into_response();
    if let Ok(disposition) = disposition {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn too_many() -> Problem {
    let detail = format!("{PARQUET_EXPORTS_MAX} Parquet exports are being made: try again later");
    Problem::new(Kind::Overloaded, detail)
}

/// A file in the making.
struct Export {
    app: Arc<App>,
    trail: Arc<Trail>,
    query: Query,
    writer: Box<dyn FileWriter>,
    /// What is written next.
    page: Page,
    /// The place among the exports that hold a row group.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Export {
    /// The next piece of the file, and what comes after it. An error breaks the connection off: a file that ended well
    /// would be taken for whole.
    async fn next(self) -> io::Result<(Bytes, Option<Self>)> {
        let trail = Arc::clone(&self.trail);
        let made = blocking(&trail, move || self.write()).await;
        let made = made.map_err(|problem| io::Error::other(problem.detail))?;
        made.inspect_err(|error| {
            tracing::error!(request_id = trail.id(), %error, "an export broke off");
        })
    }

    fn write(mut self) -> io::Result<(Bytes, Option<Self>)> {
        let mut piece = Vec::new();
        // Several pages may become one piece; what a writer holds back is bounded.
        while piece.is_empty() {
            self.writer.write(&self.page.events, &mut piece)?;
            let Some(position) = self.page.next() else {
                self.writer.finish(&mut piece)?;
                return Ok((piece.into(), None));
            };
            let next = self.query.clone().start(Start::After(position));
            self.page = self.app.store.query(&next).map_err(io::Error::other)?;
        }
        Ok((piece.into(), Some(self)))
    }
}
