//! The local time of day.
//!
//! By the C library, which knows the time zone and is linked anyway; a crate would bring a copy of
//! its rules. Elsewhere than on Unix the time is UTC.

// A foreign function; all pointers are to values on the stack.
#![cfg_attr(unix, allow(unsafe_code))]

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time of day as `HH:MM:SS`.
pub(crate) fn time_of_day(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (hours, minutes, seconds) = local(seconds).unwrap_or_else(|| utc(seconds));
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

/// Returns the hours, minutes and seconds in the time zone of the process.
#[cfg(unix)]
fn local(seconds: u64) -> Option<(u64, u64, u64)> {
    let seconds = libc::time_t::try_from(seconds).ok()?;
    let mut parts = std::mem::MaybeUninit::<libc::tm>::uninit();
    // SAFETY: reads the first value and writes the second one, or returns null.
    let parts = unsafe {
        if libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    let part = |value: libc::c_int| u64::try_from(value).ok();
    Some((part(parts.tm_hour)?, part(parts.tm_min)?, part(parts.tm_sec)?))
}

#[cfg(not(unix))]
fn local(_: u64) -> Option<(u64, u64, u64)> {
    None
}

fn utc(seconds: u64) -> (u64, u64, u64) {
    (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{time_of_day, utc};

    #[test]
    fn a_time_of_day_has_two_digits_each() {
        assert_eq!(utc(1_795_910_146), (23, 55, 46));
        let text = time_of_day(UNIX_EPOCH + Duration::from_secs(5));
        // Time zones differ by minutes.
        assert!(text.len() == 8 && text.ends_with(":05"), "{text}");
    }
}
