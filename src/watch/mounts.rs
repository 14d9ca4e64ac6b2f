//! Finds the folders on mounts that report no events, by the type of the file system.
//!
//! Changes on a file server, on a container's host or below a FUSE file system happen outside the
//! kernel: inotify grants a watch there, but reports nothing. The type of a mount is known at once.
//! A probe file (written to see whether an event comes) would be worse: it writes into the user's
//! folder, and local writes raise events even on NFS, where only remote ones do not.
//!
//! An unknown type of network or FUSE file system counts as silent: polling too often is cheaper
//! than missing a change. Left out on purpose: systems other than Linux, which name their mounts in
//! other ways. Polling can be configured there.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// File systems whose content other machines change: network file systems, shares of virtual
/// machines.
const SILENT: [&str; 25] = [
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "drvfs",
    "fuse",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "prl_fs",
    "smb3",
    "smbfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
    "wslfs",
];

/// FUSE file systems that only local processes change.
const LOCAL_FUSE: [&str; 4] = ["fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.ntfs-3g", "fuse.exfat"];

/// Returns whether a type of file system changes without events.
fn is_silent(kind: &str) -> bool {
    let fuse = kind.starts_with("fuse.") && !LOCAL_FUSE.contains(&kind);
    fuse || SILENT.contains(&kind)
}

/// Returns the type of the file system that a path is on, by the text of `/proc/self/mountinfo`
/// (see proc(5)). The path must be a real one. Malformed lines are skipped.
fn kind_of<'a>(mountinfo: &'a [u8], path: &Path) -> Option<&'a str> {
    let mounts = mountinfo.split(|byte| *byte == b'\n').filter_map(mount);
    let holds = mounts.filter(|(point, _)| path.starts_with(point));
    // Of several mounts at one point, the last one covers the others.
    holds.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

/// Parses the mount point and the type of a line.
///
/// `36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw`: a variable number
/// of optional fields precedes the dash.
fn mount(line: &[u8]) -> Option<(PathBuf, &str)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = fields.nth(4)?;
    let kind = fields.skip(1).skip_while(|field| *field != b"-").nth(1)?;
    Some((unescaped(point)?, std::str::from_utf8(kind).ok()?))
}

/// Decodes a path: spaces, tabs, newlines, backslashes and `#` are written in octal, as in `\040`.
fn unescaped(field: &[u8]) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = (*first == b'\\').then(|| after.get(..3)).flatten();
        let byte = octal.and_then(|octal| {
            u8::from_str_radix(std::str::from_utf8(octal).ok()?, 8)
                .ok()
                .filter(|_| octal[0] != b'+')
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[3..] } else { after };
    }
    os_string(bytes).map(PathBuf::from)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

/// The types of the mounts that were looked up.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// By device number: each mounted file system has one.
    known: HashMap<u64, Option<String>>,
}

impl Mounts {
    /// Returns the type of the file system that a folder is on, if it reports no events.
    ///
    /// # Blocking
    /// Reads metadata, and for a new device `/proc/self/mountinfo`.
    pub(super) fn without_events(&mut self, folder: &Path) -> Option<String> {
        let device = device(folder)?;
        let find = || {
            let mountinfo = std::fs::read("/proc/self/mountinfo").ok()?;
            let kind = kind_of(&mountinfo, &dunce::canonicalize(folder).ok()?)?;
            is_silent(kind).then(|| kind.to_owned())
        };
        self.known.entry(device).or_insert_with(find).clone()
    }
}

#[cfg(target_os = "linux")]
fn device(folder: &Path) -> Option<u64> {
    std::fs::metadata(folder).ok().map(|folder| std::os::unix::fs::MetadataExt::dev(&folder))
}

#[cfg(not(target_os = "linux"))]
fn device(_: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{is_silent, kind_of};

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
28 27 0:25 / /srv rw - nfs4 host:/srv rw,vers=4.2
29 28 0:26 / /srv/local rw master:1 propagate_from:2 - btrfs /dev/sda rw
30 27 0:27 / /mnt/a\\040b\\011c\\134d rw - cifs //host/share rw
31 27 0:28 / /twice rw - ext4 /dev/vdb rw
32 31 0:29 / /twice rw - fuse.sshfs me@host: rw
33 27 0:30 /sub /home rw - 9p drvfs rw
34 27 0:31 / /bad\\09x\\ rw - nfs h:/ rw
broken
35 27 0:32 / /cut rw
";

    #[test]
    fn the_nearest_mount_counts_and_the_last_one_of_several() {
        let table = [
            ("/", Some("ext4")),
            ("/etc/passwd", Some("ext4")),
            ("/srv", Some("nfs4")),
            ("/srv/site/a", Some("nfs4")),
            ("/srvx", Some("ext4")),
            ("/srv/local/site", Some("btrfs")),
            ("/mnt/a b\tc\\d/site", Some("cifs")),
            ("/mnt/a", Some("ext4")),
            ("/twice/site", Some("fuse.sshfs")),
            ("/home/me", Some("9p")),
            ("/bad\\09x\\/me", Some("nfs")),
            ("/cut/x", Some("ext4")),
            ("relative", None),
        ];
        for (path, wanted) in table {
            assert_eq!(kind_of(MOUNTS.as_bytes(), Path::new(path)), wanted, "{path}");
        }
        assert_eq!(kind_of(b"", Path::new("/")), None);
    }

    #[test]
    fn network_file_systems_are_silent_and_local_ones_are_not() {
        for kind in
            ["nfs", "nfs4", "cifs", "smb3", "9p", "vboxsf", "virtiofs", "fuse.sshfs", "fuse"]
        {
            assert!(is_silent(kind), "{kind}");
        }
        for kind in
            ["ext4", "btrfs", "overlay", "tmpfs", "fuseblk", "fuse.fuse-overlayfs", "", "nf"]
        {
            assert!(!is_silent(kind), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in any::<Vec<u8>>(), lines in "([ \\\\0-9/a+\n-]{0,40})") {
            let _ = kind_of(&text, Path::new("/a/b"));
            let _ = kind_of(lines.as_bytes(), Path::new("/a/b"));
            let mut mixed = MOUNTS.as_bytes().to_vec();
            mixed.extend(text);
            let _ = kind_of(&mixed, Path::new("/srv"));
        }

        #[test]
        fn escaped_mount_points_are_found(name in "[^/\0]{1,12}") {
            prop_assume!(name != "." && name != "..");
            let escaped: Vec<_> = name.bytes().map(|byte| format!("\\{byte:03o}")).collect();
            let escaped = escaped.concat();
            let line = format!("1 1 0:1 / /{escaped} rw - nfs h:/ rw");
            prop_assert_eq!(kind_of(line.as_bytes(), Path::new("/").join(name).as_path()), Some("nfs"));
        }
    }
}
