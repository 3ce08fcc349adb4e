//! `workly-perf tap`: traffic is unchanged, and all of it is in the record.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::thread;
use std::time::Duration;

use workly_perf::bridge::server::{BridgeSpec, EmbeddedBridge};
use workly_perf::record::{RecordFolder, Run, RunState, Sender, SessionEvent, SessionMessage, read_session};

use crate::harness::run::{Place, figure};

/// A running tap; ended when dropped.
pub(crate) struct Tap {
    child: Child,
    notes: BufReader<ChildStderr>,
    pub(crate) address: SocketAddr,
}

impl Tap {
    pub(crate) fn start(place: &Place, to: SocketAddr, more: &str) -> Self {
        let mut command = place.command(&format!("tap --listen 127.0.0.1:0 --to {to} --out out {more}"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let line = next_line(&mut notes);
            assert!(!line.is_empty(), "the tap ended before it listened");
            if let Some((_, after)) = line.split_once("listening on ") {
                break after.split(',').next().unwrap().parse().unwrap();
            }
        };
        Self { child, notes, address }
    }

    /// Waits for a line of its output.
    fn hears(&mut self, words: &str) {
        loop {
            let line = next_line(&mut self.notes);
            assert!(!line.is_empty(), "the tap ended before it printed: {words}");
            if line.contains(words) {
                return;
            }
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Waits for its end and returns its exit code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let mut rest = String::new();
        self.notes.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }

    #[cfg(unix)]
    fn interrupt(&mut self) -> Option<i32> {
        crate::harness::signal::interrupt(self.child.id());
        self.ends()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(notes: &mut BufReader<ChildStderr>) -> String {
    let mut line = String::new();
    notes.read_line(&mut line).unwrap();
    line
}

pub(crate) fn record(place: &Place) -> (Run, Vec<SessionMessage>) {
    let lines = read_session(&place.path("out")).unwrap().lines;
    let messages = lines.into_iter().filter_map(|line| match line.event {
        SessionEvent::Message(message) => Some(message),
        _ => None,
    });
    (RecordFolder::read(&place.path("out")).unwrap(), messages.collect())
}

/// A fake Unity that runs `body` on one connection.
pub(crate) fn unity<T: Send + 'static>(
    body: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, thread::JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || body(listener.accept().unwrap().0)))
}

/// Bytes of every value, with and without line feeds.
fn noise(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn every_byte_arrives_unchanged_in_both_directions() {
    let (there, back) = (noise(3_000_000, 1), noise(2_000_000, 2));
    let answer = back.clone();
    let (address, far) = unity(move |mut stream| {
        let mut writer = stream.try_clone().unwrap();
        let sender = thread::spawn(move || {
            for piece in answer.chunks(4_097) {
                writer.write_all(piece).unwrap();
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        sender.join().unwrap();
        heard
    });
    let place = Place::new();
    let mut tap = Tap::start(&place, address, "--once");
    let mut near = tap.connect();
    let mut writer = near.try_clone().unwrap();
    let sent = there.clone();
    let sender = thread::spawn(move || {
        for piece in sent.chunks(1_000) {
            writer.write_all(piece).unwrap();
        }
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    near.read_to_end(&mut heard).unwrap();
    sender.join().unwrap();
    assert!(heard == back, "from Unity");
    assert!(far.join().unwrap() == there, "to Unity");
    drop(near);
    assert_eq!(tap.ends(), Some(0));
    let (run, _) = record(&place);
    assert_eq!(figure(&run, "inter_arrival/app", "bytes"), Some(3_000_000.0));
    assert_eq!(figure(&run, "inter_arrival/unity", "bytes"), Some(2_000_000.0));
}

#[test]
fn incomplete_lines_and_half_closed_connections_pass() {
    let (address, far) = unity(|mut stream| {
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(b"half").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        // The application has closed its sending side, and still reads.
        stream.write_all(b" and the rest").unwrap();
        (heard, rest)
    });
    let place = Place::new();
    let mut tap = Tap::start(&place, address, "--once");
    let mut near = tap.connect();
    near.write_all(b"{\"com").unwrap();
    let mut heard = [0; 4];
    near.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"half");
    near.write_all(b"mand").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    near.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b" and the rest");
    assert_eq!(far.join().unwrap(), (*b"{\"com", b"mand".to_vec()));
    assert_eq!(tap.ends(), Some(0));
}

/// A Unity that does not read blocks the application, as without a tap, and the tap does not buffer the data.
#[test]
fn side_that_does_not_read_blocks_the_other() {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (address, far) = unity(move |mut stream| {
        wait.recv().unwrap();
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap()
    });
    let place = Place::new();
    let mut tap = Tap::start(&place, address, "--once");
    let mut near = tap.connect();
    near.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let block = noise(1 << 16, 3);
    let mut sent = 0_u64;
    let held_up = (0..2_000).any(|_| match near.write(&block) {
        Ok(count) => {
            sent += count as u64;
            false
        }
        Err(_) => true,
    });
    assert!(held_up, "{sent} bytes went somewhere");
    release.send(()).unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    assert_eq!(far.join().unwrap(), sent);
    drop(near);
    assert_eq!(tap.ends(), Some(0));
}

#[test]
fn tap_record_contains_what_ipc_sent() {
    let bridge = EmbeddedBridge::start("fps=100".parse::<BridgeSpec>().unwrap(), 0).unwrap();
    let place = Place::new();
    let mut tap = Tap::start(&place, bridge.address(), "--once");
    let outcome = Place::new().run(&format!(
        "ipc --quiet --bridge {} --load closed --messages 60 --warmup 5 --sizes 200,4096 --out r",
        tap.address
    ));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(tap.ends(), Some(0));
    let (run, messages) = record(&place);
    assert_eq!((run.state, run.command.as_str()), (RunState::Complete, "tap"));
    let counters = bridge.counters();
    let of = |side| messages.iter().filter(|message| message.from == side).count() as u64;
    assert_eq!(
        (of(Sender::App), of(Sender::Unity)),
        (counters.received, counters.replies_sent + 1),
        "and the greeting"
    );
    // Four cases of 65 messages, and the message that restores the avatar; whether it blinked is unknown.
    let count = |case: &str| run.cases.iter().find(|other| other.path == case).unwrap().metric("p50").unwrap().n;
    assert_eq!((count("reply/received"), count("reply/applied")), (3 * 65 + 1, 65));
    assert_eq!(figure(&run, "inter_arrival/app", "size_max"), Some(4096.0));
    assert_eq!(figure(&run, "inter_arrival/unity", "unasked"), Some(1.0));
    assert_eq!(figure(&run, "inter_arrival/unity", "unanswered"), Some(0.0));
    assert!(figure(&run, "held/app", "p50").is_some_and(|held| held > 0.0));
    // In a closed loop, each *applied* reply is one frame after the previous one.
    assert!(figure(&run, "reply/applied", "p50").unwrap() > 2.0);
    for file in
        ["reply-received.hlog", "reply-applied.hgrm", "inter_arrival-app.inter_arrival.hlog", "held-unity.held.hlog"]
    {
        assert!(place.path(&format!("out/{file}")).exists(), "{file}");
    }
    assert!(messages.windows(2).all(|pair| pair[0].connection == 1 && pair[1].connection == 1));
}

#[test]
fn content_is_stored_only_on_request() {
    let secret = r#"{"command": "chat", "data": {"text": "only between us"}, "id": "our secret"}"#;
    for (flag, stored) in [("", false), ("--with-payload", true)] {
        let (address, far) = unity(|stream| BufReader::new(stream).lines().map_while(Result::ok).count());
        let place = Place::new();
        let mut tap = Tap::start(&place, address, &format!("--once {flag}"));
        let mut near = tap.connect();
        near.write_all(format!("{secret}\n{{\"command\":\"set_auto_blink\",\"id\":5}}\n").as_bytes()).unwrap();
        drop(near);
        assert_eq!(far.join().unwrap(), 2);
        assert_eq!(tap.ends(), Some(0));
        let (run, messages) = record(&place);
        let kept = |message: &SessionMessage| message.content().map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(kept(&messages[0]).as_deref(), stored.then_some(secret));
        assert_eq!((messages[0].command.as_str(), &messages[0].id), ("other", &None));
        assert_eq!((messages[1].command.as_str(), &messages[1].id), ("set_auto_blink", &Some(5.into())));
        assert_eq!(run.warnings.iter().any(|warning| warning.contains("chat")), stored);
        if !stored {
            for entry in std::fs::read_dir(place.path("out")).unwrap() {
                let text = std::fs::read(entry.unwrap().path()).unwrap();
                assert!(!String::from_utf8_lossy(&text).contains("between us"));
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn tap_waits_for_the_next_connection_and_ctrl_c_keeps_the_record() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let place = Place::new();
    let mut tap = Tap::start(&place, address, "");
    // Unity is not running yet, which the application notices as it would without a tap.
    assert_eq!(tap.connect().read(&mut [0; 1]).unwrap_or(0), 0);
    tap.hears("no bridge is listening");
    let _bridge = EmbeddedBridge::start(BridgeSpec::default(), address.port()).unwrap();
    for _ in 0..2 {
        let near = tap.connect();
        let mut lines = BufReader::new(near.try_clone().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "{}");
        (&near).write_all(b"{\"command\":\"reset_expressions\"}\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "{}");
        drop((lines, near));
        tap.hears("waiting for the next");
    }
    // One that is still connected when the tap ends.
    let mut near = tap.connect();
    let mut greeting = [0; 3];
    near.read_exact(&mut greeting).unwrap();
    assert_eq!(tap.interrupt(), Some(0));
    let (run, messages) = record(&place);
    assert_eq!((run.state, run.finished.is_some()), (RunState::Complete, true));
    assert_eq!(messages.iter().map(|message| message.connection).max(), Some(3));
    assert_eq!(messages.len(), 2 * 3 + 1);
}

#[test]
fn invalid_tap_addresses_are_named() {
    let place = Place::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    for (line, code, named) in [
        (format!("tap --listen 127.0.0.1:{port}"), 3, port.to_string()),
        ("tap --listen 0.0.0.0:0".into(), 2, "not a loopback address".into()),
        ("tap --to 192.0.2.1:5555".into(), 2, "--allow-remote".into()),
        ("tap --to embedded".into(), 2, "HOST:PORT".into()),
        ("tap --to 127.0.0.1:5555".into(), 2, "itself".into()),
        ("tap --listen nowhere".into(), 2, "nowhere".into()),
    ] {
        let outcome = place.run(&line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(&named), "{line}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
    assert!(!place.path("results").exists());
}

/// A flooding side is slowed down to the rate at which the tap records, without unbounded buffering.
#[cfg(target_os = "linux")]
#[test]
fn flood_takes_bounded_memory() {
    let (address, far) = unity(|mut stream| {
        let block = b"{}\n".repeat(100_000);
        while stream.write_all(&block).is_ok() {}
    });
    let place = Place::new();
    let mut tap = Tap::start(&place, address, "--once");
    let mut near = tap.connect();
    let mut block = vec![0; 1 << 20];
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert!(near.read(&mut block).unwrap() > 0);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", tap.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    drop(near);
    assert_eq!(tap.ends(), Some(0));
    far.join().unwrap();
    assert!(peak_kb < 300_000, "{peak_kb} kB");
    let (run, messages) = record(&place);
    assert_eq!(figure(&run, "inter_arrival/unity", "messages"), Some(messages.len() as f64));
}
