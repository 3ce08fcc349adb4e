//! Reads and writes that wait for a bounded time, or until another thread ends the connection.
//!
//! On Unix the socket itself returns after a timeout, and shutting it down ends the pending reads and writes of every
//! thread. Winsock does neither: it leaves a socket in an indeterminate state after an operation that timed out, may
//! round a timeout up by half a second, and does not end a pending read or write when another thread shuts the socket
//! down. On Windows sockets therefore do not block, and waiting is a poll.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::framing::LOOK_UP;

/// Makes [`read`] and [`write()`] return after at most `wait` if nothing can be read or written.
pub(super) fn wait_at_most(stream: &TcpStream, wait: Duration) -> io::Result<()> {
    if cfg!(windows) {
        return stream.set_nonblocking(true);
    }
    stream.set_read_timeout(Some(wait)).and_then(|()| stream.set_write_timeout(Some(wait)))
}

/// Prepares a connection for [`read_until`] and [`write_all`].
pub(super) fn wait_without_limit(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(cfg!(windows))
}

/// Reads what has arrived. Fails with `WouldBlock` if nothing arrived within the time set by [`wait_at_most`]; on
/// Windows, within [`LOOK_UP`] or `at_most`.
pub(super) fn read(stream: &TcpStream, room: &mut [u8], at_most: Duration) -> io::Result<usize> {
    retry_when_ready(stream, SocketWait::ToRead, at_most, |mut stream| stream.read(room))
}

/// Writes as much as the socket accepts. Fails with `WouldBlock` after the same time as [`read`].
pub(super) fn write(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    retry_when_ready(stream, SocketWait::ToWrite, LOOK_UP, |mut stream| stream.write(bytes))
}

/// Waits for data, without a timeout; 0 means the end. To end the wait from another thread, make `is_over` return true,
/// then shut down the connection.
pub(super) fn read_until(stream: &TcpStream, room: &mut [u8], is_over: impl Fn() -> bool) -> io::Result<usize> {
    loop {
        match read(stream, room, LOOK_UP) {
            Err(error) if is_nothing_yet(&error) => {
                if is_over() {
                    return Ok(0);
                }
            }
            done => return done,
        }
    }
}

