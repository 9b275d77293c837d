//! Keys that verify: a shared secret, an RSA key or a P-256 key; from PEM files and from JSON Web Keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    signature::{self, RsaPublicKeyComponents, UnparsedPublicKey},
};
use spki::{
    ObjectIdentifier, SubjectPublicKeyInfoRef,
    der::{self, Decode, Reader, SliceReader, asn1::UintRef, pem},
};

use super::token::Algorithm;

/// Bytes of an RSA modulus: what ring accepts, 2,048 to 8,192 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of one coordinate on P-256.
const P256_COORDINATE_BYTES: usize = 32;
/// What an uncompressed point starts with (SEC 1, section 2.3.3).
const POINT_UNCOMPRESSED: u8 = 4;

/// RFC 8017, appendix A.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, section 2.1.1.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480, section 2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A key, and with it the only algorithms it may be used for.
pub(super) struct VerifyingKey(Kind);

enum Kind {
    Shared(Vec<u8>),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256 { point: Vec<u8> },
}

impl VerifyingKey {
    /// A secret shared with the issuer.
    pub(super) fn shared(secret: &[u8]) -> Self {
        Self(Kind::Shared(secret.to_owned()))
    }

    /// The public key of a PEM file.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, &'static str> {
        let (label, der) = pem::decode_vec(text).map_err(|_| "not a PEM file with one public key")?;
        match label {
            "PUBLIC KEY" => Self::from_spki(&der),
            "RSA PUBLIC KEY" => Self::from_rsa_der(&der),
            label if label.ends_with("PRIVATE KEY") => {
                Err("it holds a private key: give the public key, and keep that one to its owner")
            }
            "CERTIFICATE" => Err(
                "it holds a certificate: write its public key to a file with `openssl x509 -pubkey -noout`",
            ),
            _ => Err("it holds no public key"),
        }
    }

    fn from_spki(der: &[u8]) -> Result<Self, &'static str> {
        let malformed = |_: der::Error| "its public key is malformed";
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
        let key = info.subject_public_key.as_bytes().ok_or("its public key is malformed")?;
        if info.algorithm.oid == RSA_ENCRYPTION {
            return Self::from_rsa_der(key);
        }
        if info.algorithm.oid == EC_PUBLIC_KEY && info.algorithm.parameters_oid() == Ok(P256) {
            return Self::from_point(key);
        }
        Err("its public key is neither RSA nor on the curve P-256")
    }

    /// RFC 8017, appendix A.1.1: a sequence of modulus and exponent.
    fn from_rsa_der(der: &[u8]) -> Result<Self, &'static str> {
        let read = || -> Result<(Vec<u8>, Vec<u8>), der::Error> {
            let mut reader = SliceReader::new(der)?;
            let numbers = reader.sequence(|inner| {
                let modulus: UintRef<'_> = inner.decode()?;
                let exponent: UintRef<'_> = inner.decode()?;
                Ok::<_, der::Error>((modulus.as_bytes().to_owned(), exponent.as_bytes().to_owned()))
            })?;
            reader.finish()?;
            Ok(numbers)
        };
        let (modulus, exponent) = read().map_err(|_| "its RSA key is malformed")?;
        Self::from_rsa_numbers(modulus, exponent)
    }

    fn from_rsa_numbers(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, &'static str> {
        if !RSA_MODULUS_BYTES.contains(&modulus.len()) {
            return Err("its RSA key must have 2,048 to 8,192 bits");
        }
        Ok(Self(Kind::Rsa { modulus, exponent }))
    }

    fn from_point(point: &[u8]) -> Result<Self, &'static str> {
        if point.first() != Some(&POINT_UNCOMPRESSED) || point.len() != 1 + 2 * P256_COORDINATE_BYTES {
            return Err("its P-256 key must be an uncompressed point");
        }
        Ok(Self(Kind::P256 { point: point.to_owned() }))
    }

    /// The `n` and `e` of a JSON Web Key (RFC 7518, section 6.3.1).
    pub(super) fn from_rsa_components(n: &str, e: &str) -> Option<Self> {
        // Some issuers write the leading zero of a DER integer here; ring wants none.
        let number = |text: &str| {
            let bytes = decode(text)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Some(bytes[zeros..].to_owned())
        };
        Self::from_rsa_numbers(number(n)?, number(e)?).ok()
    }

    /// The `x` and `y` of a JSON Web Key on P-256 (RFC 7518, section 6.2.1).
    pub(super) fn from_p256_components(x: &str, y: &str) -> Option<Self> {
        Self::from_point(&[vec![POINT_UNCOMPRESSED], decode(x)?, decode(y)?].concat()).ok()
    }

    /// Whether the key may be used with this algorithm at all.
    pub(super) const fn fits(&self, algorithm: Algorithm) -> bool {
        match self.0 {
            Kind::Shared(_) => algorithm.is_symmetric(),
            Kind::Rsa { .. } => {
                matches!(algorithm, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512)
            }
            Kind::P256 { .. } => matches!(algorithm, Algorithm::Es256),
        }
    }

    /// Whether the signature is by this key. A pair of key and algorithm that is not listed here verifies nothing.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let shared = |algorithm, secret: &[u8]| {
            // ring compares in constant time.
            hmac::verify(&hmac::Key::new(algorithm, secret), message, signature).is_ok()
        };
        let rsa = |parameters, n: &[u8], e: &[u8]| {
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
        };
        match (&self.0, algorithm) {
            (Kind::Shared(secret), Algorithm::Hs256) => shared(hmac::HMAC_SHA256, secret),
            (Kind::Shared(secret), Algorithm::Hs384) => shared(hmac::HMAC_SHA384, secret),
            (Kind::Shared(secret), Algorithm::Hs512) => shared(hmac::HMAC_SHA512, secret),
            (Kind::Rsa { modulus, exponent }, Algorithm::Rs256) => {
                rsa(&signature::RSA_PKCS1_2048_8192_SHA256, modulus, exponent)
            }
            (Kind::Rsa { modulus, exponent }, Algorithm::Rs384) => {
                rsa(&signature::RSA_PKCS1_2048_8192_SHA384, modulus, exponent)
            }
            (Kind::Rsa { modulus, exponent }, Algorithm::Rs512) => {
                rsa(&signature::RSA_PKCS1_2048_8192_SHA512, modulus, exponent)
            }
            (Kind::P256 { point }, Algorithm::Es256) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(message, signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
