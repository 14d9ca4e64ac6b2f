//! Reasons for refusing a request with 403, as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a request was refused with 403 (Forbidden).
///
/// `Display` is a neutral clause without a remedy; [`setting`](Self::setting) names the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// A name in the path begins with a dot.
    Dotfile,
    /// The file name is that of a private key.
    PrivateKey,
    /// A symbolic link leads out of the served folders.
    SymlinkOutside,
    /// The path is a socket, device or pipe.
    NotRegularFile,
    /// The system denied access to the file; the system's message.
    Unreadable(String),
    /// The `Host` of the request is not a name of this server.
    UnknownHost(String),
    /// A page of another origin embeds a file, as a script or an image.
    CrossOriginEmbed,
    /// A page of another origin requests livers' own paths.
    CrossOriginOwnPath,
}

impl Refusal {
    /// Returns the [`Config`](crate::Config) setting that would allow the request, if there is one,
    /// as it is spelled in a file.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Dotfile => Some("dotfiles"),
            Self::PrivateKey => Some("serve-keys"),
            Self::SymlinkOutside => Some("follow-symlinks"),
            Self::UnknownHost(_) => Some("allowed-host"),
            Self::CrossOriginEmbed => Some("cors"),
            Self::NotRegularFile | Self::Unreadable(_) | Self::CrossOriginOwnPath => None,
        }
    }

    /// Returns the reason with its remedy, for a response in the browser.
    pub(crate) fn with_remedy(&self) -> String {
        match self.setting() {
            Some(setting) => format!("{self} (the setting {setting} allows it)"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dotfile => "names that begin with a dot are not served",
            Self::PrivateKey => "private keys are not served",
            Self::SymlinkOutside => "symbolic links out of the served folder are not followed",
            Self::NotRegularFile => "only regular files are served",
            Self::Unreadable(reason) => return write!(f, "the file cannot be read: {reason}"),
            Self::UnknownHost(host) => return write!(f, "the host name {host} is not allowed"),
            Self::CrossOriginEmbed => "pages of other origins may not embed files of this server",
            Self::CrossOriginOwnPath => "pages of other origins may not use livers' own paths",
        })
    }
}
