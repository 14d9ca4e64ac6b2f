//! Describes the messages of pages: where in the sources their places are.
//!
//! A place is looked for in what was served, and from there in the source that was compiled to it.
//! The place of a message is the first one in the project's own code, rather than in a package that
//! it has called. livers' own scripts, and those of extensions of the browser, are left out.

use std::{net::IpAddr, path::Path};

use super::{
    SourceErrors,
    stack_text::{self, TextFrame},
};
#[cfg(feature = "esm")]
use crate::http::own_paths::PACK;
use crate::{
    docroot::Located,
    esm::{Esm, ServedPosition, ServedScript, SourcePosition},
    http::{
        own_paths::{FOLDER, is_own},
        url_path::UrlPath,
    },
    live::RawMessage,
    page_message::{MessageKind, PageMessage, StackFrame},
};

/// Number of characters of a message.
const MAX_MESSAGE: usize = 4_000;

/// What browsers write before the message of an error that nothing caught.
const UNCAUGHT: [&str; 3] =
    ["Uncaught (in promise) ", "Uncaught ", "Unhandled Promise Rejection: "];

/// What browsers write about an `import()` that failed.
const FAILED_IMPORTS: [&str; 2] =
    ["dynamically imported module", "Importing a module script failed"];

/// A place in a source.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Without a function.
    at: StackFrame,
    /// Whether it is in the project's own code.
    is_own: bool,
    frame: String,
}

/// A place that a message names.
enum Named {
    /// In what livers has served.
    Served(ServedPosition),
    /// Of a backend or another server.
    Elsewhere(Place),
    /// Not of the page.
    Hidden,
}

impl SourceErrors {
    /// Returns a message with places in the original source.
    pub(super) async fn message(&self, raw: RawMessage) -> PageMessage {
        let text = message_text(&raw);
        let first = TextFrame {
            function: String::new(),
            url: raw.url.clone(),
            line: raw.line,
            column: raw.column,
        };
        let calls = stack_text::stack(&raw.stack, &text);
        let components = stack_text::components(&raw.components);
        let lines: Vec<_> = text.lines().map(|line| stack_text::frame(line.trim())).collect();
        let in_text = lines.iter().flatten().take(stack_text::MAX_FRAMES);
        let all = || [&first].into_iter().chain(&calls).chain(&components);
        let origin = own_origin(&raw.url, all().chain(in_text.clone()));
        let named = all().chain(in_text).map(|frame| self.named(frame, origin.as_deref()));
        let mut places = self.places(named.collect()).await.into_iter();
        let first = places.next().flatten();
        let stack = with_places(&calls, &mut places);
        let components = with_places(&components, &mut places);
        let message = limited(with_lines(&text, &lines, &mut places));
        let is_own = |place: &&Place| place.is_own;
        let own = first.as_ref().filter(is_own);
        let own = own.or_else(|| stack.iter().map(|(_, place)| place).find(is_own));
        let place = own.or(first.as_ref()).or_else(|| stack.first().map(|(_, place)| place));
        let place = place.cloned().unwrap_or_default();
        let frames = |frames: Vec<(&TextFrame, Place)>| {
            let frames = frames
                .into_iter()
                .map(|(call, place)| StackFrame { function: call.function.clone(), ..place.at });
            frames.collect()
        };
        let StackFrame { path, file, line, column, .. } = place.at;
        PageMessage {
            kind: self.kind_of(&raw, &message),
            level: raw.level,
            message,
            path,
            file: Some(file).filter(|file| !file.is_empty()),
            line,
            column,
            frame: place.frame,
            stack: frames(stack),
            components: frames(components),
            worker: raw.worker,
            count: raw.count.max(1),
        }
    }

