//! Tokens by the thousand: one process of `tidegate token mint` each would take minutes.

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Signs copies of a token that Tidegate minted, each with a subject of its own.
pub struct Mint {
    key: Ed25519KeyPair,
    header: String,
    claims: Map<String, Value>,
}

impl Mint {
    /// `pem` is an Ed25519 private key (PKCS #8), the one `template` was signed with.
    pub fn new(pem: &str, template: &str) -> Result<Self> {
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = STANDARD.decode(body.trim()).context("key is not PEM")?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|error| anyhow!("key is no Ed25519 key: {error}"))?;
        let mut parts = template.trim().split('.');
        let (Some(header), Some(claims)) = (parts.next(), parts.next()) else {
            return Err(anyhow!("template is no JWT"));
        };
        let claims = URL_SAFE_NO_PAD
            .decode(claims)
            .context("template's claims")?;
        Ok(Self {
            key,
            header: header.to_owned(),
            claims: serde_json::from_slice(&claims).context("template's claims")?,
        })
    }

    pub fn token(&self, subject: &str) -> String {
        let mut claims = self.claims.clone();
        claims.insert("sub".into(), subject.into());
        claims.insert("jti".into(), format!("load-{subject}").into());
        let claims = URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string());
        let signed = format!("{}.{claims}", self.header);
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}
