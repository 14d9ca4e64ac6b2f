//! Progress of work that takes long.

use crate::support::dir::TempDir;
use crate::support::http;
use crate::support::pty::Pty;
use crate::support::skip::skip;

/// A compiler of the project that ends when a file is there.
#[tokio::test]
async fn a_compilation_that_takes_long_is_shown_until_it_ends() {
    let dir = TempDir::new();
    let tools = TempDir::new();
    dir.write("package.json", "{}");
    dir.write("a.scss", "p { color: red }");
    let package = r#"{"name":"sass","version":"1.0.0","main":"index.js"}"#;
    dir.write("node_modules/sass/package.json", package);
    let compiler = format!(
        "const pause = new Int32Array(new SharedArrayBuffer(4));\n\
         exports.compileString = exports.compileStringAsync = () => {{\n\
         while (!require('node:fs').existsSync('{}')) Atomics.wait(pause, 0, 0, 9);\n\
         return {{ css: 'p {{ top: 7px }}', loadedUrls: [] }} }};",
        tools.at("go").display()
    );
    dir.write("node_modules/sass/index.js", compiler);
    let Some(pty) = Pty::livers(dir.path(), 100, &[("NO_COLOR", "1")], &[]) else {
        return skip("terminal::progress", "setsid");
    };
    let at = pty.ready().await;
    let port = pty.port();
    let request = tokio::spawn(async move {
        let headers = [("Sec-Fetch-Dest", "style"), ("Sec-Fetch-Mode", "no-cors")];
        http::get_with(port, "/a.scss", &headers).await
    });
    let at = pty.until_after(at, "compiling a.scss, 0 s\r\n").await;
    let at = pty.until_after(at, "\x1b[1A\x1b[Jcompiling a.scss, 1 s\r\n").await;
    tools.write("go", "");
    assert!(request.await.expect("a response").text().contains("7px"));
    // The line is removed: nothing else follows.
    dir.write("b.css", "");
    let end = pty.until_after(at, "created  b.css").await;
    let text = &pty.text()[at..end];
    assert!(text.ends_with("\x1b[1A\x1b[Jcreated  b.css"), "{text:?}");
}
