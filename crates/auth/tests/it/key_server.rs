//! A key server on a loopback port: it answers with what it was told last, and counts.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use annals_auth::JwtConfig;
use serde_json::{Value, json};

use crate::signer::config;

#[derive(Clone)]
pub(crate) enum Answer {
    /// Status 200 and this body.
    Body(String),
    /// This status and headers, without a body.
    Status(&'static str),
    /// The connection is closed without a word.
    HangUp,
    /// Status 200 and this body, once somebody else has come to the barrier.
    Late(Arc<Barrier>, String),
}

pub(crate) struct KeyServer {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    /// Starts one; its thread ends with the process.
    pub(crate) fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(answer));
        let asked = Arc::new(AtomicUsize::new(0));
        let server = Self { address, answer: Arc::clone(&answer), asked: Arc::clone(&asked) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = answer.lock().unwrap().clone();
                // A client that went away is no concern of the server.
                let _ = respond(stream.unwrap(), &answer);
            }
        });
        server
    }

    pub(crate) fn with_keys(keys: &[Value]) -> Self {
        Self::start(key_set(keys))
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn config(&self) -> JwtConfig {
        JwtConfig { jwks_url: Some(format!("http://{}/token_keys", self.address)), ..config() }
    }
}

pub(crate) fn key_set(keys: &[Value]) -> Answer {
    Answer::Body(key_set_text(keys))
}

pub(crate) fn key_set_text(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

fn respond(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    assert!(request.starts_with(b"GET /token_keys HTTP/1.1\r\n"));
    if let Answer::Late(barrier, _) = answer {
        barrier.wait();
    }
    match answer {
        Answer::Body(body) | Answer::Late(_, body) => write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
        Answer::Status(status) => {
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        Answer::HangUp => Ok(()),
    }
}
