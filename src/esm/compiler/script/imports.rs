//! Import specifiers of a script: their targets, and the URLs that replace them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use oxc::span::Span;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    job::Job,
    rewrite::{Replacement, Replacements},
    scan::{Address, Named, Request, Scan},
};
use crate::{
    esm::{
        compile_error::CompileError,
        compiler::{
            file_type::Language,
            link::{ImportedNames, Link, link},
            missing_exports::{Module, NamedImports},
        },
        relative_url,
    },
    http::own_paths::PACKAGES,
};

/// The imports of a script and their targets.
pub(super) type Links = Vec<(Request, Link)>;

/// Returns the imports of a script and their targets, which are resolved one after another.
fn resolve<'s>(job: &'s Job<'_>, scan: &'s Scan) -> impl Iterator<Item = (&'s Request, Link)> {
    let resolve = |request: &Request| {
        let names = ImportedNames {
            default: scan.defaults.contains(&request.specifier),
            names: scan.names.get(&request.specifier),
        };
        link(job.project, job.path, &request.specifier, request.kind.as_deref(), names)
    };
    scan.requests.iter().map(move |request| (request, resolve(request)))
}

/// Resolves the imports of a script, up to the first that is missing.
pub(super) fn links(job: &Job<'_>, scan: &Scan) -> Links {
    let mut links = Links::new();
    for (request, link) in resolve(job, scan) {
        let is_missing = matches!(link, Link::Missing { .. });
        links.push((request.clone(), link));
        if is_missing {
            break;
        }
    }
    links
}

/// Returns whether a browser would resolve one of the imports differently, or not at all.
pub(super) fn need_rewriting(job: &Job<'_>, scan: &Scan) -> bool {
    resolve(job, scan).any(|(request, link)| !browser_resolves(job, request, &link))
        || scan.addresses.iter().any(|address| edit(job, address).is_some())
}

/// Returns whether a browser resolves an import by itself to the same target.
fn browser_resolves(job: &Job<'_>, request: &Request, link: &Link) -> bool {
    let specifier = &request.specifier;
    match link {
        Link::Unchanged => true,
        Link::Url(_) => false,
        Link::File { path, url } => {
            // Browsers import files of these types natively if the attribute is present.
            let is_native = matches!(request.kind.as_deref(), Some("json" | "css"));
            !job.registers && *(if is_native { path } else { url }) == join(job.url, specifier)
        }
        // The file may be created later, or a backend may serve it.
        Link::Missing { .. } => {
            !job.registers
                && ["./", "../", "/"].iter().any(|start| specifier.starts_with(start))
                && Language::of(Path::new(specifier)) == Some(Language::Js)
        }
    }
}

/// Returns the URL path that a browser resolves a specifier to, in a module at a URL path.
fn join(url: &str, specifier: &str) -> String {
    if !specifier.starts_with('.') {
        return specifier.to_owned();
    }
    relative_url::resolve(specifier, url)
}

/// Returns the names that a script imports from modules whose exports can be known.
pub(super) fn named(job: &Job<'_>, scan: &Scan, links: &Links) -> Vec<NamedImports> {
    let mut all = Vec::<NamedImports>::new();
    let mut modules = HashMap::<&str, Option<Module>>::new();
    for Named { specifier, name, span, is_export } in &scan.named {
        let module = modules.entry(specifier).or_insert_with(|| module(job, specifier, links));
        let Some(module) = module else { continue };
        let name = (name.clone(), span.start, span.end);
        match all.last_mut() {
            Some(last) if last.specifier == *specifier && last.is_export == *is_export => {
                last.names.push(name);
            }
            _ => all.push(NamedImports {
                specifier: specifier.clone(),
                module: module.clone(),
                names: vec![name],
                is_export: *is_export,
            }),
        }
    }
    all
}

/// Returns the module that a specifier leads to, if its exports can be known.
fn module(job: &Job<'_>, specifier: &str, links: &Links) -> Option<Module> {
    let (_, link) = links.iter().find(|(request, _)| request.specifier == specifier)?;
    match link {
        Link::File { path, url } if !url[path.len()..].contains("import") => {
            Module::of(job.project.resolve(specifier, job.path))
        }
        // Without the names that it lists.
        Link::Url(_) => Module::of(job.project.resolve(specifier, job.path)),
        _ => None,
    }
}

/// Returns the specifiers and URLs of the imported package files, without queries.
pub(super) fn packages(links: &Links) -> Vec<(String, String)> {
    let packages = links.iter().filter_map(|(request, link)| match link {
        Link::Url(url) if url.starts_with(PACKAGES) => {
            let url = url.split('?').next().unwrap_or_default();
            Some((request.specifier.clone(), url.to_owned()))
        }
        _ => None,
    });
    packages.collect()
}

