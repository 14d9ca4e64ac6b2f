//! What a file of a package asks for.

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// `import .. from ".."`, `export .. from ".."`.
    Import,
    /// `require("..")`.
    Require,
    /// `import("..")`.
    Dynamic,
    /// `new URL("..", import.meta.url)`: an address; `*` stands for what is not known of it.
    Url,
}

/// One specifier, once for each way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) specifier: String,
    pub(super) how: How,
}

/// All of a file, in the order of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests(pub(super) Vec<Request>);

impl Requests {
    /// Adds a request, and tells its number.
    pub(super) fn add(&mut self, specifier: &str, how: How) -> usize {
        let known = |request: &Request| request.specifier == specifier && request.how == how;
        self.0.iter().position(known).unwrap_or_else(|| {
            self.0.push(Request { specifier: specifier.to_owned(), how });
            self.0.len() - 1
        })
    }
}
