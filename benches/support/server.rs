//! Servers as child processes, with their CPU time and memory.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Folder, Result};

/// How long a server may take until it listens.
const LISTEN: Duration = Duration::from_mins(1);

/// The kernel's units of CPU time per second: `USER_HZ`, which is 100 on all platforms of Rust's
/// Linux.
const TICKS: f64 = 100.0;

/// A server in a child process.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// The command that stops it, if killing it is not enough.
    stop: Option<Command>,
}

impl Server {
    /// Starts the release binary.
    pub(crate) fn livers(folder: &Path) -> Result<Self> {
        Self::livers_binary(env!("CARGO_BIN_EXE_livers"), folder, &[])
    }

    /// Starts a livers binary with further arguments.
    pub(crate) fn livers_binary(
        binary: impl AsRef<OsStr>,
        folder: &Path,
        args: &[String],
    ) -> Result<Self> {
        let mut command = Command::new(binary);
        command.args(["--port", "0"]).args(args).arg(folder);
        Self::printing_its_port(command, |line| {
            let at = line.find("http://localhost:")? + "http://localhost:".len();
            line[at..].split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    /// Starts this bench's own program in another role. It prints its port as its first line.
    pub(crate) fn own(role: &str, folder: &Path) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(role).arg(folder);
        Self::printing_its_port(command, |line| line.trim().parse().ok())
    }

    /// Starts the Vite of a `node_modules` folder.
    pub(crate) fn vite(folder: &Path, modules: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("node");
        command.arg(modules.join("vite/bin/vite.js"));
        command.args(["--strictPort", "--host", "127.0.0.1", "--port"]).arg(port.to_string());
        command.current_dir(folder);
        Self::listening(command, port)
    }

    /// Starts the bun of a `node_modules` folder on `index.html`.
    pub(crate) fn bun(folder: &Path, modules: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(modules.join(".bin/bun"));
        command.args(["./index.html", &format!("--port={port}")]).current_dir(folder);
        Self::listening(command, port)
    }

    /// Starts a program, and waits until it listens on a port.
    pub(crate) fn listening(mut command: Command, port: u16) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: command.spawn()?, port, stop: None };
        let began = Instant::now();
        while server.connect().is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if began.elapsed() > LISTEN {
                return Err(format!("{command:?} does not listen").into());
            }
            sleep(Duration::from_millis(2));
        }
        Ok(server)
    }

    /// Starts nginx with one worker. `None` if it is not installed.
    pub(crate) fn nginx(folder: &Path, own: &Folder) -> Result<Option<Self>> {
        let (port, root) = (free_port()?, folder.display());
        let http = format!(
            "sendfile on; types {{ text/html html; text/css css; }}
            server {{ listen 127.0.0.1:{port}; root {root}; }}"
        );
        Self::nginx_with(own, "1", port, &http)
    }

    /// Starts nginx with this many workers and these contents of its `http` block, which listens on
    /// `port`. `None` if it is not installed.
    pub(crate) fn nginx_with(
        own: &Folder,
        workers: &str,
        port: u16,
        http: &str,
    ) -> Result<Option<Self>> {
        let own = own.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {own}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; user root; worker_processes {workers}; pid {own}/pid; error_log {own}/log crit;
            events {{}}
            http {{
                access_log off; keepalive_requests 1000000000; {temporary}
                {http}
            }}"
        );
        let file = format!("{own}/nginx.conf");
        fs::write(&file, configuration)?;
        let nginx = || {
            let mut command = Command::new("nginx");
            command.args(["-c", &file]).stdin(Stdio::null()).stderr(Stdio::null());
            command
        };
        let Ok(child) = nginx().spawn() else { return Ok(None) };
        let mut stop = nginx();
        stop.args(["-s", "stop"]);
        let server = Self { child, port, stop: Some(stop) };
        for _ in 0..100 {
            if server.connect().is_ok() {
                return Ok(Some(server));
            }
            sleep(Duration::from_millis(20));
        }
        Err("nginx does not answer".into())
    }

    fn printing_its_port(mut command: Command, port: impl Fn(&str) -> Option<u16>) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut server = Self { child, port: 0, stop: None };
        let mut line = String::new();
        while output.read_line(&mut line)? > 0 {
            if let Some(port) = port(&line) {
                server.port = port;
                // A full pipe would block it.
                std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
                return Ok(server);
            }
            line.clear();
        }
        Err("a server ended before it listened".into())
    }

    pub(crate) fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(stream)
    }

    /// Returns the CPU time of the process and its descendants, user and system, in seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let mut ticks = 0;
        for id in self.processes() {
            // A descendant may have ended. Its parent's times then include its own.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            // The second field is a name in parentheses, and may contain any characters.
            let (_, fields) = stat.rsplit_once(") ").ok_or("no stat")?;
            for field in fields.split(' ').skip(11).take(4) {
                ticks += field.parse::<u32>()?;
            }
        }
        Ok(f64::from(ticks) / TICKS)
    }

    /// Returns the resident memory of the process and its descendants, in MB.
    pub(crate) fn resident(&self) -> f64 {
        let sizes = self.processes().into_iter().map(|id| size(&id, "status", "VmRSS:"));
        f64::from(sizes.flatten().sum::<u32>()) / 1024.0
    }

    /// Returns the memory of the process and its descendants, in MB. Pages that processes share
    /// count in parts (PSS), unless the kernel does not tell.
    pub(crate) fn memory(&self) -> f64 {
        let sizes = self
            .processes()
            .into_iter()
            .map(|id| size(&id, "smaps_rollup", "Pss:").or_else(|| size(&id, "status", "VmRSS:")));
        f64::from(sizes.flatten().sum::<u32>()) / 1024.0
    }

    /// Returns the IDs of the process and its descendants.
    fn processes(&self) -> Vec<String> {
        let mut found = vec![self.child.id().to_string()];
        let mut at = 0;
        while let Some(id) = found.get(at) {
            // Each thread has a list of the processes that it started.
            let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
            let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")));
            let lists: Vec<_> = lists.filter_map(std::result::Result::ok).collect();
            found.extend(lists.iter().flat_map(|ids| ids.split_whitespace().map(str::to_owned)));
            at += 1;
        }
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop.as_mut().is_none_or(|stop| !stop.status().is_ok_and(|status| status.success()))
        {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Returns a field in kilobytes of a file about a process in `/proc`. The process may have ended.
fn size(id: &str, file: &str, field: &str) -> Option<u32> {
    let content = fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let line = content.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
