//! PEM text to keys.

use std::sync::Arc;

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use pem::Pem;

use super::{KeyError, SigningKey, VerifyingKey};

pub(super) enum Key {
    Private(SigningKey),
    Public(Arc<VerifyingKey>),
}

/// All keys of a PEM text, in its order; none is an error.
pub(super) fn keys(text: &str, place: &str) -> Result<Vec<Key>, KeyError> {
    let error = |reason| KeyError::Pem {
        place: place.to_owned(),
        reason,
    };
    let blocks = pem::parse_many(unfolded(text)).map_err(|_| error("not valid PEM"))?;
    let mut keys = Vec::new();
    for block in &blocks {
        // OpenSSL writes the curve in a block of its own before the key.
        if block.tag() != "EC PARAMETERS" {
            keys.push(key(block).map_err(error)?);
        }
    }
    if keys.is_empty() {
        return Err(error("holds no PEM key"));
    }
    Ok(keys)
}

/// Secrets set through an environment variable often carry `\n` in place of line ends.
fn unfolded(text: &str) -> String {
    if text.trim().contains('\n') {
        text.to_owned()
    } else {
        text.replace("\\n", "\n")
    }
}

fn key(block: &Pem) -> Result<Key, &'static str> {
    match block.tag() {
        "PRIVATE KEY" => private(block).map(Key::Private),
        "EC PRIVATE KEY" => sec1(block)
            .map(Key::Private)
            .ok_or("not an EC private key on P-256 or P-384"),
        "RSA PRIVATE KEY" => pkcs1(block)
            .map(Key::Private)
            .ok_or("not an RSA private key of 2048 to 8192 bits"),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => public(block)
            .map(|key| Key::Public(Arc::new(key)))
            .ok_or("not an Ed25519, P-256, P-384 or RSA (2048 to 8192 bits) public key"),
        "ENCRYPTED PRIVATE KEY" => Err("the key is encrypted, decrypt it first"),
        "CERTIFICATE" => Err("a certificate, take its key with 'openssl x509 -pubkey -noout'"),
        _ => Err("a PEM block that is no key"),
    }
}

fn private(block: &Pem) -> Result<SigningKey, &'static str> {
    ed25519(block)
        .or_else(|| ec(block, EcdsaKeyPair::from_pkcs8))
        .or_else(|| rsa_pkcs8(block))
        .ok_or("not an Ed25519, P-256, P-384 or RSA (2048 to 8192 bits) private key")
}

fn ed25519(block: &Pem) -> Option<SigningKey> {
    let pair = Ed25519KeyPair::from_pkcs8(block.contents()).ok()?;
    let der = pair.to_pkcs8v1().ok()?;
    Some(SigningKey {
        encoding: EncodingKey::from_ed_der(der.as_ref()),
        public: Arc::new(VerifyingKey::ed25519(pair.public_key().as_ref())?),
    })
}

type ReadEc = fn(
    &'static EcdsaSigningAlgorithm,
    &[u8],
) -> Result<EcdsaKeyPair, aws_lc_rs::error::KeyRejected>;

fn ec(block: &Pem, read: ReadEc) -> Option<SigningKey> {
    let pair = read(&ECDSA_P256_SHA256_FIXED_SIGNING, block.contents())
        .or_else(|_| read(&ECDSA_P384_SHA384_FIXED_SIGNING, block.contents()))
        .ok()?;
    let der = pair.to_pkcs8v1().ok()?;
    Some(SigningKey {
        encoding: EncodingKey::from_ec_der(der.as_ref()),
        public: Arc::new(VerifyingKey::ec(pair.public_key().as_ref())?),
    })
}

fn sec1(block: &Pem) -> Option<SigningKey> {
    ec(block, EcdsaKeyPair::from_private_key_der)
}

fn rsa_pkcs8(block: &Pem) -> Option<SigningKey> {
    let pair = rsa::KeyPair::from_pkcs8(block.contents()).ok()?;
    let encoding = EncodingKey::from_rsa_pem(pem::encode(block).as_bytes()).ok()?;
    rsa_signing(&pair, encoding)
}

fn pkcs1(block: &Pem) -> Option<SigningKey> {
    let pair = rsa::KeyPair::from_der(block.contents()).ok()?;
    rsa_signing(&pair, EncodingKey::from_rsa_der(block.contents()))
}

fn rsa_signing(pair: &rsa::KeyPair, encoding: EncodingKey) -> Option<SigningKey> {
    let public = VerifyingKey::rsa(pair.public_key().as_ref(), Algorithm::RS256)?;
    Some(SigningKey {
        encoding,
        public: Arc::new(public),
    })
}

fn public(block: &Pem) -> Option<VerifyingKey> {
    let text = pem::encode(block);
    if let Ok(key) = DecodingKey::from_ed_pem(text.as_bytes()) {
        return VerifyingKey::ed25519(key.try_get_as_bytes().ok()?);
    }
    if let Ok(key) = DecodingKey::from_ec_pem(text.as_bytes()) {
        return VerifyingKey::ec(key.try_get_as_bytes().ok()?);
    }
    VerifyingKey::rsa(block.contents(), Algorithm::RS256)
}
