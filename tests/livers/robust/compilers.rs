//! The process of Node ends with livers, whatever the compiler in it does.

use std::time::Duration;

use crate::support::{dir::TempDir, http::get_with, server::Livers};

const AS_SHEET: &[(&str, &str)] = &[("Sec-Fetch-Dest", "style"), ("Sec-Fetch-Mode", "no-cors")];

/// Returns the children of a process.
fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let of_main = std::fs::read_to_string(path).unwrap_or_default();
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of_all =
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let all = of_all.fold(of_main, |all, text| all + " " + &text);
    let mut all: Vec<_> = all.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn exists(process: u32) -> bool {
    // A process that ended may still be listed, as a zombie.
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

#[tokio::test]
async fn a_compiler_that_hangs_ends_with_livers() {
    let dir = TempDir::new();
    dir.write("package.json", "{}");
    dir.write("a.scss", "p { color: red }");
    dir.write(
        "node_modules/sass/package.json",
        r#"{"name":"sass","version":"1.0.0","main":"index.js"}"#,
    );
    dir.write(
        "node_modules/sass/index.js",
        "exports.compileString = exports.compileStringAsync = () => { for (;;); };",
    );
    let mut livers = Livers::on(dir.path()).arg("--verbose").start().await;
    let port = livers.port();
    let request = tokio::spawn(async move { get_with(port, "/a.scss", AS_SHEET).await });
    livers.wait_for_line(|line| line.contains("sass 1.0.0 runs in Node")).await;
    let node = async {
        loop {
            if let [node] = children(livers.id())[..] {
                return node;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let node = tokio::time::timeout(Duration::from_secs(10), node).await.expect("Node is started");
    livers.interrupt();
    assert!(livers.wait().await.success());
    assert!(!exists(node), "the process of Node is left");
    request.abort();
}
