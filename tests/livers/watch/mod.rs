//! Which changes are published: the ways in which files are saved, and events that are no save. All
//! tests use a tool's socket, which is notified of every change.

mod folders;
#[cfg(target_os = "linux")]
mod generators;
#[cfg(target_os = "linux")]
mod halves;
mod polled;
mod scope;
mod storms;

use std::fs::{self, OpenOptions};
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;

use crate::support::dir::TempDir;
use crate::support::http::get;
use crate::support::server::Livers;
use crate::support::tab::Tab;

/// A served folder, and the socket of a tool.
struct Watched {
    dir: TempDir,
    livers: Livers,
    tool: Tab,
}

async fn watched(dir: TempDir) -> Watched {
    watched_with::<&str>(dir, &[]).await
}

async fn watched_with<S: AsRef<str>>(dir: TempDir, args: &[S]) -> Watched {
    let args = args.iter().map(AsRef::as_ref);
    let livers = Livers::on(dir.path()).args(args).start().await;
    let tool = Tab::tool(&livers).await;
    Watched { dir, livers, tool }
}

impl Watched {
    /// Requests files, so that their content is known. Returns the statuses.
    async fn ask(&self, paths: &[&str]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for path in paths {
            statuses.push(get(self.livers.port(), path).await.status);
        }
        statuses
    }

    /// Expects that no change is published before a marker.
    async fn nothing(&mut self) {
        self.tool.expect_nothing(self.dir.path()).await;
    }
}

/// Expects that each of these ways to save is one message.
async fn each_is_one_message(ways: &[(&str, Way)], args: &[&str]) {
    for (name, way) in ways {
        println!("{name}");
        let dir = TempDir::new();
        dir.write("a", "old\n");
        let mut site = watched_with(dir, args).await;
        assert_eq!(site.ask(&["/a"]).await, [200]);
        way(&site.dir);
        let version = site.tool.expect(&[("/a", "modified")]).await;
        assert_eq!(version, site.tool.connected.version + 1, "{name}");
        site.nothing().await;
    }
}

/// Runs a shell command in a folder.
pub fn shell(folder: &Path, line: &str) {
    let output = Command::new("sh").args(["-euc", line]).current_dir(folder).output();
    let output = output.expect("run sh");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {} {stderr}", output.status);
}

fn open(path: &Path) -> fs::File {
    OpenOptions::new().read(true).write(true).open(path).expect("open")
}

/// A way to change the content of the file `a`.
type Way = fn(&TempDir);

#[tokio::test]
async fn save_is_one_message_however_it_is_done() {
    let ways: &[(&str, Way)] = &[
        ("in place", |dir| dir.write("a", "new")),
        ("a rename into place", |dir| dir.replace("a", "new")),
        ("delete and write", |dir| {
            dir.remove("a");
            dir.write("a", "new");
        }),
        ("truncate and write", |dir| {
            let mut file = open(&dir.at("a"));
            file.set_len(0).and_then(|()| file.write_all(b"new")).expect("write");
        }),
        ("many writes", |dir| {
            let mut file = open(&dir.at("a"));
            (0..2000).for_each(|_| file.write_all(b"some more\n").expect("write"));
        }),
        ("back and forth", |dir| {
            let mut file = open(&dir.at("a"));
            file.set_len(9000).expect("grow");
            file.seek(std::io::SeekFrom::Start(8000)).expect("seek");
            file.write_all(b"end").expect("write");
            file.rewind().and_then(|()| file.write_all(b"new")).expect("write");
        }),
        ("append", |dir| {
            let mut file = OpenOptions::new().append(true).open(dir.at("a")).expect("open");
            file.write_all(b"more").expect("write");
        }),
        ("a rename away and a write", |dir| {
            dir.rename("a", ".a.backup");
            dir.write("a", "new");
            dir.remove(".a.backup");
        }),
        ("a link swapped in", |dir| {
            dir.write(".new", "linked");
            shell(dir.path(), "ln -f .new a && rm .new");
        }),
        ("cp", |dir| shell(dir.path(), "echo new >.new && cp .new a && rm .new")),
        ("cp -p of an older file", |dir| {
            shell(dir.path(), "echo older >.old && touch -d 2001-01-01 .old && cp -p .old a");
        }),
        ("mv of an older file", |dir| {
            shell(dir.path(), "echo older >.old && touch -d 2001-01-01 .old && mv .old a");
        }),
        ("the same length and time", |dir| {
            shell(dir.path(), "touch -r a .ref && echo dlo >a && touch -r .ref a");
        }),
        ("install", |dir| shell(dir.path(), "echo new >.new && install -m 644 .new a")),
        ("tee", |dir| shell(dir.path(), "echo new | tee a >/dev/null")),
        ("sed -i", |dir| shell(dir.path(), "sed -i s/old/new/ a")),
        ("dd in place", |dir| {
            shell(dir.path(), "printf new | dd of=a conv=notrunc status=none");
        }),
        ("20 MB", |dir| dir.write("a", vec![b'x'; 20 << 20])),
    ];
    each_is_one_message(ways, &[]).await;
}

