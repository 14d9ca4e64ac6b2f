//! The order of a folder listing, as a pure function of the URL's query.

use std::cmp::Ordering;

use super::Entry;

/// A column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    #[default]
    Name,
    Size,
    Time,
}

impl By {
    /// Returns the column head.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Size => "Size",
            Self::Time => "Modified (UTC)",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Time => "time",
        }
    }
}

/// A column to sort by, and the direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    by: By,
    descending: bool,
}

impl Order {
    /// Parses a query. Unknown parameters are ignored.
    pub(super) fn of(query: &str) -> Self {
        let mut order = Self::default();
        for pair in query.split('&') {
            match pair {
                "sort=name" => order.by = By::Name,
                "sort=size" => order.by = By::Size,
                "sort=time" => order.by = By::Time,
                "order=desc" => order.descending = true,
                _ => {}
            }
        }
        order
    }

    /// Returns the query of the link in a column head: it reverses the order if the column is
    /// sorted already. Sizes and times begin with the largest and the newest.
    pub(super) fn query(self, by: By) -> String {
        let descending = if by == self.by { !self.descending } else { by != By::Name };
        let order = if descending { "&amp;order=desc" } else { "" };
        format!("?sort={}{order}", by.key())
    }

    /// Returns the attribute that describes the order of a column.
    pub(super) fn aria(self, by: By) -> &'static str {
        match (by == self.by, self.descending) {
            (false, _) => "",
            (true, false) => " aria-sort=\"ascending\"",
            (true, true) => " aria-sort=\"descending\"",
        }
    }

    /// Compares two entries. Folders come before files, whatever the order, and have no size.
    pub(super) fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        let names = || natural(&a.name, &b.name);
        let by = match self.by {
            By::Name => Ordering::Equal,
            By::Size if a.directory => Ordering::Equal,
            By::Size => a.size.cmp(&b.size),
            By::Time => a.modified.cmp(&b.modified),
        };
        let directed = |order: Ordering| if self.descending { order.reverse() } else { order };
        let names = || if self.by == By::Name { directed(names()) } else { names() };
        b.directory.cmp(&a.directory).then_with(|| directed(by)).then_with(names)
    }
}

/// Compares names ignoring case, and digits by their numeric value.
fn natural(a: &str, b: &str) -> Ordering {
    let (lower_a, lower_b) = (a.to_lowercase(), b.to_lowercase());
    let (mut left, mut right) = (&lower_a[..], &lower_b[..]);
    loop {
        let (Some(first), Some(second)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = digits(left);
            let (other, other_rest) = digits(right);
            // Without leading zeros, the longer number is the larger one.
            let order = number.len().cmp(&other.len()).then_with(|| number.cmp(other));
            if order != Ordering::Equal {
                return order;
            }
            (left, right) = (rest, other_rest);
        } else if first == second {
            (left, right) = (&left[first.len_utf8()..], &right[second.len_utf8()..]);
        } else {
            return first.cmp(&second);
        }
    }
}

/// Splits a text after the digits that it begins with. Leading zeros are removed.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::{By, Entry, Order, natural};

    #[test]
    fn entries_are_sorted_by_the_query() {
        let entry = |name: &str, size, time| Entry {
            directory: name.ends_with('/'),
            name: name.trim_end_matches('/').to_owned(),
            href: String::new(),
            size,
            modified: Some(UNIX_EPOCH + Duration::from_secs(time)),
        };
        let table = [
            ("", "b/ C/ a1 a2 a10 B"),
            ("sort=other&x", "b/ C/ a1 a2 a10 B"),
            ("order=desc", "C/ b/ B a10 a2 a1"),
            ("sort=size", "b/ C/ a2 a1 a10 B"),
            ("sort=size&order=desc", "b/ C/ a1 a10 B a2"),
            ("sort=time", "C/ b/ B a10 a2 a1"),
            ("sort=time&order=desc", "b/ C/ a1 a2 a10 B"),
        ];
        for (query, wanted) in table {
            let mut entries = [
                entry("a10", 7, 2),
                entry("B", 7, 1),
                entry("C/", 9, 1),
                entry("a2", 1, 3),
                entry("b/", 1, 2),
                entry("a1", 7, 4),
            ];
            let order = Order::of(query);
            entries.sort_by(|a, b| order.compare(a, b));
            let names = entries
                .iter()
                .map(|entry| format!("{}{}", entry.name, if entry.directory { "/" } else { "" }));
            assert_eq!(names.collect::<Vec<_>>().join(" "), wanted, "{query}");
        }
    }

    #[test]
    fn link_of_a_sorted_column_reverses_the_order() {
        let order = Order::of("sort=size&order=desc");
        assert_eq!(order.query(By::Size), "?sort=size");
        assert_eq!(order.query(By::Time), "?sort=time&amp;order=desc");
        assert_eq!(order.query(By::Name), "?sort=name");
        assert_eq!(Order::default().query(By::Name), "?sort=name&amp;order=desc");
        assert_eq!(order.aria(By::Size), " aria-sort=\"descending\"");
    }

    proptest! {
        /// Sorting panics if the order is not total.
        #[test]
        fn order_of_names_is_total(mut names in prop::collection::vec("[aB0-2\u{e4}\u{130}]{0,5}", 3)) {
            let [a, b, c] = &names[..] else { unreachable!() };
            prop_assert_eq!(natural(a, b), natural(b, a).reverse());
            if natural(a, b).is_le() && natural(b, c).is_le() {
                prop_assert!(natural(a, c).is_le(), "{} {} {}", a, b, c);
            }
            names.sort_by(|a, b| natural(a, b));
        }
    }
}
