//! The command line: flags, the banner, errors, shutdown.

mod commands;
mod logs;
mod mistakes;
mod output;
mod shutdown;
mod terminal;

use std::path::Path;

use super::support::dir::TempDir;
use super::support::http::{self, Wire, request_head};
use super::support::server::{self, Livers, Stream};
use super::support::skip::skip;

#[tokio::test]
async fn the_banner_lists_urls_folders_and_routes_with_aligned_labels() {
    let dir = TempDir::with_page("<p>");
    dir.write("site/app.html", "<p>");
    dir.make_dir("shared");
    dir.make_dir("templates");
    dir.make_dir("content");
    let livers = Livers::on("site")
        .working_dir(dir.path())
        .args(["--proxy", "/ws=localhost:3000", "--proxy", "/api=http://localhost:3000/v1"])
        .args(["--watch", "templates", "--watch", "content", "--spa=app.html"])
        .args(["--mount", "/assets=shared"])
        .start()
        .await;
    livers.wait_for_line(|line| line.trim() == "watching content").await;
    http::get(livers.port(), "/").await;
    let lines = livers.lines();
    assert!(lines.iter().all(|(on, text)| *on == Stream::Stdout && !text.contains('\x1b')));
    let lines = livers.stdout();
    let version = env!("CARGO_PKG_VERSION");
    let took = lines[1].strip_prefix(&format!("  livers {version}  ready in ")).expect("a title");
    took.strip_suffix(" ms").expect("a time").parse::<u32>().expect("a number");
    let site = dir.at("site");
    assert_eq!(
        lines[3..],
        [
            format!("  local    http://localhost:{}/", livers.port()),
            "  network  --host 0.0.0.0 admits other devices".to_owned(),
            format!("  serving  {}", site.display()),
            "  mount    /assets/ -> shared".to_owned(),
            "  spa      app.html".to_owned(),
            "  proxy    /ws      -> http://localhost:3000".to_owned(),
            "  proxy    /api     -> http://localhost:3000/v1".to_owned(),
            "  watching templates".to_owned(),
            "  watching content".to_owned(),
            String::new(),
        ]
    );
}

#[tokio::test]
async fn the_current_folder_is_served_by_default() {
    let dir = TempDir::with_page("here");
    let livers = Livers::within(dir.path()).start().await;
    let page = http::get_with(livers.port(), "/", &[("Sec-Fetch-Dest", "empty")]).await;
    assert_eq!(page.text(), "here");
    livers.wait_for_line(|line| line == format!("  serving  {}", dir.path().display())).await;
}

