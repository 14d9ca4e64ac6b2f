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
    diagnostics::OxcDiagnostic,
    parser::Parser,
    semantic::{Scoping, SemanticBuilder},
    span::{SourceType, Span},
    transformer::Transformer,
    transformer_plugins::{ReplaceGlobalDefines, ReplaceGlobalDefinesConfig},
};

use super::{
    Project,
    ask::{Language, Place},
    link::{Link, Names, link},
    map,
    options::Options,
    pragma, prologue,
    rewrite::{self, Change, Changes, Slot},
    scan::{Request, Scan},
};
use crate::compile::Fault;

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
    pub(super) project: &'j dyn Project,
}

/// A compiled script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) code: String,
    pub(super) slots: Vec<Slot>,
    /// The URL paths of the project's files that it imports.
    pub(super) imports: Vec<String>,
}

/// A specifier and what it led to, with the type that its attributes name.
type Links = Vec<(Request, Link)>;

/// The names of packages that JSX becomes calls of and that are React underneath.
const REACT: [&str; 4] = ["react", "@emotion/react", "theme-ui", "nativewind"];

/// A parsed source.
struct Parsed<'a> {
    program: Program<'a>,
    scoping: Scoping,
    module: bool,
}

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
        Err(error) => return Err(syntax(job, &error)),
    };
    let replaced = define(&allocator, job.text, &mut parsed);
    let scan = Scan::of(&parsed.program);
    if job.language == Language::Js {
        let links = links(job, &scan);
        // A script without a type may neither import nor know of `import.meta`.
        let module = parsed.module || scan.jsx.is_some();
        let needed = scan.jsx.is_some()
            || (parsed.module && (scan.env || scan.hot))
            || links.iter().any(|(request, link)| !is_natural(job, request, link));
        if job.place == Place::Classic || !(replaced || needed && module) {
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
        let development = runtime.is_some_and(|runtime| has_development(job, runtime));
        let transform = options.transform(job.language, development, refresh);
        let shown = Path::new(job.url.trim_start_matches('/'));
        let transformer = Transformer::new(allocator, shown, &transform);
        let done = transformer.build_with_scoping(scoping, &mut program);
        // All are warnings; what is said of a place is code that would be wrong.
        if let Some(error) = done.diagnostics.iter().find(|said| !said.labels.is_empty()) {
            return Err(syntax(job, error));
        }
    }
    let after = Scan::of(&program);
    let links = links(job, &after);
    let (changes, imports) = changes(job, &links, scan.jsx)?;
    if job.place == Place::Classic && !links.is_empty() {
        let message = "this script is a module, and the page takes it for none".to_owned();
        let help = format!("<script type=\"module\" src=\"{}\">", job.url);
        return Err(Fault::of_file(job.path, message).with_help(Some(help)));
    }
    let mark = rewrite::mark(job.text);
    rewrite::rewrite(&mut program, allocator, &changes, &mark, &|specifier| match link(
        job.project,
        job.path,
        specifier,
        None,
        Names::default(),
    ) {
        Link::File(path, _) => Some(path),
        _ => None,
    });
    program.hashbang = None;

    let printed = Codegen::new()
        .with_options(CodegenOptions {
            comments: CommentOptions::disabled(),
            source_map_path: Some(PathBuf::new()),
            ..CodegenOptions::default()
        })
        .build(&program);
    let mut code = printed.code;
    let mut slots = rewrite::slots(&mut code, &mark);
    let frame = prologue::frame(&prologue::Facts {
        url: job.url,
        text: job.text,
        code: &code,
        imports: &imports,
        env: scan.env.then_some(job.env),
        hot: page && module,
        react,
        refresh,
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
    Ok(Some(Script { code, slots, imports }))
}

/// Parses a source, with the errors that only its names tell.
fn parse<'a>(
    allocator: &'a Allocator,
    text: &'a str,
    source_type: SourceType,
) -> Result<Parsed<'a>, OxcDiagnostic> {
    let parsed = Parser::new(allocator, text, source_type).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        return Err(error.clone());
    }
    let program = parsed.program;
    let record = parsed.module_record;
    let module = record.has_module_syntax || !record.import_metas.is_empty();
    let checked = SemanticBuilder::new_compiler()
        .with_excess_capacity(2.0)
        .with_enum_eval(true)
        .build(&program);
    if let Some(error) = checked.diagnostics.errors().next() {
        return Err(error.clone());
    }
    let scoping = checked.semantic.into_scoping();
    Ok(Parsed { program, scoping, module })
}

/// Whether a text is JavaScript as it was before modules.
fn is_script(text: &str) -> bool {
    parse(&Allocator::default(), text, SourceType::script()).is_ok()
}

