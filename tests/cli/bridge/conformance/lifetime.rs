//! Starting, waiting in the backlog, disconnecting and stopping.

use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use workly_perf::bridge::server::{BridgeServerError, BridgeSpec, EmbeddedBridge};

use super::peer::{BLINK, Peer, RESET, blink, bridge};
use super::served::{Kind, Served};

on_both!(second_client_waits_until_the_first_disconnects);

fn second_client_waits_until_the_first_disconnects(kind: Kind) {
    let bridge = kind.bridge("");
    let mut first = Peer::greeted(&bridge);
    let mut second = Peer::connect(&bridge);
    second.send(RESET);
    assert!(second.is_quiet(), "not even a greeting");
    first.ask(RESET);
    assert_eq!(bridge.counters().connections, 1);
    drop(first);
    assert_eq!(
        [second.line(), second.line()],
        ["{}", "{}"],
        "the greeting, and the reply to the message sent meanwhile"
    );
    assert_eq!(bridge.counters().connections, 2);
}

#[test]
fn main_thread_replies_to_the_client_connected_at_the_time() {
    let bridge = bridge("fps=1");
    let mut first = Peer::greeted(&bridge);
    first.ask(BLINK);
    first.send(BLINK);
    drop(first);
    let mut second = Peer::greeted(&bridge);
    assert_eq!(second.line(), "{}", "the reply to the first client's message");
    assert!(second.is_quiet());
}

/// The stock script's read buffer outlives its clients.
#[test]
fn incomplete_line_of_one_client_precedes_the_next_clients_message() {
    for dialect in ["stock", "batch"] {
        let bridge = bridge(&format!("fps=unpaced,dialect={dialect}"));
        let mut first = Peer::greeted(&bridge);
        first.write(br#"{"command": "set_expression", "data": {"name": "left over", "value": 1}, "#);
        drop(first);
        let mut second = Peer::greeted(&bridge);
        second.ask(&blink(true));
        second.ask(BLINK);
        let avatar = bridge.avatar();
        assert_eq!(avatar.expressions["left over"], 1.0, "{dialect}: acted on as the first client's command");
        let counters = bridge.counters();
        assert_eq!(
            (counters.received, counters.applied),
            (2, 2),
            "{dialect}: two commands in one message count as one"
        );
    }
}

fn incomplete_line_leaves_nothing_behind(bridge: &impl Served) {
    let mut first = Peer::greeted(bridge);
    first.write(b"{\"command\":");
    drop(first);
    let mut second = Peer::greeted(bridge);
    assert_eq!(second.call(&json!({"command": "reset_expressions", "id": 1}))["status"], "ok");
}

#[test]
fn other_bridges_keep_nothing_of_disconnected_clients() {
    incomplete_line_leaves_nothing_behind(&bridge("dialect=instrumented"));
    #[cfg(unix)]
    incomplete_line_leaves_nothing_behind(&Kind::Mono.bridge(""));
}

/// A client that has sent everything waits for the end of the connection in vain.
#[test]
fn stock_bridge_never_closes_its_side() {
    let stock = bridge("fps=unpaced");
    let mut peer = Peer::greeted(&stock);
    peer.ask(RESET);
    peer.stream().shutdown(Shutdown::Write).unwrap();
    assert!(peer.is_quiet(), "neither data nor end of stream");
    let mut next = Peer::greeted(&stock);
    next.ask(RESET);
    assert!(peer.is_quiet(), "nor while the next client is served");
    drop(stock);
    assert_eq!(peer.rest(), b"", "closed when the process ends");

    let other = bridge("dialect=instrumented");
    let mut peer = Peer::greeted(&other);
    peer.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.rest(), b"");
}

/// Ten commands in one write are answered in one frame. The first reply is sent; Nagle's algorithm holds the others
/// until the client's system acknowledges it, after a delay of 40 ms or more.
#[cfg(target_os = "linux")]
#[test]
fn consecutive_small_replies_wait_for_an_acknowledgement_without_nodelay() {
    let reaction_ms = |spec: &str| {
        let bridge = bridge(spec);
        let mut peer = Peer::greeted(&bridge);
        // Enough traffic for the system to start delaying acknowledgements.
        (0..40).for_each(|_| peer.ask(BLINK));
        let mut took_ms: Vec<u128> = (0..9)
            .map(|_| {
                let sent = Instant::now();
                peer.write(format!("{BLINK}\n").repeat(10).as_bytes());
                (0..10).for_each(|_| assert_eq!(peer.line(), "{}"));
                sent.elapsed().as_millis()
            })
            .collect();
        took_ms.sort_unstable();
        took_ms[4]
    };
    // Lower bounds only: upper ones depend on the machine.
    assert!(reaction_ms("fps=1000") >= 30);
    assert!(reaction_ms("fps=1000,dialect=batch") >= 30);
    let eased = reaction_ms("fps=1000,nodelay=on");
    assert!(eased < reaction_ms("fps=1000"), "{eased}");
}

#[test]
fn shutdown_closes_connections_in_every_state() {
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
fn shutdown_completes_with_and_without_waiting_clients() {
    let mut alone = bridge("");
    alone.shutdown();
    assert!(TcpStream::connect(alone.address()).is_err(), "still listening");
    let waited_on = bridge("");
    let peers: Vec<Peer> = (0..3).map(|_| Peer::connect(&waited_on)).collect();
    drop(waited_on);
    for mut peer in peers {
        peer.rest();
    }
}

#[test]
fn shutdown_does_not_wait_for_a_stalled_reader() {
    let mut bridge = bridge("duplicate-every=1");
    let peer = Peer::greeted(&bridge);
    let flood = format!("{RESET}\n").repeat(1_000);
    // Replies fill the buffers of both sides until the bridge blocks in its write; the peer stops when its own write
    // blocks.
    let mut stream = peer.stream();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until && std::io::Write::write_all(&mut stream, flood.as_bytes()).is_ok() {}
    bridge.shutdown();
    assert!(bridge.counters().replies_sent > 0);
}

#[test]
fn port_in_use_is_named() {
    let running = bridge("");
    let port = running.address().port();
    match EmbeddedBridge::start(BridgeSpec::default(), port) {
        Err(error @ BridgeServerError::Listen { .. }) => assert!(error.to_string().contains(&port.to_string())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn contradictory_specification_does_not_start() {
    let spec = BridgeSpec { drop_every: Some(0), ..BridgeSpec::default() };
    assert!(matches!(EmbeddedBridge::start(spec, 0), Err(BridgeServerError::Spec(_))));
}
