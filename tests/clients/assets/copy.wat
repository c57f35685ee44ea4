;; A module for WASI preview 1 that copies the files `a`, `b`, and so on, to standard output, until one does not exist.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 2)
  ;; 0 the name, 64 the descriptor, 72 the count, 80 one range of memory, 0x10000 the bytes
  (data (i32.const 0) "a")

  (func (export "_start")
    (i32.store (i32.const 80) (i32.const 0x10000))
    (loop $files
      (if (call $path_open
            (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 0)
            (i32.const 0) (i32.const 64))
        (then (return)))
      (block $end
        (loop $pieces
          (i32.store (i32.const 84) (i32.const 0x10000))
          (if (call $fd_read (i32.load (i32.const 64)) (i32.const 80) (i32.const 1) (i32.const 72))
            (then unreachable))
          (i32.store (i32.const 84) (i32.load (i32.const 72)))
          (br_if $end (i32.eqz (i32.load (i32.const 72))))
          (if (call $fd_write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 72)) (then unreachable))
          (br $pieces)))
      (drop (call $fd_close (i32.load (i32.const 64))))
      (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
      (br $files))))
