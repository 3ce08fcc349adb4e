//! The display at common sizes, as text.

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::advise::watch::{GpuState, WatchRules};
use crate::host::gpu::GpuReading;
use crate::host::{FoundProcess, ProcessKind, ProcessReading};
use crate::record::Fact;
use crate::studies::watch::{
    EventKind, GpuSnapshot, MachineSnapshot, ModelSnapshot, ProcessSnapshot, Snapshot, WatchEvent, WatchHistory,
    WatchSample, WatchStatus,
};

fn process(pid: u32, name: &str, kind: ProcessKind, vram_bytes: Fact<Option<u64>>) -> ProcessSnapshot {
    let usage = ProcessReading {
        process: FoundProcess { pid, name: name.into(), kind },
        resident_bytes: Fact::Value(1_500 << 20),
        anonymous_bytes: Fact::Value(700 << 20),
        cpu_percent: Fact::Value(143.2),
        threads: Fact::Value(38),
        handles: Fact::Failed("permission denied".into()),
    };
    ProcessSnapshot { usage, vram_bytes }
}

fn gpu(index: u32, reading: Fact<GpuReading>, lost: bool) -> GpuSnapshot {
    GpuSnapshot {
        label: format!("gpu{index}"),
        name: "NVIDIA GeForce RTX 4050 Laptop GPU".into(),
        vram_percent: Fact::Unsupported,
        reading,
        lost,
    }
}

fn reading() -> GpuReading {
    GpuReading {
        use_percent: Fact::Value(88),
        memory_use_percent: Fact::Value(41),
        temperature_c: Fact::Value(66),
        power_w: Fact::Value(58.9),
        power_limit_w: Fact::Value(60.0),
        clock_mhz: Fact::Value(2205),
        memory_clock_mhz: Fact::Value(8001),
        throttled_by: Fact::Value(vec!["power cap".into()]),
        ..GpuReading::of_memory(6 << 30, 400 << 20)
    }
}

fn look(gpus: Vec<GpuSnapshot>, processes: Vec<ProcessSnapshot>) -> Snapshot {
    Snapshot {
        time: Timestamp::UNIX_EPOCH,
        at_s: 83.2,
        gpus,
        machine: MachineSnapshot {
            memory_bytes: Fact::Value(16 << 30),
            available_bytes: Fact::Value(5 << 30),
            cpu_percent: Fact::Value(34.0),
            load_average: Fact::Value(1.25),
        },
        processes,
        busiest: Vec::new(),
        model: None,
    }
}

/// The screen as text, line by line.
fn drawn(look: &Snapshot, chosen: Option<usize>, alarmed: bool, (width, height): (u16, u16)) -> String {
    let rules = &WatchRules::built_in()[0];
    let mut history = WatchHistory::default();
    for at in 0..40 {
        history.push(WatchSample {
            gpu_full_percent: (at != 30).then(|| f64::from(at) * 2.4),
            gpu_use_percent: (at % 7 != 0).then_some(88.0),
            cpu_percent: (at != 0).then(|| f64::from(at * 7 % 40) + 10.0),
            memory_percent: Some(40.0 + f64::from(at)),
            tokens_per_s: (look.model.is_some() && at % 9 == 8).then(|| 20.0 + f64::from(at) / 8.0),
        });
    }
    let events = [
        WatchEvent::at(look, EventKind::Started, "pid 4242", "Avatar.exe (Unity player) is running".into()),
        WatchEvent::at(
            look,
            EventKind::State,
            "gpu0",
            "stressed → overloaded: 93 % full, 88 % busy: cpu_fallback".into(),
        ),
    ];
    let status = status(look, chosen, alarmed, rules, &events);
    history.add(&status);
    let shown = ViewContent { status: &status, history: &history, colour: false };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, &shown)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

fn status<'a>(
    look: &'a Snapshot,
    chosen: Option<usize>,
    alarmed: bool,
    rules: &'a WatchRules,
    events: &'a [WatchEvent],
) -> WatchStatus<'a> {
    WatchStatus {
        snapshot: look,
        chosen,
        load: None,
        state: chosen.map(|_| (GpuState::Overloaded, 12.4)),
        waiting: chosen.map(|_| (GpuState::Optimal, 2.6)),
        profile: chosen.map(|_| "cpu_fallback"),
        advice: alarmed.then_some(rules.alarm.advice.as_slice()),
        events,
        none_since: look.gpus.is_empty().then_some("no NVIDIA driver is installed: its library NVML is missing"),
        holding: None,
        rules: &rules.name,
        interval_s: 1.0,
    }
}

