//! Cases and findings from projections.

use serde_json::json;

use super::gpus::PickedGpu;
use super::projection_study::ProfileNeed;
use super::projections::Projections;
use crate::llm::engine::Projection;
use crate::llm::{ModelFacts, ProfileDifference};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric};
use crate::text::gib;

/// What the application can use of the result.
pub(super) const PROFILES_ALONE: &str =
    "The application can only use its own profiles, not other numbers of layers, context sizes or KV cache types.";

/// Every placement, each of the application's profiles, and the pick for each card.
pub(super) fn cases(projections: &Projections, needs: &[ProfileNeed], picked: &[PickedGpu<'_>]) -> Vec<Case> {
    let placements = projections.first.iter().map(|placement| projected("project", placement, None));
    let profiles = needs.iter().map(|need| projected("profile", &need.projection, Some(&need.name)));
    placements.chain(profiles).chain(picked.iter().map(PickedGpu::case)).collect()
}

/// A projected placement as a case.
fn projected(kind: &str, placement: &Projection, name: Option<&str>) -> Case {
    let on = placement.on_devices();
    let bytes = |name: &str, bytes: u64| Metric::plain(name, "bytes", bytes as f64, 1, Direction::Lower);
    let layers = placement.n_gpu_layers;
    Case {
        path: name.map_or_else(|| format!("{kind}/ngl={layers}"), |name| format!("{kind}/{name}")),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: json!({ "n_gpu_layers": layers, "n_ctx": placement.n_ctx, "projection": placement }),
        notes: Vec::new(),
        metrics: vec![
            bytes("vram_projected", on.total_bytes()),
            bytes("vram_model", on.model_bytes),
            bytes("vram_context", on.context_bytes),
            bytes("vram_compute", on.compute_bytes),
            bytes("host_projected", placement.host.total_bytes()),
        ],
        histograms: Vec::new(),
    }
}

/// The sentences that lead the report.
pub(super) fn findings(
    projections: &Projections,
    facts: &ModelFacts,
    picked: &[PickedGpu<'_>],
    is_without_gpu: bool,
) -> Vec<String> {
    let mut findings = Vec::new();
    if is_without_gpu {
        findings.push(
            "This machine has no GPU that this build can use: the figures are for GPUs of the given sizes.".into(),
        );
    }
    if let Some(all) = projections.first.last() {
        let on = all.on_devices();
        findings.push(format!(
            "All {} layers with a context of {} take {} on the GPU: {} of weights, {} of KV cache, {} of buffers; {} \
             stay on the CPU.",
            all.n_gpu_layers,
            all.n_ctx,
            gib(on.total_bytes()),
            gib(on.model_bytes),
            gib(on.context_bytes),
            gib(on.compute_bytes),
            gib(all.host.total_bytes())
        ));
    }
    findings.extend(projections.gave_up.clone());
    findings.extend(picked.iter().map(PickedGpu::sentence));
    findings.push(PROFILES_ALONE.into());
    findings.extend(same_placements(facts));
    findings.push(format!(
        "{} {} in {:.0} ms, without reading any weights. The driver's own memory is not included.",
        counted(projections.options.len(), "placement"),
        projections.target.basis(),
        projections.took_ms
    ));
    findings
}

/// Profiles that place the same layers of this model, one sentence per pair.
pub(super) fn same_placements(facts: &ModelFacts) -> Vec<String> {
    let asks = |name: &str| {
        let profile = facts.profiles.iter().find(|profile| profile.asked.name == name);
        profile.map_or_else(String::new, |profile| match profile.asked.n_gpu_layers {
            ..0 => format!("{name} (all)"),
            asked => format!("{name} ({asked})"),
        })
    };
    let same = facts.profile_differences.iter().filter(|pair| pair.same_placement == Some(true));
    same.map(|ProfileDifference { left, right, differ_in, .. }| {
        format!(
            "The profiles {} and {} place the same layers of this model (it has {}); they differ in {}.",
            asks(left),
            asks(right),
            facts.offloadable_layers.unwrap_or(0),
            differ_in.join(", ")
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::gpus::{TableSizes, founding_table, picked};
    use super::super::planted;
    use super::*;

    #[test]
    fn each_gpu_gets_the_most_layers_beside_its_reserve() {
        let projections = planted::projections();
        let cards = planted::cards(&[1000, 130]);
        let picked = picked(&projections, &cards);
        let cases = cases(&projections, &[], &picked);
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "project/ngl=0",
                "project/ngl=1",
                "project/ngl=2",
                "project/ngl=3",
                "project/ngl=4",
                "card/1000",
                "card/130"
            ]
        );
        let value = |case: usize, name: &str| cases[case].metric(name).unwrap().value;
        assert_eq!((value(2, "vram_projected"), value(2, "vram_model")), (Some(220.0), Some(200.0)));
        assert_eq!(
            (value(5, "layers"), value(5, "vram_projected"), value(5, "vram_spare")),
            (Some(4.0), Some(420.0), Some(480.0))
        );
        // Of 130 bytes, 100 stay free: the buffers without layers (20) fit; those of one layer do not.
        assert_eq!((value(6, "layers"), value(6, "vram_available")), (Some(0.0), Some(30.0)));
    }

    #[test]
    fn gpu_without_space_has_no_pick() {
        let projections = planted::projections();
        let cards = planted::cards(&[110]);
        let picked = picked(&projections, &cards);
        assert_eq!(picked[0].sentence(), "110, 0.00 GiB reserved: nothing fits, so use only the CPU.");
        let case = picked[0].case();
        assert!(case.metric("layers").unwrap().value.is_none() && case.metric("vram_spare").unwrap().value.is_none());
    }

    #[test]
    fn founding_table_has_a_sentence_per_gpu() {
        let table =
            founding_table(&planted::projections(), &[], TableSizes { model_bytes: 400, reserve_bytes: 1 << 30 });
        assert_eq!(table.len(), 4);
        assert!(
            table[0].contains("With 1.00 GiB reserved for Unity, this fits: 4 layers (context 256, f16)"),
            "{table:?}"
        );
    }
}
