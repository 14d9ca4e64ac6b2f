//! Files that are no regular files, or far too large, in every place from which livers reads one:
//! each is an error, and no request waits for it.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{as_script, package_urls};
use crate::support::dir::TempDir;
use crate::support::server::Livers;

/// The kinds of files. A device is there by a link, because only root can create one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Fifo,
    Device,
    Huge,
}

/// Size of a huge file, bytes. It takes no space on the disk.
const HUGE: u64 = 10 << 30;

impl Kind {
    fn create(self, path: &Path) {
        match self {
            Self::Fifo => {
                let made = Command::new("mkfifo").arg(path).status();
                assert!(made.expect("run mkfifo").success());
            }
            Self::Device => symlink("/dev/zero", path).expect("a link"),
            Self::Huge => File::create(path).and_then(|file| file.set_len(HUGE)).expect("a file"),
        }
    }
}

/// In place of a message: no error is expected.
const STREAMED: &str = "";

/// What a page imports.
const SOURCE: &str = "import json from './data.json'; import text from './text.txt?raw';
    import './sheet.module.css'; import { a } from 'pkg'; import { b } from './b.ts';
    export const all: unknown[] = [json, text, a, b, import.meta.env];";

/// Returns the bodies of the responses to a request for a module and for the packages that it
/// imports, each with its status.
async fn load(livers: &Livers, path: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut next = vec![path.to_owned()];
    while let Some(path) = next.pop() {
        let response = as_script(livers, &path).await;
        let body = String::from_utf8_lossy(&response.body);
        next.extend(package_urls(&body).into_iter().take(1));
        bodies.push(format!("{} {body}", response.status));
        if bodies.len() > 3 {
            break;
        }
    }
    bodies
}

#[tokio::test]
async fn files_that_cannot_be_read_are_errors() {
    // The file, a request that needs it, and what a FIFO, a device and a huge file are reported as.
    // A huge file of the folder itself is streamed like any other.
    let not_regular = ["it is not a regular file", "it is not a regular file"];
    let refused = ["403 ", "403 "];
    for (file, request, [fifo, device], huge) in [
        ("package.json", "/app.ts", not_regular, "it has more than 8 MiB"),
        ("node_modules/pkg/package.json", "/app.ts", not_regular, "it has more than 8 MiB"),
        ("tsconfig.json", "/app.ts", not_regular, "it has more than 8 MiB"),
        ("base.json", "/app.ts", not_regular, "it has more than 8 MiB"),
        ("jsconfig.json", "/plain.js", not_regular, "it has more than 8 MiB"),
        (".env", "/app.ts", not_regular, "it has more than 1 MiB"),
        ("app.ts", "/app.ts", refused, STREAMED),
        ("sheet.module.css", "/sheet.module.css?import", refused, STREAMED),
        ("data.json", "/data.json?import", refused, STREAMED),
        ("text.txt", "/text.txt?import&raw", refused, STREAMED),
        (
            "node_modules/pkg/index.js",
            "/app.ts",
            ["cannot resolve", "cannot resolve"],
            "cannot import a file of more than 32 MiB",
        ),
    ] {
        for (kind, message) in [(Kind::Fifo, fifo), (Kind::Device, device), (Kind::Huge, huge)] {
            if message == STREAMED {
                continue;
            }
            let dir = TempDir::new();
            dir.write("package.json", "{}");
            dir.write("app.ts", SOURCE);
            dir.write("b.ts", "export const b: number = 1;");
            dir.write("plain.js", "import { a } from 'pkg'; console.log(a);");
            dir.write("data.json", "{}");
            dir.write("text.txt", "text");
            dir.write("sheet.module.css", ".a { color: red }");
            dir.write("node_modules/pkg/package.json", r#"{"name":"pkg","version":"1.0.0"}"#);
            dir.write("node_modules/pkg/index.js", "exports.a = 1;");
            dir.write("probe.html", "<p>");
            if file == "base.json" {
                dir.write("tsconfig.json", r#"{"extends":"./base.json"}"#);
            }
            let _ = std::fs::remove_file(dir.at(file));
            kind.create(&dir.at(file));
            let livers = Livers::on(dir.path()).start().await;
            let (bodies, probed) =
                tokio::join!(load(&livers, request), as_script(&livers, "/probe.html"));
            assert_eq!(probed.status, 200, "{kind:?} {file}");
            let bodies = bodies.join("\n");
            assert!(!bodies.contains("takes more than"), "{kind:?} {file}: {bodies}");
            assert!(bodies.contains(message), "{kind:?} {file}: {bodies}");
        }
    }
}
