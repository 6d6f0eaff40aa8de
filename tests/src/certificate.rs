//! A key and a certificate of `localhost` for it, made for one test.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// Signed by itself: who is to trust the server is given this very certificate.
pub struct Certificate(TempDir);

impl Certificate {
    pub fn for_localhost() -> Self {
        let made = Self(tempfile::tempdir().expect("a folder"));
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec"])
            .args(["-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "30", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(made.key())
            .arg("-out")
            .arg(made.certificate())
            .output()
            .expect("openssl is missing: apt-get install openssl");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl req: {words}");
        made
    }

    /// The file of the private key.
    pub fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    /// The file of the certificate.
    pub fn certificate(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    /// Both in one text.
    pub fn pem(&self) -> String {
        [self.key(), self.certificate()]
            .map(|file| std::fs::read_to_string(file).expect("openssl has made it"))
            .concat()
    }
}
