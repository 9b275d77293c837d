//! Makes new tokens and keys. Randomness comes from the operating system only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

/// What a token starts with, so that people and secret scanners recognise one.
const TOKEN_PREFIX: &str = "ann_";
/// What a signing key starts with, as Exoscale's do.
const KEY_PREFIX: &str = "EXO";

/// A new token: `ann_` and 32 random bytes in base64url.
///
/// # Panics
/// When the operating system has no random numbers to give.
pub fn new_token() -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// A new signing key and its secret: `EXO` and 24 lower-case hex digits, and 32 random bytes in base64url.
///
/// # Panics
/// When the operating system has no random numbers to give.
pub fn new_key_pair() -> (String, String) {
    (format!("{KEY_PREFIX}{}", hex(&random_bytes::<12>())), URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// The SHA-256 of a token in lower-case hex, as `token_sha256` in the configuration wants it.
pub fn token_sha256(token: &str) -> String {
    hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

/// Random bytes from the operating system.
pub(crate) fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // A machine without randomness cannot make a credential, and going on would make a guessable one.
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_keys_have_their_shapes_and_differ() {
        let token = new_token();
        assert_eq!(token.len(), 4 + 43);
        assert!(token.starts_with("ann_"));
        assert_ne!(token, new_token());

        let (key, secret) = new_key_pair();
        let digits = key.strip_prefix("EXO").unwrap();
        assert_eq!(digits.len(), 24);
        assert!(digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(secret.len(), 43);
        assert_ne!(new_key_pair(), (key, secret));
    }

    #[test]
    fn sha256_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(token_sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
