//! JSON forms of values that JSON has no type for: durations, paths and points in time.
//!
//! Each module is for `#[serde(with = "...")]`.

/// A duration as a number of milliseconds, with a fraction only where there is one.
pub(crate) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if micros.is_multiple_of(1000) {
            return to.serialize_u64(micros / 1000);
        }
        to.serialize_f64(took.as_secs_f64() * 1000.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let ms = f64::deserialize(from)?;
        Duration::try_from_secs_f64(ms / 1000.0).map_err(D::Error::custom)
    }
}

/// A path as text. What of it is not Unicode is replaced.
pub(crate) mod path {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&path.to_string_lossy())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        String::deserialize(from).map(PathBuf::from)
    }
}

/// A point in time as in RFC 3339, in UTC and to the millisecond: `2026-11-28T23:55:46.012Z`.
pub(crate) mod utc {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("{text} is not a time in UTC")))
    }

    /// Formats a time. One before 1970 is formatted as the begin of 1970.
    pub(super) fn format(time: SystemTime) -> String {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) =
            (since.as_secs() / SECONDS_PER_DAY, since.as_secs() % SECONDS_PER_DAY);
        let (year, month, day) = date(days);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let ms = since.subsec_millis();
        format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
    }

    /// Parses what [`format()`] wrote.
    pub(super) fn parse(text: &str) -> Option<SystemTime> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let is_form = text.len() == 24
            && text.char_indices().all(|(at, char)| match at {
                4 | 7 => char == '-',
                10 => char == 'T',
                13 | 16 => char == ':',
                19 => char == '.',
                23 => char == 'Z',
                _ => char.is_ascii_digit(),
            });
        if !is_form {
            return None;
        }
        let days = days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
        let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if hours > 23 || minutes > 59 || seconds > 60 {
            return None;
        }
        let seconds = days * SECONDS_PER_DAY + hours * 3600 + minutes * 60 + seconds;
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds) + Duration::from_millis(number(20, 23)?))
    }

    /// Returns year, month and day of a number of days since 1970-01-01, by counting in years that
    /// begin in March, so that a leap day is the last day of its year.
    fn date(days: u64) -> (u64, u64, u64) {
        // Days since 0000-03-01. An era is 400 years.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        (era * 400 + year + next, month, day)
    }

    /// Returns the days from 1970-01-01 to a date, or `None` if there is no such date.
    fn days(year: u64, month: u64, day: u64) -> Option<u64> {
        let (of_year, shifted) = if month > 2 {
            (year, month.checked_sub(3)?)
        } else {
            (year.checked_sub(1)?, month + 9)
        };
        let (era, in_era) = (of_year / 400, of_year % 400);
        let of_era = in_era * 365 + in_era / 4 - in_era / 100
            + (153 * shifted + 2) / 5
            + day.checked_sub(1)?;
        let days = (era * 146_097 + of_era).checked_sub(719_468)?;
        (date(days) == (year, month, day)).then_some(days)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{milliseconds, utc};

    #[test]
    fn times_are_written_as_in_rfc_3339_and_read_again() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_868_799_001, "2000-02-29T23:59:59.001Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_782_863_999_000, "2026-06-30T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ];
        for (ms, text) in table {
            let time = UNIX_EPOCH + Duration::from_millis(ms);
            assert_eq!(utc::format(time), text);
            assert_eq!(utc::parse(text), Some(time), "{text}");
        }
        for text in [
            "",
            "2026-06-31T00:00:00.000Z",
            "2100-02-29T00:00:00.000Z",
            "1969-12-31T23:59:59.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-01-00T00:00:00.000Z",
            "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:00:00.000+",
            "2026-01-01 00:00:00.000Z",
            "2026-01-01T00:00:00.0\u{e9}Z",
            "+026-01-01T00:00:00.000Z",
        ] {
            assert_eq!(utc::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_milliseconds() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Took(#[serde(with = "milliseconds")] Duration);
        for (micros, json) in [(0, "0"), (12_000, "12"), (1_500, "1.5")] {
            let took = Took(Duration::from_micros(micros));
            assert_eq!(serde_json::to_string(&took).unwrap(), json);
            assert_eq!(serde_json::from_str::<Took>(json).unwrap(), took);
        }
        for json in ["-1", "1e300", "null"] {
            assert!(serde_json::from_str::<Took>(json).is_err(), "{json}");
        }
    }
}
