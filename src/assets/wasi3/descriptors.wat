;; Value types that two nested components use.
(type $common.descriptor-type (variant
  (case "block-device") (case "character-device") (case "directory") (case "fifo") (case "symbolic-link")
  (case "regular-file") (case "socket") (case "other" (option string))))
(type $common.error-code (variant
  (case "access") (case "already") (case "bad-descriptor") (case "busy") (case "deadlock") (case "quota")
  (case "exist") (case "file-too-large") (case "illegal-byte-sequence") (case "in-progress") (case "interrupted")
  (case "invalid") (case "io") (case "is-directory") (case "loop") (case "too-many-links") (case "message-size")
  (case "name-too-long") (case "no-device") (case "no-entry") (case "no-lock") (case "insufficient-memory")
  (case "insufficient-space") (case "not-directory") (case "not-empty") (case "not-recoverable")
  (case "unsupported") (case "no-tty") (case "no-such-device") (case "overflow") (case "not-permitted")
  (case "pipe") (case "read-only") (case "invalid-seek") (case "text-file-busy") (case "cross-device")
  (case "other" (option string))))

;; Defines the resource. The other components get its rep, the address of a node, by calling `node`.
(component $descriptors
  (type $descriptor' (resource (rep i32)))
  (export $descriptor "descriptor" (type $descriptor'))
  (core module $identity
    (func (export "node") (param i32) (result i32) local.get 0))
  (core instance $identity (instantiate $identity))
  (core func $new (canon resource.new $descriptor))
  (func (export "node") (param "descriptor" (borrow $descriptor)) (result u32)
    (canon lift (core func $identity "node")))
  (func (export "open") (param "node" u32) (result (own $descriptor))
    (canon lift (core func $new))))
(instance $descriptors (instantiate $descriptors))
(alias export $descriptors "descriptor" (type $descriptor))
