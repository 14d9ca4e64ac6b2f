//! What the imports of a script lead to, and what becomes of them.

use std::path::Path;

use oxc::span::Span;

use super::{
    ask::Language,
    link::{Link, Names, link},
    parse::fault_at,
    rewrite::{Change, Changes},
    scan::{Request, Scan},
    script::Job,
};
use crate::esm::{Fault, resolve::PACKAGES};

/// A specifier and what it led to, with the type that its attributes name.
pub(super) type Links = Vec<(Request, Link)>;

/// What the imports lead to.
pub(super) fn links(job: &Job<'_>, scan: &Scan) -> Links {
    let follow = |request: &Request| {
        let names = scan.names.get(&request.specifier);
        let default = scan.defaults.contains(&request.specifier);
        let kind = request.kind.as_deref();
        link(job.project, job.path, &request.specifier, kind, Names { default, names })
    };
    scan.requests.iter().map(|request| (request.clone(), follow(request))).collect()
}

/// Whether the browser finds by itself what an import means.
pub(super) fn is_natural(job: &Job<'_>, request: &Request, link: &Link) -> bool {
    let specifier = &request.specifier;
    match link {
        Link::Same => true,
        Link::Url(_) => false,
        Link::File(path, url) => {
            // With their type said, browsers read these by themselves.
            let typed = matches!(request.kind.as_deref(), Some("json" | "css"));
            !job.compiled && *(if typed { path } else { url }) == join(job.url, specifier)
        }
        // It may come yet, or a backend has it.
        Link::Missing(..) => {
            !job.compiled
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

/// The files of packages among what is imported: the specifiers, and the URLs without what else is
/// wanted of them.
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

/// What the specifiers become, and which files of the project are among them.
pub(super) fn changes(
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

/// Whether a package has functions for JSX that are told where elements stand. Where there is
/// nothing at all, the better known name is the one to be said.
pub(super) fn has_development(job: &Job<'_>, runtime: &str) -> bool {
    let leads = |module: &str| {
        let specifier = format!("{runtime}/{module}");
        let link = link(job.project, job.path, &specifier, None, Names::default());
        !matches!(link, Link::Missing(..))
    };
    leads("jsx-dev-runtime")
}

/// The URL of the file that a specifier leads to, with the query that it is imported by.
pub(super) fn url_of(job: &Job<'_>, specifier: &str) -> Option<String> {
    match link(job.project, job.path, specifier, None, Names::default()) {
        Link::File(_, url) => Some(url),
        _ => None,
    }
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
