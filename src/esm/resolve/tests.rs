use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    ImportKind, Resolved, Resolver, Target,
    specifier::{is_package_name, is_url, package_of},
};
use crate::esm::disk_view::DiskView;

/// A temporary folder with files, by its real path. Dropping it deletes the folder.
pub(crate) struct Project(pub(crate) PathBuf, #[allow(dead_code)] TempDir);

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self(dunce::canonicalize(folder.path()).unwrap(), folder);
        project.add(files);
        project
    }

    pub(crate) fn add(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Creates a symbolic link.
    pub(crate) fn link(&self, name: &str, to: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(self.0.join(to), path).unwrap();
    }
}

/// Describes what a specifier in `src/a.js` resolves to, without stamps.
fn resolved(project: &Project, root: &str, specifier: &str) -> String {
    let root = project.0.join(root);
    let resolver = Resolver::new(&root);
    let target = resolver.resolve(specifier, &root.join("src/a.js"), &DiskView::default());
    match target {
        Target::File(path) => {
            let path = path.strip_prefix(&project.0).unwrap();
            format!("file {}", path.display())
        }
        Target::Package(url) => format!("package {}", without_stamp(&url)),
        Target::Url(url) => format!("url {url}"),
        Target::Missing(help) => format!("missing {}", help.unwrap_or_default()),
    }
}

/// Removes the stamps from the package ids in a URL.
pub(crate) fn without_stamp(url: &str) -> String {
    let mut parts = url.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(part.get(7..).unwrap_or_default());
    }
    out
}

