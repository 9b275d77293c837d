//! The compact form of a signed token (RFC 7515): three base64url parts. It judges no claims.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// A token taken apart.
pub(crate) struct Jwt<'t> {
    pub(super) header: Header,
    /// The first two parts with the dot between them: what is signed.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
    payload: Vec<u8>,
}

/// What a token says of its signature.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    #[serde(default)]
    pub(super) crit: Option<IgnoredAny>,
}

impl<'t> Jwt<'t> {
    /// Takes a token apart; `None` when it has not the shape of one.
    pub(crate) fn parse(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            // A third dot would be in here, and is not in the alphabet.
            payload: decode(payload)?,
        })
    }

    /// Whether it is signed with this HMAC key, by HS256 and nothing else.
    pub(crate) fn is_signed_by(&self, key: &hmac::Key) -> bool {
        self.header.crit.is_none()
            && Algorithm::from_name(&self.header.alg) == Some(Algorithm::Hs256)
            && hmac::verify(key, self.signed, &self.signature).is_ok()
    }

    /// Its claims; `None` when they are not a JSON object.
    pub(crate) fn claims(&self) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.payload).ok()
    }
}

/// The algorithms that are accepted. `none` is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Rs256,
    Rs384,
    Rs512,
    Es256,
}

impl Algorithm {
    /// The algorithm of that name in RFC 7518, which tells names by case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "ES256" => Self::Es256,
            _ => return None,
        })
    }

    /// Whether who verifies could also sign.
    pub(super) const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}
