//! The banner: where the server can be reached, and what it serves and watches.

use std::{
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::Duration,
};

use livers::{Config, Server};
use unicode_width::UnicodeWidthStr;

use crate::line::{Line, Message, Style};

/// What is between a path and where it leads.
const ARROW: &str = " -> ";

/// Returns the banner. `startup` is the time since the process started, `keys` is whether there are
/// any.
pub(crate) fn banner(server: &Server, config: &Config, startup: Duration, keys: bool) -> Message {
    let ready = title(format!("ready in {} ms", startup.as_millis().max(1)));
    let mut lines = vec![Line::default(), ready, Line::default()];
    lines.push(row("local").styled(Style::Cyan, server.url()));
    lines.extend(network(server));
    let root = row("serving").text(server.root().to_string_lossy());
    lines.push(match server.polling() {
        Some(why) => root.styled(Style::Dim, format!("  (polling: {why})")),
        None => root,
    });
    let mounts = config.mount.iter().map(|mount| ("mount", mount.to_string()));
    let spa = config.spa.iter().map(|page| ("spa", page.clone()));
    let routes = server.routes().iter().map(|route| ("proxy", route.clone()));
    lines.extend(aligned(&mounts.chain(spa).chain(routes).collect::<Vec<_>>()));
    lines.extend(config.watch.iter().map(|path| row("watching").text(path.to_string_lossy())));
    if let Some(port) = server.port_in_use() {
        let note = format!("port {port} is in use, this is the next free one");
        lines.push(row("note").styled(Style::Yellow, note));
    }
    lines.push(Line::default());
    if keys {
        lines.push(Line::indented(2).styled(Style::Dim, "press h to list the keys"));
        lines.push(Line::default());
    }
    Message(lines)
}

/// Returns rows of which the arrows are in the same column.
fn aligned(rows: &[(&str, String)]) -> Vec<Line> {
    let paths = rows.iter().filter_map(|(_, text)| text.split_once(ARROW));
    let width = paths.map(|(path, _)| path.width()).max().unwrap_or_default();
    let lines = rows.iter().map(|(label, text)| match text.split_once(ARROW) {
        Some((path, target)) => {
            let space = " ".repeat(width - path.width());
            row(label).text(format!("{path}{space}")).styled(Style::Dim, ARROW).text(target)
        }
        None => row(label).text(text),
    });
    lines.collect()
}

/// Returns the banner of a quiet server: its URL, which a script can read.
pub(crate) fn url(server: &Server) -> Message {
    Line::default().text(server.url()).into()
}

/// Returns what is shown in place of the banner while the server starts.
pub(super) fn starting(elapsed: Duration) -> Line {
    title(format!("reading the folder, {} s", elapsed.as_secs()))
}

fn title(state: String) -> Line {
    let title = Line::indented(2).styled(Style::Title, "livers");
    title.text(format!(" {}  ", env!("CARGO_PKG_VERSION"))).styled(Style::Dim, state)
}

/// Returns a row with a label.
fn row(label: &str) -> Line {
    Line::indented(2).styled(Style::Dim, format!("{label:<8}")).text(" ").hanging()
}

/// Returns the row with the URL for other devices, or how to let them connect. `None` if the server
/// listens on one address of the network.
fn network(server: &Server) -> Option<Line> {
    let addresses = server.addresses();
    if addresses.iter().all(|address| address.ip().is_loopback()) {
        return Some(row("network").styled(Style::Dim, "--host 0.0.0.0 admits other devices"));
    }
    let all = addresses.iter().find(|address| address.ip().is_unspecified())?;
    let port = all.port();
    Some(match network_address() {
        Some(address) => row("network").styled(Style::Cyan, format!("http://{address}:{port}/")),
        None => row("network").text(format!("all addresses of this machine, port {port}")),
    })
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
