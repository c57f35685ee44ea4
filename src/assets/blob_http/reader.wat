;; Reads a range of a blob. Results of the host are at 8, the result of `read` is at 64. The value of the header is at
;; 88. The path has space for a digest at its end. The bytes of the blob begin at $free.
(core module $reader
  (import "memory" "memory" (memory 1))
  (import "memory" "next" (global $next (mut i32)))
  (import "memory" "scheme" (global $scheme i32))
  (import "memory" "authority" (global $authority i32))
  (import "memory" "authority-length" (global $authority_length i32))
  (import "memory" "path" (global $path i32))
  (import "memory" "path-length" (global $path_length i32))
  (import "memory" "free" (global $free i32))
  (import "host" "fields" (func $new_fields (result i32)))
  (import "host" "append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "host" "request" (func $new_request (param i32) (result i32)))
  (import "host" "set-scheme" (func $set_scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "host" "set-authority" (func $set_authority (param i32 i32 i32 i32) (result i32)))
  (import "host" "set-path" (func $set_path (param i32 i32 i32 i32) (result i32)))
  (import "host" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "host" "subscribe" (func $subscribe (param i32) (result i32)))
  (import "host" "block" (func $block (param i32)))
  (import "host" "get" (func $get (param i32 i32)))
  (import "host" "status" (func $status (param i32) (result i32)))
  (import "host" "consume" (func $consume (param i32 i32)))
  (import "host" "stream" (func $stream (param i32 i32)))
  (import "host" "blocking-read" (func $blocking_read (param i32 i64 i32)))
  (import "host" "drop-request" (func $drop_request (param i32)))
  (import "host" "drop-future" (func $drop_future (param i32)))
  (import "host" "drop-pollable" (func $drop_pollable (param i32)))
  (import "host" "drop-response" (func $drop_response (param i32)))
  (import "host" "drop-body" (func $drop_body (param i32)))
  (import "host" "drop-stream" (func $drop_stream (param i32)))
  (import "host" "drop-error" (func $drop_error (param i32)))

  ;; Outcomes of an attempt. A second attempt may succeed after $broken.
  (global $complete i32 (i32.const 0))
  (global $failed i32 (i32.const 1))
  (global $broken i32 (i32.const 2))

  (global $range_length (mut i32) (i32.const 0))

  ;; Writes a number in decimal digits, and returns the address behind them.
  (func $write_decimal (param $to i32) (param $number i64) (result i32)
    (if (i64.ge_u (local.get $number) (i64.const 10))
      (then (local.set $to
        (call $write_decimal (local.get $to) (i64.div_u (local.get $number) (i64.const 10))))))
    (i32.store8 (local.get $to)
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
    (i32.add (local.get $to) (i32.const 1)))

  ;; Writes the value of the header behind "bytes=", which the memory has.
  (func $write_range (param $first i64) (param $last i64)
    (local $end i32)
    (local.set $end (call $write_decimal (i32.const 94) (local.get $first)))
    (i32.store8 (local.get $end) (i32.const 45))
    (local.set $end (call $write_decimal (i32.add (local.get $end) (i32.const 1)) (local.get $last)))
    (global.set $range_length (i32.sub (local.get $end) (i32.const 88))))

  ;; Returns whether a string is "sha256:" with 64 hex digits, so that it cannot change the rest of the path.
  (func $is_digest (param $at i32) (param $length i32) (result i32)
    (local $end i32) (local $byte i32)
    (if (i32.ne (local.get $length) (i32.const 71)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load (local.get $at)) (i32.const 0x32616873)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load offset=3 (local.get $at)) (i32.const 0x3a363532)) (then (return (i32.const 0))))
    (local.set $end (i32.add (local.get $at) (i32.const 71)))
    (local.set $at (i32.add (local.get $at) (i32.const 7)))
    (loop $digits
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.ge_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10))
        (then
          (if (i32.ge_u (i32.sub (local.get $byte) (i32.const 97)) (i32.const 6))
            (then (return (i32.const 0))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $digits (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 1))

  ;; Returns whether the memory has space for a number of bytes at $free.
  (func $reserve (param $bytes i64) (result i32)
    (local $pages i32)
    (local.set $bytes (i64.add (local.get $bytes) (i64.extend_i32_u (global.get $free))))
    (local.set $pages
      (i32.sub
        (i32.wrap_i64 (i64.shr_u (i64.add (local.get $bytes) (i64.const 0xffff)) (i64.const 16)))
        (memory.size)))
    (if (i32.le_s (local.get $pages) (i32.const 0)) (then (return (i32.const 1))))
    (i32.ne (memory.grow (local.get $pages)) (i32.const -1)))

  ;; Sends the request. The handle of the future is at 16 after success.
  (func $send (result i32)
    (local $fields i32) (local $request i32)
    (local.set $fields (call $new_fields))
    ;; If the host refuses the header, the answer has the wrong number of bytes.
    (call $append
      (local.get $fields) (i32.const 80) (i32.const 5) (i32.const 88) (global.get $range_length) (i32.const 8))
    (local.set $request (call $new_request (local.get $fields)))
    (if
      (i32.or
        (call $set_scheme
          (local.get $request) (i32.const 1) (global.get $scheme) (i32.const 0) (i32.const 0))
        (i32.or
          (call $set_authority
            (local.get $request) (i32.const 1) (global.get $authority) (global.get $authority_length))
          (call $set_path
            (local.get $request) (i32.const 1) (global.get $path) (global.get $path_length))))
      (then
        (call $drop_request (local.get $request))
        (return (global.get $failed))))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 8))
    (if (i32.load8_u (i32.const 8)) (then (return (global.get $broken))))
    (global.get $complete))

  ;; Waits for the response. Its handle is at 32 after success.
  (func $receive (result i32)
    (local $future i32) (local $pollable i32)
    (local.set $future (i32.load (i32.const 16)))
    (local.set $pollable (call $subscribe (local.get $future)))
    (call $block (local.get $pollable))
    (call $drop_pollable (local.get $pollable))
    (call $get (local.get $future) (i32.const 8))
    (call $drop_future (local.get $future))
    ;; An option, and two results in it.
    (if
      (i32.or
        (i32.eqz (i32.load8_u (i32.const 8)))
        (i32.or (i32.load8_u (i32.const 16)) (i32.load8_u (i32.const 24))))
      (then (return (global.get $broken))))
    (global.get $complete))

  ;; Reads a stream to its end. The host puts each piece behind the one before.
  (func $read_stream (param $stream i32) (param $length i32) (result i32)
    (local $read i64)
    (loop $pieces
      (global.set $next (i32.add (global.get $free) (i32.wrap_i64 (local.get $read))))
      ;; One byte more shows that the body is too long.
      (call $blocking_read
        (local.get $stream)
        (i64.sub (i64.add (i64.extend_i32_u (local.get $length)) (i64.const 1)) (local.get $read))
        (i32.const 8))
      (if (i32.load8_u (i32.const 8))
        (then
          (if (i32.eqz (i32.load8_u (i32.const 12)))
            (then
              (call $drop_error (i32.load (i32.const 16)))
              (return (global.get $broken))))
          (return
            (select (global.get $complete) (global.get $failed)
              (i64.eq (local.get $read) (i64.extend_i32_u (local.get $length)))))))
      (local.set $read (i64.add (local.get $read) (i64.load32_u (i32.const 16))))
      (br_if $pieces (i64.le_u (local.get $read) (i64.extend_i32_u (local.get $length)))))
    (global.get $failed))

  (func $read_body (param $response i32) (param $length i32) (result i32)
    (local $body i32) (local $stream i32) (local $outcome i32)
    (local.set $outcome (global.get $failed))
    (call $consume (local.get $response) (i32.const 8))
    (if (i32.load8_u (i32.const 8)) (then (return (local.get $outcome))))
    (local.set $body (i32.load (i32.const 12)))
    (call $stream (local.get $body) (i32.const 8))
    (if (i32.eqz (i32.load8_u (i32.const 8)))
      (then
        (local.set $stream (i32.load (i32.const 12)))
        (local.set $outcome (call $read_stream (local.get $stream) (local.get $length)))
        (call $drop_stream (local.get $stream))))
    (call $drop_body (local.get $body))
    (local.get $outcome))

  ;; A server that ignores ranges answers 200 with the whole blob, which may be the range.
  (func $read_response (param $response i32) (param $offset i64) (param $length i32) (result i32)
    (local $status i32)
    (local.set $status (call $status (local.get $response)))
    (if
      (i32.or
        (i32.eq (local.get $status) (i32.const 206))
        (i32.and (i32.eq (local.get $status) (i32.const 200)) (i64.eqz (local.get $offset))))
      (then (return (call $read_body (local.get $response) (local.get $length)))))
    (select (global.get $broken) (global.get $failed) (i32.ge_u (local.get $status) (i32.const 500))))

  (func $attempt (param $offset i64) (param $length i32) (result i32)
    (local $response i32) (local $outcome i32)
    (global.set $next (global.get $free))
    (local.set $outcome (call $send))
    (if (local.get $outcome) (then (return (local.get $outcome))))
    (local.set $outcome (call $receive))
    (if (local.get $outcome) (then (return (local.get $outcome))))
    (local.set $response (i32.load (i32.const 32)))
    (local.set $outcome
      (call $read_response (local.get $response) (local.get $offset) (local.get $length)))
    (call $drop_response (local.get $response))
    (local.get $outcome))

  (func $read (param $digest i32) (param $digest_length i32) (param $offset i64) (param $length i32) (result i32)
    (local $last i64) (local $outcome i32)
    (if (i32.eqz (call $is_digest (local.get $digest) (local.get $digest_length)))
      (then (return (global.get $failed))))
    (if (i32.eqz (local.get $length)) (then (return (global.get $complete))))
    (local.set $last
      (i64.add (local.get $offset) (i64.sub (i64.extend_i32_u (local.get $length)) (i64.const 1))))
    (if (i64.lt_u (local.get $last) (local.get $offset)) (then (return (global.get $failed))))
    (call $write_range (local.get $offset) (local.get $last))
    (memory.copy
      (i32.sub (i32.add (global.get $path) (global.get $path_length)) (i32.const 71))
      (local.get $digest)
      (i32.const 71))
    (if (i32.eqz (call $reserve (i64.add (i64.extend_i32_u (local.get $length)) (i64.const 1))))
      (then (return (global.get $failed))))
    (local.set $outcome (call $attempt (local.get $offset) (local.get $length)))
    (if (i32.eq (local.get $outcome) (global.get $broken))
      (then (local.set $outcome (call $attempt (local.get $offset) (local.get $length)))))
    (local.get $outcome))

  (func (export "read") (param $digest i32) (param $digest_length i32) (param $offset i64) (param $length i32) (result i32)
    (i32.store8 (i32.const 64)
      (i32.ne
        (call $read
          (local.get $digest) (local.get $digest_length) (local.get $offset) (local.get $length))
        (global.get $complete)))
    (i32.store (i32.const 68) (global.get $free))
    (i32.store (i32.const 72) (local.get $length))
    ;; The caller reads the result before it allocates again.
    (global.set $next (global.get $free))
    (i32.const 64)))
