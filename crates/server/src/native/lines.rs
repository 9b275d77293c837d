//! An export of lines: the store writes the events' JSON by itself, page by page, and the next page is written while the
//! client takes the one before.

use std::{io, sync::Arc};

use annals_model::{Query, Start};
use annals_store::{QueryError, WrittenPage};
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::task::JoinHandle;

use crate::{
    app::{App, blocking},
    native::{problem::Problem, read::unanswered},
    observe::trail::Trail,
};

/// Which part of a page the next one may be longer, so that its memory is taken only once.
const SPARE_PART: usize = 16;

/// Lines, and what is known of the page that they are.
type Lines = (Vec<u8>, WrittenPage);

/// What comes next.
enum Next {
    Nothing,
    Read(Lines),
    Reading(JoinHandle<Result<Result<Lines, QueryError>, Problem>>),
}

/// Every event of a query as a line of JSON, a page at a time. It answers when the first page is there.
///
/// # Errors
/// When the question is wrong or the first page cannot be read. What goes wrong later breaks the stream off: a file that
/// ended well would be taken for whole.
pub(crate) async fn lines(
    app: Arc<App>,
    trail: Arc<Trail>,
    query: Query,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Problem> {
    let first = read(Arc::clone(&app), Arc::clone(&trail), query.clone(), 0).await?;
    let first = Next::Read(first.map_err(|error| unanswered(&trail, &error))?);
    Ok(stream::try_unfold(first, move |next| {
        let (app, trail, query) = (Arc::clone(&app), Arc::clone(&trail), query.clone());
        async move {
            let (mut piece, page) = match next {
                Next::Nothing => return Ok(None),
                Next::Read(lines) => lines,
                Next::Reading(reading) => {
                    let read = reading.await.map_err(io::Error::other)?;
                    let read = read.map_err(|problem| io::Error::other(problem.detail))?;
                    read.map_err(|error| {
                        tracing::error!(request_id = trail.id(), %error, "an export broke off");
                        io::Error::other(error)
                    })?
                }
            };
            if page.events > 0 {
                piece.push(b'\n');
            }
            let next = match page.next() {
                None => Next::Nothing,
                Some(position) => {
                    let query = query.start(Start::After(position));
                    // The pages behind a full one are about as long.
                    let bytes = piece.len() + piece.len() / SPARE_PART;
                    Next::Reading(tokio::spawn(read(app, trail, query, bytes)))
                }
            };
            Ok(Some((Bytes::from(piece), next)))
        }
    }))
}

/// Reads a page, with room for so many bytes.
async fn read(
    app: Arc<App>,
    trail: Arc<Trail>,
    query: Query,
    bytes: usize,
) -> Result<Result<Lines, QueryError>, Problem> {
    blocking(&trail, move || {
        let mut lines = Vec::with_capacity(bytes);
        app.store.write_page(&query, b'\n', &mut lines).map(|page| (lines, page))
    })
    .await
}
