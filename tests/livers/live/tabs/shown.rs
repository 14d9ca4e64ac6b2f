//! Checks that a tab shows the expected versions.

use serde_json::{Value, json};

use super::model::{How, Uses, kind};
use super::render::id;

/// Returns a JavaScript expression: whether the documents of a tab show the expected versions.
pub fn shows(marker: u32, documents: &[(String, Uses)]) -> String {
    let mut checks = Vec::new();
    for (n, (path, uses)) in documents.iter().enumerate() {
        let window = if n == 0 { "window".to_owned() } else { format!("frames[{}]", n - 1) };
        let shown: Vec<_> = uses
            .shown
            .iter()
            .map(|(path, (how, version))| {
                let by = match how {
                    How::Frame => "page",
                    How::Link | How::Style => "css",
                    How::Import if kind(path) == "css" => "css",
                    How::Img | How::Srcset | How::Picture => "img",
                    _ => "seen",
                };
                // A missing sheet or script shows nothing.
                let gone = *version == 0 && kind(path) != "json";
                let version = if gone { String::new() } else { version.to_string() };
                json!([by, path, version, id(path)])
            })
            .collect();
        let marker = if uses.shown.contains_key(path) { marker } else { 0 };
        checks.push(format!("shows({window}, {marker}, {})", Value::from(shown)));
    }
    format!("{SHOWS}, {}", checks.join(" && "))
}

const SHOWS: &str = r"globalThis.shows = (window, marker, files) => {
  const { document, seen = {} } = window;
  if (document.readyState != 'complete') return false;
  const value = (name) =>
    window.getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  if (marker && value('--marker') != marker) return false;
  return files.every(([kind, path, version, id]) => {
    if (kind == 'page') return document.querySelector('meta[name=version]')?.content == version;
    if (kind == 'css') return value('--version' + id) == version;
    if (kind == 'seen') return (seen[path] ?? '') == version;
    return [...document.images]
      .filter((img) => img.currentSrc.endsWith(path))
      .every((img) => img.complete && img.naturalWidth == (version || 0));
  });
}";
