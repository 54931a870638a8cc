//! What the figures were taken on.

/// The processor's model and how many there are, as far as the system tells.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model(&told).unwrap_or(std::env::consts::ARCH);
    format!("{model}, {cores} cores")
}

fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

/// Lets the kernel count the peak of this process's resident set anew.
pub fn forget_peak() {
    // Where the kernel refuses, the peak is that of the whole run: too large, never too small.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The peak of this process's resident set in bytes; `None` where the kernel does not tell.
pub fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_model_is_found() {
        let told = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n";
        assert_eq!(super::model(told), Some("Some CPU @ 2 GHz"));
        assert_eq!(super::model("processor\t: 0\n"), None);
    }
}
