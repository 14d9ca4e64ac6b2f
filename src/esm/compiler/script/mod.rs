//! Compilation of one script: parse, transform, rewrite imports, print with a source map.
//!
//! The transformer removes types and JSX, and instruments React components for Fast Refresh. The
//! first line of a compiled module is generated ([`frame`]); the code follows. A `.js` file that
//! needs no change is not printed again, so that the browser gets it byte for byte.

mod bare_imports;
mod fingerprint;
mod frame;
mod glob_call;
mod globs;
mod imports;
mod job;
mod original;
mod parse;
mod pragma;
mod rewrite;
mod scan;
mod typeless;

use std::path::{Path, PathBuf};

use oxc::{
    allocator::Allocator,
    ast::ast::{Declaration, ExportDefaultDeclarationKind, Program, Statement},
    codegen::{Codegen, CodegenOptions, CommentOptions},
    semantic::Scoping,
    span::Span,
    transformer::Transformer,
};
use oxc_sourcemap::{ConcatSourceMapBuilder, SourceMap};

pub(crate) use self::bare_imports::bare_imports;
pub(super) use self::{
    fingerprint::fingerprint,
    globs::MAX_VISITED,
    job::Job,
    original::Original,
    typeless::{Typeless, without_types},
};
use self::{
    frame::Listen,
    parse::Parsed,
    scan::{Address, Scan},
};
use super::{
    file_type::Language,
    glob::Glob,
    missing_exports::NamedImports,
    module_spec::ScriptContext,
    stamps::{self, Slot},
    tsconfig::Options,
};
use crate::{
    esm::{
        compile_error::CompileError,
        nesting::{self, TOO_DEEP},
        stack::is_indented,
    },
    source_map::COMMENT,
};

/// A compiled script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// The code, with a source map and without version stamps.
    pub(super) code: String,
    pub(super) slots: Vec<Slot>,
    /// The URL paths of the imported project files.
    pub(super) imports: Vec<String>,
    /// The patterns of `import.meta.glob`.
    pub(super) globs: Vec<Glob>,
    /// The imported package files: specifier and URL.
    pub(super) packages: Vec<(String, String)>,
}

/// The result of a compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Compiled {
    /// The script; `None` if it needs no change.
    pub(super) script: Option<Script>,
    /// The names that it imports, as far as they can be checked.
    pub(super) named: Vec<NamedImports>,
}

impl Compiled {
    fn unchanged(named: Vec<NamedImports>) -> Self {
        Self { script: None, named }
    }
}

/// The packages of React.
const REACT_PACKAGES: [&str; 2] = ["react", "react-dom"];

/// Packages whose JSX functions create React elements.
const REACT_RUNTIMES: [&str; 4] = ["react", "@emotion/react", "theme-ui", "nativewind"];

/// Compiles a script.
///
/// # Blocking
/// Resolves imports on the disk.
pub(super) fn compile(job: &Job<'_>) -> Result<Compiled, CompileError> {
    if let Some(at) = nesting::too_deep(job.text, job.language.is_typed()) {
        return Err(
            job.error_at(Span::empty(u32::try_from(at).unwrap_or_default()), TOO_DEEP.to_owned())
        );
    }
    let allocator = Allocator::default();
    let mut parsed = match parse::parse(&allocator, job.text, job.language.source_type()) {
        Ok(parsed) => parsed,
        Err(_) if job.language == Language::Js && parse::is_sloppy_script(job.text) => {
            return Ok(Compiled::unchanged(Vec::new()));
        }
        Err(error) => {
            return Err(parse::suggest_language(job, parse::error_of_diagnostic(job, &error)));
        }
    };
    let settings = &job.options.settings;
    if let Some(statements) = &settings.jsx.inject
        && matches!(job.language, Language::Jsx | Language::Tsx)
    {
        parse::inject(&allocator, statements, &mut parsed);
    }
    let has_defines = parse::replace_defines(&allocator, job.text, &mut parsed, &settings.define);
    let scan = Scan::of(&parsed.program);
    if job.language == Language::Js {
        let has_rewrites = imports::need_rewriting(job, &scan);
        // Classic scripts can use `import()`, too; the request shows that this script is a module.
        parsed.is_module |= has_rewrites && job.context == ScriptContext::Page;
        let has_features = scan.jsx.is_some() || scan.env || scan.hot || scan.glob;
        let needs_compilation = has_features || has_rewrites || has_defines;
        if job.context == ScriptContext::Classic {
            return Ok(Compiled::unchanged(Vec::new()));
        }
        if !needs_compilation {
            let links = if scan.named.is_empty() { Vec::new() } else { imports::links(job, &scan) };
            return Ok(Compiled::unchanged(imports::named(job, &scan, &links)));
        }
    }
    if let Some(span) = scan.too_deep {
        return Err(job.error_at(span, TOO_DEEP.to_owned()));
    }
    if let Some(span) = scan.decorator
        && !job.options.legacy_decorators
    {
        let message = "browsers do not support decorators".to_owned();
        let help = "set \"experimentalDecorators\": true in tsconfig.json".to_owned();
        return Err(job.error_at(span, message).with_help(Some(help)));
    }
    transform_and_print(job, &allocator, parsed, &scan)
}

