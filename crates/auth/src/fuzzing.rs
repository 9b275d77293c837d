//! What reads the answers of key servers and of Keystone, opened for fuzzing.
//!
//! It is no part of a server: it is there with the feature `fuzzing` alone. It judges nothing; what must hold is said
//! by the targets.

use annals_model::Principal;

use crate::{jwt, keystone};

/// Reads a published key set and holds a token's signature against it; `None` when either cannot be read.
pub fn verify_with_key_set(key_set: &[u8], token: &str) -> Option<bool> {
    jwt::verify_with_key_set(key_set, token)
}

/// Reads what Keystone answers about a token.
pub fn keystone_answer(answer: &[u8]) -> Option<Principal> {
    keystone::read_answer(answer)
}
