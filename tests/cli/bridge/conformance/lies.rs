//! Fault injection: each fault, and that it has no other effects.

use std::io::Read;
use std::time::{Duration, Instant};

use super::peer::{BLINK, Peer, RESET, blink, bridge, expression};

#[test]
fn replies_take_at_least_their_threads_delay() {
    let delay = Duration::from_millis(20);
    for (spec, slow, quick) in [("received-delay=20ms", RESET, BLINK), ("applied-delay=20ms", BLINK, RESET)] {
        let bridge = bridge(&format!("fps=unpaced,{spec}"));
        let mut peer = Peer::greeted(&bridge);
        for _ in 0..3 {
            let sent = Instant::now();
            peer.ask(slow);
            assert!(sent.elapsed() >= delay, "{spec}");
            peer.ask(quick);
        }
        assert_eq!(bridge.counters().replies_sent, 6);
    }
}

/// The timestamps show just the injected time, without the machine's own delays.
#[test]
fn injected_delay_is_between_the_timestamps() {
    for (command, spec, from) in [
        ("reset_expressions", "received-delay=3ms", "parsed_ns"),
        ("unload_model", "applied-delay=3ms", "applied_ns"),
        ("unload_model", "jitter=3ms,applied-delay=3ms", "applied_ns"),
    ] {
        let bridge = bridge(&format!("dialect=instrumented,fps=unpaced,{spec}"));
        let reply = Peer::greeted(&bridge).call(&serde_json::json!({"command": command}));
        let passed_ns = reply["replied_ns"].as_u64().unwrap() - reply[from].as_u64().unwrap();
        assert!(passed_ns >= 3_000_000, "{spec}: {passed_ns}");
    }
}

/// Where a message spends its time, according to the bridge's timestamps.
#[test]
fn each_stage_takes_its_injected_time() {
    for (spec, from, to) in [
        ("parse-delay=4ms", "received_ns", "parsed_ns"),
        ("queue-delay=4ms", "parsed_ns", "dequeued_ns"),
        ("queue-delay=4ms,fps=50", "frame_ns", "dequeued_ns"),
        ("apply-delay=4ms", "dequeued_ns", "applied_ns"),
        ("apply-delay=1ms,timer-tick=4ms", "dequeued_ns", "applied_ns"),
    ] {
        let fps = if spec.contains("fps") { "" } else { ",fps=unpaced" };
        let bridge = bridge(&format!("dialect=instrumented,{spec}{fps}"));
        let mut peer = Peer::greeted(&bridge);
        for _ in 0..3 {
            let reply = peer.call(&serde_json::json!({"command": "unload_model"}));
            let passed_ns = reply[to].as_u64().unwrap() - reply[from].as_u64().unwrap();
            let least_ns = if spec.contains("tick") { 1_000_000 } else { 4_000_000 };
            assert!(passed_ns >= least_ns, "{spec}: {passed_ns}");
        }
    }
}

#[test]
fn batch_commands_are_applied_one_after_the_other() {
    let bridge = bridge("dialect=instrumented,fps=unpaced,apply-delay=2ms");
    let reset = serde_json::json!({"command": "reset_expressions"});
    let reply = Peer::greeted(&bridge)
        .call(&serde_json::json!({"command": "batch", "data": {"commands": [reset, reset, reset]}}));
    let passed_ns = reply["applied_ns"].as_u64().unwrap() - reply["dequeued_ns"].as_u64().unwrap();
    assert!(passed_ns >= 6_000_000, "{passed_ns}");
}

#[test]
fn bounded_capacity_is_not_exceeded() {
    for command in [RESET, BLINK] {
        let bridge = bridge("fps=unpaced,capacity=1000");
        let mut peer = Peer::greeted(&bridge);
        let started = Instant::now();
        peer.write(format!("{command}\n").repeat(300).as_bytes());
        for _ in 0..300 {
            assert_eq!(peer.line(), "{}");
        }
        // 20 ms worth of them are accepted at once.
        assert!(started.elapsed() >= Duration::from_millis(280), "{:?}", started.elapsed());
    }
}

#[test]
fn second_half_of_a_reply_waits_for_message_or_delay() {
    let patient = bridge("fps=unpaced,delayed-ack=1h");
    let mut peer = Peer::greeted(&patient);
    peer.send(RESET);
    // The first half arrives before the next message is sent.
    peer.stream().read_exact(&mut [0]).unwrap();
    peer.send(BLINK);
    assert_eq!(
        [peer.line(), peer.line()],
        ["}", "{}"],
        "released by the next message; the main thread's replies are complete"
    );

    let bridge = bridge("fps=unpaced,delayed-ack=40ms");
    let mut peer = Peer::greeted(&bridge);
    for _ in 0..3 {
        let sent = Instant::now();
        peer.ask(RESET);
        assert!(sent.elapsed() >= Duration::from_millis(40));
    }
}

#[test]
fn received_replies_arrive_on_timer_ticks() {
    let bridge = bridge("dialect=instrumented,fps=unpaced,timer-tick=15.6ms");
    let mut peer = Peer::greeted(&bridge);
    let mut last = 0;
    for _ in 0..4 {
        let replied_ns =
            peer.call(&serde_json::json!({"command": "reset_expressions"}))["replied_ns"].as_u64().unwrap();
        assert!(replied_ns / 15_600_000 > last, "at most one reply per tick");
        last = replied_ns / 15_600_000;
    }
}