    /// Returns the kind of a message. A module that fails to load because of a compile error, which
    /// was reported, is no further error.
    fn kind_of(&self, raw: &RawMessage, message: &str) -> MessageKind {
        let is_import = || FAILED_IMPORTS.iter().any(|text| message.contains(text));
        let path = raw.url.split('?').next().unwrap_or_default();
        let may_be_module = match raw.kind {
            MessageKind::Load => path.starts_with('/') && Esm::is_module(path.as_ref()),
            MessageKind::Rejection => is_import(),
            _ => false,
        };
        if may_be_module && self.hub.has_faults() { MessageKind::Compile } else { raw.kind }
    }

    /// Returns what a frame names.
    fn named(&self, frame: &TextFrame, origin: Option<&str>) -> Named {
        let url = frame.url.split('#').next().unwrap_or_default();
        let own = match origin.and_then(|origin| url.strip_prefix(origin)) {
            Some("") => Some("/"),
            Some(rest) if rest.starts_with('/') => Some(rest),
            _ => Some(url).filter(|url| url.starts_with('/') && !url.starts_with("//")),
        };
        let Some(url) = own else {
            let is_extension = url.split(':').next().is_some_and(|it| it.ends_with("-extension"));
            return if is_extension { Named::Hidden } else { elsewhere(url, frame) };
        };
        let position = frame.line.checked_sub(1);
        let position = position.map(|line| (line, frame.column.saturating_sub(1)));
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if let Some(named) = self.in_pack(path, query, position) {
            return named;
        }
        if is_own(path) && !is_package(path) {
            return Named::Hidden;
        }
        if self.proxy.route(path).is_some() {
            return elsewhere(path, frame);
        }
        Named::Served(ServedPosition { script: ServedScript::Url(url.to_owned()), position })
    }

    /// Returns what a position in a pack names, or in the lines that import one. Returns `None` for
    /// any other path.
    #[cfg(feature = "esm")]
    fn in_pack(&self, path: &str, query: &str, position: Option<(u32, u32)>) -> Option<Named> {
        if path == PACK {
            let found = position.and_then(|position| self.packs.find(query, position));
            return Some(found.map_or(Named::Hidden, Named::Served));
        }
        let is_import = position.is_some() && query.is_empty() && self.packs.is_entry(path);
        is_import.then_some(Named::Hidden)
    }

    #[cfg(not(feature = "esm"))]
    #[allow(clippy::unused_self)]
    fn in_pack(&self, _: &str, _: &str, _: Option<(u32, u32)>) -> Option<Named> {
        None
    }

    /// Returns the places in sources. `None` is one that is not the page's.
    async fn places(&self, named: Vec<Named>) -> Vec<Option<Place>> {
        let served = named.iter().filter_map(|named| match named {
            Named::Served(position) => Some(position.clone()),
            _ => None,
        });
        let served: Vec<_> = served.collect();
        let found = match &self.esm {
            Some(esm) => esm.source_positions(served).await,
            None => served.into_iter().map(|served| self.unchanged(served)).collect(),
        };
        let mut found = found.into_iter();
        let places = named.into_iter().map(|named| match named {
            Named::Served(_) => found.next().flatten().map(Place::from),
            Named::Elsewhere(place) => Some(place),
            Named::Hidden => None,
        });
        places.collect()
    }

    /// Returns the place in a file that is served as it is.
    fn unchanged(&self, served: ServedPosition) -> Option<SourcePosition> {
        let ServedScript::Url(url) = served.script else { return None };
        let path = UrlPath::parse(url.split('?').next()?).ok()?;
        let file = match self.root.locate(&path) {
            Located::File(file) => {
                file.path.strip_prefix(self.root.path()).ok().map(Path::to_owned)
            }
            _ => None,
        };
        let file = file.map_or_else(
            || path.to_string().trim_start_matches('/').to_owned(),
            |file| file.to_string_lossy().into_owned(),
        );
        let position = served.position.map(|(line, column)| (line + 1, column + 1));
        let (path, frame) = (path.to_string(), String::new());
        Some(SourcePosition { path, file, position, in_package: false, frame })
    }
}

