//! Stack space for deeply nested sources.
//!
//! The parser and everything that walks the syntax tree recurse once per nesting level, and a stack
//! overflow aborts the process. Therefore the nesting is estimated first, as an upper bound, and
//! the work runs on a thread with a stack that is large enough. Sources that no stack could hold
//! are refused.
//!
//! The estimate knows only bytes. To tell code from strings, comments and regular expressions takes
//! a parser, and a source that misleads a simpler analysis would end the process. So everything
//! counts, and nothing ends a chain of operators but the bracket around it. In 40 of the largest
//! files on npm, the most operators within the same brackets are 74,000.

use std::{borrow::Cow, thread};

// Measured: a quarter of the sizes below was enough for every kind of nesting in the tests.

/// The stack for a source without notable nesting, bytes.
const BASE: usize = 16 * 1024 * 1024;

/// The stack for one level of brackets, bytes.
const PER_BRACKET: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 16 * 1024 };

/// The stack for one more operator within the same brackets, bytes.
const PER_OPERATOR: usize = if cfg!(debug_assertions) { 8 * 1024 } else { 4 * 1024 };

/// The stack for nesting that every thread has room for, bytes. Threads have 2 MiB by default.
pub(crate) const SHALLOW: usize = 1024 * 1024;

/// The stack of a thread that compiles one source after another, bytes. Untouched pages cost no
/// memory.
pub(crate) const LARGE: usize = 64 * 1024 * 1024;

/// What such a thread has left for the nesting of a source, bytes.
pub(crate) const LEFT: usize = LARGE / 2;

/// The largest stack, bytes.
const MAX: usize = 1024 * 1024 * 1024;

/// Nesting, as an upper bound, up to which code is indented.
const MAX_INDENTED: usize = 5_000;

/// The length of a word from which it is taken for encoded data, bytes.
const DATA: usize = 1024;

/// The message for the developer about work that panicked.
pub(crate) const INTERNAL_ERROR: &str =
    "livers could not compile this file because of an internal error; please report it";

/// An upper bound of the nesting in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Nesting {
    brackets: usize,
    operators: usize,
}

/// The reason why work was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackError {
    /// The source is nested more deeply than the largest stack allows.
    TooDeep,
    /// The work panicked.
    Panicked,
    /// No thread with a stack of that size could be started.
    NoThread,
}

impl StackError {
    /// Returns the message for the developer.
    pub(crate) fn message(self) -> String {
        match self {
            Self::TooDeep => "this file is nested too deeply".to_owned(),
            Self::NoThread => "there is not enough memory for this deeply nested file".to_owned(),
            Self::Panicked => INTERNAL_ERROR.to_owned(),
        }
    }
}

/// Runs work on a source on a thread whose stack is large enough for the nesting of the source.
///
/// # Errors
/// Fails if no stack is large enough, or if the work panics.
///
/// # Blocking
/// Waits for the thread.
pub(crate) fn run_with_stack<T: Send>(
    text: &str,
    work: impl FnOnce() -> T + Send,
) -> Result<T, StackError> {
    run_on_thread(nesting(text).stack(), work)
}

/// Like [`run_with_stack`], on the current thread if `available` bytes of its stack are enough.
///
/// # Errors
/// Like [`run_with_stack`].
///
/// # Blocking
/// May wait for another thread.
pub(crate) fn run_with_stack_if_deep<T: Send>(
    text: &str,
    available: usize,
    work: impl FnOnce() -> T + Send,
) -> Result<T, StackError> {
    let nested = nesting(text).stack();
    if nested <= available {
        return Ok(work());
    }
    run_on_thread(nested, work)
}

/// Returns whether code made from a source is to be indented. The indentation of deeply nested code
/// has the square of its size, which is gigabytes for a few hundred kilobytes.
pub(crate) fn is_indented(text: &str) -> bool {
    let Nesting { brackets, operators } = nesting(text);
    brackets + operators <= MAX_INDENTED
}

/// Replaces encoded data in a source of JavaScript, such as base64, by letters: its `+`, `-` and
/// `/` would count as operators. Lengths and lines stay the same.
pub(crate) fn without_data(text: &str) -> Cow<'_, str> {
    let is_data = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let mut masked: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| is_data(byte)).count();
        if length >= DATA && !bytes[at..at + length].iter().all(is_word) {
            masked.get_or_insert_with(|| bytes.to_vec())[at..at + length].fill(b'a');
        }
        at += length.max(1);
    }
    match masked.map(String::from_utf8) {
        Some(Ok(masked)) => Cow::Owned(masked),
        _ => Cow::Borrowed(text),
    }
}

/// Runs work on a thread whose stack has room for nesting that needs `nested` bytes.
fn run_on_thread<T: Send>(nested: usize, work: impl FnOnce() -> T + Send) -> Result<T, StackError> {
    let stack = nested.saturating_add(BASE);
    if stack > MAX {
        return Err(StackError::TooDeep);
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("compile".to_owned()).stack_size(stack);
        let worker = builder.spawn_scoped(scope, work).map_err(|_| StackError::NoThread)?;
        worker.join().map_err(|_| StackError::Panicked)
    })
}

