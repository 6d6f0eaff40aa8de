;; A whole plugin by hand: small, exact, no toolchain. `guest.rs` fills the {holes}.
;;
;; What `authorize` does is told by the topic's first letter:
;;   a allow, d deny, r deny and let it be remembered for a minute, t trap, l loop for ever,
;;   m take 1 GiB, b answer with a string outside memory
;; and by settings: one that holds a `!` makes `a` deny.
(component
  {imports}

  (core module $guest
    {core_imports}
    (memory (export "memory") 1)
    (global $heap (mut i32) (i32.const 8192))
    (global $strict (mut i32) (i32.const 0))

    (data (i32.const 0) "not for you")
    (data (i32.const 16) "bad-settings")
    (data (i32.const 32) "deny is no list")
    (data (i32.const 48) "ann")
    (data (i32.const 56) "user:read:chat")
    ;; decision: allow, reason, remember-ms, recheck-after-ms
    (data (i32.const 256) "\01\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00" "\00\00\00\00")
    (data (i32.const 288) "\00\00\00\00" "\00\00\00\00" "\0b\00\00\00" "\00\00\00\00" "\00\00\00\00")
    (data (i32.const 320) "\00\00\00\00" "\00\00\00\00" "\0b\00\00\00" "\60\ea\00\00" "\00\00\00\00")
    (data (i32.const 352) "\00\00\00\00" "\00\00\00\7f" "\0b\00\00\00" "\00\00\00\00" "\00\00\00\00")
    ;; result: ok; error {code, message, retryable}; ok(identity {subject, scopes})
    (data (i32.const 384) "\00\00\00\00")
    (data (i32.const 416) "\01\00\00\00" "\10\00\00\00" "\0c\00\00\00" "\20\00\00\00" "\0f\00\00\00" "\00\00\00\00")
    (data (i32.const 448) "\00\00\00\00" "\30\00\00\00" "\03\00\00\00" "\38\00\00\00" "\0e\00\00\00")

    ;; Arguments live for one call.
    (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $heap))
      (global.set $heap (i32.add (global.get $heap) (local.get 3)))
      (local.get $at))
    (func (export "free") (param i32)
      (global.set $heap (i32.const 8192)))

    (func $starts_with (param $text i32) (param $letter i32) (result i32)
      (i32.eq (i32.load8_u (local.get $text)) (local.get $letter)))

    (func $authorize (export "authorize")
      (param $action i32) (param $topic i32) (param i32 i32 i32 i32 i32) (result i32)
      {authorize}
      (if (call $starts_with (local.get $topic) (i32.const 0x64)) (then (return (i32.const 288))))
      (if (call $starts_with (local.get $topic) (i32.const 0x72)) (then (return (i32.const 320))))
      (if (call $starts_with (local.get $topic) (i32.const 0x62)) (then (return (i32.const 352))))
      (if (call $starts_with (local.get $topic) (i32.const 0x74)) (then (unreachable)))
      (if (call $starts_with (local.get $topic) (i32.const 0x6c)) (then (loop (br 0))))
      (if (call $starts_with (local.get $topic) (i32.const 0x6d))
        (then (drop (memory.grow (i32.const 16384)))))
      (if (global.get $strict) (then (return (i32.const 288))))
      (i32.const 256))

    (func $principal (export "principal") (param $session i32) (param i32) (result i32)
      ;; A document that is an object stands for ann, anything else for nobody.
      (if (call $starts_with (local.get $session) (i32.const 0x7b))
        (then (return (i32.const 448))))
      (i32.const 416))

    (func $init (export "init") (param $at i32) (param $length i32) (result i32)
      (local $end i32)
      (local.set $end (i32.add (local.get $at) (local.get $length)))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (if (call $starts_with (local.get $at) (i32.const 0x21))
            (then (global.set $strict (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next)))
      {init}
      (i32.const 384))

    (func $self_test (export "self-test") (result i32)
      {self_test}
      (i32.const 384))

    (@custom "tidegate:manifest" "{manifest}"))

  {core_instance}

  (type $error (record (field "code" string) (field "message" string) (field "retryable" bool)))

  {authorizer}
  {principals}
  {lifecycle}
)
