//! Negotiation of content codings by `Accept-Encoding` (RFC 9110, section 12.5.3).

use hyper::header::{ACCEPT_ENCODING, HeaderMap};

use super::field::list_members;

/// A content coding of precompressed files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// All codings, the one with the smallest output first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Returns the name in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the suffix of the names of such files.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that a client prefers to none, the most preferred first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted([Option<Coding>; Coding::ALL.len()]);

/// The values that browsers send, with what they accept: the order is that of [`Coding::ALL`]. They
/// need no parsing.
const BROWSERS: [(&[u8], Accepted); 3] = [
    (
        b"gzip, deflate, br, zstd",
        Accepted([Some(Coding::Brotli), Some(Coding::Zstd), Some(Coding::Gzip)]),
    ),
    (b"gzip, deflate, br", Accepted([Some(Coding::Brotli), Some(Coding::Gzip), None])),
    (b"gzip, deflate", Accepted([Some(Coding::Gzip), None, None])),
];

impl Accepted {
    /// Parses `Accept-Encoding`. Without the field, no coding is accepted, because the client may
    /// not be able to decode any.
    pub(crate) fn from_headers(request: &HeaderMap) -> Self {
        let mut lines = request.get_all(ACCEPT_ENCODING).iter();
        match (lines.next(), lines.next()) {
            (None, _) => return Self::default(),
            (Some(line), None) => {
                if let Some((_, accepted)) = BROWSERS.iter().find(|(value, _)| line == value) {
                    return *accepted;
                }
            }
            _ => {}
        }
        Self::parse(request)
    }

    fn parse(request: &HeaderMap) -> Self {
        // Weights in thousandths. The highest counts where a coding is listed twice.
        let mut weights = [None; Coding::ALL.len()];
        let (mut others, mut identity) = (None, None);
        for (name, weight) in list_members(request, &ACCEPT_ENCODING).filter_map(weighted) {
            let named = |coding: &Coding| {
                name.eq_ignore_ascii_case(coding.name())
                    || (*coding == Coding::Gzip && name.eq_ignore_ascii_case("x-gzip"))
            };
            let known = match Coding::ALL.iter().position(named) {
                Some(coding) => &mut weights[coding],
                None if name == "*" => &mut others,
                None if name.eq_ignore_ascii_case("identity") => &mut identity,
                None => continue,
            };
            *known = (*known).max(Some(weight));
        }
        // An unencoded response is acceptable, but not preferred, unless it is listed.
        let least = identity.unwrap_or(0);
        let mut preferred = Self::default();
        let mut length = 0;
        for (coding, weight) in Coding::ALL.into_iter().zip(&mut weights) {
            *weight = weight.or(others).filter(|weight| *weight > 0 && *weight >= least);
            if weight.is_some() {
                preferred.0[length] = Some(coding);
                length += 1;
            }
        }
        // A stable sort: codings of equal weight stay in the order of their output's size.
        let weight = |coding: Option<Coding>| coding.and_then(|coding| weights[coding as usize]);
        preferred.0[..length].sort_by_key(|coding| std::cmp::Reverse(weight(*coding)));
        preferred
    }

    /// Returns a number that is different for each list of codings.
    pub(crate) fn code(self) -> u8 {
        self.0.iter().fold(0, |code, coding| 4 * code + coding.map_or(0, |coding| 1 + coding as u8))
    }

    /// Returns the codings, the most preferred first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Coding> + '_ {
        self.0.iter().copied().flatten()
    }
}

/// Parses a list member into its name and its weight in thousandths. A member with an invalid
/// weight is ignored.
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

    use super::{Accepted, BROWSERS, Coding};

    #[test]
    fn values_of_browsers_are_as_if_parsed() {
        for (value, accepted) in BROWSERS {
            let value = hyper::header::HeaderValue::from_bytes(value).unwrap();
            let request = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(Accepted::from_headers(&request), accepted);
            assert_eq!(Accepted::parse(&request), accepted);
        }
    }

    #[test]
    fn codings_are_ordered_by_weight() {
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
