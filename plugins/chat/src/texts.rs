//! What may be written.

use tidegate_plugin::Error;

use crate::unseen::is_unseen;

const NONCE_BYTES_MAX: usize = 64;

pub(crate) fn check_text(text: &str, characters_max: u32) -> Result<(), Error> {
    let bad_text = |message: String| Err(Error::new("bad-text", message));
    if text.chars().all(|c| c.is_whitespace() || is_unseen(c)) {
        return bad_text("Please write something.".into());
    }
    if text.chars().nth(characters_max as usize).is_some() {
        return bad_text(format!(
            "A message has at most {characters_max} characters. Please shorten it."
        ));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return bad_text("A message cannot hold control characters.".into());
    }
    Ok(())
}

/// Chosen by the client, so that a message that is sent again is known as the same one.
pub(crate) fn check_nonce(nonce: &str) -> Result<(), Error> {
    let fits = (1..=NONCE_BYTES_MAX).contains(&nonce.len());
    if fits && nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::new(
        "bad-nonce",
        format!("A nonce is 1 to {NONCE_BYTES_MAX} visible ASCII characters without spaces."),
    ))
}