#[test]
fn delays_of_one_frames_replies_run_in_parallel() {
    let bridge = bridge("dialect=instrumented,fps=1,applied-delay=40ms");
    let mut peer = Peer::greeted(&bridge);
    let message = serde_json::json!({"command": "unload_model"});
    peer.call(&message);
    peer.write(format!("{message}\n").repeat(3).as_bytes());
    let replies: Vec<serde_json::Value> = (0..3).map(|_| serde_json::from_str(&peer.line()).unwrap()).collect();
    let moment = |reply: usize, stamp: &str| replies[reply][stamp].as_u64().unwrap();
    assert!(moment(2, "applied_ns") < moment(0, "replied_ns"), "all were applied before the first was answered");
    assert!((0..3).all(|reply| moment(reply, "replied_ns") >= moment(reply, "applied_ns") + 40_000_000));
}

#[test]
fn every_nth_reply_is_dropped() {
    let bridge = bridge("drop-every=3");
    let mut peer = Peer::greeted(&bridge);
    for _ in 0..2 {
        peer.ask(RESET);
        peer.ask(RESET);
        peer.send(RESET);
        assert!(peer.is_quiet());
    }
    let counters = bridge.counters();
    assert_eq!((counters.replies_due, counters.replies_sent, counters.received), (6, 4, 6));
}

#[test]
fn every_nth_reply_is_a_garbled_line() {
    let bridge = bridge("garble-every=2");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(RESET);
    peer.send(RESET);
    let garbled = peer.line_bytes();
    assert!(!garbled.is_empty());
    assert!(serde_json::from_slice::<serde_json::Value>(&garbled).is_err());
    peer.ask(RESET);
}

#[test]
fn every_nth_reply_is_sent_twice() {
    let bridge = bridge("duplicate-every=2");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(RESET);
    peer.ask(RESET);
    assert_eq!(peer.line(), "{}");
    assert!(peer.is_quiet());
    assert_eq!((bridge.counters().replies_due, bridge.counters().replies_sent), (2, 3));
}

#[test]
fn endless_stall_keeps_the_connection_without_replies() {
    let bridge = bridge("fps=unpaced,stall-after=2");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(RESET);
    peer.ask(&blink(true));
    peer.send(RESET);
    peer.send(&blink(false));
    assert!(peer.is_quiet(), "and still connected");
    assert_eq!(bridge.counters().received, 2);
    assert!(bridge.avatar().auto_blink, "nothing is applied either");
}

#[test]
fn stall_with_an_end_catches_up() {
    let bridge = bridge("fps=unpaced,stall-after=1,stall-for=300ms");
    let mut peer = Peer::greeted(&bridge);
    let before = Instant::now();
    peer.ask(RESET);
    peer.write(format!("{RESET}\n{BLINK}\n{RESET}\n").as_bytes());
    assert_eq!(peer.line(), "{}");
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!([peer.line(), peer.line()], ["{}", "{}"]);
    peer.ask(BLINK);
    assert!(peer.is_quiet());
}

#[test]
fn connection_closes_mid_line_once() {
    for command in [RESET, BLINK] {
        let bridge = bridge("fps=unpaced,close-after=2");
        let mut peer = Peer::greeted(&bridge);
        peer.ask(command);
        peer.ask(command);
        peer.send(command);
        assert_eq!(peer.rest(), b"{");
        let mut next = Peer::greeted(&bridge);
        for _ in 0..6 {
            next.ask(command);
        }
        assert_eq!(bridge.counters().connections, 2);
    }
}

#[test]
fn slow_reader_limits_the_rate() {
    let bridge = bridge("slow-reader=10000");
    let mut peer = Peer::greeted(&bridge);
    let message = expression(&"n".repeat(2_000), 1.0);
    let sent = Instant::now();
    peer.ask(&message);
    assert!(sent.elapsed() >= Duration::from_millis(message.len() as u64 / 10));
}

#[test]
fn paused_main_thread_stops_only_applied_replies() {
    let bridge = bridge("fps=200,pause-main-after=2");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(&expression("joy", 1.0));
    peer.ask(&blink(true));
    peer.send(&blink(false));
    for _ in 0..20 {
        peer.ask(RESET);
    }
    assert!(peer.is_quiet());
    let avatar = bridge.avatar();
    assert!(avatar.auto_blink && avatar.expressions["joy"] == 1.0, "the first two messages are applied, no later one");
    assert_eq!((bridge.counters().applied, bridge.counters().longest_queue), (2, 21));
}

#[test]
fn silent_bridge_accepts_and_reads_without_sending() {
    let bridge = bridge("silent=true");
    let mut peer = Peer::connect(&bridge);
    assert!(peer.is_quiet(), "no greeting");
    peer.send(RESET);
    peer.send(BLINK);
    assert!(peer.is_quiet());
    assert_eq!((bridge.counters().received, bridge.counters().applied), (2, 0));
}

#[test]
fn late_frames_still_answer_everything() {
    let bridge = bridge("fps=200,frame-jitter=4ms,seed=3");
    let started = Instant::now();
    let mut peer = Peer::greeted(&bridge);
    for _ in 0..20 {
        peer.ask(BLINK);
    }
    assert!(started.elapsed() >= Duration::from_millis(19 * 5 - 5));
    assert_eq!(bridge.counters().busy_frames, 20);
}
