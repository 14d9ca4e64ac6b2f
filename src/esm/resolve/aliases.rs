//! Aliases of `tsconfig.json` and `jsconfig.json`, `paths` and `baseUrl`, and of `vite.config.*`.

use std::{path::PathBuf, sync::Arc};

use oxc_resolver::{CompilerOptionsPathsMap, TsConfig};

use crate::esm::vite_settings::{ViteSettings, apply_to_beginning};

/// The aliases that apply to a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases {
    tsconfig: Option<Arc<TsConfig>>,
    settings: Option<Arc<ViteSettings>>,
}

impl Aliases {
    /// Returns the aliases of a configuration file.
    pub(crate) fn of(config: Arc<TsConfig>) -> Self {
        Self { tsconfig: Some(config), settings: None }
    }

    /// Adds the aliases of `vite.config.*`, which precede the others.
    pub(crate) fn with_settings(self, settings: &Arc<ViteSettings>) -> Self {
        Self { settings: Some(Arc::clone(settings)), ..self }
    }

    fn paths(&self) -> Option<&CompilerOptionsPathsMap> {
        self.tsconfig.as_ref()?.compiler_options.paths.as_ref()
    }

    fn base_url(&self) -> Option<&PathBuf> {
        self.tsconfig.as_ref()?.compiler_options.base_url.as_ref()
    }

    /// Returns the paths of `tsconfig.json` to try for a specifier, in order. An exact alias precedes patterns, and a
    /// pattern with a longer prefix one with a shorter.
    pub(super) fn targets(&self, specifier: &str) -> Vec<PathBuf> {
        let aliased = self.matching(specifier).map(|(_, paths)| paths).unwrap_or_default();
        let below_base = self.base_url().zip(self.tsconfig.as_ref()).and_then(|(base, config)| {
            let folder = config.path.parent()?;
            Some(folder.join(base).join(specifier))
        });
        let below_base = below_base.filter(|_| !specifier.starts_with(['.', '/']));
        aliased.into_iter().map(PathBuf::from).chain(below_base).collect()
    }

    /// Returns the path that a specifier, or the beginning of one, stands for because of an alias
    /// with a prefix of its own, such as `@/*`. Others (`baseUrl`, `*`) match any relative URL.
    pub(crate) fn target(&self, specifier: &str) -> Option<String> {
        let aliases = self.settings.as_ref().map(|settings| &*settings.aliases);
        if let Some(target) = apply_to_beginning(aliases.unwrap_or_default(), specifier) {
            return Some(target);
        }
        let (prefix, paths) = self.matching(specifier)?;
        paths.into_iter().next().filter(|_| !prefix.is_empty())
    }

    /// Returns the prefix of the alias that matches a specifier, and the paths that it stands for.
    fn matching<'a>(&'a self, specifier: &'a str) -> Option<(&'a str, Vec<String>)> {
        let paths = self.paths().filter(|_| !specifier.starts_with(['.', '/']))?;
        let insert = |targets: &[PathBuf], rest: &str| -> Vec<String> {
            let target = |target: &PathBuf| target.to_string_lossy().replacen('*', rest, 1);
            targets.iter().map(target).collect()
        };
        if let Some(targets) = paths.get(specifier) {
            return Some((specifier, insert(targets, "")));
        }
        let patterns = paths.iter().filter_map(|(pattern, targets)| {
            let (before, after) = pattern.split_once('*')?;
            let rest = specifier.strip_prefix(before)?.strip_suffix(after)?;
            Some((before, rest, targets))
        });
        let (before, rest, targets) = patterns.max_by_key(|(before, ..)| before.len())?;
        Some((before, insert(targets, rest)))
    }
}

impl PartialEq for Aliases {
    fn eq(&self, other: &Self) -> bool {
        self.paths() == other.paths() && self.base_url() == other.base_url()
    }
}

impl Eq for Aliases {}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        sync::Arc,
    };

    use oxc_resolver::TsConfig;

    use super::Aliases;

    #[test]
    fn the_most_specific_alias_applies() {
        let json = r#"{"compilerOptions":{"baseUrl":"lib","paths":{
            "@/*":["/web/src/*"],"@/ui/*":["/web/ui/*","/web/kit/*"],"@/ui/x":["/web/x.ts"],"*":["/web/any/*"]}}}"#;
        let path = Path::new("/web/jsconfig.json");
        let config = TsConfig::parse(true, path, path, json.to_owned()).unwrap();
        let aliases = Aliases::of(Arc::new(config));
        for (specifier, expected) in [
            ("@/a/*.ts", &["/web/src/a/*.ts"][..]),
            ("@/ui/a", &["/web/ui/a", "/web/kit/a"]),
            ("@/ui/x", &["/web/x.ts"]),
            ("other", &["/web/any/other"]),
            ("./a", &[]),
            ("/a", &[]),
        ] {
            let mut expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            if !expected.is_empty() {
                expected.push(Path::new("/web/lib").join(specifier));
            }
            assert_eq!(aliases.targets(specifier), expected, "{specifier}");
        }
        assert_eq!(aliases.target("@/a/"), Some("/web/src/a/".to_owned()));
        assert_eq!(aliases.target("a.png"), None);
        assert_eq!(Aliases::default().targets("@/a"), Vec::<PathBuf>::new());
    }
}
