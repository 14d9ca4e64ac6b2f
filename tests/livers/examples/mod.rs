//! Runs each example as its README describes, in a browser.

mod chat;
mod echo;
mod site;
mod transports;

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::support::{browser::Page, dir::TempDir, server::Livers, within};

/// The backend of an example, on a free port. Killed on drop.
struct Example {
    name: &'static str,
    port: u16,
    child: Child,
}

impl Example {
    async fn start(name: &'static str) -> Self {
        Self::start_with(name, &[]).await
    }

    /// Starts a backend with arguments after the port.
    async fn start_with(name: &'static str, args: &[&str]) -> Self {
        let (child, port) = Self::spawn(name, 0, args).await;
        Self { name, port, child }
    }

    async fn spawn(name: &str, port: u16, args: &[&str]) -> (Child, u16) {
        let folder = Path::new(env!("CARGO_BIN_EXE_livers")).with_file_name("examples");
        let mut child = Command::new(folder.join(name))
            .arg(port.to_string())
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}. Run: cargo build --examples"));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line =
            within("the address of the backend", lines.next_line()).await.expect("stdout is UTF-8");
        let line = line.unwrap_or_else(|| panic!("{name} ended before it printed its address"));
        let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
        (child, port.unwrap_or_else(|| panic!("no port in {line:?}")))
    }

    async fn kill(&mut self) {
        within("the end of the backend", self.child.kill()).await.expect("kill");
    }

    /// Restarts the backend on the same port.
    async fn restart(&mut self) {
        (self.child, _) = Self::spawn(self.name, self.port, &[]).await;
    }

    /// Starts livers on a copy of the example's pages, and forwards a path to this backend.
    async fn livers(&self, path: &str) -> (Livers, TempDir) {
        let dir = TempDir::copy_of(format!("examples/{}/web", self.name));
        let route = format!("{path}=localhost:{}", self.port);
        (Livers::on(dir.path()).arg("--proxy").arg(route).start().await, dir)
    }
}

/// Asserts that the page logged no error and that all its requests succeeded.
fn assert_no_errors(page: &Page) {
    let errors: Vec<_> = page.console().into_iter().filter(|line| line.level == "error").collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for request in page.requests() {
        assert!(request.error.is_none(), "{request:?}");
        assert!(request.status.is_none_or(|status| status < 400), "{request:?}");
    }
}
