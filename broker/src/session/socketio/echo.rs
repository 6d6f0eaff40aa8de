//! The server that Socket.IO's conformance suite asks for: it tells a client the `auth` of its
//! CONNECT, and returns what it is sent.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;
use tokio::time::{Sleep, sleep};

use crate::outbox::Connection;
use crate::protocol::socketio::{self, Args, Event};

#[derive(Debug, Default)]
pub(in crate::session) struct Echo {
    /// The last id of an acknowledgement that was asked for; 0 = none.
    asked: u64,
    /// Names the ids of CONNECTs.
    connected: u64,
    /// What goes out a moment after the answer to a CONNECT.
    greetings: Vec<(Pin<Box<Sleep>>, Bytes)>,
}

/// The suite waits for the answer to a CONNECT and then for the event; it would not see two frames
/// that it reads at once.
const MOMENT: Duration = Duration::from_millis(5);

impl Echo {
    pub(super) fn connected(&mut self, namespace: &str, auth: Option<&str>, to: &Connection) {
        self.connected += 1;
        let mut out = BytesMut::new();
        socketio::put_connect(namespace, &format!("echo-{}", self.connected), &mut out);
        to.push_control(out.split().freeze());
        let auth = auth.unwrap_or("{}");
        socketio::put_event(namespace, None, "auth", &[auth], &[], &mut out);
        self.greetings.push((Box::pin(sleep(MOMENT)), out.freeze()));
    }

    /// Sends what is due; answers whether anything was.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, to: &Connection) -> bool {
        let waiting = self.greetings.len();
        self.greetings.retain_mut(|(moment, greeting)| {
            if moment.as_mut().poll(cx) == Poll::Pending {
                return true;
            }
            to.push_control(std::mem::take(greeting));
            false
        });
        let sent = self.greetings.len() < waiting;
        if sent {
            to.flush();
        }
        sent
    }

    pub(super) fn event(&mut self, namespace: &str, event: &Event<'_>, to: &Connection) {
        let args = texts(event.args.list());
        let attachments = &event.attachments;
        let mut out = BytesMut::new();
        match (&*event.name, event.id) {
            ("message", _) => {
                socketio::put_event(
                    namespace,
                    None,
                    "message-back",
                    &args,
                    attachments,
                    &mut out,
                );
            }
            ("message-with-ack", Some(id)) => {
                socketio::put_ack(namespace, id, &args, attachments, &mut out);
            }
            ("emit-with-ack", _) => {
                self.asked += 1;
                let id = Some(self.asked);
                socketio::put_event(namespace, id, "emit-with-ack", &args, attachments, &mut out);
            }
            _ => return,
        }
        to.push_control(out.freeze());
    }

    /// What a client acknowledged with comes back as an event.
    pub(super) fn ack(
        &mut self,
        namespace: &str,
        id: u64,
        args: &Args<'_>,
        attachments: &[Bytes],
        to: &Connection,
    ) {
        if id == 0 || id > self.asked {
            return;
        }
        let args = texts(args.list());
        let mut out = BytesMut::new();
        socketio::put_event(
            namespace,
            None,
            "emit-with-ack",
            &args,
            attachments,
            &mut out,
        );
        to.push_control(out.freeze());
    }
}

fn texts(args: Vec<&RawValue>) -> Vec<&str> {
    args.into_iter().map(RawValue::get).collect()
}
