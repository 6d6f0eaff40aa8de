//! A key that checks signatures, with its one algorithm.

use std::ops::RangeInclusive;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

/// 2048 to 8192 bits, which is what aws-lc verifies with.
const RSA_MODULUS_BYTES: RangeInclusive<usize> = 256..=1024;

/// Verifies with the algorithm it was made for and no other: a token's header chooses among keys,
/// never what a key does.
pub(crate) struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    decoding: DecodingKey,
    jwk: String,
    validation: Validation,
}

impl VerifyingKey {
    /// The 32 bytes of RFC 8032.
    pub(crate) fn ed25519(bytes: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(&ED25519, bytes).ok()?;
        let x = URL_SAFE_NO_PAD.encode(bytes);
        let members = format!(r#""crv":"Ed25519","kty":"OKP","x":"{x}""#);
        let decoding = DecodingKey::from_ed_der(bytes);
        Some(Self::new(Algorithm::EdDSA, decoding, &members))
    }

    /// An uncompressed point on P-256 or P-384; points that are on neither are refused.
    pub(crate) fn ec(point: &[u8]) -> Option<Self> {
        let (&4, coordinates) = point.split_first()? else {
            return None;
        };
        let (algorithm, curve) = match coordinates.len() {
            64 => {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
                (Algorithm::ES256, "P-256")
            }
            96 => {
                ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok()?;
                (Algorithm::ES384, "P-384")
            }
            _ => return None,
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let members = format!(r#""crv":"{curve}","kty":"EC","x":"{x}","y":"{y}""#);
        Some(Self::new(
            algorithm,
            DecodingKey::from_ec_der(point),
            &members,
        ))
    }

    /// PKCS#1 or SPKI DER of 2048 to 8192 bits. RS256 unless its issuer says otherwise.
    pub(crate) fn rsa(der: &[u8], algorithm: Algorithm) -> Option<Self> {
        let key = aws_lc_rs::rsa::PublicKey::from_der(der).ok()?;
        let decoding = DecodingKey::from_rsa_der(key.as_ref());
        let jwk = Jwk::from_decoding_key(&decoding, None).ok()?;
        let AlgorithmParameters::RSA(rsa) = jwk.algorithm else {
            return None;
        };
        if !RSA_MODULUS_BYTES.contains(&URL_SAFE_NO_PAD.decode(&rsa.n).ok()?.len()) {
            return None;
        }
        let members = format!(r#""e":"{}","kty":"RSA","n":"{}""#, rsa.e, rsa.n);
        Some(Self::new(algorithm, decoding, &members))
    }

    /// Modulus and exponent, big-endian; a leading zero byte, which RFC 7518 forbids and some
    /// issuers write, is taken off.
    pub(crate) fn rsa_components(n: &[u8], e: &[u8], algorithm: Algorithm) -> Option<Self> {
        let components = RsaPublicKeyComponents {
            n: without_zeros(n),
            e: without_zeros(e),
        };
        let der: PublicKeyX509Der<'static> = components.as_der().ok()?;
        Self::rsa(der.as_ref(), algorithm)
    }

    /// A secret shared with another issuer; not public at all, so it has no JWK.
    pub(crate) fn hmac(secret: &[u8]) -> Self {
        let mut key = Self::new(Algorithm::HS256, DecodingKey::from_secret(secret), "");
        key.kid.clear();
        key.jwk.clear();
        key
    }

    /// `members` are those that RFC 7638 hashes, in its order.
    fn new(algorithm: Algorithm, decoding: DecodingKey, members: &str) -> Self {
        let hash = digest(&SHA256, format!("{{{members}}}").as_bytes());
        let kid = URL_SAFE_NO_PAD.encode(hash);
        let jwk = format!(r#"{{{members},"kid":"{kid}","alg":"{algorithm:?}","use":"sig"}}"#);
        Self {
            kid,
            algorithm,
            decoding,
            jwk,
            validation: signature_only(algorithm),
        }
    }

    /// The RFC 7638 thumbprint, SHA-256, base64url.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn jwk(&self) -> &str {
        &self.jwk
    }

    pub(crate) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    /// What jsonwebtoken is to check: the signature. Claims are ours, with the time handed in.
    pub(crate) fn validation(&self) -> &Validation {
        &self.validation
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
