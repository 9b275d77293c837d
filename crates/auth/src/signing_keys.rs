//! Request-signing keys: HMAC-SHA256 over a message, directly or with a chain of derived keys. What is signed and how a
//! signature is written belong to the dialects.

use std::{collections::HashMap, sync::Arc};

use annals_model::{Principal, Refusal};
use ring::hmac;

use crate::{DERIVATION_STEPS_MAX, Secret, mint};

/// The signing keys, their secrets and whom they belong to.
pub(crate) struct SigningKeys {
    by_key: HashMap<String, (Secret, Arc<Principal>)>,
    /// What a request by an unknown key is verified with, so that it takes as long as one by a known key.
    decoy: Secret,
}

impl SigningKeys {
    pub(crate) fn new() -> Self {
        let (_, decoy) = mint::new_key_pair();
        Self { by_key: HashMap::new(), decoy: Secret::new(decoy) }
    }

    /// Adds a key; gives back whom it belongs to already, if anybody.
    pub(crate) fn insert(
        &mut self,
        key: &str,
        secret: &Secret,
        principal: Principal,
    ) -> Result<(), Arc<Principal>> {
        if let Some((_, owner)) = self.by_key.get(key) {
            return Err(Arc::clone(owner));
        }
        self.by_key.insert(key.to_owned(), (secret.clone(), Arc::new(principal)));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whom a signature is by.
    pub(crate) fn verify(
        &self,
        key: &str,
        secret_prefix: &str,
        derivation: &[Vec<u8>],
        message: &[u8],
        signature: &[u8],
    ) -> Result<&Principal, Refusal> {
        if derivation.len() > DERIVATION_STEPS_MAX {
            return Err(Refusal::BadSignature);
        }
        let known = self.by_key.get(key);
        let secret = known.map_or(&self.decoy, |(secret, _)| secret);
        let first = [secret_prefix.as_bytes(), secret.expose().as_bytes()].concat();
        let mut signing_key = hmac::Key::new(hmac::HMAC_SHA256, &first);
        for step in derivation {
            let derived = hmac::sign(&signing_key, step);
            signing_key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        }
        // ring compares in constant time.
        let fits = hmac::verify(&signing_key, message, signature).is_ok();
        match known {
            None => Err(Refusal::Unknown),
            Some(_) if !fits => Err(Refusal::BadSignature),
            Some((_, principal)) => Ok(principal),
        }
    }
}
