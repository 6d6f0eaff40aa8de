//! The folder of static files.

use std::os::unix::fs::symlink;
use std::path::Path;

use reqwest::Method;
use tempfile::TempDir;
use tidegate_tests::broker::Broker;
use tidegate_tests::http;
use tidegate_tests::raw::Raw;
use tidegate_tests::setup::Setup;

const HTML: &str = "<!doctype html><title>é</title>";

/// `pages` lies in a folder with a secret beside it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("secret.txt", "secret");
    write("pages/index.html", HTML);
    write("pages/app.mjs", "export {};");
    write("pages/client/index.mjs", "export default 1;");
    write("pages/a b.css", "* {}");
    write("pages/.hidden.html", "secret");
    write("pages/.git/config.txt", "secret");
    write("pages/binary.exe", "secret");
    write("pages/publish", "secret");
    let pages = folder.path().join("pages");
    symlink(folder.path().join("secret.txt"), pages.join("link.txt")).unwrap();
    symlink("/etc", pages.join("etc")).unwrap();
    symlink(pages.join("app.mjs"), pages.join("inside.mjs")).unwrap();
    folder
}

async fn serving(folder: &Path) -> Broker {
    let pages = folder.join("pages").display().to_string();
    Setup::new().env("TIDEGATE_PAGES", &pages).start().await
}

#[tokio::test]
async fn files_are_served_with_their_types_and_a_strict_policy() {
    let folder = folder();
    let broker = serving(folder.path()).await;
    for (path, kind, content) in [
        ("/", "text/html; charset=utf-8", HTML),
        ("/index.html", "text/html; charset=utf-8", HTML),
        ("/?a=b", "text/html; charset=utf-8", HTML),
        ("/app.mjs", "text/javascript; charset=utf-8", "export {};"),
        (
            "/inside.mjs",
            "text/javascript; charset=utf-8",
            "export {};",
        ),
        (
            "/client/index.mjs",
            "text/javascript; charset=utf-8",
            "export default 1;",
        ),
        ("/a%20b.css", "text/css; charset=utf-8", "* {}"),
    ] {
        let answer = broker.get(path).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, content),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), kind, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
    }
}

/// As they are on the wire: clients tidy such paths up.
#[tokio::test]
async fn what_is_not_a_visible_file_of_the_folder_is_not_there() {
    let folder = folder();
    let broker = serving(folder.path()).await;
    let mut raw = Raw::dial(broker.address).await;
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/..%2Fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/client/../../secret.txt",
        "/client/%2e%2e/index.html",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "/..%c0%afsecret.txt",
        "/%252e%252e/secret.txt",
        "//etc/passwd",
        "//index.html",
        "/./index.html",
        "/index.html/",
        "/index.html%00",
        "/index.html%00.css",
        "/%00",
        "/client%2findex.mjs",
        "/client",
        "/client/",
        "/link.txt",
        "/etc/passwd",
        "/etc/hosts.txt",
        "/.hidden.html",
        "/%2ehidden.html",
        "/.git/config.txt",
        "/binary.exe",
        "/gone.html",
        "/%",
        "/%zz.html",
    ] {
        let (status, body) = raw.get(path).await;
        let expected = r#"{"error":"not-found","message":"no such endpoint"}"#;
        assert_eq!((status, body.as_str()), (404, expected), "{path}");
    }
    let (status, body) = raw.get("/").await;
    assert_eq!((status, body.as_str()), (200, HTML));
}

#[tokio::test]
async fn endpoints_come_before_files_and_other_methods_find_none() {
    let folder = folder();
    let broker = serving(folder.path()).await;
    assert_eq!(broker.get("/publish").await.status, 405);
    assert_eq!(broker.get("/healthz").await.body, "ok\n");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = http::try_request(method.clone(), &broker.url("/index.html"), &[], "").await;
        assert_eq!(answer.unwrap().status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let folder = folder();
    let broker = serving(folder.path()).await;
    let url = broker.url("/app.mjs");
    let first = broker.get("/app.mjs").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let again = http::get(&url, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    assert_eq!(again.header("cache-control"), "no-cache");
    std::fs::write(folder.path().join("pages/app.mjs"), "export { };").unwrap();
    let changed = http::get(&url, &[("if-none-match", &tag)]).await;
    assert_eq!(
        (changed.status, changed.body.as_str()),
        (200, "export { };")
    );
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn head_is_get_without_the_content() {
    let folder = folder();
    let broker = serving(folder.path()).await;
    let get = broker.get("/").await;
    let head = http::try_request(Method::HEAD, &broker.url("/"), &[], "").await;
    let head = head.unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for name in ["content-length", "content-type", "etag"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), HTML.len().to_string());
    let gone = http::try_request(Method::HEAD, &broker.url("/gone.html"), &[], "").await;
    assert_eq!(gone.unwrap().status, 404);
}

#[tokio::test]
async fn switched_off_there_are_none() {
    let setup = Setup::new().settings("[server]\npages = \"\"\n");
    let broker = setup.start().await;
    assert_eq!(broker.get("/").await.status, 404);
    let setup = Setup::new().settings("[server]\npages = \"gone\"\n");
    let (status, words) = setup.start_refused().await;
    assert!(!status.success());
    assert!(words.contains("server.pages"), "{words}");
    assert!(words.contains("gone is no folder"), "{words}");
}
