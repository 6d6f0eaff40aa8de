//! Where a page ended, as an opaque text that belongs to its query.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::table::Key;

const TAG_BYTES: usize = 8;

/// The last item that a page looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    #[serde(rename = "p")]
    pub(super) partition: String,
    #[serde(rename = "s")]
    pub(super) sort: Option<String>,
    /// Its sort key in the index, if it was an index that was asked.
    #[serde(rename = "i")]
    pub(super) index_sort: Option<String>,
}

impl Position {
    pub(super) fn of(key: Key, index_sort: Option<String>) -> Self {
        Self {
            partition: key.partition,
            sort: key.sort,
            index_sort,
        }
    }

    pub(super) fn key(&self) -> Key {
        Key {
            partition: self.partition.clone(),
            sort: self.sort.clone(),
        }
    }
}

/// What all pages of one query have in common.
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    pub(super) table: &'a str,
    pub(super) index: Option<&'a str>,
    pub(super) partition: &'a str,
    pub(super) first: Option<&'a str>,
    pub(super) last: Option<&'a str>,
    pub(super) descending: bool,
}

impl Asked<'_> {
    pub(super) fn cursor(&self, position: &Position) -> String {
        let position = serde_json::to_vec(position).unwrap_or_default();
        let mut bytes = self.tag(&position).to_vec();
        bytes.extend_from_slice(&position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// # Errors
    /// It is no cursor, a damaged one, or another query's.
    pub(super) fn position(&self, cursor: &str) -> Result<Position, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let (tag, position) = bytes
            .split_at_checked(TAG_BYTES)
            .ok_or(StoreError::BadCursor)?;
        if tag != self.tag(position) {
            return Err(StoreError::BadCursor);
        }
        serde_json::from_slice(position).map_err(|_| StoreError::BadCursor)
    }

    /// Not a secret: whoever forges one sees what the query may see anyway.
    fn tag(&self, position: &[u8]) -> [u8; TAG_BYTES] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(&serde_json::to_vec(self).unwrap_or_default());
        context.update(&[0]);
        context.update(position);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&context.finish().as_ref()[..TAG_BYTES]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked {
        table: "Messages",
        index: None,
        partition: "general",
        first: None,
        last: Some("9"),
        descending: true,
    };

    #[test]
    fn a_cursor_belongs_to_its_query_and_is_whole_or_refused() {
        let position = Position {
            partition: "general".into(),
            sort: Some("17\u{0}é".into()),
            index_sort: None,
        };
        let cursor = ASKED.cursor(&position);
        assert_eq!(ASKED.position(&cursor), Ok(position));
        for other in [
            Asked {
                table: "Other",
                ..ASKED
            },
            Asked {
                index: Some("by-user"),
                ..ASKED
            },
            Asked {
                partition: "general2",
                ..ASKED
            },
            Asked {
                first: Some("1"),
                ..ASKED
            },
            Asked {
                last: None,
                ..ASKED
            },
            Asked {
                descending: false,
                ..ASKED
            },
        ] {
            assert_eq!(other.position(&cursor), Err(StoreError::BadCursor));
        }
        for at in 0..cursor.len() {
            let mut damaged = cursor.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).expect("ASCII");
            assert_eq!(ASKED.position(&damaged), Err(StoreError::BadCursor), "{at}");
        }
        for wrong in ["", "x", "!", "AAAA", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(ASKED.position(wrong), Err(StoreError::BadCursor), "{wrong}");
        }
    }
}
