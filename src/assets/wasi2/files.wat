;; The functions of wasi:filesystem and wasi:io/streams.
;;
;; A descriptor is the number of its entry plus 1, because 0 is no valid resource for some hosts. An entry has 16
;; bytes: the address of its name, its parent, its first child, and its content, which is -1 for a directory. The
;; name ends where that of the next entry begins. The children of an entry end where those of the next one begin.
;;
;; A stream is the address of its record: the content and, at 8, the position, or -1 and the host's stream.
;;
;; Results are at address 16. The offset of an error depends on the type, so `fail` stores the code at each of them.
(core module $files
  (import "table" "memory" (memory 1))
  (import "table" "entries" (global $entries i32))
  (import "table" "sizes" (global $sizes i32))
  (import "table" "mount" (global $mount i32))
  (import "table" "mount-length" (global $mount_length i32))
  (import "table" "hash-lower" (global $hash_lower i64))
  (import "table" "hash-upper" (global $hash_upper i64))
  (import "contents" "load"
    (func $load (param $content i32) (param $to i32) (param $offset i64) (param $length i32) (result i32)))
  (import "state" "allocate" (func $allocate (param $size i32) (result i32)))
  (import "state" "finish" (func $finish))
  (import "state" "new-record" (func $new_record (result i32)))
  (import "own" "new-descriptor" (func $new_descriptor (param i32) (result i32)))
  (import "own" "new-directory-entry-stream" (func $new_directory_entry_stream (param i32) (result i32)))
  (import "own" "new-input-stream" (func $new_input_stream (param i32) (result i32)))
  (import "host" "drop-error" (func $drop_error (param i32)))
  (import "host" "drop-output-stream" (func $drop_output_stream (param i32)))
  (import "host" "subscribe-duration" (func $subscribe_duration (param i64) (result i32)))
  (import "host" "[method]input-stream.read" (func $host_read (param i32 i64 i32)))
  (import "host" "[method]input-stream.blocking-read" (func $host_blocking_read (param i32 i64 i32)))
  (import "host" "[method]input-stream.skip" (func $host_skip (param i32 i64 i32)))
  (import "host" "[method]input-stream.blocking-skip" (func $host_blocking_skip (param i32 i64 i32)))
  (import "host" "[method]input-stream.subscribe" (func $host_subscribe (param i32) (result i32)))
  (import "host" "[method]output-stream.check-write" (func $check_write (param i32 i32)))
  (import "host" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (import "host" "[method]output-stream.blocking-write-and-flush" (func $blocking_write (param i32 i32 i32 i32)))
  (import "host" "[method]output-stream.splice" (func $host_splice (param i32 i32 i64 i32)))
  (import "host" "[method]output-stream.blocking-splice" (func $host_blocking_splice (param i32 i32 i64 i32)))

  ;; Results

  (func $new_result (result i32)
    (memory.fill (i32.const 16) (i32.const 0) (i32.const 112))
    (call $finish)
    (i32.const 16))

  (func $fail (param $code i32) (result i32)
    (drop (call $new_result))
    (i32.store8 (i32.const 16) (i32.const 1))
    (i32.store8 (i32.const 17) (local.get $code))
    (i32.store8 (i32.const 20) (local.get $code))
    (i32.store8 (i32.const 24) (local.get $code))
    (i32.const 16))

  (func $bad_descriptor (result i32) (call $fail (i32.const 3)))
  (func $invalid (result i32) (call $fail (i32.const 12)))
  (func $io (result i32) (call $fail (i32.const 13)))
  (func $not_directory (result i32) (call $fail (i32.const 24)))
  (func $read_only (result i32) (call $fail (i32.const 33)))

  ;; Returns the result of a stream that has ended.
  (func $closed (result i32)
    (drop (call $new_result))
    (i32.store8 (i32.const 16) (i32.const 1))
    ;; The error is at offset 4 or 8.
    (i32.store8 (i32.const 20) (i32.const 1))
    (i32.store8 (i32.const 24) (i32.const 1))
    (i32.const 16))

  ;; Returns a result with a list at offset 4.
  (func $list (param $address i32) (param $length i32) (result i32)
    (drop (call $new_result))
    (i32.store (i32.const 20) (local.get $address))
    (i32.store (i32.const 24) (local.get $length))
    (i32.const 16))

  ;; Entries

  (func $entry (param $entry i32) (result i32)
    (i32.add (global.get $entries) (i32.shl (local.get $entry) (i32.const 4))))

  (func $name (param $entry i32) (result i32)
    (i32.load (call $entry (local.get $entry))))

  (func $name_length (param $entry i32) (result i32)
    (i32.sub
      (i32.load offset=16 (call $entry (local.get $entry)))
      (i32.load (call $entry (local.get $entry)))))

  (func $parent (param $entry i32) (result i32)
    (i32.load offset=4 (call $entry (local.get $entry))))

  (func $first_child (param $entry i32) (result i32)
    (i32.load offset=8 (call $entry (local.get $entry))))

  (func $last_child (param $entry i32) (result i32)
    (i32.load offset=24 (call $entry (local.get $entry))))

  (func $content (param $entry i32) (result i32)
    (i32.load offset=12 (call $entry (local.get $entry))))

  (func $is_directory (param $entry i32) (result i32)
    (i32.eq (call $content (local.get $entry)) (i32.const -1)))

  ;; Returns a value of the enum descriptor-type.
  (func $type (param $entry i32) (result i32)
    (select (i32.const 3) (i32.const 6) (call $is_directory (local.get $entry))))

  (func $size_of_content (param $content i32) (result i64)
    (i64.load (i32.add (global.get $sizes) (i32.shl (local.get $content) (i32.const 3)))))

  (func $size (param $entry i32) (result i64)
    (if (result i64) (call $is_directory (local.get $entry))
      (then (i64.const 0))
      (else (call $size_of_content (call $content (local.get $entry))))))

  ;; Paths

  ;; Compares bytes. The result is negative, 0 or positive.
  (func $compare (param $a i32) (param $a_length i32) (param $b i32) (param $b_length i32) (result i32)
    (local $end i32) (local $difference i32)
    (local.set $end
      (i32.add
        (local.get $a)
        (select (local.get $a_length) (local.get $b_length) (i32.lt_u (local.get $a_length) (local.get $b_length)))))
    (loop $next
      (if (i32.eq (local.get $a) (local.get $end))
        (then (return (i32.sub (local.get $a_length) (local.get $b_length)))))
      (local.set $difference (i32.sub (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))))
      (if (local.get $difference) (then (return (local.get $difference))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br $next))
    (unreachable))

  ;; Returns the child with a name, or -1.
  (func $child (param $directory i32) (param $name i32) (param $length i32) (result i32)
    (local $low i32) (local $high i32) (local $middle i32) (local $order i32)
    (local.set $low (call $first_child (local.get $directory)))
    (local.set $high (call $last_child (local.get $directory)))
    (loop $next
      (if (i32.eq (local.get $low) (local.get $high)) (then (return (i32.const -1))))
      (local.set $middle (i32.shr_u (i32.add (local.get $low) (local.get $high)) (i32.const 1)))
      (local.set $order
        (call $compare
          (local.get $name) (local.get $length)
          (call $name (local.get $middle)) (call $name_length (local.get $middle))))
      (if (i32.eqz (local.get $order)) (then (return (local.get $middle))))
      (if (i32.lt_s (local.get $order) (i32.const 0))
        (then (local.set $high (local.get $middle)))
        (else (local.set $low (i32.add (local.get $middle) (i32.const 1)))))
      (br $next))
    (unreachable))

  (func $is_slash (param $address i32) (result i32)
    (i32.eq (i32.load8_u (local.get $address)) (i32.const 0x2f)))

  ;; Returns the entry of a path, or a negative error code. A path that leaves $base is not-permitted, as it is for a
  ;; preopened directory.
  (func $resolve (param $self i32) (param $path i32) (param $length i32) (result i32)
    (local $base i32) (local $entry i32) (local $end i32) (local $name i32) (local $name_length i32)
    (local.set $base (i32.sub (local.get $self) (i32.const 1)))
    (local.set $entry (local.get $base))
    (local.set $end (i32.add (local.get $path) (local.get $length)))
    (if (i32.eqz (local.get $length)) (then (return (i32.const -20))))
    (if (call $is_slash (local.get $path)) (then (return (i32.const -31))))
    (loop $next
      ;; A slash, or a name, may only follow a directory.
      (if (i32.eqz (call $is_directory (local.get $entry))) (then (return (i32.const -24))))
      (block $slashes_end
        (loop $slashes
          (if (i32.eq (local.get $path) (local.get $end)) (then (return (local.get $entry))))
          (br_if $slashes_end (i32.eqz (call $is_slash (local.get $path))))
          (local.set $path (i32.add (local.get $path) (i32.const 1)))
          (br $slashes)))
      (local.set $name (local.get $path))
      (block $name_end
        (loop $characters
          (local.set $path (i32.add (local.get $path) (i32.const 1)))
          (br_if $name_end (i32.eq (local.get $path) (local.get $end)))
          (br_if $characters (i32.eqz (call $is_slash (local.get $path))))))
      (local.set $name_length (i32.sub (local.get $path) (local.get $name)))
      (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 0x2e))
        (then
          (br_if $next (i32.eq (local.get $name_length) (i32.const 1)))
          (if (i32.and
                (i32.eq (local.get $name_length) (i32.const 2))
                (i32.eq (i32.load8_u offset=1 (local.get $name)) (i32.const 0x2e)))
            (then
              (if (i32.eq (local.get $entry) (local.get $base)) (then (return (i32.const -31))))
              (local.set $entry (call $parent (local.get $entry)))
              (br $next)))))
      (local.set $entry (call $child (local.get $entry) (local.get $name) (local.get $name_length)))
      (if (i32.eq (local.get $entry) (i32.const -1)) (then (return (i32.const -20))))
      (br_if $next (i32.ne (local.get $path) (local.get $end))))
    (local.get $entry))

  ;; Reading

  ;; Returns how many bytes one read returns: at most 1 MiB.
  (func $readable (param $size i64) (param $position i64) (param $length i64) (result i32)
    (local $rest i64)
    (if (i64.ge_u (local.get $position) (local.get $size))
      (then (return (i32.const 0))))
    (local.set $rest (i64.sub (local.get $size) (local.get $position)))
    (if (i64.lt_u (local.get $length) (local.get $rest)) (then (local.set $rest (local.get $length))))
    (if (i64.gt_u (local.get $rest) (i64.const 0x100000)) (then (local.set $rest (i64.const 0x100000))))
    (i32.wrap_i64 (local.get $rest)))

  (func (export "[method]descriptor.read") (param $self i32) (param $length i64) (param $offset i64) (result i32)
    (local $entry i32) (local $read i32) (local $buffer i32)
    (local.set $entry (i32.sub (local.get $self) (i32.const 1)))
    (if (call $is_directory (local.get $entry)) (then (return (call $bad_descriptor))))
    (local.set $read (call $readable (call $size (local.get $entry)) (local.get $offset) (local.get $length)))
    (local.set $buffer (call $allocate (local.get $read)))
    (if (call $load
          (call $content (local.get $entry)) (local.get $buffer) (local.get $offset) (local.get $read))
      (then (return (call $io))))
    (drop (call $list (local.get $buffer) (local.get $read)))
    (i32.store8 (i32.const 28) (i32.eqz (local.get $read)))
    (i32.const 16))

  (func (export "[method]descriptor.read-via-stream") (param $self i32) (param $offset i64) (result i32)
    (local $entry i32) (local $stream i32)
    (local.set $entry (i32.sub (local.get $self) (i32.const 1)))
    (if (call $is_directory (local.get $entry)) (then (return (call $bad_descriptor))))
    ;; A stream cannot give an error for a file, because all errors of streams are the host's. So read a byte first.
    (if (call $load
          (call $content (local.get $entry)) (call $allocate (i32.const 1)) (local.get $offset)
          (call $readable (call $size (local.get $entry)) (local.get $offset) (i64.const 1)))
      (then (return (call $io))))
    (local.set $stream (call $new_record))
    (i32.store (local.get $stream) (call $content (local.get $entry)))
    (i64.store offset=8 (local.get $stream) (local.get $offset))
    (drop (call $new_result))
    (i32.store (i32.const 20) (call $new_input_stream (local.get $stream)))
    (i32.const 16))

  ;; Descriptors

  (func (export "[method]descriptor.advise") (param $self i32) (param i64 i64 i32) (result i32)
    (if (call $is_directory (i32.sub (local.get $self) (i32.const 1))) (then (return (call $bad_descriptor))))
    (call $new_result))

  (func (export "[method]descriptor.sync-data") (param i32) (result i32) (call $new_result))
  (func (export "[method]descriptor.sync") (param i32) (result i32) (call $new_result))

  (func (export "[method]descriptor.get-flags") (param i32) (result i32)
    (drop (call $new_result))
    (i32.store8 (i32.const 17) (i32.const 1))
    (i32.const 16))

  (func (export "[method]descriptor.get-type") (param $self i32) (result i32)
    (drop (call $new_result))
    (i32.store8 (i32.const 17) (call $type (i32.sub (local.get $self) (i32.const 1))))
    (i32.const 16))

  (func $stat (param $entry i32) (result i32)
    (if (i32.lt_s (local.get $entry) (i32.const 0))
      (then (return (call $fail (i32.sub (i32.const 0) (local.get $entry))))))
    (drop (call $new_result))
    (i32.store8 (i32.const 24) (call $type (local.get $entry)))
    (i64.store (i32.const 32) (i64.const 1))
    (i64.store (i32.const 40) (call $size (local.get $entry)))
    (i32.const 16))

  (func (export "[method]descriptor.stat") (param $self i32) (result i32)
    (call $stat (i32.sub (local.get $self) (i32.const 1))))

  (func (export "[method]descriptor.stat-at") (param $self i32) (param i32) (param $path i32) (param $length i32) (result i32)
    (call $stat (call $resolve (local.get $self) (local.get $path) (local.get $length))))

  (func $metadata_hash (param $entry i32) (result i32)
    (if (i32.lt_s (local.get $entry) (i32.const 0))
      (then (return (call $fail (i32.sub (i32.const 0) (local.get $entry))))))
    (drop (call $new_result))
    (i64.store (i32.const 24) (i64.add (global.get $hash_lower) (i64.extend_i32_u (local.get $entry))))
    (i64.store (i32.const 32) (global.get $hash_upper))
    (i32.const 16))

  (func (export "[method]descriptor.metadata-hash") (param $self i32) (result i32)
    (call $metadata_hash (i32.sub (local.get $self) (i32.const 1))))

  (func (export "[method]descriptor.metadata-hash-at") (param $self i32) (param i32) (param $path i32) (param $length i32) (result i32)
    (call $metadata_hash (call $resolve (local.get $self) (local.get $path) (local.get $length))))

  (func (export "[method]descriptor.is-same-object") (param $self i32) (param $other i32) (result i32)
    (i32.eq (local.get $self) (local.get $other)))

  (func (export "[method]descriptor.open-at")
    (param $self i32) (param i32) (param $path i32) (param $length i32) (param $open_flags i32) (param $flags i32) (result i32)
    (local $entry i32)
    (local.set $entry (call $resolve (local.get $self) (local.get $path) (local.get $length)))
    ;; A path outside is refused first.
    (if (i32.eq (local.get $entry) (i32.const -31)) (then (return (call $fail (i32.const 31)))))
    ;; create, truncate, write and mutate-directory
    (if (i32.or
          (i32.and (local.get $open_flags) (i32.const 9))
          (i32.and (local.get $flags) (i32.const 34)))
      (then (return (call $read_only))))
    (if (i32.lt_s (local.get $entry) (i32.const 0))
      (then (return (call $fail (i32.sub (i32.const 0) (local.get $entry))))))
    ;; directory
    (if (i32.and
          (i32.ne (i32.and (local.get $open_flags) (i32.const 2)) (i32.const 0))
          (i32.eqz (call $is_directory (local.get $entry))))
      (then (return (call $not_directory))))
    (drop (call $new_result))
    (i32.store (i32.const 20) (call $new_descriptor (i32.add (local.get $entry) (i32.const 1))))
    (i32.const 16))

  (func (export "[method]descriptor.readlink-at") (param $self i32) (param $path i32) (param $length i32) (result i32)
    (local $entry i32)
    (local.set $entry (call $resolve (local.get $self) (local.get $path) (local.get $length)))
    (if (i32.lt_s (local.get $entry) (i32.const 0))
      (then (return (call $fail (i32.sub (i32.const 0) (local.get $entry))))))
    (call $invalid))

  ;; Functions that write

  (func (export "[method]descriptor.write-via-stream") (param i32 i64) (result i32) (call $read_only))
  (func (export "[method]descriptor.append-via-stream") (param i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.set-size") (param i32 i64) (result i32) (call $read_only))
  (func (export "[method]descriptor.set-times") (param i32 i32 i64 i32 i32 i64 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.write") (param i32 i32 i32 i64) (result i32) (call $read_only))
  (func (export "[method]descriptor.create-directory-at") (param i32 i32 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.set-times-at") (param i32 i32 i32 i32 i32 i64 i32 i32 i64 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.link-at") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.remove-directory-at") (param i32 i32 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.rename-at") (param i32 i32 i32 i32 i32 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.symlink-at") (param i32 i32 i32 i32 i32) (result i32) (call $read_only))
  (func (export "[method]descriptor.unlink-file-at") (param i32 i32 i32) (result i32) (call $read_only))

  ;; Directories

  (func (export "[method]descriptor.read-directory") (param $self i32) (result i32)
    (local $entry i32) (local $stream i32)
    (local.set $entry (i32.sub (local.get $self) (i32.const 1)))
    (if (i32.eqz (call $is_directory (local.get $entry))) (then (return (call $not_directory))))
    (local.set $stream (call $new_record))
    (i32.store (local.get $stream) (call $first_child (local.get $entry)))
    (i32.store offset=4 (local.get $stream) (call $last_child (local.get $entry)))
    (drop (call $new_result))
    (i32.store (i32.const 20) (call $new_directory_entry_stream (local.get $stream)))
    (i32.const 16))

  (func (export "[method]directory-entry-stream.read-directory-entry") (param $self i32) (result i32)
    (local $entry i32)
    (drop (call $new_result))
    (local.set $entry (i32.load (local.get $self)))
    (if (i32.ne (local.get $entry) (i32.load offset=4 (local.get $self)))
      (then
        (i32.store (local.get $self) (i32.add (local.get $entry) (i32.const 1)))
        (i32.store8 (i32.const 20) (i32.const 1))
        (i32.store8 (i32.const 24) (call $type (local.get $entry)))
        (i32.store (i32.const 28) (call $name (local.get $entry)))
        (i32.store (i32.const 32) (call $name_length (local.get $entry)))))
    (i32.const 16))

  ;; Returns a list with one directory. Its element follows the list's address and length.
  (func (export "get-directories") (result i32)
    (drop (call $new_result))
    (i32.store (i32.const 16) (i32.const 24))
    (i32.store (i32.const 20) (i32.const 1))
    (i32.store (i32.const 24) (call $new_descriptor (i32.const 1)))
    (i32.store (i32.const 28) (global.get $mount))
    (i32.store (i32.const 32) (global.get $mount_length))
    (i32.const 16))

  ;; No error of a stream comes from these files.
  (func (export "filesystem-error-code") (param $error i32) (result i32)
    (call $drop_error (local.get $error))
    (call $new_result))

  ;; Streams

  (func $is_host (param $stream i32) (result i32)
    (i32.eq (i32.load (local.get $stream)) (i32.const -1)))

  (func $host (param $stream i32) (result i32)
    (i32.load offset=4 (local.get $stream)))

  ;; Returns how many bytes a stream can give.
  (func $available (param $stream i32) (param $length i64) (result i32)
    (call $readable
      (call $size_of_content (i32.load (local.get $stream)))
      (i64.load offset=8 (local.get $stream))
      (local.get $length)))

  ;; Returns how many bytes a stream can give, and advances it.
  (func $advance (param $stream i32) (param $length i64) (result i32)
    (local $count i32)
    (local.set $count (call $available (local.get $stream) (local.get $length)))
    (i64.store offset=8 (local.get $stream)
      (i64.add (i64.load offset=8 (local.get $stream)) (i64.extend_i32_u (local.get $count))))
    (local.get $count))

  ;; Copies the bytes before the position of a stream into new memory. Traps if they cannot be read, because the end of
  ;; the stream would be wrong.
  (func $last_bytes (param $stream i32) (param $count i32) (result i32)
    (local $buffer i32)
    (local.set $buffer (call $allocate (local.get $count)))
    (if (call $load
          (i32.load (local.get $stream)) (local.get $buffer)
          (i64.sub (i64.load offset=8 (local.get $stream)) (i64.extend_i32_u (local.get $count))) (local.get $count))
      (then unreachable))
    (local.get $buffer))

  (func $is_end (param $stream i32) (param $length i64) (result i32)
    (i32.and
      (i64.ne (local.get $length) (i64.const 0))
      (i32.eqz (call $available (local.get $stream) (i64.const 1)))))

  (func $read (param $stream i32) (param $length i64) (result i32)
    (local $count i32)
    (if (call $is_end (local.get $stream) (local.get $length)) (then (return (call $closed))))
    (local.set $count (call $advance (local.get $stream) (local.get $length)))
    (call $list (call $last_bytes (local.get $stream) (local.get $count)) (local.get $count)))

  (func (export "[method]input-stream.read") (param $self i32) (param $length i64) (result i32)
    (if (i32.eqz (call $is_host (local.get $self)))
      (then (return (call $read (local.get $self) (local.get $length)))))
    (call $host_read (call $host (local.get $self)) (local.get $length) (i32.const 16))
    (call $finish)
    (i32.const 16))

  (func (export "[method]input-stream.blocking-read") (param $self i32) (param $length i64) (result i32)
    (if (i32.eqz (call $is_host (local.get $self)))
      (then (return (call $read (local.get $self) (local.get $length)))))
    (call $host_blocking_read (call $host (local.get $self)) (local.get $length) (i32.const 16))
    (call $finish)
    (i32.const 16))

  (func $skip (param $stream i32) (param $length i64) (result i32)
    (if (call $is_end (local.get $stream) (local.get $length)) (then (return (call $closed))))
    (drop (call $new_result))
    (i64.store (i32.const 24) (i64.extend_i32_u (call $advance (local.get $stream) (local.get $length))))
    (i32.const 16))

  (func (export "[method]input-stream.skip") (param $self i32) (param $length i64) (result i32)
    (if (i32.eqz (call $is_host (local.get $self)))
      (then (return (call $skip (local.get $self) (local.get $length)))))
    (call $host_skip (call $host (local.get $self)) (local.get $length) (i32.const 16))
    (i32.const 16))

  (func (export "[method]input-stream.blocking-skip") (param $self i32) (param $length i64) (result i32)
    (if (i32.eqz (call $is_host (local.get $self)))
      (then (return (call $skip (local.get $self) (local.get $length)))))
    (call $host_blocking_skip (call $host (local.get $self)) (local.get $length) (i32.const 16))
    (i32.const 16))

  ;; A file is always ready, and so is a clock that waits for no time.
  (func (export "[method]input-stream.subscribe") (param $self i32) (result i32)
    (if (result i32) (call $is_host (local.get $self))
      (then (call $host_subscribe (call $host (local.get $self))))
      (else (call $subscribe_duration (i64.const 0)))))

  ;; Turns a result without a value at 144 into a result with the number of bytes that were written.
  (func $written (param $count i32) (result i32)
    (drop (call $new_result))
    (if (i32.load8_u (i32.const 144))
      (then
        (i32.store8 (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.load (i32.const 148))))
      (else (i64.store (i32.const 24) (i64.extend_i32_u (local.get $count)))))
    (i32.const 16))

  (func $splice (param $to i32) (param $stream i32) (param $length i64) (result i32)
    (local $count i32)
    (if (call $is_end (local.get $stream) (local.get $length)) (then (return (call $closed))))
    (call $check_write (local.get $to) (i32.const 16))
    (if (i32.load8_u (i32.const 16)) (then (return (i32.const 16))))
    (if (i64.gt_u (local.get $length) (i64.load (i32.const 24)))
      (then (local.set $length (i64.load (i32.const 24)))))
    (local.set $count (call $advance (local.get $stream) (local.get $length)))
    (call $write
      (local.get $to) (call $last_bytes (local.get $stream) (local.get $count)) (local.get $count) (i32.const 144))
    (call $written (local.get $count)))

  (func (export "[method]output-stream.splice") (param $self i32) (param $stream i32) (param $length i64) (result i32)
    (if (call $is_host (local.get $stream))
      (then
        (call $host_splice (local.get $self) (call $host (local.get $stream)) (local.get $length) (i32.const 16)))
      (else
        (drop (call $splice (local.get $self) (local.get $stream) (local.get $length)))))
    (call $drop_output_stream (local.get $self))
    (i32.const 16))

  ;; One blocking write takes at most 4096 bytes.
  (func $blocking_splice (param $to i32) (param $stream i32) (param $length i64) (result i32)
    (local $count i32)
    (if (call $is_end (local.get $stream) (local.get $length)) (then (return (call $closed))))
    (if (i64.gt_u (local.get $length) (i64.const 4096)) (then (local.set $length (i64.const 4096))))
    (local.set $count (call $advance (local.get $stream) (local.get $length)))
    (call $blocking_write
      (local.get $to) (call $last_bytes (local.get $stream) (local.get $count)) (local.get $count) (i32.const 144))
    (call $written (local.get $count)))

  (func (export "[method]output-stream.blocking-splice") (param $self i32) (param $stream i32) (param $length i64) (result i32)
    (if (call $is_host (local.get $stream))
      (then
        (call $host_blocking_splice (local.get $self) (call $host (local.get $stream)) (local.get $length) (i32.const 16)))
      (else
        (drop (call $blocking_splice (local.get $self) (local.get $stream) (local.get $length)))))
    (call $drop_output_stream (local.get $self))
    (i32.const 16)))
