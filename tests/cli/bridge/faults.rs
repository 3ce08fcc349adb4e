//! Every injected fault of the embedded bridge, and every way of not replying: the right exit code, the right message,
//! and no loss of data.

use std::net::TcpListener;

use workly_perf::record::{CaseState, Metric, RunState};

use crate::harness::run::{Place, case, figure};

/// Runs `ipc` closed loop against a bridge with injected faults, with short timeouts.
fn lied_to(lies: &str, more: &str) -> (crate::harness::run::Outcome, workly_perf::record::Run) {
    let load = if more.contains("--load") { "" } else { "--load closed" };
    Place::new().ipc(&format!(
        "--bridge embedded:fps=unpaced,{lies} {load} --messages 30 --warmup 0 --timeout 300ms --seed 1 {more}"
    ))
}

fn count(run: &workly_perf::record::Run, path: &str, metric: &str) -> f64 {
    case(run, path).metric(metric).and_then(|metric: &Metric| metric.value).unwrap()
}

#[test]
fn dropped_reply_is_counted_and_shifts_no_match() {
    // Every reply takes 3 ms. If a late or lost reply were matched with a neighbour, some figure would be smaller.
    let (outcome, run) = lied_to("drop-every=20,received-delay=3ms,applied-delay=3ms", "");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("lost") && outcome.stderr.contains("no reply within"), "{}", outcome.stderr);
    assert_eq!(run.state, RunState::Failed);
    for path in ["received/closed/100B", "applied/closed/100B"] {
        let lossy = case(&run, path);
        assert_eq!(lossy.state, CaseState::Lossy, "{path}");
        assert!(count(&run, path, "lost") >= 1.0);
        assert_eq!(lossy.metric("mean").unwrap().n as f64, 30.0 - count(&run, path, "lost"));
        assert!(figure(&run, path, "min").unwrap() >= 3.0);
    }
}

#[test]
fn dropped_reply_in_an_open_loop_drops_unmatched_samples() {
    // With held replies there would never be a moment with nothing outstanding.
    let (outcome, run) = lied_to("nodelay=on,drop-every=25", "--load poisson:200");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let path = "received/poisson:200/100B";
    assert_eq!(case(&run, path).state, CaseState::Lossy);
    let kept = case(&run, path).metric("mean").unwrap().n as f64;
    let (lost, unmatched) = (count(&run, path, "lost"), count(&run, path, "unmatched"));
    assert!(lost >= 1.0);
    assert!((kept + lost + unmatched - 30.0).abs() < 0.5, "{kept} + {lost} + {unmatched}");

    let (outcome, run) = lied_to("dialect=instrumented,drop-every=25", "--load poisson:200");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(count(&run, path, "lost") >= 1.0);
    assert_eq!(count(&run, path, "unmatched"), 0.0, "ids assign every reply");
}

#[test]
fn surplus_replies_invalidate_matching_by_order() {
    let (outcome, run) = lied_to("duplicate-every=10", "");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("none can be assigned"), "{}", outcome.stderr);
    let void = case(&run, "received/closed/100B");
    assert_eq!(void.state, CaseState::Invalid);
    assert_eq!(void.metric("p50").unwrap().value, None);
    assert!(count(&run, "received/closed/100B", "surplus") >= 1.0);
    // A longer timeout does not help here.
    assert!(outcome.stderr.contains("hint: the bridge answers messages more than once"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("--timeout"), "{}", outcome.stderr);

    let (_, run) = lied_to("dialect=instrumented,duplicate-every=10", "");
    let counted = case(&run, "received/closed/100B");
    assert_eq!(counted.state, CaseState::Lossy, "ids tell the second copy from the first");
    assert_eq!(counted.metric("p50").unwrap().n, 30);
}

#[test]
fn garbled_reply_gives_no_sample() {
    let (outcome, run) = lied_to("garble-every=10", "");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("not a JSON object"), "{}", outcome.stderr);
    let path = "received/closed/100B";
    let garbled = count(&run, path, "garbled");
    assert!(garbled >= 2.0);
    assert_eq!(case(&run, path).metric("mean").unwrap().n as f64, 30.0 - garbled);
}

