//! Waits for a connection to become readable, for a bounded time.
//!
//! On other systems the read itself waits, with a timeout. Winsock leaves a socket in an indeterminate state after a
//! receive that timed out, and may round a timeout up by half a second. On Windows the wait is therefore a poll, and
//! reads are only made when there is something to read.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::Duration;

/// Makes [`read`] return after at most `wait` without data.
pub(super) fn look_up_every(stream: &TcpStream, wait: Duration) -> io::Result<()> {
    stream.set_read_timeout(if cfg!(windows) { None } else { Some(wait) })
}

/// Reads what has arrived; an error of kind `WouldBlock` or `TimedOut` if nothing arrived within the time set by
/// [`look_up_every`].
#[cfg(not(windows))]
pub(super) fn read(stream: &mut TcpStream, room: &mut [u8], _at_most: Duration) -> io::Result<usize> {
    stream.read(room)
}

/// Reads what has arrived; an error of kind `TimedOut` if nothing arrived within [`LOOK_UP`](super::framing::LOOK_UP)
/// or `at_most`.
#[cfg(windows)]
pub(super) fn read(stream: &mut TcpStream, room: &mut [u8], at_most: Duration) -> io::Result<usize> {
    let wait = super::framing::LOOK_UP.min(at_most);
    if is_ready(stream, wait)? { stream.read(room) } else { Err(io::ErrorKind::TimedOut.into()) }
}

/// Whether a read would return at once with data, end of stream, or an error.
#[cfg(windows)]
#[allow(unsafe_code)]
fn is_ready(stream: &TcpStream, wait: Duration) -> io::Result<bool> {
    use std::os::windows::io::AsRawSocket;

    use windows_sys::Win32::Networking::WinSock::{
        POLLRDNORM, SOCKET, SOCKET_ERROR, WSAGetLastError, WSAPOLLFD, WSAPoll,
    };

    // A socket handle is as wide as a pointer on every target.
    #[allow(clippy::cast_possible_truncation)]
    let fd = stream.as_raw_socket() as SOCKET;
    let mut polled = WSAPOLLFD { fd, events: POLLRDNORM, revents: 0 };
    // Rounded up to whole milliseconds: a wait of 0 would spin.
    let wait_ms = wait.as_nanos().div_ceil(1_000_000);
    // SAFETY: exactly one entry is passed, and the socket stays open while the stream is borrowed.
    let ready = unsafe { WSAPoll(&raw mut polled, 1, i32::try_from(wait_ms).unwrap_or(i32::MAX)) };
    if ready == SOCKET_ERROR {
        // SAFETY: the function takes no arguments.
        return Err(io::Error::from_raw_os_error(unsafe { WSAGetLastError() }));
    }
    Ok(ready > 0)
}
