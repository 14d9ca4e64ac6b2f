//! Folders, including the root, that are created, removed, renamed and replaced.

use super::{Watched, shell, watched};
use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;
use crate::support::tab::{Tab, Updated, status};

/// Returns whether a change is among those of some messages.
fn has(updates: &[Updated], path: &str, kind: &str) -> bool {
    let mut changes = updates.iter().flat_map(|updated| &updated.changes);
    changes.any(|(changed, how)| changed == path && how == kind)
}

impl Watched {
    /// Writes a file, and expects a message of this change alone.
    async fn is_live(&mut self, file: &str, content: &str) {
        self.dir.write(file, content);
        let path = format!("/{file}");
        self.tool.expect(&[(path.as_str(), "modified")]).await;
    }
}

#[tokio::test]
async fn folder_that_is_created_and_filled_at_once_is_published_with_its_files() {
    let mut site = watched(TempDir::new()).await;
    for round in 0..50 {
        let (folder, file) = (format!("new-{round}"), format!("new-{round}/deep/page.html"));
        let path = format!("/{file}");
        if round % 2 == 0 {
            assert_eq!(site.ask(&[&path]).await, [404]);
        }
        site.dir.write(&file, "one");
        let mut updates = site.tool.until(&path).await;
        assert!(has(&updates, &path, "created"), "{updates:?}");
        if !has(&updates, &format!("/{folder}/"), "created") {
            updates = site.tool.until(&format!("/{folder}/")).await;
            assert!(has(&updates, &format!("/{folder}/"), "created"), "{updates:?}");
        }
        site.ask(&[&path]).await;
        site.nothing().await;
        site.is_live(&file, "two").await;
    }
}

#[tokio::test]
async fn folder_moved_in_is_published_and_moved_out_is_no_longer_watched() {
    let (dir, elsewhere) = (TempDir::new(), TempDir::new());
    elsewhere.write("pack/sub/a.css", "old");
    let mut site = watched(dir).await;
    for name in ["pack", "other"] {
        let path = format!("/{name}/sub/a.css");
        assert_eq!(site.ask(&[&path]).await, [404]);
        std::fs::rename(elsewhere.at("pack"), site.dir.at(name)).expect("move in");
        let mut updates = site.tool.until(&path).await;
        if !has(&updates, &format!("/{name}/"), "created") {
            updates.extend(site.tool.until(&format!("/{name}/")).await);
        }
        assert!(has(&updates, &path, "created"), "{updates:?}");
        assert!(has(&updates, &format!("/{name}/"), "created"), "{updates:?}");
        site.nothing().await;
        site.is_live(&format!("{name}/sub/a.css"), name).await;

        std::fs::rename(site.dir.at(name), elsewhere.at("pack")).expect("move out");
        // One message, or two on a busy machine: the folder and its files have events of their own.
        let folder = format!("/{name}");
        let updates = site.tool.until_all(&[&path, &folder]).await;
        assert!(has(&updates, &path, "removed"), "{updates:?}");
        assert!(has(&updates, &folder, "removed"), "{updates:?}");
        elsewhere.write("pack/sub/a.css", "written elsewhere");
        elsewhere.write("pack/b.css", "written elsewhere");
        site.nothing().await;
    }
}

#[tokio::test]
async fn renamed_folder_is_watched_under_its_new_name_only() {
    let dir = TempDir::new();
    dir.write("a/sub/x.css", "old");
    let mut site = watched(dir).await;
    site.ask(&["/a/sub/x.css", "/b/sub/x.css"]).await;
    site.dir.rename("a", "b");
    let updates =
        [site.tool.until("/b/sub/x.css").await, site.tool.until_quiet(site.dir.path()).await];
    let updates = updates.concat();
    assert!(has(&updates, "/a/sub/x.css", "removed"), "{updates:?}");
    assert!(has(&updates, "/b/sub/x.css", "created"), "{updates:?}");
    site.is_live("b/sub/x.css", "under the new name").await;
    site.dir.write("b/sub/new.css", "new");
    site.tool.expect(&[("/b/sub/new.css", "created")]).await;

    site.dir.write("a/sub/x.css", "another folder with the old name");
    site.tool.until("/a/sub/x.css").await;
    site.tool.until_quiet(site.dir.path()).await;
    site.is_live("a/sub/x.css", "live again").await;
    site.is_live("b/sub/x.css", "and this one").await;
}