impl From<SourcePosition> for Place {
    fn from(position: SourcePosition) -> Self {
        let SourcePosition { path, file, position, in_package, frame } = position;
        let (line, column) = position.unzip();
        let (function, path) = (String::new(), Some(path));
        let at = StackFrame { function, path, file, line, column };
        Self { at, is_own: !in_package, frame }
    }
}

/// Returns whether a path is that of the files of packages.
fn is_package(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| rest.starts_with("npm/"))
}

/// Returns a place that livers does not serve.
fn elsewhere(url: &str, frame: &TextFrame) -> Named {
    if url.is_empty() {
        // A component, of which only the name is known.
        let known = !frame.function.is_empty();
        return if known { Named::Elsewhere(Place::default()) } else { Named::Hidden };
    }
    let at = StackFrame {
        file: url.to_owned(),
        line: Some(frame.line).filter(|line| *line > 0),
        column: Some(frame.column).filter(|column| *column > 0),
        ..StackFrame::default()
    };
    Named::Elsewhere(Place { at, ..Place::default() })
}

/// Returns the frames whose places are known.
fn with_places<'f>(
    frames: &'f [TextFrame],
    places: &mut impl Iterator<Item = Option<Place>>,
) -> Vec<(&'f TextFrame, Place)> {
    let found = frames.iter().zip(places).filter_map(|(frame, place)| Some((frame, place?)));
    found.collect()
}

/// Returns a text in which some lines are frames, with their places in the sources. Leaves out those
/// that are not the page's, and those in packages.
fn with_lines(
    text: &str,
    lines: &[Option<TextFrame>],
    places: &mut impl Iterator<Item = Option<Place>>,
) -> String {
    let mut kept = Vec::new();
    for (line, frame) in text.lines().zip(lines) {
        let Some(frame) = frame else {
            kept.push(line.to_owned());
            continue;
        };
        // Those beyond the limit have no place.
        let Some(place) = places.next().flatten().filter(|place| place.is_own) else { continue };
        let place = shown(&place.at);
        let indent = &line[..line.len() - line.trim_start().len()];
        kept.push(match &*frame.function {
            "" => format!("{indent}at {place}"),
            function => format!("{indent}at {function} ({place})"),
        });
    }
    kept.join("\n")
}

/// Returns `file:line:column`.
fn shown(at: &StackFrame) -> String {
    let number = |number: Option<u32>| number.map_or_else(String::new, |it| format!(":{it}"));
    format!("{}{}{}", at.file, number(at.line), number(at.column))
}

/// Returns the text of a message.
fn message_text(raw: &RawMessage) -> String {
    let text = &*raw.message;
    match raw.kind {
        MessageKind::Exception | MessageKind::Rejection => {
            let rest = UNCAUGHT.iter().find_map(|prefix| text.strip_prefix(prefix));
            rest.unwrap_or(text).to_owned()
        }
        _ => text.to_owned(),
    }
}

/// Returns the origin of the page. Its client removes it from the URL of the message, but not from
/// the texts of the browser.
fn own_origin<'f>(url: &str, frames: impl Iterator<Item = &'f TextFrame>) -> Option<String> {
    let origins = frames.filter_map(|frame| {
        let (scheme, rest) =
            frame.url.split_once("://").filter(|(it, _)| it.starts_with("http"))?;
        let end = rest.find('/').unwrap_or(rest.len());
        Some((frame.url.split_at(scheme.len() + 3 + end), frame))
    });
    let origins: Vec<_> = origins.collect();
    let is_ours = |path: &str| path == url || path.starts_with(FOLDER);
    let ours = origins.iter().find(|((_, path), _)| is_ours(path));
    let ours = ours.or_else(|| origins.iter().find(|((origin, _), _)| is_loopback(origin)));
    ours.map(|((origin, _), _)| (*origin).to_owned())
}

/// Returns whether an origin is on the machine of the browser, or has an address as its name.
fn is_loopback(origin: &str) -> bool {
    let authority = origin.split("://").nth(1).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn limited(text: String) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
