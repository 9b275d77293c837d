//! `POST /api/v1/admin/backup`: a backup of the whole store while it works, as a tar archive that is made while it is
//! sent. Only for those who administer everything: it holds every organization's events.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::Arc,
};

use annals_model::Role;
use axum::{
    Extension,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header;
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::{
    app::{App, blocking, streamed},
    body,
    limits::{BACKUP_PIECE_BYTES, BACKUP_PIECES_MAX, BACKUP_REQUEST_BYTES_MAX},
    native::{
        access::caller_with,
        filters::Parameters,
        problem::{Kind, Problem},
    },
    observe::trail::Trail,
};

/// The media type of a tar archive.
const MEDIA_TYPE: &str = "application/x-tar";

/// What the caller wants. An empty body wants everything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wanted {
    /// Names of segments that the caller has from an earlier backup; they are left out of the archive.
    have: BTreeSet<String>,
}

/// Makes a backup.
///
/// The archive holds a manifest, the catalog, and the segments it lists. It stands for one moment after the request
/// came; recording and reading go on. Needs the role `admin` over everything. One backup is made at a time.
#[utoipa::path(
    post, path = "/api/v1/admin/backup", operation_id = "backup", tag = "admin",
    request_body(content((Wanted = "application/json"))),
    responses((status = 200, description = "A tar archive; one that breaks off is no backup", body = String, content_type = "application/x-tar")),
)]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    Extension(trail): Extension<Arc<Trail>>,
    request: Request,
) -> Result<Response, Problem> {
    let principal = caller_with(&app, &trail, request.headers(), Role::Admin).await?;
    if !principal.may(Role::Admin, None, None) {
        let detail = "a backup holds everything: it needs the role `admin` over everything";
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    Parameters::none(request.uri().query())?;
    let (parts, sent) = request.into_parts();
    let held = body::read(&app, &trail, &parts.headers, sent, BACKUP_REQUEST_BYTES_MAX).await?;
    let wanted =
        if held.bytes.is_empty() { Ok(Wanted::default()) } else { serde_json::from_slice(&held.bytes) };
    let wanted = wanted
        .map_err(|error| Problem::new(Kind::BadBody, format!("not what a backup is asked with: {error}")))?;
    let Ok(turn) = Arc::clone(&app.backups).try_acquire_owned() else {
        return Err(Problem::new(Kind::Overloaded, "another backup is being made: try again later"));
    };
    let asked = Arc::clone(&app);
    let snapshot = blocking(&trail, move || asked.store.snapshot()).await?.map_err(|error| {
        tracing::error!(request_id = trail.id(), %error, "no backup can be made");
        Problem::internal()
    })?;

    let (sender, receiver) = mpsc::channel(BACKUP_PIECES_MAX);
    let held = Arc::clone(&trail);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces { sender, piece: BytesMut::new() };
        let written = snapshot.write(&wanted.have, &mut pieces);
        if let Err(error) = written {
            tracing::error!(request_id = held.id(), %error, "a backup was cut short");
            // Without it the archive would seem to end; when nobody listens any more there is nobody to tell.
            let _ = pieces.sender.blocking_send(Err(io::Error::other("the backup was cut short")));
        }
        // The request is in progress, and no other backup begins, until here.
        drop((snapshot, turn, held));
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, streamed(pieces)).into_response())
}

/// Hands on what is written, in pieces of [`BACKUP_PIECE_BYTES`]; waits while the client does not take them.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: BytesMut,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= BACKUP_PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = self.piece.split().freeze();
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away"))
    }
}