fn busy() -> Snapshot {
    let processes = vec![
        process(911, "python3", ProcessKind::Workly, Fact::Value(Some(4_400 << 20))),
        process(4242, "Avatar.exe", ProcessKind::UnityPlayer, Fact::Unsupported),
    ];
    look(vec![gpu(0, Fact::Value(reading()), false)], processes)
}

#[test]
fn full_gpu_at_80_columns() {
    insta::assert_snapshot!(drawn(&busy(), Some(0), true, (80, 24)));
}

#[test]
fn full_gpu_at_120_columns() {
    insta::assert_snapshot!(drawn(&busy(), Some(0), true, (120, 34)));
}

#[test]
fn lost_gpu_next_to_one_with_memory_readings_only() {
    let gone = gpu(0, Fact::Failed("the GPU is lost: it fell off the bus, or its driver was stopped".into()), true);
    let other = gpu(1, Fact::Value(GpuReading::of_memory(2 << 30, 1 << 30)), false);
    let look = look(vec![gone, other], Vec::new());
    insta::assert_snapshot!("gone", drawn(&look, Some(0), false, (80, 20)));
    insta::assert_snapshot!("memory_alone", drawn(&look, Some(1), false, (80, 20)));
}

#[test]
fn machine_without_a_gpu() {
    insta::assert_snapshot!(drawn(&look(Vec::new(), Vec::new()), None, false, (80, 20)));
}

/// A machine without a GPU on which an application runs that is measured, and other programs.
fn machine_with_a_model() -> Snapshot {
    let workly = process(911, "python3", ProcessKind::Workly, Fact::Unsupported);
    let mut look = look(Vec::new(), vec![workly]);
    look.busiest = vec![process(1234, "firefox", ProcessKind::Other, Fact::Unsupported)];
    look.model = Some(ModelSnapshot { calls: 4, tokens: 96, tokens_per_s: Some(24.5), first_token_s: Some(0.31) });
    look
}

#[test]
fn machine_without_a_gpu_shows_what_it_has() {
    for width in [60, 80, 120] {
        let shown = drawn(&machine_with_a_model(), None, false, (width, 24));
        for expected in ["CPU, %", "memory in use, %", "tokens/s, top 24", "python3", "firefox", "4 calls, 96 tokens"] {
            assert!(shown.contains(expected), "{width}: {expected}: {shown}");
        }
    }
}

#[test]
fn cpu_use_of_a_process_is_drawn_up_to_one_cpu() {
    let (mut history, rules) = (WatchHistory::default(), &WatchRules::built_in()[0]);
    for percent in [0.0, 50.0, 100.0] {
        let mut look = machine_with_a_model();
        look.processes[0].usage.cpu_percent = Fact::Value(percent);
        history.add(&status(&look, None, false, rules, &[]));
    }
    assert_eq!(history.lately(911), "▁▅█");
    assert_eq!(history.lately(1), "");
}

#[test]
fn display_draws_on_any_terminal_size() {
    for size in [(1, 1), (10, 3), (40, 8), (79, 12), (200, 4)] {
        assert_eq!(drawn(&busy(), Some(0), true, size).split('\n').count(), usize::from(size.1));
    }
}

#[test]
fn names_are_shown_at_60_columns() {
    let narrow = drawn(&busy(), Some(0), true, (60, 24));
    assert!(narrow.contains("python3") && narrow.contains("Avatar.exe"), "{narrow}");
    insta::assert_snapshot!(narrow);
}

#[test]
fn sixteen_gpus_on_24_rows_count_the_hidden_ones() {
    let mut gpus: Vec<GpuSnapshot> = (0..16).map(|index| gpu(index, Fact::Value(reading()), false)).collect();
    gpus[15] = gpu(15, Fact::Failed("the GPU is lost".into()), true);
    let look = look(gpus, busy().processes);
    let low = drawn(&look, Some(0), false, (80, 24));
    assert!(low.contains("+6 more"), "{low}");
    assert!(low.contains("processes: 1 of 2"), "processes without space are counted: {low}");
    assert!(low.contains("gpu15") && low.contains("python3") && low.contains("events"), "{low}");
    insta::assert_snapshot!(low);
    let high = drawn(&look, Some(0), false, (80, 60));
    assert!(!high.contains(" more") && high.matches("NVIDIA GeForce").count() == 16, "{high}");
}

#[test]
fn no_processes_message_is_complete_at_40_columns() {
    let shown = drawn(&look(Vec::new(), Vec::new()), None, false, (40, 20));
    assert!(shown.contains("none; --process selects others"), "{shown}");
}
