//! Which paths are watched: ignored folders, `--watch`, `--ignore`.

use super::{Watched, watched, watched_with};
use crate::support::dir::TempDir;
use crate::support::tab::status;

/// Returns the number of watched folders.
async fn folders(site: &Watched) -> u64 {
    status(&site.livers).await["watch"]["folders"].as_u64().expect("a number")
}

/// A site with ignored folders.
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
async fn ignored_folders_are_not_watched() {
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
async fn ignored_file_is_live_once_it_was_requested() {
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
        let updates = site.tool.until(&path).await;
        assert_eq!(updates.last().map(|last| &*last.changes[0].1), Some(*kind), "{updates:?}");
        site.tool.until_quiet(site.dir.path()).await;
        assert_eq!(site.ask(&[&path]).await, [200], "{path}");
        site.dir.write(file, "newer");
        site.tool.expect(&[(&path, "modified")]).await;
    }
    let watched = folders(&site).await;
    assert!(watched <= 2 + 14, "{watched} folders are watched");
    site.dir.write("node_modules/4/lib/index.js", "not requested");
    site.nothing().await;
}

#[tokio::test]
async fn requested_ignored_file_is_live_after_its_folder_was_replaced() {
    let mut site = watched(with_ignored()).await;
    let (file, path) = ("node_modules/3/lib/index.js", "/node_modules/3/lib/index.js");
    assert_eq!(site.ask(&[path]).await, [200]);
    for folder in ["node_modules/3/lib", "node_modules/3", "node_modules"] {
        site.dir.remove(folder);
        site.tool.until(path).await;
        site.dir.write(file, format!("after {folder} was created again"));
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
async fn ignored_folder_is_watched_if_it_is_served() {
    let dir = with_ignored();
    dir.write(".gitignore", "/dist/\n/dist/**\n");
    let livers = crate::support::server::Livers::on(dir.at("dist")).start().await;
    assert_eq!(status(&livers).await["watch"]["folders"], 21);
}

#[tokio::test]
async fn extra_watch_paths_are_watched_and_not_served() {
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
    assert_eq!(folders(&site).await, 4, "the root, templates, deep, and the folder of config.toml");
    for path in ["templates/page.tera", "templates/deep/part.tera", "config.toml"] {
        elsewhere.write(path, "new");
        site.tool.expect(&[(path, "modified")]).await;
        elsewhere.replace(path, "newer");
        site.tool.expect(&[(path, "modified")]).await;
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
    elsewhere.write("templates/page.tera", "created again");
    site.tool.until("templates").await;
    site.tool.until_quiet(site.dir.path()).await;
    elsewhere.write("templates/page.tera", "live again");
    let updates = site.tool.updated().await;
    assert_eq!(updates.paths(), ["templates/page.tera"]);
}

#[tokio::test]
async fn line_of_a_gitignore_that_would_exhaust_the_stack_is_reported_and_skipped() {
    let bomb = |depth| "{a,".repeat(depth) + "b" + &"}".repeat(depth);
    let dir = with_ignored();
    dir.write(".gitignore", format!("/dist/\n{}\nout\n", bomb(20_000)));
    dir.write("css/.gitignore", bomb(20_000));
    let mut site = watched(dir).await;
    let reported = |line: &str, file| line.starts_with(&format!("ignored  {file}: line "));
    site.livers.wait_for_line(|line| reported(line, ".gitignore") && line.contains(" 2: ")).await;
    site.livers.wait_for_line(|line| reported(line, "css/.gitignore")).await;
    assert_eq!(folders(&site).await, 2, "the root and css: the other lines hold");
    // The same while it runs.
    let before = site.livers.lines().len();
    site.dir.write(".gitignore", format!("/dist/\nout\n\n{}\n", bomb(20_000)));
    let again = |line: &str| reported(line, ".gitignore") && line.contains(" 4: ");
    site.livers.wait_for_line_after(before, again).await;
    site.dir.write("index.html", "new");
    site.tool.until("/index.html").await;
}

#[tokio::test]
async fn paths_matching_ignore_are_not_published_even_if_requested() {
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