#[test]
fn aliases_of_a_jsconfig_apply_where_no_tsconfig_does() {
    let files = [
        ("jsconfig.json", r#"{"compilerOptions":{"baseUrl":"src","paths":{"@/*":["./*"]}}}"#),
        ("src/a.js", ""),
        ("src/x.ts", ""),
        ("src/folder/index.jsx", ""),
        ("node_modules/plain/index.js", ""),
    ];
    let project = Project::new(&files);
    for (specifier, wanted) in [
        ("@/x", "file src/x.ts"),
        ("@/folder", "file src/folder/index.jsx"),
        ("folder", "file src/folder/index.jsx"),
        ("x", "file src/x.ts"),
        ("plain", "package /__livers/npm/plain@0/index.js"),
        ("@/none", "missing "),
    ] {
        assert_eq!(resolved(&project, "", specifier), wanted, "{specifier}");
    }
    project.add(&[("tsconfig.json", "{}")]);
    assert!(resolved(&project, "", "@/x").starts_with("missing"));
    let project = Project::new(&files[1..]);
    project.add(&[("tsconfig.json", r#"{"compilerOptions":{"baseUrl":"src"}}"#)]);
    assert_eq!(resolved(&project, "", "folder"), "file src/folder/index.jsx");
}

#[test]
fn specifiers_resolve_as_in_node_and_bundlers() {
    let project = Project::new(&[
        (
            "package.json",
            r##"{"name":"me","imports":{"#x":"./src/x.ts"},"browser":{"./src/node.js":"./src/x.ts","gone":false}}"##,
        ),
        ("tsconfig.json", r#"{"compilerOptions":{"baseUrl":".","paths":{"@/*":["src/*"]}}}"#),
        ("src/a.js", ""),
        ("src/x.ts", ""),
        ("src/node.js", ""),
        ("src/folder/index.tsx", ""),
        ("src/data.json", "{}"),
        ("node_modules/plain/package.json", r#"{"version":"1.0.0","main":"lib"}"#),
        ("node_modules/plain/lib/index.js", ""),
        ("node_modules/plain/style.css", ""),
        ("node_modules/plain/a b.js", ""),
        ("node_modules/gone/index.js", ""),
        ("node_modules/events/package.json", r#"{"version":"3.3.0"}"#),
        ("node_modules/events/index.js", ""),
        (
            "node_modules/@s/modern/package.json",
            r#"{"version":"2.0.0-rc.1+b","exports":{
            ".":{"node":"./node.js","require":"./r.js","browser":{"import":"./b.mjs"},"default":"./d.js"},
            "./f/*":"./features/*.js","./deep/*":null}}"#,
        ),
        ("node_modules/@s/modern/b.mjs", ""),
        ("node_modules/@s/modern/r.js", ""),
        ("node_modules/@s/modern/features/one.js", ""),
        (
            "node_modules/fields/package.json",
            r#"{"version":"1.0.0","main":"m.js","module":"e.js"}"#,
        ),
        ("node_modules/fields/e.js", ""),
        ("node_modules/fields/m.js", ""),
        (
            "node_modules/old/package.json",
            r#"{"version":"1.0.0","main":"m.js","jsnext:main":"e.js"}"#,
        ),
        ("node_modules/old/e.js", ""),
        ("node_modules/old/m.js", ""),
    ]);
    for (specifier, wanted) in [
        ("./x", "file src/x.ts"),
        ("./x.js", "file src/x.ts"),
        ("./x?raw", "file src/x.ts"),
        ("./folder", "file src/folder/index.tsx"),
        ("./data.json", "file src/data.json"),
        ("/src/x", "file src/x.ts"),
        ("@/x", "file src/x.ts"),
        ("#x", "file src/x.ts"),
        ("./node.js", "file src/x.ts"),
        ("./nothing", "missing "),
        ("/api/module.js", "url /api/module.js"),
        ("/etc/passwd", "url /etc/passwd"),
        ("https://esm.sh/react", "url https://esm.sh/react"),
        ("//cdn/x.js", "url //cdn/x.js"),
        ("data:text/javascript,1", "url data:text/javascript,1"),
        ("plain", "package /__livers/npm/plain@1.0.0/lib/index.js"),
        ("plain/style.css", "package /__livers/npm/plain@1.0.0/style.css?import"),
        ("plain/style.css?url", "package /__livers/npm/plain@1.0.0/style.css?import&url"),
        ("plain/a b", "package /__livers/npm/plain@1.0.0/a%20b.js"),
        ("plain/none", "missing "),
        ("gone", "package /__livers/npm/node:"),
        ("events", "package /__livers/npm/events@3.3.0/index.js"),
        ("node:events", "package /__livers/npm/events@3.3.0/index.js"),
        ("fs", "package /__livers/npm/node:fs"),
        ("node:fs/promises", "package /__livers/npm/node:fs/promises"),
        ("@s/modern", "package /__livers/npm/@s/modern@2.0.0-rc.1+b/b.mjs"),
        ("@s/modern/f/one", "package /__livers/npm/@s/modern@2.0.0-rc.1+b/features/one.js"),
        ("fields", "package /__livers/npm/fields@1.0.0/e.js"),
        ("old", "package /__livers/npm/old@1.0.0/m.js"),
        ("react", "missing npm install react"),
        ("@scope/name/x.js", "missing npm install @scope/name"),
    ] {
        assert_eq!(resolved(&project, "", specifier), wanted, "{specifier}");
    }
    let hidden = resolved(&project, "", "@s/modern/deep/x");
    assert!(hidden.contains("is not exported"), "{hidden}");
}

#[test]
fn import_and_require_use_different_conditions() {
    let project = Project::new(&[
        ("package.json", "{}"),
        ("node_modules/a/index.js", ""),
        ("node_modules/b/package.json", r#"{"exports":{"import":"./i.js","require":"./r.js"}}"#),
        ("node_modules/b/i.js", ""),
        ("node_modules/b/r.js", ""),
    ]);
    let resolver = Resolver::new(&project.0);
    let from = project.0.join("node_modules/a/index.js");
    for (kind, wanted) in [(ImportKind::Import, "i.js"), (ImportKind::Require, "r.js")] {
        let Resolved::Package(file) = resolver.resolve_as("b", &from, kind) else {
            panic!("{kind:?}")
        };
        assert_eq!(file.path, wanted);
    }
}

#[test]
fn a_missing_package_is_reported_with_the_command_of_the_package_manager() {
    for (lock, wanted) in [
        ("pnpm-lock.yaml", "missing pnpm add x"),
        ("yarn.lock", "missing yarn add x"),
        ("bun.lock", "missing bun add x"),
        ("package-lock.json", "missing npm install x"),
        ("nothing", "missing npm install x"),
    ] {
        let workspace = r#"{"workspaces":["web"]}"#;
        let project =
            Project::new(&[("package.json", workspace), (lock, ""), ("web/src/a.js", "")]);
        assert_eq!(resolved(&project, "web", "x"), wanted);
    }
}

#[test]
fn a_similar_package_of_the_project_is_suggested_instead_of_an_installation() {
    let project = Project::new(&[
        ("package.json", r#"{"workspaces":["web"],"dependencies":{"preact":"1"}}"#),
        ("web/package.json", r#"{"dependencies":{"lodash":"4"}}"#),
        ("web/src/a.js", ""),
        ("node_modules/react/index.js", ""),
        ("node_modules/@scope/core/index.js", ""),
    ]);
    for (specifier, wanted) in [
        ("raect", "missing did you mean \"react\"?"),
        ("raect/jsx-runtime", "missing did you mean \"react/jsx-runtime\"?"),
        ("@scope/cor", "missing did you mean \"@scope/core\"?"),
        ("lodahs", "missing did you mean \"lodash\"?"),
        ("preact", "missing npm install preact"),
        ("htm", "missing npm install htm"),
    ] {
        assert_eq!(resolved(&project, "web", specifier), wanted, "{specifier}");
    }
}

#[test]
#[cfg(unix)]
fn workspace_and_linked_packages_are_packages_and_other_files_outside_are_not() {
    let project = Project::new(&[
        ("repo/package.json", r#"{"workspaces":["packages/*","web"]}"#),
        ("repo/packages/ui/package.json", r#"{"name":"@me/ui","version":"1.0.0"}"#),
        ("repo/packages/ui/index.ts", ""),
        ("repo/web/src/a.js", ""),
        ("repo/web/packages/inner/package.json", r#"{"name":"inner"}"#),
        ("repo/web/packages/inner/index.js", ""),
        ("outside/package.json", r#"{"name":"linked","version":"0.1.0"}"#),
        ("outside/index.js", ""),
        ("outside/secret.js", ""),
        ("repo/node_modules/.pnpm/p@1.0.0/node_modules/p/package.json", r#"{"version":"1.0.0"}"#),
        ("repo/node_modules/.pnpm/p@1.0.0/node_modules/p/index.js", ""),
    ]);
    project.link("repo/node_modules/@me/ui", "repo/packages/ui");
    project.link("repo/node_modules/inner", "repo/web/packages/inner");
    project.link("repo/node_modules/linked", "outside");
    project.link("repo/node_modules/p", "repo/node_modules/.pnpm/p@1.0.0/node_modules/p");
    for (specifier, wanted) in [
        ("@me/ui", "package /__livers/npm/@me/ui@1.0.0/index.ts"),
        ("../../packages/ui/index", "package /__livers/npm/@me/ui@1.0.0/index.ts"),
        ("inner", "file repo/web/packages/inner/index.js"),
        ("linked", "package /__livers/npm/linked@0.1.0/index.js"),
        ("p", "package /__livers/npm/p@1.0.0/index.js"),
    ] {
        assert_eq!(resolved(&project, "repo/web", specifier), wanted, "{specifier}");
    }
    let outside = resolved(&project, "repo/web", "../../../outside/secret.js");
    assert!(outside.starts_with("missing ") && outside.contains("nor in a package"), "{outside}");
}

/// Returns the id of a package, from its URL.
fn id(resolver: &Resolver, root: &Path, specifier: &str) -> String {
    let Target::Package(url) =
        resolver.resolve(specifier, &root.join("a.js"), &DiskView::default())
    else {
        panic!("{specifier}")
    };
    url.trim_start_matches("/__livers/npm/").rsplit_once('/').unwrap().0.to_owned()
}

#[test]
#[cfg(unix)]
fn only_plain_files_of_packages_are_served() {
    let project = Project::new(&[
        ("package.json", "{}"),
        ("secret.js", ""),
        ("node_modules/a/package.json", r#"{"version":"1.0.0"}"#),
        ("node_modules/a/index.js", ""),
        ("node_modules/a/.env", ""),
        ("node_modules/a/lib/x.js", ""),
        ("node_modules/a/node_modules/b/index.js", ""),
    ]);
    project.link("node_modules/a/link.js", "secret.js");
    project.link("node_modules/a/inner.js", "node_modules/a/lib/x.js");
    let resolver = Resolver::new(&project.0);
    let id = id(&resolver, &project.0, "a");
    for (file, wanted) in [
        ("index.js", true),
        ("lib/x.js", true),
        ("inner.js", true),
        ("link.js", false),
        (".env", false),
        ("lib", false),
        ("lib/../index.js", false),
        ("../../secret.js", false),
        ("/etc/passwd", false),
        ("node_modules/b/index.js", false),
        ("", false),
    ] {
        assert_eq!(resolver.package_file(&id, file).is_some(), wanted, "{file}");
    }
    for unknown in ["a@1.0.0~0000000", "..@1~x", "a", "@a@1", "", "../..@1.0.0~1234567"] {
        assert_eq!(resolver.package_file(unknown, "index.js"), None, "{unknown}");
    }
}

#[test]
#[cfg(unix)]
fn packages_in_urls_of_an_earlier_run_are_found() {
    let project = Project::new(&[
        ("package.json", "{}"),
        ("node_modules/a/index.js", ""),
        ("node_modules/a/node_modules/b/package.json", r#"{"version":"2.0.0"}"#),
        ("node_modules/a/node_modules/b/index.js", ""),
        ("node_modules/@s/c/package.json", r#"{"version":"1.0.0"}"#),
        ("node_modules/@s/c/index.js", ""),
        ("node_modules/.pnpm/p@1.0.0/node_modules/p/index.js", ""),
        ("node_modules/.pnpm/p@1.0.0/node_modules/q/index.js", ""),
    ]);
    project.link("node_modules/p", "node_modules/.pnpm/p@1.0.0/node_modules/p");
    let before = Resolver::new(&project.0);
    for (specifier, from) in [
        ("a", "a.js"),
        ("b", "node_modules/a/index.js"),
        ("@s/c", "a.js"),
        ("p", "a.js"),
        ("q", "node_modules/.pnpm/p@1.0.0/node_modules/p/index.js"),
    ] {
        let found = before.resolve_as(specifier, &project.0.join(from), ImportKind::Import);
        let Resolved::Package(file) = found else { panic!("{specifier}: {found:?}") };
        let after = Resolver::new(&project.0);
        assert_eq!(after.package_file(&file.package.id, "index.js"), Some(file), "{specifier}");
    }
}

#[test]
fn an_installation_changes_the_package_id() {
    let project = Project::new(&[
        ("package.json", "{}"),
        ("node_modules/a/package.json", r#"{"version":"1.0.0"}"#),
        ("node_modules/a/index.js", ""),
    ]);
    let resolver = Resolver::new(&project.0);
    let first = id(&resolver, &project.0, "a");
    assert_eq!(id(&resolver, &project.0, "a"), first);
    project.add(&[("node_modules/a/package.json", r#"{"version":"1.0.0","x":1}"#)]);
    let second = id(&resolver, &project.0, "a");
    assert_ne!(second, first);
    project.add(&[("node_modules/.package-lock.json", "{}")]);
    resolver.refresh(&DiskView::default());
    let third = id(&resolver, &project.0, "a");
    assert_ne!(third, second);
}

#[test]
fn created_and_removed_files_are_noticed() {
    let project = Project::new(&[("src/a.js", "")]);
    let resolver = Resolver::new(&project.0);
    let from = project.0.join("src/a.js");
    assert_eq!(resolver.resolve("./b", &from, &DiskView::default()), Target::Missing(None));
    project.add(&[("src/b.js", "")]);
    assert_eq!(
        resolver.resolve("./b", &from, &DiskView::default()),
        Target::File(project.0.join("src/b.js"))
    );
    fs::rename(project.0.join("src/b.js"), project.0.join("src/b.ts")).unwrap();
    assert_eq!(
        resolver.resolve("./b", &from, &DiskView::default()),
        Target::File(project.0.join("src/b.ts"))
    );
    assert_eq!(
        resolver.resolve("left-pad", &from, &DiskView::default()),
        Target::Missing(Some("npm install left-pad".to_owned()))
    );
    project.add(&[("node_modules/left-pad/index.js", "")]);
    assert!(matches!(
        resolver.resolve("left-pad", &from, &DiskView::default()),
        Target::Package(_)
    ));
}

#[test]
fn package_names_and_urls_are_recognized() {
    for (specifier, wanted) in
        [("a", "a"), ("a/b", "a"), ("@a/b", "@a/b"), ("@a/b/c", "@a/b"), ("@a", "@a"), ("a/", "a")]
    {
        assert_eq!(package_of(specifier), wanted, "{specifier}");
    }
    for (name, wanted) in [
        ("react", true),
        ("@a/b", true),
        ("lodash.get", true),
        ("..", false),
        (".bin", false),
        ("@a", false),
        ("a/b", false),
        ("@a/../b", false),
        ("a b", false),
        ("", false),
    ] {
        assert_eq!(is_package_name(name), wanted, "{name}");
    }
    for (specifier, wanted) in
        [("http://a", true), ("node:fs", false), ("a:b", false), ("blob:x", true), ("./a:b", false)]
    {
        assert_eq!(is_url(specifier), wanted, "{specifier}");
    }
}
