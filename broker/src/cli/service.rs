//! A request to a running broker in a service's name.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::RequestBuilder;
use url::Url;

use super::failure::print;
use super::{Failure, endpoint, settings, token};

/// The scope that the broker asks a service for.
const SCOPE: &str = "tidegate:publish";
const SUBJECT: &str = "tidegate-cli";
const TOKEN_TTL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(30);
/// What of an error's body is shown.
const SHOWN_BYTES: usize = 1_000;

/// Which broker, and the right to ask it.
#[derive(Debug, Args)]
pub(super) struct Service {
    /// A service token with the scope tidegate:publish
    #[arg(long)]
    token: Option<String>,
    #[arg(long, default_value = "http://localhost:4444", value_parser = endpoint::parse)]
    url: Url,
}

impl Service {
    /// Posts what `fill` makes of the request to `path` and prints the answer.
    pub(super) fn post(
        &self,
        file: Option<PathBuf>,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<(), Failure> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => {
                let settings = settings::reading(file)?.settings()?;
                let scopes = vec![SCOPE.to_owned()];
                token::mint(&settings, SUBJECT.to_owned(), scopes, TOKEN_TTL)?
            }
        };
        let target = endpoint::http(&self.url, path);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let answer = runtime.block_on(post(&target, &token, fill))?;
        print(&format!("{}\n", answer.trim_end())).map(drop)
    }
}

async fn post(
    target: &Url,
    token: &str,
    fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> anyhow::Result<String> {
    let place = endpoint::shown(target);
    let request = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("cannot make an HTTP client")?
        .post(target.clone())
        .bearer_auth(token);
    let response = fill(request)
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(|| format!("cannot reach {place}"))?;
    let status = response.status();
    let answer = response.text().await.map_err(reqwest::Error::without_url);
    let answer = answer.with_context(|| format!("{place} broke off its answer"))?;
    if !status.is_success() {
        let shown: String = answer.trim().chars().take(SHOWN_BYTES).collect();
        anyhow::bail!("{place} answered {status}: {shown}");
    }
    Ok(answer)
}
