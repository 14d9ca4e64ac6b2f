//! The compiler options that change the output, from `tsconfig.json` to the transformer.

use std::sync::Arc;

use oxc::transformer::{
    ClassPropertiesOptions, CompilerAssumptions, DecoratorOptions, EnvOptions, HelperLoaderMode,
    HelperLoaderOptions, JsxOptions, JsxRuntime, Module, ReactRefreshOptions, TransformOptions,
    TypeScriptOptions,
};
use oxc_resolver::CompilerOptions;

use crate::esm::{
    compiler::file_type::Language,
    resolve::Aliases,
    vite_settings::{JsxSettings, Runtime, ViteSettings},
};

/// The options for a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The functions of the classic JSX runtime for elements and fragments; `None` for the
    /// automatic runtime.
    pub(crate) jsx_factory: Option<(String, String)>,
    /// The package of the automatic JSX runtime; React if `None`.
    pub(crate) jsx_import_source: Option<String>,
    /// Whether decorators have the semantics of TypeScript before 5.0 (`experimentalDecorators`).
    pub(crate) legacy_decorators: bool,
    /// Whether decorators receive the types of what they decorate (`emitDecoratorMetadata`).
    pub(crate) decorator_metadata: bool,
    /// Whether class fields are assigned in the constructor, rather than defined.
    pub(crate) assign_fields: bool,
    /// Whether imports without `type` are kept even if they are used only as types.
    pub(crate) keep_unused_imports: bool,
    /// `paths` and `baseUrl`, and the aliases of `vite.config.*`.
    pub(crate) aliases: Aliases,
    /// The settings of `vite.config.*`.
    pub(crate) settings: Arc<ViteSettings>,
}

impl From<&CompilerOptions> for Options {
    fn from(options: &CompilerOptions) -> Self {
        let factory = options.jsx_factory.clone().or_else(|| {
            (options.jsx.as_deref() == Some("react")).then(|| "React.createElement".to_owned())
        });
        let is_automatic = matches!(options.jsx.as_deref(), Some("react-jsx" | "react-jsxdev"))
            || options.jsx_import_source.is_some();
        let fragment = options.jsx_fragment_factory.clone();
        Self {
            jsx_factory: factory
                .filter(|_| !is_automatic)
                .map(|factory| (factory, fragment.unwrap_or_else(|| "React.Fragment".to_owned()))),
            jsx_import_source: options.jsx_import_source.clone(),
            legacy_decorators: options.experimental_decorators == Some(true),
            decorator_metadata: options.emit_decorator_metadata == Some(true),
            assign_fields: match options.use_define_for_class_fields {
                Some(define) => !define,
                None => options.target.as_deref().is_some_and(is_before_class_fields),
            },
            keep_unused_imports: options.verbatim_module_syntax == Some(true)
                || options.preserve_value_imports == Some(true),
            aliases: Aliases::default(),
            settings: Arc::default(),
        }
    }
}

impl Options {
    /// Applies the settings of a `vite.config.*`, which take precedence.
    pub(crate) fn with_settings(self, settings: &Arc<ViteSettings>) -> Self {
        let JsxSettings { runtime, factory, fragment, import_source, .. } = settings.jsx.clone();
        let is_classic = match runtime {
            Some(runtime) => runtime == Runtime::Classic,
            None if factory.is_some() || fragment.is_some() => true,
            None => self.jsx_factory.is_some() && import_source.is_none(),
        };
        let (known_factory, known_fragment) = self.jsx_factory.unzip();
        let or = |setting: Option<String>, known: Option<String>, default: &str| {
            setting.or(known).unwrap_or_else(|| default.to_owned())
        };
        let factories = (
            or(factory, known_factory, "React.createElement"),
            or(fragment, known_fragment, "React.Fragment"),
        );
        Self {
            jsx_factory: is_classic.then_some(factories),
            jsx_import_source: import_source.or(self.jsx_import_source),
            aliases: self.aliases.with_settings(settings),
            settings: Arc::clone(settings),
            ..self
        }
    }

    /// Returns the package of the automatic JSX runtime, or `None` for the classic runtime.
    pub(crate) fn jsx_runtime(&self) -> Option<&str> {
        match self.jsx_factory {
            Some(_) => None,
            None => Some(self.jsx_import_source.as_deref().unwrap_or("react")),
        }
    }

    /// Returns the options for the transformer. With `development`, elements carry their source
    /// positions; with `refresh`, components are instrumented for Fast Refresh.
    pub(crate) fn for_transformer(
        &self,
        language: Language,
        development: bool,
        refresh: bool,
    ) -> TransformOptions {
        let is_typed = language.is_typed();
        let assign_fields = is_typed && self.assign_fields;
        let mut env = EnvOptions { module: Module::Esm, ..EnvOptions::default() };
        if assign_fields {
            env.es2022.class_properties = Some(ClassPropertiesOptions::default());
            env.es2022.class_static_block = true;
        }
        TransformOptions {
            assumptions: CompilerAssumptions {
                set_public_class_fields: assign_fields,
                ..CompilerAssumptions::default()
            },
            typescript: self.typescript(assign_fields),
            decorator: DecoratorOptions {
                // Also compiles `accessor` fields. Scripts with decorators that the project does
                // not allow have been rejected before.
                legacy: is_typed || self.legacy_decorators,
                emit_decorator_metadata: self.decorator_metadata,
                ..DecoratorOptions::default()
            },
            jsx: self.jsx(development, refresh),
            env,
            helper_loader: HelperLoaderOptions {
                mode: HelperLoaderMode::External,
                ..HelperLoaderOptions::default()
            },
            ..TransformOptions::default()
        }
    }

    fn typescript(&self, assign_fields: bool) -> TypeScriptOptions {
        let mut options = TypeScriptOptions {
            only_remove_type_imports: self.keep_unused_imports,
            remove_class_fields_without_initializer: assign_fields,
            ..TypeScriptOptions::default()
        };
        if let Some((factory, fragment)) = &self.jsx_factory {
            options.jsx_pragma = factory.clone().into();
            options.jsx_pragma_frag = fragment.clone().into();
        }
        options
    }

    fn jsx(&self, development: bool, refresh: bool) -> JsxOptions {
        let is_classic = self.jsx_factory.is_some();
        let (pragma, pragma_frag) = self.jsx_factory.clone().unzip();
        JsxOptions {
            runtime: if is_classic { JsxRuntime::Classic } else { JsxRuntime::Automatic },
            development: development && !is_classic,
            throw_if_namespace: false,
            pure: false,
            import_source: self.jsx_import_source.clone(),
            pragma,
            pragma_frag,
            refresh: refresh.then(ReactRefreshOptions::default),
            ..JsxOptions::enable()
        }
    }
}

/// Returns whether a target is older than class fields (ES2022), so that TypeScript assigns them by
/// default.
fn is_before_class_fields(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    match target.strip_prefix("es").map(str::parse::<u32>) {
        Some(Ok(year)) => year < 2022,
        _ => false,
    }
}
