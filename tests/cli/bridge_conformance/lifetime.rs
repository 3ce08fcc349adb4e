//! Starting, waiting in line, leaving and stopping.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use workly_perf::bridge::server::{BridgeServerError, BridgeSpec, EmbeddedBridge};

use super::peer::{BLINK, Peer, RESET, bridge};
use super::served::Kind;

on_both!(a_second_client_waits_until_the_first_has_left, a_client_that_leaves_half_a_line_leaves_nothing_behind,);

fn a_second_client_waits_until_the_first_has_left(kind: Kind) {
    let bridge = kind.bridge("");
    let mut first = Peer::greeted(&bridge);
    let mut second = Peer::connect(&bridge);
    second.send(RESET);
    assert!(second.is_quiet(), "not even greeted");
    first.ask(RESET);
    assert_eq!(bridge.counters().connections, 1);
    drop(first);
    assert_eq!([second.line(), second.line()], ["{}", "{}"], "the greeting, and the reply to what was sent meanwhile");
    assert_eq!(bridge.counters().connections, 2);
}

#[test]
fn the_main_thread_answers_whoever_is_connected_then() {
    let bridge = bridge("fps=1");
    let mut first = Peer::greeted(&bridge);
    first.ask(BLINK);
    first.send(BLINK);
    drop(first);
    let mut second = Peer::greeted(&bridge);
    assert_eq!(second.line(), "{}", "the reply to the first client's message");
    assert!(second.is_quiet());
}

fn a_client_that_leaves_half_a_line_leaves_nothing_behind(kind: Kind) {
    let bridge = kind.bridge("");
    let mut first = Peer::greeted(&bridge);
    first.write(b"{\"command\":");
    drop(first);
    let mut second = Peer::greeted(&bridge);
    second.ask(RESET);
    assert_eq!(bridge.counters().malformed, 0);
}

#[test]
fn shutdown_hangs_up_whatever_the_bridge_is_doing() {
    for spec in ["", "fps=unpaced", "fps=0.01", "stall-after=1", "received-delay=1h", "slow-reader=1", "silent=true"] {
        let mut bridge = bridge(spec);
        let mut peer = Peer::connect(&bridge);
        peer.send(RESET);
        thread::sleep(Duration::from_millis(30));
        bridge.shutdown();
        peer.rest();
        bridge.shutdown();
    }
}

#[test]
fn shutdown_ends_with_clients_in_line_and_without_any() {
    let mut alone = bridge("");
    alone.shutdown();
    assert!(TcpStream::connect(alone.address()).is_err(), "it still listens");
    let waited_on = bridge("");
    let peers: Vec<Peer> = (0..3).map(|_| Peer::connect(&waited_on)).collect();
    drop(waited_on);
    for mut peer in peers {
        peer.rest();
    }
}

#[test]
fn shutdown_does_not_wait_for_a_client_that_does_not_read() {
    let mut bridge = bridge("duplicate-every=1");
    let peer = Peer::greeted(&bridge);
    let flood = format!("{RESET}\n").repeat(1_000);
    // Replies fill the buffers of both sides until the bridge waits in its write; the peer gives up when its own write waits.
    let mut stream = peer.stream();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until && std::io::Write::write_all(&mut stream, flood.as_bytes()).is_ok() {}
    bridge.shutdown();
    assert!(bridge.counters().replies_sent > 0);
}

#[test]
fn a_taken_port_is_named() {
    let running = bridge("");
    let port = running.address().port();
    match EmbeddedBridge::start(BridgeSpec::default(), port) {
        Err(error @ BridgeServerError::Listen { .. }) => assert!(error.to_string().contains(&port.to_string())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_specification_that_contradicts_itself_does_not_start() {
    let spec = BridgeSpec { drop_every: Some(0), ..BridgeSpec::default() };
    assert!(matches!(EmbeddedBridge::start(spec, 0), Err(BridgeServerError::Spec(_))));
}
