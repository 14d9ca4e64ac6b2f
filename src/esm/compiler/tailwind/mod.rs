//! Tailwind 4: style sheets that depend on the class names in the project's sources.
//!
//! Tailwind's own compiler makes the CSS; which class names there are is found out here
//! ([`candidates`], [`sources`]). As in Tailwind's own plug-ins, a class name that was seen once
//! stays in the sheet until the server ends, so that an edit only adds to it.
//!
//! A changed source file changes a sheet if it has new class names that Tailwind knows
//! ([`Tailwind::changed`]), and both are published together.
//!
//! Tailwind 3 is a plug-in of PostCSS.

mod candidates;
mod sources;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Mutex,
};

use memchr::memmem;
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use self::sources::{Found, Source};
use super::{project::Project, tools::Tools};
use crate::esm::{compile_error::CompileError, lock::lock, toolchain::Tool};

/// The number of sheets whose class names are tracked.
const MAX_SHEETS: usize = 100;

/// The number of class names that are kept for a sheet.
const MAX_CANDIDATES: usize = 200_000;

/// What a sheet that Tailwind compiles contains, or imports.
const MARKERS: [&str; 12] = [
    "@import",
    "@tailwind",
    "@apply",
    "@theme",
    "@utility",
    "@variant",
    "@custom-variant",
    "@reference",
    "@plugin",
    "@config",
    "--spacing(",
    "theme(",
];

/// The features of a sheet for which Tailwind makes CSS. The numbers are Tailwind's.
const APPLY: u32 = 1;
const PLUGIN: u32 = 4;
const THEME_FUNCTION: u32 = 8;
const UTILITIES: u32 = 16;
const VARIANTS: u32 = 32;

/// The sheets that Tailwind has compiled.
#[derive(Default)]
pub(super) struct Tailwind {
    sheets: Mutex<HashMap<PathBuf, Sheet>>,
}

/// A sheet, and the class names for it.
struct Sheet {
    /// What it was compiled from last.
    text: String,
    sources: Vec<Source>,
    found: Found,
    candidates: HashSet<String>,
    /// The hash of the CSS.
    css: u128,
}

/// What Tailwind tells about a sheet.
#[derive(Deserialize)]
struct Description {
    features: u32,
    /// `null` for the whole project, `"none"`, or a pattern.
    root: Value,
    sources: Vec<Source>,
}

/// Returns whether Tailwind may have to compile a sheet with this content.
pub(super) fn is_marked(css: &[u8]) -> bool {
    MARKERS.iter().any(|marker| memmem::find(css, marker.as_bytes()).is_some())
}

impl Tailwind {
    /// Returns a style sheet as CSS, and the sheets that it was made from, or `None` if the project
    /// does not have Tailwind 4, or the sheet does not use it.
    ///
    /// # Blocking
    /// Runs Tailwind. Reads the sources of the project, for a sheet that was not compiled before.
    ///
    /// # Errors
    /// Tailwind reports an error, or fails.
    pub(super) fn css(
        &self,
        tools: Tools<'_>,
        path: &Path,
        text: &str,
    ) -> Result<Option<(String, Vec<PathBuf>)>, CompileError> {
        let is_current = |version: String| {
            version.split('.').next().and_then(|major| major.parse::<u32>().ok()) >= Some(4)
        };
        if !is_marked(text.as_bytes())
            || !tools.version(Tool::Tailwind, path).is_some_and(is_current)
        {
            return Ok(None);
        }
        let input = json!({ "path": path, "text": text });
        let answer = tools.run(Tool::Tailwind, (path, text), "describe", input)?;
        let Ok(Description { features, root, sources }) = Description::deserialize(&answer.output)
        else {
            return Err(CompileError::of_file(path, "Tailwind's answer is not understood".into()));
        };
        if features & (APPLY | PLUGIN | THEME_FUNCTION | UTILITIES | VARIANTS) == 0 {
            return Ok(None);
        }
        let mut all = match root {
            Value::Null => vec![Source::of_project(project_of(tools, path))],
            root => Source::deserialize(root).into_iter().collect(),
        };
        all.extend(sources);
        let scan = features & UTILITIES != 0;
        let candidates = self.candidates(path, text, all, scan);
        let css = build(tools, path, text, &candidates)?;
        if let Some(sheet) = lock(&self.sheets).get_mut(path) {
            sheet.css = xxh3_128(css.0.as_bytes());
        }
        Ok(Some(css))
    }

