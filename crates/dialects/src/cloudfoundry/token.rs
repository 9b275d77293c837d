//! `POST /oauth/token`: tokens for clients that log in with a name and a password, as Cloud Foundry's UAA gives them.
//!
//! A user is a credential of the configuration: its name, and its token as the password. It must not judge either, and
//! is served only where no other login server is configured.

use std::collections::BTreeMap;

use annals_model::{Issued, Login, Refusal, TokenRequest};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::host::{Call, Reply};

/// The client that users log in with; it has no secret, in every installation.
const USERS_CLIENT: &str = "cf";
/// What a token is for: to read, and to be known by. Sorted, as UAA shows them.
const SCOPES: [&str; 2] = ["cloud_controller.read", "openid"];
/// Whom a token is for.
const AUDIENCES: [&str; 3] = ["cf", "cloud_controller", "openid"];
/// Says that name and secret of a client are percent-encoded (UAA's documentation, "Client credentials").
const ENCODED: &str = "x-cf-encoded-credentials";

/// Why there is no token, in the words of RFC 6749 and UAA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Denial {
    /// The request cannot be read.
    Malformed(&'static str),
    /// A kind of login that is not served.
    GrantType,
    /// The client is not known, or its secret is wrong.
    Client,
    /// The user is not known, or the password is wrong.
    User,
    /// The refresh token is not good.
    RefreshToken,
    /// Nobody can tell now.
    Unavailable,
}

/// Answers `POST /oauth/token`.
pub(super) async fn answer(call: &Call) -> Reply {
    match issue(call).await {
        Ok(issued) => granted(&issued),
        Err(denial) => denial.reply(),
    }
}

async fn issue(call: &Call) -> Result<Issued, Denial> {
    let form = Form::read(&call.body)?;
    let client = Client::of(call, &form);
    let (login, denial) = match form.get("grant_type") {
        Some("password") => {
            client.check_users_client()?;
            let (Some(name), Some(password)) = (form.get("username"), form.get("password")) else {
                return Err(Denial::User);
            };
            (Login::User { name: name.to_owned(), password: password.to_owned() }, Denial::User)
        }
        Some("client_credentials") => {
            (Login::Client { name: client.name.clone(), secret: client.secret.clone() }, Denial::Client)
        }
        Some("refresh_token") => {
            client.check_users_client()?;
            let token = form.get("refresh_token").ok_or(Denial::RefreshToken)?;
            (Login::Refresh { token: token.to_owned() }, Denial::RefreshToken)
        }
        Some(_) => return Err(Denial::GrantType),
        None => return Err(Denial::Malformed("Missing grant type")),
    };
    let request = TokenRequest {
        login,
        client: client.name,
        issuer: format!("{}/oauth/token", call.base_url),
        scopes: SCOPES.map(str::to_owned).to_vec(),
        audiences: AUDIENCES.map(str::to_owned).to_vec(),
    };
    call.host.issue(request).await.map_err(|refusal| match refusal {
        Refusal::Unavailable => Denial::Unavailable,
        _ => denial,
    })
}

/// The parameters of the body. Those of the address are not read: addresses are written into logs.
struct Form(BTreeMap<String, String>);

impl Form {
    fn read(body: &[u8]) -> Result<Self, Denial> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Denial::Malformed("A parameter is given twice"));
            }
        }
        Ok(Self(parameters))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The program that asks; nameless when it does not say, or not so that it can be read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Client {
    name: String,
    secret: String,
}

impl Client {
    fn of(call: &Call, form: &Form) -> Self {
        match call.header("authorization") {
            Some(header) => Self::of_header(header, call.header(ENCODED)).unwrap_or_default(),
            None => {
                let text = |name| form.get(name).unwrap_or_default().to_owned();
                Self { name: text("client_id"), secret: text("client_secret") }
            }
        }
    }

    fn of_header(header: &str, encoded: Option<&str>) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (name, secret) = text.split_once(':')?;
        let decode = |text: &str| match encoded {
            Some(flag) if flag.eq_ignore_ascii_case("true") => {
                percent_decode_str(text).decode_utf8_lossy().into_owned()
            }
            _ => text.to_owned(),
        };
        Some(Self { name: decode(name), secret: decode(secret) })
    }

    fn check_users_client(&self) -> Result<(), Denial> {
        if self.name == USERS_CLIENT && self.secret.is_empty() { Ok(()) } else { Err(Denial::Client) }
    }
}

fn granted(issued: &Issued) -> Reply {
    let mut body = json!({
        "access_token": issued.access_token,
        "token_type": "bearer",
        "expires_in": issued.expires_in_seconds,
        "scope": issued.scopes.join(" "),
        "jti": issued.token_id,
    });
    if let Some(token) = &issued.refresh_token {
        body["refresh_token"] = token.as_str().into();
    }
    reply(StatusCode::OK, body.to_string())
}

impl Denial {
    fn reply(self) -> Reply {
        let (status, error, description) = match self {
            Self::Malformed(what) => (StatusCode::BAD_REQUEST, "invalid_request", what),
            Self::GrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "Unsupported grant type: use password, refresh_token or client_credentials",
            ),
            Self::Client => (StatusCode::UNAUTHORIZED, "invalid_client", "Bad client credentials"),
            Self::User => (StatusCode::UNAUTHORIZED, "unauthorized", "Bad credentials"),
            Self::RefreshToken => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "The token expired, was revoked, or the token ID is incorrect.",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "The login server is currently unavailable",
            ),
        };
        let body = json!({ "error": error, "error_description": description });
        let mut reply = reply(status, body.to_string());
        if status == StatusCode::UNAUTHORIZED && self == Self::Client {
            // RFC 6749, section 5.2.
            let challenge = HeaderValue::from_static(r#"Basic realm="UAA/client""#);
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        reply
    }
}

/// An answer that nothing on the way may keep (RFC 6749, section 5.1).
fn reply(status: StatusCode, body: String) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json;charset=UTF-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_itself_in_a_header() {
        let read = |text: &str, encoded| Client::of_header(text, encoded);
        let client = |name: &str, secret: &str| Some(Client { name: name.into(), secret: secret.into() });
        assert_eq!(read("Basic Y2Y6", None), client("cf", ""));
        assert_eq!(read("basic  Y2Y6 ", None), client("cf", ""));
        let odd = format!("Basic {}", STANDARD.encode("a%3A:s:%20"));
        assert_eq!(read(&odd, None), client("a%3A", "s:%20"));
        assert_eq!(read(&odd, Some("true")), client("a:", "s: "));
        for bad in ["Bearer Y2Y6", "Basic", "Basic !", "Basic Y2Y", "Basic Y2Y=", "Basic /w=="] {
            assert_eq!(read(bad, None), None, "{bad}");
        }
    }
}
