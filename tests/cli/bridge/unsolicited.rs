//! Messages of a bridge that answer nothing: none becomes a figure, and none keeps a run from ending.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use workly_perf::bridge::Dialect;
use workly_perf::record::{CaseState, Run, RunState};

use crate::harness::run::{Outcome, Place, case};

const INSTRUMENTED: &str = r#"{"bridge":"workly-perf embedded","dialect":"instrumented"}"#;

/// A bridge that sends `chatter` repeatedly, `pause` apart, after the client's first byte. It answers each line with
/// the result of `answer`, if any. Ends when dropped.
pub(crate) struct Chatty {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Chatty {
    pub(crate) fn start(
        greeting: &'static str,
        chatter: Vec<u8>,
        pause: Duration,
        answer: fn(&str) -> Option<String>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (end, chatter) = (Arc::clone(&end), chatter.clone());
                thread::spawn(move || talk(stream, greeting, &chatter, pause, answer, &end));
            }
        });
        Self { address, ends, thread: Some(thread) }
    }

    /// Runs `ipc` against it.
    pub(crate) fn ipc(&self, line: &str) -> (Outcome, Run) {
        Place::new().ipc(&format!("--bridge {} --seed 1 {line}", self.address))
    }
}

impl Drop for Chatty {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

fn talk(
    stream: TcpStream,
    greeting: &str,
    chatter: &[u8],
    pause: Duration,
    answer: fn(&str) -> Option<String>,
    end: &AtomicBool,
) {
    let mut writer = stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    if writeln!(writer, "{greeting}").is_err() {
        return;
    }
    let mut answers = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(said) = answer(&line)
                && answers.write_all(format!("{said}\n").as_bytes()).is_err()
            {
                return;
            }
        }
    });
    while !end.load(Ordering::Relaxed) && !reader.is_finished() {
        match writer.write(chatter) {
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            _ => thread::sleep(pause),
        }
    }
    let _ = writer.shutdown(std::net::Shutdown::Both);
    reader.join().unwrap();
}

pub(crate) fn nothing(_: &str) -> Option<String> {
    None
}

