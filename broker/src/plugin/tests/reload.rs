//! New generations, and candidates that do not make it.

use std::os::unix::fs::PermissionsExt;

use super::*;

const TRAPS: &str = "(unreachable)";

fn strict() -> Vec<u8> {
    Guest {
        authorize: "(return (i32.const 288))",
        ..Guest::default()
    }
    .version("2.0.0")
    .build()
}

#[test]
fn a_new_file_serves_after_the_switch_and_not_before() {
    let bed = Bed::good();
    let (host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "remember:me"), denied());
    bed.replace(&strict());
    host.request_reload("guest").unwrap();
    until("the next generation", || status(&host).generation == 2);
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
    assert!(switch(&mut worker), "listeners are to be asked again");
    assert_eq!(verdict(&mut worker, "a:b"), denied());
    let status = status(&host);
    assert_eq!(status.version, "2.0.0");
    assert_eq!(status.state, State::Probation);
}

#[test]
fn what_was_remembered_is_void_after_a_switch() {
    let bed = Bed::good();
    let (host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "remember:me"), denied());
    host.request_reload("guest").unwrap();
    assert!(switch(&mut worker));
    let calls = status(&host).calls;
    assert_eq!(
        worker
            .recheck("remember:me", "ann", "user:read:chat")
            .map(|d| d.verdict),
        Ok(denied())
    );
    assert_eq!(status(&host).calls, calls + 1);
    assert_eq!(verdict(&mut worker, "remember:me"), denied());
    assert_eq!(
        status(&host).calls,
        calls + 1,
        "the new answer is remembered"
    );
}

#[test]
fn every_worker_is_told() {
    let bed = Bed::good();
    let (host, workers) = bed.start();
    bed.replace(&strict());
    host.request_reload("guest").unwrap();
    assert_eq!(workers.len(), 2);
    for mut worker in workers {
        assert!(switch(&mut worker));
        assert_eq!(verdict(&mut worker, "a:b"), denied());
    }
}

#[test]
fn a_watched_file_is_noticed_however_it_is_written() {
    let mut bed = Bed::good();
    bed.config.watch = true;
    let (host, mut worker) = bed.serve();

    bed.replace(&strict());
    assert!(switch(&mut worker));
    assert_eq!(verdict(&mut worker, "a:b"), denied());

    std::fs::write(bed.path(), Guest::default().version("3.0.0").build()).unwrap();
    assert!(switch(&mut worker));
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);

    // As vim does it: the old file steps aside, a new one takes its name.
    let aside = bed.folder.path().join("guest.wasm~");
    std::fs::rename(bed.path(), &aside).unwrap();
    std::fs::write(bed.path(), strict()).unwrap();
    std::fs::remove_file(aside).unwrap();
    assert!(switch(&mut worker));
    assert_eq!(verdict(&mut worker, "a:b"), denied());
    assert_eq!(status(&host).generation, 4);
}

#[test]
fn a_change_of_settings_makes_a_new_generation() {
    let mut bed = Bed::good();
    let file = bed.folder.path().join("guest.toml");
    write(&file, "rule = \"open\"\n");
    bed.spec().settings = PluginSettings::File(file.clone());
    bed.config.watch = true;
    let (host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);

    write(&file, "rule = \"closed!\"\n");
    assert!(switch(&mut worker));
    assert_eq!(verdict(&mut worker, "a:b"), denied());

    write(&file, "rule = = \n");
    let error = refusal(&host, "guest.toml");
    assert!(error.contains("line 1"), "{error}");
    assert_eq!(verdict(&mut worker, "a:b"), denied());
}

#[test]
fn the_old_one_goes_on_when_a_candidate_is_broken() {
    let good = Guest::default().build();
    let no_init = Guest {
        init: TRAPS,
        ..Guest::default()
    };
    let no_export = Guest {
        exports_authorizer: false,
        ..Guest::default()
    };
    let bed = Bed::good();
    let (host, mut worker) = bed.serve();
    for (broken, says) in [
        (b"not wasm".to_vec(), "does not start with"),
        (
            good[..good.len() - 9].to_vec(),
            "is no WebAssembly component",
        ),
        (no_export.build(), "is missing"),
        (no_init.build(), "`init` failed"),
    ] {
        bed.replace(&broken);
        host.request_reload("guest").unwrap();
        refusal(&host, says);
        assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
        assert_eq!(status(&host).generation, 1);
        assert_eq!(status(&host).state, State::Serving);
    }
}

