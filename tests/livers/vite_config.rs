//! `vite.config.*` of the served folder, which is read and never run.

use crate::support::dir::TempDir;
use crate::support::http::{Response, get_with};
use crate::support::server::Livers;

/// Creates a project with a configuration and other files.
fn project(config: &str, files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new();
    dir.write("package.json", "{\"name\":\"project\",\"type\":\"module\"}");
    dir.write("index.html", "<!doctype html><script type=module src=/src/main.ts></script>");
    dir.write("vite.config.ts", config);
    for (path, text) in files {
        dir.write(path, text);
    }
    dir
}

/// Requests a path as a browser does for a module script.
async fn get_as_script(livers: &Livers, path: &str) -> Response {
    let headers = [("Sec-Fetch-Dest", "script"), ("Sec-Fetch-Mode", "cors")];
    get_with(livers.port(), path, &headers).await
}

#[tokio::test]
async fn what_is_not_understood_is_named_once() {
    let config = "import { VitePWA } from 'vite-plugin-pwa'\nimport react from '@vitejs/plugin-react'\n\
                  import { visualizer } from 'rollup-plugin-visualizer'\n\
                  throw new Error('this file must not run')\n\
                  export default {\nplugins: [react(), VitePWA(), visualizer()],\n\
                  resolve: { alias: aliases() },\nserver: { host: true } }";
    let dir = project(config, &[]);
    let livers = Livers::on(dir.path()).start().await;
    for wanted in [
        "vite.config.ts: plugin vite-plugin-pwa is not run",
        "vite.config.ts: resolve.alias is not understood (line 7)",
        "vite.config.ts: server.host is not applied (--host 0.0.0.0 accepts other devices)",
    ] {
        livers.wait_for_line(|line| line.ends_with(wanted)).await;
    }
    get_as_script(&livers, "/").await;
    let named = livers.stdout().iter().filter(|line| line.contains("vite.config")).count();
    assert_eq!(named, 3, "{:?}", livers.stdout());

    let dir = project(config, &[]);
    let livers = Livers::on(dir.path()).arg("--no-compile").start().await;
    get_as_script(&livers, "/").await;
    assert!(!livers.stdout().iter().any(|line| line.contains("vite.config")));
}
