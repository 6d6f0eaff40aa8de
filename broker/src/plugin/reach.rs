//! Which hosts a plugin may send requests to.

use std::fmt;

use url::Url;

/// A host that is granted: a name or address, and a port. A name is granted wherever it leads.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HttpHost {
    /// As URLs have it: lowercase, punycode, IPv6 in brackets.
    host: String,
    /// `None` = the scheme's own.
    port: Option<u16>,
}

impl HttpHost {
    /// Takes `host`, `host:port`, or a URL, of which only host and port count (without a port
    /// the one of its scheme).
    ///
    /// # Errors
    ///
    /// Says why it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no host, host:port or http(s) URL");
        if text.starts_with("http://") || text.starts_with("https://") {
            let url = Url::parse(text).map_err(|_| wrong())?;
            return Ok(Self {
                host: url.host_str().ok_or_else(wrong)?.to_owned(),
                port: url.port_or_known_default(),
            });
        }
        if text.contains(['/', '\\', '@', '?', '#']) {
            return Err(wrong());
        }
        let url = Url::parse(&format!("http://{text}")).map_err(|_| wrong())?;
        let host = url.host_str().ok_or_else(wrong)?.to_owned();
        // Not the URL's own, which leaves a scheme's own port out.
        let port = text
            .rsplit_once(':')
            .filter(|_| !text.ends_with(']'))
            .and_then(|(_, port)| port.parse().ok());
        Ok(Self { host, port })
    }

    /// Whether a request to this URL is one to this host.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let own = match url.scheme() {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        url.host_str() == Some(&self.host)
            && url.port_or_known_default() == Some(self.port.unwrap_or(own))
    }
}

impl fmt::Display for HttpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl fmt::Debug for HttpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(granted: &str, url: &str) -> bool {
        let granted = HttpHost::parse(granted).unwrap_or_else(|error| panic!("{error}"));
        granted.covers(&Url::parse(url).expect("a URL"))
    }

    #[test]
    fn a_host_is_granted_with_the_port_of_the_scheme() {
        assert!(covers("Users.example.com", "https://users.EXAMPLE.com/1"));
        assert!(covers("users.example.com", "http://users.example.com:80/"));
        assert!(!covers(
            "users.example.com",
            "http://users.example.com:8080/"
        ));
        assert!(!covers(
            "users.example.com",
            "http://evil.users.example.com/"
        ));
        assert!(!covers("users.example.com", "ftp://users.example.com/"));
        assert!(covers("bücher.example", "http://xn--bcher-kva.example/"));
    }

    #[test]
    fn a_port_is_granted_alone() {
        assert!(covers("users:8080", "http://users:8080/"));
        assert!(covers("users:8080", "https://users:8080/"));
        assert!(!covers("users:8080", "http://users/"));
        assert!(covers("users:80", "http://users/"));
        assert!(!covers("users:80", "https://users/"));
        assert!(covers("[::1]:3000", "http://[::1]:3000/"));
        assert!(covers("[::1]", "http://[0::1]/"));
        assert!(!covers("[::1]", "http://[::1]:1/"));
    }

    #[test]
    fn a_url_is_its_host_and_port() {
        let shown = |text| HttpHost::parse(text).map(|host| host.to_string());
        assert_eq!(shown("http://users:3000/api?x"), Ok("users:3000".into()));
        assert_eq!(shown("https://users"), Ok("users:443".into()));
        assert!(covers("http://users", "http://users/any"));
        assert!(!covers("http://users", "https://users/any"));
    }

    #[test]
    fn what_is_no_host_is_told() {
        for bad in [
            "",
            "a/b",
            "me@users",
            "a:b:c",
            "users:99999",
            "http://",
            "a b",
        ] {
            let error = HttpHost::parse(bad).expect_err(bad);
            assert!(error.contains("is no host"), "{error}");
        }
    }
}
