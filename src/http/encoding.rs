//! Which content coding a client would rather have (RFC 9110, section 12.5.3).

use hyper::header::{ACCEPT_ENCODING, HeaderMap};

use super::field::list_members;

/// A coding that files on the disk may have, beside themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
    /// gzip.
    Gzip,
}

impl Coding {
    /// All of them, the smallest result first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name that requests and answers have for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of such a file ends with.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that a request would rather have than none, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted(Vec<Coding>);

impl Accepted {
    /// What a request says. Without a word of codings, none is wanted: it is not known whether the
    /// client can undo them.
    pub(crate) fn from_headers(request: &HeaderMap) -> Self {
        let weight = |name: &str| {
            let weights = list_members(request, &ACCEPT_ENCODING).filter_map(weighted);
            let same = |(coding, _): &(&str, u16)| {
                coding.eq_ignore_ascii_case(name)
                    || (name == "gzip" && coding.eq_ignore_ascii_case("x-gzip"))
            };
            weights.filter(same).map(|(_, weight)| weight).max()
        };
        let others = weight("*");
        // As it is is fine, and no matter of preference, unless something is said of it.
        let identity = weight("identity").unwrap_or(0);
        let wanted = Coding::ALL.map(|coding| (weight(coding.name()).or(others), coding));
        let mut wanted: Vec<_> = wanted
            .into_iter()
            .filter_map(|(weight, coding)| Some((weight?, coding)))
            .filter(|(weight, _)| *weight > 0 && *weight >= identity)
            .collect();
        // A stable sort: of equals, the smallest result stays first.
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Self(wanted.into_iter().map(|(_, coding)| coding).collect())
    }

    /// The codings, the best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Coding> + '_ {
        self.0.iter().copied()
    }
}

/// A member of the list: the coding, and its weight in thousandths. A weight that is none makes the
/// member none.
fn weighted(member: &str) -> Option<(&str, u16)> {
    let (coding, parameter) = match member.split_once(';') {
        None => return Some((member, 1000)),
        Some((coding, parameter)) => (coding.trim_end(), parameter.trim_start()),
    };
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some((coding, fraction)),
        "1" if fraction == 0 => Some((coding, 1000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{ACCEPT_ENCODING, HeaderMap};

    use super::{Accepted, Coding};

    #[test]
    fn the_best_coding_is_the_one_that_is_asked_for_most() {
        let table: &[(&[&str], &str)] = &[
            (&[], ""),
            (&[""], ""),
            (&["gzip, deflate, br, zstd"], "br zstd gzip"),
            (&["gzip"], "gzip"),
            (&["GZIP;Q=0.5, br ; q=0.4"], "gzip br"),
            (&["x-gzip"], "gzip"),
            (&["gzip;q=1.0, br;q=0.001"], "gzip br"),
            (&["br;q=0, gzip"], "gzip"),
            (&["*"], "br zstd gzip"),
            (&["*;q=0.5, gzip, br;q=0"], "gzip zstd"),
            (&["*;q=0"], ""),
            (&["identity"], ""),
            (&["identity, gzip;q=0.9"], ""),
            (&["identity;q=0.5, gzip"], "gzip"),
            (&["identity;q=0, gzip"], "gzip"),
            (&["gzip", "br"], "br gzip"),
            (&["gzip;q=2, br;q=x, zstd;q=0.1234"], ""),
            (&["gzip;level=9"], ""),
            (&["deflate, compress"], ""),
        ];
        for (lines, wanted) in table {
            let mut request = HeaderMap::new();
            for line in *lines {
                request.append(ACCEPT_ENCODING, line.parse().unwrap());
            }
            let names: Vec<_> = Accepted::from_headers(&request).iter().map(Coding::name).collect();
            assert_eq!(names.join(" "), *wanted, "{lines:?}");
        }
    }
}
