//! Publishing on a cluster: one pipeline for each channel, so that each stays in order whichever
//! node owns it.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use redis::aio::ConnectionLike;
use redis::cluster_async::ClusterConnection;
use redis::{Pipeline, RedisError, RedisResult, Value};
use tracing::debug;

/// Channels that are published to at once.
const IN_FLIGHT: usize = 64;

/// One message on its way out.
pub struct Message {
    pub channel: String,
    pub payload: Vec<u8>,
    /// On a cluster: for subscribers on every node (PUBLISH), not on one shard's (SPUBLISH).
    pub to_all: bool,
}

/// What became of a batch.
pub struct Published {
    /// For each publication whether Redis acknowledged it.
    pub acknowledged: Vec<bool>,
    /// A node did not answer. The client would go on asking it, whoever owns its slots by now.
    pub failed: Option<RedisError>,
}

pub async fn publish(connection: ClusterConnection, messages: Vec<Message>) -> Published {
    let mut published = Published {
        acknowledged: vec![false; messages.len()],
        failed: None,
    };
    let mut channels = HashMap::<String, Vec<(usize, Message)>>::new();
    for (at, message) in messages.into_iter().enumerate() {
        let channel = message.channel.clone();
        channels.entry(channel).or_default().push((at, message));
    }
    let mut answered = stream::iter(channels)
        .map(|(_, messages)| publish_channel(connection.clone(), messages))
        .buffer_unordered(IN_FLIGHT);
    while let Some(answers) = answered.next().await {
        match answers {
            Ok(answers) => {
                for (at, answer) in answers {
                    published.acknowledged[at] = answer;
                }
            }
            Err(error) if error.is_io_error() => published.failed = Some(error),
            Err(error) => debug!(%error, "the cluster took no publication"),
        }
    }
    published
}

async fn publish_channel(
    mut connection: ClusterConnection,
    messages: Vec<(usize, Message)>,
) -> RedisResult<Vec<(usize, bool)>> {
    let mut pipeline = Pipeline::with_capacity(messages.len());
    let mut places = Vec::with_capacity(messages.len());
    for (at, message) in messages {
        let command = if message.to_all {
            "PUBLISH"
        } else {
            "SPUBLISH"
        };
        let Message {
            channel, payload, ..
        } = message;
        pipeline.cmd(command).arg(channel).arg(payload);
        places.push(at);
    }
    let count = pipeline.len();
    let answers = connection.req_packed_commands(&pipeline, 0, count).await?;
    Ok(places
        .into_iter()
        .zip(answers.iter().map(acknowledged))
        .collect())
}

/// Whether `answer` is that of a command that was carried out.
pub fn acknowledged(answer: &Value) -> bool {
    if let Value::ServerError(error) = answer {
        debug!(%error, "redis refused a publication");
        return false;
    }
    true
}
