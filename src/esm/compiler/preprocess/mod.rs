//! Compiles style sheets to CSS: Sass and Less, and CSS that Tailwind or PostCSS transforms.
//!
//! Each step takes the text and the source map of the one before it. The last map is embedded in the
//! CSS, so that developer tools show the sheets that a rule comes from.

mod postcss;
mod source_map;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{project::Project, tailwind, tools::Tools};
use crate::esm::{
    compile_error::CompileError,
    disk_view::DiskView,
    toolchain::{Answer, Tool},
};

/// A style sheet as CSS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Css<'t> {
    /// The text, with its source map. Borrowed if the sheet is CSS as it is.
    pub(super) text: Cow<'t, str>,
    /// The files that it was made from, besides the sheet itself.
    pub(super) dependencies: Vec<PathBuf>,
}

/// A style sheet between two steps.
#[derive(Default)]
struct Step<'t> {
    text: Cow<'t, str>,
    map: Option<Value>,
    dependencies: Vec<PathBuf>,
}

/// Returns whether the project in a folder may have a compiler for a sheet in CSS with this content.
///
/// # Blocking
/// Looks for packages and configuration files.
pub(super) fn may_transform(root: &Path, sheet: &Path, css: &[u8]) -> bool {
    let is_installed = |package: &str| root.join("node_modules").join(package).is_dir();
    tailwind::is_marked(css) && is_installed("tailwindcss")
        || postcss::configuration(root, sheet, &DiskView::default()).is_some()
}

/// Returns the language of a style sheet by its extension.
pub(super) fn language_of(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or("css")
}

/// Returns a style sheet as CSS. Its language is named as by an extension (`css`, `scss`, `sass`,
/// `less`); the path is that of a component if the sheet is one of its blocks.
///
/// # Blocking
/// Runs the compilers that the sheet needs.
///
/// # Errors
/// One of them is not installed, or reports an error, or fails.
pub(super) fn css<'t>(
    tools: Tools<'_>,
    path: &Path,
    url: &str,
    language: &str,
    text: &'t str,
) -> Result<Css<'t>, CompileError> {
    let mut step = Step { text: Cow::Borrowed(text), ..Step::default() };
    let compiler = match language {
        "scss" | "sass" => Some(Tool::Sass),
        "less" => Some(Tool::Less),
        _ => None,
    };
    let root = tools.project.root_of(path);
    if let Some(tool) = compiler {
        let options = tools.settings.css.preprocessors.get(language);
        let input = json!({
            "file": path, "text": text, "language": language, "root": root, "options": options,
        });
        step = step.followed_by(&*tools.run(tool, (path, text), "compile", input)?, path);
    }
    let configuration = postcss::configuration(&root, path, tools.project.disk);
    if !configuration.as_deref().is_some_and(postcss::runs_tailwind)
        && let Some((css, dependencies)) = tools.tailwind.css(tools, path, &step.text)?
    {
        step.text = Cow::Owned(css);
        step.dependencies.extend(dependencies);
    }
    if let Some(config) = configuration {
        let input = json!({ "file": path, "text": &*step.text, "map": step.map, "config": config });
        let answer = tools.run(Tool::Postcss, (path, text), "compile", input);
        let answer = answer.map_err(|error| error.related_to(&step.dependencies))?;
        step = step.followed_by(&answer, path);
    }
    Ok(step.finish(tools.project, path, url))
}

impl<'t> Step<'t> {
    /// Returns what a compiler made of this step.
    fn followed_by(self, answer: &Answer, path: &Path) -> Self {
        let mut dependencies = self.dependencies;
        dependencies.extend(answer.dependencies.keys().filter(|file| *file != path).cloned());
        dependencies.sort();
        dependencies.dedup();
        let text = answer.output["css"].as_str().unwrap_or_default().to_owned();
        let map = answer.output.get("map").filter(|map| !map.is_null()).cloned();
        Self { text: Cow::Owned(text), map, dependencies }
    }

    /// Returns the sheet at a URL path with its source map.
    fn finish(self, project: &dyn Project, path: &Path, url: &str) -> Css<'t> {
        let Self { mut text, map, dependencies } = self;
        if let Some(map) = map {
            source_map::append(text.to_mut(), map, project, (path, url));
        }
        Css { text, dependencies }
    }
}