#[tokio::test]
async fn folders_that_swap_names_stay_live() {
    let dir = TempDir::new();
    for name in ["a", "b"] {
        dir.write(format!("{name}/sub/x.css"), name);
    }
    let mut site = watched(dir).await;
    site.ask(&["/a/sub/x.css", "/b/sub/x.css"]).await;
    for round in 0..25 {
        shell(site.dir.path(), "mv a c && mv b a && mv c b");
        site.tool.until_quiet(site.dir.path()).await;
        site.is_live("a/sub/x.css", &format!("{round} a")).await;
        site.is_live("b/sub/x.css", &format!("{round} b")).await;
        site.dir.rename("a", "c");
        site.dir.rename("c", "a");
        site.tool.until_quiet(site.dir.path()).await;
        site.is_live("a/sub/x.css", &format!("{round} renamed and back")).await;
        site.dir.remove("a");
        site.dir.write("a/sub/x.css", format!("{round} removed and created again"));
        site.tool.until("/a/sub/x.css").await;
        site.tool.until_quiet(site.dir.path()).await;
        site.is_live("a/sub/x.css", &format!("{round} after that")).await;
    }
}

/// Serves a subfolder of a temporary folder, so that the root can be removed.
async fn inner() -> (TempDir, Livers, Tab) {
    let dir = TempDir::new();
    dir.write("site/index.html", "old");
    dir.write("site/sub/a.css", "old");
    let livers = Livers::on(dir.at("site")).start().await;
    for path in ["/", "/sub/a.css", "/sub/"] {
        assert_eq!(get(livers.port(), path).await.status, 200);
    }
    let tool = Tab::tool(&livers).await;
    (dir, livers, tool)
}

/// Expects that the root is published again, and that it is live then.
async fn is_live_again(dir: &TempDir, tool: &mut Tab) {
    tool.until_all(&["/index.html", "/sub/a.css"]).await;
    for file in ["index.html", "sub/a.css", "sub/new.css"] {
        dir.write(format!("site/{file}"), "live again");
        tool.until(&format!("/{file}")).await;
    }
}

#[tokio::test]
async fn root_that_is_removed_and_created_again_is_live() {
    let (dir, livers, mut tool) = inner().await;
    dir.remove("site");
    dir.write("site/index.html", "created again at once");
    dir.write("site/sub/a.css", "created again at once");
    is_live_again(&dir, &mut tool).await;

    dir.remove("site");
    let updates = tool.until("/index.html").await;
    assert!(has(&updates, "/index.html", "removed"), "{updates:?}");
    assert_eq!(get(livers.port(), "/").await.status, 404);
    dir.write("site/index.html", "created again later");
    dir.write("site/sub/a.css", "created again later");
    is_live_again(&dir, &mut tool).await;
    assert!(get(livers.port(), "/").await.text().contains("live again"));
}

#[tokio::test]
async fn root_that_is_swapped_by_renames_is_live() {
    let (dir, livers, mut tool) = inner().await;
    for round in 0..10 {
        let new = format!("new in round {round}");
        dir.write("next/index.html", &new);
        dir.write("next/sub/a.css", &new);
        shell(dir.path(), "mv site old && mv next site");
        is_live_again(&dir, &mut tool).await;
        assert_eq!(get(livers.port(), "/sub/a.css").await.text(), "live again");
        tool.until_quiet(dir.at("site")).await;
        dir.write("old/index.html", "not served any more");
        dir.write("old/sub/a.css", "not served any more");
        tool.expect_nothing(dir.at("site")).await;
        dir.remove("old");
    }
}

