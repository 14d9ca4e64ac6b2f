//! Opening places in the editor: a stand-in program records its arguments.

mod attacks;
mod click;
mod token;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::dir::TempDir;
use crate::support::http::{self, Response, get_with};
use crate::support::server::{Livers, Start};
use crate::support::within;

/// The request of a browser for a module that a page imports.
const IMPORT: [(&str, &str); 3] =
    [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-origin")];

/// A program that writes its arguments to a file and ends. It waits for nothing, so it never
/// outlives a test that fails.
struct StandIn {
    folder: TempDir,
}

impl StandIn {
    /// Creates the program under a name.
    fn named(name: &str) -> Self {
        let folder = TempDir::new();
        folder.make_dir("calls");
        let call = format!("{}/$$", folder.at("calls").display());
        // A file with its last name is complete.
        let script = format!(
            "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"{call}.tmp\" && mv \"{call}.tmp\" \"{call}\"\n"
        );
        folder.write(format!("bin/{name}"), script);
        let program = folder.at("bin").join(name);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("make it a program");
        Self { folder }
    }

    /// Returns the path of the program.
    fn program(&self, name: &str) -> String {
        self.folder.at("bin").join(name).display().to_string()
    }

    /// Waits for the next call, and returns its arguments. There must be only one.
    async fn called(&self) -> Vec<OsString> {
        let is_complete = |path: &PathBuf| path.extension().is_none();
        let files = || {
            let entries = fs::read_dir(self.folder.at("calls")).expect("the folder").flatten();
            entries.map(|entry| entry.path()).filter(is_complete).collect::<Vec<_>>()
        };
        let wait = async {
            while files().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within("a call of the editor", wait).await;
        let files = files();
        let [file] = &files[..] else { panic!("several calls: {files:?}") };
        let bytes = fs::read(file).expect("read the call");
        fs::remove_file(file).expect("remove the call");
        let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        bytes.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
    }
}

/// Returns options without the editors of the person who runs the tests.
fn on(dir: &TempDir) -> Start {
    Livers::on(dir.path()).env("LIVERS_EDITOR", "").env("VISUAL", "").env("EDITOR", "")
}

/// Requests a module like a page that imports it, and returns its token.
async fn token(livers: &Livers) -> String {
    let module = get_with(livers.port(), "/__livers/editor.js", &IMPORT).await;
    token_in(module.text()).to_owned()
}

/// Returns the token in the text of the module.
fn token_in(text: &str) -> &str {
    let (_, rest) = text.split_once("const TOKEN = '").expect("the module");
    rest.split_once('\'').expect("a token").0
}

/// Sends a place like the module in the page.
async fn open(livers: &Livers, place: &Value) -> Response {
    let token = token(livers).await;
    let origin = format!("http://localhost:{}", livers.port());
    let headers = [
        ("Origin", &*origin),
        ("Sec-Fetch-Site", "same-origin"),
        ("Content-Type", "application/json"),
        ("X-Livers-Token", &token),
    ];
    let body = place.to_string();
    http::send(livers.port(), "POST", "/__livers/open", &headers, body.as_bytes()).await
}

/// Percent-encodes a name as a segment of a URL.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn a_place_is_opened_with_the_configured_command() {
    let stand_in = StandIn::named("own-editor");
    let dir = TempDir::with_page("<p>a");
    dir.write("src/App.tsx", "");
    let command = format!("{} --at={{line}}:{{column}} '{{file}}'", stand_in.program("own-editor"));
    let livers = on(&dir).env("LIVERS_EDITOR", command).start().await;
    let file = dir.at("src/App.tsx");
    for (place, at) in [
        (json!({ "file": "/src/App.tsx", "line": 3, "column": 5 }), "--at=3:5"),
        (json!({ "file": "/src/App.tsx" }), "--at=1:1"),
        (json!({ "file": "/src/%41pp.tsx", "line": 0, "column": 0 }), "--at=1:1"),
    ] {
        let response = open(&livers, &place).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.json::<Value>(), json!({ "editor": "own-editor" }));
        assert_eq!(stand_in.called().await, [at.into(), file.clone().into_os_string()]);
    }
    livers.wait_for_line(|line| line.contains("src/App.tsx:3:5 in own-editor")).await;
}

#[cfg(feature = "esm")]
#[tokio::test]
async fn files_that_a_project_serves_elsewhere_are_found() {
    let stand_in = StandIn::named("own-editor");
    let dir = TempDir::with_page("<p>a");
    dir.write("package.json", "{}");
    dir.write("public/script.js", "");
    dir.write("public/.env", "");
    dir.write("mounted/a.css", "");
    let mount = format!("/assets={}", dir.at("mounted").display());
    let program = stand_in.program("own-editor");
    let livers = on(&dir).args(["--mount", &mount]).env("LIVERS_EDITOR", program).start().await;
    for (url, file) in [("/script.js", "public/script.js"), ("/assets/a.css", "mounted/a.css")] {
        assert_eq!(open(&livers, &json!({ "file": url })).await.status, 200, "{url}");
        assert_eq!(stand_in.called().await, [dir.at(file).into_os_string()], "{url}");
    }
    assert_eq!(open(&livers, &json!({ "file": "/.env" })).await.status, 403);
}

