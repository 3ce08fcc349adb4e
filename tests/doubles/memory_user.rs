//! A program with known memory use per message, which writes a line to a file for each message.
//!
//! `memory_user KIND BYTES MESSAGES PAUSE_US FILE [LOG]`, where KIND is `leak` (retains BYTES per message), `sawtooth`
//! (retains BYTES per message and frees all of it every ten), `cache` (retains BYTES per message in the first fifth),
//! `jump` (retains a hundred times BYTES once, after a third) or `still` (retains nothing). LOG is the mode of the
//! file: `rename` (renamed and recreated every ten messages), `truncate` (copied and truncated every ten messages) or
//! `silent` (nothing is written after the first half). Each message also allocates and frees some memory. It waits for
//! a line on its input before it starts.

use std::io::Write;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments[at].parse::<usize>().expect("a number");
    let (kind, bytes, messages, pause_us) = (arguments[0].as_str(), number(1), number(2), number(3));
    let open = || std::fs::OpenOptions::new().append(true).create(true).open(&arguments[4]).expect("the file");
    let log = arguments.get(5).map_or("", String::as_str);
    let mut file = open();
    let _ = std::io::stdin().read_line(&mut String::new());
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(messages + 1);
    for message in 0..messages {
        match kind {
            "leak" => kept.push(vec![1; bytes]),
            "sawtooth" if message % 10 == 9 => kept.clear(),
            "sawtooth" => kept.push(vec![1; bytes]),
            "cache" if message < messages / 5 => kept.push(vec![1; bytes]),
            "jump" if message == messages / 3 => kept.push(vec![1; 100 * bytes]),
            _ => {}
        }
        // Allocated last and freed at once, so that it leaves no hole among the retained blocks.
        std::hint::black_box((vec![1_u8; 50_000], &kept));
        if log != "silent" || message < messages / 2 {
            writeln!(file, "message {message}").expect("the file takes a line");
        }
        match log {
            "rename" if message % 10 == 9 => {
                std::fs::rename(&arguments[4], format!("{}.1", arguments[4])).expect("the file is renamed");
                file = open();
            }
            "truncate" if message % 10 == 9 => {
                std::fs::copy(&arguments[4], format!("{}.1", arguments[4])).expect("the file is copied");
                file.set_len(0).expect("the file is cut off");
            }
            _ => {}
        }
        std::thread::sleep(std::time::Duration::from_micros(pause_us as u64));
    }
    // Lets the observer see the last message before memory is freed.
    std::thread::sleep(std::time::Duration::from_millis(200));
}
