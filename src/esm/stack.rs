//! Stack space for deeply nested sources.
//!
//! The parser and everything that walks the syntax tree recurse once per nesting level, and a stack
//! overflow aborts the process. Therefore the nesting is estimated first, as an upper bound, and
//! the work runs on a thread with a stack that is large enough. Sources that no stack could hold
//! are refused.

use std::thread;

// Measured: a quarter of the sizes below was enough for every kind of nesting in the tests.

/// The stack for a source without notable nesting, bytes. Untouched pages cost no memory.
const BASE: usize = 16 * 1024 * 1024;

/// The stack for one level of brackets, bytes.
const PER_BRACKET: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 16 * 1024 };

/// The stack for one more operator in a statement, bytes.
const PER_OPERATOR: usize = if cfg!(debug_assertions) { 8 * 1024 } else { 4 * 1024 };

/// The stack for nesting up to which [`run_with_stack_if_deep`] uses the current thread, bytes.
/// Threads have 2 MiB.
const SHALLOW: usize = 1024 * 1024;

/// The largest stack for a file of a package, bytes.
const MAX_PACKAGE: usize = 256 * 1024 * 1024;

/// The largest stack for a source of the project, bytes.
const MAX: usize = 1024 * 1024 * 1024;

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
    /// The work panicked, or no thread could be started.
    Panicked,
}

impl StackError {
    /// Returns the message for the developer.
    pub(crate) fn message(self) -> String {
        match self {
            Self::TooDeep => "this file is nested too deeply".to_owned(),
            Self::Panicked => {
                "livers could not compile this file because of an internal error; please report it"
                    .to_owned()
            }
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
    let stack = nesting(text).stack().saturating_add(BASE);
    if stack > MAX {
        return Err(StackError::TooDeep);
    }
    run_on_thread(stack, work)
}

/// Like [`run_with_stack`], for the many large files of packages: runs the work on the current
/// thread if the source has little nesting, and refuses a source only for its brackets. The
/// operators counted in a package are mostly in its strings and comments, as in an embedded base64
/// text.
///
/// # Errors
/// Fails if the brackets need more than the largest stack, or if the work panics on another thread.
///
/// # Blocking
/// Waits for the thread.
pub(crate) fn run_with_stack_if_deep<T: Send>(
    text: &str,
    work: impl FnOnce() -> T + Send,
) -> Result<T, StackError> {
    let nesting = nesting(text);
    if nesting.stack() <= SHALLOW {
        return Ok(work());
    }
    if nesting.brackets.saturating_mul(PER_BRACKET) > MAX_PACKAGE {
        return Err(StackError::TooDeep);
    }
    run_on_thread(nesting.stack().saturating_add(BASE).min(MAX_PACKAGE), work)
}

fn run_on_thread<T: Send>(stack: usize, work: impl FnOnce() -> T + Send) -> Result<T, StackError> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("compile".to_owned()).stack_size(stack);
        let worker = builder.spawn_scoped(scope, work).map_err(|_| StackError::Panicked)?;
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

/// Counts nested brackets, and operators within one statement. Does not distinguish strings and
/// comments from code; their content can only make the count larger.
fn nesting(text: &str) -> Nesting {
    let mut deepest = Nesting::default();
    // The number of operators in each open bracket's current statement, innermost last.
    let mut open = vec![0_usize];
    let mut sum = 0;
    let mut last = b';';
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(0),
            b')' | b']' | b'}' if open.len() > 1 => sum -= open.pop().unwrap_or_default(),
            // Statements and list elements are siblings in the tree.
            b';' | b',' => sum -= open.last_mut().map(std::mem::take).unwrap_or_default(),
            b'\n' if ends_statement(last, &text[at + 1..]) => {
                sum -= open.last_mut().map(std::mem::take).unwrap_or_default();
            }
            _ if nests(byte, last) => {
                if let Some(current) = open.last_mut() {
                    *current += 1;
                    sum += 1;
                }
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() || byte == b'\n' {
            last = byte;
        }
        deepest.brackets = deepest.brackets.max(open.len() - 1);
        deepest.operators = deepest.operators.max(sum);
    }
    deepest
}

/// Returns whether a byte may begin a nested expression or statement: an operator, or the blank
/// behind a keyword such as `else`, `await`, `typeof` or `new`.
fn nests(byte: u8, last: u8) -> bool {
    b"+-*/%&|^!~=<>?:.`@".contains(&byte) || (byte == b' ' && last.is_ascii_lowercase())
}

/// Returns whether a statement ends at a line break, because the code around cannot be one
/// expression.
fn ends_statement(last: u8, below: &str) -> bool {
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte > 127;
    // Of consecutive line breaks, the first decides.
    let closed = is_word(last) || matches!(last, b')' | b']' | b'}' | b'"' | b'\'' | b'`' | b';');
    if !closed {
        return false;
    }
    let below = below.trim_start();
    let next = below.bytes().next();
    let begins =
        next.is_none_or(|byte| is_word(byte) || matches!(byte, b'}' | b'"' | b'\'' | b'@'));
    begins && !below.starts_with("else") && !below.starts_with("in")
}

#[cfg(test)]
mod tests {
    use super::{Nesting, StackError, nesting, run_with_stack};

    #[test]
    fn nested_brackets_and_operators_are_counted() {
        let of = |brackets, operators| Nesting { brackets, operators };
        let table = [
            ("", of(0, 0)),
            ("a;b", of(0, 0)),
            ("((a))", of(2, 0)),
            ("f(a);f(a)", of(1, 0)),
            ("a+b+c;a", of(0, 2)),
            ("a+(b+(c))", of(2, 2)),
            ("a+b\nc+d\n", of(0, 1)),
            ("a+b\n+c+d\n", of(0, 3)),
            ("))((", of(2, 0)),
        ];
        for (text, expected) in table {
            assert_eq!(nesting(text), expected, "{text}");
        }
    }

    #[test]
    fn too_deep_sources_are_refused() {
        assert_eq!(run_with_stack("a", || 1), Ok(1));
        assert_eq!(run_with_stack(&"(".repeat(200_000), || 1), Err(StackError::TooDeep));
    }
}
