;; Names with attributes: a plain name that stands for an interface, one with the beginning of a version, one that a host
;; knows by another name; and what WIT cannot express.
(component
  (import "primary" (implements "wasi:keyvalue/store@0.2.0") (instance))
  (import "wasi:http/types@0.2" (version-suffix ".6") (instance))
  (import "clock" (external-id "host clock") (func))
  (core module $code)
  (export "code" (core module $code))
)
