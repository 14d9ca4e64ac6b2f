//! Compiler options from `tsconfig.json` and `jsconfig.json`.
//!
//! The nearest `tsconfig.json` that includes a file applies, with what it extends and references;
//! for JavaScript also the nearest `jsconfig.json`. Only options that change the output are read.
//! Types are not checked, and the output is for current browsers whatever the `target`.

mod error;
mod options;
mod recorder;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric, TsConfig, TsconfigDiscovery};

pub(super) use self::options::Options;
use self::{
    error::compile_error,
    recorder::{Record, RecordingFileSystem},
};
use super::{config_files::ConfigFiles, file_type::Language};
use crate::esm::compile_error::CompileError;

/// The number of lookups before the resolver is replaced. It keeps every path that it was asked
/// for.
const MAX_LOOKUPS: usize = 1_000;

/// Finds the options for files, and caches the parsed configuration until one of its files changes.
#[derive(Default)]
pub(super) struct OptionsFinder(Mutex<Option<Configuration>>);

impl OptionsFinder {
    /// Returns the options for a file, and the configuration files that they come from.
    ///
    /// # Blocking
    /// Checks the configuration files for changes, and reads them if needed.
    ///
    /// # Errors
    /// Fails if a configuration file is invalid.
    pub(super) fn find(
        &self,
        path: &Path,
        language: Language,
    ) -> Result<(Options, Vec<PathBuf>), CompileError> {
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stale = |configuration: &mut Configuration| {
            configuration.lookups >= MAX_LOOKUPS || !configuration.files.are_unchanged()
        };
        drop(cached.take_if(is_stale));
        let configuration = cached.get_or_insert_with(Configuration::new);
        let options =
            configuration.find(path, language).map_err(|error| compile_error(path, error))?;
        Ok((options, configuration.files.existing().collect()))
    }

    /// Returns the number of files that are checked for changes.
    #[cfg(test)]
    pub(super) fn checked_files(&self) -> usize {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cached.as_ref().map_or(0, |configuration| configuration.files.len())
    }
}

/// The parsed configuration files of a project.
struct Configuration {
    resolver: ResolverGeneric<RecordingFileSystem>,
    record: Record,
    files: ConfigFiles,
    lookups: usize,
}

impl Configuration {
    fn new() -> Self {
        let record = Record::default();
        let file_system = RecordingFileSystem::with_record(record.clone());
        let options =
            ResolveOptions { tsconfig: Some(TsconfigDiscovery::Auto), ..ResolveOptions::default() };
        let resolver = ResolverGeneric::new_with_file_system(file_system, options);
        Self { resolver, record, files: ConfigFiles::default(), lookups: 0 }
    }

    fn find(&mut self, path: &Path, language: Language) -> Result<Options, ResolveError> {
        self.lookups += 1;
        let config = self.tsconfig(path, language);
        let config = match (config, language) {
            (Ok(None), Language::Js | Language::Jsx) => self.jsconfig(path),
            (config, _) => config,
        };
        for path in self.record.paths().drain(..) {
            self.files.record(path);
        }
        let config = config?;
        Ok(config.map(|config| Options::from(&config.compiler_options)).unwrap_or_default())
    }

    fn tsconfig(
        &self,
        path: &Path,
        language: Language,
    ) -> Result<Option<Arc<TsConfig>>, ResolveError> {
        // The JSX options apply to JavaScript even without `allowJs`.
        let path = match language {
            Language::Js | Language::Jsx => path.with_extension("tsx"),
            Language::Ts | Language::Tsx => path.to_owned(),
        };
        let config = self.resolver.find_tsconfig(&path);
        // The resolver also looks for a tsconfig.json in the file, as if it were a folder.
        // Recording these paths would make the check for changes slower with each module.
        self.record.paths().retain(|recorded| recorded.parent() != Some(&path));
        config
    }

    fn jsconfig(&self, path: &Path) -> Result<Option<Arc<TsConfig>>, ResolveError> {
        for folder in path.ancestors().skip(1) {
            let file = folder.join("jsconfig.json");
            let exists = file.is_file();
            self.record.paths().push(file.clone());
            if exists {
                return self.resolver.resolve_tsconfig(&file).map(Some);
            }
        }
        Ok(None)
    }
}
