//! What the kernel says of a process in one line: /proc/PID/stat.

/// One field of that line, counted from 1 as in proc_pid_stat(5); those after the second one,
/// a name that may hold spaces and ends with the last `)`.
pub fn field(stat: &str, number: usize) -> Option<&str> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number.checked_sub(3)?)
}
