//! HTTP dates: whole seconds, parsed in three formats and written in one (RFC 9110, section 5.6.7).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::{fmt_http_date, parse_http_date};
use hyper::header::HeaderValue;

/// The first second of the year 10000. Years have four digits.
const END: u64 = 253_402_300_800;

/// A date, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(u64);

impl Date {
    /// Returns the date of a time, or `None` before 1970 and after 9999.
    pub(crate) fn of(time: SystemTime) -> Option<Self> {
        let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
        (seconds < END).then_some(Self(seconds))
    }

    /// Parses a header value.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        Self::of(parse_http_date(value).ok()?)
    }

    /// Returns the date as a header value.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(self.0))?;
        HeaderValue::from_str(&fmt_http_date(time)).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::{Date, END};

    const DAYS: [&str; 7] =
        ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    const MONTHS: [(&str, u64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];

    /// Returns a time in the three formats. The oracle counts year by year.
    pub(in super::super) fn written(seconds: u64) -> [String; 3] {
        let by = u64::is_multiple_of;
        let leap = |year: u64| by(year, 4) && (!by(year, 100) || by(year, 400));
        let (mut days, time) = (seconds / 86_400, seconds % 86_400);
        let day = DAYS[usize::try_from(days % 7).unwrap()];
        let mut year = 1970;
        while days >= 365 + u64::from(leap(year)) {
            days -= 365 + u64::from(leap(year));
            year += 1;
        }
        let mut month = 0;
        let length = |month: usize| MONTHS[month].1 + u64::from(month == 1 && leap(year));
        while days >= length(month) {
            days -= length(month);
            month += 1;
        }
        let (date, month, short) = (days + 1, MONTHS[month].0, &day[..3]);
        let time = format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60);
        [
            format!("{short}, {date:02} {month} {year:04} {time} GMT"),
            format!("{day}, {date:02}-{month}-{:02} {time} GMT", year % 100),
            format!("{short} {month} {date:>2} {time} {year:04}"),
        ]
    }

    #[test]
    fn invalid_dates_are_rejected() {
        for text in [
            "",
            "0",
            "now",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
        assert_eq!(Date::of(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(Date::of(UNIX_EPOCH + Duration::from_secs(END)), None);
    }

    proptest! {
        #[test]
        fn dates_are_written_in_one_format_and_parsed_in_three(seconds in 0..END, nanos in 0..1_000_000_000_u32) {
            let date = Date::of(UNIX_EPOCH + Duration::new(seconds, nanos)).unwrap();
            let [fixed, rfc850, asctime] = written(seconds);
            prop_assert_eq!(date.value().unwrap(), fixed.as_str());
            prop_assert_eq!(Date::parse(&fixed), Some(date));
            prop_assert_eq!(Date::parse(&asctime), Some(date));
            // Its year has two digits, which are unambiguous from 1970 to 2069.
            if seconds < 3_155_760_000 {
                prop_assert_eq!(Date::parse(&rfc850), Some(date));
            }
        }

        #[test]
        fn any_text_is_accepted(text in ".{0,40}") {
            let _ = Date::parse(&text);
        }
    }
}
