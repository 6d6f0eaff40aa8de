//! A session's GETs and POSTs.

use std::rc::Rc;
use std::task::Context;

use bytes::Bytes;
use tokio::time::Instant;

use super::Inner;
use crate::outbox::Connection;
use crate::protocol::close::CloseCode;
use crate::protocol::engineio::{self, Body, Packet, Refusal};
use crate::session::engineio::requests::{Answer, Upload};
use crate::session::engineio::state::Wrong;

impl Inner {
    pub(super) fn get(&mut self, answer: Answer, connection: &Connection) {
        match self.state.poll_begun() {
            Ok(()) => self.get = Some(answer),
            Err(wrong) => self.refuse(answer, wrong, connection),
        }
    }

    pub(super) fn post_begun(&mut self, answer: Answer, connection: &Connection) {
        match self.state.post_begun() {
            Ok(()) => {
                let _ = answer.send(Ok(Bytes::new()));
            }
            Err(wrong) => self.refuse(answer, wrong, connection),
        }
    }

    pub(super) fn post_ended(
        &mut self,
        upload: Upload,
        answer: Answer,
        connection: &Rc<Connection>,
    ) {
        let taken = match upload {
            Upload::TooBig => Err(Refusal::BadRequest),
            Upload::Broken => {
                self.fail(Packet::Close, connection);
                Err(Refusal::BadRequest)
            }
            Upload::Whole(body) => self.packets(&body, connection),
        };
        match taken {
            // Answered when there is room for another.
            Ok(()) => self.post = Some(answer),
            Err(refusal) => {
                self.state.post_ended();
                let _ = answer.send(Err(refusal));
            }
        }
    }

    /// Answers requests that wait, as far as there is an answer.
    pub(super) fn poll_requests(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Connection,
        max_payload: usize,
    ) -> bool {
        let mut progress = false;
        if let Some(get) = &mut self.get {
            let mut body = Body::new(max_payload);
            if !connection.is_attached() {
                connection.drain(&mut body);
            }
            if !body.is_empty() {
                let sent = self.get.take().map(|get| get.send(Ok(body.finish())));
                self.state.poll_ended();
                progress = true;
                if sent.is_some_and(|sent| sent.is_err()) {
                    self.fail(Packet::Close, connection);
                }
            } else if get.poll_closed(cx).is_ready() {
                // The client has given up its request: what it is sent would be lost.
                self.get = None;
                self.fail(Packet::Close, connection);
                progress = true;
            }
        }
        let room = self.application.has_room() && !connection.is_full();
        if (room || !connection.is_open())
            && let Some(post) = self.post.take()
        {
            self.state.post_ended();
            let _ = post.send(Ok(Bytes::from_static(b"ok")));
            progress = true;
        }
        progress
    }

    pub(super) fn answer_get(&mut self, packet: Packet<'_>, connection: &Connection) {
        let Some(answer) = self.get.take() else {
            return;
        };
        self.state.poll_ended();
        let mut body = Body::new(usize::MAX);
        connection.drain(&mut body);
        body.push_frames(&packet.frame());
        // A client that has left ends its session anyway.
        let _ = answer.send(Ok(body.finish()));
    }

    /// Ends a polling session at once: whoever names it after is answered that it is unknown.
    pub(super) fn fail(&mut self, farewell: Packet<'_>, connection: &Connection) {
        self.answer_get(farewell, connection);
        connection.abandon();
    }

    fn refuse(&mut self, answer: Answer, wrong: Wrong, connection: &Connection) {
        let _ = answer.send(Err(Refusal::BadRequest));
        if wrong == Wrong::Overlap {
            self.fail(Packet::Close, connection);
        }
    }

    fn packets(&mut self, body: &[u8], connection: &Rc<Connection>) -> Result<(), Refusal> {
        let taken = self.each_packet(body, connection);
        if taken.is_err() {
            self.fail(Packet::Close, connection);
        }
        connection.flush();
        taken
    }

    fn each_packet(&mut self, body: &[u8], connection: &Rc<Connection>) -> Result<(), Refusal> {
        let now = Instant::now();
        for packet in engineio::packets(body).map_err(|_| Refusal::BadRequest)? {
            if !connection.is_open() {
                break;
            }
            let packet = packet.map_err(|_| Refusal::BadRequest)?;
            match self.packet(packet, now, connection) {
                Ok(()) => {}
                Err(CloseCode::Normal) => self.fail(Packet::Noop, connection),
                Err(CloseCode::ProtocolError) => return Err(Refusal::BadRequest),
                Err(code) => connection.close(code),
            }
        }
        Ok(())
    }
}