/// What a compiled script needs from livers' own modules.
struct Features<'j> {
    /// The value of `import.meta.env`, if it is used.
    env: Option<&'j str>,
    /// The module registers for hot updates.
    hot: bool,
    /// How the script of a worker loads the module that hears errors.
    listen: Option<Listen>,
    /// The module imports React or creates React elements.
    react: bool,
    /// The URL of Preact, if the module creates its elements.
    preact: Option<String>,
    /// It may export components that are not instrumented.
    exports_unnamed: bool,
    /// The components are instrumented for Fast Refresh.
    refresh: bool,
}

/// Compiles a parsed script.
fn transform_and_print<'a>(
    job: &Job<'_>,
    allocator: &'a Allocator,
    parsed: Parsed<'a>,
    scan: &Scan,
) -> Result<Compiled, CompileError> {
    let Parsed { mut program, scoping, is_module } = parsed;
    let listen = (job.context == ScriptContext::Worker).then_some(if is_module {
        Listen::Import
    } else {
        Listen::Call
    });
    let in_page = matches!(job.context, ScriptContext::Page | ScriptContext::Unknown);
    let is_module = job.context != ScriptContext::Classic
        && (is_module || scan.jsx.is_some() || job.language != Language::Js);
    let options = pragma::apply(job.options, &program);
    let runtime = options.jsx_runtime().filter(|_| scan.jsx.is_some());
    let uses = |packages: &[&str], runtimes: &[&str]| {
        in_page && is_module && uses(scan, runtime, packages, runtimes)
    };
    let uses_react = uses(&REACT_PACKAGES, &REACT_RUNTIMES);
    let uses_preact =
        uses(&["preact"], &["preact"]) || uses_react && imports::is_preact(job, "react");
    let preact = uses_preact.then(|| imports::url_of_preact(job)).flatten();
    let react = uses_react && preact.is_none();
    // Code that defines these functions itself has been instrumented by another tool.
    let refresh = (react || preact.is_some())
        && !["$RefreshReg$", "$RefreshSig$"].iter().any(|name| job.text.contains(name));
    let exports_unnamed = refresh && exports_unnamed(&program, scan.jsx.is_some());
    let needs_transform =
        job.language.is_typed() || scan.jsx.is_some() || scan.decorator.is_some() || refresh;
    if needs_transform {
        transform(job, allocator, &mut program, scoping, &options, runtime, refresh)?;
    }
    let globs = if scan.glob { globs::expand(job, allocator, &mut program)? } else { Vec::new() };
    // The transformer and the globs have added imports.
    let transformed = Scan::of(&program);
    let links = imports::links(job, &transformed);
    let (replacements, imports) = imports::replacements(job, &links, scan.jsx)?;
    let packages = imports::packages(&links);
    let named = imports::named(job, &transformed, &links);
    if job.context == ScriptContext::Classic && !links.is_empty() {
        let message = "this script has imports, but the page loads it as a classic script";
        let help = format!("<script type=\"module\" src=\"{}\">", job.url);
        return Err(CompileError::of_file(job.path, message.to_owned()).with_help(Some(help)));
    }
    let placeholder = stamps::placeholder(job.text);
    let accepted = |specifier: &str| imports::url_of(job, specifier);
    let edit = |address: &Address| imports::edit(job, address);
    rewrite::rewrite(&mut program, allocator, &replacements, &placeholder, &accepted, &edit);
    program.hashbang = None;
    let env = if scan.env { Some(job.env.map_err(Clone::clone)?) } else { None };
    let hot = in_page && is_module;
    let features = Features { env, hot, listen, react, preact, exports_unnamed, refresh };
    let (code, slots) = print(job, &program, &placeholder, &imports, &features);
    let script = Script { code, slots, imports, globs, packages };
    Ok(Compiled { script: Some(script), named })
}

