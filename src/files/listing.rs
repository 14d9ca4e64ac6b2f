//! A folder without an index, as a page.
//!
//! Folders first, then files, each by name as a person would sort them; size and time beside them.
//! Names are inert whatever they hold: escaped as text, and linked by their absolute path, so that a
//! file called `javascript:...` is no scheme. What is not served is not listed.

use std::{
    fmt::Write,
    fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    respond::page::{Escaped, document},
    root::Root,
    url_path::{UrlPath, encode_name},
};

struct Entry {
    directory: bool,
    name: String,
    href: String,
    size: u64,
    modified: Option<SystemTime>,
}

/// The listing of a folder.
pub(super) fn page(root: &Root, path: &Path, url: &UrlPath) -> io::Result<String> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)?.flatten() {
        let name = entry.file_name();
        // Links count as what they lead to; what leads out or nowhere is not listed.
        let Some(metadata) = root.entry(&entry) else { continue };
        if root.hides(&name) || !(metadata.is_dir() || metadata.is_file()) {
            continue;
        }
        let slash = if metadata.is_dir() { "/" } else { "" };
        entries.push(Entry {
            directory: metadata.is_dir(),
            href: format!("{url}{}{slash}", encode_name(name.as_encoded_bytes())),
            name: name.to_string_lossy().into_owned() + slash,
            size: metadata.len(),
            modified: metadata.modified().ok(),
        });
    }
    entries.sort_by_cached_key(|entry| {
        (!entry.directory, entry.name.to_lowercase(), entry.name.clone())
    });
    let here: String =
        url.names().map(|name| String::from_utf8_lossy(name).into_owned() + "/").collect();
    let title = format!("/{here}");
    Ok(document(&title, &body(&title, url, &entries)))
}

fn body(title: &str, url: &UrlPath, entries: &[Entry]) -> String {
    let mut body = format!("<h1>{}</h1>\n", Escaped(title));
    if entries.is_empty() {
        body.push_str("<p>This folder is empty. What you put into it appears here.</p>\n");
    }
    body.push_str("<table>\n<thead><tr><th>Name<th>Size<th>Changed (UTC)</tr></thead>\n<tbody>\n");
    if url.names().next().is_some() {
        body.push_str("<tr><td><a href=\"../\">../</a><td><td></tr>\n");
    }
    for entry in entries {
        let size = if entry.directory { String::new() } else { size(entry.size) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<tr><td><a href=\"{}\">{}</a><td>{size}<td>{}</tr>",
            Escaped(&entry.href),
            Escaped(&entry.name),
            entry.modified.map(time).unwrap_or_default()
        );
    }
    body.push_str("</tbody>\n</table>\n");
    body
}

/// A size as people read it, in powers of 1000.
#[allow(clippy::cast_precision_loss)] // One decimal is shown.
fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size < 999.95 {
            break;
        }
        size /= 1000.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

/// A time to the minute, UTC.
fn time(time: SystemTime) -> String {
    let Ok(since) = time.duration_since(UNIX_EPOCH) else { return String::new() };
    let minutes = since.as_secs() / 60;
    let (year, month, day) = civil(minutes / (24 * 60));
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// The date of a day since 1970, in the proleptic Gregorian calendar. Years are counted from March,
/// so that the leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, date)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{size, time};

    #[test]
    fn sizes_and_times_are_for_people() {
        for (bytes, wanted) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1_500_000_000, "1.5 GB"),
        ] {
            assert_eq!(size(bytes), wanted);
        }
        for (seconds, wanted) in [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (1_709_251_199, "2024-02-29 23:59"),
            (1_795_430_400, "2026-11-23 10:40"),
            (4_107_542_400, "2100-03-01 00:00"),
        ] {
            assert_eq!(time(UNIX_EPOCH + Duration::from_secs(seconds)), wanted, "{seconds}");
        }
    }
}
