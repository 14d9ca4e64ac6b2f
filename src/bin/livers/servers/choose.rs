//! Which server a command asks.

use std::{cmp::Reverse, path::Path};

use super::RunningServer;

/// Several servers could be meant, and nothing prefers one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Several(pub(crate) Vec<u16>);

/// Returns the servers that a command in a folder asks: the first one that still runs.
///
/// Those whose folder holds the current one come before all others, the innermost folder first, then
/// the newest server. Without one, it is a server whose folders hold the files that the command
/// names, or else the only one below the current folder.
///
/// # Errors
/// Several servers run below the current folder.
pub(crate) fn candidates<'s, P: AsRef<Path>>(
    servers: &'s [RunningServer],
    current: &Path,
    files: &[P],
) -> Result<Vec<&'s RunningServer>, Several> {
    let holding = ordered(servers, |server| depth(server, current));
    if !holding.is_empty() {
        return Ok(holding);
    }
    let holding_files = ordered(servers, |server| {
        let depths = files.iter().map(|file| depth(server, file.as_ref()));
        depths.collect::<Option<Vec<_>>>()?.into_iter().min()
    });
    if !holding_files.is_empty() {
        return Ok(holding_files);
    }
    let is_below = |server: &&RunningServer| server.root.starts_with(current);
    let below: Vec<_> = servers.iter().filter(is_below).collect();
    let is_one = below.windows(2).all(|pair| pair[0].root == pair[1].root);
    if is_one {
        return Ok(ordered(servers, |server| is_below(&server).then_some(0)));
    }
    Err(Several(below.iter().map(|server| server.port).collect()))
}

/// Returns the servers with a rank, the highest first, and of equal ones the newest.
fn ordered(
    servers: &[RunningServer],
    rank: impl Fn(&RunningServer) -> Option<usize>,
) -> Vec<&RunningServer> {
    let mut ranked: Vec<_> =
        servers.iter().filter_map(|server| Some((rank(server)?, server))).collect();
    ranked.sort_by_key(|(rank, server)| Reverse((*rank, server.started)));
    ranked.into_iter().map(|(_, server)| server).collect()
}

/// Returns how deep the innermost folder of a server is that holds a path.
fn depth(server: &RunningServer, path: &Path) -> Option<usize> {
    let holding = server.folders().filter(|folder| path.starts_with(folder));
    holding.map(|folder| folder.components().count()).max()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{RunningServer, Several, candidates};

    fn server(port: u16, root: &str, mounts: &[&str], started: u64) -> RunningServer {
        RunningServer {
            pid: 1,
            boot: String::new(),
            url: String::new(),
            port,
            address: ([127, 0, 0, 1], port).into(),
            root: root.into(),
            mounts: mounts.iter().map(Into::into).collect(),
            started,
            version: String::new(),
        }
    }

    #[test]
    fn the_innermost_folder_wins_and_then_the_newest_server() {
        let servers = [
            server(1, "/p", &[], 10),
            server(2, "/p/site", &["/shared"], 20),
            server(3, "/p/site", &[], 30),
            server(4, "/p/docs", &[], 40),
            server(5, "/q/a", &[], 50),
            server(6, "/q/a", &[], 60),
            server(7, "/r/a", &[], 70),
            server(8, "/r/b", &[], 80),
        ];
        let table: &[(&str, &[&str], Result<&[u16], &[u16]>)] = &[
            ("/p", &[], Ok(&[1])),
            ("/p/other", &[], Ok(&[1])),
            ("/p/site", &[], Ok(&[3, 2, 1])),
            ("/p/site/css", &[], Ok(&[3, 2, 1])),
            ("/p/sitemap", &[], Ok(&[1])),
            // The file decides only where the current folder does not.
            ("/p/docs", &["/p/site/a"], Ok(&[4, 1])),
            ("/shared/x", &[], Ok(&[2])),
            ("/", &["/p/site/a", "/shared/b"], Ok(&[2])),
            ("/home", &["/p/docs/a", "/p/docs/b"], Ok(&[4, 1])),
            ("/home", &["/p/docs/a", "/q/a/b"], Ok(&[])),
            ("/home", &[], Ok(&[])),
            // The only folder below the current one.
            ("/q", &[], Ok(&[6, 5])),
            ("/r", &[], Err(&[7, 8])),
            ("/r", &["/r/b/x"], Ok(&[8])),
        ];
        for (current, files, wanted) in table {
            let chosen = candidates(&servers, Path::new(current), files);
            let ports = chosen.map(|chosen| chosen.iter().map(|server| server.port).collect());
            let wanted = wanted.map(<[u16]>::to_vec).map_err(|ports| Several(ports.to_vec()));
            assert_eq!(ports, wanted, "{current} {files:?}");
        }
    }
}
