//! Converts compiled modules of the project to definitions for the registry in the page.

use std::sync::Arc;

use oxc::{allocator::Allocator, parser::Parser, semantic::SemanticBuilder, span::SourceType};
use oxc_sourcemap::{SourceMap, Token};
use quick_cache::{Weighter, sync};
use xxhash_rust::xxh3::Xxh3;

use super::{
    convert::{
        es_module,
        requests::{RequestKind, split_attributes},
        transform::Origin,
    },
    edits::{Shift, shifted, unshifted},
    embedded_map, relative_url,
};
use crate::source_map::Position;

/// The capacity of [`Definitions`], bytes.
const CAPACITY: u64 = 32 * 1024 * 1024;

/// The expected number of entries. quick_cache makes one shard for up to 32.
const EXPECTED_ENTRIES: usize = 32;

/// The definitions that were used most recently, by the URL and the code of the module.
pub(super) struct Definitions(sync::Cache<u128, Arc<Definition>, Size>);

#[derive(Clone)]
struct Size;

impl Weighter<u128, Arc<Definition>> for Size {
    fn weight(&self, _: &u128, definition: &Arc<Definition>) -> u64 {
        u64::try_from(definition.size()).unwrap_or(u64::MAX).saturating_add(512)
    }
}

impl Default for Definitions {
    fn default() -> Self {
        Self(sync::Cache::with_weighter(EXPECTED_ENTRIES, CAPACITY, Size))
    }
}

impl Definitions {
    /// Converts the JavaScript of a compiled module with a URL path, or returns `None` if it has a
    /// syntax error.
    pub(super) fn get_or_convert(&self, path: &str, code: &str) -> Option<Arc<Definition>> {
        let mut key = Xxh3::new();
        for part in [path, "\0", code] {
            key.update(part.as_bytes());
        }
        let key = key.digest128();
        if let Some(definition) = self.0.get(&key) {
            return Some(definition);
        }
        let definition = Arc::new(Definition::of(path, code).ok()?);
        self.0.insert(key, Arc::clone(&definition));
        Some(definition)
    }
}

/// A module of the project, converted. URLs have no version stamps.
#[derive(Debug)]
pub(crate) struct Definition {
    /// The imports in source order: URL, and the forms in which it is read.
    pub(crate) imports: Vec<(String, String)>,
    /// The specifiers of `import()`, and their URLs.
    pub(crate) dynamic: Vec<(String, String)>,
    /// Whether the module exports something.
    pub(crate) has_exports: bool,
    /// The source of the generator function, in two parts: the first is on the first line of the
    /// second.
    pub(super) head: String,
    pub(super) body: String,
    /// The `data:` URL of the source map of the code before it was converted.
    map: Option<String>,
    /// How the code has moved since.
    shifts: Vec<Shift>,
}

impl Definition {
    /// Converts the JavaScript of a compiled module with a URL path.
    ///
    /// # Errors
    /// The first syntax error.
    pub(super) fn of(path: &str, code: &str) -> Result<Self, String> {
        let (code, map) = embedded_map::split(code);
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
        if let Some(error) = parsed.diagnostics.errors().next() {
            return Err(error.to_string());
        }
        // Some names may be declared twice in a function, but not in a module.
        let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
        if let Some(error) = checked.diagnostics.errors().next() {
            return Err(error.to_string());
        }
        let scoping = checked.semantic.into_scoping();
        let mut module = es_module::convert(code, &parsed.program, &scoping, Origin::Project);
        if let Some(line) = &parsed.program.hashbang {
            module.edits.replace(line.span, "");
        }
        let requests = &module.requests.list;
        let url = |at: usize| Some(absolute(path, &requests.get(at)?.specifier));
        let imports = module.imports.into_iter();
        let imports = imports.filter_map(|(at, forms)| Some((url(at)?, forms))).collect();
        let dynamic = requests.iter().filter(|request| request.kind == RequestKind::Dynamic);
        let dynamic =
            dynamic.map(|request| (request.specifier.clone(), absolute(path, &request.specifier)));
        let dynamic = dynamic.collect();
        let names = &module.names;
        let has_exports = module.has_default || !names.own.is_empty() || !names.stars.is_empty();
        let (body, shifts) = module.edits.apply_with_shifts(code);
        Ok(Self {
            imports,
            dynamic,
            has_exports,
            head: module.head,
            body,
            map: map.map(str::to_owned),
            shifts,
        })
    }

    /// Returns the source map of the body, whose source has a path.
    pub(super) fn source_map(&self, path: &str) -> Option<serde_json::Value> {
        let mut parts = embedded_map::decode(self.map.as_deref()?)?.into_parts();
        for token in &mut parts.tokens {
            let (line, column) = (token.get_dst_line(), token.get_dst_col());
            let column = shifted(&self.shifts, line, column);
            let (source, name) = (token.get_source_id(), token.get_name_id());
            let (source_line, source_column) = (token.get_src_line(), token.get_src_col());
            *token = Token::new(line, column, source_line, source_column, source, name);
        }
        parts.token_chunks = None;
        parts.sources = vec![path.into()];
        serde_json::from_str(&SourceMap::from_parts(parts).to_json_string()).ok()
    }

    /// Returns where a position of the body is in the code before it was converted.
    pub(super) fn position_before(&self, position: Position) -> Position {
        unshifted(&self.shifts, position)
    }

    /// Returns about how much memory this takes, bytes.
    pub(super) fn size(&self) -> usize {
        self.head.len()
            + self.body.len()
            + self.map.as_ref().map_or(0, String::len)
            + self.shifts.len() * size_of::<Shift>()
            + 64 * self.imports.len()
    }
}

/// Returns the URL of a relative specifier in a module, or any other specifier as it is.
fn absolute(path: &str, specifier: &str) -> String {
    if !["./", "../"].iter().any(|start| specifier.starts_with(start)) {
        return specifier.to_owned();
    }
    let (specifier, attributes) = split_attributes(specifier);
    let (relative, query) = match specifier.find(['?', '#']) {
        Some(at) => specifier.split_at(at),
        None => (specifier, ""),
    };
    relative_url::resolve(relative, path) + query + attributes
}
