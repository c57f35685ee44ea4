;; The memory for the next chunk. It is a module of its own, because `remote.wat` imports a function that needs it.
(core module $slot
  (global $address (export "address") (mut i32) (i32.const 0))
  (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
    ;; No chunk is larger than 1 MiB.
    (if (i32.gt_u (local.get $size) (i32.const 0x100000)) (then unreachable))
    (global.get $address)))
