//! One script of the project as a module for the browser.
//!
//! Parsed, transformed (types and JSX go, React's hooks and components are told to Fast Refresh), its
//! imports rewritten, and printed with a source map. Line 1 is ours, the code follows. A `.js` file
//! in which nothing is to be done stays what it is, byte for byte.

use std::path::{Path, PathBuf};

use oxc::{
    allocator::Allocator,
    ast::ast::Program,
    codegen::{Codegen, CodegenOptions, CommentOptions},
    span::SourceType,
    transformer::Transformer,
};

use super::{
    ask::{Language, Place},
    glob::Glob,
    globs, imports, map,
    options::Options,
    parse::{Parsed, define, fault_at, is_script, other_language, parse, syntax},
    pragma,
    project::Project,
    prologue,
    rewrite::{self, Slot},
    scan::Scan,
};
use crate::esm::Fault;

/// What there is to compile.
pub(super) struct Job<'j> {
    /// The file.
    pub(super) path: &'j Path,
    /// Its URL path.
    pub(super) url: &'j str,
    /// Its text.
    pub(super) text: &'j str,
    pub(super) language: Language,
    pub(super) place: Place,
    pub(super) options: &'j Options,
    /// The value of `import.meta.env`.
    pub(super) env: &'j str,
    /// Whether all modules of the project are to be told of changes.
    pub(super) compiled: bool,
    pub(super) project: &'j dyn Project,
}

/// A compiled script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) code: String,
    pub(super) slots: Vec<Slot>,
    /// The URL paths of the project's files that it imports.
    pub(super) imports: Vec<String>,
    /// The files that come from patterns.
    pub(super) globs: Vec<Glob>,
    /// The files of packages: specifiers and URLs.
    pub(super) packages: Vec<(String, String)>,
}

/// The names of packages that JSX becomes calls of and that are React underneath.
const REACT: [&str; 4] = ["react", "@emotion/react", "theme-ui", "nativewind"];

/// Compiles a script.
pub(super) fn compile(job: &Job<'_>) -> Result<Option<Script>, Fault> {
    let allocator = Allocator::default();
    let source_type = match job.language {
        Language::Js | Language::Jsx => SourceType::jsx(),
        Language::Ts => SourceType::ts().with_module(true),
        Language::Tsx => SourceType::tsx().with_module(true),
    };
    let mut parsed = match parse(&allocator, job.text, source_type) {
        Ok(parsed) => parsed,
        Err(_) if job.language == Language::Js && is_script(job.text) => {
            return Ok(None);
        }
        Err(error) => return Err(other_language(job, syntax(job, &error))),
    };
    let replaced = define(&allocator, job.text, &mut parsed);
    let scan = Scan::of(&parsed.program);
    if job.language == Language::Js {
        let links = imports::links(job, &scan);
        let followed = links.iter().any(|(request, link)| !imports::is_natural(job, request, link));
        // Who says how a script is used knows better than the script.
        parsed.module |= followed && job.place == Place::Page;
        let needed =
            scan.jsx.is_some() || scan.env || scan.hot || scan.glob || followed || replaced;
        if job.place == Place::Classic || !needed {
            return Ok(None);
        }
    }
    if let Some(span) = scan.decorator
        && !job.options.decorators
    {
        let message = "decorators are not understood by browsers".to_owned();
        let help = "set \"experimentalDecorators\": true in tsconfig.json".to_owned();
        return Err(fault_at(job, span, message).with_help(Some(help)));
    }
    finish(job, &allocator, parsed, &scan)
}