/// Removes types, JSX and decorators, and instruments components.
fn transform<'a>(
    job: &Job<'_>,
    allocator: &'a Allocator,
    program: &mut Program<'a>,
    scoping: Scoping,
    options: &Options,
    jsx_runtime: Option<&str>,
    refresh: bool,
) -> Result<(), CompileError> {
    let development =
        jsx_runtime.is_some_and(|runtime| imports::has_development_runtime(job, runtime));
    let options = options.for_transformer(job.language, development, refresh);
    let name = Path::new(job.url.trim_start_matches('/'));
    let transformed =
        Transformer::new(allocator, name, &options).build_with_scoping(scoping, program);
    // All diagnostics are warnings. Those with a position are about code that would be wrong.
    match transformed.diagnostics.iter().find(|warning| !warning.labels.is_empty()) {
        Some(warning) => Err(parse::error_of_diagnostic(job, warning)),
        None => Ok(()),
    }
}

/// Prints a program with the generated code around it, and returns it with its stamp slots.
fn print(
    job: &Job<'_>,
    program: &Program<'_>,
    placeholder: &str,
    imports: &[String],
    features: &Features<'_>,
) -> (String, Vec<Slot>) {
    let mut options = CodegenOptions {
        comments: CommentOptions::disabled(),
        source_map_path: Some(PathBuf::new()),
        ..CodegenOptions::default()
    };
    if !is_indented(job.text) {
        options.indent_width = 0;
    }
    let printed = Codegen::new().with_options(options).build(program);
    let mut code = printed.code;
    let mut slots = stamps::take_slots(&mut code, placeholder);
    let frame = frame::frame(&frame::Module {
        url: job.url,
        text: job.text,
        code: &code,
        imports,
        env: features.env,
        hot: features.hot,
        listen: features.listen,
        react: features.react,
        preact: features.preact.as_deref(),
        refresh: features.refresh,
        exports_unnamed: features.exports_unnamed,
    });
    for slot in &mut slots {
        slot.offset += frame.before.len();
    }
    let lines_before = u32::from(!frame.before.is_empty());
    let map = printed.map.map(|map| match job.original {
        Some(original) => original.compose(&map),
        None => map.into_owned(),
    });
    let map = map.map(|map| source_map_comment(job.url, map, lines_before));
    ([frame.before, code, frame.after, map.unwrap_or_default()].concat(), slots)
}

/// Returns the comment that embeds a source map (ECMA-426), for code that starts on a later line.
fn source_map_comment(url: &str, map: SourceMap<'_>, lines_before: u32) -> String {
    let mut map =
        ConcatSourceMapBuilder::from_owned_sourcemaps(vec![(map, lines_before)]).into_sourcemap();
    map.set_sources([url.rsplit('/').next().unwrap_or_default()]);
    format!("{COMMENT}{}\n", map.to_data_url())
}

/// Returns whether a module imports one of these packages, or creates elements with a runtime.
fn uses(scan: &Scan, jsx_runtime: Option<&str>, packages: &[&str], runtimes: &[&str]) -> bool {
    let imports = scan.requests.iter().any(|request| {
        packages.iter().any(|package| {
            let rest = request.specifier.strip_prefix(package);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    });
    imports || jsx_runtime.is_some_and(|runtime| runtimes.contains(&runtime))
}

/// Returns whether a module has classes, or a default export without a name, that may be
/// components. The transformer does not instrument these.
fn exports_unnamed(program: &Program<'_>, has_jsx: bool) -> bool {
    use ExportDefaultDeclarationKind as Default;
    program.body.iter().any(|statement| match statement {
        Statement::ClassDeclaration(class) => class.heritage.is_some(),
        Statement::ExportDeclaration(export) => {
            matches!(&export.declaration, Declaration::ClassDeclaration(class) if class.heritage.is_some())
        }
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            Default::ClassDeclaration(class) => class.heritage.is_some(),
            Default::FunctionDeclaration(function) => function.id.is_none() && has_jsx,
            Default::ArrowFunctionExpression(_) => has_jsx,
            _ => false,
        },
        _ => false,
    })
}
