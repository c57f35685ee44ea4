;; Reads any blob as bytes that are each the lowest byte of their offset times 7, plus the offset divided by 256.
(component
  (core module $bytes
    (memory (export "memory") 17)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
    ;; The result is at 0, and its bytes are from the second page on.
    (func (export "read") (param i32 i32) (param $offset i64) (param $length i32) (result i32)
      (local $at i32)
      (i32.store8 (i32.const 0) (i32.const 0))
      (i32.store (i32.const 4) (i32.const 0x10000))
      (i32.store (i32.const 8) (local.get $length))
      (loop $next
        (i64.store8 offset=0x10000 (local.get $at)
          (i64.add
            (i64.mul (local.get $offset) (i64.const 7))
            (i64.shr_u (local.get $offset) (i64.const 8))))
        (local.set $offset (i64.add (local.get $offset) (i64.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $at) (local.get $length))))
      (i32.const 0)))
  (core instance $bytes (instantiate $bytes))
  (func $read (param "digest" string) (param "offset" u64) (param "length" u32) (result (result (list u8)))
    (canon lift (core func $bytes "read") (memory (core memory $bytes "memory"))
      (realloc (core func $bytes "realloc"))))
  (instance $blob (export "read" (func $read)))
  (export "wharf:assets/blob@0.1.0" (instance $blob)))
