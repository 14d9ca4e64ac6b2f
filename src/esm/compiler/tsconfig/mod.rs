//! Compiler options from `tsconfig.json` and `jsconfig.json`.
//!
//! The nearest `tsconfig.json` that includes a file applies, with what it extends and references,
//! or else the nearest `jsconfig.json`. Only options that change the output are read. Types are not
//! checked, and the output is for current browsers whatever the `target`.

mod error;
mod options;
mod recorder;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric, TsConfig, TsconfigDiscovery};

pub(super) use self::options::Options;
use self::{
    error::compile_error,
    recorder::{Record, RecordingFileSystem},
};
use super::{config_files::ConfigFiles, file_type::Language};
use crate::esm::{
    compile_error::CompileError,
    disk_view::DiskView,
    lock::lock,
    resolve::{Aliases, bounded},
};

/// The number of lookups before the resolver is replaced. It keeps every path that it was asked
/// for.
const MAX_LOOKUPS: usize = 1_000;

/// Finds the options for files, and caches the parsed configuration until one of its files changes.
#[derive(Default)]
pub(super) struct OptionsFinder(Mutex<Option<Arc<Configuration>>>);

impl OptionsFinder {
    /// Discards the parsed configuration.
    pub(super) fn clear(&self) {
        *lock(&self.0) = None;
    }

    /// Returns the options for a file, and the configuration files that they come from. `root` is
    /// the served folder.
    ///
    /// # Blocking
    /// Checks the configuration files for changes, and reads them if needed.
    ///
    /// # Errors
    /// Fails if a configuration file is invalid or cannot be read.
    pub(super) fn find(
        &self,
        root: &Path,
        path: &Path,
        language: Language,
        disk: &DiskView,
    ) -> Result<(Options, Vec<PathBuf>), CompileError> {
        // The lock is not held while files are read: that may take long.
        let cached = lock(&self.0).clone();
        let configuration =
            cached.filter(|cached| cached.is_current_for(path, disk)).unwrap_or_else(|| {
                let new = Arc::new(Configuration::new());
                *lock(&self.0) = Some(Arc::clone(&new));
                new
            });
        configuration.find(root, path, language, disk)
    }

    /// Returns the number of files that are checked for changes.
    #[cfg(test)]
    pub(super) fn checked_files(&self) -> usize {
        let cached = lock(&self.0);
        cached.as_ref().map_or(0, |configuration| lock(&configuration.files).len())
    }
}

/// The parsed configuration files of a project.
struct Configuration {
    resolver: ResolverGeneric<RecordingFileSystem>,
    record: Record,
    files: Mutex<Arc<ConfigFiles>>,
    /// The nearest `jsconfig.json` of folders.
    jsconfigs: Mutex<HashMap<PathBuf, Option<Arc<TsConfig>>>>,
    lookups: AtomicUsize,
}

impl Configuration {
    fn new() -> Self {
        let record = Record::default();
        let file_system = RecordingFileSystem::with_record(record.clone());
        let options =
            ResolveOptions { tsconfig: Some(TsconfigDiscovery::Auto), ..ResolveOptions::default() };
        let resolver = ResolverGeneric::new_with_file_system(file_system, options);
        let (files, jsconfigs) = (Mutex::default(), Mutex::default());
        Self { resolver, record, files, jsconfigs, lookups: AtomicUsize::new(0) }
    }

    fn is_current_for(&self, source: &Path, disk: &DiskView) -> bool {
        let files = Arc::clone(&lock(&self.files));
        self.lookups.load(Ordering::Relaxed) < MAX_LOOKUPS && files.are_unchanged_for(source, disk)
    }

    fn find(
        &self,
        root: &Path,
        path: &Path,
        language: Language,
        disk: &DiskView,
    ) -> Result<(Options, Vec<PathBuf>), CompileError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let config = bounded(|| match self.tsconfig(path, language) {
            Ok(None) => self.jsconfig(path, disk),
            config => config,
        });
        let mut files = lock(&self.files);
        for path in self.record.paths().drain(..) {
            Arc::make_mut(&mut files).record(path, disk);
        }
        let files: Vec<_> = files.existing().collect();
        self.check_readable(path, disk, config.as_ref().ok().and_then(Option::as_deref))?;
        let config = config.map_err(|error| compile_error(root, path, error))?;
        let options = config.map(|config| Options {
            aliases: Aliases::of(Arc::clone(&config)),
            ..Options::from(&config.compiler_options)
        });
        Ok((options.unwrap_or_default(), files))
    }

    /// Checks that the resolver has not passed over the nearest `tsconfig.json` of a file because
    /// it could not be read, or something that it extends.
    ///
    /// # Errors
    /// Names the file and the reason.
    fn check_readable(
        &self,
        path: &Path,
        disk: &DiskView,
        found: Option<&TsConfig>,
    ) -> Result<(), CompileError> {
        let Some((file, why)) = self.record.unreadable().clone() else { return Ok(()) };
        let mut candidates = path.ancestors().skip(1).map(|folder| folder.join("tsconfig.json"));
        let nearest = candidates.find(|candidate| disk.has_other_than_folder(candidate));
        if nearest.as_deref() == found.map(TsConfig::path) {
            return Ok(());
        }
        Err(CompileError::of_file(&file, format!("cannot read this file: {why}")))
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

    fn jsconfig(
        &self,
        path: &Path,
        disk: &DiskView,
    ) -> Result<Option<Arc<TsConfig>>, ResolveError> {
        let Some(parent) = path.parent() else { return Ok(None) };
        if let Some(known) = lock(&self.jsconfigs).get(parent) {
            return Ok(known.clone());
        }
        let mut found = None;
        for folder in parent.ancestors() {
            let file = folder.join("jsconfig.json");
            let exists = disk.has_other_than_folder(&file);
            self.record.paths().push(file.clone());
            if exists {
                found = Some(self.resolver.resolve_tsconfig(&file)?);
                break;
            }
        }
        lock(&self.jsconfigs).insert(parent.to_owned(), found.clone());
        Ok(found)
    }
}
