//! The bus of a node on its own: publications stay in this process.

use std::pin::pin;

use tokio::sync::mpsc;

use super::Control;
use super::fanout::Fanout;
use super::staged::Staged;
use crate::shutdown::Lifecycle;

/// Publications that are encoded into one buffer; more would only hold memory longer.
const BATCH: usize = 256;

pub async fn run(
    fanout: Fanout,
    control: mpsc::UnboundedReceiver<Control>,
    staged: Staged,
    lifecycle: Lifecycle,
) {
    serve(fanout, control, &staged, lifecycle).await;
    staged.close();
}

async fn serve(
    mut fanout: Fanout,
    mut control: mpsc::UnboundedReceiver<Control>,
    staged: &Staged,
    lifecycle: Lifecycle,
) {
    let mut ended = pin!(lifecycle.ended());
    let mut batch = Vec::new();
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
                Some(Control::Unheard { done, .. }) => {
                    // All that is published here comes back.
                    let _ = done.send(Vec::new());
                }
                None => return,
            },
            () = staged.take(&mut batch) => {
                while !batch.is_empty() {
                    let rest = batch.split_off(batch.len().min(BATCH));
                    fanout.deliver(&mut batch);
                    batch = rest;
                }
            }
        }
    }
}
