//! Every kind of credential, good and wrong, through the public interface.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod credentials;
mod jwt;
mod key_server;
mod keystone;
mod keystone_server;
mod own_tokens;
mod policy;
mod published_keys;
mod signer;
