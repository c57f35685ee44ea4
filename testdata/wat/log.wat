;; A component that fills the import of calc and greet: it counts what is written. It imports a clock itself.
(component
  (import "example:host/clock@1.0.0" (instance $clock
    (export "now" (func (result u64)))))
  (core func $now (canon lower (func $clock "now")))

  (core module $logger
    (import "clock" "now" (func $now (result i64)))
    (memory 1)
    (global $lines (mut i64) (i64.const 0))
    (func (export "write") (param $code i32)
      (global.set $lines (i64.add (global.get $lines) (call $now)))
      (i32.store8 (local.get $code) (i32.const 1)))
    (data (i32.const 1024)
      "000 the host wrote a line with this code; see the manual of the clock, 000\0a"
      "001 the host wrote a line with this code; see the manual of the clock, 037\0a"
      "002 the host wrote a line with this code; see the manual of the clock, 074\0a"
      "003 the host wrote a line with this code; see the manual of the clock, 010\0a"
      "004 the host wrote a line with this code; see the manual of the clock, 047\0a"
      "005 the host wrote a line with this code; see the manual of the clock, 084\0a"
      "006 the host wrote a line with this code; see the manual of the clock, 020\0a"
      "007 the host wrote a line with this code; see the manual of the clock, 057\0a"
      "008 the host wrote a line with this code; see the manual of the clock, 094\0a"
      "009 the host wrote a line with this code; see the manual of the clock, 030\0a"
      "010 the host wrote a line with this code; see the manual of the clock, 067\0a"
      "011 the host wrote a line with this code; see the manual of the clock, 003\0a"
      "012 the host wrote a line with this code; see the manual of the clock, 040\0a"
      "013 the host wrote a line with this code; see the manual of the clock, 077\0a"
      "014 the host wrote a line with this code; see the manual of the clock, 013\0a"
      "015 the host wrote a line with this code; see the manual of the clock, 050\0a"
      "016 the host wrote a line with this code; see the manual of the clock, 087\0a"
      "017 the host wrote a line with this code; see the manual of the clock, 023\0a"
      "018 the host wrote a line with this code; see the manual of the clock, 060\0a"
      "019 the host wrote a line with this code; see the manual of the clock, 097\0a"
      "020 the host wrote a line with this code; see the manual of the clock, 033\0a"
      "021 the host wrote a line with this code; see the manual of the clock, 070\0a"
      "022 the host wrote a line with this code; see the manual of the clock, 006\0a"
      "023 the host wrote a line with this code; see the manual of the clock, 043\0a"
      "024 the host wrote a line with this code; see the manual of the clock, 080\0a"
      "025 the host wrote a line with this code; see the manual of the clock, 016\0a"
      "026 the host wrote a line with this code; see the manual of the clock, 053\0a"
      "027 the host wrote a line with this code; see the manual of the clock, 090\0a"
      "028 the host wrote a line with this code; see the manual of the clock, 026\0a"
      "029 the host wrote a line with this code; see the manual of the clock, 063\0a"
      "030 the host wrote a line with this code; see the manual of the clock, 100\0a"
      "031 the host wrote a line with this code; see the manual of the clock, 036\0a"
      "032 the host wrote a line with this code; see the manual of the clock, 073\0a"
      "033 the host wrote a line with this code; see the manual of the clock, 009\0a"
      "034 the host wrote a line with this code; see the manual of the clock, 046\0a"
      "035 the host wrote a line with this code; see the manual of the clock, 083\0a"
      "036 the host wrote a line with this code; see the manual of the clock, 019\0a"
      "037 the host wrote a line with this code; see the manual of the clock, 056\0a"
      "038 the host wrote a line with this code; see the manual of the clock, 093\0a"
      "039 the host wrote a line with this code; see the manual of the clock, 029\0a"
      "040 the host wrote a line with this code; see the manual of the clock, 066\0a"
      "041 the host wrote a line with this code; see the manual of the clock, 002\0a"
      "042 the host wrote a line with this code; see the manual of the clock, 039\0a"
      "043 the host wrote a line with this code; see the manual of the clock, 076\0a"
      "044 the host wrote a line with this code; see the manual of the clock, 012\0a"
      "045 the host wrote a line with this code; see the manual of the clock, 049\0a"
      "046 the host wrote a line with this code; see the manual of the clock, 086\0a"
      "047 the host wrote a line with this code; see the manual of the clock, 022\0a"
      "048 the host wrote a line with this code; see the manual of the clock, 059\0a"
      "049 the host wrote a line with this code; see the manual of the clock, 096\0a"
      "050 the host wrote a line with this code; see the manual of the clock, 032\0a"
      "051 the host wrote a line with this code; see the manual of the clock, 069\0a"
      "052 the host wrote a line with this code; see the manual of the clock, 005\0a"
      "053 the host wrote a line with this code; see the manual of the clock, 042\0a"
      "054 the host wrote a line with this code; see the manual of the clock, 079\0a"
      "055 the host wrote a line with this code; see the manual of the clock, 015\0a"
      "056 the host wrote a line with this code; see the manual of the clock, 052\0a"
      "057 the host wrote a line with this code; see the manual of the clock, 089\0a"
      "058 the host wrote a line with this code; see the manual of the clock, 025\0a"
      "059 the host wrote a line with this code; see the manual of the clock, 062\0a"
      "060 the host wrote a line with this code; see the manual of the clock, 099\0a"
      "061 the host wrote a line with this code; see the manual of the clock, 035\0a"
      "062 the host wrote a line with this code; see the manual of the clock, 072\0a"
      "063 the host wrote a line with this code; see the manual of the clock, 008\0a"))
  (core instance $logger (instantiate $logger
    (with "clock" (instance (export "now" (func $now))))))
  (func $write (param "code" u32) (canon lift (core func $logger "write")))
  (instance $log (export "write" (func $write)))
  (export "example:host/log@1.0.0" (instance $log)))
