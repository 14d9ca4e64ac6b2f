//! The commands that ask a running server: which one they find, and what they print.

use std::{ffi::OsStr, path::Path};

use serde_json::Value;

use crate::support::dir::TempDir;
use crate::support::server::{self, Livers, Start};
use crate::support::tab::Tab;

/// The runtime folder of a test. Its servers and commands see no others.
struct Runtime(TempDir);

impl Runtime {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn serve(&self, folder: &Path) -> Start {
        Livers::on(folder).env("XDG_RUNTIME_DIR", self.0.path())
    }

    /// Runs a command in a folder. Returns its exit code, standard output and standard error.
    async fn run(&self, folder: &Path, args: &[&str]) -> (i32, String, String) {
        let env: [(&str, &OsStr); 1] = [("XDG_RUNTIME_DIR", self.0.path().as_os_str())];
        let (status, output, errors) = server::run_with(folder, &env, args).await;
        (status.code().expect("an exit code"), output, errors)
    }

    /// Returns the ports that `livers list` prints.
    async fn listed(&self) -> Vec<u64> {
        let (code, output, _) = self.run(Path::new("/"), &["list", "--json"]).await;
        assert_eq!(code, 0);
        let servers: Vec<Value> = serde_json::from_str(&output).expect("JSON");
        let mut ports: Vec<_> =
            servers.iter().map(|server| server["port"].as_u64().expect("a port")).collect();
        ports.sort_unstable();
        ports
    }

    /// Returns the port of the server that answers a command, by the first event that it reports.
    async fn answering(&self, folder: &Path, args: &[&str]) -> u16 {
        let args: Vec<_> = ["logs", "--json"].iter().chain(args).copied().collect();
        let (code, output, errors) = self.run(folder, &args).await;
        assert_eq!((code, &*errors), (0, ""));
        let started = output.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut started = started.filter(|record| record["event"] == "listening");
        let url = started.next().expect("the start")["url"].as_str().expect("a URL").to_owned();
        url.trim_end_matches('/').rsplit(':').next().unwrap_or_default().parse().expect("a port")
    }

    fn files(&self) -> Vec<std::fs::DirEntry> {
        let folder = std::fs::read_dir(self.0.at("livers"));
        folder.into_iter().flatten().map(|entry| entry.expect("a file")).collect()
    }
}

#[tokio::test]
async fn without_a_server_a_command_exits_with_5_and_says_what_to_do() {
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    let start = "no livers server runs for this folder: start one with livers, or see livers list";
    for command in ["wait", "errors", "tabs", "reload", "logs"] {
        let ended = runtime.run(dir.path(), &[command]).await;
        assert_eq!(ended, (5, String::new(), format!("error: {start}\n")), "{command}");
    }
    let (code, output, errors) = runtime.run(dir.path(), &["list"]).await;
    assert_eq!((code, &*output, &*errors), (0, "no livers server runs\n", ""));
    assert_eq!(runtime.run(dir.path(), &["list", "--json"]).await.1, "[]\n");

    // A server of another folder is none.
    let other = TempDir::with_page("<p>");
    let _other = runtime.serve(other.path()).start().await;
    assert_eq!(runtime.run(dir.path(), &["wait"]).await.0, 5);
}

#[tokio::test]
async fn the_server_of_the_innermost_folder_answers_and_then_the_newest() {
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    dir.write("site/css/a.css", "a {}");
    dir.make_dir("docs");
    let outer = runtime.serve(dir.path()).start().await;
    let older = runtime.serve(&dir.at("site")).start().await;
    let newer = runtime.serve(&dir.at("site")).start().await;
    for (folder, wanted) in [("", &outer), ("docs", &outer), ("site", &newer), ("site/css", &newer)]
    {
        assert_eq!(runtime.answering(&dir.at(folder), &[]).await, wanted.port(), "{folder:?}");
    }
    let port = older.port().to_string();
    assert_eq!(runtime.answering(Path::new("/"), &["--port", &port]).await, older.port());
    assert_eq!(runtime.answering(&dir.at("site"), &["-p", &port]).await, older.port());
    // Links lead to the same folder.
    std::os::unix::fs::symlink(dir.at("site"), dir.at("link")).expect("a link");
    assert_eq!(runtime.answering(&dir.at("link/css"), &[]).await, newer.port());
    drop(newer);
    assert_eq!(runtime.answering(&dir.at("site"), &[]).await, older.port());
}

