//! How dialects are mounted.

use annals_dialects::{Body, Call, Dialect, Failure, Import, Reply, Route, Shown};
use annals_model::{Event, InvalidEvent, Presented, Query, Timestamp};
use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    client::Request,
    fixture::{ADMIN, Fixture, READER, Setup, event},
};

/// A platform that answers what it was asked.
struct Echo;

impl Dialect for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn routes(&self) -> &'static [Route] {
        const ROUTES: &[Route] = &[
            Route::get("/echo/list"),
            Route::post("/echo/list"),
            Route::get("/echo/{first}/of/{second}"),
            Route::get("/echo/stream"),
            Route::get("/echo/broken"),
            Route::get("/echo/panic"),
            Route::get("/echo/events"),
        ];
        ROUTES
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["/echo/", "/shared/"]
    }

    fn openapi(&self) -> &'static str {
        "{}"
    }

    fn serve(&self, call: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            match call.route.map(|route| route.path) {
                Some("/echo/stream") => Reply::new(Body::Stream(
                    stream::iter((0..1_000).map(|number| Ok(Bytes::from(format!("line {number}\n")))))
                        .boxed(),
                )),
                Some("/echo/broken") => {
                    let begun = stream::once(async { Ok(Bytes::from("begun")) });
                    let gone = stream::once(async {
                        // Meanwhile the server sends what it has.
                        tokio::task::yield_now().await;
                        Err(Failure::Internal("gone".to_owned()))
                    });
                    Reply::new(Body::Stream(begun.chain(gone).boxed()))
                }
                Some("/echo/panic") => panic!("a fault of the dialect"),
                Some("/echo/events") => events(&call).await,
                _ => reflect(&call),
            }
        })
    }

    fn read(&self, _: &[u8], _: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        Ok(Vec::new())
    }
    fn show(&self, _: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        Err("it shows nothing".to_owned())
    }
}

fn reflect(call: &Call) -> Reply {
    let seen = json!({
        "route": call.route.map(|route| route.path),
        "method": call.method.as_str(),
        "path": call.path,
        "parameters": call.parameters,
        "query": call.query,
        "agent": call.header("user-agent"),
        "body": String::from_utf8_lossy(&call.body),
        "base_url": call.base_url,
        "request_id": call.request_id.to_string(),
    });
    let mut reply = Reply::new(Body::from(seen.to_string()));
    *reply.status_mut() = if call.route.is_some() { StatusCode::OK } else { StatusCode::IM_A_TEAPOT };
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-echo;charset=utf-8"));
    reply
}

async fn events(call: &Call) -> Reply {
    let token = call.header("x-echo").unwrap_or_default().to_owned();
    let principal = match call.host.authenticate(Presented::Token(token)).await {
        Ok(principal) => principal,
        Err(refusal) => {
            let mut reply = Reply::new(Body::from(refusal.to_string()));
            *reply.status_mut() = StatusCode::UNAUTHORIZED;
            return reply;
        }
    };
    let scope = principal.read_scope();
    let query = Query::new(scope.clone()).with_total();
    let page = call.host.page(query.clone()).await.unwrap();
    let id = page.events[0].id;
    let one = call.host.event(scope, id).await.unwrap();
    let groups = call.host.group(query, annals_model::Field::Kind, 10).await.unwrap();
    let seen = json!({
        "total": page.total,
        "first": page.events[0].kind,
        "one": one.map(|event| event.kind.clone()),
        "exists": call.host.exists(id).await.unwrap(),
        "groups": groups.len(),
        "now": call.host.now().seconds() > 1_700_000_000,
    });
    Reply::new(Body::from(seen.to_string()))
}

/// A platform with a longer prefix.
struct Deep;

impl Dialect for Deep {
    fn name(&self) -> &'static str {
        "deep"
    }
    fn routes(&self) -> &'static [Route] {
        &[]
    }
    fn prefixes(&self) -> &'static [&'static str] {
        &["/shared/deep/"]
    }
    fn openapi(&self) -> &'static str {
        "{}"
    }
    fn serve(&self, _: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async { Reply::new(Body::from("deep".to_owned())) })
    }
    fn read(&self, _: &[u8], _: &Import) -> Result<Vec<Result<Event, InvalidEvent>>, InvalidEvent> {
        Ok(Vec::new())
    }
    fn show(&self, _: &Event, _: &str, _: Timestamp) -> Result<Shown, String> {
        Err("it shows nothing".to_owned())
    }
}

fn server() -> Fixture {
    Fixture::with(Setup { dialects: vec![Box::new(Echo), Box::new(Deep)], ..Setup::default() })
}

