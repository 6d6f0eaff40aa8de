//! Messages to stdout, each once.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::Failure;
use super::super::failure::print;

/// While a new connection takes over from an old one, both may bring the same message.
const REMEMBERED: usize = 1_024;

pub(super) struct Output {
    left: Option<u64>,
    ids: VecDeque<String>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

impl Output {
    pub(super) fn new(count: Option<u64>) -> Self {
        Self {
            left: count,
            ids: VecDeque::new(),
        }
    }

    /// Prints the `data` of a MESSAGE; `Ok(false)` = enough.
    pub(super) fn message(&mut self, data: &RawValue) -> Result<bool, Failure> {
        let id = serde_json::from_str(data.get())
            .ok()
            .and_then(|named: Named| named.id);
        if let Some(id) = id {
            if self.ids.contains(&id) {
                return Ok(true);
            }
            if self.ids.len() == REMEMBERED {
                self.ids.pop_front();
            }
            self.ids.push_back(id);
        }
        let goes_on = print(&format!("{}\n", one_line(data)))?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(goes_on && self.left != Some(0))
    }
}

/// JSON may hold line ends between its tokens.
fn one_line(data: &RawValue) -> String {
    let text = data.get();
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value: Value| value.to_string())
}