/// Replaces `process.env.NODE_ENV`, and says whether there was any.
fn define<'a>(allocator: &'a Allocator, text: &str, parsed: &mut Parsed<'a>) -> bool {
    if !text.contains("NODE_ENV") {
        return false;
    }
    let Ok(config) =
        ReplaceGlobalDefinesConfig::new(&[("process.env.NODE_ENV", "\"development\"")])
    else {
        return false;
    };
    let scoping = std::mem::take(&mut parsed.scoping);
    let done = ReplaceGlobalDefines::new(allocator, config).build(scoping, &mut parsed.program);
    parsed.scoping = if done.changed {
        let again = SemanticBuilder::new_compiler().with_excess_capacity(2.0).with_enum_eval(true);
        again.build(&parsed.program).semantic.into_scoping()
    } else {
        done.scoping
    };
    done.changed
}

/// What the imports lead to.
fn links(job: &Job<'_>, scan: &Scan) -> Links {
    let follow = |request: &Request| {
        let names = scan.names.get(&request.specifier);
        let default = scan.defaults.contains(&request.specifier);
        let kind = request.kind.as_deref();
        link(job.project, job.path, &request.specifier, kind, Names { default, names })
    };
    scan.requests.iter().map(|request| (request.clone(), follow(request))).collect()
}

/// Whether the browser finds by itself what an import means.
fn is_natural(job: &Job<'_>, request: &Request, link: &Link) -> bool {
    let specifier = &request.specifier;
    match link {
        Link::Same => true,
        Link::Url(_) => false,
        Link::File(_, url) => !job.project.is_compiled() && *url == join(job.url, specifier),
        // It may come yet, or a backend has it.
        Link::Missing(..) => {
            !job.project.is_compiled()
                && (specifier.starts_with("./")
                    || specifier.starts_with("../")
                    || specifier.starts_with('/'))
                && Language::of(Path::new(specifier)) == Some(Language::Js)
        }
    }
}

/// What a specifier means to a browser in a module at a URL path.
fn join(url: &str, specifier: &str) -> String {
    if !specifier.starts_with('.') {
        return specifier.to_owned();
    }
    let mut names: Vec<_> = url.split('/').collect();
    names.pop();
    for name in specifier.split('/') {
        match name {
            "." => {}
            ".." => {
                if names.len() > 1 {
                    names.pop();
                }
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

/// What the specifiers become, and which files of the project are among them.
fn changes(
    job: &Job<'_>,
    links: &Links,
    jsx: Option<Span>,
) -> Result<(Changes, Vec<String>), Fault> {
    let mut changes = Changes::new();
    let mut imports: Vec<String> = Vec::new();
    for (request, link) in links {
        let (url, slot) = match link {
            Link::Same => continue,
            Link::Missing(message, help) => {
                // What has no place was written for JSX.
                let span = if request.span.is_empty() { jsx } else { Some(request.span) };
                let fault = match span {
                    Some(span) => fault_at(job, span, message.clone()),
                    None => Fault::of_file(job.path, message.clone()),
                };
                return Err(fault.with_help(help.clone()));
            }
            Link::Url(url) => (url, false),
            Link::File(path, url) => {
                if !imports.contains(path) {
                    imports.push(path.clone());
                }
                (url, true)
            }
        };
        let attributes = request.kind.as_deref().is_some_and(|kind| kind == "css");
        let change = Change { url: url.clone(), slot, attributes };
        changes.insert((request.specifier.clone(), request.kind.clone()), change);
    }
    Ok((changes, imports))
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

/// Whether a package has functions for JSX that are told where elements stand. Where there is
/// nothing at all, the better known name is the one to be said.
fn has_development(job: &Job<'_>, runtime: &str) -> bool {
    let leads = |module: &str| {
        let specifier = format!("{runtime}/{module}");
        let link = link(job.project, job.path, &specifier, None, Names::default());
        !matches!(link, Link::Missing(..))
    };
    leads("jsx-dev-runtime")
}

/// What the parser says of a source.
fn syntax(job: &Job<'_>, error: &OxcDiagnostic) -> Fault {
    let message = error.message.to_string();
    let help = error.help.as_deref().map(str::to_owned);
    // The last place is where it went wrong; the others say what it was meant to go with.
    let label = error.labels.iter().max_by_key(|label| label.offset());
    let fault = match label {
        Some(label) => fault_at(job, label.span(), message),
        None => Fault::of_file(job.path, message),
    };
    fault.with_help(help)
}

fn fault_at(job: &Job<'_>, span: Span, message: String) -> Fault {
    Fault::at(job.path, job.text, span.start as usize, span.end as usize, message)
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn a_specifier_is_joined_as_a_browser_does_it() {
        for (url, specifier, wanted) in [
            ("/a.js", "./b.js", "/b.js"),
            ("/x/a.js", "./b.js", "/x/b.js"),
            ("/x/y/a.js", "../b.js", "/x/b.js"),
            ("/a.js", "../../b.js", "/b.js"),
            ("/x/a.js", "/b.js", "/b.js"),
        ] {
            assert_eq!(join(url, specifier), wanted, "{url} {specifier}");
        }
    }
}
