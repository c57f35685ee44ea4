;; An application of WASI 0.3 that checks the files of its preopened directory, and traps at the first difference. The
;; directory has a file `letters` with "abc", an empty file `empty`, an empty directory `none`, and `sub/long`: 200000
;; bytes, each the lowest byte of its offset times 7, plus the offset divided by 256. It copies `sub/long` to standard
;; output. With an argument it also checks that nothing can be written. With two it only checks that `sub/long` cannot
;; be read.
(component
  (import "wasi:cli/environment@0.3.0" (instance $environment
    (export "get-arguments" (func (result (list string))))))
  (import "wasi:cli/types@0.3.0" (instance $cli
    (type $error-code (enum "io" "illegal-byte-sequence" "pipe"))
    (export "error-code" (type (eq $error-code)))))
  (alias export $cli "error-code" (type $cli-error-code))
  (import "wasi:cli/stdout@0.3.0" (instance $stdout
    (export "error-code" (type $error-code (eq $cli-error-code)))
    (export "write-via-stream" (func
      (param "data" (stream u8)) (result (future (result (error $error-code))))))))
  (import "wasi:clocks/system-clock@0.3.0" (instance $clock
    (type $instant (record (field "seconds" s64) (field "nanoseconds" u32)))
    (export "instant" (type (eq $instant)))))
  (alias export $clock "instant" (type $clock-instant))
  (import "wasi:filesystem/types@0.3.0" (instance $types
    (export "instant" (type $instant (eq $clock-instant)))
    (type $filesize' u64)
    (export "filesize" (type $filesize (eq $filesize')))
    (type $descriptor-type' (variant
      (case "block-device") (case "character-device") (case "directory") (case "fifo") (case "symbolic-link")
      (case "regular-file") (case "socket") (case "other" (option string))))
    (export "descriptor-type" (type $descriptor-type (eq $descriptor-type')))
    (type $descriptor-flags' (flags
      "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $descriptor-flags')))
    (type $path-flags' (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path-flags')))
    (type $open-flags' (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open-flags')))
    (type $link-count' u64)
    (export "link-count" (type $link-count (eq $link-count')))
    (type $descriptor-stat' (record
      (field "type" $descriptor-type) (field "link-count" $link-count) (field "size" $filesize)
      (field "data-access-timestamp" (option $instant)) (field "data-modification-timestamp" (option $instant))
      (field "status-change-timestamp" (option $instant))))
    (export "descriptor-stat" (type $descriptor-stat (eq $descriptor-stat')))
    (type $directory-entry' (record (field "type" $descriptor-type) (field "name" string)))
    (export "directory-entry" (type $directory-entry (eq $directory-entry')))
    (type $error-code' (variant
      (case "access") (case "already") (case "bad-descriptor") (case "busy") (case "deadlock") (case "quota")
      (case "exist") (case "file-too-large") (case "illegal-byte-sequence") (case "in-progress")
      (case "interrupted") (case "invalid") (case "io") (case "is-directory") (case "loop") (case "too-many-links")
      (case "message-size") (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock")
      (case "insufficient-memory") (case "insufficient-space") (case "not-directory") (case "not-empty")
      (case "not-recoverable") (case "unsupported") (case "no-tty") (case "no-such-device") (case "overflow")
      (case "not-permitted") (case "pipe") (case "read-only") (case "invalid-seek") (case "text-file-busy")
      (case "cross-device") (case "other" (option string))))
    (export "error-code" (type $error-code (eq $error-code')))
    (type $metadata-hash-value' (record (field "lower" u64) (field "upper" u64)))
    (export "metadata-hash-value" (type $metadata-hash-value (eq $metadata-hash-value')))
    (export "descriptor" (type $descriptor (sub resource)))
    (type $done (result (error $error-code)))
    (export "[method]descriptor.read-via-stream" (func
      (param "self" (borrow $descriptor)) (param "offset" $filesize)
      (result (tuple (stream u8) (future $done)))))
    (export "[method]descriptor.write-via-stream" (func
      (param "self" (borrow $descriptor)) (param "data" (stream u8)) (param "offset" $filesize)
      (result (future $done))))
    (export "[method]descriptor.read-directory" (func
      (param "self" (borrow $descriptor))
      (result (tuple (stream $directory-entry) (future $done)))))
    (export "[method]descriptor.set-size" (func async
      (param "self" (borrow $descriptor)) (param "size" $filesize) (result $done)))
    (export "[method]descriptor.create-directory-at" (func async
      (param "self" (borrow $descriptor)) (param "path" string) (result $done)))
    (export "[method]descriptor.stat" (func async
      (param "self" (borrow $descriptor)) (result (result $descriptor-stat (error $error-code)))))
    (export "[method]descriptor.stat-at" (func async
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string)
      (result (result $descriptor-stat (error $error-code)))))
    (export "[method]descriptor.open-at" (func async
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string)
      (param "open-flags" $open-flags) (param "flags" $descriptor-flags)
      (result (result (own $descriptor) (error $error-code)))))
    (export "[method]descriptor.rename-at" (func async
      (param "self" (borrow $descriptor)) (param "old-path" string) (param "new-descriptor" (borrow $descriptor))
      (param "new-path" string) (result $done)))
    (export "[method]descriptor.unlink-file-at" (func async
      (param "self" (borrow $descriptor)) (param "path" string) (result $done)))
    (export "[method]descriptor.is-same-object" (func async
      (param "self" (borrow $descriptor)) (param "other" (borrow $descriptor)) (result bool)))
    (export "[method]descriptor.metadata-hash-at" (func async
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string)
      (result (result $metadata-hash-value (error $error-code)))))))
  (alias export $types "descriptor" (type $descriptor))
  (alias export $types "directory-entry" (type $directory-entry))
  (alias export $types "error-code" (type $error-code))
  (import "wasi:filesystem/preopens@0.3.0" (instance $preopens
    (export "descriptor" (type $directory (eq $descriptor)))
    (export "get-directories" (func (result (list (tuple (own $directory) string)))))))

  (core module $memory
    (memory (export "memory") 8)
    (global $next (mut i32) (i32.const 0x60000))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.sub (i32.add (global.get $next) (local.get 2)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get 2))))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $memory))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $get-arguments (canon lower (func $environment "get-arguments") (memory $memory) (realloc $realloc)))
  (core func $stdout (canon lower (func $stdout "write-via-stream")))
  (core func $get-directories (canon lower (func $preopens "get-directories") (memory $memory) (realloc $realloc)))
  (core func $read-via-stream (canon lower (func $types "[method]descriptor.read-via-stream") (memory $memory)))
  (core func $write-via-stream (canon lower (func $types "[method]descriptor.write-via-stream")))
  (core func $read-directory (canon lower (func $types "[method]descriptor.read-directory") (memory $memory)))
  (core func $set-size (canon lower (func $types "[method]descriptor.set-size") (memory $memory) (realloc $realloc)))
  (core func $create-directory-at
    (canon lower (func $types "[method]descriptor.create-directory-at") (memory $memory) (realloc $realloc)))
  (core func $stat (canon lower (func $types "[method]descriptor.stat") (memory $memory) (realloc $realloc)))
  (core func $stat-at (canon lower (func $types "[method]descriptor.stat-at") (memory $memory) (realloc $realloc)))
  (core func $open-at (canon lower (func $types "[method]descriptor.open-at") (memory $memory) (realloc $realloc)))
  (core func $rename-at (canon lower (func $types "[method]descriptor.rename-at") (memory $memory) (realloc $realloc)))
  (core func $unlink-file-at
    (canon lower (func $types "[method]descriptor.unlink-file-at") (memory $memory) (realloc $realloc)))
  (core func $is-same-object (canon lower (func $types "[method]descriptor.is-same-object")))
  (core func $metadata-hash-at
    (canon lower (func $types "[method]descriptor.metadata-hash-at") (memory $memory) (realloc $realloc)))
  (core func $drop (canon resource.drop $descriptor))
  (type $bytes (stream u8))
  (type $entries (stream $directory-entry))
  (type $outcome (future (result (error $error-code))))
  (type $cli-outcome (future (result (error $cli-error-code))))
  (core func $bytes.new (canon stream.new $bytes))
  (core func $bytes.read (canon stream.read $bytes async (memory $memory)))
  (core func $bytes.drop (canon stream.drop-readable $bytes))
  (core func $bytes.drop-writable (canon stream.drop-writable $bytes))
  (core func $entries.read (canon stream.read $entries async (memory $memory) (realloc $realloc)))
  (core func $entries.drop (canon stream.drop-readable $entries))
  (core func $outcome.read (canon future.read $outcome async (memory $memory) (realloc $realloc)))
  (core func $outcome.drop (canon future.drop-readable $outcome))
  (core func $cli-outcome.read (canon future.read $cli-outcome async (memory $memory)))
  (core func $set.new (canon waitable-set.new))
  (core func $set.wait (canon waitable-set.wait (memory $memory)))
  (core func $set.join (canon waitable.join))

  (core module $code
    (import "" "memory" (memory 1))
    (import "" "get-arguments" (func $get-arguments (param i32)))
    (import "" "stdout" (func $stdout (param i32) (result i32)))
    (import "" "get-directories" (func $get-directories (param i32)))
    (import "" "read-via-stream" (func $read-via-stream (param i32 i64 i32)))
    (import "" "write-via-stream" (func $write-via-stream (param i32 i32 i64) (result i32)))
    (import "" "read-directory" (func $read-directory (param i32 i32)))
    (import "" "set-size" (func $set-size (param i32 i64 i32)))
    (import "" "create-directory-at" (func $create-directory-at (param i32 i32 i32 i32)))
    (import "" "stat" (func $stat (param i32 i32)))
    (import "" "stat-at" (func $stat-at (param i32 i32 i32 i32 i32)))
    (import "" "open-at" (func $open-at (param i32 i32 i32 i32 i32 i32 i32)))
    (import "" "rename-at" (func $rename-at (param i32 i32 i32 i32 i32 i32 i32)))
    (import "" "unlink-file-at" (func $unlink-file-at (param i32 i32 i32 i32)))
    (import "" "is-same-object" (func $is-same-object (param i32 i32) (result i32)))
    (import "" "metadata-hash-at" (func $metadata-hash-at (param i32 i32 i32 i32 i32)))
    (import "" "drop" (func $drop (param i32)))
    (import "" "bytes.new" (func $bytes.new (result i64)))
    (import "" "bytes.read" (func $bytes.read (param i32 i32 i32) (result i32)))
    (import "" "bytes.drop" (func $bytes.drop (param i32)))
    (import "" "bytes.drop-writable" (func $bytes.drop-writable (param i32)))
    (import "" "entries.read" (func $entries.read (param i32 i32 i32) (result i32)))
    (import "" "entries.drop" (func $entries.drop (param i32)))
    (import "" "outcome.read" (func $outcome.read (param i32 i32) (result i32)))
    (import "" "outcome.drop" (func $outcome.drop (param i32)))
    (import "" "cli-outcome.read" (func $cli-outcome.read (param i32 i32) (result i32)))
    (import "" "set.new" (func $set.new (result i32)))
    (import "" "set.wait" (func $set.wait (param i32 i32) (result i32)))
    (import "" "set.join" (func $set.join (param i32 i32)))

    ;; Memory: 0 a result; 256 paths; 0x1000 what is read from streams.
    (data (i32.const 256) "letters.")
    (data (i32.const 272) "sub/../sub/./long")
    (data (i32.const 304) "../letters.")
    (data (i32.const 320) "/letters")
    (data (i32.const 336) "letters/below")
    (data (i32.const 352) "missing.")
    (data (i32.const 368) "empty...")
    (data (i32.const 384) "none....")
    (data (i32.const 400) "sub/../../letters")
    (data (i32.const 432) "/assets")

    (global $root (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))

    (func $assert (param $holds i32)
      (if (i32.eqz (local.get $holds)) (then (unreachable))))

    ;; Waits if a read has not finished. Returns its result.
    (func $finished (param $end i32) (param $result i32) (result i32)
      (if (i32.ne (local.get $result) (i32.const -1)) (then (return (local.get $result))))
      (call $set.join (local.get $end) (global.get $set))
      (drop (call $set.wait (global.get $set) (i32.const 0)))
      (call $assert (i32.eq (i32.load (i32.const 0)) (local.get $end)))
      (call $set.join (local.get $end) (i32.const 0))
      (i32.load (i32.const 4)))

    ;; Returns the error of a future, or -1.
    (func $error (param $outcome i32) (result i32)
      (drop (call $finished (local.get $outcome) (call $outcome.read (local.get $outcome) (i32.const 32))))
      (call $outcome.drop (local.get $outcome))
      (if (result i32) (i32.load8_u (i32.const 32))
        (then (i32.load8_u (i32.const 36)))
        (else (i32.const -1))))

    ;; Returns the error of a result<_, error-code> at 0, or -1.
    (func $result (result i32)
      (if (result i32) (i32.load8_u (i32.const 0))
        (then (i32.load8_u (i32.const 4)))
        (else (i32.const -1))))

    ;; Reads at most this number of bytes. Returns how many there were.
    (func $read (param $stream i32) (param $to i32) (param $size i32) (result i32)
      (i32.shr_u
        (call $finished (local.get $stream)
          (call $bytes.read (local.get $stream) (local.get $to) (local.get $size)))
        (i32.const 4)))

    ;; Reads until the buffer is full or the stream ends.
    (func $read-all (param $stream i32) (param $to i32) (param $size i32) (result i32)
      (local $count i32)
      (local $result i32)
      (loop $more
        (local.set $result
          (call $finished (local.get $stream)
            (call $bytes.read (local.get $stream) (i32.add (local.get $to) (local.get $count))
              (i32.sub (local.get $size) (local.get $count)))))
        (local.set $count (i32.add (local.get $count) (i32.shr_u (local.get $result) (i32.const 4))))
        (if (i32.and (local.get $result) (i32.const 0xf)) (then (return (local.get $count))))
        (br_if $more (i32.lt_u (local.get $count) (local.get $size))))
      (local.get $count))

    ;; Checks bytes of `sub/long`.
    (func $assert-long (param $at i32) (param $offset i32) (param $size i32)
      (local $end i32)
      (local.set $end (i32.add (local.get $offset) (local.get $size)))
      (loop $bytes
        (if (i32.lt_u (local.get $offset) (local.get $end))
          (then
            (call $assert
              (i32.eq (i32.load8_u (local.get $at))
                (i32.and (i32.const 0xff)
                  (i32.add (i32.mul (local.get $offset) (i32.const 7))
                    (i32.shr_u (local.get $offset) (i32.const 8))))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (local.set $offset (i32.add (local.get $offset) (i32.const 1)))
            (br $bytes)))))

    ;; Opens a path. Returns the descriptor, or the error as a negative number minus one.
    (func $open (param $path i32) (param $length i32) (param $open-flags i32) (param $flags i32) (result i32)
      (call $open-at (global.get $root) (i32.const 0) (local.get $path) (local.get $length)
        (local.get $open-flags) (local.get $flags) (i32.const 0))
      (if (result i32) (i32.load8_u (i32.const 0))
        (then (i32.sub (i32.const -1) (i32.load8_u (i32.const 4))))
        (else (i32.load (i32.const 4)))))

    (func $open-long (result i32)
      (local $descriptor i32)
      (local.set $descriptor (call $open (i32.const 272) (i32.const 17) (i32.const 0) (i32.const 1)))
      (call $assert (i32.ge_s (local.get $descriptor) (i32.const 0)))
      (local.get $descriptor))

    (func $one-directory-is-preopened
      (call $get-directories (i32.const 0))
      (call $assert (i32.eq (i32.load (i32.const 4)) (i32.const 1)))
      (global.set $root (i32.load (i32.load (i32.const 0))))
      (call $assert (i32.eq (i32.load offset=8 (i32.load (i32.const 0))) (i32.const 7)))
      (call $assert
        (i64.eq
          (i64.load32_u (i32.load offset=4 (i32.load (i32.const 0))))
          (i64.load32_u (i32.const 432)))))

    (func $stream-equals-file
      (local $file i32)
      (local $stream i32)
      (local $outcome i32)
      (local.set $file (call $open-long))
      (call $read-via-stream (local.get $file) (i64.const 0) (i32.const 0))
      (local.set $stream (i32.load (i32.const 0)))
      (local.set $outcome (i32.load (i32.const 4)))
      (call $assert
        (i32.eq (call $read-all (local.get $stream) (i32.const 0x1000) (i32.const 300000)) (i32.const 200000)))
      (call $assert-long (i32.const 0x1000) (i32.const 0) (i32.const 200000))
      (call $bytes.drop (local.get $stream))
      (call $assert (i32.eq (call $error (local.get $outcome)) (i32.const -1)))
      (call $drop (local.get $file)))

    ;; Reads 8 bytes at 1000, leaves, and reads at the end and behind it.
    (func $streams-start-at-offsets
      (local $file i32)
      (local $outcome i32)
      (local $stream i32)
      (local.set $file (call $open-long))
      (call $read-via-stream (local.get $file) (i64.const 1000) (i32.const 0))
      (local.set $stream (i32.load (i32.const 0)))
      (local.set $outcome (i32.load (i32.const 4)))
      (call $assert
        (i32.eq (call $read (local.get $stream) (i32.const 0x1000) (i32.const 8)) (i32.const 8)))
      (call $assert-long (i32.const 0x1000) (i32.const 1000) (i32.const 8))
      (call $bytes.drop (local.get $stream))
      (call $assert (i32.eq (call $error (local.get $outcome)) (i32.const -1)))
      (call $assert (i32.eqz (call $count-from (local.get $file) (i64.const 200000))))
      (call $assert (i32.eqz (call $count-from (local.get $file) (i64.const 0x7000000000))))
      (call $assert (i32.eq (call $count-from (local.get $file) (i64.const 199999)) (i32.const 1)))
      (call $drop (local.get $file)))

    (func $count-from (param $file i32) (param $offset i64) (result i32)
      (local $stream i32)
      (local $outcome i32)
      (local $count i32)
      (call $read-via-stream (local.get $file) (local.get $offset) (i32.const 0))
      (local.set $stream (i32.load (i32.const 0)))
      (local.set $outcome (i32.load (i32.const 4)))
      (local.set $count (call $read-all (local.get $stream) (i32.const 0x1000) (i32.const 100)))
      (call $bytes.drop (local.get $stream))
      (call $assert (i32.eq (call $error (local.get $outcome)) (i32.const -1)))
      (local.get $count))

    (func $two-streams-are-independent
      (local $file i32)
      (local $first i32)
      (local $second i32)
      (local $count i32)
      (local.set $file (call $open-long))
      (call $read-via-stream (local.get $file) (i64.const 0) (i32.const 0))
      (local.set $first (i32.load (i32.const 0)))
      (call $outcome.drop (i32.load (i32.const 4)))
      (call $read-via-stream (local.get $file) (i64.const 50000) (i32.const 0))
      (local.set $second (i32.load (i32.const 0)))
      (call $outcome.drop (i32.load (i32.const 4)))
      (call $drop (local.get $file))
      (loop $turns
        (call $assert
          (i32.eq (call $read-all (local.get $first) (i32.const 0x1000) (i32.const 5000)) (i32.const 5000)))
        (call $assert-long (i32.const 0x1000) (local.get $count) (i32.const 5000))
        (call $assert
          (i32.eq (call $read-all (local.get $second) (i32.const 0x1000) (i32.const 5000)) (i32.const 5000)))
        (call $assert-long (i32.const 0x1000) (i32.add (local.get $count) (i32.const 50000)) (i32.const 5000))
        (local.set $count (i32.add (local.get $count) (i32.const 5000)))
        (br_if $turns (i32.lt_u (local.get $count) (i32.const 100000))))
      (call $bytes.drop (local.get $first))
      (call $bytes.drop (local.get $second)))

    ;; Reads one entry at a time. The type of each is that of its metadata.
    (func $directory-has-its-entries
      (local $entries i32)
      (local $outcome i32)
      (local $count i32)
      (call $read-directory (global.get $root) (i32.const 0))
      (local.set $entries (i32.load (i32.const 0)))
      (local.set $outcome (i32.load (i32.const 4)))
      (block $end
        (loop $more
          (br_if $end
            (i32.lt_u
              (call $finished (local.get $entries)
                (call $entries.read (local.get $entries) (i32.const 0x1000) (i32.const 1)))
              (i32.const 16)))
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (call $stat-at (global.get $root) (i32.const 0) (i32.load (i32.const 0x1010))
            (i32.load (i32.const 0x1014)) (i32.const 0))
          (call $assert (i32.eqz (i32.load8_u (i32.const 0))))
          (call $assert (i32.eq (i32.load8_u (i32.const 8)) (i32.load8_u (i32.const 0x1000))))
          (br $more)))
      (call $assert (i32.eq (local.get $count) (i32.const 4)))
      (call $entries.drop (local.get $entries))
      (call $assert (i32.eq (call $error (local.get $outcome)) (i32.const -1))))

    (func $reading-a-directory-of-a-file-fails
      (local $file i32)
      (local.set $file (call $open-long))
      (call $read-directory (local.get $file) (i32.const 0))
      (call $entries.drop (i32.load (i32.const 0)))
      ;; not-directory
      (call $assert (i32.eq (call $error (i32.load (i32.const 4))) (i32.const 23)))
      (call $drop (local.get $file)))

    ;; The type, and the size of a file.
    (func $assert-stat (param $path i32) (param $length i32) (param $type i32) (param $size i64)
      (call $stat-at (global.get $root) (i32.const 0) (local.get $path) (local.get $length) (i32.const 0))
      (call $assert (i32.eqz (i32.load8_u (i32.const 0))))
      (call $assert (i32.eq (i32.load8_u (i32.const 8)) (local.get $type)))
      (if (i32.eq (local.get $type) (i32.const 5))
        (then (call $assert (i64.eq (i64.load (i32.const 32)) (local.get $size))))))

    (func $metadata-is-right
      (local $file i32)
      (call $assert-stat (i32.const 256) (i32.const 7) (i32.const 5) (i64.const 3))
      (call $assert-stat (i32.const 272) (i32.const 17) (i32.const 5) (i64.const 200000))
      (call $assert-stat (i32.const 272) (i32.const 4) (i32.const 2) (i64.const 0))
      (call $assert-stat (i32.const 368) (i32.const 5) (i32.const 5) (i64.const 0))
      (call $assert-stat (i32.const 384) (i32.const 4) (i32.const 2) (i64.const 0))
      (call $stat (global.get $root) (i32.const 0))
      (call $assert (i32.eq (i32.load8_u (i32.const 8)) (i32.const 2)))
      (local.set $file (call $open-long))
      (call $assert (i32.eqz (call $is-same-object (local.get $file) (global.get $root))))
      (call $assert (call $is-same-object (local.get $file) (local.get $file)))
      (call $drop (local.get $file))
      (call $metadata-hash-at (global.get $root) (i32.const 0) (i32.const 256) (i32.const 7) (i32.const 0))
      (call $metadata-hash-at (global.get $root) (i32.const 0) (i32.const 368) (i32.const 5) (i32.const 64))
      (call $assert (i64.ne (i64.load (i32.const 8)) (i64.load (i32.const 72)))))

    (func $assert-error (param $path i32) (param $length i32) (param $error i32)
      (call $assert
        (i32.eq (call $open (local.get $path) (local.get $length) (i32.const 0) (i32.const 1))
          (i32.sub (i32.const -1) (local.get $error)))))

    (func $paths-stay-inside
      ;; not-permitted
      (call $assert-error (i32.const 304) (i32.const 10) (i32.const 30))
      (call $assert-error (i32.const 304) (i32.const 2) (i32.const 30))
      (call $assert-error (i32.const 400) (i32.const 17) (i32.const 30))
      (call $assert-error (i32.const 320) (i32.const 8) (i32.const 30))
      ;; not-directory
      (call $assert-error (i32.const 336) (i32.const 13) (i32.const 23))
      ;; no-entry
      (call $assert-error (i32.const 352) (i32.const 7) (i32.const 19))
      (call $assert-error (i32.const 352) (i32.const 0) (i32.const 19)))

    (func $nothing-can-be-written
      (local $file i32)
      (local $pair i64)
      ;; read-only: by write, create, truncate, mutate-directory
      (call $assert (i32.eq (call $open (i32.const 256) (i32.const 7) (i32.const 0) (i32.const 3)) (i32.const -33)))
      (call $assert (i32.eq (call $open (i32.const 352) (i32.const 7) (i32.const 1) (i32.const 1)) (i32.const -33)))
      (call $assert (i32.eq (call $open (i32.const 256) (i32.const 7) (i32.const 8) (i32.const 1)) (i32.const -33)))
      (call $assert (i32.eq (call $open (i32.const 384) (i32.const 4) (i32.const 2) (i32.const 33)) (i32.const -33)))
      (call $create-directory-at (global.get $root) (i32.const 352) (i32.const 7) (i32.const 0))
      (call $assert (i32.eq (call $result) (i32.const 32)))
      (call $unlink-file-at (global.get $root) (i32.const 256) (i32.const 7) (i32.const 0))
      (call $assert (i32.eq (call $result) (i32.const 32)))
      (call $rename-at (global.get $root) (i32.const 256) (i32.const 7) (global.get $root)
        (i32.const 352) (i32.const 7) (i32.const 0))
      (call $assert (i32.eq (call $result) (i32.const 32)))
      (local.set $file (call $open-long))
      (call $set-size (local.get $file) (i64.const 0) (i32.const 0))
      (call $assert (i32.eq (call $result) (i32.const 32)))
      (local.set $pair (call $bytes.new))
      (call $assert
        (i32.eq (i32.const 32)
          (call $error
            (call $write-via-stream (local.get $file) (i32.wrap_i64 (local.get $pair)) (i64.const 0)))))
      (call $bytes.drop-writable (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32))))
      (call $drop (local.get $file)))

    (func $copy-to-standard-output
      (local $file i32)
      (local $copied i32)
      (local $outcome i32)
      (local.set $file (call $open-long))
      (call $read-via-stream (local.get $file) (i64.const 0) (i32.const 0))
      (local.set $outcome (i32.load (i32.const 4)))
      (local.set $copied (call $stdout (i32.load (i32.const 0))))
      (drop (call $finished (local.get $copied) (call $cli-outcome.read (local.get $copied) (i32.const 32))))
      (call $assert (i32.eqz (i32.load8_u (i32.const 32))))
      (call $assert (i32.eq (call $error (local.get $outcome)) (i32.const -1)))
      (call $drop (local.get $file)))

    (func $long-cannot-be-read
      (call $read-via-stream (call $open-long) (i64.const 0) (i32.const 0))
      (call $assert
        (i32.eqz (call $read-all (i32.load (i32.const 0)) (i32.const 0x1000) (i32.const 100))))
      ;; io
      (call $assert (i32.eq (call $error (i32.load (i32.const 4))) (i32.const 12))))

    (func (export "run") (result i32)
      (global.set $set (call $set.new))
      (call $one-directory-is-preopened)
      (call $get-arguments (i32.const 0))
      (if (i32.gt_u (i32.load (i32.const 4)) (i32.const 2))
        (then
          (call $long-cannot-be-read)
          (return (i32.const 0))))
      (call $stream-equals-file)
      (call $streams-start-at-offsets)
      (call $two-streams-are-independent)
      (call $directory-has-its-entries)
      (call $reading-a-directory-of-a-file-fails)
      (call $metadata-is-right)
      (call $paths-stay-inside)
      (call $get-arguments (i32.const 0))
      (if (i32.gt_u (i32.load (i32.const 4)) (i32.const 1)) (then (call $nothing-can-be-written)))
      (call $copy-to-standard-output)
      (i32.const 0)))
  (core instance $code (instantiate $code (with "" (instance
    (export "memory" (memory $memory)) (export "get-arguments" (func $get-arguments))
    (export "stdout" (func $stdout)) (export "get-directories" (func $get-directories))
    (export "read-via-stream" (func $read-via-stream)) (export "write-via-stream" (func $write-via-stream))
    (export "read-directory" (func $read-directory)) (export "set-size" (func $set-size))
    (export "create-directory-at" (func $create-directory-at)) (export "stat" (func $stat))
    (export "stat-at" (func $stat-at)) (export "open-at" (func $open-at)) (export "rename-at" (func $rename-at))
    (export "unlink-file-at" (func $unlink-file-at)) (export "is-same-object" (func $is-same-object))
    (export "metadata-hash-at" (func $metadata-hash-at)) (export "drop" (func $drop))
    (export "bytes.new" (func $bytes.new)) (export "bytes.read" (func $bytes.read))
    (export "bytes.drop" (func $bytes.drop)) (export "bytes.drop-writable" (func $bytes.drop-writable))
    (export "entries.read" (func $entries.read)) (export "entries.drop" (func $entries.drop))
    (export "outcome.read" (func $outcome.read)) (export "outcome.drop" (func $outcome.drop))
    (export "cli-outcome.read" (func $cli-outcome.read)) (export "set.new" (func $set.new))
    (export "set.wait" (func $set.wait)) (export "set.join" (func $set.join))))))
  (func $run async (result (result))
    (canon lift (core func $code "run")))
  (instance (export "wasi:cli/run@0.3.0") (export "run" (func $run))))
