//! Measures the time from a save to the message on the reload socket.
//!
//! The clock starts right before the last step of a save: closing a file that was written in place,
//! or renaming a new file into place. It stops when the client has read the message's bytes. The
//! site has ten files and lies in `/dev/shm`, because on a disk the rename may take longer than
//! everything else. The message must be one `updated` that names the file and nothing else; the
//! bench fails otherwise.
//!
//! Compares livers with a bare loop that writes a line to a socket as soon as `notify` reports that
//! a file was closed after writing, or is the target of a rename. Each is a process of its own, and
//! they take turns, save by save.
//!
//! The client stands for a tab: it has requested the page and the style sheet, says `hello` with
//! the style sheet in `uses`, and requests the style sheet again after each message. The pause
//! after a save is longer than livers gathers a burst. `cargo bench --bench save -- 1000` takes
//! 1,000 saves of either kind instead of 200.
//!
//! Not measured: the browser's time, writing the bytes, bursts, larger sites, many tabs.

// The output is the result.
#![allow(clippy::print_stdout)]

mod support;

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message, Utf8Bytes, WebSocket, client::IntoClientRequest, http::HeaderValue,
};

use support::{Exchange, Folder, Result, Server, Timed, bare, number, quantile, text};

const SAVES: usize = 200;

/// Longer than livers gathers the changes of a burst.
const PAUSE: Duration = Duration::from_millis(120);

const LENGTH: usize = 10_240;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    if let (Some(bare::ROLE), Some(folder)) = (arguments.next().as_deref(), arguments.next()) {
        return bare::run(folder.as_ref());
    }
    let (ours, theirs) = (site("livers")?, site("bare")?);
    let livers = Server::livers(ours.path())?;
    let bare = Server::own(bare::ROLE, theirs.path())?;
    let mut tab = Tab::open(&livers)?;
    let mut line = BufReader::new(Timed::new(bare.connect()?));
    sleep(Duration::from_secs(1));

    let saves = number().unwrap_or(SAVES);
    println!("ms from the save to the message, {saves} saves each");
    println!("{:<10} {:<10} {:>7} {:>7} {:>7} {:>10}", "", "", "p50", "p95", "p99", "p50 ratio");
    for (name, save) in [("in place", in_place as Save), ("by rename", by_rename)] {
        let (mut own, mut base) = (Vec::new(), Vec::new());
        for number in 0..saves {
            let began = save(theirs.path(), &sheet(number))?;
            if line.read_line(&mut String::new())? == 0 {
                return Err("the bare loop has ended".into());
            }
            base.push((line.get_ref().read_at - began).as_secs_f64() * 1000.0);

            let began = save(ours.path(), &sheet(number))?;
            let read = tab.updated()?;
            own.push((read - began).as_secs_f64() * 1000.0);
            tab.load()?;
            sleep(PAUSE);
        }
        for (server, times) in [("bare loop", &base), ("livers", &own)] {
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| quantile(times, part));
            let ratio = p50 / quantile(&base, 0.5);
            println!("{name:<10} {server:<10} {p50:>7.3} {p95:>7.3} {p99:>7.3} {ratio:>10.2}");
        }
    }
    tab.expect_silence()
}

/// Creates a site of ten files.
fn site(name: &str) -> Result<Folder> {
    let folder = Folder::in_memory(name)?;
    folder.write("page.html", "<!doctype html><link rel=\"stylesheet\" href=\"sheet.css\">\n")?;
    folder.write("sheet.css", sheet(usize::MAX))?;
    (1..=8).try_for_each(|number| folder.write(&format!("{number}.txt"), "something\n"))?;
    Ok(folder)
}

/// Returns a style sheet that differs from the others.
fn sheet(number: usize) -> String {
    let line = "p { margin: 1px 2px 3px 4px; color: #123456 }\n";
    text(LENGTH, &format!("/* {number} */\n"), line, "\n")
}

/// Saves the style sheet. Returns the time right before the last step.
type Save = fn(&Path, &str) -> Result<Instant>;

fn in_place(folder: &Path, content: &str) -> Result<Instant> {
    let mut file = File::create(folder.join("sheet.css"))?;
    file.write_all(content.as_bytes())?;
    let began = Instant::now();
    drop(file);
    Ok(began)
}

fn by_rename(folder: &Path, content: &str) -> Result<Instant> {
    let new = folder.join("sheet.css.new");
    fs::write(&new, content)?;
    let began = Instant::now();
    fs::rename(new, folder.join("sheet.css"))?;
    Ok(began)
}

/// A tab with the page open.
struct Tab {
    socket: WebSocket<Timed>,
    sheet: Exchange,
    version: u64,
}

impl Tab {
    fn open(livers: &Server) -> Result<Self> {
        let host = format!("127.0.0.1:{}", livers.port);
        Exchange::new(
            livers,
            &format!("GET /page.html HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Dest: document\r\n\r\n"),
        )?;
        let sheet = Exchange::new(
            livers,
            &format!(
                "GET /sheet.css HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Dest: style\r\n\
                Referer: http://{host}/page.html\r\n\r\n"
            ),
        )?;
        let mut request = format!("ws://{host}/__livers/socket").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Origin", HeaderValue::from_str(&format!("http://{host}"))?);
        headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static("livers"));
        let (mut socket, _) =
            tokio_tungstenite::tungstenite::client(request, Timed::new(livers.connect()?))
                .map_err(|why| why.to_string())?;
        let connected: Value = serde_json::from_str(&next(&mut socket)?)?;
        let version = connected["version"].as_u64().ok_or("no version")?;
        let hello = json!({
            "type": "hello", "page": "/page.html", "uses": ["/sheet.css"],
            "boot": connected["boot"], "version": version, "age": 10,
        });
        socket.send(Message::text(hello.to_string()))?;
        Ok(Self { socket, sheet, version })
    }

    /// Reads the message of one save. Returns when its bytes were read.
    fn updated(&mut self) -> Result<Instant> {
        let text = next(&mut self.socket)?;
        let read = self.socket.get_ref().read_at;
        let message: Value = serde_json::from_str(&text)?;
        self.version += 1;
        let wanted = json!({
            "type": "updated", "version": self.version,
            "changes": [{ "path": "/sheet.css", "kind": "modified" }],
        });
        if message == wanted {
            Ok(read)
        } else {
            Err(format!("{message} instead of {wanted}").into())
        }
    }

    /// Requests the style sheet, as a page does that swaps it.
    fn load(&mut self) -> Result<()> {
        self.sheet.again()
    }

    /// Checks that no other message follows.
    fn expect_silence(mut self) -> Result<()> {
        self.socket.get_ref().wait_at_most(Duration::from_millis(500))?;
        match self.socket.read() {
            Ok(message) => Err(format!("an additional message: {message}").into()),
            Err(_) => Ok(()),
        }
    }
}

/// Reads the next text message.
fn next(socket: &mut WebSocket<Timed>) -> Result<Utf8Bytes> {
    loop {
        if let Message::Text(text) = socket.read()? {
            return Ok(text);
        }
    }
}