/// `livers ./site` is often started from the folder above.
#[tokio::test]
async fn the_only_server_below_the_current_folder_answers() {
    let (runtime, dir) = (Runtime::new(), TempDir::new());
    dir.write("a/index.html", "<p>");
    dir.write("b/index.html", "<p>");
    let one = runtime.serve(&dir.at("a")).start().await;
    assert_eq!(runtime.answering(dir.path(), &[]).await, one.port());
    let other = runtime.serve(&dir.at("b")).start().await;
    let (code, _, errors) = runtime.run(dir.path(), &["logs"]).await;
    let start = "error: several servers run below this folder: choose one with --port (";
    assert!(code == 5 && errors.starts_with(start), "{errors}");
    for server in [&one, &other] {
        assert!(errors.contains(&server.port().to_string()), "{errors}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_of_servers_are_private_and_removed_with_them() {
    use std::os::unix::fs::PermissionsExt;
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    let mut first = runtime.serve(dir.path()).start().await;
    let mut second = runtime.serve(dir.path()).start().await;
    let mode = |path: &Path| std::fs::metadata(path).expect("a mode").permissions().mode() & 0o777;
    assert_eq!(mode(&runtime.0.at("livers")), 0o700);
    let files = runtime.files();
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(mode(&file.path()), 0o600);
        let text = std::fs::read(file.path()).expect("a file");
        let server: Value = serde_json::from_slice(&text).expect("JSON");
        let root = dir.path().canonicalize().expect("a folder");
        assert_eq!(server["root"].as_str().map(Path::new), Some(&*root));
        assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
        assert!(
            [first.id(), second.id()].map(u64::from).contains(&server["pid"].as_u64().unwrap())
        );
    }
    let ports = [first.port(), second.port()].map(u64::from);
    assert_eq!(runtime.listed().await.len(), 2);
    first.signal("TERM");
    first.wait().await;
    assert_eq!(runtime.files().len(), 1);
    // A killed server leaves its file, which the next command removes.
    second.kill();
    assert_eq!(runtime.files().len(), 1);
    assert_eq!(runtime.listed().await, Vec::<u64>::new(), "{ports:?}");
    assert_eq!(runtime.files().len(), 0);
}

/// The process id of a dead server may be that of another program, and so may its port.
#[tokio::test]
async fn the_file_of_another_run_is_skipped_and_removed() {
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    let livers = runtime.serve(dir.path()).start().await;
    let file = runtime.files().pop().expect("a file").path();
    let text = std::fs::read_to_string(&file).expect("a file");
    let mut stale: Value = serde_json::from_str(&text).expect("JSON");
    let started = stale["started"].as_u64().expect("a time");
    stale["boot"] = "other".into();
    stale["started"] = (started + 1000).into();
    let name = format!("livers/{}-other.json", livers.id());
    runtime.0.write(&name, stale.to_string());
    runtime.0.write("livers/unknown.json", "{\"of\":\"another version\"}");
    assert_eq!(runtime.answering(dir.path(), &[]).await, livers.port());
    assert!(!runtime.0.at(&name).exists(), "the stale file");
    assert!(file.exists() && runtime.0.at("livers/unknown.json").exists());
    assert_eq!(runtime.listed().await, [u64::from(livers.port())]);
}

/// Another user could have put the folder there.
#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_can_use_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    runtime.0.make_dir("livers");
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(runtime.0.at("livers"), mode).expect("a mode");
    let livers = runtime.serve(dir.path()).start().await;
    livers.wait_for_line(|line| line.contains("is not a folder that only this user can use")).await;
    assert!(runtime.files().is_empty());
    assert_eq!(runtime.run(dir.path(), &["tabs"]).await.0, 5);
    let port = livers.port().to_string();
    let by_port = runtime.run(dir.path(), &["tabs", "--port", &port]).await;
    assert_eq!(by_port, (0, "no tab is open\n".to_owned(), String::new()));
}

#[tokio::test]
async fn a_folder_with_the_name_of_a_command_is_served_with_a_path() {
    let (runtime, dir) = (Runtime::new(), TempDir::new());
    dir.write("wait/index.html", "<p>");
    let (code, _, errors) = runtime.run(dir.path(), &["wait"]).await;
    assert_eq!(code, 5);
    let hint = "; to serve the folder wait, write livers ./wait\n";
    assert!(errors.ends_with(hint), "{errors}");
    let (code, _, errors) = runtime.run(dir.path(), &["wait", "--open"]).await;
    assert_eq!(code, 2);
    assert!(errors.ends_with(hint), "{errors}");
    let livers = runtime.serve(Path::new("./wait")).working_dir(dir.path()).start().await;
    let serving = format!("  serving  {}", dir.at("wait").display());
    livers.wait_for_line(|line| line == serving).await;
}

#[tokio::test]
async fn each_command_has_a_help() {
    let runtime = Runtime::new();
    let (_, help, _) = runtime.run(Path::new("/"), &["--help"]).await;
    let (_, commands) = help.split_once("Commands").expect("commands");
    for command in ["wait", "errors", "tabs", "reload", "logs", "list", "init"] {
        assert!(commands.contains(&format!("  livers {command} ")), "{command} in {commands}");
        let (code, help, errors) = runtime.run(Path::new("/"), &[command, "--help"]).await;
        assert_eq!((code, &*errors), (0, ""), "{command}");
        assert!(help.contains(&format!("Usage: livers {command}")), "{help}");
        assert!(help.lines().all(|line| line.len() <= 100 && !line.contains('\x1b')), "{help}");
    }
}

