;; A component with many large sections: code, data and elements in three modules, and custom sections.
(component
  (core module $engine
    (memory (export "memory") 1)
    (table $handlers 8192 funcref)
    (type $handler (func (param i32) (result i32)))
    (func $halt (param i32) (result i32) (i32.const 0))
    (func $step (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func $skip (param i32) (result i32) (i32.add (local.get 0) (i32.const 2)))
    (func $back (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))
    (func (export "run") (param $opcode i32) (param $at i32) (result i32)
      (call_indirect (type $handler) (local.get $at) (local.get $opcode)))

    ;; What an instruction costs.
    (func $cost (param $opcode i32) (result i32)
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
        6 3 6 6 6 4 4 4 4 4 0 0 0 2 5 4 4 4 4 4 0 0 0 4 4 4 4 4 3 5 5 5 5 5 7 0 1 2 4 3 3 3 0 0 0 2 2 0 6 1 1 1 1 1 1 1 0 0 0 0 0 7 7 3
        1 1 1 6 6 4 4 4 0 7 2 1 1 1 1 1 0 0 0 0 0 1 1 1 1 1 2 2 1 1 1 6 6 6 1 3 3 5 5 5 5 5 7 7 7 7 7 6 6 1 1 1 1 1 4 4 4 3 3 3 3 3 3 6
        6 6 6 6 5 5 5 6 7 7 7 7 7 1 2 0 2 2 3 3 3 3 2 2 5 3 3 1 1 3 3 3 7 7 5 5 2 2 2 2 2 2 2 2 2 2 2 2 2 1 5 6 4 4 4 3 4 4 4 6 6 6 3 7
        7 7 7 7 7 1 7 7 6 0 0 0 0 0 3 3 7 5 5 5 2 2 0 2 2 2 6 0 0 0 0 0 6 3 0 0 0 3 3 2 5 5 5 2 2 1 1 1 0 5 4 4 1 1 1 1 1 7 4 4 4 1 1 1
        5 5 5 5 5 7 7 7 7 7 5 5 5 2 1 6 2 2 2 2 1 5 5 0 0 0 1 2 2 2 2 2 4 4 4 4 2 2 6 6 4 4 4 4 4 4 4 4 2 0 0 5 4 4 4 1 4 6 6 6 0 3 6 6
        6 7 7 3 3 4 4 4 5 2 2 6 6 6 6 6 1 1 1 7 7 7 0 0 0 0 0 1 1 1 1 1 6 6 1 1 1 1 1 1 1 1 0 4 4 6 6 4 2 2 2 1 1 1 6 6 5 5 3 1 1 1 2 2
        2 2 2 4 2 2 2 2 2 4 7 7 1 3 0 0 0 0 0 1 4 3 2 2 5 5 5 0 0 1 1 1 1 1 2 3 5 1 4 2 2 2 2 2 1 7 3 7 4 5 5 5 6 6 5 5 7 6 6 6 4 1 7 4
        4 7 7 2 2 5 1 1 4 4 5 0 0 0 7 7 7 7 7 6 7 1 1 1 6 6 6 6 6 6 2 2 2 1 7 7 7 3 6 6 6 6 4 6 6 6 6 6 6 4 5 2 5 5 5 6 6 6 6 6 0 0 0 0
        0 7 7 4 7 7 7 1 7 7 7 0 3 4 0 0 0 0 0 5 5 5 5 5 0 0 0 5 5 5 5 3 3 0 0 6 1 1 1 1 1 7 0 0 0 2 2 6 1 2 2 3 3 3 3 3 3 3 3 2 6 2 1 0
        0 0 0 6 1 1 1 4 0 5 7 7 7 5 4 4 0 0 0 7 7 7 7 7 6 3 0 0 0 0 0 4 7 7 7 2 2 7 7 7 7 7 2 2 2 2 2 3 1 4 3 3 1 1 1 1 1 4 3 7 7 7 7 7
        2 2 2 2 2 5 5 5 7 6 1 1 3 3 3 3 3 4 0 0 0 5 4 4 5 5 5 5 5 5 3 3 3 3 3 5 5 5 5 5 5 3 0 3 3 4 3 2 2 1 7 7 4 6 6 6 6 6 0 1 1 1 1 1
        7 7 7 7 7 6 6 6 0 0 0 1 1 1 6 6 6 0 4 2 4 3 6 6 6 6 6 7 7 1 1 3 3 3 5 5 3 3 3 6 2 2 2 2 2 1 1 1 1 1 3 3 3 4 6 0 0 0 0 0 6 5 0 0
        0 0 0 1 1 1 1 1 0 0 0 6 7 3 2 2 6 6 6 6 6 6 6 6 6 6 3 3 1 6 0 3 3 5 5 1 1 1 6 7 0 0 7 7 7 5 2 2 2 2 2 2 1 1 1 1 1 3 5 5 6 5 2 2
        0 0 4 4 4 0 0 0 0 0 4 4 3 3 6 6 6 6 6 4 4 4 4 4 0 0 0 0 0 3 3 3 3 6 7 4 1 6 6 6 3 3 7 7 7 2 2 2 0 1 5 5 5 5 5 5 5 5 5 5 2 7 7 1
        7 7 7 6 6 6 4 4 4 7 1 1 1 1 1 2 2 2 7 7 1 7 7 3 1 1 3 1 6 6 4 4 2 0 0 0 1 1 2 4 4 4 2 2 3 3 3 3 3 4 4 7 6 4 4 4 4 4 4 6 6 6 6 6
        5 5 5 5 5 7 7 4 6 7 7 7 7 7 1 1 0 0 2 3 3 3 0 0 0 4 4 1 1 1 1 1 6 6 5 1 1 1 1 5 5 5 4 7 0 4 4 4 4 4 6 0 0 5 5 5 5 1 6 6 0 0 0 0
        0 0 0 5 2 4 5 6 6 0 1 1 1 4 1 4 2 0 0 0 2 2 2 1 1 1 1 1 1 0 2 3 3 3 1 1 2 2 2 5 3 3 0 2 2 2 2 2 1 1 1 7 7 6 7 7 7 6 6 6 3 0 6 7
        7 7 4 4 4 1 2 7 7 7 7 7 7 3 3 3 3 3 6 6 1 1 1 4 5 5 5 3 3 3 7 1 1 1 1 1 0 0 1 6 3 4 4 4 4 4 1 4 4 5 6 6 6 2 4 4 7 2 4 6 1 2 2 2
        0 6 7 7 4 5 5 0 6 6 2 2 4 1 1 3 0 0 0 0 0 6 6 6 1 7 7 7 7 0 0 0 2 1 4 1 2 3 1 1 1 2 6 7 3 7 7 0 3 3 3 4 4 1 1 7 7 5 7 6 6 6 6 6
        4 2 2 2 2 2 2 4 4 1 0 4 4 7 0 7 7 2 1 5 5 5 4 4 4 6 6 4 3 7 5 7 1 1 1 5 1 6 6 7 2 2 2 7 0 4 4 4 4 4 0 6 6 6 6 6 2 2 2 2 2 4 5 5
        0 0 6 3 3 1 1 4 4 4 5 7 6 2 2 2 2 2 2 5 7 7 3 3 7 5 5 3 3 3 1 5 6 6 1 1 1 0 0 0 3 3 6 6 7 7 7 0 0 0 0 0 0 0 0 2 2 2 6 6 6 3 3 4
        4 4 4 4 4 0 5 3 3 3 4 5 5 5 5 5 3 3 3 0 0 0 0 0 5 5 5 5 5 3 3 3 3 5 5 5 5 5 0 3 3 3 3 2 5 5 5 5 5 2 5 6 0 4 4 4 4 4 5 5 5 6 6 7
        7 7 7 7 1 1 1 6 7 7 7 7 7 7 7 0 0 0 0 3 5 1 0 0 0 4 5 5 5 5 5 0 1 2 1 3 4 2 2 2 1 3 3 1 3 2 5 1 1 4 3 6 6 6 0 7 2 0 0 0 3 3 6 6
        6 6 6 6 6 6 2 7 0 0 0 4 4 6 6 5 5 5 5 5 0 0 7 7 7 1 1 1 1 5 2 2 2 2 2 4 4 4 4 4 4 4 1 1 1 1 1 0 0 0 0 0 1 3 3 3 3 3 3 3 3 3 3 2
        2 3 3 5 3 2 2 2 6 6 6 6 3 3 1 3 3 3 6 6 6 6 6 5 5 7 5 5 5 2 1 1 1 0 0 0 2 4 4 4 4 4 3 6 7 7 7 7 7 0 2 2 3 3 3 3 3 6 6 6 6 6 2 0
        2 5 1 1 1 1 1 5 5 5 5 5 0 4 3 7 6 1 3 3 3 3 3 3 6 6 6 1 1 1 1 1 7 7 7 7 7 6 0 0 3 3 3 3 3 1 6 6 6 6 5 5 5 4 6 6 1 3 3 3 7 7 7 1
        1 6 3 3 3 3 3 0 0 0 0 2 2 4 4 5 5 5 1 0 1 5 7 7 7 5 4 6 3 4 0 0 0 6 6 2 2 1 1 5 5 2 1 4 4 7 7 7 2 2 0 5 6 3 3 3 3 3 3 4 5 5 5 5
        5 5 1 1 1 1 1 5 4 4 4 4 4 6 2 2 4 0 0 0 0 6 3 3 2 4 4 4 1 1 1 1 1 5 5 7 2 3 2 2 0 5 7 5 3 2 2 6 1 0 0 6 3 4 4 4 4 4 1 1 7 7 7 7
        7 3 0 2 2 2 2 2 5 5 5 4 4 4 2 5 4 1 1 1 1 1 5 5 3 5 2 6 3 7 4 4 4 7 7 7 7 7 1 1 6 7 2 2 2 2 2 2 2 2 0 6 1 1 2 2 2 2 2 4 3 3 0 2
        2 2 2 2 3 3 3 3 6 6 5 4 7 6 7 7 7 7 7 6 6 1 2 2 2 3 5 6 6 3 6 3 3 4 3 1 5 7 7 7 7 7 0 2 4 6 6 4 1 1 1 4 4 4 2 2 2 2 2 6 6 6 6 6
        5 6 3 3 3 6 0 6 6 6 2 2 2 2 2 0 7 4 3 3 7 7 7 7 7 7 3 1 5 2 5 5 5 3 3 7 5 3 3 3 3 3 3 7 5 2 2 2 2 2 3 7 7 7 7 7 2 6 6 6 6 6 3 3
        3 3 7 1 1 1 7 7 7 7 7 2 4 4 4 3 3 3 3 3 7 7 7 7 7 4 6 0 0 0 4 4 4 0 7 7 4 4 4 6 6 6 0 0 0 0 0 0 0 0 0 1 0 0 3 4 6 6 6 6 6 4 7 7
        7 5 5 5 5 5 7 7 7 5 5 5 5 5 0 0 3 3 1 1 5 1 1 7 7 2 0 0 0 0 0 7 7 7 7 7 7 0 3 0 0 0 1 1 5 5 5 5 5 0 0 0 1 5 5 5 5 5 4 5 5 5 3 7
        3 1 1 1 1 1 1 1 3 0 0 2 2 2 7 7 7 0 0 4 6 6 6 6 6 6 6 6 6 6 1 1 1 1 1 7 5 5 0 0 4 3 2 2 2 0 5 6 6 6 4 4 4 7 7 7 7 7 5 5 5 3 3 0
        1 1 6 0 3 3 1 1 1 1 1 3 7 7 1 1 1 1 1 1 1 1 1 1 3 6 3 3 3 3 3 4 4 4 4 4 3 3 6 6 6 6 6 3 3 3 2 1 0 4 2 5 4 0 0 2 2 2 2 2 2 7 7 7
        3 3 3 3 3 0 0 0 4 5 5 5 5 5 5 7 7 7 7 7 1 1 1 3 4 0 2 2 4 4 4 4 4 6 1 1 1 3 3 0 0 0 0 0 6 5 5 3 3 3 1 1 1 1 1 2 2 2 2 2 2 6 6 6
        6 6 3 3 7 7 7 7 7 1 1 1 3 3 1 6 0 2 0 0 6 6 6 6 6 4 4 4 4 4 0 0 0 0 0 7 7 7 7 7 7 7 6 6 6 2 2 2 2 2 1 1 1 4 2 0 7 1 7 3 3 3 3 3
        3 1 0 5 5 5 5 5 0 0 0 0 0 5 5 3 7 7 7 0 3 3 3 7 7 7 7 7 2 6 6 6 6 6 6 6 6 3 3 7 0 0 0 0 6 6 4 4 4 1 1 1 6 3 3 5 5 5 7 6 6 6 5 5
        5 5 5 7 5 2 2 2 2 2 0 1 4 7 7 2 2 2 2 2 0 0 0 7 6 6 6 7 6 1 1 7 3 6 6 6 6 6 6 6 5 5 3 3 3 6 7 7 3 3 3 3 3 3 3 4 4 4 5 2 2 2 7 7
        6 6 4 7 7 7 1 1 1 7 0 0 6 6 6 6 5 5 5 1 1 1 1 1 3 6 4 4 4 0 0 0 0 0 3 3 0 0 0 0 0 4 2 4 4 4 4 3 0 0 0 0 0 1 2 2 2 2 2 5 5 5 4 4
        2 3 3 7 4 1 1 1 6 5 2 2 2 5 6 5 3 5 5 5 6 7 7 4 4 4 6 6 4 4 4 4 4 7 7 6 4 1 3 7 7 7 2 2 2 2 2 2 6 0 7 3 3 6 7 4 2 6 6 6 6 6 1 1
        1 1 1 7 6 6 6 6 6 6 7 7 7 4 3 3 3 3 3 7 3 3 3 0 0 0 4 3 3 3 3 3 7 2 6 1 6 0 6 6 6 6 6 2 2 2 2 2 3 0 6 2 2 2 2 2 0 0 0 0 0 2 2 7
        7 7 2 2 3 3 4 4 4 2 7 4 4 4 4 4 6 6 1 1 1 1 2 4 4 6 3 0 0 0 4 4 4 4 4 6 6 6 7 5 0 0 0 0 0 7 3 3 3 3 3 4 4 0 0 0 0 0 0 0 0 0 4 7
        6 1 1 1 4 4 4 7 0 0 0 7 5 2 2 2 7 7 7 7 7 5 7 2 2 2 1 1 1 0 0 5 7 2 2 7 0 0 0 0 0 0 0 3 7 2 1 1 1 4 1 4 2 2 2 3 7 7 7 2 2 2 2 2
        5 5 5 0 0 0 0 0 1 1 1 1 0 0 0 0 0 0 3 3 3 1 7 0 0 0 0 7 2 2 2 2 2 2 2 2 7 6 1 1 1 0 0 0 0 0 1 0 0 3 5 5 3 6 6 3 3 3 4 1 1 0 0 7
        6 6 6 6 6 0 4 0 0 1 1 1 5 0 6 7 5 4 1 1 3 4 4 7 1 1 1 7 3 3 3 1 1 1 3 2 3 3 3 3 3 6 6 6 6 6 4 4 4 2 2 6 6 6 3 5 0 1 7 7 7 1 1 5
        6 6 6 3 3 4 4 6 7 7 2 7 6 6 1 6 1 1 1 1 3 3 1 1 1 1 1 5 5 6 6 4 3 3 4 4 4 2 2 2 2 2 3 4 4 4 4 4 1 1 1 1 1 4 4 4 0 0 0 0 0 7 7 7
        4 7 5 2 7 7 7 5 6 2 2 2 2 2 4 4 4 3 1 3 4 2 2 2 7 7 7 7 7 1 6 6 4 6 6 6 0 2 2 2 2 2 5 7 5 5 5 5 5 5 7 0 0 0 3 3 3 4 4 4 1 1 1 1
        1 2 3 3 3 3 3 7 0 0 0 0 0 5 5 5 0 0 0 4 4 5 4 4 3 6 3 3 3 1 1 1 1 1 1 1 4 6 6 7 1 1 5 0 6 4 4 4 4 4 4 1 2 4 7 2 3 2 0 0 0 0 0 0
        0 0 7 7 0 5 5 2 2 2 5 5 4 4 3 3 3 0 3 0 4 3 3 3 3 3 3 3 3 3 3 3 0 3 3 3 3 3 3 3 2 2 2 0 0 0 2 2 5 3 3 3 3 2 3 1 1 1 1 1 0 0 0 0
        0 0 6 2 2 2 3 4 4 4 7 0 0 0 3 2 6 1 7 7 7 7 7 7 3 4 4 4 2 4 5 2 2 2 2 2 2 2 2 2 2 7 6 6 6 6 6 2 2 2 0 3 3 6 2 2 2 2 2 4 4 4 6 4
        4 4 4 4 2 2 2 0 0 0 0 0 0 1 1 1 0 0 0 0 0 5 5 5 7 0 5 2 6 7 7 7 7 3 7 7 7 7 4 6 3 3 3 1 3 3 1 3 5 5 5 5 5 5 6 6 3 3 3 5 5 5 5 5
        5 5 5 5 5 5 5 1 1 1 1 1 5 6 6 6 6 6 2 2 6 6 6 1 6 1 1 1 1 1 7 7 4 1 7 7 7 7 7 1 0 0 0 1 7 7 4 4 4 4 4 6 6 6 6 6 7 5 0 0 3 4 4 4
        1 4 3 0 0 7 4 2 3 3 7 7 7 7 7 7 7 7 3 3 3 0 0 0 3 4 5 2 4 4 4 4 4 4 6 6 6 1 3 7 7 4 4 4 6 6 7 3 3 3 1 1 1 1 1 1 1 3 7 7 7 2 5 5
        5 5 5 5 5 5 7 7 7 7 7 2 2 2 2 2 4 5 5 5 0 0 0 0 2 2 2 2 2 0 0 0 0 0 4 2 2 6 6 6 2 0 0 0 1 4 4 4 4 4 2 2 2 2 2 5 2 2 3 3 3 3 3 0
        0 7 3 5 5 7 7 7 7 7 5 5 5 5 5 2 0 0 0 2 2 2 2 2 3 4 4 4 1 1 1 1 1 4 4 7 6 0 5 0 0 5 5 5 1 3 6 6 6 6 6 6 6 6 6 2 6 7 7 7 7 6 1 1
        1 1 4 4 6 2 5 5 5 5 5 5 7 7 7 3 7 7 7 7 7 3 3 3 3 7 7 7 7 7 2 5 5 1 1 1 1 1 6 5 1 1 6 6 6 6 4 4 4 4 4 4 4 4 1 1 1 1 1 1 6 6 6 3
        3 3 5 3 3 3 7 7 7 7 7 0 2 2 4 4 4 4 4 5 5 1 5 5 5 5 2 2 2 7 7 7 7 7 3 3 2 2 3 3 3 3 3 0 0 6 6 3 2 2 6 5 5 0 0 7 0 2 2 2 2 2 3 7
        4 4 4 4 4 7 7 7 6 6 3 5 5 0 7 7 7 1 1 0 0 0 7 4 4 5 5 5 5 5 3 0 0 0 4 4 4 5 5 5 3 1 0 0 0 2 3 3 3 2 2 2 1 4 4 4 2 2 2 0 4 1 0 0
        0 6 6 0 4 4 7 3 3 3 6 6 7 7 7 7 7 6 3 7 6 7 7 7 2 2 2 1 5 5 3 3 3 1 7 7 7 7 7 6 6 6 6 6 1 5 5 5 3 3 2 6 6 6 6 6 6 2 2 2 3 2 2 2
        2 2 3 3 3 3 3 1 7 7 0 0 3 3 3 7 2 2 2 2 2 2 2 2 2 2 4 4 5 4 4 4 4 4 4 4 6 6 6 6 6 7 7 7 7 7 5 5 5 5 5 7 4 4 7 4 4 4 4 4 1 1 1 1
        2 0 0 0 5 2 5 0 5 0 0 0 2 5 5 4 4 4 0 3 3 3 3 7 7 7 0 0 0 0 0 4 4 4 6 6 3 3 3 7 7 2 2 6 6 6 6 6 6 6 7 7 7 7 7 7 0 5 6 6 6 1 0 4
        1 5 5 1 1 1 1 3 7 5 5 5 5 5 0 3 3 3 3 3 3 3 3 3 6 6 0 0 0 7 7 7 7 7 7 4 3 3 3 3 3 0 0 5 5 7 0 0 0 7 7 7 7 7 7 7 7 1 0 0 0 7 3 5
        3 3 3 3 3 4 4 4 0 6 6 6 2 2 2 0 0 0 0 0 7 0 0 0 2 2 2 2 2 6 6 6 6 6 1 1 0 0 0 3 3 3 3 3 3 0 6 2 2 2 5 7 2 2 1 1 5 5 4 4 1 1 1 1
        1 1 1 1 1 1 6 7 7 7 7 7 3 3 3 7 3 3 3 3 3 3 6 6 6 4 4 6 6 6 1 1 1 0 6 6 0 3 3 3 3 3 2 2 2 2 0 4 7 7 1 4 4 4 2 2 2 2 2 2 0 0 6 6
        6 6 6 2 2 7 3 0 6 5 5 5 3 3 3 7 2 1 1 4 4 4 4 0 0 0 0 0 3 3 2 4 0 0 0 0 0 2 0 0
      end
      i32.const 4949 return
      end
      i32.const 2925 return
      end
      i32.const 1256 return
      end
      i32.const 2859 return
      end
      i32.const 4026 return
      end
      i32.const 9832 return
      end
      i32.const 5527 return
      end
      i32.const 4316)
    (export "cost" (func $cost))

    ;; The handler of every opcode, by function index.
    (elem (table $handlers) (i32.const 0) func
      0 1 1 1 1 1 1 1 1 2 2 2 2 1 1 1 1 3 3 0 0 2 2 2 2 0 2 3 2 3 3 3 3 0 0 0 0 0 0 2 3 3 3 3 3 3 0 2 0 2 2 1 3 3 3 3 0 1 1 1 1 3 0 3
      2 2 1 0 0 0 0 3 0 3 3 0 1 1 0 2 1 3 1 1 1 1 0 0 3 3 3 3 2 3 2 1 0 0 0 0 3 3 0 2 1 3 3 2 2 0 0 0 0 0 0 0 2 2 2 2 0 0 0 0 0 1 3 3
      3 3 3 3 3 2 1 0 0 1 1 0 3 3 3 3 2 0 0 0 0 2 2 0 0 0 1 3 3 3 2 2 3 3 3 3 3 3 2 1 3 0 1 3 3 3 3 3 3 1 1 0 0 0 0 0 0 2 2 2 2 0 0 0
      3 3 3 3 2 2 1 1 1 1 1 2 3 2 0 0 0 0 0 1 0 0 0 0 0 2 0 2 0 0 1 1 1 1 2 2 1 1 0 0 0 0 2 2 2 2 2 3 3 1 1 1 1 2 1 1 1 0 0 0 0 2 1 1
      1 1 0 0 0 0 0 2 3 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 3 3 3 3 0 3 3 1 0 0 0 0 2 2 1 0 0 0 0 3 0 3 2 2 3 3 3 3 1 0 0 3 0 3 3 2 2 0 0 0
      0 3 3 1 1 2 2 2 2 2 2 2 2 0 0 3 3 3 3 0 2 0 3 2 2 2 2 2 2 2 1 3 1 1 1 1 3 3 3 3 1 3 3 0 2 2 2 2 2 2 2 2 1 1 3 0 1 3 3 0 0 0 0 0
      3 3 3 3 1 2 2 2 2 2 2 2 2 3 3 3 3 3 2 2 2 2 3 0 2 2 2 2 0 1 1 1 1 2 3 3 2 0 3 0 3 1 0 0 0 2 3 3 0 0 2 0 0 2 2 2 2 1 1 1 1 3 3 3
      3 0 0 1 1 2 2 1 2 3 3 3 3 1 0 0 0 0 0 0 0 2 2 1 3 3 2 2 0 3 2 2 2 2 2 3 3 0 0 1 3 3 2 2 1 1 1 1 2 3 3 0 0 0 0 0 0 0 3 0 0 1 2 2
      2 3 3 3 1 1 0 0 0 0 0 0 0 0 0 1 1 1 1 0 3 0 0 0 0 1 1 1 1 1 1 1 0 2 3 3 3 3 2 0 0 2 1 1 1 0 0 1 1 1 1 3 3 2 2 2 2 2 0 0 0 0 3 3
      1 1 1 3 3 3 3 3 3 1 1 1 1 3 3 3 3 2 1 1 1 1 1 0 0 0 0 0 3 3 2 2 2 2 2 2 0 0 2 2 3 1 0 0 0 0 0 0 0 0 3 3 0 0 1 1 1 1 3 0 1 0 0 0
      0 3 3 3 3 0 1 1 1 1 1 0 0 1 1 1 1 3 1 0 1 1 1 1 2 3 3 3 3 1 3 1 2 2 2 2 2 2 3 1 1 2 0 3 3 3 3 0 1 0 0 0 0 2 2 2 2 2 2 0 0 3 2 2
      1 1 1 0 0 2 3 0 2 2 2 2 2 2 2 2 2 1 1 1 1 2 3 1 1 1 1 1 1 1 1 0 0 0 2 1 1 1 1 1 2 3 3 3 3 3 3 0 1 0 0 0 0 3 0 1 3 3 1 0 2 0 0 0
      0 2 3 3 3 3 1 1 1 0 2 3 0 2 2 0 0 0 0 3 3 3 1 1 1 1 0 0 0 0 3 3 3 3 0 0 0 0 0 0 0 1 1 0 0 0 0 0 3 3 3 3 2 1 3 3 0 2 3 3 1 2 2 2
      2 0 3 3 3 3 3 3 3 3 0 1 0 2 0 0 0 0 2 2 2 2 1 0 0 0 0 3 2 2 1 2 2 3 3 0 0 2 2 1 3 3 3 3 2 2 2 2 2 2 1 0 1 1 1 1 0 0 0 0 2 2 3 3
      1 1 0 0 1 2 2 2 2 3 1 2 0 0 0 0 0 0 0 0 1 0 0 0 0 1 1 2 1 1 1 1 3 3 3 3 0 0 0 0 2 2 2 2 1 2 2 2 2 3 1 1 1 1 1 1 1 3 2 2 0 1 2 0
      0 0 0 3 3 1 0 0 0 0 1 0 0 2 0 3 3 3 3 1 1 3 2 2 2 3 3 2 1 1 3 1 2 0 0 0 0 3 3 3 3 3 1 1 0 0 0 0 3 2 2 0 0 0 0 3 3 1 3 1 1 1 1 1
      0 1 2 2 3 1 1 1 1 1 3 3 3 3 0 0 3 2 0 2 0 3 3 0 2 3 3 2 0 1 1 0 0 1 3 3 3 0 0 2 2 3 0 0 0 0 3 0 0 0 0 2 2 2 2 3 3 2 2 2 2 3 3 3
      3 3 3 3 3 1 1 1 1 0 0 0 3 3 1 1 1 1 1 2 0 0 0 0 0 1 0 2 2 1 2 2 2 2 2 2 2 2 2 0 0 0 0 2 2 2 2 2 2 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0
      0 0 2 3 1 0 0 0 0 0 0 0 0 2 1 1 2 2 2 2 0 0 0 0 0 2 2 2 2 0 0 0 0 3 3 0 1 1 3 3 3 3 1 0 0 0 0 3 3 3 3 1 1 1 1 0 1 1 1 1 2 2 2 2
      0 0 3 3 2 3 3 3 3 3 3 0 0 0 0 3 3 2 3 3 3 3 0 0 2 2 2 2 1 3 2 0 0 0 0 2 3 1 1 0 0 1 1 3 3 3 3 3 2 0 2 2 0 0 0 0 1 1 1 1 1 1 0 0
      3 3 3 3 3 0 0 0 0 1 3 2 0 0 2 3 2 1 3 3 2 3 1 1 2 3 3 0 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 3 0 2 0 1 1 0 2 2 1 1 1 1 1 1 1 1 1 0 1 0
      3 2 2 2 2 1 1 0 0 0 0 1 1 1 1 0 0 3 3 3 3 1 1 2 2 1 0 0 3 3 3 3 1 0 1 1 3 1 2 2 2 2 0 0 3 3 3 3 0 0 0 0 0 0 0 1 1 0 1 0 0 0 0 1
      3 3 1 1 1 2 1 1 0 0 1 1 0 0 2 2 2 2 0 0 1 1 3 0 0 0 0 0 3 3 1 1 1 1 0 0 0 0 2 3 3 3 3 0 0 0 0 3 1 1 3 3 3 2 2 2 0 3 3 3 3 2 1 1
      1 0 0 3 1 1 1 3 1 1 1 1 2 2 2 2 2 0 3 3 3 3 3 3 3 3 1 0 0 0 1 2 3 3 3 3 0 0 0 0 0 0 0 0 0 0 1 1 1 0 2 3 3 3 3 3 3 3 3 3 0 0 0 0
      0 2 2 1 1 1 1 1 0 0 0 0 1 1 1 1 1 1 0 1 1 1 1 1 3 3 2 1 3 3 3 3 3 0 0 2 2 2 0 3 0 0 1 1 0 1 1 1 1 0 0 0 0 2 3 3 2 2 3 1 1 3 3 3
      3 2 2 2 2 0 0 0 0 1 0 0 2 2 2 2 3 3 1 1 1 1 1 2 2 2 2 3 3 3 3 3 0 0 0 0 2 2 2 2 3 3 1 1 2 2 3 3 3 3 2 2 2 2 0 1 1 1 1 2 2 2 2 2
      1 0 0 0 0 2 2 1 1 2 1 1 1 1 1 2 2 0 3 1 1 1 1 1 1 3 3 3 1 1 2 2 2 2 0 3 1 3 3 3 3 3 2 2 0 0 0 0 2 2 2 2 2 0 0 0 0 3 2 2 3 3 1 1
      1 1 0 2 2 2 2 0 0 1 1 3 2 2 1 1 3 3 2 0 0 0 0 3 3 1 1 2 0 2 2 2 2 0 0 3 3 3 1 1 0 0 2 2 2 2 1 2 2 3 1 1 0 0 0 0 0 0 2 2 0 0 0 0
      0 1 1 1 1 0 0 0 0 1 1 0 0 0 0 0 0 0 0 3 0 0 0 0 0 1 1 1 2 2 0 0 3 0 0 0 0 2 1 1 2 0 1 1 1 1 3 1 1 1 3 3 3 3 2 2 1 1 0 2 3 3 3 3
      2 2 2 2 1 3 3 3 3 2 2 2 2 2 2 3 3 3 0 2 2 2 2 1 1 1 1 1 2 3 1 1 1 1 1 1 2 2 1 1 1 1 2 2 2 2 2 1 1 1 1 1 3 1 0 0 0 0 2 2 2 2 2 3
      3 3 3 0 3 3 1 1 3 2 0 0 1 1 1 1 3 1 1 1 1 3 3 3 3 3 3 2 2 1 0 1 3 3 3 3 3 0 0 0 0 0 0 0 0 0 0 2 0 0 2 2 0 0 2 2 2 2 2 2 2 3 3 3
      2 2 3 2 3 2 1 2 2 2 2 3 1 1 2 1 1 3 0 1 0 0 0 0 2 2 2 2 0 0 1 1 1 1 3 3 0 0 0 0 0 0 2 2 2 2 2 2 1 2 2 2 2 2 0 2 2 0 0 1 3 1 0 0
      0 0 2 1 1 1 3 3 3 3 1 1 1 1 0 1 1 1 1 3 3 0 0 3 0 1 1 0 0 1 2 2 3 3 3 3 1 1 1 1 1 1 1 1 1 0 0 0 0 2 3 0 0 0 0 2 2 2 2 2 2 2 2 3
      3 3 3 3 2 2 0 0 3 0 1 0 3 0 1 1 1 1 1 0 0 3 2 2 2 2 2 3 3 3 2 2 2 2 1 1 0 0 1 1 0 0 0 1 1 3 1 1 1 1 3 3 3 3 2 2 2 2 1 1 1 1 0 3
      3 0 3 3 3 3 2 2 0 0 3 3 3 3 0 2 2 1 1 1 1 1 2 0 0 2 2 2 2 3 3 3 3 3 3 3 3 0 2 2 2 2 2 2 2 2 2 3 1 2 2 2 2 2 1 3 3 2 2 2 2 3 1 1
      1 1 3 2 2 2 2 2 3 3 1 2 0 1 1 1 1 0 0 3 3 3 3 3 1 3 3 3 3 1 1 1 1 0 0 0 0 1 1 1 1 1 1 3 3 3 3 1 3 3 1 1 1 1 0 0 0 0 2 2 2 2 2 3
      2 1 1 1 1 1 1 1 1 3 3 3 3 3 0 0 0 0 2 2 2 2 0 2 2 2 2 0 0 2 2 2 2 2 2 2 2 0 0 0 0 2 2 2 2 2 1 1 0 3 3 3 3 3 3 3 3 1 2 3 3 2 2 2
      2 2 0 2 2 2 2 3 3 3 0 0 0 0 1 1 0 0 1 1 0 3 3 3 3 3 3 2 1 1 1 1 2 2 2 0 1 1 0 0 0 0 0 0 0 0 0 0 3 1 1 1 1 1 3 0 1 2 2 2 2 1 0 0
      0 0 0 2 2 2 2 2 2 1 1 1 1 3 3 3 3 3 3 3 3 0 0 0 0 2 2 2 2 2 2 3 3 3 3 2 2 2 2 1 1 1 1 2 2 1 1 3 1 1 1 3 0 0 2 3 3 3 3 3 3 1 1 2
      2 2 2 3 3 3 2 3 1 1 1 3 3 0 0 0 0 1 1 1 1 2 2 3 3 3 3 3 0 0 0 0 0 2 1 1 3 3 3 3 0 3 0 1 1 2 2 2 2 1 2 2 2 2 2 1 3 3 1 1 1 1 1 1
      1 3 3 3 3 1 2 2 1 2 0 1 1 2 2 2 2 0 3 3 3 3 1 1 0 2 2 1 0 1 1 1 1 2 3 3 3 3 1 1 2 3 0 0 0 0 3 3 3 3 0 0 0 0 3 0 0 3 3 1 0 0 0 0
      0 2 2 2 2 3 0 0 0 0 1 1 2 3 2 1 1 0 0 0 0 0 0 0 0 2 3 3 2 1 1 1 1 3 3 2 2 2 2 2 3 2 2 2 2 2 3 0 0 3 3 3 3 2 1 1 1 1 1 0 1 0 0 0
      0 2 0 2 2 2 2 2 2 3 1 3 1 1 3 3 3 3 1 1 2 2 2 2 2 2 2 1 3 0 0 0 2 1 0 2 1 1 0 3 3 3 3 3 3 1 1 1 1 2 2 2 2 3 2 2 2 2 2 2 2 2 2 0
      2 2 2 2 2 2 0 0 0 0 2 2 2 2 0 1 1 0 0 0 0 2 0 1 1 1 1 1 1 1 0 1 2 1 1 1 1 2 2 0 0 0 2 2 1 3 3 0 2 2 3 2 2 1 1 1 1 1 2 2 2 2 1 1
      2 0 1 0 0 0 3 3 3 3 3 3 0 0 0 0 0 2 1 1 2 2 2 2 1 1 3 3 0 0 0 0 3 3 3 3 2 2 2 2 2 0 0 0 0 0 2 2 2 2 2 2 3 3 0 1 1 1 1 3 1 1 3 0
      0 0 0 0 3 3 3 0 0 0 0 2 2 2 2 1 1 1 1 1 1 1 1 2 2 2 2 2 1 1 1 1 0 0 0 0 0 0 0 0 3 2 2 1 1 1 1 2 2 0 0 0 0 0 0 1 1 1 1 1 1 2 2 2
      2 2 2 2 1 1 1 1 3 2 1 1 0 0 0 0 3 2 2 2 2 1 2 2 2 2 2 2 2 2 1 1 1 1 3 1 3 3 0 0 0 0 1 1 1 1 1 2 2 3 3 3 3 3 0 2 2 2 1 1 1 1 1 1
      1 0 1 1 2 2 2 2 0 3 3 0 1 2 2 3 3 1 1 0 0 3 1 1 1 1 0 0 0 0 0 1 1 1 1 2 2 2 2 2 2 2 2 2 0 0 0 0 0 0 0 0 0 0 1 0 2 2 2 2 2 0 1 1
      1 1 2 3 3 2 0 2 2 3 3 3 3 3 2 0 0 3 2 2 2 2 1 1 2 0 3 1 1 2 3 3 3 1 0 3 3 3 3 2 1 1 1 1 1 1 1 1 1 1 1 1 3 3 1 1 3 3 0 0 0 0 0 0
      0 0 0 0 0 0 0 0 0 0 1 0 0 1 1 1 1 1 1 0 0 1 3 1 0 0 0 0 2 3 2 2 2 2 1 0 0 3 2 0 0 3 3 3 3 3 0 0 1 1 1 1 2 2 2 2 2 2 2 1 1 1 1 2
      0 2 0 0 0 0 1 1 1 1 0 3 1 1 2 2 2 2 1 1 2 2 2 0 0 0 0 3 3 3 2 2 2 2 1 0 2 2 0 1 1 1 1 3 3 2 2 2 3 0 0 2 2 2 2 0 2 3 1 2 2 2 2 2
      2 3 3 3 3 3 0 0 1 1 0 0 3 0 0 3 2 2 1 1 1 1 2 2 2 0 0 0 0 1 0 1 1 1 1 3 3 2 1 2 3 3 3 3 3 3 3 3 1 2 0 0 0 3 3 1 1 1 3 2 3 3 3 3
      2 2 2 2 3 1 1 1 1 3 3 3 0 2 0 1 1 2 2 1 1 1 0 2 0 2 1 1 1 1 2 2 2 2 2 2 3 3 1 1 2 2 2 2 3 3 3 3 0 0 0 0 3 3 3 3 1 1 0 0 0 2 1 1
      1 1 3 3 3 3 3 3 1 1 1 1 3 1 1 2 2 3 3 3 2 3 3 3 3 2 2 2 2 1 1 0 1 3 3 3 1 3 0 2 2 0 0 1 0 3 1 3 3 2 0 0 0 0 1 1 1 1 1 2 2 2 2 1
      1 1 1 3 3 3 3 1 1 1 1 1 2 3 2 2 3 1 1 1 0 0 3 0 3 2 2 2 1 1 0 3 3 2 0 3 2 2 2 3 2 1 2 2 2 2 1 3 3 0 0 0 0 3 1 1 2 2 2 2 1 1 1 1
      1 1 1 0 0 0 0 0 1 1 1 1 3 3 3 3 0 0 0 0 2 2 1 2 3 3 2 1 1 2 2 3 3 0 3 3 0 3 2 2 3 3 3 3 0 0 0 0 1 1 1 1 2 2 2 2 3 2 2 2 0 0 1 1
      2 3 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1 1 3 3 3 3 1 0 0 0 0 0 1 3 1 1 1 1 2 2 2 2 2 3 1 1 0 0 0 0 2 0 0 0 0 2 2 3 0 0 2 2 2 2 2 2 1 1
      1 1 3 3 2 2 2 2 0 0 1 1 3 2 2 0 3 0 0 3 1 1 2 2 2 2 3 3 3 3 0 0 1 1 1 1 0 0 0 0 0 1 0 2 2 3 3 0 1 1 1 1 3 3 1 3 3 3 3 2 1 3 3 1
      0 0 0 0 0 0 3 3 1 1 1 1 2 3 2 2 2 2 3 1 3 1 2 2 2 2 1 1 1 1 0 1 1 1 0 0 3 3 3 3 2 2 2 2 2 2 2 2 2 2 2 1 3 3 1 2 2 2 2 1 1 1 1 0
      0 0 0 0 0 2 2 2 2 1 0 0 0 0 0 0 0 0 0 3 2 2 0 0 0 0 2 2 2 2 0 0 0 0 3 3 3 3 1 1 1 1 0 3 3 3 3 1 1 1 1 1 0 3 3 0 0 0 2 2 2 2 3 3
      3 3 0 0 0 0 3 0 3 3 3 3 2 2 2 2 1 1 1 1 3 3 3 3 3 1 1 1 1 3 3 3 3 0 0 0 0 0 0 0 0 0 3 3 3 3 1 1 1 1 2 2 1 3 2 0 0 0 0 0 0 2 2 1
      0 0 0 0 0 0 3 3 1 2 3 3 2 2 2 1 1 0 0 0 0 3 0 1 0 0 0 0 0 2 0 3 3 1 3 2 1 0 2 2 2 2 3 2 2 2 2 0 3 3 2 0 0 0 0 1 1 1 1 2 0 0 0 2
      2 2 2 0 3 0 0 0 0 1 2 0 3 0 0 0 0 0 1 1 0 0 2 2 2 0 0 2 2 2 2 1 0 1 2 2 1 1 1 1 0 2 1 1 1 1 3 3 1 2 1 2 3 0 1 0 0 3 3 3 0 0 3 3
      3 3 3 3 3 3 3 3 3 3 0 0 0 0 3 3 3 3 3 3 0 2 1 3 3 3 3 3 3 2 2 2 2 2 2 2 2 2 3 3 3 3 3 3 1 1 1 1 3 1 1 0 1 1 1 3 3 1 0 1 1 2 2 2
      2 3 3 3 3 3 3 0 3 3 3 3 1 1 1 1 3 3 3 3 3 0 0 0 0 3 3 0 2 2 2 2 0 1 1 1 1 3 1 1 1 1 0 3 3 0 0 3 2 2 1 1 1 0 0 0 0 0 0 0 3 3 3 2
      0 0 0 0 3 3 0 2 2 2 2 3 1 1 3 3 1 1 3 3 3 3 3 3 3 3 3 3 3 0 1 1 2 0 0 1 1 3 3 1)

    (data (i32.const 256)
      "2004 uri: the regular expression is read only inside a class body; see the iterator near 0c1ae\002007 range: an identifier has a cycle without a receiver; see a symbol near 054e6\00"
      "2014 syntax: the number must not be empty in a sloppy pattern; see this property near 0c2a8\002017 reference: the prototype is not callable during evaluation; see this string near 08a91\00"
      "2021 internal: the iterator was closed after the last item; see the number near 05ae1\002022 internal: a symbol is out of range inside a class body; see the generator near 0013d\00"
      "2024 range: a handle is read only in strict mode; see a promise near 13340\002027 reference: an argument cannot be converted after the last item; see the stream near 12fd7\00"
      "2033 syntax: a handle was revoked while loading; see a promise near 050bd\002038 syntax: the closure is out of range at this position; see the number near 0bbf1\00"
      "2042 syntax: this property was already consumed after the last item; see the prototype near 10d0f\002047 reference: the module was already consumed in a sloppy pattern; see the parser near 0742e\00"
      "2056 range: the module is not callable for this type; see the number near 167a8\002060 syntax: an argument must be positive without a receiver; see the number near 002ff\00"
      "2068 type: the parser must not be empty for this type; see the closure near 0a9fb\002075 internal: an argument is detached for this type; see the regular expression near 0a11f\00"
      "2076 type: an identifier must not be empty after the last item; see the locale near 032a8\002085 internal: the generator was closed on a frozen target; see a handle near 16795\00"
      "2094 internal: the date is read only for this type; see the buffer near 05b40\002095 type: the prototype is out of range inside a class body; see an identifier near 04ddf\00"
      "2103 type: the regular expression was already consumed during evaluation; see an argument near 13d6b\002110 uri: this string must not be empty in strict mode; see the iterator near 15835\00"
      "2119 type: the closure is out of range after the last item; see the iterator near 04a76\002128 type: the array was closed in a sloppy pattern; see this string near 14c81\00"
      "2134 type: a promise is not callable while loading; see an argument near 18592\002140 syntax: the regular expression is read only before the first call; see the array near 0c35a\00"
      "2143 range: an argument was revoked while loading; see the prototype near 041ee\002145 type: the iterator is not callable at this position; see the array near 1584c\00"
      "2147 internal: the number is read only for this type; see the buffer near 11deb\002153 type: an identifier must not be empty while loading; see the parser near 050ed\00"
      "2155 reference: the date has no such member during evaluation; see the regular expression near 0d481\002163 reference: the module has no such member in a sloppy pattern; see the array near 15ca5\00"
      "2172 reference: an identifier has no such member for this type; see a symbol near 0f628\002176 range: this string has a cycle on a frozen target; see a symbol near 112e5\00"
      "2182 uri: the number cannot be converted in a sloppy pattern; see a promise near 17548\002184 uri: the closure has a cycle on a frozen target; see the closure near 12529\00"
      "2190 internal: a symbol is detached at this position; see the number near 0b965\002193 internal: an identifier is detached inside a class body; see the parser near 03e46\00"
      "2197 type: a handle is detached at this position; see the parser near 11496\002199 reference: the generator is not callable for this type; see the parser near 16be2\00"
      "2206 reference: the date must be positive inside a class body; see the iterator near 0f92e\002213 internal: the buffer is not defined on a frozen target; see the date near 10778\00"
      "2216 uri: the closure cannot be read without a receiver; see the number near 10ad1\002219 syntax: an argument is not defined in a sloppy pattern; see this string near 0d5d4\00"
      "2221 reference: the regular expression is detached inside a class body; see the array near 009b3\002222 uri: the array was revoked for this type; see the locale near 0b3a8\00"
      "2228 reference: the iterator is not defined on a frozen target; see an identifier near 05d61\002237 uri: an identifier has a cycle for this type; see the date near 0191c\00"
      "2243 internal: the prototype was revoked while loading; see a symbol near 1421f\002250 syntax: the date cannot be read inside a class body; see the closure near 105d9\00")
    (@custom ".debug_str" (after last)
      "engine/decode_i32_15\00engine/trace_f64_479\00"
      "engine/trace_f32_1009\00engine/verify_f64_956\00"
      "engine/verify_f32_1460\00engine/decode_i64_3108\00"
      "engine/trace_ref_1822\00engine/trace_f32_2502\00"
      "engine/verify_i64_444\00engine/trace_f32_2985\00"
      "engine/decode_ref_2428\00engine/decode_f32_3793\00"
      "engine/verify_ref_146\00engine/verify_f32_3286\00"
      "engine/decode_f64_2561\00engine/decode_i64_3297\00"
      "engine/execute_f32_485\00engine/trace_i64_1441\00"
      "engine/verify_f32_2437\00engine/trace_i64_508\00"
      "engine/execute_f64_3017\00engine/execute_i64_909\00"
      "engine/verify_ref_1743\00engine/decode_i64_2375\00"
      "engine/verify_i64_3464\00engine/execute_f64_1242\00"
      "engine/trace_i64_2063\00engine/verify_i32_614\00"
      "engine/decode_i64_3092\00engine/execute_i64_2512\00"
      "engine/verify_ref_1828\00engine/trace_f32_783\00"
      "engine/trace_ref_3764\00engine/verify_f32_558\00"
      "engine/verify_i64_2236\00engine/verify_ref_3495\00"
      "engine/verify_ref_2870\00engine/trace_i64_3684\00"
      "engine/verify_ref_2441\00engine/trace_f64_146\00"
      "engine/execute_f64_643\00engine/trace_i64_1644\00"
      "engine/execute_f32_2703\00engine/execute_f32_693\00"
      "engine/trace_ref_3865\00engine/trace_i32_360\00"
      "engine/verify_i64_3666\00engine/execute_i64_2185\00"
      "engine/trace_i32_1692\00engine/trace_i32_1435\00"
      "engine/trace_ref_1369\00engine/execute_ref_3959\00"
      "engine/decode_f32_2012\00engine/verify_i64_3714\00"
      "engine/trace_f32_1153\00engine/verify_i32_1789\00"
      "engine/execute_f64_2239\00engine/execute_f32_212\00"
      "engine/decode_ref_1876\00engine/verify_i32_2394\00"
      "engine/trace_f64_1558\00engine/execute_f64_3803\00"
      "engine/verify_f32_2823\00engine/verify_ref_1508\00"
      "engine/verify_i64_1221\00engine/execute_ref_346\00"
      "engine/execute_ref_3617\00engine/verify_ref_2751\00"
      "engine/decode_f32_1845\00engine/trace_f32_3363\00"
      "engine/trace_f32_1000\00engine/trace_f64_2062\00"
      "engine/execute_f64_546\00engine/verify_ref_2144\00"
      "engine/execute_f32_2487\00engine/verify_f32_662\00"
      "engine/verify_f32_2764\00engine/verify_ref_3790\00"
      "engine/decode_f32_1179\00engine/verify_i32_1101\00"
      "engine/decode_f32_2061\00engine/decode_i32_1049\00"
      "engine/execute_f32_798\00engine/execute_i32_3766\00"
      "engine/trace_f64_523\00engine/decode_ref_2147\00"
      "engine/trace_ref_299\00engine/decode_i64_248\00"
      "engine/verify_f32_3875\00engine/decode_f64_590\00"
      "engine/decode_i64_1228\00engine/verify_f32_1880\00"
      "engine/verify_i32_476\00engine/trace_f64_1198\00"
      "engine/trace_ref_3468\00engine/trace_i32_955\00"
      "engine/decode_f32_4010\00engine/execute_i64_2114\00"
      "engine/verify_i32_3190\00engine/decode_i64_2812\00"
      "engine/execute_f64_3633\00engine/trace_i64_1131\00"
      "engine/verify_f64_1094\00engine/verify_i64_2729\00"
      "engine/trace_i64_882\00engine/execute_ref_134\00"
      "engine/decode_f32_880\00engine/execute_f64_1523\00"
      "engine/decode_f64_3123\00engine/execute_i32_340\00"
      "engine/decode_i32_1660\00engine/execute_i64_615\00"
      "engine/verify_i64_891\00engine/decode_f64_1515\00"
      "engine/trace_f32_1904\00engine/decode_ref_2055\00"
      "engine/verify_i32_2204\00engine/trace_f64_3895\00"
      "engine/verify_f64_879\00engine/decode_f64_3733\00"
      "engine/decode_i64_3772\00engine/execute_f64_2642\00"
      "engine/execute_f64_2707\00engine/verify_ref_1393\00"
      "engine/trace_i64_2901\00engine/decode_f64_3915\00"
      "engine/decode_f64_2759\00engine/decode_f64_2592\00"
      "engine/verify_f32_981\00engine/execute_i32_2530\00"
      "engine/execute_i64_778\00engine/execute_f64_1736\00"
      "engine/trace_ref_617\00engine/execute_i64_35\00"
      "engine/decode_f64_2180\00engine/decode_i64_1584\00"
      "engine/trace_i64_29\00engine/trace_f32_1821\00"
      "engine/verify_i64_2943\00engine/trace_i32_3016\00"
      "engine/verify_i64_2229\00engine/trace_ref_2758\00"
      "engine/trace_ref_2173\00engine/decode_ref_609\00"
      "engine/trace_i64_257\00engine/execute_f32_1649\00"
      "engine/verify_f32_2918\00engine/trace_f32_2844\00"
      "engine/verify_ref_520\00engine/verify_f64_1264\00"
      "engine/decode_i32_2093\00engine/decode_f64_3103\00"
      "engine/trace_f32_373\00engine/verify_f32_543\00"
      "engine/execute_f64_391\00engine/verify_f64_3418\00"
      "engine/execute_f64_2940\00engine/trace_f32_1287\00"
      "engine/trace_i32_3936\00engine/verify_f32_509\00"
      "engine/decode_i32_2820\00engine/trace_f32_767\00"
      "engine/execute_f64_1530\00engine/verify_f64_3604\00"
      "engine/verify_ref_2751\00engine/trace_i32_449\00"
      "engine/execute_ref_2401\00engine/verify_f64_3588\00"
      "engine/execute_f32_3576\00engine/decode_i32_3601\00"
      "engine/decode_f32_3846\00engine/verify_i64_1589\00"
      "engine/decode_i32_1005\00engine/verify_f32_3629\00"
      "engine/verify_i32_3155\00engine/decode_i32_2493\00"
      "engine/trace_i32_3285\00engine/decode_i64_3153\00"
      "engine/trace_i32_3325\00engine/execute_i32_3536\00"
      "engine/decode_f32_2700\00engine/decode_f32_2073\00"
      "engine/trace_f64_3537\00engine/verify_f32_2606\00"
      "engine/decode_f32_2584\00engine/execute_ref_826\00"
      "engine/execute_i64_3668\00engine/trace_ref_236\00"
      "engine/trace_i64_1806\00engine/decode_i32_2119\00"))

  (core module $library
    ;; One long series.
    (func $bessel (export "bessel") (param $x f64) (result f64)
      f64.const -7.935
      local.get 0 f64.mul f64.const -8.89 f64.add local.get 0 f64.mul f64.const 7.846 f64.add local.get 0 f64.mul f64.const 6.349 f64.add
      local.get 0 f64.mul f64.const -2.291 f64.add local.get 0 f64.mul f64.const 8.102 f64.add local.get 0 f64.mul f64.const 4.936 f64.add
      local.get 0 f64.mul f64.const -1.913 f64.add local.get 0 f64.mul f64.const -4.321 f64.add local.get 0 f64.mul f64.const 6.69 f64.add
      local.get 0 f64.mul f64.const 0.386 f64.add local.get 0 f64.mul f64.const -8.218 f64.add local.get 0 f64.mul f64.const 0.445 f64.add
      local.get 0 f64.mul f64.const -2.351 f64.add local.get 0 f64.mul f64.const -8.395 f64.add local.get 0 f64.mul f64.const 7.641 f64.add
      local.get 0 f64.mul f64.const 7.774 f64.add local.get 0 f64.mul f64.const -1.561 f64.add local.get 0 f64.mul f64.const -1.94 f64.add
      local.get 0 f64.mul f64.const 5.025 f64.add local.get 0 f64.mul f64.const 4.007 f64.add local.get 0 f64.mul f64.const -2.972 f64.add
      local.get 0 f64.mul f64.const -6.835 f64.add local.get 0 f64.mul f64.const -1.276 f64.add local.get 0 f64.mul f64.const -2.713 f64.add
      local.get 0 f64.mul f64.const -7.864 f64.add local.get 0 f64.mul f64.const 0.437 f64.add local.get 0 f64.mul f64.const 6.781 f64.add
      local.get 0 f64.mul f64.const -6.613 f64.add local.get 0 f64.mul f64.const 3.621 f64.add local.get 0 f64.mul f64.const 1.712 f64.add
      local.get 0 f64.mul f64.const 2.134 f64.add local.get 0 f64.mul f64.const -7.647 f64.add local.get 0 f64.mul f64.const -0.065 f64.add
      local.get 0 f64.mul f64.const -4.473 f64.add local.get 0 f64.mul f64.const -1.7 f64.add local.get 0 f64.mul f64.const -8.931 f64.add
      local.get 0 f64.mul f64.const 2.957 f64.add local.get 0 f64.mul f64.const -0.34 f64.add local.get 0 f64.mul f64.const 0.773 f64.add
      local.get 0 f64.mul f64.const -5.232 f64.add local.get 0 f64.mul f64.const 1.657 f64.add local.get 0 f64.mul f64.const -0.313 f64.add
      local.get 0 f64.mul f64.const -8.754 f64.add local.get 0 f64.mul f64.const 2.969 f64.add local.get 0 f64.mul f64.const 2.416 f64.add
      local.get 0 f64.mul f64.const -6.312 f64.add local.get 0 f64.mul f64.const 3.102 f64.add local.get 0 f64.mul f64.const 8.403 f64.add
      local.get 0 f64.mul f64.const 3.559 f64.add local.get 0 f64.mul f64.const 1.139 f64.add local.get 0 f64.mul f64.const -4.238 f64.add
      local.get 0 f64.mul f64.const -5.967 f64.add local.get 0 f64.mul f64.const -8.754 f64.add local.get 0 f64.mul f64.const 8.027 f64.add
      local.get 0 f64.mul f64.const -4.06 f64.add local.get 0 f64.mul f64.const 0.45 f64.add local.get 0 f64.mul f64.const 4.955 f64.add
      local.get 0 f64.mul f64.const -8.938 f64.add local.get 0 f64.mul f64.const -7.795 f64.add local.get 0 f64.mul f64.const 4.676 f64.add
      local.get 0 f64.mul f64.const 8.45 f64.add local.get 0 f64.mul f64.const 1.311 f64.add local.get 0 f64.mul f64.const -3.079 f64.add
      local.get 0 f64.mul f64.const 2.864 f64.add local.get 0 f64.mul f64.const 7.539 f64.add local.get 0 f64.mul f64.const 1.651 f64.add
      local.get 0 f64.mul f64.const -5.067 f64.add local.get 0 f64.mul f64.const -4.402 f64.add local.get 0 f64.mul f64.const 5.056 f64.add
      local.get 0 f64.mul f64.const -7.667 f64.add local.get 0 f64.mul f64.const 4.73 f64.add local.get 0 f64.mul f64.const -6.269 f64.add
      local.get 0 f64.mul f64.const 8.915 f64.add local.get 0 f64.mul f64.const 4.914 f64.add local.get 0 f64.mul f64.const -3.605 f64.add
      local.get 0 f64.mul f64.const -2.665 f64.add local.get 0 f64.mul f64.const 8.576 f64.add local.get 0 f64.mul f64.const 7.318 f64.add
      local.get 0 f64.mul f64.const -6.131 f64.add local.get 0 f64.mul f64.const -5.326 f64.add local.get 0 f64.mul f64.const 6.745 f64.add
      local.get 0 f64.mul f64.const -4.496 f64.add local.get 0 f64.mul f64.const -8.154 f64.add local.get 0 f64.mul f64.const -2.283 f64.add
      local.get 0 f64.mul f64.const -6.203 f64.add local.get 0 f64.mul f64.const -5.201 f64.add local.get 0 f64.mul f64.const -8.054 f64.add
      local.get 0 f64.mul f64.const 4.977 f64.add local.get 0 f64.mul f64.const 6.558 f64.add local.get 0 f64.mul f64.const 4.286 f64.add
      local.get 0 f64.mul f64.const 3.36 f64.add local.get 0 f64.mul f64.const 8.74 f64.add local.get 0 f64.mul f64.const -6.363 f64.add
      local.get 0 f64.mul f64.const 3.009 f64.add local.get 0 f64.mul f64.const -8.035 f64.add local.get 0 f64.mul f64.const -5.702 f64.add
      local.get 0 f64.mul f64.const 8.581 f64.add local.get 0 f64.mul f64.const 1.111 f64.add local.get 0 f64.mul f64.const -7.421 f64.add
      local.get 0 f64.mul f64.const 8.114 f64.add local.get 0 f64.mul f64.const 0.333 f64.add local.get 0 f64.mul f64.const -4.792 f64.add
      local.get 0 f64.mul f64.const 1.638 f64.add local.get 0 f64.mul f64.const -8.843 f64.add local.get 0 f64.mul f64.const -0.124 f64.add
      local.get 0 f64.mul f64.const 0.148 f64.add local.get 0 f64.mul f64.const 0.615 f64.add local.get 0 f64.mul f64.const 4.469 f64.add
      local.get 0 f64.mul f64.const -2.624 f64.add local.get 0 f64.mul f64.const -6.782 f64.add local.get 0 f64.mul f64.const -8.676 f64.add
      local.get 0 f64.mul f64.const -1.801 f64.add local.get 0 f64.mul f64.const -5.459 f64.add local.get 0 f64.mul f64.const 3.432 f64.add
      local.get 0 f64.mul f64.const -1.385 f64.add local.get 0 f64.mul f64.const -6.263 f64.add local.get 0 f64.mul f64.const -2.878 f64.add
      local.get 0 f64.mul f64.const 4.472 f64.add local.get 0 f64.mul f64.const 4.788 f64.add local.get 0 f64.mul f64.const 0.937 f64.add
      local.get 0 f64.mul f64.const 3.554 f64.add local.get 0 f64.mul f64.const -3.999 f64.add local.get 0 f64.mul f64.const 6.853 f64.add
      local.get 0 f64.mul f64.const -0.055 f64.add local.get 0 f64.mul f64.const -2.577 f64.add local.get 0 f64.mul f64.const -4.933 f64.add
      local.get 0 f64.mul f64.const 8.039 f64.add local.get 0 f64.mul f64.const -5.607 f64.add local.get 0 f64.mul f64.const -4.598 f64.add
      local.get 0 f64.mul f64.const -1.211 f64.add local.get 0 f64.mul f64.const -3.215 f64.add local.get 0 f64.mul f64.const -3.407 f64.add
      local.get 0 f64.mul f64.const 6.735 f64.add local.get 0 f64.mul f64.const 0.622 f64.add local.get 0 f64.mul f64.const -7.265 f64.add
      local.get 0 f64.mul f64.const -7.463 f64.add local.get 0 f64.mul f64.const 2.941 f64.add local.get 0 f64.mul f64.const 3.087 f64.add
      local.get 0 f64.mul f64.const -5.217 f64.add local.get 0 f64.mul f64.const 0.909 f64.add local.get 0 f64.mul f64.const 1.067 f64.add
      local.get 0 f64.mul f64.const -6.565 f64.add local.get 0 f64.mul f64.const 2.989 f64.add local.get 0 f64.mul f64.const -0.994 f64.add
      local.get 0 f64.mul f64.const 6.341 f64.add local.get 0 f64.mul f64.const -4.126 f64.add local.get 0 f64.mul f64.const 5.143 f64.add
      local.get 0 f64.mul f64.const -7.84 f64.add local.get 0 f64.mul f64.const -1.339 f64.add local.get 0 f64.mul f64.const 7.043 f64.add
      local.get 0 f64.mul f64.const 0.811 f64.add local.get 0 f64.mul f64.const 5.483 f64.add local.get 0 f64.mul f64.const -5.982 f64.add
      local.get 0 f64.mul f64.const -2.621 f64.add local.get 0 f64.mul f64.const 1.666 f64.add local.get 0 f64.mul f64.const -7.422 f64.add
      local.get 0 f64.mul f64.const 8.27 f64.add local.get 0 f64.mul f64.const -4.557 f64.add local.get 0 f64.mul f64.const -0.508 f64.add
      local.get 0 f64.mul f64.const 7.659 f64.add local.get 0 f64.mul f64.const -3.363 f64.add local.get 0 f64.mul f64.const 2.51 f64.add
      local.get 0 f64.mul f64.const 2.262 f64.add local.get 0 f64.mul f64.const 1.108 f64.add local.get 0 f64.mul f64.const 8.806 f64.add
      local.get 0 f64.mul f64.const -6.928 f64.add local.get 0 f64.mul f64.const 4.653 f64.add local.get 0 f64.mul f64.const 1.282 f64.add
      local.get 0 f64.mul f64.const 4.656 f64.add local.get 0 f64.mul f64.const -5.63 f64.add local.get 0 f64.mul f64.const -5.492 f64.add
      local.get 0 f64.mul f64.const -6.614 f64.add local.get 0 f64.mul f64.const 4.585 f64.add local.get 0 f64.mul f64.const -0.428 f64.add
      local.get 0 f64.mul f64.const -1.943 f64.add local.get 0 f64.mul f64.const 1.665 f64.add local.get 0 f64.mul f64.const 6.914 f64.add
      local.get 0 f64.mul f64.const -2.725 f64.add local.get 0 f64.mul f64.const -8.378 f64.add local.get 0 f64.mul f64.const 7.551 f64.add
      local.get 0 f64.mul f64.const 2.876 f64.add local.get 0 f64.mul f64.const -6.164 f64.add local.get 0 f64.mul f64.const 6.124 f64.add
      local.get 0 f64.mul f64.const 0.505 f64.add local.get 0 f64.mul f64.const 1.215 f64.add local.get 0 f64.mul f64.const -6.513 f64.add
      local.get 0 f64.mul f64.const 7.353 f64.add local.get 0 f64.mul f64.const 6.645 f64.add local.get 0 f64.mul f64.const 2.507 f64.add
      local.get 0 f64.mul f64.const 2.78 f64.add local.get 0 f64.mul f64.const -7.884 f64.add local.get 0 f64.mul f64.const -7.907 f64.add
      local.get 0 f64.mul f64.const 2.959 f64.add local.get 0 f64.mul f64.const 3.52 f64.add local.get 0 f64.mul f64.const 5.47 f64.add
      local.get 0 f64.mul f64.const -3.778 f64.add local.get 0 f64.mul f64.const 8.347 f64.add local.get 0 f64.mul f64.const 7.507 f64.add
      local.get 0 f64.mul f64.const -8.35 f64.add local.get 0 f64.mul f64.const -2.875 f64.add local.get 0 f64.mul f64.const 2.066 f64.add
      local.get 0 f64.mul f64.const 7.321 f64.add local.get 0 f64.mul f64.const 8.762 f64.add local.get 0 f64.mul f64.const 8.625 f64.add
      local.get 0 f64.mul f64.const -0.1 f64.add local.get 0 f64.mul f64.const -1.648 f64.add local.get 0 f64.mul f64.const 3.122 f64.add
      local.get 0 f64.mul f64.const 2.116 f64.add local.get 0 f64.mul f64.const -2.068 f64.add local.get 0 f64.mul f64.const 2.675 f64.add
      local.get 0 f64.mul f64.const 2.465 f64.add local.get 0 f64.mul f64.const 1.61 f64.add local.get 0 f64.mul f64.const -7.589 f64.add
      local.get 0 f64.mul f64.const 0.357 f64.add local.get 0 f64.mul f64.const -5.239 f64.add local.get 0 f64.mul f64.const -8.299 f64.add
      local.get 0 f64.mul f64.const 2.024 f64.add local.get 0 f64.mul f64.const 7.028 f64.add local.get 0 f64.mul f64.const -5.04 f64.add
      local.get 0 f64.mul f64.const -5.059 f64.add local.get 0 f64.mul f64.const 1.317 f64.add local.get 0 f64.mul f64.const 8.723 f64.add
      local.get 0 f64.mul f64.const 2.17 f64.add local.get 0 f64.mul f64.const 6.128 f64.add local.get 0 f64.mul f64.const -0.063 f64.add
      local.get 0 f64.mul f64.const -2.744 f64.add local.get 0 f64.mul f64.const -0.548 f64.add local.get 0 f64.mul f64.const 8.751 f64.add
      local.get 0 f64.mul f64.const 1.932 f64.add local.get 0 f64.mul f64.const 1.101 f64.add local.get 0 f64.mul f64.const -3.012 f64.add
      local.get 0 f64.mul f64.const 3.684 f64.add local.get 0 f64.mul f64.const 5.536 f64.add local.get 0 f64.mul f64.const -2.58 f64.add
      local.get 0 f64.mul f64.const -1.431 f64.add local.get 0 f64.mul f64.const -0.569 f64.add local.get 0 f64.mul f64.const -8.979 f64.add
      local.get 0 f64.mul f64.const 8.414 f64.add local.get 0 f64.mul f64.const -2.747 f64.add local.get 0 f64.mul f64.const 5.191 f64.add
      local.get 0 f64.mul f64.const -5.675 f64.add local.get 0 f64.mul f64.const 4.429 f64.add local.get 0 f64.mul f64.const -7.101 f64.add
      local.get 0 f64.mul f64.const 4.038 f64.add local.get 0 f64.mul f64.const 4.789 f64.add local.get 0 f64.mul f64.const 4.354 f64.add
      local.get 0 f64.mul f64.const 4.775 f64.add local.get 0 f64.mul f64.const 1.917 f64.add local.get 0 f64.mul f64.const 1.271 f64.add
      local.get 0 f64.mul f64.const -2.182 f64.add local.get 0 f64.mul f64.const 6.371 f64.add local.get 0 f64.mul f64.const 0.541 f64.add
      local.get 0 f64.mul f64.const -7.484 f64.add local.get 0 f64.mul f64.const 4.107 f64.add local.get 0 f64.mul f64.const 5.759 f64.add
      local.get 0 f64.mul f64.const -6.031 f64.add local.get 0 f64.mul f64.const -8.734 f64.add local.get 0 f64.mul f64.const 0.937 f64.add
      local.get 0 f64.mul f64.const 4.192 f64.add local.get 0 f64.mul f64.const 7.092 f64.add local.get 0 f64.mul f64.const -3.57 f64.add
      local.get 0 f64.mul f64.const 1.629 f64.add local.get 0 f64.mul f64.const 8.145 f64.add local.get 0 f64.mul f64.const 7.007 f64.add
      local.get 0 f64.mul f64.const 8.933 f64.add local.get 0 f64.mul f64.const 8.049 f64.add local.get 0 f64.mul f64.const 0.93 f64.add
      local.get 0 f64.mul f64.const 3.801 f64.add local.get 0 f64.mul f64.const 0.609 f64.add local.get 0 f64.mul f64.const -3.16 f64.add
      local.get 0 f64.mul f64.const -2.902 f64.add local.get 0 f64.mul f64.const 7.36 f64.add local.get 0 f64.mul f64.const 7.081 f64.add
      local.get 0 f64.mul f64.const 1.268 f64.add local.get 0 f64.mul f64.const -3.465 f64.add local.get 0 f64.mul f64.const -4.914 f64.add
      local.get 0 f64.mul f64.const 5.075 f64.add local.get 0 f64.mul f64.const -2.818 f64.add local.get 0 f64.mul f64.const 2.637 f64.add
      local.get 0 f64.mul f64.const -6.824 f64.add local.get 0 f64.mul f64.const 7.359 f64.add local.get 0 f64.mul f64.const -8.235 f64.add
      local.get 0 f64.mul f64.const -8.326 f64.add local.get 0 f64.mul f64.const 5.375 f64.add local.get 0 f64.mul f64.const -2.786 f64.add
      local.get 0 f64.mul f64.const 6.806 f64.add local.get 0 f64.mul f64.const -0.387 f64.add local.get 0 f64.mul f64.const -7.922 f64.add
      local.get 0 f64.mul f64.const 3.932 f64.add local.get 0 f64.mul f64.const 0.576 f64.add local.get 0 f64.mul f64.const -1.171 f64.add
      local.get 0 f64.mul f64.const -7.782 f64.add local.get 0 f64.mul f64.const 2.093 f64.add local.get 0 f64.mul f64.const 7.732 f64.add
      local.get 0 f64.mul f64.const -8.351 f64.add local.get 0 f64.mul f64.const -1.398 f64.add local.get 0 f64.mul f64.const -7.168 f64.add
      local.get 0 f64.mul f64.const -5.858 f64.add local.get 0 f64.mul f64.const -4.319 f64.add local.get 0 f64.mul f64.const 5.043 f64.add
      local.get 0 f64.mul f64.const 5.031 f64.add local.get 0 f64.mul f64.const 8.957 f64.add local.get 0 f64.mul f64.const 5.294 f64.add
      local.get 0 f64.mul f64.const 5.172 f64.add local.get 0 f64.mul f64.const -2.09 f64.add local.get 0 f64.mul f64.const -3.566 f64.add
      local.get 0 f64.mul f64.const 5.498 f64.add local.get 0 f64.mul f64.const 5.057 f64.add local.get 0 f64.mul f64.const 2.529 f64.add
      local.get 0 f64.mul f64.const 7.563 f64.add local.get 0 f64.mul f64.const -5.583 f64.add local.get 0 f64.mul f64.const -1.711 f64.add
      local.get 0 f64.mul f64.const -6.55 f64.add local.get 0 f64.mul f64.const -1.643 f64.add local.get 0 f64.mul f64.const -5.657 f64.add
      local.get 0 f64.mul f64.const -4.969 f64.add local.get 0 f64.mul f64.const -4.339 f64.add local.get 0 f64.mul f64.const 6.358 f64.add
      local.get 0 f64.mul f64.const 2.989 f64.add local.get 0 f64.mul f64.const -2.563 f64.add local.get 0 f64.mul f64.const 5.071 f64.add
      local.get 0 f64.mul f64.const 5.096 f64.add local.get 0 f64.mul f64.const 8.608 f64.add local.get 0 f64.mul f64.const -4.789 f64.add
      local.get 0 f64.mul f64.const -6.197 f64.add local.get 0 f64.mul f64.const -6.518 f64.add local.get 0 f64.mul f64.const -0.704 f64.add
      local.get 0 f64.mul f64.const -8.64 f64.add local.get 0 f64.mul f64.const 7.697 f64.add local.get 0 f64.mul f64.const -4.011 f64.add)
    (memory (export "memory") 1)
    (data (i32.const 0)
      "U+06FE8;So;108;AL;1A91|U+16F68;Sm;187;EN;89F8|U+1CC95;Ll;204;L;15C3|U+0241B;Sm;6;ON;46DE|U+1F8D2;Mn;9;L;9C12|"
      "U+2310D;Ll;179;NSM;FDED|U+1A9F3;Zs;191;NSM;7B87|U+2AFE5;Ll;172;R;BD8C|U+00557;Zs;160;ON;F20D|U+03D73;Sm;93;L;96A7|"
      "U+0E91C;Mn;179;ON;E89F|U+0E098;Sm;221;EN;85BD|U+24508;Lu;182;ON;2524|U+014C4;Lo;78;NSM;FC9E|U+0C489;Lo;96;ON;D2EB|"
      "U+2164A;So;21;EN;8E03|U+02844;Lo;169;EN;1A42|U+2E03B;Lu;143;L;9F25|U+04DF2;Mn;79;NSM;0FC8|U+19910;Zs;91;AL;E78A|"
      "U+01B71;Po;127;L;4284|U+16F54;Nd;204;L;4F21|U+2E9E8;Nd;236;EN;CF3A|U+2507A;Mn;3;L;8DF2|U+2D9AA;So;222;ON;8085|"
      "U+2D92A;Po;33;L;E403|U+003E3;Po;234;L;2FA0|U+0D934;Lo;115;NSM;996A|U+1EFF0;Sm;152;NSM;28DB|U+0D2A2;Zs;29;R;F810|"
      "U+0088D;Mn;86;ON;6DB3|U+20142;Zs;127;EN;5C20|U+1F7A3;Sm;26;ON;B478|U+1FCFA;Ll;206;EN;4DB4|U+034A5;Lu;139;L;C741|"
      "U+14CC9;Lu;181;R;D16F|U+0789A;Ll;40;AL;50FC|U+06388;Nd;194;AL;A9AF|U+2FD5F;Mn;144;ON;A9B0|U+23F1A;Mn;207;R;08F6|"
      "U+1AD5C;Nd;112;R;9819|U+14BA7;Lo;82;EN;5F7B|U+02A03;Zs;18;EN;745A|U+2AB43;Lo;40;EN;94F1|U+2FE90;Po;213;AL;849D|"
      "U+26EB0;So;53;AL;4C33|U+23200;Po;199;AL;6BFD|U+128E3;Mn;228;ON;C6FE|U+04E12;Po;63;AL;A190|U+09396;Nd;162;R;265D|"
      "U+11FA8;Po;174;R;3DB7|U+2851A;Ll;210;ON;9D11|U+150E5;Nd;225;AL;4FE5|U+126B4;Nd;83;ON;5772|U+0FBD9;Sm;28;AL;FDC6|"
      "U+2F58B;Sm;12;AL;8F08|U+1736F;Lu;68;ON;1014|U+2CC25;Sm;150;ON;0804|U+2E20A;So;142;EN;F67F|U+01E90;Lo;210;AL;7273|"
      "U+032B4;Nd;214;ON;0462|U+27CE3;Sm;25;EN;4073|U+20BC5;Sm;90;NSM;1EE1|U+057A9;Lu;21;L;8006|U+219D1;Ll;97;R;149B|"
      "U+1E61C;Nd;113;ON;B1B0|U+010AF;So;228;NSM;F3EC|U+07E11;Lu;68;EN;229A|U+0B76B;Sm;76;ON;170C|U+09F50;So;85;L;5A00|"
      "U+199EB;Po;240;NSM;E6E2|U+0D031;Lu;181;R;FFB9|U+1DF71;Po;158;EN;4CA8|U+13648;Lu;12;AL;FE3D|U+1F4CA;Lu;212;L;2A99|"
      "U+25DAC;Lo;39;L;733A|U+19D10;Mn;154;NSM;65B0|U+078D0;Po;29;NSM;E7C8|U+29BD6;Nd;141;ON;6066|U+23A4A;Sm;52;ON;76FC|"
      "U+29AB5;Mn;7;EN;6E43|U+1CED4;Ll;174;AL;5424|U+12FD9;Nd;51;ON;BD00|U+0952D;Nd;68;R;483B|U+0C5C1;Zs;69;ON;EB3E|"
      "U+1C165;Zs;148;R;5CCE|U+25453;So;115;ON;A5EC|U+13B54;Po;44;ON;B68E|U+178AE;Nd;160;EN;67F9|U+2191E;So;137;ON;0176|"
      "U+248AA;Nd;188;EN;E5ED|U+008F3;Lo;95;NSM;4CFE|U+07DAB;Lu;199;R;DD3F|U+293FD;Ll;86;L;EC62|U+2020C;Nd;161;L;C492|"
      "U+004D1;Ll;120;AL;12B5|U+05FA0;Mn;124;L;61BE|U+02151;Zs;148;R;81F7|U+14CDB;Lu;196;NSM;5DB4|U+07A2E;So;199;EN;EAC6|"
      "U+13888;Zs;181;R;AAE2|U+016BC;Lu;149;L;7BFD|U+12502;Lo;73;NSM;A5B6|U+16F51;Zs;37;L;3189|U+0BB1F;Po;191;EN;40CC|"
      "U+0A3A1;Lo;165;ON;0B7B|U+08BD8;Zs;74;EN;2872|U+2909C;Po;189;L;5B1C|U+04DBF;Zs;211;EN;C4DB|U+264A2;Sm;27;R;F467|"
      "U+2ABE9;Nd;96;ON;FFFE|U+1B434;So;201;ON;502D|U+1252E;Mn;122;EN;9361|U+1E98E;Ll;11;EN;B26A|U+0CB00;Sm;76;R;671E|"
      "U+0568F;Lu;203;L;59F7|U+062D1;Zs;10;ON;FEC5|U+21557;Sm;129;EN;48D9|U+2B5A2;Mn;189;NSM;7960|U+03D5A;Po;97;R;7D9E|"
      "U+2A9D3;Zs;85;R;C726|U+1005F;Lu;182;EN;FE93|U+16A07;So;88;EN;4E3F|U+0889A;Lu;0;ON;B366|U+020CF;Lo;177;NSM;B95A|"
      "U+0D32D;Zs;161;R;007D|U+265DC;Zs;192;R;83F6|U+01FE6;Zs;63;R;3866|U+2405E;Lu;81;AL;4FB1|U+1019E;Po;130;EN;5BDF|"
      "U+24B48;Sm;110;NSM;B97B|U+02102;Po;97;EN;ED71|U+2A6CA;Lu;136;ON;2013|U+1080D;Ll;183;EN;F009|U+039D9;Nd;134;EN;7DDE|"
      "U+01DD5;Lo;67;AL;854B|U+1C87D;Po;195;NSM;4DD2|U+0657F;Sm;207;NSM;8569|U+19713;Sm;159;NSM;F075|U+0CC78;Ll;210;R;3CA1|"
      "U+057AA;Zs;107;R;2EF0|U+03759;Zs;99;R;10FB|U+2BBB6;Lu;3;NSM;908F|U+1DFA3;Zs;7;NSM;AC16|U+28D3A;Zs;70;AL;3563|"
      "U+1B105;Lo;105;L;8E07|U+1D994;Nd;199;EN;8786|U+270EA;Po;27;AL;7D5C|U+1397F;Zs;91;EN;3C33|U+0C2EA;So;109;R;3305|"
      "U+24473;Mn;229;L;E3AB|U+2C903;Lo;130;R;D4E9|U+02B4E;So;151;L;D23D|U+1F702;Mn;78;L;7A72|U+289D9;So;93;EN;3304|"
      "U+172D3;Mn;106;R;4BE1|U+1C2E3;Lo;113;EN;5E00|U+19B43;Lu;82;L;B6C1|U+12100;Lo;21;AL;7E19|U+05272;Lu;216;NSM;46DD|"
      "U+17FE8;Lo;192;L;6122|U+2C037;Mn;206;L;C820|U+081A9;Po;121;R;FA0E|U+2BB2F;So;139;R;D38D|U+11A53;Lu;239;NSM;8434|"
      "U+22DDA;Po;10;R;0EFA|U+0E081;Nd;221;EN;72F7|U+0CC65;Ll;213;L;A582|U+07B52;Zs;191;AL;A443|U+0795D;Mn;103;NSM;6E51|"
      "U+21713;Ll;11;AL;837E|U+17A67;Lo;11;AL;AE64|U+0D558;Po;30;ON;5307|U+24234;Ll;169;EN;C286|U+25984;Mn;87;R;C39A|"
      "U+0788D;Ll;77;L;92A5|U+2B9E2;Zs;171;ON;F2E0|U+0F45B;Lo;108;EN;DA2B|U+1C424;Po;0;EN;DC47|U+03FC9;Zs;78;EN;5A6A|"
      "U+22E57;So;76;L;60C7|U+2CD96;Lu;119;AL;168B|U+1B379;Po;184;R;4368|U+0EC70;Lu;78;L;F2DF|U+0D07E;Ll;196;NSM;2F8D|"
      "U+00DC8;Ll;146;ON;29B6|U+289AB;Lo;21;NSM;CAE3|U+1E597;Lo;192;NSM;CDA9|U+19DCC;Mn;179;NSM;8534|U+2F521;Sm;83;L;00E3|"
      "U+06592;Lu;106;AL;20B0|U+1FC28;Nd;196;ON;4EA5|U+27362;Lo;10;L;A88C|U+2BA44;Sm;82;NSM;9397|U+1B7CD;Lo;199;NSM;BC19|"
      "U+0F0D3;Mn;134;AL;AEC3|U+1AAB5;Lu;179;R;93BE|"))

  (core module $tables
    (memory (export "memory") 1)
    (data (i32.const 512)
      "U+0E320;Lu;164;AL;8ACE|U+2B7F2;Ll;118;EN;EE76|U+13D56;Ll;155;ON;5CAC|U+12A19;Nd;222;NSM;CF49|U+173F5;Sm;192;EN;BF2F|"
      "U+1B01A;Sm;152;R;87F3|U+1EB20;Ll;13;AL;4D27|U+0FCD6;Sm;134;R;EF81|U+06B9B;Mn;114;L;AE6E|U+28B7C;Lu;55;R;59B4|"
      "U+20C35;Lu;146;R;F82C|U+1B6BA;Po;113;NSM;3A9D|U+0A5B6;Zs;46;EN;AAB4|U+00A29;Nd;127;NSM;1D24|U+0CEB4;Ll;162;R;34E0|"
      "U+2ABF4;Sm;194;L;0B51|U+20D88;Nd;143;ON;3A3A|U+11C2A;Lo;132;NSM;65C5|U+0B77E;Lo;119;ON;2EA6|U+0143B;Sm;130;R;8D3A|"
      "U+26472;Lu;200;R;7254|U+0FA86;Lu;22;ON;4740|U+21387;Sm;177;L;347C|U+02DCF;Lo;230;R;45BD|U+1A46C;Zs;124;EN;3343|"
      "U+216B0;Mn;237;AL;89CA|U+04009;Lu;81;ON;9F3D|U+2E02C;Mn;158;NSM;640D|U+2D55A;Nd;216;EN;B150|U+2C85E;Mn;192;ON;8374|"
      "U+27DCB;Nd;104;NSM;DD74|U+2EC75;Ll;183;R;C099|U+2C8FD;So;90;NSM;5F18|U+2D964;Lo;81;EN;0D6C|U+160F5;Nd;97;R;9524|"
      "U+221B8;So;124;EN;3D53|U+2141F;Ll;56;AL;38B4|U+28D68;Lo;3;ON;8BC9|U+11010;Ll;120;R;463E|U+16C7C;Sm;42;NSM;ECA6|"
      "U+1F723;Nd;73;R;07E4|U+10E04;Zs;68;ON;9D10|U+0506C;Lo;178;AL;B00E|U+2BD83;So;94;AL;B34A|U+07A50;Nd;63;R;B92E|"
      "U+0F728;Po;86;NSM;B396|U+05481;Lo;24;NSM;414A|U+02A95;Mn;176;EN;79FD|U+048B3;Sm;48;EN;5C72|U+29883;Mn;148;AL;4C24|"
      "U+2FEBF;Sm;55;AL;8F2F|U+048B0;Lu;10;R;F7FB|U+1B184;Zs;31;NSM;3AFA|U+2BC15;Sm;227;AL;8E61|U+1DD71;Ll;220;EN;3D21|"
      "U+08F7F;Ll;112;R;C031|U+10322;Mn;68;ON;0B1E|U+2BB4C;Zs;176;AL;7FA5|U+1E0BB;Lu;145;L;7594|U+1675F;Po;89;AL;3928|"
      "U+12EAE;Po;13;NSM;CD0A|U+16C37;Mn;153;R;28B6|U+1450E;Nd;49;EN;7107|U+145A0;Ll;131;ON;E07F|U+1F185;Po;67;EN;F52E|"
      "U+1A6B8;Po;235;EN;E090|U+1BAD6;Zs;9;NSM;5D61|U+23262;Ll;167;ON;9994|U+02B3A;Nd;124;L;D08E|U+17710;Sm;218;L;FC0E|"
      "U+28BB6;Mn;233;NSM;F548|U+18B39;Ll;193;R;6FE8|U+04453;Lo;170;AL;2702|U+1C8A1;Po;214;R;68CA|U+0E315;So;30;NSM;DDB4|"
      "U+2E5F7;Lu;193;R;59CD|U+25507;Lu;212;R;90D2|U+1B42C;Lu;90;R;E6E7|U+05EB2;Zs;19;R;7141|U+0E27F;Zs;98;ON;3D30|"
      "U+04C67;Sm;205;NSM;A2B4|U+23B4A;So;4;NSM;54E2|U+0B205;Mn;40;L;C3B9|U+1EB17;Nd;40;AL;4856|U+2200A;Mn;121;ON;0C97|"
      "U+153B8;So;231;EN;3596|U+187A8;Mn;194;L;FF2B|U+060B7;Mn;235;EN;66FC|U+25A13;Sm;131;AL;1A47|U+228F5;So;120;AL;F7BC|"
      "U+27F8C;Mn;228;AL;69AD|U+2281D;Ll;204;NSM;A98D|U+233EA;Zs;115;EN;EE34|U+152EC;Zs;230;L;A945|U+1023B;Ll;104;L;3563|"
      "U+1BC1B;Lo;31;NSM;A138|U+0DE98;Sm;63;L;1F3F|U+02E02;Lu;152;EN;1278|U+1EFD3;Zs;131;L;D648|U+0C604;Lu;185;ON;6BCE|"
      "U+1CFDA;Lu;116;L;9CF7|U+076C5;Zs;158;R;2399|U+2C02B;Lo;38;NSM;4214|U+25BA1;Zs;49;R;6E22|U+18A65;Po;195;L;451A|"
      "U+240CD;Lo;135;L;2613|U+1968C;Sm;76;AL;27F9|U+09A80;Sm;86;EN;3F92|U+295D7;Nd;60;NSM;BBF6|U+2EFDF;Zs;71;AL;6004|"
      "U+18DD3;Zs;216;L;3011|U+299FB;Nd;10;R;11EB|U+2F0F2;Lo;152;R;3B75|U+0A316;Ll;70;L;44D2|U+142DA;Mn;61;NSM;59EF|"
      "U+29CCB;Nd;91;AL;6902|U+282C7;Nd;77;L;3E10|U+13D9E;Lo;20;EN;D167|U+2D8A1;Sm;96;NSM;4946|U+0A376;Mn;81;EN;1B73|"
      "U+1A58F;Sm;43;L;5FF0|U+1116A;Lo;131;EN;29E0|U+26641;Ll;80;EN;1852|U+226BF;Mn;176;AL;7886|U+032F7;Ll;193;AL;277F|"
      "U+0FD4B;Lo;150;ON;9A2B|U+2B119;Lu;215;AL;F1B8|U+0C5F6;Po;19;R;63BC|U+2F33C;Lo;56;NSM;211E|U+1ABE9;Zs;151;AL;6EC4|"
      "U+28EF9;Zs;125;AL;61C7|U+123A1;So;0;L;AD48|U+15066;So;159;ON;7C2E|U+02C1D;Ll;85;ON;D0C0|U+2C99D;Lu;67;L;5761|"
      "U+1A1F5;Nd;72;NSM;A931|U+1D404;Sm;74;EN;3606|U+2E534;Lu;104;AL;AE43|U+17FC5;Ll;11;L;EE06|U+19180;Nd;127;ON;2D5B|"
      "U+1C8C3;So;238;EN;B68E|U+19806;Mn;153;R;D71E|U+14055;Mn;148;AL;4757|U+11848;Nd;155;NSM;BC4C|U+1B8EF;Ll;235;ON;0C55|"
      "U+0A64D;Zs;151;AL;3ED0|U+256D1;Zs;150;AL;2A3C|U+143C4;Zs;163;AL;54B2|U+2E6B5;So;237;NSM;769D|U+18642;Po;28;EN;A95F|"
      "U+1DBFB;So;143;EN;2B3C|U+07DCF;Lu;98;NSM;7F3B|U+07396;Zs;16;EN;6E00|U+2BEDD;Nd;194;NSM;5961|U+15194;Lo;186;R;3CC7|"
      "U+0BC33;Lo;28;R;B74E|U+1DCD9;Ll;12;NSM;25A8|U+0E7C8;Lu;66;NSM;1002|U+2C570;Lu;153;EN;9EB8|U+09DD4;Ll;95;NSM;73E1|"
      "U+0A553;Lu;110;AL;8404|U+18E9A;Mn;33;L;4F4F|U+22F67;Sm;183;L;B542|U+2A9B0;Nd;29;NSM;4256|U+15286;Zs;213;ON;F97A|"
      "U+2C1AE;Zs;175;R;CE14|U+1C494;Lu;197;ON;300B|U+20750;Zs;131;EN;1801|U+108D3;Ll;224;R;08B2|U+0C56C;Po;126;L;353D|"
      "U+2B658;So;128;R;FBEC|U+04984;Mn;81;AL;CEEE|U+20AE2;Po;123;R;995E|U+1EB2C;Mn;218;L;59A0|U+132AD;Zs;89;AL;9BBA|"
      "U+03EF0;Zs;10;L;1CC5|U+1D013;Lu;130;ON;C6EC|U+08206;Nd;116;ON;C819|U+0CB1E;Zs;45;L;528F|U+28892;Sm;97;AL;77F3|"
      "U+1A224;Ll;17;L;10FB|U+0F665;Lo;106;AL;D51F|U+21771;Ll;135;R;CD0E|U+27D89;Sm;34;AL;30F5|U+0CD35;Ll;51;NSM;AF34|"
      "U+0735C;Lu;186;NSM;28D8|U+1C3C2;Mn;152;L;E23A|U+27B64;So;125;R;7CA2|U+16014;So;124;R;A28A|U+03CCB;Lo;54;L;C74D|"
      "U+0D9D2;Sm;24;R;D444|U+050F7;Nd;231;R;7412|U+2B394;Nd;222;L;4BFE|")
    (@custom ".debug_line" (after last)
      "tables.rs:40:49 basic_block\00tables.rs:43:78 basic_block\00"
      "tables.rs:46:94 end_sequence\00tables.rs:49:40 end_sequence\00"
      "tables.rs:52:11 is_stmt\00tables.rs:55:75 basic_block\00"
      "tables.rs:58:54 end_sequence\00tables.rs:61:5 is_stmt\00"
      "tables.rs:64:18 prologue_end\00tables.rs:67:74 is_stmt\00"
      "tables.rs:70:54 end_sequence\00tables.rs:73:68 end_sequence\00"
      "tables.rs:76:50 is_stmt\00tables.rs:79:86 basic_block\00"
      "tables.rs:82:95 is_stmt\00tables.rs:85:17 basic_block\00"
      "tables.rs:88:76 prologue_end\00tables.rs:91:64 prologue_end\00"
      "tables.rs:94:63 basic_block\00tables.rs:97:16 basic_block\00"
      "tables.rs:100:20 basic_block\00tables.rs:103:24 basic_block\00"
      "tables.rs:106:20 basic_block\00tables.rs:109:31 is_stmt\00"
      "tables.rs:112:18 prologue_end\00tables.rs:115:87 end_sequence\00"
      "tables.rs:118:11 prologue_end\00tables.rs:121:3 is_stmt\00"
      "tables.rs:124:6 is_stmt\00tables.rs:127:37 end_sequence\00"
      "tables.rs:130:19 is_stmt\00tables.rs:133:99 is_stmt\00"
      "tables.rs:136:71 end_sequence\00tables.rs:139:87 basic_block\00"
      "tables.rs:142:62 prologue_end\00tables.rs:145:13 is_stmt\00"
      "tables.rs:148:79 basic_block\00tables.rs:151:42 is_stmt\00"
      "tables.rs:154:42 end_sequence\00tables.rs:157:66 basic_block\00"
      "tables.rs:160:51 end_sequence\00tables.rs:163:99 prologue_end\00"
      "tables.rs:166:25 basic_block\00tables.rs:169:46 prologue_end\00"
      "tables.rs:172:36 basic_block\00tables.rs:175:82 is_stmt\00"
      "tables.rs:178:50 basic_block\00tables.rs:181:96 is_stmt\00"
      "tables.rs:184:81 basic_block\00tables.rs:187:88 end_sequence\00"
      "tables.rs:190:67 basic_block\00tables.rs:193:93 prologue_end\00"
      "tables.rs:196:19 is_stmt\00tables.rs:199:76 prologue_end\00"
      "tables.rs:202:28 end_sequence\00tables.rs:205:84 basic_block\00"
      "tables.rs:208:65 prologue_end\00tables.rs:211:95 prologue_end\00"
      "tables.rs:214:17 end_sequence\00tables.rs:217:41 is_stmt\00"
      "tables.rs:220:83 is_stmt\00tables.rs:223:49 is_stmt\00"
      "tables.rs:226:80 prologue_end\00tables.rs:229:12 is_stmt\00"
      "tables.rs:232:29 prologue_end\00tables.rs:235:6 is_stmt\00"
      "tables.rs:238:31 end_sequence\00tables.rs:241:74 basic_block\00"
      "tables.rs:244:30 end_sequence\00tables.rs:247:88 is_stmt\00"
      "tables.rs:250:70 prologue_end\00tables.rs:253:10 is_stmt\00"
      "tables.rs:256:66 basic_block\00tables.rs:259:57 prologue_end\00"
      "tables.rs:262:48 is_stmt\00tables.rs:265:56 end_sequence\00"
      "tables.rs:268:1 basic_block\00tables.rs:271:20 is_stmt\00"
      "tables.rs:274:11 prologue_end\00tables.rs:277:9 is_stmt\00"
      "tables.rs:280:70 prologue_end\00tables.rs:283:85 end_sequence\00"
      "tables.rs:286:81 basic_block\00tables.rs:289:71 end_sequence\00"
      "tables.rs:292:90 is_stmt\00tables.rs:295:19 prologue_end\00"
      "tables.rs:298:25 basic_block\00tables.rs:301:56 prologue_end\00"
      "tables.rs:304:95 end_sequence\00tables.rs:307:91 prologue_end\00"
      "tables.rs:310:25 is_stmt\00tables.rs:313:79 end_sequence\00"
      "tables.rs:316:54 prologue_end\00tables.rs:319:36 is_stmt\00"
      "tables.rs:322:52 is_stmt\00tables.rs:325:41 is_stmt\00"
      "tables.rs:328:55 end_sequence\00tables.rs:331:41 is_stmt\00"
      "tables.rs:334:86 prologue_end\00tables.rs:337:85 prologue_end\00"
      "tables.rs:340:72 prologue_end\00tables.rs:343:33 end_sequence\00"
      "tables.rs:346:67 basic_block\00tables.rs:349:62 is_stmt\00"
      "tables.rs:352:24 basic_block\00tables.rs:355:60 prologue_end\00"
      "tables.rs:358:55 is_stmt\00tables.rs:361:91 end_sequence\00"
      "tables.rs:364:96 basic_block\00tables.rs:367:35 prologue_end\00"
      "tables.rs:370:85 is_stmt\00tables.rs:373:66 basic_block\00"
      "tables.rs:376:70 is_stmt\00tables.rs:379:28 is_stmt\00"
      "tables.rs:382:40 basic_block\00tables.rs:385:20 prologue_end\00"
      "tables.rs:388:49 is_stmt\00tables.rs:391:15 is_stmt\00"
      "tables.rs:394:77 end_sequence\00tables.rs:397:17 prologue_end\00"
      "tables.rs:400:94 prologue_end\00tables.rs:403:10 end_sequence\00"
      "tables.rs:406:86 end_sequence\00tables.rs:409:32 prologue_end\00"
      "tables.rs:412:78 prologue_end\00tables.rs:415:56 end_sequence\00"
      "tables.rs:418:57 basic_block\00tables.rs:421:33 end_sequence\00"
      "tables.rs:424:52 prologue_end\00tables.rs:427:7 end_sequence\00"
      "tables.rs:430:8 end_sequence\00tables.rs:433:4 prologue_end\00"
      "tables.rs:436:71 end_sequence\00tables.rs:439:2 prologue_end\00"
      "tables.rs:442:42 basic_block\00tables.rs:445:90 end_sequence\00"
      "tables.rs:448:10 basic_block\00tables.rs:451:37 end_sequence\00"
      "tables.rs:454:84 end_sequence\00tables.rs:457:20 is_stmt\00"
      "tables.rs:460:82 is_stmt\00tables.rs:463:91 prologue_end\00"
      "tables.rs:466:64 end_sequence\00tables.rs:469:45 basic_block\00"
      "tables.rs:472:6 end_sequence\00tables.rs:475:8 prologue_end\00"
      "tables.rs:478:36 end_sequence\00tables.rs:481:96 end_sequence\00"
      "tables.rs:484:59 prologue_end\00tables.rs:487:55 end_sequence\00"))

  (core instance (instantiate $engine))
  (core instance $library (instantiate $library))
  (core instance (instantiate $tables))
  (func $bessel (param "x" f64) (result f64) (canon lift (core func $library "bessel")))
  (instance $functions (export "bessel" (func $bessel)))
  (export "example:layers/functions@0.1.0" (instance $functions))
  (@custom "sources"
    "7006 range: an identifier is not callable for this type; see the number near 0bf13\007012 range: a symbol is read only inside a class body; see the parser near 10c99\00"
    "7018 reference: the parser is not callable for this type; see a promise near 0a69f\007025 internal: the buffer is out of range for this type; see the stream near 0bf80\00"
    "7029 type: this string is read only before the first call; see the buffer near 161d4\007032 internal: the regular expression is read only without a receiver; see this property near 00113\00"
    "7035 range: the module is read only in a sloppy pattern; see the locale near 0e4bb\007042 type: this string cannot be converted in strict mode; see the prototype near 05cdb\00"
    "7043 range: the parser cannot be converted for this type; see the parser near 13173\007048 internal: this string is not defined after the last item; see the date near 12e4a\00"
    "7051 range: the array has no such member after the last item; see an identifier near 080f1\007053 uri: the iterator must not be empty without a receiver; see the stream near 0de7b\00"
    "7061 syntax: a handle must be positive after the last item; see a symbol near 15d96\007068 syntax: an argument is not callable on a frozen target; see the number near 03334\00"
    "7076 internal: the number must not be empty without a receiver; see the regular expression near 0175d\007082 range: the number is detached for this type; see the stream near 03063\00"
    "7090 reference: a promise is out of range after the last item; see the iterator near 02277\007091 internal: an identifier is out of range in a sloppy pattern; see an identifier near 13e90\00"
    "7098 internal: the array exceeds the limit on a frozen target; see the number near 055eb\007106 range: the regular expression was closed in a sloppy pattern; see an identifier near 04b2d\00"
    "7113 internal: the closure has no such member without a receiver; see the parser near 033c5\007122 reference: this string must not be empty during evaluation; see the number near 08ff9\00"
    "7128 uri: the parser was already consumed after the last item; see the locale near 1731e\007129 range: the prototype is not callable before the first call; see the stream near 00d2c\00"
    "7136 range: the array must not be empty before the first call; see the generator near 033bc\007140 internal: the iterator was closed after the last item; see the locale near 159f7\00"
    "7142 internal: the number is read only in a sloppy pattern; see the regular expression near 146e8\007145 syntax: the locale is out of range on a frozen target; see a handle near 1337d\00"
    "7152 uri: the closure is detached on a frozen target; see the generator near 0fb0d\007153 reference: an argument has no such member during evaluation; see the array near 0a064\00"
    "7158 uri: the date is out of range after the last item; see the locale near 06b41\007161 range: a symbol has no such member for this type; see this property near 010dd\00"
    "7168 type: a symbol cannot be read on a frozen target; see a symbol near 066cd\007174 internal: the buffer is not callable inside a class body; see the locale near 0a98b\00"
    "7181 range: this property is detached before the first call; see the iterator near 119c8\007188 syntax: the iterator cannot be read before the first call; see the stream near 17c4f\00"
    "7190 internal: the generator was closed after the last item; see the iterator near 15670\007197 syntax: the array is out of range at this position; see the array near 1539d\00"
    "7204 internal: the array cannot be read before the first call; see the iterator near 0aa10\007206 internal: the module must not be empty while loading; see this string near 17629\00"
    "7213 internal: the parser is not defined while loading; see a handle near 096b4\007220 range: a promise is detached before the first call; see the array near 0b3f2\00"
    "7223 syntax: the regular expression is not callable during evaluation; see the closure near 17acd\007232 type: this string is read only at this position; see the date near 08118\00"
    "7240 internal: the locale was already consumed during evaluation; see the closure near 0e9f3\007242 range: the iterator is detached while loading; see a promise near 14e14\00"
    "7246 uri: the parser is detached on a frozen target; see the iterator near 17d59\007252 reference: the prototype was closed before the first call; see the parser near 0423a\00"
    "7255 uri: the generator cannot be read in strict mode; see the number near 148cb\007261 uri: the stream was closed before the first call; see the prototype near 05e95\00"))
