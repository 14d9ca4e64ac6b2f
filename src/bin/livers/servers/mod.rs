//! The running servers of this user, for commands that ask one of them.
//!
//! Each server writes a small JSON file into a folder that only its user can use:
//! `$XDG_RUNTIME_DIR/livers`, or one in the temporary folder. The file is named after the run of
//! the server, so no other server ever has the same. It is removed when the server ends. A server
//! that was killed leaves it behind; the next command that reads it removes it.

mod choose;
mod folder;

use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use livers::{Config, Server};
use serde::{Deserialize, Serialize};

pub(crate) use self::choose::{Several, candidates};

/// The largest file that is read, bytes.
const MAX_SIZE: u64 = 256 * 1024;

/// What a server's file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningServer {
    /// The process.
    pub(crate) pid: u32,
    /// The id of the run, as in the server's status.
    pub(crate) boot: String,
    /// The URL to open on this machine.
    pub(crate) url: String,
    pub(crate) port: u16,
    /// Where this machine connects to.
    pub(crate) address: SocketAddr,
    /// The served folder, without symbolic links.
    pub(crate) root: PathBuf,
    /// The other served folders.
    pub(crate) mounts: Vec<PathBuf>,
    /// When it was started, milliseconds since 1970.
    pub(crate) started: u64,
    /// The version of livers.
    pub(crate) version: String,
}

impl RunningServer {
    fn of(server: &Server, config: &Config) -> Option<Self> {
        let real = |path: &Path| dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let address = local_address(server.addresses())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Self {
            pid: std::process::id(),
            boot: server.boot().to_owned(),
            url: server.url(),
            port: address.port(),
            address,
            root: real(&config.root),
            mounts: config.mount.iter().map(|mount| real(mount.folder())).collect(),
            started: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    /// Returns the folders that the server serves.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.root).chain(&self.mounts).map(PathBuf::as_path)
    }

    fn file_name(&self) -> String {
        format!("{}-{}.json", self.pid, self.boot)
    }

    /// Returns whether the process may still run.
    fn is_alive(&self) -> bool {
        // Elsewhere, the connection tells.
        let processes = Path::new("/proc");
        !cfg!(target_os = "linux")
            || !processes.join("self").exists()
            || processes.join(self.pid.to_string()).exists()
    }

    /// Removes the file of a server that is gone.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_file(folder::path().join(self.file_name()));
    }
}

/// Returns the address that this machine connects to.
fn local_address(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let first = addresses.iter().find(|address| address.ip().is_loopback()).or(addresses.first())?;
    let ip = match first.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Some(SocketAddr::new(ip, first.port()))
}

/// Returns the servers whose process exists, and removes the files of others.
///
/// # Errors
/// The folder is not one that only this user can use, or it cannot be read.
pub(crate) fn running() -> io::Result<Vec<RunningServer>> {
    let folder = folder::path();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    folder::check(&folder)?;
    let mut servers = Vec::new();
    for entry in entries.flatten() {
        let Some(server) = read(&entry.path()) else { continue };
        if server.is_alive() {
            servers.push(server);
        } else {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(servers)
}

/// Reads a server's file. Another file, or one of a version that writes others, is `None`.
fn read(path: &Path) -> Option<RunningServer> {
    let is_file =
        fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() < MAX_SIZE);
    if !is_file || path.extension()? != "json" {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The file of the server in this process. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registration(Arc<OnceLock<PathBuf>>);

impl Registration {
    /// Writes the file.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub(crate) fn write(&self, server: &Server, config: &Config) -> io::Result<()> {
        let Some(server) = RunningServer::of(server, config) else { return Ok(()) };
        let folder = folder::path();
        folder::create(&folder)?;
        let path = folder.join(server.file_name());
        write_file(&path, &serde_json::to_vec(&server)?)?;
        let _ = self.0.set(path);
        Ok(())
    }

    /// Removes the file, if it was written.
    pub(crate) fn remove(&self) {
        if let Some(path) = self.0.get() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file that readers find whole or not at all, for this user only.
fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| file.write_all(content));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

#[cfg(test)]
mod tests {
    use super::local_address;

    #[test]
    fn this_machine_connects_to_a_loopback_address_if_there_is_one() {
        let table: &[(&[&str], Option<&str>)] = &[
            (&["127.0.0.1:1", "[::1]:1"], Some("127.0.0.1:1")),
            (&["0.0.0.0:1"], Some("127.0.0.1:1")),
            (&["[::]:1"], Some("[::1]:1")),
            (&["192.0.2.1:1", "127.0.0.2:1"], Some("127.0.0.2:1")),
            (&["192.0.2.1:1"], Some("192.0.2.1:1")),
            (&[], None),
        ];
        for (addresses, wanted) in table {
            let addresses: Vec<_> =
                addresses.iter().map(|address| address.parse().unwrap()).collect();
            let wanted = wanted.map(|address| address.parse().unwrap());
            assert_eq!(local_address(&addresses), wanted, "{addresses:?}");
        }
    }
}
