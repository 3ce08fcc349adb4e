//! Facts about the machine's GPUs in a record: with a test double of the driver, an old one, a broken one, and none.

use std::process::Command;

use workly_perf::record::{Fact, Machine, RecordFolder};

use crate::harness::run::Place;
use crate::harness::standin_nvml::Driver;

/// The machine as recorded by a short run.
fn machine(place: &Place, mut command: Command) -> Machine {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    RecordFolder::read(&place.path("out")).unwrap().machine
}

const BRIEF: &str = "ipc --bridge embedded:fps=500 --messages 1 --warmup 0 --load closed --sizes 100 --quiet --out out";

pub(crate) fn with(driver: Driver, script: &str) -> Machine {
    let place = Place::new();
    let command = place.command_with_gpu(driver, script, BRIEF);
    machine(&place, command)
}

/// The machine if NVML is `none`, or a file that is not NVML.
fn without(nvml: &str) -> Machine {
    let place = Place::new();
    place.write("text.so", "no library");
    let mut command = place.command(BRIEF);
    command.env("WORKLY_PERF_NVML", nvml);
    machine(&place, command)
}

#[test]
fn gpus_of_every_size_are_named_and_part_of_the_fingerprint() {
    let plain = without("none").fingerprint;
    let mut fingerprints = vec![plain];
    for (mib, gib) in [(4096, 4), (6141, 6), (8188, 8), (12288, 12), (24564, 24)] {
        let script = format!("gpu name=NVIDIA_GeForce total={mib} limit=60000 clock_max=2100\nrow used=500 use=3");
        let machine = with(Driver::Current, &script);
        let title = format!("NVIDIA GeForce ({gib} GiB); driver 555.42.02, CUDA up to 12.5");
        assert_eq!(machine.gpu, Fact::Value(title));
        let gpu = &machine.gpus.devices[0];
        assert_eq!(gpu.vram_bytes, Fact::Value(mib << 20));
        assert_eq!((gpu.power_limit_w.clone(), gpu.clock_max_mhz.clone()), (Fact::Value(60.0), Fact::Value(2100)));
        assert_eq!((gpu.integrated.clone(), gpu.split.clone()), (Fact::Value(false), Fact::Unsupported));
        assert_eq!(gpu.pci_bus, Fact::Value("00000000:01:00.0".into()));
        assert!(!fingerprints.contains(&machine.fingerprint));
        fingerprints.push(machine.fingerprint);
    }
}

#[test]
fn driver_version_is_recorded_but_not_in_the_fingerprint() {
    let cards = "gpu name=A total=4096\nrow used=1";
    let (old, new) = (with(Driver::Current, cards), with(Driver::Current, &format!("driver 580.95.05\n{cards}")));
    assert_eq!(new.gpus.driver, Fact::Value("580.95.05".into()));
    assert_eq!(old.fingerprint, new.fingerprint);
}

#[test]
fn multiple_integrated_and_split_gpus_are_distinguished() {
    let machine = with(
        Driver::Current,
        "gpu name=RTX_4090 total=24564\nrow used=1\n\
         gpu name=Orin bus=3 total=16384\nrow used=1\n\
         gpu name=A100 total=40960\nrow used=1\nmig total=20480 used=1\nmig total=10240 used=1",
    );
    let title =
        "RTX 4090 (24 GiB); Orin (16 GiB, integrated); A100 (40 GiB, split (MIG)); driver 555.42.02, CUDA up to 12.5";
    assert_eq!(machine.gpu, Fact::Value(title.into()));
    let places: Vec<_> = machine.gpus.devices.iter().map(|gpu| (gpu.index, gpu.mig)).collect();
    assert_eq!(places, [(0, None), (1, None), (2, None), (2, Some(0)), (2, Some(1))]);
    assert_eq!(machine.gpus.devices[4].name, Fact::Value("A100 MIG 1".into()));
    assert_eq!(machine.gpus.devices[4].vram_bytes, Fact::Value(10 << 30));
}

#[test]
fn old_driver_reports_what_it_can_with_reasons_for_the_rest() {
    let machine = with(Driver::Old, "driver 470.82\ngpu name=GTX_1650 total=4096\nrow used=900 reserved=100");
    let gpu = &machine.gpus.devices[0];
    assert_eq!(gpu.vram_bytes, Fact::Value(4 << 30), "by the older query");
    // The loader of Windows does not name the function.
    let too_old = |function: &str| {
        if cfg!(windows) {
            "this driver is too old to report this".to_owned()
        } else {
            format!("this driver is too old: it has no {function}")
        }
    };
    assert_eq!(gpu.integrated, Fact::Failed(too_old("nvmlDeviceGetBusType")));
    assert_eq!(gpu.split, Fact::Failed(too_old("nvmlDeviceGetMigMode")));
    assert_eq!(machine.gpus.cuda, Fact::Failed(too_old("nvmlSystemGetCudaDriverVersion_v2")));
    assert!(machine.gpu.value().unwrap().starts_with("GTX 1650 (4 GiB); driver 470.82"), "{}", machine.gpu);
}

