//! The outline of the command: listen, join one connection after the other, account for what passed, report.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::super::report::{rendered, show_record};
use super::cases;
use super::session::Session;
use crate::bridge::server::Sign;
use crate::bridge::tap::{Passage, Side};
use crate::bridge::{BridgeError, dial};
use crate::cli::{Format, TapArgs};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::TapPlan;
use crate::record::{RunState, Simulation};
use crate::studies::setup::serving;
use crate::studies::{Recorder, RunManifest};
use crate::term::Printer;

/// How often it looks for connections, messages and the wish to end. No message waits for this.
const LOOK_UP: Duration = Duration::from_millis(20);

/// How long a connection to Unity may take.
const CONNECT: Duration = Duration::from_secs(2);

const PRIVATE: &str = "the messages themselves are stored in session.jsonl (--with-payload): that includes what was said in the \
                       chat; do not pass the file on";

/// Listens, records, reports.
pub(in super::super) fn run(args: &TapArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let plan = TapPlan::resolve(args)?;
    let (listener, address) = listen(&plan)?;
    let clock = Clock::start();
    let simulated = plan.to.iter().find_map(|to| Sign::read(*to));
    let beginning = RunManifest {
        command: "tap",
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        subject: json!({"listen": address.to_string(), "to": plan.to.iter().map(ToString::to_string).collect::<Vec<_>>()}),
        simulated: simulated
            .map(|parameters| Simulation { what: "embedded bridge".into(), parameters })
            .into_iter()
            .collect(),
        warnings: plan.with_payload.then(|| PRIVATE.to_owned()).into_iter().collect(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?;
    recorder.measures(serving(&plan.to));
    let session = Session::start(recorder, clock, plan.with_payload)?;
    if plan.with_payload {
        printer.warning(PRIVATE);
    }
    printer.note(&format!("listening on {address}, passing on to {}; Ctrl-C ends it and keeps the record", args.to));

    let mut tap = Tap { plan: &plan, printer, clock, session, passage: None };
    let outcome = tap.serve(&listener, stop);
    tap.leave()?;
    let mut recorder = tap.session.finish()?;
    let account = &tap.session.account;
    for case in cases::cases(account) {
        cases::add(&mut recorder, case)?;
    }
    recorder.run.findings = cases::findings(account);
    (recorder.run.state, recorder.run.reason) = match &outcome {
        Ok(()) => (RunState::Complete, None),
        Err(error) => (RunState::Failed, Some(error.reason())),
    };
    recorder.finish()?;
    if matches!(args.format, Format::Csv | Format::Json) {
        recorder.run.warnings.iter().for_each(|warning| printer.warning(warning));
    }
    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    outcome?;
    Ok(Exit::Done)
}

fn listen(plan: &TapPlan) -> Result<(TcpListener, SocketAddr), BridgeError> {
    let failed = |source| BridgeError::NotListening { address: plan.listen, source };
    let listener = TcpListener::bind(plan.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

struct Tap<'a> {
    plan: &'a TapPlan,
    printer: Printer,
    clock: Clock,
    session: Session,
    passage: Option<Passage>,
}

impl Tap<'_> {
    /// Joins and watches until it is to end.
    fn serve(&mut self, listener: &TcpListener, stop: &AtomicBool) -> Result<(), Failure> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(passage) = &self.passage {
                self.session.watch(passage)?;
                if passage.is_over() {
                    self.leave()?;
                    if self.plan.once {
                        return Ok(());
                    }
                    self.printer.note("the connection has ended; waiting for the next");
                    continue;
                }
            }
            // One at a time, as at the stock bridge: others wait in the system's queue. An application that has said its last
            // word makes room for them.
            let free = self.passage.as_ref().is_none_or(|passage| passage.has_ended(Side::App));
            match free.then(|| listener.accept()) {
                Some(Ok((app, _))) => self.join(app)?,
                // Nobody there, or one that left before its turn.
                Some(Err(_)) | None => thread::sleep(LOOK_UP),
            }
        }
        Ok(())
    }

    fn join(&mut self, app: TcpStream) -> Result<(), Failure> {
        self.leave()?;
        let unity = self.plan.to.iter().map(|to| dial(to, CONNECT));
        let mut refusal = None;
        for attempt in unity {
            match attempt {
                Ok(unity) => return self.pass(app, unity),
                Err(source) => refusal = refusal.or(Some(source)),
            }
        }
        let source = refusal.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        let error = BridgeError::NobodyThere { address: self.plan.to[0], source };
        drop(app);
        if self.plan.once {
            return Err(error.into());
        }
        self.printer.warning(&format!("{error}: the application was hung up on"));
        Ok(())
    }

    fn pass(&mut self, app: TcpStream, unity: TcpStream) -> Result<(), Failure> {
        // Inherited from the listener on some systems.
        let joined = app
            .set_nonblocking(false)
            .and_then(|()| Passage::join(app, unity, self.clock, Session::keep_bytes(self.plan.with_payload)));
        match joined {
            Ok(passage) => self.passage = Some(passage),
            Err(error) => {
                self.printer.warning(&format!("the connection could not be joined: {error}"));
                return Ok(());
            }
        }
        self.printer.note("the application has connected");
        self.session.begin()
    }

    /// Ends the connection, if there is one, and accounts for the last of it.
    fn leave(&mut self) -> Result<(), Failure> {
        let Some(passage) = self.passage.take() else { return Ok(()) };
        self.session.end(passage)
    }
}
