//! The names by which other devices reach this machine.

use crate::http::guard::AllowedHost;

/// Returns the machine's host name as the system and multicast DNS (RFC 6762) know it: `box`,
/// `box.local` and, if it has a domain, `box.example.com`. Empty if the system has no valid name.
pub(super) fn host_names() -> Vec<AllowedHost> {
    host_name().map_or_else(Vec::new, |name| names_of(&name))
}

fn names_of(host_name: &str) -> Vec<AllowedHost> {
    let label = host_name.split('.').next().unwrap_or_default();
    let mut names: Vec<AllowedHost> = Vec::new();
    for name in [host_name, label, &format!("{label}.local")] {
        // A leading dot would include all subdomains.
        if let Ok(name) = name.trim_start_matches('.').parse()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(test)]
mod tests {
    use super::names_of;
    use crate::http::guard::AllowedHost;

    #[test]
    fn names_are_those_of_the_machine_and_no_others() {
        let table: &[(&str, &[&str])] = &[
            ("box", &["box", "box.local"]),
            ("Box.local", &["box.local", "box"]),
            ("box.example.com.", &["box.example.com", "box", "box.local"]),
            ("", &["local"]),
            (".example.com", &["example.com", "local"]),
            ("a b", &[]),
            ("*", &[]),
        ];
        for (name, wanted) in table {
            let wanted: Vec<AllowedHost> =
                wanted.iter().map(|name| name.parse().unwrap()).collect();
            assert_eq!(names_of(name), wanted, "{name}");
        }
    }
}
