;; Code that writes streams.
(core module $streaming
  ;; Memory: the nodes as metadata.wat describes them, and a page for each open stream behind the tables. The page holds
  ;; the state of the task that writes the stream:
  ;;    0 stream   writable end; 0 after the end
  ;;    4 outcome  writable end of the future
  ;;    8 set      waitable set with both
  ;;   12 node     the file or directory
  ;;   24 chunk    address of the loaded items that the reader has not taken
  ;;   28          number of these items
  ;;   32 result   value for the future: result<_, error-code>, 20 bytes
  ;;   52 entries  1 for a stream of entries
  ;;   56 link     next page of the list of free pages
  ;;   64 next     first byte or entry that is not loaded yet, i64
  ;;   72 end      of the bytes or entries, i64
  ;;   80 buffer   65456 bytes, or 2727 entries of 24 bytes

  (import "tables" "memory" (memory 1))
  (import "contents" "load" (func $load-content (param i32 i32 i64 i32) (result i32)))
  (import "bytes" "new" (func $bytes.new (result i64)))
  (import "bytes" "write" (func $bytes.write (param i32 i32 i32) (result i32)))
  (import "bytes" "drop-writable" (func $bytes.drop-writable (param i32)))
  (import "bytes" "drop-readable" (func $bytes.drop-readable (param i32)))
  (import "bytes" "return" (func $bytes.return (param i32 i32)))
  (import "entries" "new" (func $entries.new (result i64)))
  (import "entries" "write" (func $entries.write (param i32 i32 i32) (result i32)))
  (import "entries" "drop-writable" (func $entries.drop-writable (param i32)))
  (import "entries" "return" (func $entries.return (param i32 i32)))
  (import "outcome" "new" (func $outcome.new (result i64)))
  (import "outcome" "write" (func $outcome.write (param i32 i32) (result i32)))
  (import "outcome" "drop-writable" (func $outcome.drop-writable (param i32)))
  (import "outcome" "return" (func $outcome.return (param i32)))
  (import "set" "new" (func $set.new (result i32)))
  (import "set" "join" (func $set.join (param i32 i32)))
  (import "set" "drop" (func $set.drop (param i32)))
  (import "context" "get" (func $context.get (result i32)))
  (import "context" "set" (func $context.set (param i32)))

  ;; Cases of error-code.
  (global $io i32 (i32.const 12))
  (global $is-directory i32 (i32.const 13))
  (global $not-directory i32 (i32.const 23))
  (global $read-only i32 (i32.const 32))
  ;; The result of a write that waits for the reader, and the event that ends this.
  (global $blocked i32 (i32.const -1))
  (global $stream-write i32 (i32.const 3))

  (global $root i32 (i32.const 128))
  ;; The first page of the list of free pages, or 0.
  (global $free-page (mut i32) (i32.const 0))

  (func $content (param $node i32) (result i32)
    (i32.load offset=12 (local.get $node)))

  ;; Each function returns the readable ends at once. Its task writes until the reader has all or drops its end.

  (func (export "read") (param $node i32) (param $offset i64) (result i32)
    (local $stream i64)
    (local $outcome i64)
    (local $task i32)
    (call $bytes.return
      (i32.wrap_i64 (local.tee $stream (call $bytes.new)))
      (i32.wrap_i64 (local.tee $outcome (call $outcome.new))))
    (local.set $task (call $open (local.get $node) (local.get $stream) (local.get $outcome)))
    (if (call $content (local.get $node))
      (then
        (i64.store offset=72 (local.get $task) (i64.load offset=16 (local.get $node)))
        (i64.store offset=64 (local.get $task)
          (select (local.get $offset) (i64.load offset=16 (local.get $node))
            (i64.lt_u (local.get $offset) (i64.load offset=16 (local.get $node))))))
      (else (call $set-error (local.get $task) (global.get $is-directory))))
    (call $write (local.get $task)))

  (func (export "read-directory") (param $node i32) (result i32)
    (local $stream i64)
    (local $outcome i64)
    (local $task i32)
    (call $entries.return
      (i32.wrap_i64 (local.tee $stream (call $entries.new)))
      (i32.wrap_i64 (local.tee $outcome (call $outcome.new))))
    (local.set $task (call $open (local.get $node) (local.get $stream) (local.get $outcome)))
    (i32.store offset=52 (local.get $task) (i32.const 1))
    (if (call $content (local.get $node))
      (then (call $set-error (local.get $task) (global.get $not-directory)))
      (else
        (i64.store offset=72 (local.get $task) (i64.extend_i32_u (i32.load offset=20 (local.get $node))))))
    (call $write (local.get $task)))

  ;; Drops the bytes that a caller wants to write. The future gives `read-only`.
  (func (export "refuse") (param $bytes i32) (result i32)
    (local $outcome i64)
    (local $task i32)
    (call $bytes.drop-readable (local.get $bytes))
    (call $outcome.return (i32.wrap_i64 (local.tee $outcome (call $outcome.new))))
    (local.set $task (call $open (global.get $root) (i64.const 0) (local.get $outcome)))
    (call $set-error (local.get $task) (global.get $read-only))
    (call $write (local.get $task)))

  (func (export "callback") (param $event i32) (param $end i32) (param $result i32) (result i32)
    (local $task i32)
    (local.set $task (call $context.get))
    (if (i32.eq (local.get $event) (global.get $stream-write))
      (then
        (call $advance (local.get $task) (local.get $result))
        (return (call $write (local.get $task)))))
    (call $close (local.get $task)))

  ;; Returns a new task for the writable ends, which are the upper halves of the pairs.
  (func $open (param $node i32) (param $stream i64) (param $outcome i64) (result i32)
    (local $task i32)
    (local.set $task (global.get $free-page))
    (if (local.get $task)
      (then (global.set $free-page (i32.load offset=56 (local.get $task))))
      (else
        (local.set $task (memory.grow (i32.const 1)))
        (if (i32.eq (local.get $task) (i32.const -1)) (then (unreachable)))
        (local.set $task (i32.shl (local.get $task) (i32.const 16)))))
    (memory.fill (local.get $task) (i32.const 0) (i32.const 80))
    (i32.store (local.get $task) (i32.wrap_i64 (i64.shr_u (local.get $stream) (i64.const 32))))
    (i32.store offset=4 (local.get $task) (i32.wrap_i64 (i64.shr_u (local.get $outcome) (i64.const 32))))
    (i32.store offset=8 (local.get $task) (call $set.new))
    (i32.store offset=12 (local.get $task) (local.get $node))
    (call $context.set (local.get $task))
    (local.get $task))

  (func $set-error (param $task i32) (param $error i32)
    (i32.store8 offset=32 (local.get $task) (i32.const 1))
    (i32.store8 offset=36 (local.get $task) (local.get $error)))

  ;; Writes as much as the reader takes now. Returns the code for the runtime: exit, or wait for the reader.
  (func $write (param $task i32) (result i32)
    (local $result i32)
    (if (i32.load (local.get $task))
      (then
        (loop $chunks
          (call $load (local.get $task))
          (if (i32.load offset=28 (local.get $task))
            (then
              (local.set $result (call $write-chunk (local.get $task)))
              (if (i32.eq (local.get $result) (global.get $blocked))
                (then (return (call $wait (local.get $task) (i32.load (local.get $task))))))
              (call $advance (local.get $task) (local.get $result))
              (br $chunks))))
        (call $close-stream (local.get $task))))
    (if (i32.eq
          (call $outcome.write (i32.load offset=4 (local.get $task)) (i32.add (local.get $task) (i32.const 32)))
          (global.get $blocked))
      (then (return (call $wait (local.get $task) (i32.load offset=4 (local.get $task))))))
    (call $close (local.get $task)))

  ;; Returns the code for the runtime: 2 with the set to wait for.
  (func $wait (param $task i32) (param $end i32) (result i32)
    (call $set.join (local.get $end) (i32.load offset=8 (local.get $task)))
    (i32.or (i32.const 2) (i32.shl (i32.load offset=8 (local.get $task)) (i32.const 4))))

  (func $write-chunk (param $task i32) (result i32)
    (local $stream i32)
    (local $chunk i32)
    (local $count i32)
    (local.set $stream (i32.load (local.get $task)))
    (local.set $chunk (i32.load offset=24 (local.get $task)))
    (local.set $count (i32.load offset=28 (local.get $task)))
    (if (result i32) (i32.load offset=52 (local.get $task))
      (then (call $entries.write (local.get $stream) (local.get $chunk) (local.get $count)))
      (else (call $bytes.write (local.get $stream) (local.get $chunk) (local.get $count)))))

  ;; Updates the task after a write. The result has the number of items taken. Its lowest four bits are not 0 if the
  ;; reader has dropped its end.
  (func $advance (param $task i32) (param $result i32)
    (local $count i32)
    (local.set $count (i32.shr_u (local.get $result) (i32.const 4)))
    (i32.store offset=28 (local.get $task)
      (i32.sub (i32.load offset=28 (local.get $task)) (local.get $count)))
    (i32.store offset=24 (local.get $task)
      (i32.add (i32.load offset=24 (local.get $task))
        (i32.mul (local.get $count)
          (select (i32.const 24) (i32.const 1) (i32.load offset=52 (local.get $task))))))
    (if (i32.and (local.get $result) (i32.const 0xf))
      (then
        (i32.store offset=28 (local.get $task) (i32.const 0))
        (call $end (local.get $task)))))

  ;; Leaves out what is not loaded yet.
  (func $end (param $task i32)
    (i64.store offset=64 (local.get $task) (i64.load offset=72 (local.get $task))))

  ;; Loads the next chunk if the reader has taken the one before.
  (func $load (param $task i32)
    (local $node i32)
    (local $next i64)
    (local $rest i64)
    (local $limit i64)
    (local $count i32)
    (if (i32.load offset=28 (local.get $task)) (then (return)))
    (local.set $node (i32.load offset=12 (local.get $task)))
    (local.set $next (i64.load offset=64 (local.get $task)))
    (local.set $limit (select (i64.const 2727) (i64.const 65456) (i32.load offset=52 (local.get $task))))
    (local.set $rest (i64.sub (i64.load offset=72 (local.get $task)) (local.get $next)))
    (if (i64.gt_u (local.get $rest) (local.get $limit)) (then (local.set $rest (local.get $limit))))
    (local.set $count (i32.wrap_i64 (local.get $rest)))
    (i64.store offset=64 (local.get $task) (i64.add (local.get $next) (local.get $rest)))
    (i32.store offset=24 (local.get $task) (i32.add (local.get $task) (i32.const 80)))
    (i32.store offset=28 (local.get $task) (local.get $count))
    (if (i32.load offset=52 (local.get $task))
      (then
        (call $load-entries
          (i32.add (i32.load offset=16 (local.get $node)) (i32.shl (i32.wrap_i64 (local.get $next)) (i32.const 5)))
          (i32.add (local.get $task) (i32.const 80))
          (local.get $count)))
      (else
        (if (call $load-content (i32.sub (call $content (local.get $node)) (i32.const 1))
              (i32.add (local.get $task) (i32.const 80)) (local.get $next) (local.get $count))
          (then
            (call $set-error (local.get $task) (global.get $io))
            (i32.store offset=28 (local.get $task) (i32.const 0))
            (call $end (local.get $task)))))))

  ;; Writes values of directory-entry.
  (func $load-entries (param $node i32) (param $to i32) (param $count i32)
    (loop $entries
      (if (local.get $count)
        (then
          ;; directory or regular-file
          (i32.store8 (local.get $to) (select (i32.const 5) (i32.const 2) (call $content (local.get $node))))
          (i32.store offset=16 (local.get $to) (i32.load (local.get $node)))
          (i32.store offset=20 (local.get $to) (i32.load offset=4 (local.get $node)))
          (local.set $node (i32.add (local.get $node) (i32.const 32)))
          (local.set $to (i32.add (local.get $to) (i32.const 24)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $entries)))))

  (func $close-stream (param $task i32)
    (if (i32.load offset=52 (local.get $task))
      (then (call $entries.drop-writable (i32.load (local.get $task))))
      (else (call $bytes.drop-writable (i32.load (local.get $task)))))
    (i32.store (local.get $task) (i32.const 0)))

  ;; Ends a task. Returns the code for the runtime: exit.
  (func $close (param $task i32) (result i32)
    (call $outcome.drop-writable (i32.load offset=4 (local.get $task)))
    (call $set.drop (i32.load offset=8 (local.get $task)))
    (i32.store offset=56 (local.get $task) (global.get $free-page))
    (global.set $free-page (local.get $task))
    (i32.const 0)))
