//! `watch` on simulated GPUs of a driver's test double: thresholds, missing readings, GPUs that vanish.

use workly_perf::record::{CaseState, MetricStatus};

use super::command::{LOOKS, card, events, record, rules, with_gpu};
use crate::harness::run::{Place, case, figure};
use crate::harness::standin_nvml::Driver;

#[test]
fn thresholds_are_crossed_with_their_gap() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "0.0"));
    let script = card(&[
        (599, 59), // both below 60: optimal
        (650, 90), // between the thresholds
        (750, 95), // at the threshold, not above
        (751, 95), // above 75 and 80: stressed
        (740, 95), // below the threshold, but not below 60
        (700, 30),
        (860, 30), // above 85: the alarm
        (895, 30), // at 89.5
        (896, 30), // overloaded
        (870, 95), // above 85: kept
        (851, 95), // still kept
        (850, 95), // stressed
        (801, 95), // the alarm is not over yet
        (800, 95), // at 80: over
        (590, 60), // low memory use, but utilisation is at 60
        (590, 59), // optimal
        (990, 99), // overloaded
        (100, 1),  // optimal: these rules have no minimum stay
    ]);
    let run = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 4s"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        events(&place, &["state", "alarm", "alarm_over"]),
        [
            "state gpu0  optimal",
            "state gpu0 optimal stressed",
            "alarm gpu0",
            "state gpu0 stressed overloaded",
            "state gpu0 overloaded stressed",
            "alarm_over gpu0",
            "state gpu0 stressed optimal",
            "alarm gpu0",
            "state gpu0 optimal overloaded",
            "alarm_over gpu0",
            "state gpu0 overloaded optimal",
        ]
    );
    let text = std::fs::read_to_string(place.path("out/events.csv")).unwrap();
    assert!(text.contains("optimal → stressed: 75 % full, 95 % busy: balanced"), "{text}");
    assert!(text.contains("close programs") && text.contains("smaller model") && text.contains("balanced"), "{text}");
    let run = record(&place);
    assert_eq!((figure(&run, "gpu0/state", "changes"), figure(&run, "gpu0/state", "alarms")), (Some(7.0), Some(2.0)));
    assert!(run.findings.iter().any(|finding| finding.contains("overloaded for")), "{:?}", run.findings);
}

#[test]
fn better_state_waits_and_worse_one_applies_at_once() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "3600.0"));
    let script = card(&[(500, 10), (760, 90), (950, 90), (500, 10)]);
    let run = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 1500ms"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let expected = ["state gpu0  optimal", "state gpu0 optimal stressed", "state gpu0 stressed overloaded"];
    assert_eq!(events(&place, &["state"]), expected);
}

#[test]
fn gpus_of_every_size_are_read_and_the_largest_chosen() {
    for (mib, gib) in [(4096_u64, "4.00"), (6144, "6.00"), (8192, "8.00"), (12288, "12.00"), (24576, "24.00")] {
        let place = Place::new();
        let script = format!(
            "gpu name=Small total=2048\nrow used=1 use=1\ngpu name=Card total={mib}\nrow used=1024 reserved=256 use=7"
        );
        let run = with_gpu(&place, Driver::Current, &script, "watch --once --format json");
        let look: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let reading = &look["gpus"][1]["reading"];
        assert_eq!(reading["vram_total_bytes"], mib << 20);
        assert_eq!(reading["vram_free_bytes"], (mib - 1280) << 20);
        assert_eq!((&reading["vram_reserved_bytes"], &reading["use_percent"]), (&(256 << 20).into(), &7.into()));
        let full = look["gpus"][1]["vram_percent"].as_f64().unwrap();
        assert!((full - 100.0 * 1280.0 / mib as f64).abs() < 1e-9, "memory reserved by the driver is not free: {full}");
        let text = with_gpu(&place, Driver::Current, &script, "watch --once").stdout;
        assert!(text.contains(&format!("of {gib} GiB, 256 MiB reserved by the driver")), "{text}");
        let line = with_gpu(&place, Driver::Current, &script, "watch --plain --for 1ms --out out").stdout;
        assert!(line.contains("gpu1") && line.contains("no state yet") || line.contains("optimal"), "{line}");
        assert_eq!(record(&place).subject["state_of"], "gpu1");
    }
}

