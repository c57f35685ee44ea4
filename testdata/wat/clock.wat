;; A component that fills the import of log. Its version is newer, and compatible.
(component
  (core module $clock (func (export "now") (result i64) (i64.const 7)))
  (core instance $clock (instantiate $clock))
  (func $now (result u64) (canon lift (core func $clock "now")))
  (instance $clock (export "now" (func $now)))
  (export "example:host/clock@1.0.3" (instance $clock)))
