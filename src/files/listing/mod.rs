//! The listing of a folder without an index, as an HTML page.
//!
//! Folders come first, then files. Both are sorted by name, with numbers in numeric order, or by
//! size or time, as the links in the column heads request (`?sort=size`). The page works without
//! scripts and with the keyboard, because every action is a link. Names are escaped, and linked by
//! their absolute path, so that a file called `javascript:...` is not a URL scheme. Files that are
//! not served are not listed.

mod order;

use std::{
    fmt::Write,
    fs::Metadata,
    io,
    time::{SystemTime, UNIX_EPOCH},
};

use self::order::{By, Order};
use crate::{
    docroot::{LISTED, Root},
    http::page::{Escaped, styled},
    http::url_path::{UrlPath, encode_name},
};

/// The maximum number of listed entries: browsers are slow with more.
const ENTRIES: usize = 10_000;

/// An entry of a folder.
#[derive(Debug)]
struct Entry {
    directory: bool,
    name: String,
    href: String,
    size: u64,
    modified: Option<SystemTime>,
}

/// Returns the listing of a folder.
///
/// # Blocking
/// Reads the folder and the metadata of its entries.
///
/// # Errors
/// Fails if the folder cannot be read.
pub(super) fn page(root: &Root, url: &UrlPath, query: Option<&str>) -> io::Result<String> {
    let entry = |(name, metadata): (std::ffi::OsString, Metadata)| {
        let directory = metadata.is_dir();
        let slash = if directory { "/" } else { "" };
        Entry {
            directory,
            href: format!("{url}{}{slash}", encode_name(name.as_encoded_bytes())),
            name: name.to_string_lossy().into_owned(),
            size: metadata.len(),
            modified: metadata.modified().ok(),
        }
    };
    let mut entries: Vec<_> = root.list(url)?.into_iter().map(entry).collect();
    let order = Order::of(query.unwrap_or_default());
    entries.sort_by(|a, b| order.compare(a, b));
    let here: String =
        url.names().map(|name| String::from_utf8_lossy(name).into_owned() + "/").collect();
    Ok(styled(&format!("/{here}"), STYLE, &body(url, &entries, order)))
}

