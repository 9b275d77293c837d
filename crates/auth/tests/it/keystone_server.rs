//! A Keystone on a loopback port: it gives a service token, answers about tokens as it was told, and writes down what it
//! was asked. Bodies and statuses are those that Keystone 30 was seen to give.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use annals_auth::KeystoneConfig;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "service-pass";

/// What happens to a question.
#[derive(Clone)]
pub(crate) enum Reaction {
    /// The token is good and says this.
    Good(Value),
    /// The same, but not before [`KeystoneServer::release`].
    Held(Value),
    /// This status and body.
    Says(u16, &'static str),
    /// As Keystone says of a token that it does not know.
    NotFound,
    /// The connection is closed without a word.
    HangUp,
    /// Nothing happens for so long; then the connection is closed.
    Silence(Duration),
}

#[derive(Default)]
struct State {
    /// By token; what is not here is not found.
    tokens: HashMap<String, Reaction>,
    /// What happens to every question, and to every login, instead.
    everything: Option<Reaction>,
    /// What happens to the next questions and logins, first to last.
    next: Vec<Reaction>,
    logins: usize,
    questions: Vec<String>,
    /// How long a service token is good for, from the time of the tests on.
    life_seconds: i64,
    now: i64,
    own_token: String,
}

/// Where questions wait.
#[derive(Default)]
struct Gate {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    open: bool,
    /// Questions that wait here now.
    questions: usize,
}

#[derive(Clone)]
pub(crate) struct KeystoneServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    gate: Arc<Gate>,
}

