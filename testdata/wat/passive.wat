;; A component with passive data segments: one that nothing reads before the first call, one that realloc reads, one
;; that is only dropped; and a nested component whose module starts by reading one.
(component
  (core module $main
    (memory (export "memory") 1)
    (data $active (i32.const 1024) "copied when the module is instantiated")
    (data $model "read by the exported function, through another one")
    (data $arena "read by what the component uses as realloc")
    (data $left "never read, and dropped")
    (func $load (memory.init $model (i32.const 0) (i32.const 0) (i32.const 8)))
    (func (export "run") (result i32)
      (call $load)
      (data.drop $left)
      (i32.load (i32.const 0)))
    (func (export "grow") (param i32 i32 i32 i32) (result i32)
      (memory.init $arena (i32.const 0) (i32.const 0) (i32.const 4))
      (i32.const 0)))
  (core instance $main (instantiate $main))
  (core instance $again (export "g" (func $main "grow")))
  (alias core export $again "g" (core func $grow))
  (func (export "run") (result string)
    (canon lift (core func $main "run") (memory (core memory $main "memory")) (realloc (core func $grow))))
  (component
    (core module
      (memory 1)
      (data $table "read by the start function")
      (func $start (memory.init $table (i32.const 0) (i32.const 0) (i32.const 4)))
      (start $start))))
