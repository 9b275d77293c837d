//! Static tokens: secrets in themselves, kept only as digests. It must never keep a token in clear.
//!
//! Why looking one up tells nothing by its timing: the map is keyed by HMAC-SHA256 of the token's SHA-256 under a random
//! key that lives and dies with the process. However early a comparison ends, its duration depends on bytes that the
//! caller can neither choose nor compute. The digest itself is then compared in constant time, so that not even the map
//! is trusted with the decision.

use std::{collections::HashMap, sync::Arc};

use annals_model::Principal;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// The static tokens and whom they belong to.
pub(crate) struct StaticTokens {
    blinding: hmac::Key,
    by_blinded_digest: HashMap<Digest, (Digest, Arc<Principal>)>,
}

impl StaticTokens {
    pub(crate) fn new() -> Self {
        let blinding = hmac::Key::new(hmac::HMAC_SHA256, &crate::mint::random_bytes::<32>());
        Self { blinding, by_blinded_digest: HashMap::new() }
    }

    /// Adds the token of that SHA-256; gives back whom it belongs to already, if anybody.
    pub(crate) fn insert(&mut self, digest: Digest, principal: Principal) -> Result<(), Arc<Principal>> {
        let blinded = self.blind(&digest);
        if let Some((_, owner)) = self.by_blinded_digest.get(&blinded) {
            return Err(Arc::clone(owner));
        }
        self.by_blinded_digest.insert(blinded, (digest, Arc::new(principal)));
        Ok(())
    }

    /// Whom a token belongs to.
    pub(crate) fn find(&self, token: &str) -> Option<&Principal> {
        let presented = sha256(token.as_bytes());
        let (digest, principal) = self.by_blinded_digest.get(&self.blind(&presented))?;
        bool::from(digest.ct_eq(&presented)).then_some(principal)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_blinded_digest.is_empty()
    }

    fn blind(&self, digest: &Digest) -> Digest {
        to_array(hmac::sign(&self.blinding, digest).as_ref())
    }
}

/// The SHA-256 of a token.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    to_array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Takes the 32 bytes that SHA-256 always has.
fn to_array(bytes: &[u8]) -> Digest {
    let mut array = [0; 32];
    array.copy_from_slice(bytes);
    array
}