impl Nesting {
    /// Returns the stack that the nesting needs, in bytes.
    fn stack(self) -> usize {
        let brackets = self.brackets.saturating_mul(PER_BRACKET);
        brackets.saturating_add(self.operators.saturating_mul(PER_OPERATOR))
    }
}

/// Counts nested brackets, and the operators within all brackets that are open at the same time.
/// Strings and comments do not count before the first place where a regular expression, a template
/// or JSX may begin: from there on, a quotation mark need not begin a string.
fn nesting(text: &str) -> Nesting {
    let bytes = text.as_bytes();
    let mut deepest = Nesting::default();
    // The number of operators in each open bracket, innermost last.
    let mut open = vec![0_usize];
    let mut sum = 0;
    let mut last = b';';
    let mut knows_strings = true;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' | b'{' => open.push(0),
            b')' | b']' | b'}' if open.len() > 1 => sum -= open.pop().unwrap_or_default(),
            _ => {}
        }
        if nests(byte, last)
            && let Some(current) = open.last_mut()
        {
            *current += 1;
            sum += 1;
        }
        deepest.brackets = deepest.brackets.max(open.len() - 1);
        deepest.operators = deepest.operators.max(sum);
        if knows_strings {
            match skipped(&bytes[at..], last) {
                Some(length) => at += length,
                None => knows_strings = false,
            }
        }
        last = byte;
        at += 1;
    }
    deepest
}

/// Returns the number of bytes after the first one that belong to the same string or comment, or
/// `None` if something begins whose end is not known.
fn skipped(rest: &[u8], last: u8) -> Option<usize> {
    match rest[0] {
        quote @ (b'"' | b'\'') => {
            let mut at = 1;
            loop {
                match *rest.get(at)? {
                    b'\\' => at += 1,
                    b'\n' => return None,
                    byte if byte == quote => return Some(at),
                    _ => {}
                }
                at += 1;
            }
        }
        b'/' if rest.starts_with(b"//") => Some(memchr::memchr(b'\n', rest)? - 1),
        b'/' if rest.starts_with(b"/*") => Some(memchr::memmem::find(&rest[2..], b"*/")? + 3),
        b'/' | b'`' | b'<' => None,
        b'>' if last == b'-' => None, // a comment of HTML
        _ => Some(0),
    }
}

/// Returns whether a byte may be part of a nested expression, statement or type: an operator, the
/// end of a keyword such as `else`, `await` or `in`, or a closing bracket, as in `a()()` and
/// `if (a) if (b)`.
fn nests(byte: u8, last: u8) -> bool {
    let continues_word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let ends_keyword = last.is_ascii_lowercase() && !continues_word && !b"([{;,".contains(&byte);
    b"+-*/%&|^!~=<>?:.`@)]}".contains(&byte) || ends_keyword
}

#[cfg(test)]
mod tests {
    use super::{DATA, Nesting, StackError, nesting, run_with_stack, without_data};

    #[test]
    fn nested_brackets_and_operators_are_counted() {
        let of = |brackets, operators| Nesting { brackets, operators };
        let table = [
            ("", of(0, 0)),
            ("a;b,c", of(0, 0)),
            ("((a))", of(2, 1)),
            ("F(A)(B)[C]", of(1, 3)),
            ("a+b+c;a", of(0, 2)),
            ("a+(b+(c))", of(2, 3)),
            ("a+';'+b", of(0, 2)),
            ("new\tnew/**/new A", of(0, 3)),
            ("1in'a'in'b'", of(0, 2)),
            ("'+[+'+\"\\\"+\"/*+\n+*/+//+\n'(('", of(0, 4)),
            ("/'/+'+'", of(0, 4)),
            ("`'`+'+'", of(0, 4)),
            ("'+\n'+'+'", of(0, 3)),
            ("if(A)if(B)c", of(1, 2)),
            ("))((", of(2, 2)),
        ];
        for (text, expected) in table {
            assert_eq!(nesting(text), expected, "{text}");
        }
    }

    #[test]
    fn encoded_data_is_no_nesting() {
        let data = "a+/".repeat(DATA);
        let source = format!("f('{data}')");
        assert_eq!(nesting(&without_data(&source)), Nesting { brackets: 1, operators: 1 });
        assert_eq!(without_data(&source).len(), source.len());
        assert_eq!(without_data("a+b"), "a+b");
    }

    #[test]
    fn too_deep_sources_are_refused() {
        assert_eq!(run_with_stack("a", || 1), Ok(1));
        assert_eq!(run_with_stack(&"(".repeat(200_000), || 1), Err(StackError::TooDeep));
        assert_eq!(run_with_stack(&"a+".repeat(300_000), || 1), Err(StackError::TooDeep));
    }
}
