//! Sources that are nested very deeply.
//!
//! The parser and all that walks the tree call themselves once for each level, and a thread whose
//! stack overflows takes the whole process along. So the levels are counted first, roughly and
//! rather too many, and the work is done on a thread whose stack is large enough for them; what no
//! stack could hold is refused.

use std::thread;

// The figures below were found by trying: a quarter of them was enough for every way of nesting in
// the tests.

/// The stack for a source of no special depth, bytes. Only what is touched costs memory.
const STACK: usize = 16 * 1024 * 1024;

/// What one bracket within another may need, bytes.
const BRACKET: usize = if cfg!(debug_assertions) { 32 * 1024 } else { 16 * 1024 };

/// What one operator after another may need, bytes.
const OPERATOR: usize = if cfg!(debug_assertions) { 8 * 1024 } else { 4 * 1024 };

/// The largest stack, bytes.
const MOST: usize = 1024 * 1024 * 1024;

/// How deep a source is nested, at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Depth {
    brackets: usize,
    operators: usize,
}

/// Why some work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// No stack is large enough.
    TooDeep,
    /// It panicked, or there is no thread for it.
    Broken,
}

/// Does some work on a source, on a thread with a stack that is large enough.
pub(super) fn with_stack<T: Send>(
    text: &str,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Undone> {
    let depth = depth(text);
    let needed = depth.brackets.saturating_mul(BRACKET);
    let needed = needed.saturating_add(depth.operators.saturating_mul(OPERATOR));
    let stack = STACK.saturating_add(needed);
    if stack > MOST {
        return Err(Undone::TooDeep);
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("compile".to_owned()).stack_size(stack);
        let worker = builder.spawn_scoped(scope, work).map_err(|_| Undone::Broken)?;
        worker.join().map_err(|_| Undone::Broken)
    })
}

/// Counts brackets within each other, and operators within one statement. Strings and comments are
/// not told apart from code: what they hold only makes the count larger.
fn depth(text: &str) -> Depth {
    let mut deepest = Depth::default();
    // The operators of the statements around, outermost first; the last is the current one.
    let mut open = vec![0_usize];
    let mut sum = 0;
    let mut last = b';';
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(0),
            b')' | b']' | b'}' if open.len() > 1 => sum -= open.pop().unwrap_or_default(),
            // What stands beside each other is not deep.
            b';' | b',' => {
                if let Some(current) = open.last_mut() {
                    sum -= *current;
                    *current = 0;
                }
            }
            b'\n' if ends_statement(last, &text[at + 1..]) => {
                if let Some(current) = open.last_mut() {
                    sum -= *current;
                    *current = 0;
                }
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'!' | b'~' | b'=' | b'<'
            | b'>' | b'?' | b':' | b'.' | b'`' | b'@' => {
                if let Some(current) = open.last_mut() {
                    *current += 1;
                    sum += 1;
                }
            }
            // Words that hold what follows them: `else`, `await`, `typeof`, `new`, `if`.
            b' ' if last.is_ascii_lowercase() => {
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

/// Whether a statement ends with a line: what stands before and below it cannot be one expression.
fn ends_statement(last: u8, below: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte > 127;
    // Of more lines in a row, the first has told.
    let closed = word(last) || matches!(last, b')' | b']' | b'}' | b'"' | b'\'' | b'`' | b';');
    if !closed {
        return false;
    }
    let below = below.trim_start();
    let next = below.bytes().next();
    let begins = next.is_none_or(|byte| word(byte) || matches!(byte, b'}' | b'"' | b'\'' | b'@'));
    begins && !below.starts_with("else") && !below.starts_with("in")
}

#[cfg(test)]
mod tests {
    use super::{Depth, Undone, depth, with_stack};

    #[test]
    fn levels_are_counted() {
        let of = |brackets, operators| Depth { brackets, operators };
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
        for (text, wanted) in table {
            assert_eq!(depth(text), wanted, "{text}");
        }
    }

    #[test]
    fn work_is_done_where_there_is_room() {
        assert_eq!(with_stack("a", || 1), Ok(1));
        assert_eq!(with_stack(&"(".repeat(200_000), || 1), Err(Undone::TooDeep));
    }
}