#[test]
fn lost_gpu_stays_listed_without_figures() {
    let machine =
        with(Driver::Current, "gpu name=A total=4096\nrow lost\ngpu name=B total=8192\nrow used=1 fail=limit:999");
    let lost = Fact::Failed("the GPU is lost: it fell off the bus, or its driver was stopped".to_owned());
    assert_eq!(machine.gpus.devices[0].name, lost);
    assert_eq!(machine.gpus.devices[0].vram_bytes.missing(), lost.missing());
    assert_eq!(machine.gpus.devices[1].vram_bytes, Fact::Value(8 << 30));
    assert_eq!(machine.gpus.devices[1].power_limit_w, Fact::Failed("an internal driver error occurred".into()));
}

#[test]
fn unresponsive_driver_differs_from_no_driver() {
    let none = without("none");
    assert_eq!((none.gpu, none.gpus.devices.len()), (Fact::NotMeasured, 0));
    let broken = with(Driver::Current, "init 9");
    assert_eq!(broken.gpu, Fact::Failed("NVML does not respond: NVIDIA's driver is not running".into()));
    assert_ne!(broken.fingerprint, none.fingerprint, "there may be a GPU");
    let mismatch = with(Driver::Current, "init 18").gpu.to_string();
    assert!(mismatch.contains("restart the machine"), "{mismatch}");
    let text = without("text.so").gpu.to_string();
    assert!(text.starts_with("failed: NVML does not respond: cannot load it"), "{text}");
    assert!(!text.contains("text.so"), "records hold no path: {text}");
    assert_eq!(with(Driver::Current, "# a driver without a GPU").gpu, Fact::Unsupported);
}

#[test]
fn report_names_the_gpu_or_its_absence() {
    let place = Place::new();
    let mut command = place.command_with_gpu(Driver::Current, "gpu name=RTX_4050 total=6141\nrow used=1", BRIEF);
    assert!(command.output().unwrap().status.success());
    assert!(place.run("report out --verbose").stdout.contains("GPU: RTX 4050 (6 GiB); driver 555.42.02"));
}

/// A GPU that shares the machine's memory returns `Not Supported` for it; everything else is reported.
const WITHOUT_MEMORY: &str = "gpu name=NVIDIA_GB10 total=4096\n\
                              row used=0 use=42 temp=51 power=30000 fail=memory:3\nprocess pid=1 used=none";

#[test]
fn gpu_without_its_own_memory_reports_everything_else() {
    let machine = with(Driver::Current, WITHOUT_MEMORY);
    assert_eq!(machine.gpus.devices[0].vram_bytes, Fact::Unsupported);
    assert!(machine.gpu.value().unwrap().starts_with("NVIDIA GB10 (memory unknown)"), "{}", machine.gpu);
    let told = |line: &str| {
        let place = Place::new();
        let output = place.command_with_gpu(Driver::Current, WITHOUT_MEMORY, line).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, once) = told("watch --once");
    assert_eq!(code, Some(0), "{once}");
    let vram = once.lines().find(|line| line.trim_start().starts_with("VRAM")).unwrap();
    assert_eq!(vram.split_whitespace().collect::<Vec<_>>(), ["VRAM", "unsupported"], "{once}");
    assert!(once.contains("42 %") && once.contains("51 °C"), "{once}");
    let (code, plain) = told("watch --plain --quiet --for 1ms --out out");
    assert_eq!(code, Some(0), "{plain}");
    assert!(plain.contains("memory unsupported, 42 % busy, 51 °C"), "{plain}");
    let (_, doctor) = told("doctor");
    assert!(doctor.contains("its memory is unsupported"), "{doctor}");
    let (code, recommend) = told("recommend --no-measure --model synth:tiny --out out");
    assert_eq!(code, Some(0), "{recommend}");
    assert!(recommend.replace("\n  ", " ").contains("the memory of NVIDIA GB10 is unsupported"), "{recommend}");
}

#[test]
fn processes_are_listed_in_every_driver_format() {
    for driver in [Driver::Current, Driver::Old, Driver::Oldest] {
        let place = Place::new();
        let own = std::process::id();
        let script =
            format!("gpu name=Card total=4096\nrow used=1000\nprocess pid={own} used=300\nprocess pid=1 used=5");
        let line = format!("memory --pid {own} --vram --for 100ms --every 20ms --quiet --out out");
        assert!(place.command_with_gpu(driver, &script, &line).output().unwrap().status.success());
        let run = RecordFolder::read(&place.path("out")).unwrap();
        let vram = run.cases[0].metric("vram_process").unwrap();
        assert_eq!(vram.value, Some(300.0 * 1_048_576.0), "{vram:?}");
    }
}
