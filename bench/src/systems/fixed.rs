//! The least a server of our kind can do: a fixed answer of a given size, from the same HTTP library, with nothing behind it.
//! It runs in this process, on threads of its own.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use super::annals::Door;

/// Bytes of the largest answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// What a server says to a recorded event.
const RECORDED: &str = "{\"accepted\":1,\"duplicates\":0,\"rejected\":[]}";

/// The server. It ends with this.
pub(crate) struct Fixed {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Fixed {
    pub(crate) fn start() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the server of fixed answers does not start: {error}");
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(failed)?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let routes = Router::new()
            .route("/fixed/{bytes}", get(answer))
            .route("/fixed", post(taken))
            .layer(DefaultBodyLimit::disable())
            .with_state(Bytes::from(vec![b'x'; ANSWER_BYTES_MAX]));
        runtime.spawn(async move {
            // It serves until the runtime ends.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, _runtime: runtime })
    }

    pub(crate) fn door(&self) -> Door {
        Door { address: self.address, authorization: "Bearer none".to_owned() }
    }

    /// The path of an answer of so many bytes.
    pub(crate) fn path(bytes: usize) -> String {
        format!("/fixed/{}", bytes.min(ANSWER_BYTES_MAX))
    }
}

async fn answer(State(all): State<Bytes>, Path(bytes): Path<usize>) -> Response {
    let body = all.slice(..bytes.min(all.len()));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn taken(body: Bytes) -> Response {
    drop(body);
    ([(header::CONTENT_TYPE, "application/json")], RECORDED).into_response()
}
