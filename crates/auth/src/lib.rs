//! Judges credentials: what a caller presents becomes a principal with grants, or is refused.
//!
//! Four kinds of credentials are known: static tokens, request-signing keys, JSON Web Tokens, and tokens of OpenStack's
//! Keystone. Principals are made
//! here and nowhere else, which `tests/it/policy.rs` holds the workspace to. How a credential travels in a request and how
//! a refusal is worded belong to the dialects: this crate must know neither HTTP headers nor any platform's errors.
//!
//! Start with [`Authenticator`].

mod authenticator;
mod config;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod jwt;
mod keystone;
mod mint;
mod own_tokens;
mod remote;
mod secret;
mod signing_keys;
mod static_tokens;

pub use authenticator::Authenticator;
pub use config::{ConfigError, CredentialConfig, JwtConfig};
pub use jwt::JWT_KEYS_MAX;
pub use keystone::KeystoneConfig;
pub use mint::{new_key_pair, new_token, token_sha256};
pub use own_tokens::LoginConfig;
pub use secret::Secret;

/// Bytes of a presented token or key; a longer one is refused unread.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// HMAC steps that may derive a signing key.
pub const DERIVATION_STEPS_MAX: usize = 8;
