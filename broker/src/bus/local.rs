//! The bus of a node on its own: publications stay in this process.

use std::pin::pin;

use tokio::sync::mpsc;

use super::Control;
use super::fanout::Fanout;
use super::queue;
use crate::publication::Draft;
use crate::shutdown::Lifecycle;

/// Publications that are encoded into one buffer; more would only hold memory longer.
const BATCH: usize = 256;

pub async fn run(
    mut fanout: Fanout,
    mut control: mpsc::UnboundedReceiver<Control>,
    mut publications: queue::Receiver<Draft>,
    lifecycle: Lifecycle,
) {
    let mut ended = pin!(lifecycle.ended());
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            () = &mut ended => return,
            command = control.recv() => match command {
                Some(Control::Subscribe { worker, topic, done }) => {
                    fanout.add(worker, &topic);
                    // The caller may have gone; its worker says so by unsubscribing.
                    let _ = done.send(());
                }
                Some(Control::Unsubscribe { worker, topic }) => {
                    fanout.remove(worker, &topic);
                }
                None => return,
            },
            taken = publications.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                fanout.deliver(&mut batch);
            }
        }
    }
}
