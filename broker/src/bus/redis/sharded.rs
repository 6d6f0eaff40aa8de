//! Publishing on a cluster: one pipeline for each channel, so that each stays in order whichever
//! node owns it.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::{Pipeline, Value};
use tracing::debug;

/// Channels that are published to at once.
const IN_FLIGHT: usize = 64;

/// Publishes `(channel, message)`s; answers for each whether it was acknowledged.
pub async fn publish(connection: ClusterConnection, messages: Vec<(String, Vec<u8>)>) -> Vec<bool> {
    let mut acknowledged = vec![false; messages.len()];
    let mut channels = HashMap::<String, Vec<(usize, Vec<u8>)>>::new();
    for (at, (channel, message)) in messages.into_iter().enumerate() {
        channels.entry(channel).or_default().push((at, message));
    }
    let mut answered = stream::iter(channels)
        .map(|(channel, messages)| publish_channel(connection.clone(), channel, messages))
        .buffer_unordered(IN_FLIGHT);
    while let Some(answers) = answered.next().await {
        for (at, answer) in answers {
            acknowledged[at] = answer;
        }
    }
    acknowledged
}

async fn publish_channel(
    mut connection: ClusterConnection,
    channel: String,
    messages: Vec<(usize, Vec<u8>)>,
) -> Vec<(usize, bool)> {
    let mut pipeline = Pipeline::with_capacity(messages.len());
    let mut places = Vec::with_capacity(messages.len());
    for (at, message) in messages {
        pipeline.cmd("SPUBLISH").arg(&channel).arg(message);
        places.push(at);
    }
    let count = pipeline.len();
    match connection.req_packed_commands(&pipeline, 0, count).await {
        Ok(values) => places
            .into_iter()
            .zip(values.iter().map(acknowledged))
            .collect(),
        Err(error) => {
            debug!(%error, "the cluster took no publication");
            places.into_iter().map(|at| (at, false)).collect()
        }
    }
}

/// Whether `answer` is that of a command that was carried out.
pub fn acknowledged(answer: &Value) -> bool {
    if let Value::ServerError(error) = answer {
        debug!(%error, "redis refused a publication");
        return false;
    }
    true
}
