//! Lets a client that still sends be heard out. A request is often refused before its body is read, as for a wrong key or
//! when there is too much to do. Closing the connection on what is still coming makes the client's system throw the
//! answer away (RFC 9112, section 9.6): it would see a broken connection instead of a 401 or a 429. What is left of a body
//! that nobody wants is read and dropped, within limits.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{Error, body::Body};
use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::{runtime::Handle, time::timeout};

use crate::limits::{LINGER_BYTES_MAX, LINGER_TIME_MAX};

/// A body that is read to its end by somebody.
pub(crate) fn hold(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::new(Lingering(Some(body))) }
}

/// `None` once the body ended, well or not.
struct Lingering(Option<Body>);

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = &polled {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        // Without a runtime nobody serves connections any more.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(LINGER_TIME_MAX, drain(body)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut left = LINGER_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Buf::remaining);
        match left.checked_sub(length) {
            Some(less) => left = less,
            None => return,
        }
    }
}
