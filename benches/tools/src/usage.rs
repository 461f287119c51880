//! What a process uses, as the kernel tells it in `/proc`.

use std::fs;

/// CPU seconds of a process since its start, of all its threads that still run, in user space and in the kernel.
///
/// Taken from the scheduler's nanoseconds: `/proc/PID/stat` counts in hundredths of a second.
pub fn cpu_seconds(pid: u32) -> Result<f64, String> {
    let directory = format!("/proc/{pid}/task");
    let failed = |error: std::io::Error| format!("{directory}: {error}");
    let mut nanoseconds = 0;
    for thread in fs::read_dir(&directory).map_err(failed)? {
        let schedstat = fs::read_to_string(thread.map_err(failed)?.path().join("schedstat")).map_err(failed)?;
        let time = schedstat.split(' ').next().and_then(|field| field.parse::<u64>().ok());
        nanoseconds += time.ok_or_else(|| format!("{directory}: a schedstat cannot be read"))?;
    }
    Ok(nanoseconds as f64 / 1e9)
}
