//! Finds the positions in sources of positions in what was served.
//!
//! A browser reports an error where it is in the script that it got. That may be a compiled module,
//! a pack of many modules or of the files of packages, or a file as it is. The modules are those of
//! the last compilation that succeeded: while a file has an error, pages run its last version.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use oxc_sourcemap::SourceMap;

use super::{
    compile_error::{characters_before, frame_at, relative},
    compiler::{FetchMetadata, ModuleSpec, Output},
    definition::Definition,
    disk_view::DiskView,
    embedded_map,
    lock::lock,
    outcome::{ServedPosition, ServedScript, SourcePosition},
    page_error::source,
    relative_url,
    resolve::is_installed,
    service::Esm,
};
use crate::{
    http::{own_paths::PACKAGES, url_path::UrlPath},
    source_map::{COMMENT, Position, Sections},
};

/// Number of packs whose contents are kept.
const MAX_PACKS: usize = 16;

/// Number of bytes at the end of a script that may have the comment with its source map.
const MAX_COMMENT: usize = 4_000;

impl Esm {
    /// Returns the positions in sources. The first one in a source of the project has the lines
    /// around it. `None` is a position in code that livers has added.
    pub(crate) async fn source_positions(
        self: &Arc<Self>,
        served: Vec<ServedPosition>,
    ) -> Vec<Option<SourcePosition>> {
        let (esm, count) = (Arc::clone(self), served.len());
        let job = ("source positions", served.clone());
        let find = move || {
            let mut finder = Finder { esm: &esm, scripts: HashMap::new() };
            let found = served.iter().map(|position| finder.find(position));
            let mut found: Vec<_> = found.collect();
            if let Some(first) = found.iter_mut().flatten().find(|found| !found.0.in_package) {
                first.add_frame();
            }
            found.into_iter().map(|found| Some(found?.0)).collect()
        };
        self.workers.run(job, find).await.unwrap_or_else(|_| vec![None; count])
    }
}

impl Esm {
    /// Returns the text of the source of a module at a URL path, and the line and column there in
    /// characters, for a line and column in what was served, all counted from 1.
    ///
    /// # Blocking
    /// Reads the file, and may compile it.
    pub(super) fn source_position(
        &self,
        url: &str,
        (line, column): (u32, u32),
    ) -> Option<(Arc<str>, u32, u32)> {
        let mut finder = Finder { esm: self, scripts: HashMap::new() };
        let script = ServedScript::Url(url.to_owned());
        let position = Some((line.checked_sub(1)?, column.saturating_sub(1)));
        let Found(found, text) = finder.find(&ServedPosition { script, position })?;
        let (line, column) = found.position?;
        Some((text?, line, column))
    }
}

/// A position, and the text of the source, unless the folder does not serve it.
struct Found(SourcePosition, Option<Arc<str>>);

impl Found {
    fn add_frame(&mut self) {
        let Self(found, text) = self;
        if let (Some(text), Some((line, column))) = (text, found.position)
            && text.split('\n').nth(line as usize - 1).is_some()
        {
            found.frame = frame_at(text, line, column);
        }
    }
}

/// A script that was served, and what it was made from.
enum Script {
    /// There is no such file.
    Missing(String, PathBuf),
    Module(Box<Module>),
    /// Files of packages, by their keys.
    Packages(Arc<Sections<String>>),
}

/// A module, or another file.
struct Module {
    source: Source,
    /// What the module was converted to, for a pack.
    definition: Option<Arc<Definition>>,
    map: Map,
}