#[test]
fn stalled_bridge_ends_the_run_and_keeps_finished_cases() {
    // The *received* case runs first and has 30 replies; the bridge falls silent in the *applied* one.
    let (outcome, run) = lied_to("stall-after=45", "");
    assert_eq!(outcome.code, Some(4));
    assert_eq!(case(&run, "received/closed/100B").state, CaseState::Ok);
    let stalled = case(&run, "applied/closed/100B");
    assert_eq!(stalled.state, CaseState::Lossy);
    assert_eq!(stalled.metric("mean").unwrap().n, 15);
    assert!(run.warnings.iter().any(|warning| warning.contains("could not be restored")), "{:?}", run.warnings);
}

#[test]
fn temporary_stall_is_charged_to_the_delayed_sends() {
    let lies = "stall-after=10,stall-for=250ms";
    let place = Place::new();
    let line = format!(
        "--bridge embedded:fps=unpaced,{lies} --load poisson:200 --messages 60 --warmup 0 --timeout 3s --seed 1"
    );
    let (outcome, run) = place.ipc(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let slowest = run.cases.iter().filter_map(|case| case.metric("max")?.value).fold(0.0, f64::max);
    assert!(slowest >= 200.0, "{slowest} ms: from the intended send time, the whole stall shows");
}

#[test]
fn connection_closed_mid_line_is_named_and_replaced() {
    let (outcome, run) = lied_to("close-after=12", "");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("closed the connection in the middle of a line"), "{}", outcome.stderr);
    let cut = case(&run, "received/closed/100B");
    assert_eq!((cut.state, count(&run, "received/closed/100B", "lost")), (CaseState::Lossy, 1.0));
    assert_eq!(cut.metric("mean").unwrap().n, 29);
    assert_eq!(case(&run, "applied/closed/100B").state, CaseState::Ok, "the next client is served");
}

#[test]
fn slow_reader_hits_the_timeout() {
    let (outcome, run) = lied_to("slow-reader=2000", "--sizes 10k");
    assert_eq!(outcome.code, Some(4));
    let slow = case(&run, "received/closed/10000B");
    assert!(matches!(slow.state, CaseState::Failed | CaseState::NotMeasured), "{slow:?}");
}

#[test]
fn paused_main_thread_is_recognised() {
    let (outcome, run) = lied_to("pause-main-after=1", "--load closed --load poisson:100");
    assert_eq!(outcome.code, Some(4));
    assert_eq!(case(&run, "received/closed/100B").state, CaseState::Ok);
    assert_eq!(case(&run, "received/poisson:100/100B").state, CaseState::Ok);
    assert!(outcome.stderr.contains("main thread is paused"), "{}", outcome.stderr);
    // A longer timeout would not help.
    assert!(outcome.stderr.contains("keep Unity's window in the foreground"), "{}", outcome.stderr);
    assert_ne!(case(&run, "applied/closed/100B").state, CaseState::Ok);
}

#[test]
fn jitter_and_delays_are_not_faults() {
    let place = Place::new();
    let (outcome, run) = place
        .ipc("--bridge embedded:fps=200,jitter=2ms,received-delay=1ms,frame-jitter=1ms --load closed --messages 30 --timeout 5s");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(figure(&run, "received/closed/100B", "min").unwrap() >= 1.0);
}

#[test]
fn missing_greeting_ends_at_the_timeout_with_a_hint() {
    let place = Place::new();
    let outcome = place.run("ipc --bridge embedded:silent=true --timeout 200ms --out out");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("no greeting within 200ms"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("one client at a time"), "{}", outcome.stderr);
    assert!(!place.path("out").exists(), "no record of a run that did not start");
}

#[test]
fn half_open_connection_ends_at_the_timeout() {
    // Never accepted: the connection stays in the backlog, as with a Unity that serves another client.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let outcome = Place::new().run(&format!("ipc --bridge {address} --timeout 200ms"));
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("no greeting"), "{}", outcome.stderr);
}

