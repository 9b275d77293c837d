//! A list of events as a body: whole when it fits into one page of the store, otherwise streamed page by page, so that
//! no request makes the server hold more than one page in memory.

use std::sync::Arc;

use annals_model::{Event, Page, Query, Start};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use crate::host::{Body, Failure, Host};

/// Appends one event in a platform's shape to the body. Separators between events are not its business.
pub(crate) type Render = Arc<dyn Fn(&Event, &mut Vec<u8>) + Send + Sync>;

/// The pieces around and between the events of a list.
pub(crate) struct Frame {
    /// Before the first event.
    pub(crate) open: String,
    /// Between two events.
    pub(crate) separator: &'static str,
    /// After the last event.
    pub(crate) close: String,
}

/// The body of a list that begins with `first`, the answer to `query`, and goes on until `wanted` events have been
/// written or no more match.
#[expect(clippy::needless_pass_by_value, reason = "the page is spent here: nothing else may write it again")]
pub(crate) fn body(
    host: Arc<dyn Host>,
    query: Query,
    first: Page,
    wanted: u64,
    frame: Frame,
    render: Render,
) -> Body {
    let mut written = 0;
    let mut piece = frame.open.clone().into_bytes();
    append(&mut piece, &first, &mut written, wanted, &frame, &render);
    let Some(next) = first.next().filter(|_| written < wanted) else {
        piece.extend(frame.close.as_bytes());
        return piece.into();
    };
    let rest = stream::try_unfold(Some((next, written)), move |state| {
        let (host, query, render) = (Arc::clone(&host), query.clone(), Arc::clone(&render));
        let frame = Frame { open: String::new(), separator: frame.separator, close: frame.close.clone() };
        async move {
            let Some((position, mut written)) = state else { return Ok::<_, Failure>(None) };
            let remaining = u32::try_from(wanted - written).unwrap_or(u32::MAX);
            let page = host.page(query.start(Start::After(position)).limit(remaining)).await?;
            let mut piece = Vec::new();
            append(&mut piece, &page, &mut written, wanted, &frame, &render);
            let next = page.next().filter(|_| written < wanted).map(|position| (position, written));
            if next.is_none() {
                piece.extend(frame.close.as_bytes());
            }
            Ok(Some((Bytes::from(piece), next)))
        }
    });
    Body::Stream(stream::once(async move { Ok(Bytes::from(piece)) }).chain(rest).boxed())
}

fn append(piece: &mut Vec<u8>, page: &Page, written: &mut u64, wanted: u64, frame: &Frame, render: &Render) {
    for event in &page.events {
        if *written == wanted {
            break;
        }
        if *written > 0 {
            piece.extend(frame.separator.as_bytes());
        }
        render(event, piece);
        *written += 1;
    }
}
