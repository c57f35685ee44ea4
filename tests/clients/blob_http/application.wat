;; Reads ranges of blobs, and prints each result: "o", the length in 4 bytes and the bytes, or "e" for an error. The
;; test puts calls of $repeat and the digests in it.
(component
  (import "wharf:assets/blob@0.1.0" (instance $blob
    (export "read" (func (param "digest" string) (param "offset" u64) (param "length" u32) (result (result (list u8)))))))
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $io-error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output-stream (sub resource)))
    (export "error" (type $error (eq $io-error)))
    (type $stream-error= (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error=)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $output-stream)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (export "output-stream" (type $output-stream' (eq $output-stream)))
    (export "get-stdout" (func (result (own $output-stream'))))))

  (core module $memory
    (memory (export "memory") 64)
    ;; Each result replaces the one before.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))
  (core instance $memory (instantiate $memory))
  (core func $read (canon lower (func $blob "read")
    (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
    (memory (core memory $memory "memory"))))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $drop (canon resource.drop $output-stream))

  (core module $main
    (import "memory" "memory" (memory 64))
    (import "host" "read" (func $read (param i32 i32 i64 i32 i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "get" (func $get (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (global $out (mut i32) (i32.const 0))

    ;; One write takes at most 4096 bytes.
    (func $print (param $at i32) (param $length i32)
      (local $piece i32)
      (loop $pieces
        (local.set $piece
          (select (local.get $length) (i32.const 4096) (i32.lt_u (local.get $length) (i32.const 4096))))
        (call $write (global.get $out) (local.get $at) (local.get $piece) (i32.const 16))
        (if (i32.load8_u (i32.const 16)) (then unreachable))
        (local.set $at (i32.add (local.get $at) (local.get $piece)))
        (local.set $length (i32.sub (local.get $length) (local.get $piece)))
        (br_if $pieces (local.get $length))))

    ;; Reads a range some times, and prints the last result.
    (func $repeat (param $times i32) (param $digest i32) (param $digest_length i32) (param $offset i64) (param $length i32)
      (loop $reads
        (call $read
          (local.get $digest) (local.get $digest_length) (local.get $offset) (local.get $length) (i32.const 0))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $reads (local.get $times)))
      (if (i32.load8_u (i32.const 0))
        (then (call $print (i32.const 32) (i32.const 1)))
        (else
          (call $print (i32.const 33) (i32.const 1))
          (call $print (i32.const 8) (i32.const 4))
          (call $print (i32.load (i32.const 4)) (i32.load (i32.const 8))))))

    (func (export "run") (result i32)
      (global.set $out (call $get))
      ;; CALLS
      (call $drop (global.get $out))
      (i32.const 0))
    ;; DIGESTS
    (data (i32.const 32) "eo"))
  (core instance $main (instantiate $main
    (with "memory" (instance $memory))
    (with "host" (instance
      (export "read" (func $read))
      (export "write" (func $write))
      (export "get" (func $get))
      (export "drop" (func $drop))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))