/// No part of a name is a command, an option, or another argument.
#[tokio::test]
async fn names_of_files_are_one_argument_each() {
    let stand_in = StandIn::named("own-editor");
    let dir = TempDir::with_page("<p>a");
    let program = stand_in.program("own-editor");
    let livers = on(&dir).env("LIVERS_EDITOR", program).start().await;
    for name in [
        "-rf.ts",
        "--goto=x.ts",
        "$(touch pwned).ts",
        "`id`;&|<>.ts",
        "a b'\".ts",
        "%PATH%&calc^.ts",
        "{file}{line}.ts",
        "*?[a].ts",
        "new\nline.ts",
        "+call system('id').ts",
        "a.ts:5:3",
        "\\\\host\\share.ts",
        "~.ts",
        "\u{e9}.ts",
    ] {
        dir.write(name, "");
        let response = open(&livers, &json!({ "file": format!("/{}", encoded(name)) })).await;
        assert_eq!(response.status, 200, "{name}: {response:?}");
        assert_eq!(stand_in.called().await, [dir.at(name).into_os_string()], "{name}");
    }
    assert!(!dir.at("pwned").exists());
}

#[tokio::test]
async fn variables_of_other_programs_are_used_if_the_editor_opens_a_window() {
    let stand_in = StandIn::named("code");
    let dir = TempDir::with_page("<p>a");
    dir.write("a:b.ts", "");
    dir.write("a.ts:5", "");
    let program = stand_in.program("code");
    for start in [
        on(&dir).env("VISUAL", format!("{program} --wait")),
        on(&dir).env("VISUAL", "vim").env("EDITOR", format!("'{program}' -w")),
        on(&dir).env("LIVERS_EDITOR", program.clone()).env("VISUAL", "/none/zed"),
    ] {
        let livers = start.start().await;
        let place = json!({ "file": "/a:b.ts", "line": 3, "column": 5 });
        assert_eq!(open(&livers, &place).await.json::<Value>(), json!({ "editor": "code" }));
        let wanted = format!("{}:3:5", dir.at("a:b.ts").display());
        assert_eq!(stand_in.called().await, ["-r", "-g", &wanted]);
        // It would open a.ts.
        let response = open(&livers, &json!({ "file": "/a.ts:5" })).await;
        assert_eq!(response.status, 422, "{response:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_editor_that_is_running_is_found() {
    // The first editor of the table.
    let stand_in = StandIn::named("code");
    let running = TempDir::new();
    let sleep = ["/bin/sleep", "/usr/bin/sleep"].into_iter().find(|path| fs::exists(path).unwrap());
    fs::copy(sleep.expect("sleep"), running.at("code")).expect("copy sleep");
    let editor = Command::new(running.at("code")).arg("60").spawn().expect("run it");
    let editor = KillOnDrop(editor);
    let dir = TempDir::with_page("<p>a");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        [stand_in.folder.at("bin")].into_iter().chain(std::env::split_paths(&path)).collect();
    let path = std::env::join_paths(folders).expect("a PATH");
    let livers = on(&dir).env("PATH", path).start().await;
    let response = open(&livers, &json!({ "file": "/index.html", "line": 2 })).await;
    drop(editor);
    assert_eq!(response.json::<Value>(), json!({ "editor": "code" }));
    let wanted = format!("{}:2:1", dir.at("index.html").display());
    assert_eq!(stand_in.called().await, ["-r", "-g", &wanted]);
}

#[tokio::test]
async fn the_answer_and_the_terminal_tell_why_nothing_was_opened() {
    let dir = TempDir::with_page("<p>a");
    for (command, status, text) in [
        ("none", 409, "opening an editor is turned off"),
        ("/none/own-editor", 409, "own-editor could not be started"),
        ("vim", 409, "vim needs a terminal of its own"),
        ("'code", 409, "the editor's command is invalid: 'code"),
    ] {
        let livers = on(&dir).env("LIVERS_EDITOR", command).start().await;
        let response = open(&livers, &json!({ "file": "/index.html" })).await;
        assert_eq!(response.status, status, "{response:?}");
        let answer: Value = response.json();
        assert!(answer["error"].as_str().expect("an error").starts_with(text), "{answer}");
        assert_eq!(answer["setting"] == "editor", command != "none", "{answer}");
        let line = livers.wait_for_line(|line| line.contains(text)).await;
        assert_eq!(line.contains("LIVERS_EDITOR"), command != "none", "{line}");
    }
    let livers = on(&dir).env("LIVERS_EDITOR", "sh -c 'exit 3' {file}").start().await;
    assert_eq!(open(&livers, &json!({ "file": "/index.html" })).await.status, 200);
    livers.wait_for_line(|line| line.contains("sh failed (exit status: 3)")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn processes_are_bounded_and_leave_no_zombies() {
    let dir = TempDir::with_page("<p>a");
    // They run until the file is gone, at the latest with the folder.
    dir.write(".hold", "");
    let script = format!("while [ -e {} ]; do sleep 0.02; done", dir.at(".hold").display());
    let livers = on(&dir).env("LIVERS_EDITOR", format!("sh -c '{script}' {{file}}")).start().await;
    let place = json!({ "file": "/index.html" });
    for _ in 0..8 {
        assert_eq!(open(&livers, &place).await.status, 200);
    }
    let response = open(&livers, &place).await;
    assert_eq!(response.status, 429, "{response:?}");
    dir.remove(".hold");
    let gone = async {
        while !children(livers.id()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("the end of all processes", gone).await;
    assert_eq!(open(&livers, &place).await.status, 200);
}

/// A process that ends with the test.
#[cfg(target_os = "linux")]
struct KillOnDrop(std::process::Child);

#[cfg(target_os = "linux")]
impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the processes that a process has started, ended ones that it does not know of included.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The state and the parent follow the name, which is in parentheses.
        let after = stat.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
        after.split_whitespace().nth(1) == Some(&parent.to_string())
    })
    .collect()
}
