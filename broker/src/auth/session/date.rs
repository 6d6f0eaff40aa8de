//! The two forms of a date that cookies and session documents hold. Dates are milliseconds since
//! 1970, UTC.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_MS: i64 = 86_400_000;
/// The end of the year 9999: neither form has room for a fifth digit.
const LAST_MS: i64 = 253_402_300_799_999;

pub(super) fn unix_millis() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(LAST_MS)
}

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    ms_of_day: i64,
}

/// Howard Hinnant's `civil_from_days`.
fn civil(ms: i64) -> Civil {
    let ms = ms.clamp(0, LAST_MS);
    let days = ms / DAY_MS;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: usize::try_from(month).unwrap_or(1),
        day: day_of_year - (153 * from_march + 2) / 5 + 1,
        weekday: usize::try_from((days + 4) % 7).unwrap_or(0),
        ms_of_day: ms % DAY_MS,
    }
}

fn time(ms_of_day: i64) -> String {
    let seconds = ms_of_day / 1_000;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `Tue, 24 Nov 2026 09:15:36 GMT`
pub(super) fn http(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = civil(ms);
    format!(
        "{}, {:02} {} {:04} {} GMT",
        DAYS[date.weekday],
        date.day,
        MONTHS[date.month - 1],
        date.year,
        time(date.ms_of_day)
    )
}

/// `2026-11-24T09:15:36.000Z`, as JavaScript's `Date` becomes JSON.
pub(super) fn iso(ms: i64) -> String {
    let date = civil(ms);
    format!(
        "{:04}-{:02}-{:02}T{}.{:03}Z",
        date.year,
        date.month,
        date.day,
        time(date.ms_of_day),
        date.ms_of_day % 1_000
    )
}

/// Reads what [`iso`] writes and nothing else.
pub(super) fn parse_iso(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let days = days_from_civil(year, month, day);
    let seconds = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    let ms = days * DAY_MS + seconds * 1_000 + number(20..23)?;
    // Whatever is out of range or out of place comes out differently.
    (iso(ms) == text).then_some(ms)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From Node: `toISOString` and `toUTCString`.
    #[test]
    fn dates_read_as_javascript_writes_them() {
        for (ms, in_json, in_http) in [
            (
                0,
                "1970-01-01T00:00:00.000Z",
                "Thu, 01 Jan 1970 00:00:00 GMT",
            ),
            (
                951_782_399_000,
                "2000-02-28T23:59:59.000Z",
                "Mon, 28 Feb 2000 23:59:59 GMT",
            ),
            (
                951_782_400_000,
                "2000-02-29T00:00:00.000Z",
                "Tue, 29 Feb 2000 00:00:00 GMT",
            ),
            (
                1_709_164_799_999,
                "2024-02-28T23:59:59.999Z",
                "Wed, 28 Feb 2024 23:59:59 GMT",
            ),
            (
                1_795_511_736_000,
                "2026-11-24T09:15:36.000Z",
                "Tue, 24 Nov 2026 09:15:36 GMT",
            ),
            (
                4_102_444_800_000,
                "2100-01-01T00:00:00.000Z",
                "Fri, 01 Jan 2100 00:00:00 GMT",
            ),
            (
                253_402_300_799_000,
                "9999-12-31T23:59:59.000Z",
                "Fri, 31 Dec 9999 23:59:59 GMT",
            ),
        ] {
            assert_eq!(iso(ms), in_json);
            assert_eq!(http(ms), in_http);
            assert_eq!(parse_iso(in_json), Some(ms));
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "never",
            "2026-11-24",
            "2026-11-24T09:15:36Z",
            "2026-13-24T09:15:36.000Z",
            "2026-02-30T09:15:36.000Z",
            "2026-11-24T09:15:36.000+00:00",
            "2026-11-24T09:15:36.000Z ",
            "2026-11-2éT09:15:36.000Z",
        ] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_date_is_read_back(ms in 0..=LAST_MS) {
            prop_assert_eq!(parse_iso(&iso(ms)), Some(ms));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,30}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z") {
            let _ = parse_iso(&text);
        }
    }
}