/// Where a module has the code of its source.
enum Map {
    /// Where the source has it.
    Same,
    /// It was compiled.
    Compiled(SourceMap<'static>),
    /// The source was itself compiled from others, by another tool. The map has a URL path.
    Own(SourceMap<'static>, String),
    /// That is not known.
    Unknown,
}

/// A source file.
struct Source {
    url: String,
    file: PathBuf,
    text: Arc<str>,
}

/// Finds positions for one message.
struct Finder<'e> {
    esm: &'e Esm,
    scripts: HashMap<ServedScript, Option<Script>>,
}

/// The packs of package files in which positions were looked up last: frameworks are in most stacks.
#[derive(Default)]
pub(super) struct RecentPacks(Mutex<VecDeque<(ServedScript, Arc<Sections<String>>)>>);

impl RecentPacks {
    /// Returns what a pack consists of, or finds it out. It is kept if it cannot change.
    fn get_or_find(
        &self,
        script: &ServedScript,
        is_immutable: impl FnOnce() -> bool,
        find: impl FnOnce() -> Option<Sections<String>>,
    ) -> Option<Arc<Sections<String>>> {
        if let Some((_, known)) = lock(&self.0).iter().find(|(known, _)| known == script) {
            return Some(Arc::clone(known));
        }
        let found = Arc::new(find()?);
        if is_immutable() {
            let mut packs = lock(&self.0);
            packs.truncate(MAX_PACKS - 1);
            packs.push_front((script.clone(), Arc::clone(&found)));
        }
        Some(found)
    }
}

impl Finder<'_> {
    fn find(&mut self, served: &ServedPosition) -> Option<Found> {
        let ServedPosition { script, position } = served;
        if !self.scripts.contains_key(script) {
            self.scripts.insert(script.clone(), self.load(script));
        }
        let Module { source, definition, map } = match self.scripts.get(script)?.as_ref()? {
            Script::Module(module) => &**module,
            Script::Missing(url, file) => return Some(self.found(url, file, None, None)),
            Script::Packages(sections) => {
                let (key, within) = sections.find((*position)?)?;
                let (url, file, text) = self.esm.compiler.packages().source_of(key)?;
                let source = Source { url, file, text: text.into() };
                return Some(self.locate(&source, Some(within)));
            }
        };
        let position = position.map(|position| match definition {
            Some(definition) => definition.position_before(position),
            None => position,
        });
        match (map, position) {
            (Map::Unknown, _) | (_, None) => Some(self.locate(source, None)),
            (Map::Same, Some(position)) => Some(self.locate(source, Some(position))),
            // Other code is livers' own.
            (Map::Compiled(map), Some(position)) => {
                let (_, found) = look_up(map, position)?;
                Some(self.locate(source, Some(found)))
            }
            (Map::Own(map, url), Some(position)) => match look_up(map, position) {
                Some((source, found)) => self.locate_in_own(map, url, source, found),
                None => Some(self.locate(source, Some(position))),
            },
        }
    }

    /// Finds what was served. Returns `None` if it is unknown, or made by livers alone.
    fn load(&self, script: &ServedScript) -> Option<Script> {
        let packages = self.esm.compiler.packages();
        let recent = &self.esm.recent_packs;
        let (url, in_pack) = match script {
            ServedScript::Packages(urls) => {
                let is_immutable = || packages.are_immutable(urls.iter().map(String::as_str));
                let find = || packages.sections_of_pack(urls);
                return recent.get_or_find(script, is_immutable, find).map(Script::Packages);
            }
            ServedScript::Url(url) => (url, false),
            ServedScript::Definition(url) => (url, true),
        };
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if let Some(path) = path.strip_prefix(PACKAGES) {
            let is_immutable = || packages.are_immutable([&**url].into_iter());
            let find = || packages.sections_of(path, query);
            return recent.get_or_find(script, is_immutable, find).map(Script::Packages);
        }
        let Some(mut source) = self.source(path) else {
            let url = UrlPath::parse(path).ok()?;
            return Some(Script::Missing(url.to_string(), self.esm.folders.disk_path(&url)?));
        };
        let compiled = self.compiled(&source, query);
        let definition = match &compiled {
            _ if !in_pack => None,
            Compiled::To(code) => self.esm.definitions.get_or_convert(&source.url, code),
            _ => self.esm.definitions.get_or_convert(&source.url, &source.text),
        };
        let map = match compiled {
            Compiled::To(code) => match embedded_map::split(&code).1.and_then(embedded_map::decode)
            {
                Some(map) => {
                    // The file may have changed since.
                    if let Some(text) = map.get_source_content(0) {
                        source.text = text.into();
                    }
                    Map::Compiled(map)
                }
                None => Map::Unknown,
            },
            Compiled::Unchanged => match self.own_map(&source) {
                Some((map, url)) => Map::Own(map, url),
                None => Map::Same,
            },
            Compiled::Failed => Map::Unknown,
        };
        Some(Script::Module(Box::new(Module { source, definition, map })))
    }

    /// Reads the file at a URL path, or the one that a project serves there.
    fn source(&self, path: &str) -> Option<Source> {
        let url = UrlPath::parse(path).ok()?;
        let folders = &self.esm.folders;
        let (url, text) = source(folders, url.clone()).or_else(|| {
            let mut others = self.esm.fallbacks(&url, true).into_iter();
            others.find_map(|other| source(folders, other.url))
        })?;
        let file = folders.disk_path(&url)?;
        Some(Source { url: url.to_string(), file, text: text.into() })
    }