#[tokio::test]
async fn open_tabs_are_listed_and_reloaded() {
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    let livers = runtime.serve(dir.path()).start().await;
    let none = runtime.run(dir.path(), &["reload"]).await;
    assert_eq!(none, (3, "no tab is open\n".to_owned(), String::new()));
    let tab = Tab::page(&livers, "/", &["/"]).await;
    let (code, output, errors) = runtime.run(dir.path(), &["tabs", "--json"]).await;
    assert_eq!((code, &*errors), (0, ""));
    let tabs: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(tabs["tabs"][0]["page"], "/", "{tabs}");
    let (_, output, _) = runtime.run(dir.path(), &["tabs"]).await;
    assert!(output.starts_with("  /  ") && output.lines().count() == 1, "{output}");
    let reloaded = runtime.run(dir.path(), &["reload", "/"]).await;
    assert_eq!(reloaded, (0, "reloaded 1 tab\n".to_owned(), String::new()));
    let other = runtime.run(dir.path(), &["reload", "/other.html", "--json"]).await;
    assert_eq!(other, (3, "{\"reloaded\":0}\n".to_owned(), String::new()));
    let (code, output, _) = runtime.run(dir.path(), &["errors"]).await;
    assert_eq!((code, &*output), (0, "no errors\n"));
    drop(tab);
}

#[tokio::test]
async fn instructions_for_agents_are_written_once_and_name_the_port() {
    let (runtime, dir) = (Runtime::new(), TempDir::with_page("<p>"));
    let livers = runtime.serve(dir.path()).start().await;
    let said = ["created AGENTS.md\n", "AGENTS.md has a section about livers already\n"];
    for said in said {
        let ended = runtime.run(dir.path(), &["init", "agents"]).await;
        assert_eq!(ended, (0, said.to_owned(), String::new()));
    }
    let text = std::fs::read_to_string(dir.at("AGENTS.md")).expect("the file");
    let url = format!("http://localhost:{}/__livers/mcp", livers.port());
    assert!(text.matches("## livers").count() == 1 && text.contains(&url), "{text}");
}

/// In a real browser: what is saved, whether it arrived, and what went wrong in the page.
#[cfg(feature = "esm")]
#[tokio::test]
async fn a_script_learns_what_became_of_each_save() {
    let (runtime, dir) = (Runtime::new(), TempDir::new());
    dir.write(
        "index.html",
        "<!doctype html><title>-</title><script type=module src=/src/main.ts></script>",
    );
    dir.write("favicon.ico", "");
    dir.write("src/main.ts", "document.title = 'one' as string;");
    dir.write("src/unused.ts", "export {};");
    let livers = runtime.serve(dir.path()).start().await;
    let page = crate::support::browser::browser().await.open(livers.url()).await;
    page.wait_until("document.title === 'one'").await;
    let src = dir.at("src");
    let table: &[(&str, &str, i32, &str, &[&str])] = &[
        (
            "main.ts",
            "document.title = 'two' as string;",
            0,
            "applied: main.ts in 1 tab (reload, ",
            &[],
        ),
        (
            "main.ts",
            "const title: string = 'three';\nthrow new Error(title);",
            1,
            "failed: main.ts in 1 tab, with errors",
            &["error    src/main.ts:2:7: Error: three  on /", "> 2 | throw new Error(title);"],
        ),
        (
            "main.ts",
            "document.title = 'four' as string;",
            0,
            "applied: main.ts in 1 tab (reload, ",
            &[],
        ),
        (
            "main.ts",
            "document.title = ;",
            1,
            "kept: 1 tab keeps running the old main.ts (compile error)",
            &["error    src/main.ts:1:18: ", "> 1 | document.title = ;"],
        ),
        ("unused.ts", "export const a = 1;", 3, "unused: no open tab uses unused.ts", &[]),
        ("main.ts", "document.title = 'five' as string;", 0, "applied: main.ts in 1 tab (", &[]),
    ];
    for (file, text, code, sentence, more) in table {
        std::fs::write(src.join(file), text).expect("a saved file");
        let (ended, output, errors) = runtime.run(&src, &["wait", file]).await;
        let all = format!("{text}: {ended} {output} {errors}");
        assert_eq!(ended, *code, "{all}");
        assert!(output.starts_with(sentence), "{all}");
        assert!(more.iter().all(|part| output.contains(part)), "{all}");
        let errors = runtime.run(&src, &["errors"]).await;
        assert_eq!(errors.0, i32::from(*code == 1 || *file == "unused.ts"), "{text}: {errors:?}");
    }
}