#[tokio::test]
async fn help_lists_all_flags_and_fits_100_columns() {
    let (status, help, errors) = server::run(["--help"]).await;
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    for flag in [
        "--port",
        "--strict-port",
        "--host",
        "--proxy",
        "--watch",
        "--ignore",
        "--poll",
        "--dotfiles",
        "--open",
        "--quiet",
        "--verbose",
        "--help",
        "--version",
    ] {
        assert!(help.contains(flag), "{flag} in {help}");
    }
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    for example in ["livers ./site ", "--proxy /ws=localhost:3000", "--host 0.0.0.0"] {
        assert!(examples.contains(example), "{example} in {examples}");
    }
    assert!(help.lines().all(|line| line.len() <= 100 && !line.contains('\x1b')), "{help}");
    assert_eq!(server::run(["-h"]).await.1, help, "-h and --help are the same");

    let (status, version, _) = server::run(["--version"]).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(version, format!("livers {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn invalid_arguments_exit_with_2_and_one_sentence() {
    let dir = TempDir::with_page("<p>");
    dir.write("sub/a.css", "");
    // The arguments, the problem, and the remedy.
    let table: &[(&[&str], &str, &str)] = &[
        (&["nope"], "nope does not exist", "name a folder"),
        (&["sub/a.css"], "sub/a.css is a file", "name the folder that contains it, sub"),
        (&["index.html"], "index.html is a file", "name the folder that contains it, ."),
        (&["a", "b"], "b is a second folder", "name only one"),
        (&["--port", "99999"], "--port 99999", "from 0 to 65535"),
        (&["--port", "-1"], "--port -1", "from 0 to 65535"),
        (&["--port", "http"], "--port http", "like 8080"),
        (&["--port"], "--port needs a value", "--port 8080"),
        (&["--proxy", "foo"], "--proxy foo", "/PREFIX=TARGET"),
        (&["--proxy", "ws=3000"], "--proxy ws=3000", "/ws=3000"),
        (&["--proxy", "/ws=ftp://a"], "--proxy /ws=ftp://a", "http://"),
        (&["--proxy", "/ws=a:99999"], "--proxy /ws=a:99999", "65535"),
        (&["--proxy", "/__livers=3000"], "--proxy /__livers=3000", ""),
        (&["--prot", "1"], "--prot is not an option", "--port"),
        (&["--frobnicate"], "--frobnicate is not an option", "--help"),
        (&["--quiet", "--verbose"], "--quiet and --verbose", "give only one"),
        (&["--ignore", "{a"], "--ignore '{a'", "'drafts/**'"),
        (&["--ignore", "["], "--ignore '['", "'drafts/**'"),
        (&["--ignore", ""], "--ignore ''", "'drafts/**'"),
        (&["--ignore", "#a"], "--ignore '#a'", "write \\# for"),
        (&["--watch", "nope"], "--watch nope does not exist", "name a folder or a file"),
        (&["--host", "no such host"], "--host no such host", "0.0.0.0"),
    ];
    for (args, problem, remedy) in table {
        let (status, output, errors) = server::run_in(dir.path(), *args).await;
        assert_eq!(status.code(), Some(2), "{args:?}: {errors}");
        assert_eq!(output, "", "{args:?}");
        assert!(errors.starts_with(&format!("error: {problem}")), "{args:?}: {errors}");
        assert!(errors.contains(remedy), "{args:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{args:?}: {errors}");
    }
}

#[tokio::test]
async fn an_unreadable_root_exits_with_2() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new();
    dir.make_dir("locked");
    let mode = |mode| std::fs::set_permissions(dir.at("locked"), PermissionsExt::from_mode(mode));
    mode(0o000).expect("a mode");
    let (status, _, errors) = server::run_unprivileged_in(dir.path(), ["locked"]).await;
    mode(0o700).expect("a mode");
    assert_eq!(status.code(), Some(2), "{errors}");
    assert!(errors.starts_with("error: cannot read locked"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[tokio::test]
async fn a_port_in_use_leads_to_the_next_one_or_with_strict_port_to_exit_code_1() {
    let dir = TempDir::with_page("<p>");
    let first = Livers::on(dir.path()).start().await;
    let port = first.port();
    let note = format!("  note     port {port} is in use, this is the next free one");
    let second = Livers::on(dir.path()).port(port).start().await;
    assert!(second.port() > port, "{} after {port}", second.port());
    second.wait_for_line(|line| line == note).await;
    assert_eq!(http::get(second.port(), "/").await.status, 200);

    let strict = ["--strict-port", "--port", &port.to_string()].map(str::to_owned);
    let (status, output, errors) = server::run_in(dir.path(), strict).await;
    assert_eq!((status.code(), output.as_str()), (Some(1), ""), "{errors}");
    let sentence = format!("error: port {port} ");
    assert!(errors.starts_with(&sentence) && errors.contains("--port"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(!first.stdout().iter().any(|line| line.contains("in use")), "its own port was free");
}

#[tokio::test]
async fn both_loopback_addresses_accept_connections() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return skip("cli::both_loopback_addresses_accept_connections", "::1");
    }
    let dir = TempDir::with_page("<p>");
    let livers = Livers::on(dir.path()).start().await;
    for address in ["127.0.0.1", "::1"] {
        let stream = tokio::net::TcpStream::connect((address, livers.port())).await;
        let mut wire = Wire::over(stream.unwrap_or_else(|e| panic!("{address}: {e}")));
        wire.send(request_head(livers.port(), "GET", "/", &[], 0)).await;
        assert_eq!(wire.response(false).await.status, 200, "{address}");
    }
    // A port in use on one of the two is not used.
    let one = Livers::on(dir.path()).args(["--host", "::1"]).start().await;
    assert_eq!(one.url(), format!("http://[::1]:{}/", one.port()));
    let next = Livers::on(dir.path()).port(one.port()).start().await;
    assert_ne!(next.port(), one.port());
}

#[tokio::test]
async fn the_root_may_have_spaces_and_dots() {
    let dir = TempDir::new();
    dir.write("with space/index.html", "a");
    for root in ["with space", "./with space/", "with space/../with space"] {
        let livers = Livers::on(Path::new(root)).working_dir(dir.path()).start().await;
        let page = http::get_with(livers.port(), "/", &[("Sec-Fetch-Dest", "empty")]).await;
        assert_eq!(page.text(), "a", "{root}");
    }
}
