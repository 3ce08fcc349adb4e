//! Fields of `/proc/self/status`, which Linux writes as `Name:   value`.

use std::path::Path;

use super::reading;

/// The text of a field; `None` if this system has no such file, or this kernel no such field.
pub(super) fn field(root: &Path, name: &str) -> Result<Option<String>, String> {
    Ok(reading::text(&root.join("proc/self/status"))?.and_then(|status| field_of(&status, name)))
}

/// The same in the text of such a file, for any process.
pub(super) fn field_of(status: &str, name: &str) -> Option<String> {
    status.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_by_full_name() {
        let status = "Name:\tworkly:perf\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\nRssAnon:\t     160 kB\n";
        assert_eq!(field_of(status, "Cpus_allowed_list").as_deref(), Some("0-1"));
        assert_eq!(field_of(status, "RssAnon").as_deref(), Some("160 kB"));
        assert_eq!(field_of(status, "Name").as_deref(), Some("workly:perf"));
        assert_eq!(field_of(status, "Rss"), None);
    }
}