    /// Returns the class names for a sheet, sorted.
    fn candidates(
        &self,
        path: &Path,
        text: &str,
        sources: Vec<Source>,
        scan: bool,
    ) -> BTreeSet<String> {
        if let Some(sheet) = lock(&self.sheets).get_mut(path)
            && sheet.sources == sources
        {
            text.clone_into(&mut sheet.text);
            return sheet.candidates.iter().cloned().collect();
        }
        let found = if scan { sources::find(&sources) } else { Found::default() };
        let mut candidates = HashSet::new();
        for file in &found.files {
            if let Some(text) = sources::read(file) {
                candidates::collect(&text, extension_of(file), &mut candidates);
            }
        }
        let sorted = candidates.iter().cloned().collect();
        let mut sheets = lock(&self.sheets);
        if sheets.len() >= MAX_SHEETS {
            sheets.clear();
        }
        let text = text.to_owned();
        sheets.insert(path.to_owned(), Sheet { text, sources, found, candidates, css: 0 });
        sorted
    }

    /// Returns the sheets whose CSS is another one after these files were changed or created.
    ///
    /// # Blocking
    /// Reads the files, and runs Tailwind if there are new class names.
    pub(super) fn changed(&self, tools: Tools<'_>, files: &[PathBuf]) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (path, text, candidates) in self.with_new_candidates(files) {
            // The page reports an error when it requests the sheet.
            let css =
                build(tools, &path, &text, &candidates).map(|(css, _)| xxh3_128(css.as_bytes()));
            let mut sheets = lock(&self.sheets);
            let Some(sheet) = sheets.get_mut(&path) else { continue };
            if css.as_ref().ok() != Some(&sheet.css) {
                sheet.css = css.unwrap_or_default();
                changed.push(path);
            }
        }
        changed
    }

    /// Returns the sheets for which these files have new class names, with all of them.
    fn with_new_candidates(&self, files: &[PathBuf]) -> Vec<(PathBuf, String, BTreeSet<String>)> {
        if lock(&self.sheets).is_empty() {
            return Vec::new();
        }
        let is_source = |file: &&PathBuf| sources::is_source(file);
        let texts: Vec<_> = files
            .iter()
            .filter(is_source)
            .filter_map(|file| Some((file, sources::read(file)?)))
            .collect();
        let mut sheets = lock(&self.sheets);
        let mut grown = Vec::new();
        for (path, sheet) in &mut *sheets {
            let mut has_new = false;
            if texts.iter().any(|(file, _)| sheet.found.is_below_new_folder(file)) {
                sheet.found = sources::find(&sheet.sources);
            }
            for (file, text) in &texts {
                if sheet.found.includes(file) && sheet.candidates.len() < MAX_CANDIDATES {
                    has_new |= candidates::collect(text, extension_of(file), &mut sheet.candidates);
                }
            }
            if has_new {
                let candidates = sheet.candidates.iter().cloned().collect();
                grown.push((path.clone(), sheet.text.clone(), candidates));
            }
        }
        grown
    }

    /// Returns whether no sheet was compiled.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.sheets).is_empty()
    }

    /// Returns the sheets that were compiled.
    pub(super) fn sheets(&self) -> Vec<PathBuf> {
        lock(&self.sheets).keys().cloned().collect()
    }
}

/// Returns the CSS for a sheet, and the sheets that it was made from.
fn build(
    tools: Tools<'_>,
    path: &Path,
    text: &str,
    candidates: &BTreeSet<String>,
) -> Result<(String, Vec<PathBuf>), CompileError> {
    let input = json!({ "path": path, "text": text, "candidates": candidates });
    let answer = tools.run(Tool::Tailwind, (path, text), "build", input)?;
    let css = answer.output.as_str().unwrap_or_default().to_owned();
    Ok((css, answer.dependencies.keys().cloned().collect()))
}

fn extension_of(file: &Path) -> &str {
    file.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// Returns the folder of the project that a sheet is in.
fn project_of<'p>(tools: Tools<'p>, path: &'p Path) -> &'p Path {
    tools.project.folders_of(path).next().unwrap_or(tools.project.root())
}
