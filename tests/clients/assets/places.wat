;; A module for WASI preview 1 that reads 16 bytes of `model` in four places: at 0, at 33 MiB and 7 bytes, 100 bytes
;; behind that, and 10 bytes before the end of 64 MiB. Prints for each place the error and the bytes, in hexadecimal.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "model")
  (data (i32.const 16) "0123456789abcdef")
  ;; 64 the descriptor, 72 the count, 80 one range of memory, 128 the bytes, 256 the line
  (global $out (mut i32) (i32.const 256))

  (func $put (param $byte i32)
    (i32.store8 (global.get $out) (local.get $byte))
    (global.set $out (i32.add (global.get $out) (i32.const 1))))

  (func $hex (param $byte i32)
    (call $put (i32.load8_u offset=16 (i32.shr_u (local.get $byte) (i32.const 4))))
    (call $put (i32.load8_u offset=16 (i32.and (local.get $byte) (i32.const 15)))))

  (func $range (param $at i32) (param $length i32)
    (i32.store (i32.const 80) (local.get $at))
    (i32.store (i32.const 84) (local.get $length)))

  (func $print (param $error i32)
    (local $at i32)
    (call $hex (local.get $error))
    (call $put (i32.const 32))
    (if (i32.eqz (local.get $error))
      (then
        (loop $bytes
          (if (i32.lt_u (local.get $at) (i32.load (i32.const 72)))
            (then
              (call $hex (i32.load8_u offset=128 (local.get $at)))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br $bytes))))))
    (call $put (i32.const 10))
    (call $range (i32.const 256) (i32.sub (global.get $out) (i32.const 256)))
    (drop (call $fd_write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 72)))
    (global.set $out (i32.const 256)))

  (func $read (param $offset i64)
    (call $range (i32.const 128) (i32.const 16))
    (call $print
      (call $fd_pread
        (i32.load (i32.const 64)) (i32.const 80) (i32.const 1) (local.get $offset) (i32.const 72))))

  (func (export "_start")
    (drop
      (call $path_open
        (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 0) (i64.const 6) (i64.const 0) (i32.const 0)
        (i32.const 64)))
    (call $read (i64.const 0))
    (call $read (i64.const 0x2100007))
    (drop (call $fd_seek (i32.load (i32.const 64)) (i64.const 0x210006b) (i32.const 0) (i32.const 72)))
    (call $range (i32.const 128) (i32.const 16))
    (call $print (call $fd_read (i32.load (i32.const 64)) (i32.const 80) (i32.const 1) (i32.const 72)))
    (call $read (i64.const 0x3fffff6))))
