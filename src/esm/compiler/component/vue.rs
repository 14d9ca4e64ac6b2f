//! Vue single-file components.

use std::path::Path;

use super::Component;
use crate::esm::{compile_error::CompileError, compiler::tools::Tools};

/// Compiles a component.
///
/// # Blocking
/// Runs the compiler.
///
/// # Errors
/// The compiler is not installed, or reports an error, or fails.
pub(super) fn compile(
    _tools: Tools<'_>,
    path: &Path,
    _url: &str,
    _text: &str,
) -> Result<Component, CompileError> {
    Err(CompileError::of_file(path, "Vue components are not supported yet".to_owned()))
}