#[tokio::test]
async fn events_without_a_change_of_content_are_no_message() {
    let ways: &[(&str, Way)] = &[
        ("the same bytes in place", |dir| dir.write("a", "old\n")),
        ("the same bytes by a rename", |dir| dir.replace("a", "old\n")),
        ("the same bytes, deleted and written", |dir| {
            dir.remove("a");
            dir.write("a", "old\n");
        }),
        ("another content and back at once", |dir| {
            let mut file = open(&dir.at("a"));
            file.write_all(b"new\n").expect("write");
            file.rewind().and_then(|()| file.write_all(b"old\n")).expect("write");
        }),
        ("opened to write, and closed", |dir| drop(open(&dir.at("a")))),
        ("read", |dir| drop(dir.read("a"))),
        ("touch", |dir| shell(dir.path(), "touch a")),
        ("chmod", |dir| shell(dir.path(), "chmod 600 a && chmod 644 a")),
        ("a hard link", |dir| shell(dir.path(), "ln a .b && rm .b")),
        ("renamed and back", |dir| {
            dir.rename("a", "b");
            dir.rename("b", "a");
        }),
        ("created and deleted", |dir| {
            dir.write("b", "new");
            dir.remove("b");
        }),
        ("a folder created and deleted", |dir| {
            dir.write("b/c/d", "new");
            dir.remove("b");
        }),
        ("a folder's mode", |dir| {
            shell(dir.path(), "chmod 700 folder && chmod 755 folder && touch folder");
        }),
        ("temporary files", |dir| {
            let names = [
                ".a.swp",
                ".a.swx",
                "a.swp",
                "4913",
                "a~",
                "#a#",
                ".#a",
                "a___jb_tmp___",
                "a___jb_old___",
                ".goutputstream-X1",
                "a.vsctmp",
                "sedAb12Cd",
                ".nfs000000001",
                "a.crdownload",
                ".a.kate-swp",
            ];
            for name in names {
                dir.write(name, "new");
                dir.write(name, "newer");
            }
            names[..6].iter().for_each(|name| dir.remove(name));
        }),
        ("a temporary file, and back by a rename", |dir| {
            dir.rename("a", "a~");
            dir.rename("a~", "a");
        }),
        ("hidden files", |dir| {
            dir.write(".env", "new");
            dir.write(".cache/x", "new");
        }),
        ("files of git and in node_modules", |dir| {
            dir.write(".git/index", "new");
            dir.write("node_modules/x/index.js", "new");
        }),
    ];
    for (name, way) in ways {
        println!("{name}");
        let dir = TempDir::new();
        dir.write("a", "old\n");
        dir.make_dir("folder");
        dir.make_dir(".git");
        dir.make_dir("node_modules");
        let mut site = watched(dir).await;
        assert_eq!(site.ask(&["/a"]).await, [200]);
        way(&site.dir);
        site.nothing().await;
        // Shows that the file is still watched.
        site.dir.write("a", "another");
        site.tool.expect(&[("/a", "modified")]).await;
    }
}

#[tokio::test]
async fn created_modified_and_removed_files_are_published() {
    let dir = TempDir::new();
    dir.write("other.html", "old");
    let mut site = watched(dir).await;
    // A missing page that was requested.
    assert_eq!(site.ask(&["/requested.html"]).await, [404]);
    for round in 0..3 {
        for name in ["requested.html", "new.html"] {
            let path = format!("/{name}");
            let (before, kinds) = (site.tool.connected.version, ["created", "modified", "removed"]);
            site.dir.write(name, format!("{round} one"));
            let created = site.tool.expect(&[(&path, kinds[0])]).await;
            site.dir.write(name, format!("{round} two"));
            let modified = site.tool.expect(&[(&path, kinds[1])]).await;
            site.dir.remove(name);
            let removed = site.tool.expect(&[(&path, kinds[2])]).await;
            assert_eq!([created, modified, removed], [1, 2, 3].map(|n| before + n), "{path}");
            site.tool.connected.version = removed;
        }
    }
    site.dir.replace("requested.html", "renamed into place");
    site.tool.expect(&[("/requested.html", "created")]).await;
    site.dir.write("other.html", "new");
    site.tool.expect(&[("/other.html", "modified")]).await;
    site.dir.rename("requested.html", "elsewhere.html");
    let updated = site.tool.updated().await;
    assert!(updated.changes.contains(&("/requested.html".into(), "removed".into())), "{updated:?}");
}

#[tokio::test]
async fn names_are_published_percent_encoded_as_browsers_request_them() {
    use std::os::unix::ffi::OsStrExt;
    let dir = TempDir::new();
    let table: &[(&[u8], &str)] = &[
        (b"caf\xe9.css", "/caf%E9.css"),
        ("caf\u{e9}.css".as_bytes(), "/caf%C3%A9.css"),
        (b"a b?c#d%20.html", "/a%20b%3Fc%23d%2520.html"),
        (b"new\nline", "/new%0Aline"),
        (b"\xff\xfe/\x80", "/%FF%FE/%80"),
    ];
    for (name, _) in table {
        dir.write(std::ffi::OsStr::from_bytes(name), "old");
    }
    let mut site = watched(dir).await;
    for (name, path) in table {
        assert_eq!(site.ask(&[path]).await, [200], "{path}");
        let name = std::ffi::OsStr::from_bytes(name);
        site.dir.write(name, "new");
        site.tool.expect(&[(path, "modified")]).await;
        site.dir.remove(name);
        site.tool.expect(&[(path, "removed")]).await;
    }
}
