//! The small grammars of settings: durations, sizes, whole numbers.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
const SIZE_UNITS: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `250ms`, `10s`, `5m`, `1h`, `7d`; a bare `0` is zero.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (number, unit) = split_unit(text)?;
    let factor = factor_of(&DURATION_UNITS, unit)?;
    Some(Duration::from_millis(number.checked_mul(factor)?))
}

/// Bytes, or `64KiB`, `1MiB`, `1GiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    match unit {
        "" => Some(number),
        unit => number.checked_mul(factor_of(&SIZE_UNITS, unit)?),
    }
}

/// Decimal, with `_` between digits as in TOML.
pub fn parse_whole(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    let well_formed = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    well_formed.then(|| digits.parse().ok())?
}

pub fn show_duration(value: Duration) -> String {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    show_in_units(&DURATION_UNITS, millis)
}

pub fn show_size(bytes: u64) -> String {
    show_in_units(&SIZE_UNITS, bytes)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || *b == b'_')
        .count();
    let (number, unit) = text.split_at(digits);
    Some((parse_whole(number)?, unit.trim_start()))
}

fn factor_of(units: &[(&str, u64)], name: &str) -> Option<u64> {
    units
        .iter()
        .find(|(unit, _)| *unit == name)
        .map(|(_, f)| *f)
}

/// In the largest unit that needs no fraction.
fn show_in_units(units: &[(&str, u64)], number: u64) -> String {
    let (unit, factor) = units
        .iter()
        .rev()
        .find(|(_, factor)| number >= *factor && number.is_multiple_of(*factor))
        .unwrap_or(&units[0]);
    format!("{}{unit}", number / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_as_they_are_shown() {
        for text in ["1ms", "250ms", "10s", "330s", "5m", "90m", "1h", "7d", "0s"] {
            let value = parse_duration(text).expect(text);
            assert_eq!(show_duration(value), text);
        }
        for (text, bytes) in [
            ("125B", 125),
            ("64KiB", 65_536),
            ("1MiB", 1 << 20),
            ("3GiB", 3 << 30),
        ] {
            assert_eq!(parse_size(text), Some(bytes));
            assert_eq!(show_size(bytes), text);
        }
        assert_eq!(parse_size("65_536"), Some(65_536));
        assert_eq!(parse_duration("10 s"), Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_has_no_unit_or_a_wrong_one_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1.5s",
            "10 sec",
            "99999999999999999999s",
            "1S",
        ] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
        for text in ["", "64KB", "64kib", "-1", "1e6", "99999999999999999GiB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }
}
