;; Prints what it finds in its first preopened directory: one line for each path, and one for each entry.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)

  ;; Each path has its length before it. A path of 255 bytes ends the list.
  (data (i32.const 1024)
    "\05a.txt\07./a.txt\0aa.txt/../x\05empty\03sub\04sub/\0dsub//deep.txt\0csub/../a.txt\0fsub/../../a.txt"
    "\08../a.txt\02..\01.\00\06/a.txt\04nope\0anope/a.txt\06ca.txt\ff")

  (func $print (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $print_character (param $character i32)
    (i32.store8 (i32.const 128) (local.get $character))
    (call $print (i32.const 128) (i32.const 1)))

  ;; Prints a space and a decimal number.
  (func $print_number (param $number i32)
    (local $address i32)
    (local.set $address (i32.const 160))
    (loop $digits
      (local.set $address (i32.sub (local.get $address) (i32.const 1)))
      (i32.store8 (local.get $address)
        (i32.add (i32.const 0x30) (i32.rem_u (local.get $number) (i32.const 10))))
      (local.set $number (i32.div_u (local.get $number) (i32.const 10)))
      (br_if $digits (local.get $number)))
    (call $print_character (i32.const 0x20))
    (call $print (local.get $address) (i32.sub (i32.const 160) (local.get $address))))

  ;; Prints the error, the type and the size.
  (func $print_stat (param $path i32) (param $length i32)
    (local $error i32)
    (local.set $error (call $stat (i32.const 3) (i32.const 0) (local.get $path) (local.get $length) (i32.const 64)))
    (call $print_number (local.get $error))
    (if (i32.eqz (local.get $error))
      (then
        (call $print_number (i32.load8_u (i32.const 80)))
        ;; The size of a directory depends on the file system.
        (if (i32.eq (i32.load8_u (i32.const 80)) (i32.const 4))
          (then (call $print_number (i32.load (i32.const 96))))))))

  ;; Prints the error and the bytes that are read, at most 8.
  (func $print_read (param $file i32)
    (local $error i32)
    (i32.store (i32.const 0) (i32.const 8192))
    (i32.store (i32.const 4) (i32.const 8))
    (i32.store (i32.const 16) (i32.const 0))
    (local.set $error (call $fd_read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $print_number (local.get $error))
    (call $print_character (i32.const 0x20))
    (call $print (i32.const 8192) (i32.load (i32.const 16))))

  (func $print_seek (param $file i32) (param $offset i64)
    (call $print_number (call $fd_seek (local.get $file) (local.get $offset) (i32.const 0) (i32.const 32)))
    (call $print_read (local.get $file)))

  (func $open (param $path i32) (param $length i32) (param $open_flags i32) (param $rights i64) (result i32)
    (call $path_open
      (i32.const 3) (i32.const 0) (local.get $path) (local.get $length)
      (local.get $open_flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 20)))

  ;; Opens for reading. Prints the error, and the bytes at three offsets.
  (func $print_file (param $path i32) (param $length i32)
    (local $error i32) (local $file i32)
    (local.set $error (call $open (local.get $path) (local.get $length) (i32.const 0) (i64.const 2)))
    (call $print_number (local.get $error))
    (if (i32.eqz (local.get $error))
      (then
        (local.set $file (i32.load (i32.const 20)))
        (call $print_read (local.get $file))
        (call $print_seek (local.get $file) (i64.const 2))
        (call $print_seek (local.get $file) (i64.const 1000))
        (drop (call $fd_close (local.get $file))))))

  (func $print_entries
    (local $entry i32) (local $end i32)
    (drop (call $fd_readdir (i32.const 3) (i32.const 16384) (i32.const 65536) (i64.const 0) (i32.const 24)))
    (local.set $entry (i32.const 16384))
    (local.set $end (i32.add (local.get $entry) (i32.load (i32.const 24))))
    (loop $entries
      (if (i32.lt_u (local.get $entry) (local.get $end))
        (then
          (call $print
            (i32.add (local.get $entry) (i32.const 24)) (i32.load offset=16 (local.get $entry)))
          (call $print_number (i32.load8_u offset=20 (local.get $entry)))
          (call $print_character (i32.const 0x0a))
          (local.set $entry
            (i32.add (i32.add (local.get $entry) (i32.const 24)) (i32.load offset=16 (local.get $entry))))
          (br $entries)))))

  ;; Prints the errors of opening for writing, and of creating a file.
  (func $print_writes
    (call $print (i32.const 2048) (i32.const 6))
    (call $print_number (call $open (i32.const 1025) (i32.const 5) (i32.const 0) (i64.const 64)))
    (call $print_number (call $open (i32.const 2048) (i32.const 5) (i32.const 1) (i64.const 64)))
    (call $print_character (i32.const 0x0a)))
  (data (i32.const 2048) "writes")

  (func (export "_start")
    (local $path i32) (local $length i32)
    (local.set $path (i32.const 1024))
    (block $end
      (loop $paths
        (local.set $length (i32.load8_u (local.get $path)))
        (local.set $path (i32.add (local.get $path) (i32.const 1)))
        (br_if $end (i32.eq (local.get $length) (i32.const 255)))
        (call $print (local.get $path) (local.get $length))
        (call $print_stat (local.get $path) (local.get $length))
        (call $print_file (local.get $path) (local.get $length))
        (call $print_character (i32.const 0x0a))
        (local.set $path (i32.add (local.get $path) (local.get $length)))
        (br $paths)))
    (call $print_entries)
    (call $print_writes)))
