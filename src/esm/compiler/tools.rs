//! The project's own compilers, as the compiler of livers calls them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{project::Project, served_project::ProjectView, tailwind::Tailwind};
use crate::{
    docroot,
    esm::{
        compile_error::CompileError,
        resolve::{ImportKind, is_installed},
        style_sheet::with_absolute_urls,
        toolchain::{Answer, Files, Request, Tool, ToolError, Toolchain},
        vite_settings::ViteSettings,
    },
};
/// The size of a file that a compiler may read, bytes.
const MAX_SIZE: u64 = 16 << 20;

/// The compilers of a project, for one request.
#[derive(Clone, Copy)]
pub(super) struct Tools<'p> {
    pub(super) toolchain: &'p Toolchain,
    pub(super) tailwind: &'p Tailwind,
    pub(super) settings: &'p ViteSettings,
    pub(super) project: &'p ProjectView<'p>,
}

impl Tools<'_> {
    /// Returns the version of a compiler that a file could import, or `None` if it is not installed.
    ///
    /// # Blocking
    /// Looks for its `package.json`.
    pub(super) fn version(self, tool: Tool, file: &Path) -> Option<String> {
        Toolchain::version(tool, file, self.project.disk)
    }

    /// Returns the answer of a compiler about a file with this text.
    ///
    /// # Blocking
    /// Runs the compiler, unless the answer is known.
    ///
    /// # Errors
    /// The compiler is not installed, or reports an error, or fails.
    pub(super) fn run(
        self,
        tool: Tool,
        (file, text): (&Path, &str),
        function: &'static str,
        input: Value,
    ) -> Result<Arc<Answer>, CompileError> {
        let request = Request { tool, file, function, input };
        let answer = self.toolchain.run(&request, self.project, self.project.disk);
        answer.map_err(|error| describe(error, file, text))
    }
}

/// Describes the error of a compiler at its position in the source.
fn describe(error: ToolError, file: &Path, text: &str) -> CompileError {
    let ToolError { reported, help, dependencies } = error;
    let other = reported.file.filter(|path| path != file && path.is_absolute());
    let other = other.and_then(|path| {
        let text = String::from_utf8(docroot::read_bounded(&path, MAX_SIZE).ok()?).ok()?;
        Some((path, text))
    });
    let (file, text) = match &other {
        Some((path, text)) => (&**path, &**text),
        None => (file, text),
    };
    let mut error = match reported.line {
        Some(line) => {
            let column = reported.column.unwrap_or(1) as usize;
            CompileError::at_position(file, text, line as usize, column, reported.message)
        }
        None => CompileError::of_file(file, reported.message),
    };
    error.related = dependencies.into();
    error.with_help(help)
}

impl Files for ProjectView<'_> {
    fn resolve(&self, specifier: &str, from: &Path, kind: &str) -> Option<PathBuf> {
        let kind = match kind {
            "sheet" => ImportKind::Sheet,
            "require" => ImportKind::Require,
            "source" => ImportKind::Source,
            _ => ImportKind::Import,
        };
        self.packages().path_of(specifier, from, kind)
    }

    fn alias(&self, specifier: &str, from: &Path) -> Option<String> {
        self.packages().alias(specifier, from)
    }

    fn read(&self, path: &Path, kind: &str) -> Option<String> {
        let is_installed = is_installed(path);
        if !is_installed && !self.serves(path) {
            return None;
        }
        let text = String::from_utf8(docroot::read_bounded(path, MAX_SIZE).ok()?).ok()?;
        let url = match kind {
            "sheet" if is_installed => self.packages().url_of(path),
            "sheet" => self.url(path),
            _ => None,
        };
        Some(match url {
            Some(url) => with_absolute_urls(&text, &url),
            None => text,
        })
    }
}