/// Writes everything, without a timeout, unless the connection is ended as for [`read_until`].
pub(super) fn write_all(stream: &TcpStream, mut bytes: &[u8], is_over: impl Fn() -> bool) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(stream, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if is_nothing_yet(&error) => {
                if is_over() {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Excludes `TimedOut`, which means that the system has given up the connection.
fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Whether data or the end arrives within about `wait`. Nothing is read. The connection must have been prepared by
/// [`wait_without_limit`].
#[cfg(not(windows))]
pub(super) fn is_readable_within(stream: &TcpStream, wait: Duration, _is_over: impl Fn() -> bool) -> bool {
    let _ = stream.set_read_timeout(Some(wait));
    let next = stream.peek(&mut [0]);
    let _ = stream.set_read_timeout(None);
    !next.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Whether data or the end arrives within about `wait`. Nothing is read. The connection must have been prepared by
/// [`wait_without_limit`].
#[cfg(windows)]
pub(super) fn is_readable_within(stream: &TcpStream, wait: Duration, is_over: impl Fn() -> bool) -> bool {
    let until = std::time::Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return false;
        }
        if is_over() || is_ready(stream, SocketWait::ToRead, left.min(LOOK_UP)).unwrap_or(true) {
            return true;
        }
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
enum SocketWait {
    ToRead,
    ToWrite,
}

/// The socket waits by itself.
#[cfg(not(windows))]
fn retry_when_ready<T>(
    stream: &TcpStream,
    _wait: SocketWait,
    _at_most: Duration,
    mut attempt: impl FnMut(&TcpStream) -> io::Result<T>,
) -> io::Result<T> {
    attempt(stream)
}

/// Tries at once, and again when the socket is ready.
#[cfg(windows)]
fn retry_when_ready<T>(
    stream: &TcpStream,
    wait: SocketWait,
    at_most: Duration,
    mut attempt: impl FnMut(&TcpStream) -> io::Result<T>,
) -> io::Result<T> {
    match attempt(stream) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        done => return done,
    }
    if is_ready(stream, wait, LOOK_UP.min(at_most))? { attempt(stream) } else { Err(ErrorKind::WouldBlock.into()) }
}

/// Whether a read or write would return at once, with success, the end of the stream or an error.
#[cfg(windows)]
#[allow(unsafe_code)]
fn is_ready(stream: &TcpStream, wait: SocketWait, at_most: Duration) -> io::Result<bool> {
    use std::os::windows::io::AsRawSocket;

    use windows_sys::Win32::Networking::WinSock::{
        POLLRDNORM, POLLWRNORM, SOCKET, SOCKET_ERROR, WSAGetLastError, WSAPOLLFD, WSAPoll,
    };

    // Handles are as wide as pointers, whatever the type that carries them.
    #[allow(clippy::cast_possible_truncation)]
    let fd = stream.as_raw_socket() as SOCKET;
    let events = match wait {
        SocketWait::ToRead => POLLRDNORM,
        SocketWait::ToWrite => POLLWRNORM,
    };
    let mut polled = WSAPOLLFD { fd, events, revents: 0 };
    // Whole milliseconds, rounded up: with 0, this would spin.
    let wait_ms = at_most.as_nanos().div_ceil(1_000_000);
    // SAFETY: one entry is passed as one entry, and the socket stays open as long as the stream is borrowed.
    let ready = unsafe { WSAPoll(&raw mut polled, 1, i32::try_from(wait_ms).unwrap_or(i32::MAX)) };
    if ready == SOCKET_ERROR {
        // SAFETY: it takes no arguments.
        return Err(io::Error::from_raw_os_error(unsafe { WSAGetLastError() }));
    }
    Ok(ready > 0)
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpListener};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (stream, listener.accept().unwrap().0)
    }

    #[test]
    fn pending_reads_and_writes_end_when_another_thread_ends_the_connection() {
        let (stream, _peer) = connected();
        wait_without_limit(&stream).unwrap();
        let (stream, over) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let (written, writes) = channel();
        let reader = thread::spawn({
            let (stream, over) = (Arc::clone(&stream), Arc::clone(&over));
            move || read_until(&stream, &mut [0; 16], || over.load(Ordering::SeqCst))
        });
        // The peer does not read, so the buffers fill up.
        let sender = thread::spawn({
            let (stream, over) = (Arc::clone(&stream), Arc::clone(&over));
            let bytes = vec![7; 1 << 16];
            move || {
                loop {
                    write_all(&stream, &bytes, || over.load(Ordering::SeqCst))?;
                    written.send(()).unwrap();
                }
                #[allow(unreachable_code)]
                Ok::<(), io::Error>(())
            }
        });
        while writes.recv_timeout(Duration::from_millis(300)).is_ok() {}
        over.store(true, Ordering::SeqCst);
        stream.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap().unwrap_or(0), 0);
        assert!(sender.join().unwrap().is_err());
    }

    #[test]
    fn large_write_is_complete_and_in_order() {
        let (stream, mut peer) = connected();
        wait_without_limit(&stream).unwrap();
        let sent: Vec<u8> = (0..8_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        let reader = thread::spawn(move || {
            // Late, so that the writer meets a full buffer.
            thread::sleep(Duration::from_millis(50));
            let mut came = Vec::new();
            peer.read_to_end(&mut came).map(|_| came)
        });
        write_all(&stream, &sent, || false).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(reader.join().unwrap().unwrap() == sent);
    }

    #[test]
    fn silence_differs_from_data_and_from_the_end() {
        let (stream, mut peer) = connected();
        wait_without_limit(&stream).unwrap();
        let wait = Duration::from_millis(30);
        assert!(!is_readable_within(&stream, wait, || false));
        peer.write_all(b"{}").unwrap();
        assert!(is_readable_within(&stream, Duration::from_secs(30), || false));
        assert_eq!(read_until(&stream, &mut [0; 16], || false).unwrap(), 2, "nothing was taken");
        drop(peer);
        assert!(is_readable_within(&stream, Duration::from_secs(30), || false));

        let (stream, _peer) = connected();
        wait_at_most(&stream, wait).unwrap();
        let silent = read(&stream, &mut [0; 16], wait).unwrap_err();
        assert_eq!(silent.kind(), ErrorKind::WouldBlock);
    }
}