impl KeystoneServer {
    /// Starts one at whose clock it is `now`; its thread ends with the process.
    pub(crate) fn start(now: i64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { life_seconds: 3600, now, ..State::default() }));
        let server = Self { address, state, gate: Arc::default() };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = serving.clone();
                // A client that went away is no concern of the server.
                thread::spawn(move || server.respond(stream.unwrap()));
            }
        });
        server
    }

    pub(crate) fn config(&self) -> Value {
        json!({
            "url": format!("http://{}/v3", self.address), "username": "annals", "password": PASSWORD,
            "project": "service", "timeout_seconds": 1,
        })
    }

    pub(crate) fn keystone(&self) -> KeystoneConfig {
        serde_json::from_value(self.config()).unwrap()
    }

    pub(crate) fn know(&self, token: &str, reaction: Reaction) {
        self.state.lock().unwrap().tokens.insert(token.to_owned(), reaction);
    }

    pub(crate) fn forget(&self, token: &str) {
        self.state.lock().unwrap().tokens.remove(token);
    }

    pub(crate) fn everything(&self, reaction: Option<Reaction>) {
        self.state.lock().unwrap().everything = reaction;
    }

    pub(crate) fn next(&self, reactions: &[Reaction]) {
        self.state.lock().unwrap().next = reactions.to_vec();
    }

    /// How many questions wait to be released.
    pub(crate) fn held(&self) -> usize {
        self.gate.held.lock().unwrap().questions
    }

    /// Lets every question be answered that waits, or would have waited from now on.
    pub(crate) fn release(&self) {
        self.gate.held.lock().unwrap().open = true;
        self.gate.changed.notify_all();
    }

    fn hold(&self) {
        let mut held = self.gate.held.lock().unwrap();
        held.questions += 1;
        held = self.gate.changed.wait_while(held, |held| !held.open).unwrap();
        held.questions -= 1;
    }

    /// Makes the service token worthless.
    pub(crate) fn revoke_service_token(&self) {
        self.state.lock().unwrap().own_token.clear();
    }

    pub(crate) fn service_tokens_live(&self, seconds: i64) {
        self.state.lock().unwrap().life_seconds = seconds;
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.state.lock().unwrap().now += seconds;
    }

    /// How often a service token was asked for.
    pub(crate) fn logins(&self) -> usize {
        self.state.lock().unwrap().logins
    }

    /// The tokens that were asked about.
    pub(crate) fn questions(&self) -> usize {
        self.state.lock().unwrap().questions.len()
    }

    fn respond(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (head, body) = receive(&mut stream)?;
        let reaction = self.reaction(&head, &body);
        let (status, headers, body) = match reaction {
            Given::Token(token, body) => (201, format!("x-subject-token: {token}\r\n"), body),
            Given::Reaction(Reaction::Good(token)) => {
                (200, String::new(), json!({ "token": token }).to_string())
            }
            Given::Reaction(Reaction::Held(token)) => {
                self.hold();
                (200, String::new(), json!({ "token": token }).to_string())
            }
            Given::Reaction(Reaction::Says(status, body)) => (status, String::new(), body.to_owned()),
            Given::Reaction(Reaction::NotFound) => (
                404,
                String::new(),
                r#"{"error":{"code":404,"message":"Could not recognize Fernet token","title":"Not Found"}}"#
                    .to_owned(),
            ),
            Given::Reaction(Reaction::HangUp) => return Ok(()),
            Given::Reaction(Reaction::Silence(duration)) => {
                thread::sleep(duration);
                return Ok(());
            }
        };
        write!(
            stream,
            "HTTP/1.1 {status} X\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn reaction(&self, head: &str, body: &[u8]) -> Given {
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
            line.map(|line| line[name.len() + 1..].trim().to_owned())
        };
        let unauthorized = Given::Reaction(Reaction::Says(
            401,
            r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#,
        ));
        let mut state = self.state.lock().unwrap();
        let is_login = head.starts_with("POST /v3/auth/tokens?nocatalog HTTP/1.1\r\n");
        if is_login {
            state.logins += 1;
        } else {
            assert!(head.starts_with("GET /v3/auth/tokens?nocatalog HTTP/1.1\r\n"), "{head}");
            state.questions.push(header("x-subject-token").unwrap());
        }
        if !state.next.is_empty() {
            return Given::Reaction(state.next.remove(0));
        }
        if let Some(reaction) = state.everything.clone() {
            return Given::Reaction(reaction);
        }
        if is_login {
            let wanted = json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": {
                    "name": "annals", "domain": {"name": "Default"}, "password": PASSWORD,
                }}},
                "scope": {"project": {"name": "service", "domain": {"name": "Default"}}},
            }});
            if serde_json::from_slice::<Value>(body).unwrap() != wanted {
                return unauthorized;
            }
            state.own_token = format!("own-{}", state.logins);
            let said = json!({ "token": said_of("annals", state.now + state.life_seconds, None, "service") });
            return Given::Token(state.own_token.clone(), said.to_string());
        }
        if state.own_token.is_empty() || header("x-auth-token").as_deref() != Some(&state.own_token) {
            return unauthorized;
        }
        let token = header("x-subject-token").unwrap();
        Given::Reaction(state.tokens.get(&token).cloned().unwrap_or(Reaction::NotFound))
    }
}

enum Given {
    Token(String, String),
    Reaction(Reaction),
}

/// What Keystone says of a token of this user, with this role on this project.
pub(crate) fn said_of(user: &str, expires: i64, project: Option<&str>, role: &str) -> Value {
    let expires = annals_model::Timestamp::from_seconds(expires).unwrap().to_rfc3339_seconds();
    let domain = json!({"id": "default", "name": "Default"});
    let mut said = json!({
        "methods": ["password"], "audit_ids": ["JivA"], "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": expires.replace('Z', ".000000Z"),
        "user": {"domain": domain, "id": format!("id-of-{user}"), "name": user, "password_expires_at": null},
    });
    if let Some(project) = project {
        said["project"] = json!({"domain": domain, "id": project, "name": "k5prj"});
        said["is_domain"] = false.into();
        said["roles"] = json!([{"id": "4f", "name": role}, {"id": "5a", "name": "reader"}]);
    }
    said
}

fn receive(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|value| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}
