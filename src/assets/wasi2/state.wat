;; Memory for one call, and records of streams. This module has the destructors, so it exists before the resources.
(core module $state
  (import "table" "memory" (memory 1))
  (import "table" "free" (global $free_start i32))
  (import "table" "end" (global $free_end i32))
  (import "host" "drop-input-stream" (func $drop_host_stream (param i32)))

  ;; The memory of the current call begins at $start and is used up to $next. $end is its limit.
  (global $start (mut i32) (global.get $free_start))
  (global $next (mut i32) (global.get $free_start))
  (global $end (mut i32) (global.get $free_end))
  (global $is_finished (mut i32) (i32.const 0))

  ;; Records have 16 bytes. $record is the first one that was released, and each contains the next one.
  (global $record (mut i32) (i32.const 0))
  (global $unused (mut i32) (i32.const 0))
  (global $unused_end (mut i32) (i32.const 0))

  (func $grow (param $pages i32) (result i32)
    (local $grown i32)
    (local.set $grown (memory.grow (local.get $pages)))
    (if (i32.eq (local.get $grown) (i32.const -1)) (then unreachable))
    (i32.shl (local.get $grown) (i32.const 16)))

  ;; Returns memory that is valid until the next call of an exported function allocates.
  (func $allocate (export "allocate") (param $size i32) (result i32)
    (local $address i32) (local $pages i32) (local $grown i32)
    (if (global.get $is_finished)
      (then
        (global.set $next (global.get $start))
        (global.set $is_finished (i32.const 0))))
    (local.set $address
      (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (if (i32.gt_u (local.get $size) (i32.sub (global.get $end) (local.get $address)))
      (then
        (local.set $pages
          (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))
        (local.set $grown (call $grow (local.get $pages)))
        ;; A page of records may lie between. The call's memory then moves behind it.
        (if (i32.ne (local.get $grown) (global.get $end))
          (then
            (local.set $address (local.get $grown))
            (global.set $start (local.get $grown))))
        (global.set $end
          (i32.add (local.get $grown) (i32.shl (local.get $pages) (i32.const 16))))))
    (global.set $next (i32.add (local.get $address) (local.get $size)))
    (local.get $address))

  (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $address i32)
    (if (i32.and (i32.ne (local.get $old) (i32.const 0)) (i32.le_u (local.get $size) (local.get $old_size)))
      (then (return (local.get $old))))
    (local.set $address (call $allocate (local.get $size)))
    (memory.copy (local.get $address) (local.get $old) (local.get $old_size))
    (local.get $address))

  ;; Results are still read after the call returns, so the next allocation resets the memory.
  (func (export "finish")
    (global.set $is_finished (i32.const 1)))

  (func (export "new-record") (result i32)
    (local $new i32)
    (local.set $new (global.get $record))
    (if (local.get $new)
      (then
        (global.set $record (i32.load (local.get $new)))
        (return (local.get $new))))
    (if (i32.eq (global.get $unused) (global.get $unused_end))
      (then
        (global.set $unused (call $grow (i32.const 1)))
        (global.set $unused_end (i32.add (global.get $unused) (i32.const 0x10000)))))
    (local.set $new (global.get $unused))
    (global.set $unused (i32.add (local.get $new) (i32.const 16)))
    (local.get $new))

  (func $release (export "release") (param $self i32)
    (i32.store (local.get $self) (global.get $record))
    (global.set $record (local.get $self)))

  (func (export "release-stream") (param $self i32)
    (if (i32.eq (i32.load (local.get $self)) (i32.const -1))
      (then (call $drop_host_stream (i32.load offset=4 (local.get $self)))))
    (call $release (local.get $self))))
