//! What is watched, and what is not: ignored folders, `--watch`, `--ignore`.

use super::{Watched, watched, watched_with};
use crate::support::dir::TempDir;
use crate::support::tab::status;

async fn folders(site: &Watched) -> u64 {
    status(&site.livers).await["watch"]["folders"].as_u64().expect("a number")
}

/// A site with thousands of files that nobody waits for, as far as a test needs them.
fn with_ignored() -> TempDir {
    let dir = TempDir::new();
    dir.write("index.html", "old");
    dir.write("css/app.css", "old");
    dir.write(".gitignore", "/dist/\n*.log\nout\n");
    for n in 0..20 {
        dir.write(format!(".git/objects/{n}/x"), "old");
        dir.write(format!("node_modules/{n}/lib/index.js"), "old");
        dir.write(format!("dist/{n}/a.js"), "old");
        dir.write(format!("css/out/{n}/a.css"), "old");
    }
    dir
}

#[tokio::test]
async fn ignored_folders_cost_no_watch_and_their_files_no_message() {
    let mut site = watched(with_ignored()).await;
    assert_eq!(folders(&site).await, 2, "the root and css");
    for file in [".git/index", ".git/objects/1/x", "node_modules/1/lib/index.js", "dist/new/a.js"] {
        site.dir.write(file, "new");
        site.nothing().await;
    }
    site.dir.write("debug.log", "one line");
    site.dir.write("css/out/a.css", "new");
    site.nothing().await;
    assert_eq!(folders(&site).await, 2);
}

#[tokio::test]
async fn an_ignored_file_is_live_once_somebody_asked_for_it() {
    let mut site = watched(with_ignored()).await;
    let table: &[(&str, u16, &str)] = &[
        ("node_modules/3/lib/index.js", 200, "modified"),
        ("dist/3/a.js", 200, "modified"),
        ("css/out/3/a.css", 200, "modified"),
        ("debug.log", 404, "created"),
        ("dist/3/b.js", 404, "created"),
        ("dist/late/b.js", 404, "created"),
        ("dist/very/late/c.js", 404, "created"),
        ("node_modules/late/lib/index.js", 404, "created"),
        ("out/late/d.js", 404, "created"),
    ];
    for (file, status, kind) in table {
        let path = format!("/{file}");
        assert_eq!(site.ask(&[&path]).await, [*status], "{path}");
        site.dir.write(file, "new");
        let told = site.tool.until(&path).await;
        assert_eq!(told.last().map(|last| &*last.changes[0].1), Some(*kind), "{told:?}");
        site.tool.until_quiet(site.dir.path()).await;
        assert_eq!(site.ask(&[&path]).await, [200], "{path}");
        site.dir.write(file, "newer");
        site.tool.expect(&[(&path, "modified")]).await;
    }
    let watched = folders(&site).await;
    assert!(watched <= 2 + 14, "{watched} folders are watched, of the paths asked for");
    site.dir.write("node_modules/4/lib/index.js", "nobody asked");
    site.nothing().await;
}

#[tokio::test]
async fn an_ignored_file_is_live_after_its_folder_was_made_anew() {
    let mut site = watched(with_ignored()).await;
    let (file, path) = ("node_modules/3/lib/index.js", "/node_modules/3/lib/index.js");
    assert_eq!(site.ask(&[path]).await, [200]);
    for folder in ["node_modules/3/lib", "node_modules/3", "node_modules"] {
        site.dir.remove(folder);
        site.tool.until(path).await;
        site.dir.write(file, format!("after {folder} was made anew"));
        site.tool.until(path).await;
        site.dir.write(file, format!("live after {folder}"));
        site.tool.until(path).await;
        site.dir.remove(folder);
        site.dir.write(file, format!("after {folder} was replaced"));
        site.tool.until(path).await;
        site.dir.rename(folder, "dist/old");
        site.dir.write(file, format!("after {folder} was renamed away"));
        site.tool.until(path).await;
        site.dir.remove("dist/old");
        site.tool.until_quiet(site.dir.path()).await;
        site.dir.write(file, format!("live at the end of {folder}"));
        site.tool.expect(&[(path, "modified")]).await;
    }
}

#[tokio::test]
async fn a_folder_that_is_ignored_and_served_is_watched() {
    let dir = with_ignored();
    dir.write(".gitignore", "/dist/\n/dist/**\n");
    let livers = crate::support::server::Livers::on(dir.at("dist")).start().await;
    assert_eq!(status(&livers).await["watch"]["folders"], 21);
}

#[tokio::test]
async fn more_folders_and_files_are_watched_without_being_served() {
    let elsewhere = TempDir::new();
    elsewhere.write("templates/page.tera", "old");
    elsewhere.write("templates/deep/part.tera", "old");
    elsewhere.write("config.toml", "old");
    elsewhere.write("beside.toml", "old");
    for n in 0..20 {
        elsewhere.write(format!("templates/node_modules/{n}/x"), "old");
        elsewhere.write(format!("templates/.git/{n}/x"), "old");
    }
    let dir = TempDir::with_page("old");
    let paths = ["templates", "config.toml"].map(|path| elsewhere.at(path));
    let args: Vec<_> = paths.iter().flat_map(|path| ["--watch", path.to_str().unwrap()]).collect();
    let mut site = watched_with(dir, &args).await;
    assert_eq!(folders(&site).await, 4, "the root, templates, deep, and around config.toml");
    for path in ["templates/page.tera", "templates/deep/part.tera", "config.toml"] {
        elsewhere.write(path, "new");
        site.tool.expect(&[(path, "modified")]).await;
        elsewhere.replace(path, "newer");
        let told = site.tool.updated().await;
        assert_eq!(told.paths(), [path]);
        assert_eq!(site.ask(&[&format!("/{path}")]).await, [404], "not served");
    }
    elsewhere.write("templates/new.tera", "new");
    site.tool.expect(&[("templates/new.tera", "created")]).await;
    elsewhere.write("beside.toml", "new");
    elsewhere.write("templates/node_modules/1/x", "new");
    elsewhere.write("templates/.git/1/x", "new");
    elsewhere.write("templates/page.tera~", "new");
    site.nothing().await;

    elsewhere.remove("templates");
    site.tool.until("templates").await;
    elsewhere.write("templates/page.tera", "made again");
    site.tool.until("templates").await;
    site.tool.until_quiet(site.dir.path()).await;
    elsewhere.write("templates/page.tera", "live again");
    let told = site.tool.updated().await;
    assert_eq!(told.paths(), ["templates/page.tera"]);
}

#[tokio::test]
async fn what_is_to_be_ignored_never_counts_even_if_asked_for() {
    let dir = TempDir::new();
    for file in ["a.css", "a.map", "drafts/one.html", "sub/drafts/two.html", "sub/deep/b.map"] {
        dir.write(file, "old");
    }
    let args = ["--ignore", "*.map", "--ignore", "/drafts/**"];
    let mut site = watched_with(dir, &args).await;
    for file in ["a.map", "sub/deep/b.map", "drafts/one.html", "drafts/new/x.html"] {
        site.ask(&[&format!("/{file}")]).await;
        site.dir.write(file, "new");
        site.nothing().await;
    }
    for file in ["a.css", "sub/drafts/two.html"] {
        site.dir.write(file, "new");
        site.tool.expect(&[(&format!("/{file}"), "modified")]).await;
    }
}
