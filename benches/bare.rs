//! The bare exchange: the same bytes over the same kind of socket, without this project's code.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

/// The reply of the stock bridge.
const REPLY: &[u8] = b"{}\n";

/// Starts a server that answers every `size` bytes with the stock reply. Ends with the process.
pub(crate) fn serve(size: usize) -> SocketAddr {
    each_client(move |mut stream| {
        let mut message = vec![0; size];
        while stream.read_exact(&mut message).is_ok() && stream.write_all(REPLY).is_ok() {}
    })
}

/// The same, with a second thread that sends the reply, as a bridge's main thread does: one additional handover.
#[allow(dead_code)] // Not used by every bench that includes this file.
pub(crate) fn serve_handed_over(size: usize) -> SocketAddr {
    each_client(move |mut stream| {
        let mut writer = stream.try_clone().expect("a second handle");
        let (hand, over) = sync_channel::<()>(16);
        thread::spawn(move || while over.recv().is_ok() && writer.write_all(REPLY).is_ok() {});
        let mut message = vec![0; size];
        while stream.read_exact(&mut message).is_ok() && hand.send(()).is_ok() {}
    })
}

/// Serves one client after the other on its own port.
fn each_client(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a client");
            stream.set_nodelay(true).expect("nodelay");
            serve(stream);
        }
    });
    address
}

/// Round trips of `count` exchanges of `message`, in nanoseconds.
pub(crate) fn exchanges(address: SocketAddr, message: &[u8], count: usize) -> Vec<u64> {
    let mut stream = TcpStream::connect(address).expect("the bare server");
    stream.set_nodelay(true).expect("nodelay");
    let mut reply = [0; REPLY.len()];
    let mut exchange = || {
        let sent = Instant::now();
        stream.write_all(message).expect("a write");
        stream.read_exact(&mut reply).expect("a reply");
        u64::try_from(sent.elapsed().as_nanos()).expect("a short time")
    };
    (0..count / 10).for_each(|_| _ = exchange());
    (0..count).map(|_| exchange()).collect()
}

/// The middle sample.
#[allow(dead_code)]
pub(crate) fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) / 2]
}
