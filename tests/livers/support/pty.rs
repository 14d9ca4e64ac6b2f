//! A pseudo-terminal, and programs in it.
//!
//! `setsid --ctty` of util-linux makes it the controlling terminal of a program. A thread collects
//! what is written. The mode of the terminal is read from the test's end.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::sync::watch;

use super::within;

const BINARY: &str = env!("CARGO_BIN_EXE_livers");
const DEADLINE: Duration = Duration::from_secs(20);

/// Variables that change the output.
const VARIABLES: [&str; 12] = [
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "NO_COLOR",
    "FORCE_HYPERLINK",
    "TERM_PROGRAM",
    "VTE_VERSION",
    "WT_SESSION",
    "KITTY_WINDOW_ID",
    "KONSOLE_VERSION",
    "COLORTERM",
    "DOMTERM",
];

/// A program in a pseudo-terminal.
pub struct Pty {
    child: Child,
    master: File,
    /// Kept open: without it, the mode would be that of a terminal without programs.
    _slave: File,
    original: Termios,
    text: watch::Receiver<String>,
}

impl Pty {
    /// Starts livers on a folder and a free port.
    pub fn livers(
        folder: &Path,
        columns: u16,
        env: &[(&str, &str)],
        args: &[&str],
    ) -> Option<Self> {
        let line = [BINARY, folder.to_str().expect("UTF-8"), "--port", "0"];
        Self::run(columns, env, line.iter().chain(args))
    }

    /// Starts livers on a folder, with these arguments.
    pub fn livers_with_args(folder: &Path, args: &[&str]) -> Option<Self> {
        let line = [BINARY, folder.to_str().expect("UTF-8")];
        Self::run(100, &[], line.iter().chain(args))
    }

    /// Starts a shell with job control, which does not change the mode of the terminal, and runs
    /// commands in it. `$livers` is the command line of livers on a folder and a free port.
    pub fn shell(folder: &Path, commands: &str) -> Option<Self> {
        let livers = format!("'{BINARY}' '{}' --port 0", folder.display());
        Self::run(100, &[("livers", &livers), ("PS1", "$ ")], ["sh", "-mc", commands])
    }

    /// Starts a program. `None` without `setsid`.
    fn run<S: AsRef<OsStr>>(
        columns: u16,
        env: &[(&str, &str)],
        line: impl IntoIterator<Item = S>,
    ) -> Option<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).expect("access");
        unlockpt(&master).expect("access");
        let name = ptsname(&master, Vec::new()).expect("a name");
        let name = name.to_str().expect("UTF-8");
        let noctty = i32::try_from(OpenptFlags::NOCTTY.bits()).expect("a flag");
        let mut open = OpenOptions::new();
        let slave =
            open.read(true).write(true).custom_flags(noctty).open(name).expect("a terminal");
        let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("a size");
        let original = tcgetattr(&slave).expect("a mode");
        let mut command = Command::new("setsid");
        // The parent process may ignore signals, as `nohup` does.
        command.args(["--ctty", "env", "--default-signal"]).args(line);
        for name in VARIABLES {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color").envs(env.iter().copied());
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        command.stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().ok()?;
        let master = File::from(master);
        let text = collect(master.try_clone().expect("a descriptor"));
        Some(Self { child, master, _slave: slave, original, text })
    }

    /// Returns everything that was written so far.
    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }

    /// Waits until a text was written after the position. Returns the position after it.
    pub async fn until_after(&self, from: usize, text: &str) -> usize {
        let found = |all: &String| all.get(from..).is_some_and(|new| new.contains(text));
        let mut receiver = self.text.clone();
        let waited = tokio::time::timeout(DEADLINE, receiver.wait_for(found)).await;
        assert!(matches!(waited, Ok(Ok(_))), "no {text:?} in {:?}", self.text());
        let all = self.text.borrow();
        from + all[from..].find(text).expect("the text") + text.len()
    }

    /// Waits for a text.
    pub async fn until(&self, text: &str) -> usize {
        self.until_after(0, text).await
    }

    /// Waits for the banner of a server that has keys. Returns the position after it.
    pub async fn ready(&self) -> usize {
        let at = self.until("press h").await;
        self.until_after(at, "\r\n\r\n").await
    }

    /// Returns the port of the server.
    pub fn port(&self) -> u16 {
        let text = self.text.borrow();
        let (_, rest) = text.split_once("http://localhost:").expect("a URL");
        rest.split('/').next().and_then(|port| port.parse().ok()).expect("a port")
    }

    /// Types bytes at once.
    pub fn press(&mut self, bytes: &[u8]) {
        self.master.write_all(bytes).expect("input");
    }

    /// Returns the mode of the terminal.
    fn mode(&self) -> Termios {
        tcgetattr(&self.master).expect("a mode")
    }

    /// Returns whether each key arrives by itself.
    pub fn has_keys(&self) -> bool {
        !self.mode().local_modes.contains(LocalModes::ICANON)
    }

    /// Waits until each key arrives by itself.
    pub async fn wait_for_keys(&self) {
        let deadline = Instant::now() + DEADLINE;
        while !self.has_keys() {
            assert!(Instant::now() < deadline, "no keys: {:?}", self.text());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asserts that the terminal is as it was before the program.
    pub fn assert_restored(&self, after: &str) {
        let (now, then) = (self.mode(), &self.original);
        let text = format!("after {after}: {:?}", self.text());
        assert_eq!(now.input_modes, then.input_modes, "{text}");
        assert_eq!(now.output_modes, then.output_modes, "{text}");
        assert_eq!(now.control_modes, then.control_modes, "{text}");
        assert_eq!(now.local_modes, then.local_modes, "{text}");
        assert_eq!(
            format!("{:?}", now.special_codes),
            format!("{:?}", then.special_codes),
            "{text}"
        );
    }

    /// Returns the process ID. It is that of the program: `setsid` becomes it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("run kill");
        assert!(sent.success(), "kill -s {name} {id}: {sent}");
    }

    /// Waits for the end of the program.
    pub async fn wait(&mut self) -> ExitStatus {
        let end = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a status") {
                    break status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within("the end", end).await
    }

    /// Presses Ctrl-C, and waits for the end.
    pub async fn interrupt(&mut self) -> ExitStatus {
        self.press(b"\x03");
        self.wait().await
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Every process of the terminal gets SIGHUP when its leader ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Collects what is written to a terminal.
fn collect(mut master: File) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    std::thread::spawn(move || {
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = master.read(&mut buffer) {
            all.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&all).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}