const STYLE: &str = "
body { max-width: 60rem; }
nav { font-size: 1.35rem; overflow-wrap: anywhere; }
nav span { opacity: .45; padding: 0 .15em; }
table { table-layout: auto; }
thead a { color: inherit; }
thead [aria-sort=ascending] a::after { content: ' \\2191'; }
thead [aria-sort=descending] a::after { content: ' \\2193'; }
tbody tr:focus-within { background: light-dark(#0b57d01a, #8ab4f826); }
tbody td { padding: 0; }
tbody td:first-child { width: 100%; }
tbody td:first-child a { display: block; padding: .3rem .5rem; }
tbody td + td { padding: .3rem .5rem; opacity: .75; }
tbody a { unicode-bidi: isolate; white-space: pre-wrap; outline: none; }
tbody a::before { content: ''; display: inline-block; width: 1em; height: 1em; margin-right: .6em;
  vertical-align: -.12em; background: currentColor; opacity: .7; }
tbody a::before { clip-path: polygon(15% 0, 65% 0, 88% 24%, 88% 100%, 15% 100%); opacity: .35; }
tbody .folder a::before { clip-path: polygon(0 12%, 38% 12%, 50% 26%, 100% 26%, 100% 92%, 0 92%);
  opacity: .8; }
footer { margin-top: 1rem; padding: 0 .5rem; font-size: .85rem; opacity: .6; }
@media (max-width: 36rem) { th:last-child, td:last-child { display: none; } }
";

fn body(url: &UrlPath, entries: &[Entry], order: Order) -> String {
    let mut body = crumbs(url);
    if entries.is_empty() {
        body.push_str("<p>This folder is empty. Files appear here when you create them.</p>\n");
    }
    body.push_str("<table>\n<thead><tr>");
    for by in [By::Name, By::Size, By::Time] {
        let (query, sorted) = (order.query(by), order.aria(by));
        let _ = write!(body, "<th{sorted}><a href=\"{query}\">{}</a>", by.title());
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    if url.names().next().is_some() {
        body.push_str("<tr class=\"folder\"><td><a href=\"../\" rel=\"up\">..</a><td><td></tr>\n");
    }
    for entry in entries.iter().take(ENTRIES) {
        let (class, slash, size) = if entry.directory {
            (" class=\"folder\"", "/", String::new())
        } else {
            ("", "", size(entry.size))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<tr{class}><td><a href=\"{}\">{}{slash}</a><td>{size}<td>{}</tr>",
            Escaped(&entry.href),
            Escaped(&entry.name),
            entry.modified.map(time).unwrap_or_default()
        );
    }
    let _ = write!(body, "</tbody>\n</table>\n{}", footer(entries));
    body
}

/// Returns the path as links, one for each folder above.
fn crumbs(url: &UrlPath) -> String {
    let mut crumbs = "<nav aria-label=\"Path\"><a href=\"/\">/</a>".to_owned();
    let (mut href, mut names) = ("/".to_owned(), url.names().peekable());
    while let Some(name) = names.next() {
        let text = String::from_utf8_lossy(name);
        let _ = write!(href, "{}/", encode_name(name));
        let _ = match names.peek() {
            Some(_) => {
                write!(
                    crumbs,
                    "<a href=\"{}\">{}</a><span>/</span>",
                    Escaped(&href),
                    Escaped(&text)
                )
            }
            None => write!(crumbs, "<b>{}</b><span>/</span>", Escaped(&text)),
        };
    }
    crumbs + "</nav>\n"
}

/// Returns the numbers of folders and files, and their total size.
fn footer(entries: &[Entry]) -> String {
    let folders = entries.iter().filter(|entry| entry.directory).count();
    let files = entries.len() - folders;
    let bytes = entries.iter().filter(|entry| !entry.directory).map(|entry| entry.size);
    let total = bytes.fold(0_u64, u64::saturating_add);
    let count = |number: usize, noun: &str| match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        number => Some(format!("{number} {noun}s")),
    };
    let parts = [
        count(folders, "folder"),
        count(files, "file"),
        (files > 0).then(|| size(total)),
        (entries.len() > ENTRIES).then(|| format!("only the first {ENTRIES} are listed")),
        (entries.len() >= LISTED).then(|| "and more, which were not read".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("<footer>{}</footer>\n", parts.join(", "))
}

/// Formats a size in bytes with decimal units.
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

/// Formats a time to the minute, in UTC.
fn time(time: SystemTime) -> String {
    let Ok(since) = time.duration_since(UNIX_EPOCH) else { return String::new() };
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / (24 * 3600));
    let date = format!("{year:04}-{month:02}-{day:02}");
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!(
        "<time datetime=\"{date}T{hour:02}:{minute:02}:{second:02}Z\">{date} {hour:02}:{minute:02}</time>"
    )
}

/// Returns the year, month and day of a day since 1970, in the proleptic Gregorian calendar. Years
/// are counted from March, so that the leap day is the last day of a year.
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

    use super::{crumbs, size, time};
    use crate::http::url_path::UrlPath;

    #[test]
    fn sizes_and_times_are_formatted() {
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
            (0, "1970-01-01T00:00:00Z\">1970-01-01 00:00"),
            (951_782_400, "2000-02-29T00:00:00Z\">2000-02-29 00:00"),
            (1_709_251_199, "2024-02-29T23:59:59Z\">2024-02-29 23:59"),
            (1_795_430_400, "2026-11-23T10:40:00Z\">2026-11-23 10:40"),
            (4_107_542_400, "2100-03-01T00:00:00Z\">2100-03-01 00:00"),
        ] {
            let written = time(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(written, format!("<time datetime=\"{wanted}</time>"));
        }
    }

    #[test]
    fn path_links_to_the_folders_above() {
        let url = UrlPath::parse("/a%20b/%3Cb%3E/c/").unwrap();
        assert_eq!(
            crumbs(&url),
            "<nav aria-label=\"Path\"><a href=\"/\">/</a><a href=\"/a%20b/\">a b</a><span>/</span>\
             <a href=\"/a%20b/%3Cb%3E/\">&lt;b&gt;</a><span>/</span><b>c</b><span>/</span></nav>\n"
        );
    }
}
