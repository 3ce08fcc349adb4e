//! Detects the dialect of a bridge without sending anything that a stock bridge does not define.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::client::Client;
use super::dialect::{Ack, Dialect, ReplyForm};
use super::error::BridgeError;
use super::message::Message;
use super::reply::Reply;
use super::wire::{Codec, Wire};

/// A dialect and the evidence for it.
#[derive(Debug, Clone)]
pub struct DetectedDialect {
    /// The dialect.
    pub dialect: &'static Dialect,
    /// The evidence, as text.
    pub how: String,
}

/// Detects the dialect of the bridge behind a fresh connection: first from its greeting, which costs nothing; if that
/// is inconclusive, from the reply to one command that every stock bridge knows and that changes nothing, sent with an
/// id.
///
/// Whether a stock bridge is one of the later versions, which answer a batch, is left open: only a batch would tell,
/// and a stock bridge does not define that command.
///
/// # Errors
/// [`BridgeError::UnknownDialect`] if neither matches a known dialect, and those of an exchange.
pub fn detect(client: &mut Client, stop: &AtomicBool) -> Result<DetectedDialect, BridgeError> {
    let greeting = client.greeting().to_owned();
    let greets_so = |dialect: &&&'static Dialect| !greeting.is_empty() && dialect.is_greeting(&greeting);
    let known: Vec<&'static Dialect> = Dialect::NAMES.iter().filter_map(|name| Dialect::named(name).ok()).collect();
    let fitting: Vec<&&'static Dialect> = known.iter().filter(greets_so).collect();
    if let [only] = fitting[..] {
        return Ok(DetectedDialect { dialect: only, how: format!("by its greeting, {greeting}") });
    }
    // Any first message in an envelope: `ready` may have been missed.
    let enveloped = Reply::parse(greeting.as_bytes(), Codec::Json).is_ok_and(|said| said.event.is_some());
    let stock = Dialect::stock();
    if let Some(dialect) = known.iter().find(|dialect| enveloped && dialect.replies.form == ReplyForm::Event) {
        return Ok(DetectedDialect { dialect, how: format!("by the envelope of its first message, {greeting}") });
    }
    let Some(probe) = stock.probe(Ack::Received) else { return Err(unknown(client)) };
    let body = stock.body(&probe.command, &probe.data);
    let mut message = Message::new(Dialect::instrumented(), &body, Wire::LINES, 0);
    let command = &probe.command;
    let number = client.number(1);
    client.send(message.line(number), stop)?;
    let reply = match first_answer(client, number, stop) {
        // It sends messages but answers nothing.
        Err((BridgeError::NoReply { .. }, true)) => return Err(unknown(client)),
        reply => reply.map_err(|(error, _)| error)?,
    };
    // A refusal identifies the dialect as well as a reply does.
    if let Err(BridgeError::Refused { message }) = reply.clone().into_result() {
        let how = format!("by its refusal of {command}: {message}");
        let founding = Dialect::named("founding").map_err(|_| unknown(client))?;
        return Ok(DetectedDialect { dialect: founding, how });
    }
    if reply.id.is_some() {
        let how = format!("by its reply to {command}, which carries the id of the message");
        return Ok(DetectedDialect { dialect: Dialect::instrumented(), how });
    }
    if greeting.is_empty() || !stock.is_greeting(&greeting) {
        return Err(unknown(client));
    }
    let how = format!(
        "by its bare greeting and its bare reply to {command}; bridges of later versions (dialect batch) do the same, \
         and no batch is sent to tell them apart"
    );
    Ok(DetectedDialect { dialect: stock, how })
}

/// The first message that may be the reply: it names message `number`, is empty, or reports an error. An error is
/// returned with whether anything else arrived.
fn first_answer(client: &mut Client, number: u64, stop: &AtomicBool) -> Result<Reply, (BridgeError, bool)> {
    let deadline = Instant::now() + client.timeout();
    let mut talks = false;
    loop {
        let reply = client.receive_any(deadline, stop).map_err(|error| (error, talks))?;
        if reply.id == Some(Message::id_of(number)) || !reply.has_members || reply.refusal.is_some() {
            return Ok(reply);
        }
        talks = true;
    }
}

fn unknown(client: &Client) -> BridgeError {
    BridgeError::UnknownDialect { greeting: client.greeting().to_owned() }
}
