//! Waiting until a connection has something to read, for a bounded time.
//!
//! Elsewhere the read itself waits, with a timeout. Winsock calls the state of a socket indeterminate after a receive that timed out,
//! and may round a timeout up by half a second: there the wait is a poll, and only a read that has something to read is made.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

/// Has [`read`] return after at most `wait` without data.
pub(super) fn look_up_every(stream: &TcpStream, wait: Duration) -> io::Result<()> {
    stream.set_read_timeout(if cfg!(windows) { None } else { Some(wait) })
}

/// Reads what has come; an error of kind `WouldBlock` or `TimedOut` when nothing came for so long as [`look_up_every`] was told.
#[cfg(not(windows))]
pub(super) fn read(stream: &mut TcpStream, room: &mut [u8], _at_most: Duration) -> io::Result<usize> {
    stream.read(room)
}

/// Reads what has come; an error of kind `TimedOut` when nothing came for [`LOOK_UP`](super::framing::LOOK_UP) or `at_most`.
#[cfg(windows)]
pub(super) fn read(stream: &mut TcpStream, room: &mut [u8], at_most: Duration) -> io::Result<usize> {
    let wait = super::framing::LOOK_UP.min(at_most);
    if is_ready(stream, wait)? { stream.read(room) } else { Err(io::ErrorKind::TimedOut.into()) }
}

/// Whether a read would return at once: data, the end, or an error is there.
#[cfg(windows)]
#[allow(unsafe_code)]
fn is_ready(stream: &TcpStream, wait: Duration) -> io::Result<bool> {
    use std::os::windows::io::AsRawSocket;

    use windows_sys::Win32::Networking::WinSock::{
        POLLRDNORM, SOCKET, SOCKET_ERROR, WSAGetLastError, WSAPOLLFD, WSAPoll,
    };

    // A handle is as wide as a pointer, whatever the type that carries it.
    #[allow(clippy::cast_possible_truncation)]
    let fd = stream.as_raw_socket() as SOCKET;
    let mut polled = WSAPOLLFD { fd, events: POLLRDNORM, revents: 0 };
    // Whole milliseconds, rounded up: a wait of none would spin.
    let wait_ms = wait.as_nanos().div_ceil(1_000_000);
    // SAFETY: one entry is passed as one entry, and the socket stays open as long as the stream is borrowed.
    let ready = unsafe { WSAPoll(&raw mut polled, 1, i32::try_from(wait_ms).unwrap_or(i32::MAX)) };
    if ready == SOCKET_ERROR {
        // SAFETY: it takes no arguments.
        return Err(io::Error::from_raw_os_error(unsafe { WSAGetLastError() }));
    }
    Ok(ready > 0)
}
