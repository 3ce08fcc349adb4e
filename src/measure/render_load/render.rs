//! The load itself: a main thread and a render thread that work in parallel, frame by frame.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::frame::{Calibration, Frame};
use super::pace::Pace;
use super::spec::RenderSpec;
use super::work::{Work, iterations_for};
use crate::clock::{Clock, nanos};

/// Renders on this thread, and on another if the load has a worker, while `go_on` returns true; it is called before
/// each frame.
///
/// `ready` gets the calibration, then `shown` gets every frame. A frame's work has ended when both threads are done;
/// reporting it is not part of it.
///
/// # Errors
/// The first error of `ready` or `shown`.
pub fn render<E>(
    spec: RenderSpec,
    go_on: impl Fn() -> bool,
    ready: impl FnOnce(Calibration) -> Result<(), E>,
    mut shown: impl FnMut(Frame) -> Result<(), E>,
) -> Result<(), E> {
    let clock = Clock::start();
    let mut work = Work::new();
    let calibration = work.calibrate(&clock, spec.main);
    let workers = iterations_for(nanos(spec.worker), calibration.iterations, nanos(spec.main));
    thread::scope(|scope| {
        let companion = (!spec.worker.is_zero()).then(|| {
            let (start, starts) = channel();
            let (end, ends) = channel();
            scope.spawn(move || render_thread(workers, &starts, &end));
            (start, ends)
        });
        ready(calibration)?;
        let pace = Pace::new(clock.now_ns(), spec.period_ns(), spec.is_saturated());
        let mut slot = pace.first();
        while go_on() {
            rest_until(&clock, slot.due_ns);
            if let Some((start, _)) = &companion
                && start.send(()).is_err()
            {
                break;
            }
            work.run(calibration.iterations);
            if let Some((_, ends)) = &companion
                && ends.recv().is_err()
            {
                break;
            }
            let ended_ns = clock.now_ns();
            shown(Frame { late: ended_ns > slot.deadline_ns, work_ns: ended_ns - slot.due_ns })?;
            slot = pace.next(slot, ended_ns);
        }
        // The starting channel is dropped here, so the render thread ends.
        Ok(())
    })
}

/// Does its work each time the main thread begins a frame.
fn render_thread(iterations: u64, starts: &Receiver<()>, end: &Sender<()>) {
    let mut work = Work::new();
    while starts.recv().is_ok() {
        work.run(iterations);
        if end.send(()).is_err() {
            break;
        }
    }
}

/// Sleeps until the clock reads `at_ns`, without spinning: the load must use exactly the requested CPU time.
fn rest_until(clock: &Clock, at_ns: u64) {
    loop {
        let left_ns = at_ns.saturating_sub(clock.now_ns());
        if left_ns == 0 {
            break;
        }
        thread::sleep(Duration::from_nanos(left_ns));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Runs `count` frames of a load; returns them with the total time.
    fn frames(spec: &str, count: usize) -> (Vec<Frame>, u64) {
        let (began_ns, frames, clock) = (Cell::new(0), RefCell::new(Vec::new()), Clock::start());
        let ready = |calibration: Calibration| {
            assert!(calibration.iterations > 0);
            began_ns.set(clock.now_ns());
            Ok::<(), ()>(())
        };
        let shown = |frame| {
            frames.borrow_mut().push(frame);
            Ok(())
        };
        render(spec.parse().unwrap(), || frames.borrow().len() < count, ready, shown).unwrap();
        (frames.into_inner(), clock.now_ns() - began_ns.get())
    }

    #[test]
    fn frames_are_not_reported_early() {
        for spec in ["100:0.1ms", "100:0.1ms:0.1ms"] {
            let (frames, took_ns) = frames(spec, 6);
            assert_eq!(frames.len(), 6, "{spec}");
            assert!(took_ns >= 50_000_000, "{spec}: the sixth frame is due after five periods, not after {took_ns} ns");
            assert!(frames.iter().all(|frame| frame.late || frame.work_ns <= 10_000_001), "{spec}: {frames:?}");
        }
    }

    #[test]
    fn slow_render_thread_makes_frames_late() {
        // The worker alone takes several periods.
        let (frames, _) = frames("1000:0.1ms:20ms", 3);
        assert!(frames.iter().all(|frame| frame.late && frame.work_ns > 1_000_000), "{frames:?}");
    }

    #[test]
    fn failed_report_ends_the_load() {
        let spec: RenderSpec = "100:0.1ms:0.1ms".parse().unwrap();
        assert_eq!(render(spec, || true, |_| Err("gone"), |_| Ok(())), Err("gone"));
        assert_eq!(render(spec, || true, |_| Ok(()), |_| Err("gone")), Err("gone"));
    }
}
