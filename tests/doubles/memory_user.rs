//! A program that uses memory in a known way, message by message, and writes a line for each into a file.
//!
//! `memory_user KIND BYTES MESSAGES PAUSE_US FILE [LOG]`, where KIND is `leak` (keeps BYTES a message), `sawtooth` (keeps BYTES a
//! message, and gives all back every ten), `cache` (keeps BYTES a message for the first fifth), `jump` (keeps a hundred times
//! BYTES once, at the third part) or `still` (keeps nothing). LOG says what becomes of the file: `rename` (every ten messages it is
//! renamed and begun anew), `truncate` (every ten messages it is copied and cut off) or `silent` (nothing is written after the
//! first half). Each message also takes and frees some memory. It waits for a
//! line on its input before it begins.

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
        // Taken last and freed at once, so that no hole is left among what is kept.
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
    // Whoever watches sees the last message before all is given back.
    std::thread::sleep(std::time::Duration::from_millis(200));
}
