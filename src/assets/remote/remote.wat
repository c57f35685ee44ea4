  ;; Reads remote contents in chunks of 1 MiB, checks the SHA-256 of each, and keeps the last four in slots.
  ;;
  ;; Memory, from $base on, which is 0 before the first read. Data gives its first part.
  ;;    0  the 64 constants of SHA-256
  ;;  256  the 64 words of the message schedule
  ;;  512  the initial hash value, 8 words
  ;;  544  the hash value, 8 words
  ;;  576  two blocks for the end of a message
  ;;  704  the result of a read: at 0 a byte that is 1 for an error, at 4 the address, at 8 the number of bytes
  ;;  720  the keys of the slots, 8 bytes each: the content plus 1 in the upper half, the chunk in the lower one
  ;;  752  the contents, 16 bytes each: size, offset of the digest as text, offset of the digests of the chunks
  ;; The words of digests are little-endian, as those of the hash value.
  (global $base (mut i32) (i32.const 0))
  (global $next_slot (mut i32) (i32.const 0))

  (func $prepare
    (if (global.get $base) (then (return)))
    (global.set $base (memory.grow (global.get $pages)))
    (if (i32.eq (global.get $base) (i32.const -1)) (then unreachable))
    (global.set $base (i32.shl (global.get $base) (i32.const 16)))
    (memory.init 0 (global.get $base) (i32.const 0) (global.get $length)))

  ;; Copies bytes of a content. Returns 1 if they could not be read.
  (func (export "load") (param $content i32) (param $to i32) (param $offset i64) (param $length i32) (result i32)
    (local $chunk i32) (local $start i32) (local $count i32)
    (call $prepare)
    (loop $next
      (local.set $chunk
        (call $chunk (local.get $content) (i32.wrap_i64 (i64.shr_u (local.get $offset) (i64.const 20)))))
      (if (i32.eqz (local.get $chunk)) (then (return (i32.const 1))))
      (local.set $start (i32.and (i32.wrap_i64 (local.get $offset)) (i32.const 0xfffff)))
      (local.set $count (i32.sub (i32.const 0x100000) (local.get $start)))
      (if (i32.lt_u (local.get $length) (local.get $count)) (then (local.set $count (local.get $length))))
      (memory.copy (local.get $to) (i32.add (local.get $chunk) (local.get $start)) (local.get $count))
      (local.set $to (i32.add (local.get $to) (local.get $count)))
      (local.set $offset (i64.add (local.get $offset) (i64.extend_i32_u (local.get $count))))
      (local.set $length (i32.sub (local.get $length) (local.get $count)))
      (br_if $next (local.get $length)))
    (i32.const 0))

  ;; Returns the address of a chunk, or 0 if it could not be read.
  (func $chunk (param $content i32) (param $chunk i32) (result i32)
    (local $key i64) (local $slot i32) (local $entry i32) (local $offset i64) (local $size i64)
    (local.set $key
      (i64.or
        (i64.shl (i64.extend_i32_u (i32.add (local.get $content) (i32.const 1))) (i64.const 32))
        (i64.extend_i32_u (local.get $chunk))))
    (loop $slots
      (if (i64.eq (i64.load offset=720 (call $key (local.get $slot))) (local.get $key))
        (then (return (call $address (local.get $slot)))))
      (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
      (br_if $slots (i32.lt_u (local.get $slot) (i32.const 4))))
    (local.set $slot (global.get $next_slot))
    (global.set $next_slot (i32.and (i32.add (local.get $slot) (i32.const 1)) (i32.const 3)))
    (i64.store offset=720 (call $key (local.get $slot)) (i64.const 0))
    (local.set $entry (i32.add (global.get $base) (i32.shl (local.get $content) (i32.const 4))))
    (local.set $offset (i64.shl (i64.extend_i32_u (local.get $chunk)) (i64.const 20)))
    (local.set $size (i64.sub (i64.load offset=752 (local.get $entry)) (local.get $offset)))
    (if (i64.gt_u (local.get $size) (i64.const 0x100000)) (then (local.set $size (i64.const 0x100000))))
    (global.set $slot_address (call $address (local.get $slot)))
    (call $read_blob
      (i32.add (global.get $base) (i32.load offset=760 (local.get $entry))) (i32.const 71)
      (local.get $offset) (i32.wrap_i64 (local.get $size)) (i32.add (global.get $base) (i32.const 704)))
    (if (i32.eqz
          (call $is_right
            (call $address (local.get $slot)) (i32.wrap_i64 (local.get $size))
            (i32.add
              (i32.add (global.get $base) (i32.load offset=764 (local.get $entry)))
              (i32.shl (local.get $chunk) (i32.const 5)))))
      (then (return (i32.const 0))))
    (i64.store offset=720 (call $key (local.get $slot)) (local.get $key))
    (call $address (local.get $slot)))

  (func $key (param $slot i32) (result i32)
    (i32.add (global.get $base) (i32.shl (local.get $slot) (i32.const 3))))

  (func $address (param $slot i32) (result i32)
    (i32.add (i32.add (global.get $base) (global.get $slots)) (i32.shl (local.get $slot) (i32.const 20))))

  ;; Returns whether the last read gave the bytes with a digest.
  (func $is_right (param $address i32) (param $size i32) (param $digest i32) (result i32)
    (local $word i32)
    (if (i32.load8_u offset=704 (global.get $base)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load offset=708 (global.get $base)) (local.get $address)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load offset=712 (global.get $base)) (local.get $size)) (then (return (i32.const 0))))
    (call $hash (local.get $address) (local.get $size))
    (loop $words
      (if (i32.ne
            (i32.load offset=544 (i32.add (global.get $base) (local.get $word)))
            (i32.load (i32.add (local.get $digest) (local.get $word))))
        (then (return (i32.const 0))))
      (local.set $word (i32.add (local.get $word) (i32.const 4)))
      (br_if $words (i32.lt_u (local.get $word) (i32.const 32))))
    (i32.const 1))

  ;; SHA-256, as FIPS 180-4 defines it.
  (func $hash (param $at i32) (param $size i32)
    (local $end i32) (local $tail i32) (local $tail_size i32)
    (memory.copy
      (i32.add (global.get $base) (i32.const 544)) (i32.add (global.get $base) (i32.const 512)) (i32.const 32))
    (local.set $tail_size (i32.and (local.get $size) (i32.const 63)))
    (local.set $end (i32.sub (i32.add (local.get $at) (local.get $size)) (local.get $tail_size)))
    (call $blocks (local.get $at) (local.get $end))
    (local.set $tail (i32.add (global.get $base) (i32.const 576)))
    (memory.fill (local.get $tail) (i32.const 0) (i32.const 128))
    (memory.copy (local.get $tail) (local.get $end) (local.get $tail_size))
    (i32.store8 (i32.add (local.get $tail) (local.get $tail_size)) (i32.const 0x80))
    (local.set $end
      (i32.add
        (local.get $tail)
        (select (i32.const 64) (i32.const 128) (i32.lt_u (local.get $tail_size) (i32.const 56)))))
    ;; The number of bits needs less than 32 bits.
    (i32.store
      (i32.sub (local.get $end) (i32.const 4))
      (call $swap (i32.shl (local.get $size) (i32.const 3))))
    (call $blocks (local.get $tail) (local.get $end)))

  (func $blocks (param $at i32) (param $end i32)
    (loop $next
      (if (i32.ne (local.get $at) (local.get $end))
        (then
          (call $block (local.get $at))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $next)))))

  ;; Reverses the bytes of a word.
  (func $swap (param $word i32) (result i32)
    (i32.or
      (i32.and (i32.rotl (local.get $word) (i32.const 8)) (i32.const 0x00ff00ff))
      (i32.and (i32.rotr (local.get $word) (i32.const 8)) (i32.const 0xff00ff00))))

  (func $block (param $at i32)
    (local $word i32) (local $x i32) (local $y i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (local.set $word (global.get $base))
    (loop $first
      (i32.store offset=256 (local.get $word) (call $swap (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (local.set $word (i32.add (local.get $word) (i32.const 4)))
      (br_if $first (i32.lt_u (local.get $word) (i32.add (global.get $base) (i32.const 64)))))
    ;; The address of a word is that of the word 16 places before, so that offsets are positive.
    (local.set $word (global.get $base))
    (loop $others
      (local.set $x (i32.load offset=260 (local.get $word)))
      (local.set $y (i32.load offset=312 (local.get $word)))
      (i32.store offset=320 (local.get $word)
        (i32.add
          (i32.add (i32.load offset=256 (local.get $word)) (i32.load offset=292 (local.get $word)))
          (i32.add
            (i32.xor
              (i32.xor (i32.rotr (local.get $x) (i32.const 7)) (i32.rotr (local.get $x) (i32.const 18)))
              (i32.shr_u (local.get $x) (i32.const 3)))
            (i32.xor
              (i32.xor (i32.rotr (local.get $y) (i32.const 17)) (i32.rotr (local.get $y) (i32.const 19)))
              (i32.shr_u (local.get $y) (i32.const 10))))))
      (local.set $word (i32.add (local.get $word) (i32.const 4)))
      (br_if $others (i32.lt_u (local.get $word) (i32.add (global.get $base) (i32.const 192)))))
    (local.set $word (global.get $base))
    (local.set $a (i32.load offset=544 (local.get $word)))
    (local.set $b (i32.load offset=548 (local.get $word)))
    (local.set $c (i32.load offset=552 (local.get $word)))
    (local.set $d (i32.load offset=556 (local.get $word)))
    (local.set $e (i32.load offset=560 (local.get $word)))
    (local.set $f (i32.load offset=564 (local.get $word)))
    (local.set $g (i32.load offset=568 (local.get $word)))
    (local.set $h (i32.load offset=572 (local.get $word)))
    (loop $rounds
      (local.set $x
        (i32.add
          (i32.add
            (i32.add (local.get $h) (i32.load (local.get $word)))
            (i32.load offset=256 (local.get $word)))
          (i32.add
            (i32.xor
              (i32.xor (i32.rotr (local.get $e) (i32.const 6)) (i32.rotr (local.get $e) (i32.const 11)))
              (i32.rotr (local.get $e) (i32.const 25)))
            (i32.xor
              (i32.and (i32.xor (local.get $f) (local.get $g)) (local.get $e))
              (local.get $g)))))
      (local.set $y
        (i32.add
          (i32.xor
            (i32.xor (i32.rotr (local.get $a) (i32.const 2)) (i32.rotr (local.get $a) (i32.const 13)))
            (i32.rotr (local.get $a) (i32.const 22)))
          (i32.or
            (i32.and (local.get $a) (local.get $b))
            (i32.and (i32.or (local.get $a) (local.get $b)) (local.get $c)))))
      (local.set $h (local.get $g))
      (local.set $g (local.get $f))
      (local.set $f (local.get $e))
      (local.set $e (i32.add (local.get $d) (local.get $x)))
      (local.set $d (local.get $c))
      (local.set $c (local.get $b))
      (local.set $b (local.get $a))
      (local.set $a (i32.add (local.get $x) (local.get $y)))
      (local.set $word (i32.add (local.get $word) (i32.const 4)))
      (br_if $rounds (i32.lt_u (local.get $word) (i32.add (global.get $base) (i32.const 256)))))
    (local.set $word (global.get $base))
    (i32.store offset=544 (local.get $word) (i32.add (i32.load offset=544 (local.get $word)) (local.get $a)))
    (i32.store offset=548 (local.get $word) (i32.add (i32.load offset=548 (local.get $word)) (local.get $b)))
    (i32.store offset=552 (local.get $word) (i32.add (i32.load offset=552 (local.get $word)) (local.get $c)))
    (i32.store offset=556 (local.get $word) (i32.add (i32.load offset=556 (local.get $word)) (local.get $d)))
    (i32.store offset=560 (local.get $word) (i32.add (i32.load offset=560 (local.get $word)) (local.get $e)))
    (i32.store offset=564 (local.get $word) (i32.add (i32.load offset=564 (local.get $word)) (local.get $f)))
    (i32.store offset=568 (local.get $word) (i32.add (i32.load offset=568 (local.get $word)) (local.get $g)))
    (i32.store offset=572 (local.get $word) (i32.add (i32.load offset=572 (local.get $word)) (local.get $h)))))
