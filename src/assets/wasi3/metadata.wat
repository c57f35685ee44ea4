;; Code for the metadata of the entries.
(core module $metadata
  ;; Memory: 0 to 119 the result of a call; from 128 the nodes, one for each entry, the root first; then their names;
  ;; then space for the strings of a call.
  ;;
  ;; A node has 32 bytes. Its address is the rep of its descriptors.
  ;;    0 name     address
  ;;    4          length
  ;;    8 parent   node; the root is its own parent
  ;;   12 content  number of the content, from 1; 0 for a directory
  ;;   16 size     of a file, i64; for a directory: first child (node), number of children
  ;;   24 digest   the first eight bytes of the content's digest; 0 for a directory
  ;; The children of a directory follow each other, sorted by name.

  (import "tables" "memory" (memory 1))
  (import "tables" "end" (global $tables-end i32))
  (import "tables" "memory-end" (global $memory-end i32))
  (import "descriptors" "node" (func $get-node (param i32) (result i32)))
  (import "descriptors" "open" (func $open (param i32) (result i32)))
  (import "descriptors" "drop" (func $drop (param i32)))
  (import "streams" "read" (func $read (param i32 i64 i32) (result i32)))
  (import "streams" "read-directory" (func $read-directory (param i32 i32) (result i32)))
  (import "streams" "refuse" (func $refuse-bytes (param i32 i32) (result i32)))

  ;; Cases of error-code.
  (global $invalid i32 (i32.const 11))
  (global $is-directory i32 (i32.const 13))
  (global $no-entry i32 (i32.const 19))
  (global $not-directory i32 (i32.const 23))
  (global $not-permitted i32 (i32.const 30))
  (global $read-only i32 (i32.const 32))

  (global $root i32 (i32.const 128))
  ;; The space for the strings of a call, and the address of the next string.
  (global $strings (mut i32) (global.get $tables-end))
  (global $strings-end (mut i32) (global.get $memory-end))
  (global $string (mut i32) (global.get $tables-end))

  (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local $pages i32)
    (local.set $at (global.get $string))
    (if (i32.gt_u (local.get $size) (i32.sub (global.get $strings-end) (local.get $at)))
      (then
        (local.set $pages (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))
        (local.set $at (call $grow (local.get $pages)))
        (global.set $strings (local.get $at))
        (global.set $strings-end (i32.add (local.get $at) (i32.shl (local.get $pages) (i32.const 16))))))
    (global.set $string (i32.add (local.get $at) (local.get $size)))
    (memory.copy (local.get $at) (local.get $old)
      (select (local.get $size) (local.get $old-size) (i32.lt_u (local.get $size) (local.get $old-size))))
    (local.get $at))

  ;; Returns the address of new pages.
  (func $grow (param $pages i32) (result i32)
    (local $before i32)
    (local.set $before (memory.grow (local.get $pages)))
    (if (i32.eq (local.get $before) (i32.const -1)) (then (unreachable)))
    (i32.shl (local.get $before) (i32.const 16)))

  ;; Results. An error is at 4 or at 8, depending on the alignment of the value that it stands for.

  (func $ok (result i32)
    (i32.store8 (i32.const 0) (i32.const 0))
    (i32.const 0))

  (func $fail (param $error i32) (result i32)
    (i32.store8 (i32.const 0) (i32.const 1))
    (i32.store (i32.const 4) (local.get $error))
    (i32.store (i32.const 8) (local.get $error))
    (i32.const 0))

  (func $refuse (param $self i32) (result i32)
    (call $drop (local.get $self))
    (global.set $string (global.get $strings))
    (call $fail (global.get $read-only)))

  ;; Nodes. Error codes are smaller than the address of any node.

  ;; Returns the node of a borrowed handle, and drops the handle: a method must not return with it.
  (func $node (param $self i32) (result i32)
    (call $get-node (local.get $self))
    (call $drop (local.get $self)))

  (func $is-error (param $node i32) (result i32)
    (i32.lt_u (local.get $node) (global.get $root)))

  (func $content (param $node i32) (result i32)
    (i32.load offset=12 (local.get $node)))

  ;; Returns the case of descriptor-type: directory or regular-file.
  (func $type (param $node i32) (result i32)
    (select (i32.const 5) (i32.const 2) (call $content (local.get $node))))

  ;; Returns the number of bytes of a file, or 0.
  (func $size (param $node i32) (result i64)
    (select (i64.load offset=16 (local.get $node)) (i64.const 0) (call $content (local.get $node))))

  ;; Compares the name of a node with a string: negative, 0 or positive.
  (func $compare (param $node i32) (param $string i32) (param $length i32) (result i32)
    (local $name i32)
    (local $left i32)
    (local $difference i32)
    (local.set $name (i32.load (local.get $node)))
    (local.set $left (i32.load offset=4 (local.get $node)))
    (loop $bytes
      (if (i32.or (i32.eqz (local.get $left)) (i32.eqz (local.get $length)))
        (then (return (i32.sub (local.get $left) (local.get $length)))))
      (local.set $difference (i32.sub (i32.load8_u (local.get $name)) (i32.load8_u (local.get $string))))
      (if (local.get $difference) (then (return (local.get $difference))))
      (local.set $name (i32.add (local.get $name) (i32.const 1)))
      (local.set $string (i32.add (local.get $string) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $bytes))
    (unreachable))

  ;; Returns the child of a directory that has this name, or an error.
  (func $child (param $directory i32) (param $string i32) (param $length i32) (result i32)
    (local $first i32)
    (local $count i32)
    (local $middle i32)
    (local $order i32)
    (local.set $first (i32.load offset=16 (local.get $directory)))
    (local.set $count (i32.load offset=20 (local.get $directory)))
    (loop $halves
      (if (i32.eqz (local.get $count)) (then (return (global.get $no-entry))))
      (local.set $middle
        (i32.add (local.get $first) (i32.shl (i32.shr_u (local.get $count) (i32.const 1)) (i32.const 5))))
      (local.set $order (call $compare (local.get $middle) (local.get $string) (local.get $length)))
      (if (i32.eqz (local.get $order)) (then (return (local.get $middle))))
      (if (i32.lt_s (local.get $order) (i32.const 0))
        (then
          (local.set $first (i32.add (local.get $middle) (i32.const 32)))
          (local.set $count (i32.shr_u (i32.sub (local.get $count) (i32.const 1)) (i32.const 1))))
        (else (local.set $count (i32.shr_u (local.get $count) (i32.const 1)))))
      (br $halves))
    (unreachable))

  ;; Returns the node at a path, or an error. A path never leaves the directory that it starts from.
  (func $resolve (param $base i32) (param $path i32) (param $length i32) (result i32)
    (local $node i32)
    (local $end i32)
    (local $name i32)
    (global.set $string (global.get $strings))
    (if (i32.eqz (local.get $length)) (then (return (global.get $no-entry))))
    (if (i32.eq (i32.load8_u (local.get $path)) (i32.const 0x2f)) (then (return (global.get $not-permitted))))
    (local.set $node (local.get $base))
    (local.set $end (i32.add (local.get $path) (local.get $length)))
    (loop $names
      (if (call $content (local.get $node)) (then (return (global.get $not-directory))))
      (local.set $name (local.get $path))
      (block $slash
        (loop $bytes
          (br_if $slash (i32.eq (local.get $path) (local.get $end)))
          (br_if $slash (i32.eq (i32.load8_u (local.get $path)) (i32.const 0x2f)))
          (local.set $path (i32.add (local.get $path) (i32.const 1)))
          (br $bytes)))
      (local.set $node
        (call $step (local.get $base) (local.get $node) (local.get $name)
          (i32.sub (local.get $path) (local.get $name))))
      (if (call $is-error (local.get $node)) (then (return (local.get $node))))
      (if (i32.lt_u (local.get $path) (local.get $end))
        (then
          (local.set $path (i32.add (local.get $path) (i32.const 1)))
          (br $names))))
    (local.get $node))

  ;; Returns the node that one name of a path leads to, or an error.
  (func $step (param $base i32) (param $node i32) (param $name i32) (param $length i32) (result i32)
    (if (i32.eqz (local.get $length)) (then (return (local.get $node))))
    (if (i32.eq (i32.load8_u (local.get $name)) (i32.const 0x2e))
      (then
        (if (i32.eq (local.get $length) (i32.const 1)) (then (return (local.get $node))))
        (if (i32.and
              (i32.eq (local.get $length) (i32.const 2))
              (i32.eq (i32.load8_u offset=1 (local.get $name)) (i32.const 0x2e)))
          (then
            (if (i32.eq (local.get $node) (local.get $base)) (then (return (global.get $not-permitted))))
            (return (i32.load offset=8 (local.get $node)))))))
    (call $child (local.get $node) (local.get $name) (local.get $length)))

  ;; Methods that read metadata. Each returns the address of its result.

  (func (export "get-flags") (param $self i32) (result i32)
    (call $drop (local.get $self))
    ;; read
    (i32.store8 offset=4 (call $ok) (i32.const 1))
    (i32.const 0))

  (func (export "get-type") (param $self i32) (result i32)
    (i32.store8 offset=4 (call $ok) (call $type (call $node (local.get $self))))
    (i32.const 0))

  (func $stat (param $node i32) (result i32)
    (if (call $is-error (local.get $node)) (then (return (call $fail (local.get $node)))))
    (i32.store8 offset=8 (call $ok) (call $type (local.get $node)))
    (i64.store offset=24 (i32.const 0) (i64.const 1))
    (i64.store offset=32 (i32.const 0) (call $size (local.get $node)))
    (i32.const 0))

  (func (export "stat") (param $self i32) (result i32)
    (call $stat (call $node (local.get $self))))

  (func (export "stat-at") (param $self i32) (param $flags i32) (param $path i32) (param $length i32) (result i32)
    (call $stat (call $resolve (call $node (local.get $self)) (local.get $path) (local.get $length))))

  ;; Differs between any two nodes, and between two versions of a file.
  (func $metadata-hash (param $node i32) (result i32)
    (if (call $is-error (local.get $node)) (then (return (call $fail (local.get $node)))))
    (i64.store offset=8 (call $ok)
      (i64.xor (i64.load offset=24 (local.get $node)) (i64.extend_i32_u (local.get $node))))
    (i64.store offset=16 (i32.const 0) (call $size (local.get $node)))
    (i32.const 0))

  (func (export "metadata-hash") (param $self i32) (result i32)
    (call $metadata-hash (call $node (local.get $self))))

  (func (export "metadata-hash-at")
    (param $self i32) (param $flags i32) (param $path i32) (param $length i32) (result i32)
    (call $metadata-hash (call $resolve (call $node (local.get $self)) (local.get $path) (local.get $length))))

  (func (export "is-same-object") (param $self i32) (param $other i32) (result i32)
    (i32.eq (call $node (local.get $self)) (call $node (local.get $other))))

  ;; No entry is a symbolic link.
  (func (export "readlink-at") (param $self i32) (param $path i32) (param $length i32) (result i32)
    (local $node i32)
    (local.set $node (call $resolve (call $node (local.get $self)) (local.get $path) (local.get $length)))
    (call $fail (select (local.get $node) (global.get $invalid) (call $is-error (local.get $node)))))

  (func (export "open-at")
    (param $self i32) (param $path-flags i32) (param $path i32) (param $length i32)
    (param $open-flags i32) (param $flags i32) (result i32)
    (local $node i32)
    (local.set $node (call $resolve (call $node (local.get $self)) (local.get $path) (local.get $length)))
    ;; create or truncate; write or mutate-directory
    (if (i32.or
          (i32.and (local.get $open-flags) (i32.const 0x9))
          (i32.and (local.get $flags) (i32.const 0x22)))
      (then (return (call $fail (global.get $read-only)))))
    (if (call $is-error (local.get $node)) (then (return (call $fail (local.get $node)))))
    ;; directory
    (if (i32.and (local.get $open-flags) (i32.const 0x2))
      (then
        (if (call $content (local.get $node)) (then (return (call $fail (global.get $not-directory)))))))
    (i32.store offset=4 (call $ok) (call $open (local.get $node)))
    (i32.const 0))

  ;; Methods without effect, and methods that would write. The names say which parameters follow the descriptor.

  (func $accept (export "accept") (param $self i32) (result i32)
    (call $drop (local.get $self))
    (call $ok))
  (func (export "accept-advice") (param i32 i64 i64 i32) (result i32) (call $accept (local.get 0)))
  (func (export "refuse-size") (param i32 i64) (result i32) (call $refuse (local.get 0)))
  (func (export "refuse-times") (param i32 i32 i64 i32 i32 i64 i32) (result i32) (call $refuse (local.get 0)))
  (func (export "refuse-path") (param i32 i32 i32) (result i32) (call $refuse (local.get 0)))
  (func (export "refuse-path-times")
    (param i32 i32 i32 i32 i32 i64 i32 i32 i64 i32) (result i32)
    (call $refuse (local.get 0)))
  (func (export "refuse-link") (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $drop (local.get 4))
    (call $refuse (local.get 0)))
  (func (export "refuse-rename") (param i32 i32 i32 i32 i32 i32) (result i32)
    (call $drop (local.get 3))
    (call $refuse (local.get 0)))
  (func (export "refuse-paths") (param i32 i32 i32 i32 i32) (result i32) (call $refuse (local.get 0)))

  ;; Methods with streams. These are not async, so they cannot write a stream after they have returned. Each calls an
  ;; async function of another component. That function returns at once, and its task goes on to write.

  (func (export "read-via-stream") (param $self i32) (param $offset i64) (result i32)
    (call $check (call $read (call $node (local.get $self)) (local.get $offset) (i32.const 0)))
    (i32.const 0))

  (func (export "read-directory") (param $self i32) (result i32)
    (call $check (call $read-directory (call $node (local.get $self)) (i32.const 0)))
    (i32.const 0))

  (func $append (export "append-via-stream") (param $self i32) (param $bytes i32) (result i32)
    (call $drop (local.get $self))
    (call $check (call $refuse-bytes (local.get $bytes) (i32.const 0)))
    (i32.load (i32.const 0)))

  (func (export "write-via-stream") (param $self i32) (param $bytes i32) (param $offset i64) (result i32)
    (call $append (local.get $self) (local.get $bytes)))

  ;; The state of a call must be "returned": the other component is never busy.
  (func $check (param $state i32)
    (if (i32.ne (local.get $state) (i32.const 2)) (then (unreachable)))))