/// Transforms and prints what was parsed.
fn finish<'a>(
    job: &Job<'_>,
    allocator: &'a Allocator,
    parsed: Parsed<'a>,
    scan: &Scan,
) -> Result<Option<Script>, Fault> {
    let Parsed { mut program, scoping, module } = parsed;
    let page = matches!(job.place, Place::Page | Place::Unknown);
    let module = job.place != Place::Classic
        && (module || scan.jsx.is_some() || job.language != Language::Js);
    let options = pragma::apply(job.options, &program);
    let runtime = options.runtime().filter(|_| scan.jsx.is_some());
    let react = page && module && uses_react(scan, runtime);
    // Who brings these by itself has its own way to refresh.
    let refresh =
        react && !["$RefreshReg$", "$RefreshSig$"].iter().any(|name| job.text.contains(name));
    let typed = matches!(job.language, Language::Ts | Language::Tsx);
    if typed || scan.jsx.is_some() || scan.decorator.is_some() || refresh {
        let development = runtime.is_some_and(|runtime| imports::has_development(job, runtime));
        let transform = options.transform(job.language, development, refresh);
        let shown = Path::new(job.url.trim_start_matches('/'));
        let transformer = Transformer::new(allocator, shown, &transform);
        let done = transformer.build_with_scoping(scoping, &mut program);
        // All are warnings; what is said of a place is code that would be wrong.
        if let Some(error) = done.diagnostics.iter().find(|said| !said.labels.is_empty()) {
            return Err(syntax(job, error));
        }
    }
    let globs = if scan.glob { globs::expand(job, allocator, &mut program)? } else { Vec::new() };
    let after = Scan::of(&program);
    let links = imports::links(job, &after);
    let (changes, imports) = imports::changes(job, &links, scan.jsx)?;
    let packages = imports::packages(&links);
    if job.place == Place::Classic && !links.is_empty() {
        let message = "this script is a module, and the page takes it for none".to_owned();
        let help = format!("<script type=\"module\" src=\"{}\">", job.url);
        return Err(Fault::of_file(job.path, message).with_help(Some(help)));
    }
    let mark = rewrite::mark(job.text);
    let accepted = |specifier: &str| imports::url_of(job, specifier);
    rewrite::rewrite(&mut program, allocator, &changes, &mark, &accepted);
    program.hashbang = None;
    let uses = Uses { globs, packages, env: scan.env, hot: page && module, react, refresh };
    Ok(Some(print(job, &program, &mark, imports, uses)))
}

/// What a script uses of livers.
struct Uses {
    globs: Vec<Glob>,
    packages: Vec<(String, String)>,
    env: bool,
    hot: bool,
    react: bool,
    refresh: bool,
}

/// Prints a program, with what stands around it.
fn print(
    job: &Job<'_>,
    program: &Program<'_>,
    mark: &str,
    imports: Vec<String>,
    uses: Uses,
) -> Script {
    let printed = Codegen::new()
        .with_options(CodegenOptions {
            comments: CommentOptions::disabled(),
            source_map_path: Some(PathBuf::new()),
            ..CodegenOptions::default()
        })
        .build(program);
    let mut code = printed.code;
    let mut slots = rewrite::slots(&mut code, mark);
    let frame = prologue::frame(&prologue::Facts {
        url: job.url,
        text: job.text,
        code: &code,
        imports: &imports,
        env: uses.env.then_some(job.env),
        hot: uses.hot,
        react: uses.react,
        refresh: uses.refresh,
    });
    let before = frame.before.lines().count();
    for slot in &mut slots {
        slot.at += frame.before.len();
    }
    let map = printed.map.map_or_else(String::new, |map| {
        let map = map.to_json();
        let name = job.url.rsplit('/').next().unwrap_or_default();
        map::comment(name, job.text, &map.names, &map.mappings, before)
    });
    let code = [frame.before, code, frame.after, map].concat();
    Script { code, slots, imports, globs: uses.globs, packages: uses.packages }
}

/// Whether a module is one of React's, so that Fast Refresh must know of it.
fn uses_react(scan: &Scan, runtime: Option<&str>) -> bool {
    let imported = scan.requests.iter().any(|request| {
        let specifier = request.specifier.as_str();
        ["react", "react-dom"].iter().any(|package| {
            specifier
                .strip_prefix(package)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    });
    imported || runtime.is_some_and(|runtime| REACT.contains(&runtime))
}