/// Returns the replacements for the specifiers, and the URL paths of the imported project files.
/// `jsx` is the first JSX element.
///
/// # Errors
/// Fails for the first specifier that cannot be resolved.
pub(super) fn replacements(
    job: &Job<'_>,
    links: &Links,
    jsx: Option<Span>,
) -> Result<(Replacements, Vec<String>), CompileError> {
    let mut replacements = Replacements::new();
    let (mut imports, mut known) = (Vec::new(), HashSet::new());
    for (request, link) in links {
        let (url, takes_stamp) = match link {
            Link::Unchanged => continue,
            Link::Missing { message, help } => {
                // An import without a position is the one that the transformer added for JSX.
                let span = if request.span.is_empty() { jsx } else { Some(request.span) };
                let error = match span {
                    Some(span) => job.error_at(span, message.clone()),
                    None => CompileError::of_file(job.path, message.clone()),
                };
                return Err(error.with_help(help.clone()));
            }
            Link::Url(url) => (url, false),
            Link::File { path, url } => {
                if known.insert(path) {
                    imports.push(path.clone());
                }
                (url, true)
            }
        };
        // A file that is not a script becomes one, which has no attributes.
        let keeps_attributes = match request.kind.as_deref() {
            Some(kind) => !["json", "text"].contains(&kind),
            None => !url.contains("?import"),
        };
        let replacement = Replacement { url: url.clone(), takes_stamp, keeps_attributes };
        replacements.insert((request.specifier.clone(), request.kind.clone()), replacement);
    }
    Ok((replacements, imports))
}

/// Returns whether a JSX runtime has a development version, whose functions receive the position of
/// each element. If the package is missing, the error names the better known production module.
pub(super) fn has_development_runtime(job: &Job<'_>, runtime: &str) -> bool {
    let specifier = format!("{runtime}/jsx-dev-runtime");
    let link = link(job.project, job.path, &specifier, None, ImportedNames::default());
    !matches!(link, Link::Missing { .. })
}

/// Returns the URL that an import of a project file uses, with its query.
pub(super) fn url_of(job: &Job<'_>, specifier: &str) -> Option<String> {
    match link(job.project, job.path, specifier, None, ImportedNames::default()) {
        Link::File { url, .. } => Some(url),
        _ => None,
    }
}

/// Returns whether a specifier leads to Preact: `preact/compat` may have the name of React.
pub(super) fn is_preact(job: &Job<'_>, specifier: &str) -> bool {
    match link(job.project, job.path, specifier, None, ImportedNames::default()) {
        Link::Url(url) => url
            .strip_prefix(PACKAGES)
            .is_some_and(|id| id.starts_with("preact@") || id.starts_with("preact-compat@")),
        _ => false,
    }
}

/// Returns the URL of a module that exports Preact's `options`.
pub(super) fn url_of_preact(job: &Job<'_>) -> Option<String> {
    let names = BTreeSet::from(["options".to_owned()]);
    let names = ImportedNames { default: false, names: Some(&names) };
    match link(job.project, job.path, "preact", None, names) {
        Link::Url(url) => Some(url),
        _ => None,
    }
}

/// A change of an address with its computed parts, or of all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AddressEdit {
    /// What replaces the text up to the first computed part.
    pub(super) start: Option<String>,
    /// What is appended.
    pub(super) end: &'static str,
}

/// Returns how an address changes, or `None` if it stays. An alias becomes a URL path, and an
/// imported file that is not a script is requested as a module.
pub(super) fn edit(job: &Job<'_>, address: &Address) -> Option<AddressEdit> {
    let Address { start, end, is_import } = address;
    let aliased = job.options.aliases.target(start).and_then(|target| match end {
        Some(_) => url_of_prefix(job, &target),
        None => match link(job.project, job.path, start, None, ImportedNames::default()) {
            Link::File { path, .. } => {
                Some(path + start.find('?').map_or("", |query| &start[query..]))
            }
            _ => None,
        },
    });
    let is_ours = aliased.is_some()
        || (["./", "../", "/"].iter().any(|local| start.starts_with(local))
            && !start.starts_with("//")
            && !job.project.is_external(start));
    let end = end.as_deref().filter(|_| *is_import && is_ours);
    let is_asset = end.is_some_and(|end| {
        let name = PathBuf::from(format!("x{end}"));
        let extension = name.extension().and_then(|extension| extension.to_str());
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "./_-".contains(char);
        extension.is_some_and(|it| !["cjs", "cts"].contains(&it))
            && end.chars().all(is_plain)
            && Language::of(&name).is_none()
    });
    let end = if is_asset { "?import" } else { "" };
    (aliased.is_some() || is_asset).then_some(AddressEdit { start: aliased, end })
}

/// Returns the URL path that begins the paths of the files whose paths begin with a text.
fn url_of_prefix(job: &Job<'_>, prefix: &str) -> Option<String> {
    let prefix = prefix.replace(MAIN_SEPARATOR, "/");
    let (folder, name) = prefix.rsplit_once('/')?;
    let folder = job.project.url(Path::new(folder))?;
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    Some(format!("{}/{name}", folder.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn relative_specifiers_are_joined_as_in_a_browser() {
        for (url, specifier, expected) in [
            ("/a.js", "./b.js", "/b.js"),
            ("/x/a.js", "./b.js", "/x/b.js"),
            ("/x/y/a.js", "../b.js", "/x/b.js"),
            ("/a.js", "../../b.js", "/b.js"),
            ("/x/a.js", "/b.js", "/b.js"),
        ] {
            assert_eq!(join(url, specifier), expected, "{url} {specifier}");
        }
    }
}