    /// Returns the code that a file was last compiled to, or compiles it.
    fn compiled(&self, source: &Source, query: &str) -> Compiled {
        let Source { url, file, text } = source;
        let compiler = &self.esm.compiler;
        let output = if let Some(last) = compiler.last_compiled(file, url, query) {
            Ok(last)
        } else {
            let spec = ModuleSpec::of_request(file, query, FetchMetadata::MODULE);
            let Some(spec) = spec else { return Compiled::Unchanged };
            compiler.compile(file, url, text.as_bytes(), spec, &DiskView::default())
        };
        match output {
            Ok(Output::Module(module)) => Compiled::To(module.code.clone()),
            Ok(Output::Unchanged) => Compiled::Unchanged,
            Ok(Output::StyleSheet(_)) | Err(_) => Compiled::Failed,
        }
    }

    /// Returns the source map that a file names in its last lines, and the URL path of the map.
    fn own_map(&self, source: &Source) -> Option<(SourceMap<'static>, String)> {
        let text = &*source.text;
        let end = &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_COMMENT))..];
        if let Some(map) = embedded_map::split(text).1.and_then(embedded_map::decode) {
            return Some((map, source.url.clone()));
        }
        let (_, comment) = end.rsplit_once(COMMENT)?;
        let relative = comment.split_whitespace().next()?.split('?').next()?;
        if relative.contains(':') || relative.starts_with("//") {
            return None;
        }
        let url = relative_url::resolve(relative, &source.url);
        let json = self.source(&url)?.text;
        Some((embedded_map::parse(&json)?, url))
    }

    /// Returns a position in a source that another tool has compiled.
    fn locate_in_own(
        &self,
        map: &SourceMap<'_>,
        map_url: &str,
        id: u32,
        position: Position,
    ) -> Option<Found> {
        let name = map.get_source(id)?;
        let root = map.get_source_root().unwrap_or_default().trim_end_matches('/');
        let name = if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
        let url = match name.split_once("://") {
            Some((_, path)) => format!("/{}", path.trim_start_matches('/')),
            None => relative_url::resolve(&name, map_url),
        };
        let folders = &self.esm.folders;
        if let Some((found, text)) = source(folders, UrlPath::parse(&url).ok()?) {
            let file = folders.disk_path(&found)?;
            let source = Source { url: found.to_string(), file, text: text.into() };
            return Some(self.locate(&source, Some(position)));
        }
        let text: Option<Arc<str>> = map.get_source_content(id).map(Arc::from);
        let file = Path::new(url.trim_start_matches('/'));
        Some(self.found(map_url, file, Some(in_characters(text.as_deref(), position)), text))
    }

    /// Returns a position in a source.
    fn locate(&self, source: &Source, position: Option<Position>) -> Found {
        let Source { url, file, text } = source;
        let text_of_source = Some(&**text).filter(|text| !text.is_empty());
        let position = position.map(|position| in_characters(text_of_source, position));
        let text = self.esm.folders.serves(file).then(|| Arc::clone(text));
        self.found(url, file, position, text)
    }

    fn found(
        &self,
        url: &str,
        file: &Path,
        position: Option<(u32, u32)>,
        text: Option<Arc<str>>,
    ) -> Found {
        let found = SourcePosition {
            path: url.to_owned(),
            file: relative(self.esm.folders.path(), file),
            position,
            in_package: is_installed(file),
            frame: String::new(),
        };
        Found(found, text)
    }
}

/// Returns a position of a source map in characters, counted from 1.
fn in_characters(text: Option<&str>, (line, column): Position) -> (u32, u32) {
    let column = text.map_or(column, |text| characters_before(text, line, column));
    (line.saturating_add(1), column.saturating_add(1))
}

/// What a file was compiled to.
enum Compiled {
    Unchanged,
    To(String),
    Failed,
}

/// Looks a position up in a source map. Returns the number of the source, and the position there.
fn look_up(map: &SourceMap<'_>, (line, column): Position) -> Option<(u32, Position)> {
    let table = map.generate_lookup_table();
    let token = map.lookup_token_approx(&table, line, column)?;
    Some((token.get_source_id()?, (token.get_src_line(), token.get_src_col())))
}
