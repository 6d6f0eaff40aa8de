//! Looks into what some listeners got: each publication once, in order, none missing.

use anyhow::{Result, bail};
use tidegate_load::websocket;

use crate::dialect::PAYLOAD_BYTES;

const DIGITS: usize = 12;
const MARK: &[u8] = b"#seq=";

/// The payload of publication `number`.
pub fn payload(number: u64) -> String {
    let mut text = format!("#seq={number:0DIGITS$}#");
    text.extend(std::iter::repeat_n('.', PAYLOAD_BYTES - text.len()));
    text
}

#[derive(Default)]
pub struct Sample {
    /// The end of the last read, where a mark may have been cut.
    carried: Vec<u8>,
    next: Option<u64>,
    checked: u64,
}

impl Sample {
    pub fn check(&mut self, bytes: &[u8]) -> Result<()> {
        self.carried.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(at) = websocket::find(&self.carried[used..], MARK) {
            let start = used + at + MARK.len();
            let Some(digits) = self.carried.get(start..start + DIGITS) else {
                used += at;
                break;
            };
            let number: Option<u64> = std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse().ok());
            let Some(number) = number else {
                bail!("a publication without a number");
            };
            if let Some(next) = self.next
                && next != number
            {
                bail!("publication {number} came where {next} was due");
            }
            self.next = Some(number + 1);
            self.checked += 1;
            used = start + DIGITS;
        }
        let keep = self.carried.len() - used;
        let cut_mark = keep < MARK.len() + DIGITS;
        let from = if cut_mark || self.carried[used..].starts_with(MARK) {
            used
        } else {
            self.carried.len() - MARK.len()
        };
        self.carried.drain(..from);
        Ok(())
    }

    pub fn checked(&self) -> u64 {
        self.checked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_found_wherever_the_reads_cut() {
        let stream = [payload(7), payload(8), payload(10)].concat();
        for size in 1..stream.len() {
            let mut sample = Sample::default();
            let verdict: Result<()> = stream
                .as_bytes()
                .chunks(size)
                .try_for_each(|read| sample.check(read));
            let error = verdict.expect_err("9 is missing").to_string();
            assert_eq!(
                error, "publication 10 came where 9 was due",
                "reads of {size}"
            );
        }
    }

    #[test]
    fn publications_in_order_are_counted() {
        let mut sample = Sample::default();
        for number in 1..=5 {
            sample.check(payload(number).as_bytes()).expect("in order");
        }
        assert_eq!(sample.checked(), 5);
    }
}