#[test]
fn non_bridge_server_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"220 smtp ready\r\n").unwrap();
        std::thread::sleep(std::time::Duration::from_secs(1));
    });
    let outcome = Place::new().run(&format!("ipc --bridge {address} --timeout 2s"));
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("220 smtp ready") && outcome.stderr.contains("hint:"), "{}", outcome.stderr);
}

/// A bridge that sends the greeting, and then calls `answer` for each line that it reads.
pub(crate) fn peculiar(
    answer: impl Fn(usize, &mut std::net::TcpStream) + Send + Sync + 'static,
) -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"{}\n");
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).enumerate().for_each(|(index, _)| answer(index, &mut stream));
        }
    });
    address
}

fn measured_against(
    address: std::net::SocketAddr,
    more: &str,
) -> (crate::harness::run::Outcome, workly_perf::record::Run) {
    Place::new().ipc(&format!("--bridge {address} --load closed --messages 20 --warmup 0 --seed 1 {more}"))
}

#[test]
fn trickling_bridge_ends_at_the_timeout() {
    use std::io::Write;
    let address = peculiar(|_, stream| {
        for _ in 0..100 {
            let _ = stream.write_all(b"{");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    });
    let (outcome, run) = measured_against(address, "--timeout 200ms");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_ne!(case(&run, "received/closed/100B").state, CaseState::Ok);
}

#[test]
fn unprompted_lines_give_no_figures() {
    use std::io::Write;
    let address = peculiar(|index, stream| {
        let _ = stream.write_all(b"{}\n");
        if index == 0 {
            let mut chatter = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                while chatter.write_all(b"{}\n").is_ok() {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            });
        }
    });
    let (outcome, run) = measured_against(address, "--timeout 1s");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_eq!(case(&run, "received/closed/100B").state, CaseState::Invalid);
}

#[test]
fn reply_after_the_timeout_is_lost_even_if_short() {
    use std::io::Write;
    let address = peculiar(|_, stream| {
        std::thread::sleep(std::time::Duration::from_millis(400));
        let _ = stream.write_all(b"{}\n");
    });
    // The greeting has this long as well, on a busy machine too.
    let line = format!("--bridge {address} --load closed --messages 5 --warmup 0 --seed 1 --timeout 300ms");
    let (outcome, run) = Place::new().ipc(&line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_eq!(case(&run, "received/closed/100B").metric("p50").and_then(|p50| p50.value), None);
}

#[test]
fn refusal_quotes_the_bridge_and_is_not_a_pause() {
    use std::io::Write;
    let address = peculiar(|_, stream| {
        let _ = stream.write_all(b"{\"status\":\"error\",\"error\":{\"code\":4}}\n");
    });
    let (outcome, run) = measured_against(address, "--timeout 1s");
    assert_eq!(outcome.code, Some(4));
    assert!(outcome.stderr.contains("refused the command: {\"code\":4}"), "{}", outcome.stderr);
    assert!(!run.warnings.iter().any(|warning| warning.contains("paused")), "{:?}", run.warnings);
}

#[test]
fn every_restoring_command_is_tried() {
    use std::io::Write;
    // 40 messages are measured; the reply to reset_expressions is lost.
    let address = peculiar(|index, stream| {
        if index != 40 {
            let _ = stream.write_all(b"{}\n");
        }
    });
    let (outcome, run) = measured_against(address, "--timeout 200ms");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let warning = run.warnings.iter().find(|warning| warning.contains("could not be restored")).expect("a warning");
    assert!(warning.contains("reset_expressions") && !warning.contains("set_auto_blink"), "{warning}");
}

#[cfg(unix)]
#[test]
fn interrupted_case_is_checked_for_surplus_replies() {
    let place = Place::new();
    let mut child = place
        .command("ipc --bridge embedded:fps=unpaced,duplicate-every=7,received-delay=5ms --load closed --messages 100000 --warmup 0 --seed 1 --out out --quiet")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    crate::harness::signal::interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = workly_perf::record::RecordFolder::read(&place.path("out")).unwrap();
    let interrupted = case(&run, "received/closed/100B");
    assert_eq!(interrupted.state, CaseState::Invalid, "{interrupted:?}");
    assert_eq!(interrupted.metric("p50").unwrap().value, None);
}
