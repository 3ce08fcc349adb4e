//! Facts about models as text or JSON.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::fetch::PublishedRow;
use super::shapes::ShapeRow;
use crate::llm::synth::SyntheticMark;
use crate::llm::{KvCache, ModelFacts, PerBlock, ProfileDifference};
use crate::text::{self, decimal_bytes};

/// Shown for a figure that the file does not have.
const NOT_GIVEN: &str = "not in the file";

/// Only a line below the heading.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Readable counts: `7.24 G`.
pub(super) fn decimal_count(count: u64) -> String {
    let size = count as f64;
    match count {
        0..1_000_000 => count.to_string(),
        1_000_000..1_000_000_000 => format!("{:.1} M", size / 1e6),
        _ => format!("{:.2} G", size / 1e9),
    }
}

/// A table: columns are right-aligned if all their cells start with a digit.
fn grid(heading: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let is_numeric = |at: usize| rows.iter().all(|row| row[at].starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    let cell = |text: &str, at: usize| {
        let side = if is_numeric(at) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(heading.iter().enumerate().map(|(at, text)| cell(text, at)));
    for row in rows {
        table.add_row(row.iter().enumerate().map(|(at, text)| cell(text, at)));
    }
    table.trim_fmt()
}

/// The available shapes.
pub(super) fn shapes(rows: &[ShapeRow], width: usize) -> String {
    let cells = |row: &ShapeRow| {
        vec![
            row.name.to_owned(),
            decimal_count(row.parameters),
            row.quantisation.to_owned(),
            decimal_bytes(row.file_bytes),
            row.blocks.to_string(),
            row.trained_context.to_string(),
            row.summary.to_owned(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    grid(&["shape", "weights", "quantisation", "file", "blocks", "context", "description"], &rows, width) + "\n"
}

/// The models that can be fetched.
pub(super) fn published(rows: &[PublishedRow], width: usize) -> String {
    let cells = |row: &PublishedRow| {
        vec![
            row.short_name.to_owned(),
            row.name.to_owned(),
            decimal_bytes(row.download_bytes),
            decimal_bytes(row.file_bytes),
            row.licence.to_owned(),
            if row.path.is_some() { "yes" } else { "no" }.to_owned(),
            row.summary.to_owned(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    grid(&["model", "name", "download", "file", "licence", "in the cache", "description"], &rows, width) + "\n"
}

/// A model file.
pub(super) fn facts(facts: &ModelFacts, file: &str, width: usize) -> String {
    let mut blocks = Vec::new();
    if let Some(mark) = &facts.synthetic {
        blocks.push(synthetic(mark));
    }
    blocks.push(pairs(&outline(facts, file)));
    let census = facts.types.iter().map(|row| {
        vec![row.kind.to_owned(), row.tensors.to_string(), decimal_count(row.elements), decimal_bytes(row.bytes)]
    });
    blocks.push(grid(&["type", "tensors", "weights", "bytes"], &census.collect::<Vec<_>>(), width));
    blocks.push(grid(&["part", "bytes"], &parts(facts), width));
    if facts.profiles.is_empty() {
        return blocks.join("\n\n") + "\n";
    }
    blocks.push(grid(
        &["profile", "layers", "context", "batch", "threads", "mlock", "KV cache (F16)"],
        &profiles(facts),
        width,
    ));
    blocks.push(facts.profile_differences.iter().map(difference).collect::<Vec<_>>().join("\n"));
    blocks.join("\n\n") + "\n"
}

fn synthetic(mark: &SyntheticMark) -> String {
    let shape = mark.shape.as_deref().unwrap_or("unknown");
    let seed = mark.seed.map_or_else(|| "unknown".into(), |seed| seed.to_string());
    format!(
        "SYNTHETIC WEIGHTS: shape {shape}, seed {seed}. Speed and memory are those of the shape; the text is meaningless."
    )
}

fn outline(facts: &ModelFacts, file: &str) -> Vec<(&'static str, String)> {
    let number = |figure: Option<u64>| figure.map_or_else(|| NOT_GIVEN.into(), |figure| figure.to_string());
    let per_block = |figure: &Option<PerBlock>| figure.as_ref().map_or_else(|| NOT_GIVEN.into(), ToString::to_string);
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_GIVEN.into());
    let figures = &facts.figures;
    let bits = facts.bits_per_weight.map(|bits| format!(" ({bits:.2} bits per weight)")).unwrap_or_default();
    let mut lines = vec![
        ("file", format!("{file}, {} ({} bytes)", decimal_bytes(facts.file_bytes), facts.file_bytes)),
        ("name", text(&facts.name)),
        ("architecture", facts.architecture.clone()),
        ("kind", facts.kind.words().to_owned()),
        ("weights", format!("{} ({})", decimal_count(facts.parameters), facts.parameters)),
        ("quantisation", format!("{}{bits}", facts.quantisation)),
        ("blocks", number(figures.blocks)),
        ("offloadable layers", number(facts.offloadable_layers)),
        ("trained context", number(figures.trained_context)),
        ("embedding", number(figures.embedding)),
        ("feed-forward", per_block(&figures.feed_forward)),
        ("heads", per_block(&figures.heads)),
        ("KV heads", per_block(&figures.kv_heads)),
        ("head length", format!("{} (keys), {} (values)", number(figures.key_length), number(figures.value_length))),
        ("vocabulary", number(facts.vocabulary)),
        ("tokenizer", text(&facts.tokenizer)),
        ("KV cache per token", cache(&facts.kv_bytes_per_token)),
        ("header", format!("GGUF {}, {} bytes, hash {}", facts.gguf_version, facts.header_bytes, facts.header_hash)),
    ];
    if let Some(experts) = figures.experts.filter(|experts| *experts > 0) {
        lines.insert(11, ("experts", format!("{experts}, {} used", number(figures.experts_used))));
    }
    if let Some((part, of)) = facts.split {
        lines.insert(1, ("part", format!("{part} of {of}; weights and bytes are totals of all parts")));
    }
    lines
}

fn pairs(lines: &[(&str, String)]) -> String {
    let widest = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().map(|(name, text)| format!("{name:widest$}  {}", text::cell(text))).collect::<Vec<_>>().join("\n")
}

fn cache(cache: &KvCache) -> String {
    match cache {
        KvCache::NotKnown { reason } => reason.clone(),
        KvCache::Known(bytes) => {
            let quantised = |name: &str, bytes: Option<u64>| match bytes {
                Some(bytes) => format!(", {bytes} ({name})"),
                None => format!(", no {name} (head length is not a multiple of the block size)"),
            };
            format!("{} bytes (F16){}{}", bytes.f16, quantised("Q8_0", bytes.q8_0), quantised("Q4_0", bytes.q4_0))
        }
    }
}

fn parts(facts: &ModelFacts) -> Vec<Vec<String>> {
    let parts = &facts.parts;
    [
        ("embeddings", parts.embeddings),
        ("attention", parts.attention),
        ("feed-forward", parts.feed_forward),
        ("norms", parts.norms),
        ("output", parts.output),
        ("other", parts.other),
    ]
    .into_iter()
    .filter(|(_, bytes)| *bytes > 0)
    .map(|(part, bytes)| vec![part.to_owned(), decimal_bytes(bytes)])
    .collect()
}

fn profiles(facts: &ModelFacts) -> Vec<Vec<String>> {
    let cells = |profile: &crate::llm::ResolvedProfile| {
        let asked = &profile.asked;
        let layers = match (profile.resolved_gpu_layers, asked.n_gpu_layers) {
            (None, _) => "not known".into(),
            (Some(layers), asked) if asked < 0 => format!("{layers} (all)"),
            (Some(layers), asked) if u64::try_from(asked) == Ok(layers) => layers.to_string(),
            (Some(layers), asked) => format!("{layers} (asks for {asked})"),
        };
        let context = if profile.beyond_trained_context {
            format!("{} (exceeds the trained context)", asked.n_ctx)
        } else {
            asked.n_ctx.to_string()
        };
        vec![
            asked.name.clone(),
            layers,
            context,
            asked.n_batch.to_string(),
            asked.n_threads.to_string(),
            if asked.mlock { "yes" } else { "no" }.to_owned(),
            profile.kv_bytes_f16.map_or_else(|| "not known".into(), decimal_bytes),
        ]
    };
    facts.profiles.iter().map(cells).collect()
}

fn difference(pair: &ProfileDifference) -> String {
    let placement = match pair.same_placement {
        Some(true) => "place the same layers",
        Some(false) => "place different layers",
        None => "may place different layers: the file does not say how many there are",
    };
    let others: Vec<_> = pair.differ_in.iter().filter(|setting| **setting != "n_gpu_layers").copied().collect();
    let rest = match (others.is_empty(), pair.same_placement) {
        (true, Some(true)) => " and are otherwise identical".to_owned(),
        (true, _) => String::new(),
        (false, Some(true)) => format!("; they differ only in {}", others.join(", ")),
        (false, _) => format!("; they also differ in {}", others.join(", ")),
    };
    format!("{} and {} {placement}{rest}", pair.left, pair.right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        let sizes = [0, 999, 1_500, 4_465_664, 5_131_409_000].map(decimal_bytes);
        assert_eq!(sizes, ["0 B", "999 B", "1.5 kB", "4.5 MB", "5.13 GB"]);
        assert_eq!([999, 134_105_856, 7_241_732_096].map(decimal_count), ["999", "134.1 M", "7.24 G"]);
    }

    #[test]
    fn names_stay_on_one_line() {
        let shown = pairs(&[("file", "a\nname  forged\u{1b}[31m.gguf".into()), ("name", "b".into())]);
        assert_eq!(shown, "file  a\\u000aname  forged\\u001b[31m.gguf\nname  b");
    }

    #[test]
    fn profile_differences_are_stated_in_words() {
        let pair = |same_placement, differ_in: &[&'static str]| {
            let (left, right) = ("a".into(), "b".into());
            difference(&ProfileDifference { left, right, same_placement, differ_in: differ_in.to_vec() })
        };
        assert_eq!(
            pair(Some(true), &["n_ctx", "n_batch"]),
            "a and b place the same layers; they differ only in n_ctx, n_batch"
        );
        assert_eq!(pair(Some(true), &[]), "a and b place the same layers and are otherwise identical");
        assert_eq!(
            pair(Some(false), &["n_gpu_layers", "mlock"]),
            "a and b place different layers; they also differ in mlock"
        );
        assert_eq!(pair(Some(false), &["n_gpu_layers"]), "a and b place different layers");
    }
}
