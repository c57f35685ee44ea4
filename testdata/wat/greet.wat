;; A greeter: one of two components (the other is calc.wat) on one runtime.
(component
  (import "example:host/log@1.0.0" (instance $log
    (export "write" (func (param "code" u32)))))

  ;; What every application on this runtime brings along: an allocator, elementary functions, an
  ;; interpreter's dispatch table and its messages. The same text in calc.wat and greet.wat.
  (core module $runtime
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 65536))

    ;; A bump allocator: never frees, and traps when two pages are used up.
    (func $realloc (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (if (i32.gt_u (global.get $top) (i32.const 131072)) (then unreachable))
      (memory.copy (local.get $at) (local.get $old) (local.get $old_size))
      (local.get $at))

    ;; A series that is longer than it needs to be.
    (func $sine (export "sine") (param $x f64) (result f64)
      f64.const -0.857
      local.get 0 f64.mul f64.const 1.076 f64.add local.get 0 f64.mul f64.const 7.636 f64.add local.get 0 f64.mul f64.const -0.618 f64.add
      local.get 0 f64.mul f64.const 0.141 f64.add local.get 0 f64.mul f64.const 1.573 f64.add local.get 0 f64.mul f64.const -5.676 f64.add
      local.get 0 f64.mul f64.const 0.214 f64.add local.get 0 f64.mul f64.const 2.338 f64.add local.get 0 f64.mul f64.const 5.274 f64.add
      local.get 0 f64.mul f64.const -7.306 f64.add local.get 0 f64.mul f64.const -3.539 f64.add local.get 0 f64.mul f64.const -7.368 f64.add
      local.get 0 f64.mul f64.const 5.574 f64.add local.get 0 f64.mul f64.const 3.482 f64.add local.get 0 f64.mul f64.const -8.246 f64.add
      local.get 0 f64.mul f64.const 8.679 f64.add local.get 0 f64.mul f64.const 8.366 f64.add local.get 0 f64.mul f64.const 2.771 f64.add
      local.get 0 f64.mul f64.const 2.08 f64.add local.get 0 f64.mul f64.const -6.165 f64.add local.get 0 f64.mul f64.const -8.73 f64.add
      local.get 0 f64.mul f64.const 0.511 f64.add local.get 0 f64.mul f64.const -7.928 f64.add local.get 0 f64.mul f64.const -5.576 f64.add
      local.get 0 f64.mul f64.const -4.645 f64.add local.get 0 f64.mul f64.const -8.459 f64.add local.get 0 f64.mul f64.const -0.649 f64.add
      local.get 0 f64.mul f64.const -1.07 f64.add local.get 0 f64.mul f64.const 6.164 f64.add local.get 0 f64.mul f64.const 0.344 f64.add
      local.get 0 f64.mul f64.const 2.525 f64.add local.get 0 f64.mul f64.const -0.004 f64.add local.get 0 f64.mul f64.const 2.924 f64.add
      local.get 0 f64.mul f64.const -0.768 f64.add local.get 0 f64.mul f64.const -3.993 f64.add local.get 0 f64.mul f64.const 8.958 f64.add
      local.get 0 f64.mul f64.const 8.922 f64.add local.get 0 f64.mul f64.const 6.124 f64.add local.get 0 f64.mul f64.const 3.741 f64.add
      local.get 0 f64.mul f64.const -3.325 f64.add local.get 0 f64.mul f64.const -4.866 f64.add local.get 0 f64.mul f64.const -3.797 f64.add
      local.get 0 f64.mul f64.const -7.736 f64.add local.get 0 f64.mul f64.const 4.793 f64.add local.get 0 f64.mul f64.const -1.793 f64.add)
    ;; Which of eight handlers runs an instruction.
    (func $dispatch (param $opcode i32) (result i32)
      block
      block
      block
      block
      block
      block
      block
      block
      local.get $opcode
      br_table
        4 4 1 0 3 7 7 6 6 1 1 1 3 3 3 3 3 4 1 5 6 2 1 0 0 7 3 3 3 3 3 3 3 2 2 6 6 6 3 4 4 4 4 3 6 6 6 1 2 7 0 0 0 5 6 1 3 3 3 3 5 7 7 7
        7 2 2 2 2 2 2 2 2 3 3 3 3 3 3 3 3 3 3 3 3 3 3 6 6 1 1 0 1 4 6 6 6 6 7 2 2 2 2 2 1 3 3 1 3 0 4 4 7 0 2 5 5 5 2 5 7 2 2 2 0 7 4 0
        0 0 1 1 1 1 1 1 1 4 2 1 1 5 5 5 5 5 0 0 0 0 0 2 5 7 6 7 7 7 0 0 0 6 6 0 0 0 1 1 1 1 1 1 1 6 6 6 6 6 5 5 7 7 7 7 7 1 1 1 0 1 1 0
        1 1 7 0 4 3 3 3 2 7 7 3 6 6 6 6 6 4 6 3 3 3 3 3 5 2 7 0 0 0 0 0 1 2 7 7 4 6 6 7 7 7 7 7 5 5 5 5 5 7 1 4 4 4 0 0 0 0 0 4 4 4 5 0
        0 0 0 0 2 2 7 0 3 0 0 0 0 0 1 1 1 1 1 1 1 5 3 7 2 2 2 2 2 0 0 0 3 5 5 5 2 2 3 6 6 6 6 6 6 7 7 3 3 3 3 3 0 0 5 5 5 5 5 5 5 3 1 3
        3 1 5 0 1 7 6 7 3 6 2 2 2 5 5 5 5 5 2 2 2 2 2 7 7 1 7 7 7 4 4 4 4 4 2 2 2 4 6 6 6 3 2 2 2 4 4 4 7 6 6 6 1 1 1 0 0 0 6 0 0 0 6 6
        6 1 1 1 1 1 1 1 2 7 7 6 3 3 7 5 5 7 7 7 5 3 3 0 2 2 2 2 2 0 3 3 4 5 7 7 7 7 7 7 1 1 1 4 4 4 4 4 3 3 3 3 3 6 6 6 6 6 6 6 6 6 2 2
        2 3 3 3 3 3 3 3 3 3 3 3 2 5 5 5 5 5 3 1 3 1 6 6 6 2 6 6 6 6 6 0 3 3 3 5 1 1 1 1 1 5 5 5 3 7 0 7 3 1 2 4 4 4 4 4 1 1 1 0 7 1 6 6
        6 6 6 5 5 3 3 3 5 0 2 2 7 5 5 3 3 3 2 0 1 1 1 1 1 6 6 6 3 3 3 5 4 2 2 2 5 5 2 2 3 3 3 3 3 2 5 7 0 0 4 4 4 4 4 4 3 3 3 3 3 6 6 6
        2 2 2 1 1 7 7 7 7 7 3 3 3 3 3 1 1 0 1 1 1 1 1 3 7 7 0 6 1 4 5 5 5 6 6 6 1 1 1 1 1 7 7 7 7 7 1 1 1 0 0 2 2 7 7 7 7 0 0 7 7 4 4 4
        6 6 6 4 4 4 4 4 4 4 4 4 4 4 4 0 0 0 0 0 0 2 2 6 5 5 5 5 5 6 5 3 3 7 3 1 1 1 1 1 7 3 3 3 1 6 6 1 0 2 5 5 2 2 2 2 2 6 6 4 4 4 4 4
        6 2 2 7 4 4 4 5 4 4 4 3 3 3 3 3 4 3 3 3 3 3 3 0 0 0 0 0 0 4 6 0 3 3 3 4 1 1 1 1 1 2 2 2 3 3 3 3 3 5 5 7 3 5 5 2 1 1 3 3 6 6 6 6
        6 4 4 2 2 2 2 2 2 5 2 2 5 5 5 1 1 5 1 1 7 7 7 7 7 7 0 4 1 1 1 1 1 4 4 5 2 5 5 5 5 5 5 1 7 7 7 4 4 4 4 5 6 6 6 6 6 3 5 0 6 6 6 6
        5 5 2 2 2 2 1 1 4 3 3 3 0 0 0 2 2 2 4 6 4 4 4 1 1 1 1 2 6 3 3 5 5 6 5 2 2 7 7 7 1 1 1 1 1 0 0 5 6 7 7 7 0 0 0 5 5 5 5 5 0 6 6 2
        2 2 2 2 2 6 6 6 6 6 2 3 3 6 6 6 4 0 0 4 4 4 4 4 1 2 0 0 0 0 0 7 5 3 5 3 3 3 7 7 7 3 3 2 6 4 4 4 4 4 7 7 7 5 5 5 5 5 1 1 3 3 0 2
        2 4 3 7 7 6 6 6 2 2 2 2 2 2 2 2 2 4 4 4 0 2 3 2 5 1 1 7 4 3 3 3 3 3 3 3 1 1 3 6 6 6 7 4 4 4 1 1 1 4 4 1 1 1 1 1 1 2 6 6 6 6 6 7
        7 7 7 7 1 1 1 1 1 7 6 6 6 6 6 7 4 4 4 1 1 0 0 0 0 0 3 3 3 2 6 6 6 4 6 6 6 1 3 6 6 6 6 6 1 4 7 7 7 7 7 5 5 6 1 1 2 3 3 0 0 1 3 2
        6 6 1 6 6 6 2 2 2 2 2 3 6 6 5 5 0 0 0 0 0 6 6 6 5 0 5 5 7 6 5 1 1 1 2 4 4 4 3 2 2 2 3 3 3 3 3 3 0 0 0 0 0 3 2 7 7 7 6 6 6 6 6 5
        1 4 4 1 1 2 1 1 1 4 5 5 5 2 0 5 5 2 2 2 1 1 0 0 2 2 2 2 2 2 6 6 6 0 3 3 7 2 2 2 6 6 5 5 5 2 3 3 3 5 0 0 0 0 0 2 2 7 7 7 1 1 5 5
        6 7 7 6 6 1 1 1 1 1 1 5 5 5 6 6 0 0 6 6 6 6 6 6 6 6 5 1 1 1 3 3 3 6 7 7 7 7 7 1 1 1 3 3 3 4 4 4 4 4 6 1 1 1 1 1 5 5 5 6 6 6 2 6
        6 6 1 1 1 1 2 7 4 4 5 1 1 7 7 7 6 5 5 5 5 5 3 4 7 4 7 7 3 0 5 7 2 2 2 2 2 3 3 3 3 0 0 0 0 0 1 5 6 6 6 6 6 2 7 7 1 3 1 1 1 1 1 3
        2 2 2 2 2 3 3 3 4 5 5 5 5 5 1 1 1 3 2 2 2 2 2 3 2 2 2 2 2 1 1 1 1 1 1 1 0 4 4 4 4 4 1 4 3 4 4 4 4 4 0 2 7 7 7 6 7 2 5 7 4 4 4 2
        2 2 2 6 7 7 7 4 4 4 4 4 3 7 7 7 3 3 3 7 0 0 0 0 7 5 0 0 0 7 7 7 7 7 7 7 4 1 2 2 2 3 3 3 2 4 4 0 0 0 0 0 5 5 5 4 4 4 7 2 2 4 2 2
        7 5 5 7 3 3 3 3 3 0 7 7 7 2 7 7 7 0 3 3 2 6 6 6 4 4 6 0 0 0 0 0 3 4 3 3 7 3 4 3 2 2 0 0 0 0 0 5 5 5 2 2 6 6 6 0 6 3 2 2 3 3 3 3
        3 7 7 7 7 7 7 7 7 2 2 3 3 3 6 6 1 4 4 4 4 0 0 0 2 2 2 2 2 4 4 4 6 6 6 3 1 0 5 3 3 3 3 3 1 5 5 7 6 4 4 4 0 6 6 6 3 3 0 2 2 2 2 3
        6 6 7 7 7 2 2 2 4 7 7 7 7 7 6 3 7 7 2 2 5 1 5 3 0 7 7 7 0 0 0 0 0 4 4 4 4 4 1 5 5 5 5 5 1 3 3 3 3 3 4 6 6 6 0 0 6 4 4 4 2 2 3 3
        2 3 3 3 1 1 1 1 1 5 5 2 2 4 4 4 4 4 4 4 4 4 4 0 0 1 1 1 4 6 6 4 4 5 1 0 5 4 2 2 2 2 2 7 7 5 0 0 0 3 0 0 0 6 6 6 6 4 7 7 6 6 0 4
        7 7 2 2 2 3 3 3 0 0 0 6 3 3 3 7 7 7 7 7 1 1 1 5 5 0 3 3 3 3 3 6 6 6 6 6 2 2 5 5 5 7 7 7 4 6 5 5 5 5 5 7 3 5 5 5 5 5 2 2 2 2 1 4
        7 7 7 7 2 2 2 6 6 0 4 4 6 4 5 5 2 2 2 6 6 6 6 6 2 2 2 4 2 6 6 6 4 2 7 7 7 2 4 4 4 4 4 4 4 6 6 2 2 2 2 2 2 1 3 5 5 5 5 5 1 1 5 7
        5 4 4 4 6 6 6 6 6 6 6 6 6 6 6 3 3 3 4 7 1 1 1 4 4 6 2 0 2 6 5 1 1 3 4 4 4 0 1 4 4 4 4 4 1 2 7 3 3 7 6 6 6 6 0 4 3 3 3 0 0 1 1 1
        1 1 1 5 4 7 3 5 4 7 7 4 4 4 1 1 6 6 6 6 6 6 0 2 5 5 5 5 5 4 7 4 1 1 1 1 1 5 5 5 1 5 2 0 0 0 0 0 2 2 2 4 4 4 4 4 3 5 2 5 2 2 0 6
        6 6 0 0 1 3 2 1 1 1 1 1 1 5 5 7 7 7 2 1 1 1 1 1 6 2 0 6 6 6 6 6 0 5 5 6 6 6 1 7 7 7 7 6 6 6 3 3 0 0 0 0 0 0 7 7 4 4 4 0 0 0 0 2
        2 2 7 4 4 4 4 4 5 7 7 7 6 2 2 1 2 2 2 2 2 2 1 1 1 4 1 0 0 0 0 0 5 5 5 3 3 3 0 0 3 3 4 4 4 4 4 3 1 1 1 7 7 3 7 1 5 1 0 3 1 1 2 2
        2 6 7 7 1 3 3 3 5 5 5 5 5 3 3 3 6 6 0 5 5 5 5 5 4 4 4 4 4 3 3 3 3 3 3 2 7 2 1 5 5 5 5 3 1 1 1 1 1 3 3 3 3 3 5 6 2 4 4 5 5 5 6 7
        1 5 5 5 6 7 7 7 1 1 1 1 1 1 1 7 7 7 3 3 3 3 3 6 6 6 3 3 1 6 4 4 4 7 7 7 7 7 4 0 0 0 0 0 3 6 2 2 2 4 4 6 5 1 1 1 1 1 3 5 5 5 2 2
        1 2 2 5 5 0 0 0 6 1 1 1 6 6 6 6 6 3 3 3 3 3 5 6 1 2 2 2 2 2 4 4 4 4 4 7 6 6 2 5 0 5 5 1 4 4 4 1 3 1 1 1 4 5 3 3 3 6 6 0 7 1 1 2
        2 2 2 1 1 0 2 6 4 4 4 0 0 1 1 4 4 4 0 0 6 1 4 4 4 1 1 1 1 1 6 7 2 2 2 1 1 4 4 5 6 6 6 6 7 0 0 6 6 6 5 5 3 3 3 3 3 1 1 1 1 1 5 5
        7 7 7 7 7 7 0 6 6 6 1 5 5 5 5 5 3 3 3 0 2 2 1 1 1 5 1 4 4 4 4 4 5 5 1 1 6 4 0 2 4 4 4 4 4 4 7 6 6 6 1 1 1 2 0 0 0 3 3 3 0 0 0 0
        0 7 7 5 5 5 5 5 1 1 1 2 2 7 7 7 7 7 6 7 1 5 5 5 5 5 1 1 1 1 1 1 1 4 4 4 4 4 1 1 1 5 5 5 2 2 7 7 0 0 6 7 7 6 6 6 6 6 6 6 6 7 2 2
        2 5 0 2 2 2 2 2 5 5 6 6 7 2 2 6 1 1 1 1 1 7 4 6 6 6 0 1 6 3 3 1 1 1 2 2 7 7 7 3 1 1 1 1 1 4 4 4 2 5 5 5 2 2 2 7 7 7 4 3 3 5 2 2
        5 1 1 1 1 1 4 4 4 4 3 0 4 4 4 4 4 4 4 4 4 2 7 4 4 2 2 2 2 2 2 2 2 1 1 1 2 2 2 4 0 0 5 5 5 5 5 3 3 7 7 7 7 7 5 3 3 3 3 3 4 4 4 5
        1 1 1 1 1 1 1 0 1 5 5 0 0 0 0 0 1 0 0 2 2 2 2 2 1 1 2 5 5 5 7 1 1 2 2 3 7 1 4 5 4 2 2 0 0 0 7 7 7 5 1 1 1 2 1 4 0 0 0 2 2 2 2 2
        1 5 3 3 3 3 5 3 6 3 0 0 0 5 5 5 5 5 5 5 5 3 3 2 2 4 4 7 5 3 3 3 3 3 4 4 4 4 4 4 0 4 1 5 5 5 5 5 3 3 3 3 3 0 1 3 3 3 6 6 6 2 5 1
        1 2 2 3 3 3 4 4 4 1 1 0 7 6 6 2 3 7 5 2 2 2 2 2 2 5 3 2 2 2 2 2 3 3 3 3 3 7 5 5 5 5 5 1 2 2 2 2 2 2 5 5 5 5 5 0 4 2 2 2 1 7 7 7
        4 1 1 1 1 1 3 1 2 5 5 5 5 5 1 7 7 7 7 7 7 0 2 2 0 0 6 6 6 0 2 2 2 3 0 6 6 1 1 0 5 2 0 4 4 4 5 5 5 5 5 7 5 5 6 6 7 5 5 3 3 3 3 3
        2 2 4 5 6 5 1 1 1 1 1 0 7 7 7 1 1 6 6 6 6 6 0 0 0 0 0 7 7 4 4 7 1 7 7 7 7 7 7 2 4 4 4 7 1 0 6 4 1 1 5 5 5 0 7 7 2 5 5 5 5 5 5 3
        3 3 3 3 7 2 2 2 2 2 3 3 3 3 3 4 2 7 3 0 0 0 5 5 6 6 6 6 6 1 1 1 1 1 2 4 6 4 4 4 4 4 4 2 2 2 2 2 0 0 6 6 0 0 0 4 4 7 6 6 6 6 6 5
        0 7 3 3 3 3 3 1 1 1 1 1 2 2 2 6 7 2 4 4 4 4 4 1 5 0 4 4 0 1 3 3 3 7 0 0 0 3 3 3 3 5 6 6 5 5 6 6 7 1 1 6 6 6 6 6 6 6 4 4 4 6 1 2
        2 4 4 4 4 4 5 0 0 0 0 0 0 0 0 0 1 1 3 0 0 0 1 4 4 7 6 6 3 3 3 3 3 3 3 6 1 1 1 1 1 2 0 0 0 7 7 0 0 1 1 1 1 1 6 6 6 6 6 7 7 7 1 3
        3 3 3 3 7 7 7 5 5 5 5 5 1 4 3 3 3 3 3 6 6 6 6 6 6 4 1 1 1 1 1 4 4 3 6 7 7 5 0 0 4 4 4 1 1 7 7 7 7 7 7 7 7 7 7 6 6 6 6 6 6 6 6 6
        6 1 1 1 1 1 3 3 3 3 3 3 7 7 3 3 3 3 3 4 1 1 1 5 5 5 6 6 6 1 1 1 6 6 3 3 3 3 3 6 7 7 7 0 6 5 5 5 5 5 5 5 5 7 4 4 4 4 4 6 6 6 2 2
        2 2 5 5 5 5 5 0 5 5 5 7 2 2 2 2 2 7 7 7 7 7 7 6 6 6 6 6 2 0 0 7 7 7 7 7 7 0 5 5 0 0 2 2 2 2 2 5 6 6 6 6 6 4 5 5 5 0 0 0 5 5 6 4
        4 4 4 4 3 2 1 0 0 0 0 0 3 0 0 0 0 0 0 0 0 0 0 0 0 4 3 3 3 5 5 5 5 5 5 3 3 5 7 7 7 4 4 4 5 3 3 3 5 5 5 6 2 2 2 2 2 5 5 5 5 5 7 0
        7 7 7 7 7 0 0 0 0 0 1 1 1 1 1 0 5 5 5 6 1 1 0 0 0 0 0 2 2 2 4 2 2 2 2 2 5 7 3 3 3 0 3 0 4 4 0 4 4 2 2 2 7 7 7 7 7 3 7 7 7 7 7 3
        3 6 4 4 7 7 7 3 0 4 4 0 0 0 0 0 0 0 0 7 3 7 7 7 7 7 5 5 5 5 5 7 6 6 6 3 3 3 3 1 5 5 5 6
      end
      i32.const 9112 return
      end
      i32.const 5077 return
      end
      i32.const 638 return
      end
      i32.const 4742 return
      end
      i32.const 8468 return
      end
      i32.const 5846 return
      end
      i32.const 1238 return
      end
      i32.const 8714)
    (export "dispatch" (func $dispatch))

    ;; The messages, each ended by a zero byte.
    (data $messages (i32.const 1024)
      "1002 type: the module is read only in a sloppy pattern; see the parser near 0e534\001011 reference: the locale is read only on a frozen target; see the locale near 01ca3\00"
      "1014 type: the date must be positive before the first call; see a symbol near 06f00\001022 internal: the number is read only for this type; see the locale near 1435e\00"
      "1023 type: this property must be positive inside a class body; see the iterator near 13540\001025 range: a promise must not be empty at this position; see the number near 10bdc\00"
      "1027 internal: an argument is out of range before the first call; see this property near 18446\001030 type: the array cannot be read at this position; see the iterator near 144c9\00"
      "1031 internal: an argument has a cycle during evaluation; see the prototype near 084c7\001034 syntax: the parser exceeds the limit while loading; see the stream near 12059\00"
      "1039 reference: the regular expression was already consumed inside a class body; see an argument near 0d4ad\001047 internal: the stream has no such member without a receiver; see the regular expression near 08a79\00"
      "1051 internal: a handle is not defined after the last item; see an argument near 163db\001055 reference: a promise has a cycle inside a class body; see the parser near 14467\00"
      "1062 internal: the prototype is not callable while loading; see the stream near 0d21d\001070 uri: an identifier is not defined on a frozen target; see the regular expression near 018f6\00"
      "1072 type: the array exceeds the limit for this type; see the number near 0a8f9\001079 range: the locale is detached without a receiver; see an argument near 0686b\00"
      "1088 type: a symbol is detached inside a class body; see the locale near 140e0\001092 reference: the iterator is not callable while loading; see a handle near 115d3\00"
      "1093 range: the iterator was already consumed during evaluation; see this property near 0df27\001100 internal: an argument is read only for this type; see the stream near 0b394\00"
      "1102 range: the regular expression was closed without a receiver; see the stream near 00e8a\001106 internal: an identifier was closed in strict mode; see the stream near 04708\00"
      "1112 uri: the stream exceeds the limit in strict mode; see this property near 092c8\001115 range: the date is not defined in a sloppy pattern; see the iterator near 025b8\00"
      "1124 range: a handle was closed on a frozen target; see an identifier near 0d1ce\001127 reference: the locale must be positive on a frozen target; see the parser near 0c6ab\00"
      "1128 reference: a promise cannot be read without a receiver; see the buffer near 06302\001134 type: the closure has a cycle without a receiver; see an identifier near 09454\00"
      "1143 syntax: the module was closed in a sloppy pattern; see the array near 169e0\001145 internal: the stream is out of range after the last item; see a promise near 095ec\00"
      "1149 type: an argument is detached in a sloppy pattern; see the prototype near 080e1\001151 uri: the parser must be positive in a sloppy pattern; see the array near 12e66\00"
      "1156 range: a symbol is detached after the last item; see the locale near 04997\001161 reference: a symbol exceeds the limit in strict mode; see the module near 14f9e\00"
      "1162 reference: the locale is out of range before the first call; see the prototype near 136b3\001169 range: the regular expression is not callable inside a class body; see the buffer near 0866f\00"
      "1172 syntax: the generator must be positive without a receiver; see the iterator near 115a5\001177 range: an identifier cannot be converted without a receiver; see the prototype near 17790\00"
      "1178 type: the buffer must be positive while loading; see the prototype near 14860\001183 reference: the generator is detached while loading; see a handle near 0dccd\00"
      "1187 reference: an argument must be positive during evaluation; see a symbol near 15832\001194 syntax: the prototype cannot be converted in a sloppy pattern; see this property near 0a020\00"
      "1202 uri: this string was closed inside a class body; see the iterator near 04059\001205 internal: the stream was already consumed in a sloppy pattern; see an argument near 11744\00"
      "1209 uri: the array is detached while loading; see the array near 0325d\001210 range: the date is detached after the last item; see the regular expression near 1187c\00"
      "1218 syntax: the parser cannot be read inside a class body; see the buffer near 0f3bb\001222 type: the buffer exceeds the limit at this position; see a handle near 0520e\00"
      "1231 syntax: the module is not defined without a receiver; see the array near 03d9d\001237 internal: the array has a cycle in a sloppy pattern; see the number near 146e5\00"
      "1241 type: the number must not be empty after the last item; see the date near 09275\001248 reference: the iterator cannot be read during evaluation; see a symbol near 086db\00"
      "1256 uri: the generator was closed on a frozen target; see the regular expression near 01e17\001265 range: the array exceeds the limit for this type; see the parser near 1752d\00"
      "1270 type: the date exceeds the limit on a frozen target; see the closure near 08f19\001277 internal: a symbol has a cycle in a sloppy pattern; see a symbol near 0b6f7\00"
      "1279 type: the stream must be positive in a sloppy pattern; see the number near 028ac\001282 reference: the module exceeds the limit in a sloppy pattern; see the parser near 13443\00"
      "1286 range: the date is detached after the last item; see a promise near 0bc59\001293 range: the buffer cannot be read at this position; see a symbol near 048d8\00"
      "1296 range: the module is not defined in strict mode; see the locale near 159a9\001299 range: the prototype is not callable at this position; see this string near 01a11\00"
      "1304 type: the prototype must be positive at this position; see the closure near 0267d\001306 uri: the stream is detached for this type; see a symbol near 0cda6\00"
      "1310 type: this string was closed during evaluation; see a symbol near 09a2e\001315 reference: the iterator is read only inside a class body; see a handle near 0d6a4\00"
      "1318 reference: this string was closed for this type; see the stream near 172ab\001325 type: the generator has no such member at this position; see the number near 107a8\00"
      "1334 syntax: this property was closed on a frozen target; see the generator near 0a288\001337 uri: the regular expression is read only before the first call; see the prototype near 1594b\00"
      "1344 internal: this property is not callable in strict mode; see the parser near 104d0\001346 range: an argument has no such member in a sloppy pattern; see a symbol near 149f9\00"
      "1354 syntax: the iterator must not be empty in strict mode; see an argument near 0735d\001358 range: a handle must be positive on a frozen target; see this string near 109ae\00"
      "1365 reference: this property is detached for this type; see the closure near 0bb77\001367 internal: the regular expression must not be empty during evaluation; see the array near 11f34\00"
      "1372 internal: the module was revoked after the last item; see an identifier near 15cf6\001373 syntax: an identifier must not be empty without a receiver; see the parser near 058f2\00"
      "1378 uri: an identifier is detached in strict mode; see the module near 146c2\001387 internal: a handle cannot be converted after the last item; see a symbol near 073a7\00"
      "1389 type: the array must be positive during evaluation; see the iterator near 094dd\001396 syntax: a promise must be positive during evaluation; see the buffer near 06b3d\00"
      "1402 reference: the iterator cannot be read in strict mode; see the closure near 027a4\001404 internal: this string cannot be converted while loading; see this property near 0e817\00"
      "1412 uri: a symbol must not be empty for this type; see the stream near 1084e\001419 reference: the array is out of range at this position; see the array near 13e89\00"
      "1421 range: the prototype is read only inside a class body; see a handle near 05a3f\001430 internal: the parser cannot be converted in strict mode; see an argument near 0d235\00"
      "1433 syntax: the prototype exceeds the limit after the last item; see a promise near 02818\001441 internal: the stream is not callable at this position; see the prototype near 156b8\00"
      "1443 range: the generator cannot be converted in a sloppy pattern; see the generator near 17d6a\001451 type: the module must be positive while loading; see an argument near 09e7f\00"
      "1453 reference: the module is not callable at this position; see the locale near 125f1\001458 internal: this string must not be empty in strict mode; see the prototype near 0d668\00"
      "1459 reference: the number was already consumed in strict mode; see the iterator near 02383\001465 syntax: the locale is read only inside a class body; see an argument near 0d37c\00"
      "1471 uri: the iterator was already consumed during evaluation; see the stream near 083b9\001472 internal: the date is not defined on a frozen target; see the module near 1315a\00"
      "1476 uri: the number cannot be converted without a receiver; see a symbol near 00187\001480 internal: an identifier is detached at this position; see a symbol near 1520e\00"
      "1488 range: a symbol has a cycle without a receiver; see the iterator near 14aaf\001490 syntax: an argument was already consumed before the first call; see a handle near 002ab\00"
      "1498 range: the array is not defined before the first call; see a promise near 14bf8\001507 syntax: the closure is not callable while loading; see the date near 0bd8a\00"
      "1515 uri: the prototype exceeds the limit at this position; see the module near 01727\001524 reference: the locale must not be empty while loading; see the number near 028b4\00"
      "1531 internal: this property was revoked for this type; see the buffer near 029df\001537 range: the array is not defined after the last item; see the module near 01e27\00"
      "1544 syntax: an argument was closed in strict mode; see the prototype near 007c3\001552 range: an argument must be positive in strict mode; see the iterator near 060bd\00"
      "1559 syntax: a symbol is read only in strict mode; see a promise near 0168b\001567 reference: the array is not defined during evaluation; see the parser near 08601\00"
      "1569 syntax: this string must not be empty on a frozen target; see the parser near 057a0\001575 range: this property is not defined during evaluation; see a promise near 0e260\00"
      "1577 uri: the prototype has no such member in strict mode; see the closure near 10510\001578 type: a promise is out of range after the last item; see the closure near 0cc15\00"
      "1580 uri: the closure is not defined in a sloppy pattern; see this property near 0ceb4\001586 reference: this property is not callable in strict mode; see the stream near 09d5a\00"
      "1593 syntax: the number is out of range in a sloppy pattern; see the locale near 113b6\001598 syntax: the buffer is not callable inside a class body; see the stream near 0abe2\00"
      "1606 reference: a handle is out of range without a receiver; see the stream near 003df\001611 syntax: an argument is not defined before the first call; see the buffer near 0f61b\00"
      "1612 internal: the buffer must not be empty while loading; see the date near 1126c\001621 range: the buffer was already consumed in strict mode; see an identifier near 11cea\00"
      "1629 type: the array was already consumed after the last item; see the generator near 0c7e5\001632 internal: a promise is not callable on a frozen target; see the locale near 10cee\00"
      "1641 type: this string cannot be converted without a receiver; see the number near 01963\001649 range: an identifier cannot be read without a receiver; see an argument near 12046\00"
      "1654 range: a symbol is not defined inside a class body; see a promise near 0dce4\001655 syntax: this property has a cycle in a sloppy pattern; see the regular expression near 02972\00"
      "1662 internal: the date must be positive while loading; see the locale near 166bb\001671 type: the stream is not callable during evaluation; see this property near 0ad26\00"
      "1674 type: the locale has a cycle in a sloppy pattern; see the date near 03f89\001682 range: the regular expression cannot be converted inside a class body; see the generator near 03838\00"
      "1685 syntax: an identifier was already consumed on a frozen target; see a symbol near 10cb0\001692 range: this string is out of range while loading; see the generator near 074ec\00"
      "1696 range: the date has a cycle inside a class body; see a symbol near 1366f\001702 internal: a promise is out of range inside a class body; see the buffer near 04250\00"
      "1704 range: the stream is detached before the first call; see the parser near 07c19\001706 type: the regular expression cannot be converted in strict mode; see the date near 08e5d\00"
      "1714 range: the array is read only on a frozen target; see the regular expression near 10ce0\001720 internal: the module was closed after the last item; see the iterator near 05904\00"
      "1724 internal: the parser cannot be read in a sloppy pattern; see the prototype near 12225\001726 internal: the stream cannot be read in a sloppy pattern; see the stream near 10618\00"
      "1734 type: the locale is detached during evaluation; see the iterator near 15488\001740 internal: the closure must not be empty while loading; see a handle near 185c3\00"
      "1747 internal: an identifier is not callable before the first call; see the module near 0e702\001755 internal: the number must be positive in strict mode; see an argument near 001ea\00"
      "1762 range: this property was closed before the first call; see the closure near 163f0\001765 internal: the buffer is detached without a receiver; see an argument near 176aa\00"
      "1770 uri: an argument must not be empty in strict mode; see the prototype near 14753\001772 syntax: the stream was revoked inside a class body; see the number near 01aec\00"
      "1780 uri: a symbol is read only in strict mode; see the date near 0eb52\001781 uri: this string exceeds the limit inside a class body; see an argument near 1396e\00"
      "1787 syntax: the stream cannot be read inside a class body; see the prototype near 13fd9\001795 reference: the locale has no such member while loading; see this string near 06b5b\00"
      "1803 internal: an identifier must be positive while loading; see the number near 0a6d2\001809 type: the locale was already consumed for this type; see the regular expression near 02114\00"
      "1811 uri: a promise must be positive in a sloppy pattern; see the parser near 02ef4\001820 reference: the array is read only while loading; see the prototype near 13e4b\00"
      "1824 uri: the generator is out of range before the first call; see the prototype near 0074d\001833 syntax: the closure has a cycle after the last item; see the prototype near 0fa14\00"
      "1842 uri: the regular expression must be positive on a frozen target; see the array near 0217e\001849 syntax: a promise was revoked without a receiver; see the module near 09f09\00"
      "1856 type: the array was closed before the first call; see the parser near 111ce\001859 uri: the parser exceeds the limit during evaluation; see this string near 0ed54\00"
      "1862 reference: the prototype cannot be converted after the last item; see the stream near 0e170\001869 type: the buffer is out of range in strict mode; see the iterator near 05751\00"
      "1874 reference: this string was already consumed for this type; see the number near 06b22\001879 syntax: a handle exceeds the limit without a receiver; see a handle near 0f6ee\00"
      "1881 uri: the module has no such member on a frozen target; see the locale near 000a0\001884 type: a symbol was revoked during evaluation; see a symbol near 00e44\00"
      "1892 internal: the regular expression cannot be read inside a class body; see the generator near 00225\001900 internal: the parser must not be empty at this position; see the closure near 0a896\00"
      "1903 reference: the generator cannot be converted after the last item; see a promise near 16056\001908 syntax: a handle is read only in a sloppy pattern; see the array near 068e3\00"
      "1912 type: the parser is not defined without a receiver; see a symbol near 01ff3\001920 range: the stream must be positive without a receiver; see the prototype near 13e78\00"
      "1927 syntax: the regular expression has no such member in strict mode; see this property near 00943\001930 type: an argument is not callable without a receiver; see the closure near 0d3e6\00"
      "1936 uri: the prototype is out of range before the first call; see the number near 0dc65\001938 reference: the buffer must not be empty without a receiver; see this string near 10786\00"
      "1939 range: the module has no such member for this type; see the iterator near 07d3b\001944 range: the generator is not callable in strict mode; see the iterator near 11509\00"
      "1952 type: the array was revoked before the first call; see a handle near 05754\001957 internal: the stream cannot be read for this type; see a handle near 0b659\00"
      "1958 range: the closure has no such member without a receiver; see this property near 03163\001964 uri: a promise cannot be read at this position; see the date near 032dd\00"
      "1969 reference: the parser has no such member without a receiver; see an identifier near 087d1\001970 uri: the number was already consumed on a frozen target; see this property near 16dfb\00"
      "1978 range: a symbol has no such member before the first call; see the parser near 0f6ad\001983 range: the number is not defined on a frozen target; see the array near 0d553\00"
      "1984 uri: the parser cannot be read inside a class body; see the date near 170a3\001991 range: an argument is not defined during evaluation; see the number near 06acf\00"
      "1992 range: the module is not callable in strict mode; see the array near 13658\002000 reference: the parser is detached while loading; see the module near 0911e\00"
      "2003 type: this string is out of range inside a class body; see this string near 0463f\002008 reference: the module was already consumed during evaluation; see the generator near 00e84\00"
      "2011 internal: a symbol has a cycle at this position; see a symbol near 1759f\002015 syntax: the array has no such member while loading; see the date near 0ead7\00"
      "2023 reference: the module is out of range after the last item; see the closure near 095f8\002027 syntax: a promise exceeds the limit on a frozen target; see a handle near 15a74\00"
      "2036 uri: the module cannot be converted without a receiver; see the number near 02184\002042 reference: a handle is read only in a sloppy pattern; see a symbol near 06abb\00"
      "2044 reference: the date cannot be converted during evaluation; see the stream near 03e9d\002051 range: the date must be positive in strict mode; see the module near 03d6a\00"
      "2060 type: the closure is not defined at this position; see the parser near 02786\002062 reference: the number is detached at this position; see the regular expression near 13ae9\00"
      "2071 type: the buffer has no such member for this type; see the closure near 03119\002074 uri: a handle is out of range at this position; see the stream near 06f58\00"
      "2083 syntax: the closure was revoked on a frozen target; see the iterator near 0f057\002087 range: the buffer was already consumed while loading; see a handle near 0cd1c\00"
      "2090 internal: the buffer must not be empty without a receiver; see the prototype near 07e32\002093 uri: the iterator has a cycle on a frozen target; see the regular expression near 174bb\00"
      "2102 syntax: the regular expression is read only before the first call; see the regular expression near 17c82\002106 uri: the array was closed on a frozen target; see the locale near 00d81\00"
      "2111 internal: the stream is out of range in strict mode; see the stream near 12a19\002115 range: a handle is not defined before the first call; see the module near 1827d\00"
      "2123 syntax: the iterator must not be empty while loading; see an argument near 13512\002127 uri: this property exceeds the limit without a receiver; see the prototype near 03343\00"
      "2134 uri: the locale is out of range before the first call; see an identifier near 05516\002138 internal: the buffer has no such member for this type; see the parser near 0de44\00"
      "2141 uri: a promise cannot be converted without a receiver; see the number near 0120d\002144 uri: the number exceeds the limit before the first call; see a promise near 03f40\00"
      "2152 syntax: the parser has a cycle after the last item; see the buffer near 12641\002159 uri: the date is not callable at this position; see this string near 02bae\00"
      "2163 internal: the regular expression was revoked before the first call; see the buffer near 06305\002165 range: the generator must be positive at this position; see the locale near 14902\00"
      "2173 reference: this string was closed after the last item; see the generator near 0ed8d\002182 internal: the generator has no such member after the last item; see the parser near 12bc1\00"
      "2187 uri: the regular expression cannot be converted before the first call; see a promise near 09dd8\002193 reference: a symbol must be positive on a frozen target; see an argument near 0b650\00"
      "2196 uri: a symbol cannot be converted for this type; see this string near 05045\002203 reference: a handle is not defined while loading; see the prototype near 12eba\00"
      "2207 reference: a symbol exceeds the limit inside a class body; see the number near 0b921\002216 syntax: a handle was revoked inside a class body; see the number near 16847\00"
      "2217 reference: a symbol must be positive during evaluation; see an argument near 0c886\002226 uri: the array is out of range at this position; see the buffer near 04eb9\00"
      "2229 internal: an argument was closed without a receiver; see the generator near 071a0\002234 type: the date cannot be read on a frozen target; see the iterator near 0e593\00"
      "2236 internal: the date was closed for this type; see the array near 0e1da\002241 type: this string cannot be converted during evaluation; see the number near 001d2\00"
      "2248 syntax: the iterator exceeds the limit inside a class body; see the regular expression near 0aeb1\002257 uri: the locale cannot be read inside a class body; see this property near 0f9a3\00"
      "2263 syntax: a symbol was closed during evaluation; see this property near 06ad2\002271 range: the closure must not be empty without a receiver; see the regular expression near 0eeb1\00"
      "2279 internal: an argument has no such member without a receiver; see the number near 16a29\002285 syntax: the regular expression was already consumed in a sloppy pattern; see a symbol near 15e16\00"
      "2290 uri: this string is out of range in a sloppy pattern; see the date near 0c987\002297 reference: the locale was closed on a frozen target; see the number near 0de9e\00"
      "2306 range: the module must be positive before the first call; see a handle near 0b669\002308 type: the generator cannot be read after the last item; see the buffer near 05a1e\00"
      "2316 type: the date cannot be read at this position; see the prototype near 00683\002317 reference: the prototype is not callable during evaluation; see this string near 14bdd\00"
      "2321 uri: the parser has a cycle while loading; see this string near 07add\002329 syntax: the array is not callable in strict mode; see the closure near 0daf9\00"
      "2337 range: the iterator was closed during evaluation; see a symbol near 08bfc\002341 uri: the stream is not defined without a receiver; see this property near 01c22\00"
      "2344 syntax: the generator was already consumed in strict mode; see this property near 0059d\002349 type: the prototype has no such member during evaluation; see the date near 06470\00"
      "2358 internal: an argument is out of range in strict mode; see the parser near 011cf\002360 type: the stream cannot be converted while loading; see the iterator near 086d3\00"
      "2368 syntax: the module is not callable inside a class body; see the number near 13e7e\002372 reference: the number has no such member in a sloppy pattern; see the generator near 07f19\00"
      "2373 type: the module is not defined on a frozen target; see this property near 05e81\002382 syntax: a promise cannot be read for this type; see the closure near 17772\00"
      "2390 syntax: the buffer is not callable in a sloppy pattern; see the regular expression near 03fa1\002397 internal: the prototype must be positive in a sloppy pattern; see the prototype near 0230e\00"
      "2406 syntax: an identifier has no such member for this type; see the buffer near 0f690\002411 uri: the module is not callable without a receiver; see the regular expression near 0ce88\00"
      "2412 range: the prototype exceeds the limit on a frozen target; see the closure near 16ddc\002421 reference: the generator is read only for this type; see the number near 16dac\00"
      "2423 reference: a symbol exceeds the limit after the last item; see a promise near 0dbb4\002431 type: the array was closed without a receiver; see the parser near 0ca74\00"
      "2435 range: the buffer was closed on a frozen target; see a promise near 0bc5c\002436 internal: a symbol is detached at this position; see the stream near 118b6\00"
      "2444 type: the date has no such member while loading; see the generator near 077de\002452 uri: the buffer is read only without a receiver; see this string near 05ed8\00"
      "2461 uri: an argument has no such member in strict mode; see the iterator near 0932e\002470 uri: a symbol is not callable in a sloppy pattern; see the locale near 12849\00"
      "2478 reference: the date was revoked on a frozen target; see the array near 06659\002480 internal: the number cannot be converted before the first call; see the locale near 0346e\00"
      "2482 internal: a promise has no such member inside a class body; see this string near 04d3a\002491 reference: this string must not be empty in a sloppy pattern; see this property near 05833\00"
      "2496 internal: the buffer has a cycle at this position; see the prototype near 0ef50\002502 uri: the date is not defined in a sloppy pattern; see the locale near 143c5\00"
      "2503 uri: the locale was already consumed during evaluation; see the date near 10810\002508 syntax: the iterator was revoked after the last item; see the closure near 07713\00"
      "2517 uri: the closure must not be empty after the last item; see the buffer near 08e78\002525 uri: the module is not defined in strict mode; see the regular expression near 009d6\00"
      "2528 type: a promise must not be empty inside a class body; see the generator near 13d32\002531 uri: the parser is read only in a sloppy pattern; see this property near 0fddb\00"
      "2537 internal: a promise is detached inside a class body; see the module near 0e77b\002542 type: the locale exceeds the limit without a receiver; see the locale near 0d6e9\00"
      "2550 reference: a handle exceeds the limit without a receiver; see an argument near 10b1d\002555 internal: the number is not defined without a receiver; see the array near 15bbb\00"
      "2563 type: the prototype is not callable before the first call; see the iterator near 18648\002572 internal: the module was revoked without a receiver; see the number near 088d3\00"
      "2577 uri: a symbol has no such member during evaluation; see the stream near 0b434\002586 uri: the closure was closed after the last item; see the iterator near 03ca7\00"
      "2593 type: the generator is not callable in a sloppy pattern; see the module near 13782\002599 internal: the prototype is out of range inside a class body; see the array near 17cf1\00"
      "2603 range: the closure is detached in a sloppy pattern; see an argument near 02d9c\002605 range: a promise was already consumed for this type; see an identifier near 07e00\00"
      "2611 syntax: the array has no such member at this position; see an argument near 0cce4\002613 syntax: the array is out of range at this position; see the closure near 069f1\00"
      "2615 internal: a symbol was revoked after the last item; see an identifier near 0e7ec\002622 range: the locale is not callable in strict mode; see the buffer near 0ba91\00"
      "2628 reference: this string must not be empty while loading; see a symbol near 0261b\002635 type: a symbol must be positive while loading; see a handle near 04b9d\00"
      "2641 range: this string was closed in a sloppy pattern; see the locale near 17e02\002649 range: the regular expression cannot be converted after the last item; see the prototype near 0b265\00"
      "2655 range: the stream cannot be converted inside a class body; see a handle near 0a8a7\002663 internal: a handle exceeds the limit while loading; see an argument near 0c0d1\00"
      "2668 range: an argument was already consumed after the last item; see the parser near 0bea2\002669 internal: the generator is read only at this position; see the parser near 174dc\00"
      "2677 type: the number was closed inside a class body; see a symbol near 051bd\002682 reference: the generator cannot be converted on a frozen target; see a promise near 0bf90\00"
      "2687 type: the stream was already consumed before the first call; see the parser near 14f2c\002694 uri: the number was revoked at this position; see a handle near 0e93c\00"
      "2699 reference: the number was closed after the last item; see this string near 04bee\002707 type: an argument is detached during evaluation; see the date near 15b7a\00"
      "2716 type: the buffer is out of range without a receiver; see the parser near 0c7eb\002724 syntax: a promise has no such member for this type; see the generator near 180ce\00"
      "2729 syntax: an identifier is not callable while loading; see the array near 01ef4\002730 reference: a promise cannot be converted while loading; see the number near 15cf7\00"
      "2732 uri: the closure is read only without a receiver; see the closure near 031cc\002738 reference: the iterator was revoked during evaluation; see a symbol near 0db21\00"
      "2742 uri: the stream must be positive before the first call; see this string near 0550b\002750 uri: the prototype must be positive on a frozen target; see the generator near 17e74\00"
      "2757 reference: an identifier is read only during evaluation; see the buffer near 16116\002765 range: the regular expression has a cycle on a frozen target; see the module near 02a22\00"
      "2774 uri: the date is not defined inside a class body; see the stream near 13b11\002782 syntax: the generator cannot be read in a sloppy pattern; see an argument near 0a1e3\00"
      "2786 reference: the generator cannot be read without a receiver; see an identifier near 14d62\002789 reference: the parser was closed on a frozen target; see an argument near 0eb83\00"
      "2793 range: the date is out of range during evaluation; see an argument near 055ce\002799 type: the stream is detached before the first call; see the regular expression near 175f3\00"
      "2806 reference: the module has a cycle in strict mode; see the number near 0ee82\002811 type: a promise must be positive in strict mode; see this string near 01ce6\00"
      "2813 range: a promise was closed while loading; see this string near 05c80\002815 syntax: the locale is not defined inside a class body; see the stream near 0c374\00"
      "2822 type: this property is out of range in strict mode; see an identifier near 16704\002826 reference: a symbol cannot be read at this position; see the prototype near 01236\00"
      "2829 reference: this property is read only during evaluation; see the regular expression near 05159\002831 reference: a handle is out of range in strict mode; see the locale near 02b86\00"
      "2839 uri: the date cannot be read during evaluation; see the closure near 0e462\002842 internal: the prototype exceeds the limit during evaluation; see the module near 08b0c\00"
      "2850 reference: the array is read only while loading; see a promise near 133da\002858 uri: the number must be positive on a frozen target; see this property near 05649\00"
      "2866 range: the regular expression must not be empty after the last item; see the number near 02a45\002872 type: the module is read only in strict mode; see the regular expression near 0ece3\00"
      "2873 syntax: a symbol was revoked before the first call; see the buffer near 0b7e7\002881 reference: the stream has no such member while loading; see this string near 13a0c\00"
      "2890 uri: a handle is not callable on a frozen target; see the date near 10bb8\002892 syntax: the module has no such member on a frozen target; see the module near 12429\00"
      "2900 syntax: the array is not callable without a receiver; see the regular expression near 062ad\002907 syntax: the array must be positive before the first call; see this string near 102f7\00"
      "2914 internal: the generator exceeds the limit after the last item; see the prototype near 0b7ad\002915 syntax: the array is detached at this position; see the module near 05a97\00"
      "2917 internal: an identifier is read only on a frozen target; see the number near 0fc00\002923 syntax: the prototype cannot be read before the first call; see the parser near 0c2e0\00"
      "2929 syntax: the locale cannot be read in a sloppy pattern; see a promise near 0c2ad\002938 range: the date was revoked in strict mode; see a promise near 0f256\00"
      "2939 internal: a promise cannot be read for this type; see the parser near 15b12\002941 internal: a handle must be positive in strict mode; see the date near 056d3\00"
      "2950 syntax: a handle is out of range in strict mode; see the generator near 02512\002954 internal: a symbol exceeds the limit at this position; see this string near 0492c\00"
      "2956 reference: the closure was already consumed after the last item; see this string near 01900\002963 type: the parser is not defined in strict mode; see a symbol near 0d7a8\00"
      "2967 range: this string exceeds the limit without a receiver; see the iterator near 0cc66\002970 syntax: the module cannot be converted for this type; see the buffer near 133a4\00"
      "2978 internal: a handle is not defined in a sloppy pattern; see the array near 01dc7\002986 range: an identifier is not callable at this position; see the buffer near 17791\00"
      "2995 syntax: a handle must not be empty at this position; see an identifier near 10443\003004 uri: the iterator is not callable without a receiver; see a promise near 0c902\00"
      "3005 reference: this string is not callable at this position; see an argument near 0cca2\003010 internal: the stream is not defined inside a class body; see the closure near 07134\00"
      "3017 type: the date was closed without a receiver; see an argument near 0f779\003020 uri: the regular expression is detached inside a class body; see the module near 125e0\00"
      "3024 type: this string has no such member before the first call; see this string near 00e2c\003033 internal: the module was revoked after the last item; see the iterator near 09eb4\00"
      "3042 uri: the generator is detached after the last item; see the number near 077ae\003049 range: a symbol is not defined after the last item; see the stream near 091c1\00"
      "3057 type: the module is out of range at this position; see the date near 101f5\003058 reference: an identifier was already consumed for this type; see an argument near 09e42\00"
      "3060 range: a symbol cannot be read while loading; see the date near 13821\003068 syntax: this property must be positive during evaluation; see the iterator near 0ffc9\00"
      "3076 syntax: the prototype is read only in strict mode; see the array near 04856\003079 syntax: an argument was revoked in a sloppy pattern; see the closure near 03a32\00"
      "3084 internal: the buffer is out of range during evaluation; see a symbol near 01542\003093 type: the array must be positive during evaluation; see the buffer near 16197\00"
      "3101 uri: the number is not callable on a frozen target; see the array near 10e2d\003106 range: the iterator cannot be read on a frozen target; see the locale near 09f93\00"
      "3110 internal: the array is detached during evaluation; see the buffer near 0a39c\003114 range: this string is read only in a sloppy pattern; see a symbol near 15c27\00"
      "3122 syntax: the parser has a cycle in a sloppy pattern; see the prototype near 02f06\003131 uri: the date exceeds the limit without a receiver; see an argument near 102c5\00"
      "3140 syntax: the closure is out of range inside a class body; see a symbol near 0248c\003144 type: this property was already consumed without a receiver; see this property near 13032\00"
      "3152 range: this property exceeds the limit inside a class body; see a handle near 02204\003153 syntax: the module exceeds the limit while loading; see a symbol near 0966e\00"
      "3162 syntax: a promise has a cycle at this position; see an argument near 10b16\003164 internal: a promise must be positive after the last item; see the generator near 17376\00"
      "3169 syntax: the parser was closed after the last item; see the regular expression near 15bed\003175 syntax: the module cannot be read in strict mode; see an identifier near 15efe\00"
      "3183 range: the parser was revoked on a frozen target; see the stream near 08bf2\003189 type: the number is detached in strict mode; see the buffer near 17eff\00"
      "3198 uri: the prototype was closed during evaluation; see the generator near 01f6a\003207 type: the module cannot be converted before the first call; see the date near 0129f\00"
      "3211 uri: a promise is detached on a frozen target; see the stream near 13298\003215 type: the locale must not be empty in strict mode; see a handle near 01f7d\00"
      "3221 range: the closure has a cycle for this type; see the locale near 05726\003223 type: a handle was revoked inside a class body; see this string near 040f6\00"
      "3232 uri: the array has no such member without a receiver; see this string near 04f8e\003235 range: the date has no such member in strict mode; see the number near 072c6\00"
      "3236 internal: the array is detached while loading; see the closure near 126b9\003239 type: the regular expression has no such member on a frozen target; see a symbol near 01d3b\00"
      "3241 internal: the parser exceeds the limit in a sloppy pattern; see the module near 02721\003250 uri: a handle cannot be read after the last item; see the date near 10ced\00"
      "3259 reference: an identifier must not be empty for this type; see the generator near 06b1f\003263 internal: the array cannot be read before the first call; see the buffer near 0626b\00"
      "3269 reference: a symbol was revoked inside a class body; see the date near 13b74\003273 reference: the iterator exceeds the limit after the last item; see the closure near 0e4cb\00"
      "3278 type: the date has no such member after the last item; see the parser near 094e3\003279 syntax: the buffer has no such member for this type; see the locale near 0c430\00"
      "3280 range: this property was revoked after the last item; see an argument near 184b0\003283 internal: the buffer was closed while loading; see the iterator near 003b4\00"
      "3289 uri: the generator was already consumed at this position; see a handle near 008e4\003290 type: the prototype was closed in a sloppy pattern; see the prototype near 0033b\00"
      "3296 syntax: this string was closed while loading; see the locale near 06bb7\003303 syntax: the stream was closed without a receiver; see the prototype near 039a1\00"
      "3308 reference: the prototype has no such member before the first call; see the parser near 04026\003314 internal: the array is not defined without a receiver; see this property near 10e57\00"
      "3315 reference: the number is not defined during evaluation; see the regular expression near 05b87\003324 range: the stream cannot be read without a receiver; see a handle near 01383\00"
      "3328 internal: a promise is detached inside a class body; see the buffer near 15cdf\003333 syntax: the number is not callable during evaluation; see a handle near 10d72\00"
      "3334 reference: this string was revoked before the first call; see an argument near 0b2cf\003340 internal: the stream is read only in a sloppy pattern; see the buffer near 172b7\00"
      "3347 reference: the module cannot be read after the last item; see a promise near 03064\003354 reference: the locale exceeds the limit at this position; see the generator near 0c101\00"
      "3363 syntax: the closure is not callable after the last item; see the generator near 02897\003368 uri: an argument must not be empty without a receiver; see the iterator near 04286\00"
      "3376 internal: the array is not callable during evaluation; see the locale near 127ea\003383 internal: the prototype must not be empty for this type; see this property near 022f0\00"
      "3386 internal: a promise has no such member at this position; see the buffer near 02c6f\003391 syntax: the prototype exceeds the limit during evaluation; see a handle near 03da1\00"
      "3398 internal: an identifier is not callable for this type; see a handle near 0fed0\003402 range: the closure cannot be read after the last item; see a symbol near 165cc\00"
      "3406 syntax: an identifier must be positive in strict mode; see the closure near 01f53\003414 type: the module must not be empty in strict mode; see this property near 029e7\00"
      "3415 uri: the iterator must not be empty for this type; see a handle near 144c7\003418 reference: an argument is not callable while loading; see a handle near 16057\00"
      "3424 uri: a symbol was closed on a frozen target; see this property near 0d237\003429 uri: the stream must be positive before the first call; see the date near 0a16a\00"
      "3435 type: the closure must be positive after the last item; see the generator near 184db\003437 syntax: the number cannot be read for this type; see this property near 0b5c0\00"
      "3446 type: this property must not be empty at this position; see the number near 0c354\003454 internal: the stream was already consumed on a frozen target; see the regular expression near 06aa2\00"
      "3463 uri: this property is not defined in strict mode; see a handle near 13ff1\003471 syntax: the locale exceeds the limit after the last item; see this string near 0c316\00"
      "3473 reference: this string is detached for this type; see the prototype near 02e72\003479 type: this property exceeds the limit inside a class body; see the array near 1426d\00"
      "3484 internal: the buffer is not defined before the first call; see the generator near 0331d\003487 syntax: an argument has a cycle during evaluation; see an argument near 0b577\00"
      "3490 syntax: this property must be positive for this type; see this string near 14fa3\003491 type: the array cannot be read on a frozen target; see an identifier near 08ea0\00"
      "3500 internal: the locale was revoked in strict mode; see a symbol near 1130b\003506 reference: the regular expression is out of range after the last item; see this property near 16381\00"
      "3512 type: a symbol is not defined on a frozen target; see a symbol near 13239\003516 internal: an identifier has no such member on a frozen target; see the stream near 008f9\00"
      "3525 type: the parser is not callable in strict mode; see the stream near 0b0e5\003533 type: the iterator cannot be converted in strict mode; see the buffer near 03e3c\00"
      "3534 range: the module cannot be converted before the first call; see the buffer near 07d64\003535 internal: the module is not callable inside a class body; see an identifier near 10a1a\00"))

  (core module $greet
    (import "runtime" "memory" (memory 2))
    (import "runtime" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "host" "write" (func $write (param i32)))

    ;; Puts "Hello, " in front of a name and returns where the pointer and the length of it are.
    (func (export "greet") (param $name i32) (param $length i32) (result i32)
      (local $text i32)
      (call $write (local.get $length))
      (local.set $text
        (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.add (local.get $length) (i32.const 7))))
      (memory.copy (local.get $text) (i32.const 60000) (i32.const 7))
      (memory.copy (i32.add (local.get $text) (i32.const 7)) (local.get $name) (local.get $length))
      (i32.store (i32.const 60016) (local.get $text))
      (i32.store (i32.const 60020) (i32.add (local.get $length) (i32.const 7)))
      (i32.const 60016))

    ;; Which class of letters a code point is in.
    (func $lower_case (param $opcode i32) (result i32)
      block
      block
      block
      block
      block
      block
      block
      block
      local.get $opcode
      br_table
        0 0 1 1 2 2 2 2 2 0 1 1 1 3 3 3 3 3 2 0 0 0 0 0 0 3 3 3 7 7 7 6 1 0 0 5 3 6 3 3 3 0 2 2 2 2 0 7 7 7 7 7 3 6 6 6 6 6 5 5 5 5 5 5
        3 3 0 5 5 5 5 6 6 5 1 2 2 2 4 2 0 0 0 5 5 5 5 5 1 1 1 1 1 6 4 4 4 4 4 3 7 5 5 6 1 1 1 1 1 1 1 3 2 2 2 2 2 2 2 0 0 4 7 7 7 7 7 0
        7 7 4 4 7 3 1 1 4 4 2 2 0 0 0 3 4 4 4 4 4 2 2 2 7 7 7 6 3 3 3 3 3 7 7 2 1 1 1 5 5 5 5 5 3 6 6 6 2 1 1 1 1 1 6 2 6 3 3 4 4 4 3 0
        7 7 7 4 3 3 5 6 7 7 3 3 5 5 3 3 3 3 7 7 7 7 7 7 7 4 4 4 4 4 2 2 0 7 4 4 0 4 4 4 4 4 4 3 2 2 2 2 2 5 3 5 5 5 7 7 7 7 4 6 6 3 3 3
        3 3 0 0 0 3 3 3 3 3 3 6 6 6 6 6 5 1 1 1 0 3 3 3 3 3 7 7 2 4 0 0 3 3 3 7 7 7 2 0 0 7 7 4 4 7 7 7 7 7 0 0 0 0 0 5 2 7 0 0 0 6 6 6
        0 0 0 0 0 7 6 6 6 5 5 3 3 3 4 7 2 2 2 4 4 4 4 4 3 6 6 3 5 6 4 4 4 7 7 7 7 7 6 1 3 2 1 1 1 1 1 4 7 7 3 1 7 7 5 6 6 2 4 4 4 5 4 4
        4 0 1 1 1 1 1 3 3 3 2 2 2 2 4 4 7 7 7 5 5 5 4 4 4 4 4 1 1 1 1 1 2 2 2 2 2 7 2 2 2 2 2 2 2 5 5 7 7 0 0 5 5 5 5 5 3 3 3 3 3 2 2 4
        3 3 3 3 3 1 1 1 1 1 7 7 7 7 2 4 1 0 5 5 5 2 1 6 6 4 4 4 0 6 1 6 4 0 1 1 1 2 2 4 4 4 4 4 1 3 7 6 6 2 0 0 0 0 0 3 0 1 3 3 3 7 4 4
        5 4 4 4 4 4 5 5 5 5 5 4 4 5 5 5 5 5 6 6 6 0 7 7 7 5 5 5 7 7 1 1 1 7 7 0 3 3 3 0 0 4 4 4 7 2 2 3 3 2 2 2 2 2 7 2 2 2 4 0 4 4 4 4
        4 1 6 6 0 0 1 1 1 1 1 7 7 7 7 7 6 2 5 2 2 2 4 4 1 4 4 4 1 3 3 0 7 4 0 0 0 6 6 6 0 0 0 0 3 4 7 7 7 1 1 2 6 5 5 5 5 0 6 6 6 7 7 7
        7 7 7 3 3 3 0 5 5 5 3 3 3 3 0 0 2 2 2 1 1 1 1 1 6 6 6 6 6 5 4 4 5 5 5 4 4 4 4 4 6 6 6 5 6 6 6 0 5 2 1 1 2 2 2 2 2 3 3 3 3 3 5 5
        5 3 3 3 3 3 5 4 4 4 4 4 4 4 6 5 5 1 1 1 1 1 6 6 6 5 5 5 5 5 4 4 4 2 2 2 2 2 3 3 3 7 7 7 7 7 1 1 1 1 1 0 0 0 4 5 5 5 4 5 5 5 6 6
        6 0 0 0 0 0 3 3 5 4 5 5 0 0 0 0 0 6 0 4 6 6 7 7 5 5 5 5 5 2 0 1 6 6 6 6 7 7 7 7 7 4 4 4 2 2 2 2 2 1 1 1 3 3 5 5 0 0 0 4 2 5 5 5
        1 6 6 6 2 2 2 2 2 5 5 5 3 3 3 3 3 4 4 4 4 4 0 0 0 0 0 6 6 6 6 6 2 2 2 2 2 4 7 7 7 7 7 5 2 2 2 2 2 4 4 4 6 2 0 7 0 7 4 7 5 3 3 3
        3 3 3 6 6 3 3 3 3 3 4 4 4 4 4 5 6 4 4 5 5 5 5 7 3 4 4 4 4 4 4 4 4 4 4 4 4 4 4 0 4 1 1 1 2 5 5 5 7 7 7 7 7 7 0 3 5 5 0 0 0 0 0 6
        6 2 2 7 7 7 4 7 2 4 4 4 2 3 3 3 7 6 6 6 6 1 0 0 7 7 7 7 7 1 4 4 4 4 4 7 2 5 5 0 0 0 0 0 4 6 6 6 6 6 0 0 0 5 5 5 3 3 3 2 2 3 3 3
        0 6 6 6 3 1 1 1 6 6 2 2 2 2 2 2 2 4 4 4 4 4 3 6 6 6 6 6 0 0 0 7 7 7 7 7 7 7 5 5 2 2 2 6 6 1 1 1 1 1 2 6 6 6 1 1 1 1 1 3 6 6 5 5
        5 5 5 1 1 1 1 1 1 2 2 2 7 7 7 7 7 0 0 0 3 3 3 3 3 6 6 6 2 2 2 2 2 7 7 7 4 4 0 0 0 5 4 6 4 2 2 2 2 2 4 4 4 6 0 6 5 5 4 4 4 0 0 0
        0 0 4 4 7 7 6 3 1 3 3 3 3 3 6 1 1 1 1 1 7 7 0 5 5 7 7 7 4 2 2 3 0 4 4 0 0 0 0 0 5 5 7 7 7 7 7 7 2 3 3 3 3 3 1 3 3 3 1 5 5 7 7 7
        7 7 0 3 3 0 0 7 7 7 7 7 1 1 1 1 1 0 0 0 2 2 5 3 7 6 6 6 6 6 5 7 7 0 3 7 7 4 0 0 5 5 5 5 5 5 2 2 0 0 0 0 0 4 4 4 4 4 7 7 5 5 0 0
        0 1 0 0 3 2 2 2 6 2 2 2 6 6 6 3 5 0 7 6 4 4 4 2 2 0 4 4 4 4 4 3 2 2 2 6 2 2 2 2 2 2 2 6 2 5 0 7 7 7 7 7 5 5 5 5 5 7 4 4 4 3 3 3
        3 3 2 1 1 1 0 6 6 6 6 6 0 2 2 2 2 2 6 6 6 7 7 7 7 7 3 3 5 5 5 5 7 6 6 6 6 6 7 7 6 2 2 2 2 2 2 2 5 5 5 5 5 3 3 4 0 0 0 0 0 1 1 1
        1 1 2 2 4 4 4 6 6 6 6 6 6 4 4 4 4 4 2 6 6 6 5 1 1 1 1 1 1 1 2 2 2 6 7 7 7 7 7 7 0 7 7 7 7 7 7 7 7 7 7 6 7 7 7 7 7 1 1 1 1 1 1 1
        1 1 1 1 7 1 5 3 3 3 3 3 2 2 7 1 0 5 7 7 7 1 1 6 0 4 2 5 5 1 2 1 1 1 6 5 6 0 0 0 0 0 3 3 3 2 2 2 2 2 2 2 2 6 6 0 4 4 6 5 6 6 6 6
        6 5 5 5 0 0 0 0 4 4 4 4 4 7 1 6 6 3 3 3 3 3 6 7 7 7 2 2 2 6 3 7 5 5 0 0 0 1 7 7 7 4 3 5 5 5 4 6 6 6 6 6 7 3 3 3 3 3 5 5 5 5 5 1
        6 6 1 4 3 3 3 7 7 3 5 5 6 6 6 6 6 6 6 6 6 6 0 0 1 6 6 4 4 6 4 4 0 7 4 4 4 4 4 0 0 0 0 2 0 1 1 1 1 1 0 0 0 0 0 6 6 6 0 4 4 0 4 6
        3 3 3 5 5 5 7 7 7 7 3 3 3 3 3 4 4 4 4 4 5 5 5 5 5 5 2 2 3 4 7 2 4 4 4 0 7 7 7 3 3 3 1 1 1 7 7 0 0 0 4 2 1 1 1 1 1 7 7 6 6 6 6 6
        2 2 2 6 2 2 7 7 7 4 4 3 3 3 2 6 4 4 4 0 1 1 1 4 4 4 4 4 0 0 0 2 1 1 1 1 1 7 4 4 6 7 1 1 4 4 4 4 4 2 0 4 5 5 5 5 5 0 6 6 6 6 6 2
        2 2 2 2 0 0 1 2 3 3 3 2 7 3 3 3 7 7 7 7 7 6 5 6 6 6 5 1 1 1 1 1 1 2 2 2 2 2 3 3 3 2 2 2 2 2 3 3 3 3 3 7 7 7 7 7 5 5 1 1 1 1 2 2
        7 6 6 6 6 6 3 0 5 5 5 5 0 0 0 1 1 1 1 1 5 5 5 7 7 7 7 7 4 0 0 0 0 0 3 0 7 7 7 5 5 6 1 2 2 2 2 2 0 0 0 5 5 5 4 4 4 1 6 6 6 4 5 5
        5 5 5 2 2 2 4 4 4 1 3 1 1 1 1 1 3 3 3 7 6 7 3 2 2 2 2 2 0 0 0 0 0 4 2 6 6 6 6 6 5 0 0 0 0 0 5 4 3 2 1 1 1 0 0 0 0 0 6 6 6 6 6 2
        1 6 5 7 7 7 7 2 2 2 2 2 3 5 5 6 6 6 1 7 7 1 5 5 5 3 3 3 6 6 3 3 0 3 3 3 3 3 7 7 7 2 2 7 2 1 0 7 6 3 3 3 5 6 4 4 0 0 0 0 0 7 7 6
        4 4 3 7 1 1 1 5 1 5 5 5 5 5 0 0 5 5 5 5 5 0 0 0 0 5 5 2 5 7 7 7 7 7 3 3 5 5 5 6 6 5 2 4 4 4 7 7 7 6 5 5 5 5 5 3 3 1 4 4 4 4 2 2
        2 1 5 5 5 0 6 1 1 1 1 1 4 0 0 7 2 1 0 0 0 0 6 6 6 6 6 6 6 6 6 6 1 6 6 0 7 1 1 1 5 2 2 2 2 2 4 4 4 2 2 2 2 2 2 2 1 0 0 0 2 5 2 5
        5 4 4 3 3 3 6 5 5 5 7 7 7 4 5 5 5 5 5 5 6 6 6 3 3 3 4 4 4 4 4 2 3 4 1 1 1 5 7 3 3 3 2 2 0 7 7 7 7 7 3 1 5 4 4 4 4 4 4 1 1 2 2 2
        6 3 3 6 6 6 1 1 1 1 1 5 6 0 0 0 0 0 1 1 1 1 1 6 6 6 6 6 4 0 0 0 3 3 4 1 1 1 6 6 6 7 5 6 5 7 6 7 7 2 2 2 4 6 6 6 6 6 4 4 4 0 2 4
        4 0 5 5 5 5 5 6 6 6 6 6 1 1 1 1 5 1 1 1 1 1 6 7 3 1 1 1 1 1 7 7 1 4 4 4 4 4 5 6 7 3 6 6 6 4 4 4 3 0 0 0 5 5 0 0 0 0 0 0 0 5 4 1
        1 1 3 6 6 3 3 3 5 1 0 4 4 5 5 5 5 5 4 4 4 4 0 0 0 0 0 2 2 2 4 5 4 4 2 1 1 1 4 4 4 1 7 7 5 5 5 2 2 4 4 7 7 7 7 7 3 3 5 7 7 7 2 0
        0 0 5 5 5 5 5 5 2 2 2 7 0 0 0 0 0 0 2 6 5 5 5 5 5 3 3 5 7 7 7 7 7 5 6 1 0 3 3 3 1 1 7 0 3 2 7 4 7 7 7 7 7 7 4 4 4 6 3 7 3 3 3 1
        3 3 3 6 4 6 5 5 5 5 5 7 5 7 3 2 2 2 3 3 3 6 6 6 2 2 2 6 6 6 3 3 3 6 6 6 7 7 7 7 7 4 4 2 1 0 7 0 1 7 4 7 0 0 0 7 4 4 4 4 4 4 2 1
        4 4 4 4 4 3 2 2 3 3 2 6 7 7 6 3 5 5 5 4 4 4 4 4 5 4 0 0 0 0 0 7 7 1 1 4 4 4 4 4 0 0 0 3 3 3 3 3 1 1 1 1 1 0 2 2 3 3 4 4 4 4 4 7
        7 1 4 4 5 5 5 5 5 5 4 4 4 1 1 7 7 7 7 7 1 1 7 7 7 0 7 4 4 4 4 4 0 3 3 3 3 7 7 7 6 0 2 0 3 7 7 1 1 1 2 2 2 2 2 7 7 7 1 6 6 6 7 4
        0 6 5 4 2 7 6 6 7 4 2 3 1 1 3 3 3 6 6 6 6 6 5 1 1 1 5 5 6 7 7 6 6 6 2 6 6 7 7 7 4 4 4 5 5 5 2 2 7 7 3 3 3 3 3 5 5 5 5 5 6 6 6 3
        0 0 0 0 6 6 7 7 7 7 7 6 6 1 1 7 2 6 3 3 3 3 3 3 3 3 3 3 0 0 1 5 5 5 5 5 6 2 2 2 3 4 1 1 1 4 5 0 0 0 0 0 0 7 4 7 7 7 1 1 1 1 1 7
        5 5 5 5 5 3 7 7 7 7 7 4 0 1 2 2 3 3 2 5 0 0 0 6 6 0 1 2 2 0 4 5 5 6 6 6 6 6 3 5 5 6 6 6 1 0 1 1 5 3 3 5 1 6 6 6 0 2 2 7 1 1 5 5
        7 7 7 1 7 7 6 2 6 6 6 6 6 6 6 6 6 6 7 2 1 5 4 4 4 7 7 7 7 7 4 1 1 1 1 1 1 1 1 1 1 6 7 7 7 7 2 6 1 1 1 3 5 4 6 6 6 6 6 1 4 4 4 4
        4 7 7 7 7 7 3 3 3 5 4 0 0 0 0 0 7 7 7 3 5 5 5 5 5 6 6 0 0 0 0 0 6 6 6 5 3 3 2 2 2 2 2 1 1 1 1 1 2 7 5 5 5 0 1 4 4 4 4 4 7 2 2 2
        7 7 7 7 7 3 3 3 3 3 5 5 5 5 7 7 7 7 7 7 7 7 7 7 0 0 0 0 0 5 5 0 3 3 3 3 1 1 1 5 5 5 2 2 2 4 5 0 6 2 1 1 5 6 6 4 1 1 1 6 6 6 6 6
        2 0 0 0 0 0 0 0 0 0 0 3 3 3 6 6 6 1 3 3 3 3 2 2 2 0 4 4 0 0 5 5 5 5 5 3 1 1 1 1 1 1 2 2 2 2 2 5 6 1 5 5 5 5 5 1 1 1 6 1 1 1 1 1
        5 5 2 1 1 1 4 4 7 4 4 4 4 4 5 5 5 5 5 0 3 6 6 7 0 1 1 1 1 1 1 1 1 0 0 0 3 3 3 3 3 0 2 0 0 0 1 4 7 7 4 5 5 5 3 3 0 0 0 0 0 0 0 0
        0 0 0 0 7 7 0 2 6 0 3 3 3 3 3 0 5 5 6 6 6 6 6 2 2 2 2 2 1 1 1 1 1 7 7 7 5 4 4 4 4 4 5 0 0 0 0 0 6 6 6 3 3 3 6 3 5 4 4 4 4 4 1 1
        1 1 1 6 6 6 3 3 3 3 3 7 3 3 3 3 3 3 3 3 4 4 2 2 3 3 3 3 6 6 6 6 6 4 4 2 2 2 2 2 6 6 3 3 3 3 3 2 2 2 2 2 2 2 2 3 3 4 4 3 3 3 6 6
        6 4 4 4 4 4 6 6 1 4 4 5 0 0 0 2 2 0 5 3 4 4 2 5 5 5 5 5 3 3 3 0 0 0 1 1 6 6 1 6 1 6 0 0 4 4 4 0 0 3 3 3 4 4 4 4 4 1 1 0 0 0 1 4
        3 7 7 7 5 0 7 1 1 1 4 0 0 0 1 0 0 0 6 6 2 6 6 6 6 0 0 5 4 0 0 7 0 2 1 0 0 6 6 6 6 6 4 4 4 4 4 1 3 6 6 6 3 3 3 2 2 2 2 2 4 5 5 5
        5 5 1 1 4 4 5 7 7 2 2 2 2 2 0 0 5 7 7 3 4 4 4 4 4 7 7 7 2 2 2 2 2 4 4 1 1 2 2 7 4 7 7 3 3 1 6 6 6 2 6 6 6 6 6 2 2 2 0 0 0 0 0 0
        0 0 1 1 3 3 4 6 4 7 7 4 4 4 4 4 0 0 0 2 2 7 7 7 7 7 7 1 1 4 7 7 0 3 7 4 4 6 6 6 6 6 2 2 2 4 4 2 6 6 6 6 6 5 5 5 5 5 5 5 5 5 5 7
        7 7 7 7 0 0 0 0 0 2 2 2 1 1 1 1 1 3 3 3 3 3 7 7 0 7 7 7 7 7 4 7 4 7 7 5 7 7 5 5 5 5 5 0 0 0 0 0 4 5 6 6 0 0 6 6 6 3 5 0 0 0 0 0
        2 2 2 2 2 7 7 7 0 7 7 7 7 7 0 7 0 0 5 5 5 1 3 5 5 5 5 5 2 2 2 2 2 3 3 6 6 3 0 5 7 7 1 1 4 6 3 3 3 3 3 3
      end
      i32.const 2490 return
      end
      i32.const 5987 return
      end
      i32.const 2359 return
      end
      i32.const 6739 return
      end
      i32.const 9073 return
      end
      i32.const 7114 return
      end
      i32.const 5683 return
      end
      i32.const 3776)
    (export "lower-case" (func $lower_case))

    ;; How warmly to greet at this hour.
    (func $warmth (export "warmth") (param $x f64) (result f64)
      f64.const 5.728
      local.get 0 f64.mul f64.const -2.459 f64.add local.get 0 f64.mul f64.const 8.212 f64.add local.get 0 f64.mul f64.const -5.54 f64.add
      local.get 0 f64.mul f64.const -5.235 f64.add local.get 0 f64.mul f64.const 5.382 f64.add local.get 0 f64.mul f64.const -5.496 f64.add
      local.get 0 f64.mul f64.const -4.288 f64.add local.get 0 f64.mul f64.const 7.878 f64.add local.get 0 f64.mul f64.const 5.329 f64.add
      local.get 0 f64.mul f64.const 1.555 f64.add local.get 0 f64.mul f64.const 6.749 f64.add local.get 0 f64.mul f64.const -4.935 f64.add
      local.get 0 f64.mul f64.const 4.576 f64.add local.get 0 f64.mul f64.const -6.073 f64.add local.get 0 f64.mul f64.const -6.528 f64.add
      local.get 0 f64.mul f64.const -0.531 f64.add local.get 0 f64.mul f64.const -8.834 f64.add local.get 0 f64.mul f64.const -3.218 f64.add
      local.get 0 f64.mul f64.const 6.47 f64.add local.get 0 f64.mul f64.const 6.37 f64.add local.get 0 f64.mul f64.const 6.359 f64.add
      local.get 0 f64.mul f64.const -5.626 f64.add local.get 0 f64.mul f64.const -2.712 f64.add local.get 0 f64.mul f64.const -7.809 f64.add
      local.get 0 f64.mul f64.const -8.194 f64.add)

    (data (i32.const 60000) "Hello, "))

  (core instance $runtime (instantiate $runtime))
  (core func $write (canon lower (func $log "write")))
  (core instance $greet (instantiate $greet
    (with "runtime" (instance $runtime))
    (with "host" (instance (export "write" (func $write))))))

  (func $greet (param "name" string) (result string)
    (canon lift (core func $greet "greet")
      (memory (core memory $runtime "memory")) (realloc (core func $runtime "realloc"))))
  (instance $greeter (export "greet" (func $greet)))
  (export "example:greet/greeter@1.0.0" (instance $greeter)))