/// The reply of an instrumented bridge.
fn with_its_id(line: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(format!(r#"{{"id":{},"status":"ok"}}"#, message["id"]))
}

pub(crate) fn frames(hz: u64) -> Duration {
    Duration::from_micros(1_000_000 / hz)
}

pub(crate) const EVENT: &[u8] = b"{\"event\":\"tick\",\"frame\":7}\n";

#[test]
fn events_are_not_replies_and_messages_are_lost() {
    let bridge = Chatty::start(INSTRUMENTED, EVENT.to_vec(), frames(60), nothing);
    for study in ["--load closed", "--load poisson:20", "--reaction --rounds 2", "--breakdown", "--batch 2 --rounds 2"]
    {
        let line = format!("--dialect instrumented {study} --messages 10 --warmup 0 --timeout 300ms");
        let (outcome, run) = bridge.ipc(&line);
        assert_eq!(outcome.code, Some(4), "{study}: {}", outcome.stderr);
        let given = run.cases.iter().filter(|case| case.metric("p50").is_some_and(|p50| p50.value.is_some()));
        assert_eq!(given.count(), 0, "{study}: {:?}", run.cases);
        let told = run.warnings.iter().any(|warning| warning.contains("that dialect instrumented does not define"));
        assert!(told, "{study}: {:?}", run.warnings);
    }
}

#[test]
fn events_between_replies_shift_no_match() {
    let bridge = Chatty::start(INSTRUMENTED, EVENT.to_vec(), frames(200), with_its_id);
    let (outcome, run) = bridge.ipc("--dialect instrumented --load closed --load poisson:100 --messages 60");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(run.cases.iter().all(|case| case.state == CaseState::Ok), "{:?}", run.cases);
    assert!(run.warnings.iter().any(|warning| warning.contains("the first: {\"event\"")), "{:?}", run.warnings);
}

/// A public-api Unity instead of the embedded bridge, whose replies have no id, as on the API page; some add their own.
#[test]
fn public_api_replies_are_matched_by_order_among_status_messages() {
    let status = b"{\"type\":\"status\",\"data\":{\"fps\":60.0},\"timestamp\":\"2026-01-31T12:00:00.000Z\"}\n";
    let answer = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let data = &message["data"];
        let is_page_s = data["expression"].is_string() && data["weight"].is_number() && data["duration"].is_number();
        let is_dated = message["timestamp"].as_str()?.ends_with('Z');
        (is_page_s && is_dated).then(|| r#"{"type":"expression_set","data":{"success":true},"id":"u1"}"#.to_owned())
    };
    let bridge = Chatty::start(r#"{"type":"ready","data":{}}"#, status.to_vec(), frames(60), answer);
    let (outcome, run) = bridge.ipc("--dialect public-api --load closed --load poisson:50 --messages 30");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(run.cases.iter().all(|case| case.state == CaseState::Ok), "{:?}", run.cases);
    assert!(run.findings.iter().any(|finding| finding.contains("The bridge reports 60.0")), "{:?}", run.findings);
}

const STUDIES: [&str; 6] = [
    "--reaction 3 --rounds 3 --messages 20",
    "--breakdown --messages 20",
    "--batch 4 --rounds 3 --messages 20",
    "--mode --rounds 3 --messages 20",
    "--tcp --rounds 3 --messages 20",
    "--find-max-rate",
];

#[test]
fn duplicate_replies_invalidate_every_study_without_ids() {
    for study in STUDIES {
        let line = format!("--bridge embedded:duplicate-every=3 {study} --warmup 0 --timeout 2s --seed 1");
        let (outcome, run) = Place::new().ipc(&line);
        assert_eq!(outcome.code, Some(4), "{study}: {}", outcome.stderr);
        for metric in ["p50", "mean", "max_rate", "rate_applied", "delivered"] {
            // Only a round of a single command with exactly one reply, and silence before and after, may be valid.
            let given = run.cases.iter().find(|case| {
                let rounds_left = case.metric(metric).filter(|it| it.value.is_some()).map(|it| it.n);
                rounds_left.is_some_and(|n| case.path != "reaction/app:1" || n > 2 || case.state != CaseState::Lossy)
            });
            assert!(given.is_none(), "{study}: {metric} of {given:?}");
        }
        assert!(outcome.stderr.contains("than messages"), "{study}: {}", outcome.stderr);
    }
}

#[test]
fn duplicate_replies_shift_no_match_with_ids() {
    let spec = "embedded:dialect=instrumented,fps=60,duplicate-every=3";
    let line = format!("--bridge {spec} --breakdown --messages 20 --warmup 0 --seed 1");
    let (outcome, run) = Place::new().ipc(&line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let whole = case(&run, "applied/breakdown/whole");
    assert_eq!((whole.state, whole.metric("mean").unwrap().n), (CaseState::Lossy, 20));
    // Every *applied* reply waits for a frame; one matched with another message would not.
    assert!(whole.reason.as_ref().is_some_and(|reason| reason.contains("more replies")), "{whole:?}");
}

#[test]
fn duplicate_replies_invalidate_turns() {
    let place = Place::new();
    let outcome = place.run(
        "pipeline --paced 2000:200 --under-load none --no-contention --turns 2 --reply-tokens 20 --after none --out out --quiet \
         --bridge embedded:duplicate-every=3 --timeout 2s --seed 1",
    );
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("than messages were sent"), "{}", outcome.stderr);
}

#[test]
fn event_flood_does_not_block_waits() {
    let bridge = Chatty::start(INSTRUMENTED, EVENT.repeat(500), Duration::ZERO, nothing);
    let (outcome, run) =
        bridge.ipc("--dialect instrumented --load poisson:20 --messages 10 --warmup 0 --timeout 500ms");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_eq!(run.state, RunState::Failed);
}

/// The first Ctrl-C ends a run against a bridge that never falls silent, and measurements are kept.
#[cfg(unix)]
#[test]
fn ctrl_c_during_a_flood_keeps_the_record() {
    let bridge = Chatty::start(INSTRUMENTED, EVENT.repeat(50), Duration::from_millis(1), nothing);
    let place = Place::new();
    let line = format!(
        "ipc --bridge {} --dialect instrumented --load poisson:20 --messages 1000 --warmup 0 --timeout 1s --out out",
        bridge.address
    );
    let mut command = place.command(&line);
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("against") {
        assert!(notes.read_line(&mut said).unwrap() > 0, "it ended: {said}");
    }
    thread::sleep(Duration::from_millis(300));
    crate::harness::signal::interrupt(child.id());
    notes.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    let run = workly_perf::record::RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Interrupted);
}

#[test]
fn long_greetings_and_refusals_are_truncated() {
    let long = || "x".repeat(900_000);
    let refuses = |_: &str| Some(format!(r#"{{"error":"{}"}}"#, "x".repeat(900_000)));
    let bridge = Chatty::start("{}", Vec::new(), frames(20), refuses);
    let (outcome, run) = bridge.ipc("--load closed --messages 10 --warmup 0 --timeout 2s");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("refused the command: xxx"), "{:.500}", outcome.stderr);
    assert!(outcome.stderr.len() + outcome.stdout.len() < 20_000, "{} bytes", outcome.stderr.len());
    let record = serde_json::to_string(&run).unwrap();
    assert!(record.len() < 100_000, "{} bytes", record.len());

    let greeting: &'static str = Box::leak(format!(r#"{{"hello":"{}"}}"#, long()).into_boxed_str());
    let bridge = Chatty::start(greeting, Vec::new(), frames(20), |_| Some("{}".to_owned()));
    let (outcome, run) = bridge.ipc("--load closed --messages 10 --warmup 0 --timeout 2s");
    assert_eq!(outcome.code, Some(0), "{:.500}", outcome.stderr);
    assert!(serde_json::to_string(&run).unwrap().len() < 100_000);
}

#[test]
fn trickling_bytes_do_not_extend_the_timeout() {
    let bridge = Chatty::start("{}", b"{".to_vec(), Duration::from_millis(20), nothing);
    let (outcome, run) = bridge.ipc("--load closed --messages 10 --warmup 0 --timeout 300ms");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no reply within 300ms"), "{}", outcome.stderr);
    assert!(run.cases.iter().all(|case| case.state != CaseState::Ok), "{:?}", run.cases);
}

#[test]
fn public_api_profile_matches_the_api_page() {
    let page = Dialect::named("public-api").unwrap();
    assert!(!page.ids, "the page's replies repeat no id");
    assert_eq!(page.fields.id.as_deref(), Some("id"), "its requests have one");
    let keys: Vec<&str> = page.probes.applied.as_ref().unwrap().data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["expression", "weight", "duration"]);
}