#[tokio::test]
async fn change_of_a_link_target_is_published_under_every_name() {
    let dir = TempDir::new();
    dir.write("real/a.css", "old");
    dir.write("other/a.css", "other");
    shell(dir.path(), "ln -s real folder && ln -s real/a.css file.css && ln -s folder again");
    let mut site = watched(dir).await;
    let paths = ["/again/a.css", "/file.css", "/folder/a.css", "/real/a.css"];
    let all = paths.map(|path| (path, "modified"));
    assert_eq!(site.ask(&paths).await, [200; 4]);
    assert_eq!(site.ask(&["/folder/new.css"]).await, [404]);
    site.dir.write("real/a.css", "new");
    site.tool.expect(&all).await;
    site.dir.replace("real/a.css", "newer");
    site.tool.expect(&all).await;
    site.dir.write("folder/a.css", "through the link");
    site.tool.expect(&all).await;
    site.dir.write("real/new.css", "new");
    let updates = site.tool.until("/folder/new.css").await;
    assert!(has(&updates, "/folder/new.css", "created"), "{updates:?}");
    site.tool.until_quiet(site.dir.path()).await;

    shell(site.dir.path(), "ln -sfn other folder");
    let updates = site.tool.until_all(&["/folder/a.css", "/again/a.css"]).await;
    assert!(has(&updates, "/folder/a.css", "modified"), "{updates:?}");
    site.tool.until_quiet(site.dir.path()).await;
    site.dir.write("other/a.css", "where the link leads now");
    site.tool.until_all(&["/folder/a.css", "/again/a.css"]).await;
    site.tool.until_quiet(site.dir.path()).await;
    site.dir.write("real/a.css", "where it led before");
    site.tool.expect(&[("/file.css", "modified"), ("/real/a.css", "modified")]).await;

    shell(site.dir.path(), "ln -sfn real/a.css .new && mv .new file.css");
    site.nothing().await;
    site.dir.remove("file.css");
    let updates = site.tool.until("/file.css").await;
    assert!(has(&updates, "/file.css", "removed"), "{updates:?}");
    site.dir.write("real/a.css", "no link leads here");
    site.tool.expect(&[("/real/a.css", "modified")]).await;
}

#[tokio::test]
async fn unreadable_folder_is_reported_and_the_others_are_watched() {
    let dir = TempDir::new();
    dir.write("a.css", "old");
    dir.write("sub/b.css", "old");
    dir.write("locked/c.css", "old");
    shell(dir.path(), "chmod 000 locked");
    let livers = Livers::on(dir.path()).arg("--verbose").unprivileged().start().await;
    let tool = Tab::tool(&livers).await;
    let mut site = Watched { dir, livers, tool };
    site.livers.wait_for_line(|line| line.contains("locked")).await;
    site.ask(&["/a.css", "/sub/b.css"]).await;
    site.is_live("a.css", "new").await;
    site.is_live("sub/b.css", "new").await;
    shell(site.dir.path(), "chmod 755 locked");
}

#[tokio::test]
async fn tree_deeper_than_the_longest_path_delays_nothing() {
    let dir = TempDir::new();
    dir.write("a.css", "old");
    let deep = "P=$(printf 'd/%.0s' $(seq 1500)); mkdir -p \"$P\"; cd -P \"$P\"; mkdir -p \"$P\"";
    shell(dir.path(), deep);
    let mut site = watched(dir).await;
    site.ask(&["/a.css"]).await;
    site.is_live("a.css", "new").await;
    // Answered when all folders are watched.
    let folders = status(&site.livers).await["watch"]["folders"].as_u64().expect("a number");
    assert!((1500..3000).contains(&folders), "{folders}");
    site.is_live("a.css", "newer").await;
    let mut second = format!("{}a", "d/".repeat(400));
    site.dir.write(&second, "new");
    second.insert(0, '/');
    site.tool.expect(&[(second.as_str(), "created")]).await;
    // The standard library needs an open folder for each level.
    shell(site.dir.path(), "rm -r d");
}
