//! Key pairs: made, read from PEM, named by their RFC 7638 thumbprint, shown as a JWKS.

mod parse;
mod secret_file;
mod verifying;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use pem::{EncodeConfig, LineEnding, Pem};

use super::config::KeySource;

pub(crate) use secret_file::load_or_make;
pub(crate) use verifying::VerifyingKey;

/// The file in the data folder that holds the keys when none are configured.
pub const KEYS_FILE: &str = "keys.pem";

/// RFC 7518 3.2: as long as the hash.
const HMAC_SECRET_BYTES_MIN: usize = 32;

/// The kinds of key pair that [`generate`] makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    #[default]
    EdDsa,
    Es256,
    /// 2048 bits.
    Rs256,
}

impl KeyAlgorithm {
    /// The `alg` names, as they are typed and shown.
    pub const NAMES: [&'static str; 3] = ["EdDSA", "ES256", "RS256"];
}

impl FromStr for KeyAlgorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "eddsa" => Ok(Self::EdDsa),
            "es256" => Ok(Self::Es256),
            "rs256" => Ok(Self::Rs256),
            _ => Err(format!(
                "unknown algorithm '{name}', use one of {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        })
    }
}

/// Why keys could not be made, read or used. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{place}: {reason}")]
    Pem { place: String, reason: &'static str },
    #[error("cannot make a key pair: the system gave no randomness")]
    Generate,
    #[error("no private key to sign with is among the configured keys")]
    NoPrivateKey,
    #[error("cannot sign the token")]
    Sign,
}

/// Makes a key pair and returns its private key as PKCS#8 PEM text. RS256 takes up to seconds.
pub fn generate(algorithm: KeyAlgorithm) -> Result<String, KeyError> {
    let der = pkcs8(algorithm).map_err(|_| KeyError::Generate)?;
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Ok(pem::encode_config(&Pem::new("PRIVATE KEY", der), config))
}

/// Writes a key to a new file (0600, `keys generate --out`). Fails if the file is there.
pub fn save(path: &Path, pem: &str) -> Result<(), KeyError> {
    secret_file::save_new(path, pem)
}

fn pkcs8(algorithm: KeyAlgorithm) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    Ok(match algorithm {
        KeyAlgorithm::EdDsa => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
        KeyAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?
            .to_pkcs8v1()?
            .as_ref()
            .to_vec(),
        KeyAlgorithm::Rs256 => {
            let pair = rsa::KeyPair::generate(KeySize::Rsa2048)?;
            AsDer::<Pkcs8V1Der<'static>>::as_der(&pair)?
                .as_ref()
                .to_vec()
        }
    })
}

/// A private key and its public half.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pub(crate) encoding: jsonwebtoken::EncodingKey,
    pub(crate) public: Arc<VerifyingKey>,
}

/// This broker's own keys: the first private one signs, all verify.
pub struct KeySet {
    signing: Option<SigningKey>,
    public: Vec<Arc<VerifyingKey>>,
}

impl KeySet {
    /// Reads the configured keys, or, when there are none, `keys.pem` in `data`, which is made
    /// (EdDSA, mode 0600) if it is not there. Of several processes that start at once in one
    /// folder all get the same key. Blocking.
    pub fn load(sources: &[KeySource], data: &Path) -> Result<Self, KeyError> {
        let mut keys = Self {
            signing: None,
            public: Vec::new(),
        };
        if sources.is_empty() {
            let path = data.join(KEYS_FILE);
            let text = load_or_make(&path, || generate(KeyAlgorithm::EdDsa))?;
            keys.add(&text, &path.display().to_string())?;
        }
        for (index, source) in sources.iter().enumerate() {
            let (text, place) = source.read(&format!("key {}", index + 1))?;
            keys.add(&text, &place)?;
        }
        Ok(keys)
    }

    fn add(&mut self, text: &str, place: &str) -> Result<(), KeyError> {
        for key in parse::keys(text, place)? {
            let public = match key {
                parse::Key::Private(private) => {
                    let public = private.public.clone();
                    self.signing.get_or_insert(private);
                    public
                }
                parse::Key::Public(public) => public,
            };
            if self.by_kid(public.kid()).is_none() {
                self.public.push(public);
            }
        }
        Ok(())
    }

    pub(crate) fn signing(&self) -> Result<&SigningKey, KeyError> {
        self.signing.as_ref().ok_or(KeyError::NoPrivateKey)
    }

    pub(crate) fn by_kid(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.public.iter().find(|key| key.kid() == kid)
    }

    pub(crate) fn public(&self) -> &[Arc<VerifyingKey>] {
        &self.public
    }

    /// The names of all keys, the signing one among them.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.public.iter().map(|key| key.kid())
    }

    /// The public keys as a JSON Web Key Set (`/.well-known/jwks.json`).
    pub fn jwks_json(&self) -> String {
        let keys: Vec<&str> = self.public.iter().map(|key| key.jwk()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kids()).finish()
    }
}

/// The public keys and the secret (HS256) of other issuers. A private key there is refused: it
/// would be somebody else's secret in our settings.
pub(crate) fn load_trusted(
    sources: &[KeySource],
    secret: Option<&str>,
) -> Result<Vec<Arc<VerifyingKey>>, KeyError> {
    let mut trusted = Vec::new();
    if let Some(secret) = secret {
        if secret.len() < HMAC_SECRET_BYTES_MIN {
            tracing::warn!(
                bytes = secret.len(),
                "the trusted secret is shorter than RFC 7518 asks for, it may be guessed"
            );
        }
        trusted.push(Arc::new(VerifyingKey::hmac(secret.as_bytes())));
    }
    for (index, source) in sources.iter().enumerate() {
        let (text, place) = source.read(&format!("trusted key {}", index + 1))?;
        for key in parse::keys(&text, &place)? {
            match key {
                parse::Key::Public(public) => trusted.push(public),
                parse::Key::Private(_) => {
                    return Err(KeyError::Pem {
                        place,
                        reason: "a trusted key must be public, this one is private",
                    });
                }
            }
        }
    }
    Ok(trusted)
}

impl KeySource {
    fn read(&self, name: &str) -> Result<(String, String), KeyError> {
        match self {
            Self::Pem(text) => Ok((text.clone(), name.to_owned())),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| KeyError::Read {
                    path: path.clone(),
                    source,
                })?;
                Ok((text, path.display().to_string()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
