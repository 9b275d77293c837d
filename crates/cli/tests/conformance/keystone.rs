//! A stand-in for OpenStack's identity service: it gives the server a token of its own and says of other tokens what a
//! case file says. Statuses and bodies are those of Keystone (API version 3). It knows no cases.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::{Map, Value, json};

/// The token that the server is given for itself.
const OWN_TOKEN: &str = "token-of-the-server";
/// When tokens end that do not say.
const EXPIRES: &str = "2099-01-01T00:00:00.000000Z";

/// What Keystone knows, and whether it is there at all.
#[derive(Debug, Default)]
struct Known {
    /// By token, what Keystone says of it; other tokens are not found.
    tokens: Map<String, Value>,
    away: bool,
    /// How often a token was asked about.
    questions: u64,
}

/// A Keystone on a loopback port; its thread ends with the process.
pub(crate) struct Keystone {
    known: Arc<Mutex<Known>>,
    url: String,
}

impl Keystone {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}/v3", listener.local_addr()?);
        let known: Arc<Mutex<Known>> = Arc::default();
        let serving = Arc::clone(&known);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = Arc::clone(&serving);
                // A client that went away is no concern of the server.
                thread::spawn(move || respond(stream, &known));
            }
        });
        Ok(Self { known, url })
    }

    /// The server's settings that name it. What was refused is kept for a minute, so that no slow run outlasts it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "\n[keystone]\nurl = \"{}\"\nusername = \"annals\"\npassword = \"secret\"\nproject = \"service\"\n\
             refused_cache_seconds = 60\n",
            self.url
        )
    }

    /// Its address, which refused clients are told.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on it says this of tokens: `user`, `project`, `roles`, `expires_at`, `domain`, `system`. One that is null
    /// is revoked.
    pub(crate) fn know(&self, tokens: &Map<String, Value>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (token, said) in tokens {
            known.tokens.insert(token.clone(), said.clone());
        }
    }

    /// Whether it answers nothing but 503 from now on.
    pub(crate) fn be_away(&self, away: bool) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).away = away;
    }

    /// How often a token was asked about.
    pub(crate) fn questions(&self) -> u64 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).questions
    }
}

fn respond(stream: TcpStream, known: &Mutex<Known>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut request, mut subject, mut asker, mut length) = (String::new(), String::new(), String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "x-subject-token" => value.trim().clone_into(&mut subject),
            "x-auth-token" => value.trim().clone_into(&mut asker),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
    let (status, header, body) = {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&mut known, &request, &asker, &subject)
    };
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status} X\r\n{header}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn answer(known: &mut Known, request: &str, asker: &str, subject: &str) -> (u16, String, String) {
    let error = |code: u16, message: &str, title: &str| {
        let body = json!({"error": {"code": code, "message": message, "title": title}});
        (code, String::new(), body.to_string())
    };
    let is_login = request.starts_with("POST /v3/auth/tokens");
    known.questions += u64::from(!is_login);
    if known.away {
        return error(503, "Service Unavailable", "Service Unavailable");
    }
    if is_login {
        let said = token(&json!({"user": "annals", "project": "service", "roles": ["service"]}));
        return (201, format!("x-subject-token: {OWN_TOKEN}\r\n"), said);
    }
    if asker != OWN_TOKEN {
        return error(401, "The request you have made requires authentication.", "Unauthorized");
    }
    match known.tokens.get(subject) {
        None | Some(Value::Null) => error(404, "Could not recognize Fernet token", "Not Found"),
        Some(said) => (200, String::new(), token(said)),
    }
}

/// What Keystone says of a token.
fn token(said: &Value) -> String {
    let domain = json!({"id": "default", "name": "Default"});
    let user = said["user"].as_str().unwrap_or_default();
    let mut body = json!({
        "methods": ["password"], "audit_ids": ["JivA"], "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": said.get("expires_at").cloned().unwrap_or_else(|| EXPIRES.into()),
        "user": {"domain": domain, "id": format!("id-of-{user}"), "name": user, "password_expires_at": null},
    });
    if let Some(project) = said.get("project") {
        body["project"] = json!({"domain": domain, "id": project, "name": "a project"});
        body["is_domain"] = false.into();
    }
    if said.get("domain").is_some() {
        body["domain"] = domain;
    }
    if said.get("system").is_some() {
        body["system"] = json!({"all": true});
    }
    if let Some(roles) = said.get("roles").and_then(Value::as_array) {
        body["roles"] = roles.iter().map(|name| json!({"id": "4f", "name": name})).collect();
    }
    json!({ "token": body }).to_string()
}
