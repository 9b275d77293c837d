//! Asking for a token of ours with a credential: what a caller sends to a platform's login, and what it gets.
//!
//! A dialect reads the request and writes the answer; `auth` judges the credential and makes the token.

use std::fmt;

/// How a caller proves itself to get a token.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// As a user: a credential's name, and its token as the password.
    User {
        /// The credential's name.
        name: String,
        /// Its token.
        password: String,
    },
    /// As a client of its own: a credential's name, and its token as the secret.
    Client {
        /// The credential's name.
        name: String,
        /// Its token.
        secret: String,
    },
    /// By the refresh token that came with an earlier token.
    Refresh {
        /// The refresh token.
        token: String,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Secrets never reach a log.
        match self {
            Self::User { name, .. } => write!(f, "User {{ name: {name:?}, … }}"),
            Self::Client { name, .. } => write!(f, "Client {{ name: {name:?}, … }}"),
            Self::Refresh { .. } => f.write_str("Refresh(…)"),
        }
    }
}

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The proof.
    pub login: Login,
    /// The program that asks for a user, as in `cf`.
    pub client: String,
    /// What the token says of who issued it.
    pub issuer: String,
    /// What the token may be used for, in the platform's words.
    pub scopes: Vec<String>,
    /// Whom the token is for, in the platform's words.
    pub audiences: Vec<String>,
}

/// A token that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The name of the credential it stands for.
    pub name: String,
    /// The token, a JSON Web Token; it is accepted wherever the credential's own token is.
    pub access_token: String,
    /// Its identifier.
    pub token_id: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// How long it is good.
    pub expires_in_seconds: u64,
    /// What the next token is got by; a client of its own asks with its secret again.
    pub refresh_token: Option<String>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issued {{ name: {:?}, token_id: {:?}, … }}", self.name, self.token_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let secret = || "hunter2".to_owned();
        let issued = Issued {
            name: "ada".into(),
            access_token: secret(),
            token_id: "1".into(),
            scopes: Vec::new(),
            expires_in_seconds: 1,
            refresh_token: Some(secret()),
        };
        let shown = format!(
            "{issued:?} {:?} {:?} {:?}",
            Login::User { name: "ada".into(), password: secret() },
            Login::Client { name: "ada".into(), secret: secret() },
            Login::Refresh { token: secret() },
        );
        assert!(!shown.contains("hunter2") && shown.contains("ada"), "{shown}");
    }
}
