//! The banner: where the server can be reached, and what it watches.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    path::PathBuf,
    time::Duration,
};

use livers::Server;

use super::{BOLD, CYAN, DIM, GREEN, RESET, YELLOW, lines::escaped, print as print_line};

/// Prints the banner. `startup` is the time since the process started.
pub(crate) fn print(server: &Server, extra_watch_paths: &[PathBuf], startup: Duration) {
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    let mut row = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {DIM}{label:<8}{RESET} {value}");
    };
    row("local", &format!("{CYAN}{}{RESET}", server.url()));
    if let Some(all) = server.addresses().iter().find(|address| address.ip().is_unspecified()) {
        let port = all.port();
        row(
            "network",
            &match network_address() {
                Some(address) => format!("{CYAN}http://{address}:{port}/{RESET}"),
                None => format!("all addresses of this machine, port {port}"),
            },
        );
    }
    for route in server.routes() {
        row("proxy", &escaped(route));
    }
    let polling = server.polling().map(|why| format!("  {DIM}(polling: {}){RESET}", escaped(&why)));
    let root = escaped(&server.root().to_string_lossy());
    row("watching", &(root + &polling.unwrap_or_default()));
    for path in extra_watch_paths {
        row("", &escaped(&path.to_string_lossy()));
    }
    if let Some(port) = server.port_in_use() {
        row("note", &format!("{YELLOW}port {port} is in use, this is the next free one{RESET}"));
    }
    let ready = format!("{DIM}ready in {} ms{RESET}", startup.as_millis().max(1));
    print_line(&format!("\n  {BOLD}{GREEN}livers{RESET} {version}  {ready}\n\n{text}"));
}

/// Returns the address by which other devices reach this machine: the source address of its default
/// route. Connecting a UDP socket looks up the route and sends nothing.
fn network_address() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737), which only the default route matches.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) if !address.is_unspecified() => Some(address),
        _ => None,
    }
}
