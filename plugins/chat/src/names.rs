//! What a person may be called. The name is shown as it is kept, so no two may look the same by
//! what cannot be seen.

use tidegate_plugin::{Error, encode_segment};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::settings::NameSettings;
use crate::unseen::is_unseen;

/// A topic has 255 bytes, of which `user:` and `:notification` take 18.
const SEGMENT_BYTES_MAX: usize = 237;

/// No character takes more before it is composed; what has more need not be composed to be refused.
const BYTES_OF_A_CHARACTER_MAX: usize = 32;

/// The name as it is kept: in Unicode's normal form C, its spaces single.
pub(crate) fn parse(typed: &str, settings: &NameSettings) -> Result<String, Error> {
    let most = settings.characters_max as usize;
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(bad_name("Please type a name."));
    }
    if typed.len() > most.saturating_mul(BYTES_OF_A_CHARACTER_MAX) {
        return Err(too_long(most));
    }
    if typed.chars().any(char::is_control) {
        return Err(bad_name("A name cannot hold control characters."));
    }
    if typed.chars().any(is_unseen) {
        return Err(bad_name("A name cannot hold invisible characters."));
    }
    let spaced = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = if settings.lower_case {
        spaced.to_lowercase().nfc().collect()
    } else {
        spaced.nfc().collect()
    };
    if name.starts_with(is_combining_mark) {
        return Err(bad_name("A name cannot begin with an accent."));
    }
    if name.chars().count() > most {
        return Err(too_long(most));
    }
    if encode_segment(&name).len() > SEGMENT_BYTES_MAX {
        return Err(bad_name(
            "This name is too long. Please choose a shorter one.",
        ));
    }
    Ok(name)
}

fn bad_name(message: &str) -> Error {
    Error::new("bad-name", message)
}

fn too_long(most: usize) -> Error {
    Error::new(
        "bad-name",
        format!("A name has at most {most} characters. Please choose a shorter one."),
    )
}