#[test]
fn a_call_is_handed_over_as_it_was_sent() {
    let server = server();
    let id = "8f2b2f6e-9d3a-4d0f-9a55-0d4f3a0b7a10";
    let request = server
        .get("/echo/a%2Fb%20c/of/%C3%A9+1?x=1&x=a+b%20c&&y")
        .header("user-agent", "test/1")
        .header("host", "platform.test:81")
        .header("x-request-id", id);
    let answer = request.send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-echo;charset=utf-8"));
    assert_eq!(answer.header("x-request-id"), Some(id));
    let expected = json!({
        "route": "/echo/{first}/of/{second}",
        "method": "GET",
        "path": "/echo/a%2Fb%20c/of/%C3%A9+1",
        "parameters": ["a/b c", "é+1"],
        "query": "x=1&x=a+b%20c&&y",
        "agent": "test/1",
        "body": "",
        "base_url": "http://platform.test:81",
        "request_id": id,
    });
    assert_eq!(answer.json(), expected);

    let posted = server.post("/echo/list").body("grant_type=password").send().json();
    assert_eq!((&posted["route"], &posted["body"]), (&json!("/echo/list"), &json!("grant_type=password")));
    let zipped = zstd::encode_all(&b"small"[..], 3).unwrap();
    let posted = server.post("/echo/list").header("content-encoding", "zstd").body(zipped).send().json();
    assert_eq!(posted["body"], "small");
}

#[test]
fn what_no_route_fits_goes_to_whom_the_prefix_belongs() {
    let server = server();
    for (method, path) in [
        ("GET", "/echo/unknown/x"),
        ("GET", "/echo"),
        ("DELETE", "/echo/list"),
        ("POST", "/echo/stream"),
        ("GET", "/shared/x"),
    ] {
        let answer = Request::new(server.address, method, path).send();
        assert_eq!(answer.status, 418, "{method} {path}");
        assert_eq!(answer.json()["route"], Value::Null);
        assert_eq!(answer.json()["path"], path);
        assert_eq!(answer.json()["method"], method);
    }
    assert_eq!(server.get("/shared/deep/x").send().text(), "deep");
    assert_eq!(server.get("/sharedx").send().status, 404);
}

#[test]
fn head_is_answered_where_get_is() {
    let server = server();
    let get = server.get("/echo/list").send();
    let head = Request::new(server.address, "HEAD", "/echo/list").send();
    assert_eq!((head.status, head.header("content-type")), (200, get.header("content-type")));
    // `HEAD` is one letter longer in the reflection.
    let length: usize = get.header("content-length").unwrap().parse().unwrap();
    assert_eq!(head.header("content-length"), Some((length + 1).to_string().as_str()));
    assert_eq!(Request::new(server.address, "HEAD", "/echo/stream").send().status, 200);
}

#[test]
fn streams_are_passed_on_and_compressed() {
    let server = server();
    let plain = server.get("/echo/stream").send();
    assert_eq!(plain.header("transfer-encoding"), Some("chunked"));
    assert_eq!(plain.text().lines().count(), 1_000);
    let zstd = server.get("/echo/stream").header("accept-encoding", "zstd").send();
    assert_eq!(zstd.header("content-encoding"), Some("zstd"));
    assert_eq!(zstd::decode_all(&zstd.body[..]).unwrap(), plain.body);
}

#[test]
fn a_stream_that_breaks_does_not_end_as_if_it_were_whole() {
    use std::io::{Read, Write};
    let server = server();
    let mut stream = crate::client::connect(server.address);
    stream.write_all(server.get("/echo/broken").head().as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("begun"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
}

#[test]
fn a_panic_is_answered_and_the_server_goes_on() {
    let server = server();
    let answer = server.get("/echo/panic").send();
    assert_eq!(answer.status, 500);
    // A dialect's clients have never seen problem details.
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(!answer.text().contains("a fault of the dialect"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(server.get("/echo/list").send().status, 200);
}

#[test]
fn the_host_answers_what_a_dialect_asks() {
    let server = server();
    server.record(&[event("a", 1), event("b", 2)]);
    let answer = server.get("/echo/events").header("x-echo", READER).send().json();
    let expected = json!({ "total": 2, "first": "b", "one": "b", "exists": true, "groups": 2, "now": true });
    assert_eq!(answer, expected);
    assert_eq!(server.get("/echo/events").header("x-echo", "nobody").send().status, 401);
}

#[test]
fn a_large_body_never_reaches_a_dialect() {
    let server = server();
    let answer = server.post("/echo/list").body(vec![b'x'; (1 << 20) + 1]).send();
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn two_dialects_may_not_claim_one_route() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup { dialects: vec![Box::new(Echo), Box::new(Echo)], ..Setup::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(setup.bind(&dir)).err().unwrap();
    assert_eq!(
        error.to_string(),
        "`/echo/list` is claimed by echo and by echo: no two may answer the same request"
    );
}

#[test]
fn all_dialects_are_mounted_together() {
    let server = Fixture::start();
    for dialect in annals_dialects::all(&Default::default()) {
        for route in dialect.routes() {
            let path = route.path.replace(['{', '}'], "");
            let answer = server.get(&path).token(ADMIN).send();
            assert_ne!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{path}: {}",
                answer.text()
            );
            assert!(answer.status < 500, "{path}: {}", answer.text());
        }
    }
}
