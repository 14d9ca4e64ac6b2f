//! Which signals the parent process ignored, as `nohup` does with SIGHUP. They stay ignored.

/// Returns whether a signal is ignored, as far as the system tells: Linux only (proc(5)).
pub(crate) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    mask(&status).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Returns the set of ignored signals: that of signal 1 is the lowest bit.
fn mask(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\ta\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n";
        let table = [(status, Some(0x1001)), ("Name:\ta", None), ("SigIgn:\tx", None)];
        for (status, wanted) in table {
            assert_eq!(mask(status), wanted, "{status}");
        }
    }
}
