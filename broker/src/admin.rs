use std::net::SocketAddr;
#[derive(Clone)]
pub struct AdminConfig {
    pub bind: Option<SocketAddr>,
}
