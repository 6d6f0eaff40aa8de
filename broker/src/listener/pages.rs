//! A folder of static files: a page that is served beside the endpoints, from the same origin.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;

use super::reply::{self, Reply};
use crate::percent;

/// A larger file is none of a page's.
const FILE_BYTES: u64 = 4 << 20;

/// Files that are read and hashed beside each other, so that a burst of requests takes few threads.
const READS: usize = 8;

/// What may be served, by the file's ending; anything else is not there.
const TYPES: [(&str, &str); 11] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];

/// No script but the folder's own, no inline code, and no connection but to this broker.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// Of every answer from the folder.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // Kept, and asked about each time: a new version shows at the next load.
    (CACHE_CONTROL, "no-cache"),
];

/// The folder, shared by all workers.
#[derive(Clone)]
pub struct Pages {
    folder: Arc<Path>,
    reads: Arc<Semaphore>,
}

/// A file as it was read.
struct Page {
    content: Bytes,
    /// Of this version, with its quotes.
    tag: String,
}

impl Pages {
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            reads: Arc::new(Semaphore::new(READS)),
        }
    }

    /// The file that `path` (of the request, percent-encoded) names; `None` = there is none that may
    /// be served.
    pub(super) async fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Reply> {
        let (file, kind) = named(path)?;
        let turn = self.reads.clone().acquire_owned().await.ok()?;
        let folder = self.folder.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let page = read(&folder, &file).map(Page::new);
            drop(turn);
            page
        });
        Some(reading.await.ok()??.reply(kind, headers))
    }
}

impl Page {
    fn new(content: Bytes) -> Self {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, &content));
        let tag = format!("\"{hash}\"");
        Self { content, tag }
    }

    fn reply(self, kind: &'static str, asked: &HeaderMap) -> Reply {
        let mut reply = if is_known(asked, &self.tag) {
            let mut reply = Response::new(Full::new(Bytes::new()));
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
            reply
        } else {
            reply::bytes(self.content, kind)
        };
        let headers = reply.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(ETAG, tag);
        }
        reply
    }
}

/// Whether the browser has this version.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == tag || known == "*")
}

/// The relative path of a file that may be served, and its type. Each part is decoded by itself and
/// must be a plain, visible name.
fn named(path: &str) -> Option<(PathBuf, &'static str)> {
    let path = match path.strip_prefix('/')? {
        "" => "index.html",
        path => path,
    };
    let mut file = PathBuf::new();
    for part in path.split('/') {
        let name = percent::decode(part)?;
        let is_plain = !name.is_empty()
            && !name.starts_with('.')
            && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control());
        if !is_plain {
            return None;
        }
        file.push(name);
    }
    let ending = file.extension()?.to_str()?;
    let (_, kind) = TYPES.iter().find(|(known, _)| *known == ending)?;
    Some((file, kind))
}

/// The content of a regular file that lies in the folder itself, not behind a link out of it.
fn read(folder: &Path, file: &Path) -> Option<Bytes> {
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(file).canonicalize().ok()?;
    // Opening something else, such as a pipe, might wait for ever.
    if !path.starts_with(&folder) || !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    let opened = File::open(&path).ok()?;
    let length = opened
        .take(FILE_BYTES + 1)
        .read_to_end(&mut content)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "cannot read a page"))
        .ok()?;
    if length as u64 > FILE_BYTES {
        tracing::warn!(path = %path.display(), limit = FILE_BYTES, "a page is too large to be served");
        return None;
    }
    Some(content.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_visible_file_of_a_known_type() {
        let page = |path: &str| named(path).map(|(file, kind)| (file.display().to_string(), kind));
        let html = "text/html; charset=utf-8";
        let script = "text/javascript; charset=utf-8";
        assert_eq!(page("/"), Some(("index.html".to_owned(), html)));
        assert_eq!(page("/a%20b.html"), Some(("a b.html".to_owned(), html)));
        assert_eq!(
            page("/client/index.mjs"),
            Some(("client/index.mjs".to_owned(), script))
        );
        assert_eq!(
            page("/a..b/c.d.js"),
            Some(("a..b/c.d.js".to_owned(), script))
        );
    }

    #[test]
    fn what_could_lead_elsewhere_names_nothing() {
        for path in [
            "",
            "*",
            "index.html",
            "//index.html",
            "/a//index.html",
            "/index.html/",
            "/./index.html",
            "/../index.html",
            "/a/../index.html",
            "/%2e%2e/index.html",
            "/..%2findex.html",
            "/..%2Findex.html",
            "/a%2findex.html",
            "/a%5cindex.html",
            "/..\\index.html",
            "/c:index.html",
            "/index.html%00",
            "/index.html%00.css",
            "/%00",
            "/a%0aindex.html",
            "/.index.html",
            "/.git/index.html",
            "/%2eindex.html",
            "/%zz.html",
            "/%",
            "/%ff.html",
            "/index",
            "/index.exe",
            "/index.html.bak",
            "/client",
        ] {
            assert_eq!(named(path), None, "{path}");
        }
    }

    #[test]
    fn a_version_is_known_by_its_tag_in_any_list() {
        let known = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(value));
            is_known(&headers, "\"a\"")
        };
        for value in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(known(value), "{value}");
        }
        for value in ["\"b\"", "a", "", "\"A\""] {
            assert!(!known(value), "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn only_regular_files_in_the_folder_are_read() {
        let outside = tempfile::tempdir().expect("a folder");
        std::fs::write(outside.path().join("secret.txt"), "secret").expect("a file");
        let folder = outside.path().join("pages");
        std::fs::create_dir_all(folder.join("sub.txt")).expect("a folder");
        std::fs::write(folder.join("a.txt"), "a").expect("a file");
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, folder.join(name)).expect("a link");
        };
        link(&outside.path().join("secret.txt"), "out.txt");
        link(outside.path(), "up");
        link(Path::new("a.txt"), "in.txt");
        let content = |name: &str| read(&folder, Path::new(name));
        assert_eq!(content("a.txt"), Some(Bytes::from("a")));
        assert_eq!(content("in.txt"), Some(Bytes::from("a")));
        for name in ["out.txt", "up/secret.txt", "sub.txt", "gone.txt"] {
            assert_eq!(content(name), None, "{name}");
        }
    }

    #[test]
    fn a_file_above_the_limit_is_not_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = File::create(folder.path().join("a.txt")).expect("a file");
        file.set_len(FILE_BYTES).expect("a length");
        let length = || read(folder.path(), Path::new("a.txt")).map(|content| content.len() as u64);
        assert_eq!(length(), Some(FILE_BYTES));
        file.set_len(FILE_BYTES + 1).expect("a length");
        assert_eq!(length(), None);
    }
}