/// Every number of a JSON value.
fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Number(number) => vec![number.as_f64().unwrap()],
        serde_json::Value::Array(items) => items.iter().flat_map(numbers).collect(),
        serde_json::Value::Object(fields) => fields.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn missing_readings_are_not_reported_as_0() {
    let place = Place::new();
    // A GPU that reports only its memory, and one whose calls fail.
    let script = "gpu name=Dumb total=4096\nrow used=1024 fail=processes:3\n\
                  gpu name=Broken total=8192\nrow used=1024 use=5 temp=40 fail=use:999,temperature:15,processes:4";
    let look = with_gpu(&place, Driver::Current, script, "watch --once --format json");
    let look: serde_json::Value = serde_json::from_str(&look.stdout).unwrap();
    for gpu in look["gpus"].as_array().unwrap() {
        let mut reading = gpu["reading"].clone();
        assert_eq!(reading["vram_reserved_bytes"], 0, "a real reading: the driver reserves nothing");
        reading["vram_reserved_bytes"] = serde_json::Value::Null;
        assert!(numbers(&reading).iter().all(|number| *number > 0.0), "{reading}");
    }
    assert_eq!(look["gpus"][0]["reading"]["use_percent"]["missing"], "unsupported");
    assert_eq!(look["gpus"][1]["reading"]["use_percent"]["reason"], "an internal driver error occurred");

    let line = "watch --plain --quiet --interval 20ms --for 100ms --csv log.csv --out out";
    let run = with_gpu(&place, Driver::Current, script, line);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("– busy, –, power –"), "{}", run.stdout);
    let run = record(&place);
    for (path, status) in [("gpu0/use", MetricStatus::Unsupported), ("gpu1/temperature", MetricStatus::Invalid)] {
        let case = case(&run, path);
        assert!(case.metrics.iter().all(|metric| metric.value.is_none() && metric.status == status), "{case:?}");
    }
    assert_eq!(case(&run, "gpu1/use").state, CaseState::Failed);
    assert!(case(&run, "gpu1/use").reason.as_ref().unwrap().contains("internal driver error"));
    let mut log = csv::Reader::from_path(place.path("log.csv")).unwrap();
    let headers = log.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<_> = log.records().map(Result::unwrap).collect();
    let dumb = rows.iter().find(|row| &row[column("subject")] == "gpu0").unwrap();
    assert_eq!((&dumb[column("use_percent")], &dumb[column("power_w")]), ("", ""));
    assert!(dumb[column("missing")].contains("use_percent: unsupported"), "{dumb:?}");
}

#[test]
fn vanishing_and_returning_gpus_are_noticed() {
    let place = Place::new();
    place.write("rules.toml", &rules("0.0", "0.0"));
    let script = card(&[(950, 90), (950, 90)]) + "\nrow lost\nrow lost\nrow lost\nrow used=500 use=10 temp=50";
    let outcome = with_gpu(&place, Driver::Current, &script, &format!("{LOOKS} --for 2s"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("gpu0 gone"), "{}", outcome.stdout);
    let happened = events(&place, &["lost", "back", "state"]);
    assert_eq!(happened, ["state gpu0  overloaded", "lost gpu0", "back gpu0", "state gpu0 overloaded optimal"]);
    let run = record(&place);
    let vram = case(&run, "gpu0/vram");
    assert_eq!(vram.state, CaseState::Lossy);
    assert!(
        vram.reason.as_ref().unwrap().contains("fell off the bus")
            && vram.reason.as_ref().unwrap().contains("(4 samples)"),
        "{vram:?}"
    );
    let least = vram.metric("min").unwrap();
    assert_eq!((least.value, least.status), (Some(f64::from(500 << 20)), MetricStatus::Partial));
    assert!(run.findings.iter().any(|finding| finding.contains("was unavailable")), "{:?}", run.findings);
}

#[test]
fn old_drivers_and_parts_of_split_gpus_are_watched() {
    let place = Place::new();
    let old = with_gpu(
        &place,
        Driver::Old,
        "gpu name=GTX_1650 total=4096\nrow used=900 reserved=100 use=5 temp=40",
        "watch --once",
    );
    assert!(old.stdout.contains("1000 MiB used, 3.02 GiB free of 4.00 GiB: 24.4 % full"), "{}", old.stdout);
    let split = "gpu name=A100 total=40960\nrow used=30000\nmig total=20480 used=19000\nmig total=10240 used=1024";
    let part = with_gpu(&place, Driver::Current, split, "watch --plain --quiet --gpu 0.1 --for 1ms --out out");
    assert_eq!(part.code, Some(0), "{}", part.stderr);
    assert!(
        part.stdout.contains("gpu0.1 1.00 GiB of 10.00 GiB, 10 % full, – busy, –, power –, optimal"),
        "{}",
        part.stdout
    );
    assert_eq!(record(&place).subject["state_of"], "gpu0.1");
    let none = with_gpu(&place, Driver::Current, split, "watch --once --gpu 3");
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.contains("there is no gpu3; there are gpu0, gpu0.0, gpu0.1"), "{}", none.stderr);
}