#[test]
fn a_candidate_that_traps_on_every_call_is_rolled_back_unseen() {
    let bed = Bed::good();
    let (host, mut workers) = bed.start();
    let (mut second, mut first) = (workers.pop().unwrap(), workers.pop().unwrap());
    let traps = Guest {
        authorize: TRAPS,
        ..Guest::default()
    };
    bed.replace(&traps.build());
    host.request_reload("guest").unwrap();
    assert!(switch(&mut first));
    assert!(switch(&mut second));
    until("the roll-back", || {
        assert_eq!(verdict(&mut first, "a:b"), Verdict::Allow);
        assert_eq!(verdict(&mut second, "a:b"), Verdict::Allow);
        status(&host).generation == 1
    });
    assert!(switch(&mut first), "listeners are to be asked again");
    assert!(switch(&mut second));
    assert_eq!(verdict(&mut first, "a:b"), Verdict::Allow);
    assert_eq!(verdict(&mut second, "a:b"), Verdict::Allow);
    let status = status(&host);
    assert_eq!(status.state, State::Serving);
    assert_eq!(status.traps, 3, "the burst that rolls back");
}

#[test]
fn a_recheck_shows_a_candidates_failure() {
    let bed = Bed::good();
    let (host, mut worker) = bed.serve();
    let traps = Guest {
        authorize: TRAPS,
        ..Guest::default()
    };
    bed.replace(&traps.build());
    host.request_reload("guest").unwrap();
    assert!(switch(&mut worker));
    assert_eq!(worker.recheck("a:b", "ann", ""), Err(CallError::Trapped));
    assert_eq!(status(&host).traps, 1);
}

#[test]
fn a_failed_candidate_is_not_tried_again_unless_asked() {
    let mut bed = Bed::good();
    bed.config.watch = true;
    let (host, mut worker) = bed.serve();
    let broken = Guest {
        self_test: TRAPS,
        ..Guest::default()
    }
    .build();
    bed.replace(&broken);
    refusal(&host, "`self-test` failed");

    // The same bytes in a new file, then a good file: only that one makes a generation.
    bed.replace(&broken);
    bed.replace(&strict());
    assert!(switch(&mut worker));
    assert_eq!(status(&host).generation, 2);

    bed.replace(&broken);
    host.request_reload("guest").unwrap();
    refusal(&host, "`self-test` failed");
    assert_eq!(status(&host).generation, 2);
}

#[test]
fn a_new_generation_is_kept_after_its_probation() {
    let mut bed = Bed::good();
    bed.config.probation_calls = 5;
    let (host, mut worker) = bed.serve();
    bed.replace(&strict());
    host.request_reload("guest").unwrap();
    assert!(switch(&mut worker));
    for _ in 0..5 {
        assert_eq!(verdict(&mut worker, "a:b"), denied());
    }
    assert_eq!(status(&host).state, State::Serving);
    assert!(!switch(&mut worker), "nobody need be asked again");
    assert_eq!(listen(&mut worker, "a:b").map(|d| d.verdict), Ok(denied()));
}

#[test]
fn a_reload_of_nobody_is_refused() {
    let (host, _worker) = Bed::good().serve();
    let unknown = UnknownPlugin("nobody".into());
    assert_eq!(host.request_reload("nobody"), Err(unknown));
}

#[test]
fn compiled_code_is_kept_for_the_owner_alone() {
    let bed = Bed::good();
    drop(bed.start());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bed.config.cache), 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(&bed.config.cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("one compiled file, not {files:?}");
    };
    assert_eq!(mode(file), 0o600);
    let written = std::fs::metadata(file).unwrap().modified().unwrap();
    drop(bed.start());
    assert_eq!(
        std::fs::metadata(file).unwrap().modified().unwrap(),
        written
    );

    // A folder that others may write is not trusted, and not needed.
    std::fs::set_permissions(&bed.config.cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (_host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
}

#[test]
fn compiled_code_that_is_broken_is_made_anew() {
    let bed = Bed::good();
    drop(bed.start());
    let entry = std::fs::read_dir(&bed.config.cache)
        .unwrap()
        .next()
        .unwrap();
    let file = entry.unwrap().path();
    // A new file: the first host's threads may still run the code of the old one.
    let draft = bed.folder.path().join("draft");
    write(&draft, "half");
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&draft, &file).unwrap();
    let (_host, mut worker) = bed.serve();
    assert_eq!(verdict(&mut worker, "a:b"), Verdict::Allow);
    assert!(std::fs::metadata(&file).unwrap().len() > 4);
}
