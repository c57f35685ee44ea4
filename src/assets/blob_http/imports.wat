;; The interfaces of the host, with the functions that the component calls. All their types belong to WASI 0.2.0, which
;; hosts of later versions have too.
(import "wasi:io/error@0.2.0" (instance $io-error
  (export "error" (type (sub resource)))))
(alias export $io-error "error" (type $io-error))

(import "wasi:io/poll@0.2.0" (instance $poll
  (export "pollable" (type $pollable (sub resource)))
  (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
(alias export $poll "pollable" (type $pollable))

(import "wasi:io/streams@0.2.0" (instance $streams
  (export "input-stream" (type $input-stream (sub resource)))
  (export "error" (type $error (eq $io-error)))
  (type $stream-error= (variant (case "last-operation-failed" (own $error)) (case "closed")))
  (export "stream-error" (type $stream-error (eq $stream-error=)))
  (export "[method]input-stream.blocking-read"
    (func (param "self" (borrow $input-stream)) (param "len" u64)
      (result (result (list u8) (error $stream-error)))))))
(alias export $streams "input-stream" (type $input-stream))

(import "wasi:http/types@0.2.0" (instance $http
  (export "pollable" (type $pollable' (eq $pollable)))
  (export "input-stream" (type $input-stream' (eq $input-stream)))

  (type $scheme= (variant (case "HTTP") (case "HTTPS") (case "other" string)))
  (export "scheme" (type $scheme (eq $scheme=)))
  (type $header-error= (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
  (export "header-error" (type $header-error (eq $header-error=)))
  (type $dns= (record (field "rcode" (option string)) (field "info-code" (option u16))))
  (export "DNS-error-payload" (type $dns (eq $dns=)))
  (type $tls= (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
  (export "TLS-alert-received-payload" (type $tls (eq $tls=)))
  (type $field-size= (record (field "field-name" (option string)) (field "field-size" (option u32))))
  (export "field-size-payload" (type $field-size (eq $field-size=)))
  (type $error-code= (variant
    (case "DNS-timeout")
    (case "DNS-error" $dns)
    (case "destination-not-found")
    (case "destination-unavailable")
    (case "destination-IP-prohibited")
    (case "destination-IP-unroutable")
    (case "connection-refused")
    (case "connection-terminated")
    (case "connection-timeout")
    (case "connection-read-timeout")
    (case "connection-write-timeout")
    (case "connection-limit-reached")
    (case "TLS-protocol-error")
    (case "TLS-certificate-error")
    (case "TLS-alert-received" $tls)
    (case "HTTP-request-denied")
    (case "HTTP-request-length-required")
    (case "HTTP-request-body-size" (option u64))
    (case "HTTP-request-method-invalid")
    (case "HTTP-request-URI-invalid")
    (case "HTTP-request-URI-too-long")
    (case "HTTP-request-header-section-size" (option u32))
    (case "HTTP-request-header-size" (option $field-size))
    (case "HTTP-request-trailer-section-size" (option u32))
    (case "HTTP-request-trailer-size" $field-size)
    (case "HTTP-response-incomplete")
    (case "HTTP-response-header-section-size" (option u32))
    (case "HTTP-response-header-size" $field-size)
    (case "HTTP-response-body-size" (option u64))
    (case "HTTP-response-trailer-section-size" (option u32))
    (case "HTTP-response-trailer-size" $field-size)
    (case "HTTP-response-transfer-coding" (option string))
    (case "HTTP-response-content-coding" (option string))
    (case "HTTP-response-timeout")
    (case "HTTP-upgrade-failed")
    (case "HTTP-protocol-error")
    (case "loop-detected")
    (case "configuration-error")
    (case "internal-error" (option string))))
  (export "error-code" (type $error-code (eq $error-code=)))

  (export "fields" (type $fields (sub resource)))
  (export "[constructor]fields" (func (result (own $fields))))
  (export "[method]fields.append"
    (func (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8))
      (result (result (error $header-error)))))

  (export "outgoing-request" (type $outgoing-request (sub resource)))
  (export "[constructor]outgoing-request"
    (func (param "headers" (own $fields)) (result (own $outgoing-request))))
  (export "[method]outgoing-request.set-scheme"
    (func (param "self" (borrow $outgoing-request)) (param "scheme" (option $scheme)) (result (result))))
  (export "[method]outgoing-request.set-authority"
    (func (param "self" (borrow $outgoing-request)) (param "authority" (option string)) (result (result))))
  (export "[method]outgoing-request.set-path-with-query"
    (func (param "self" (borrow $outgoing-request)) (param "path-with-query" (option string)) (result (result))))
  (export "request-options" (type (sub resource)))

  (export "incoming-response" (type $incoming-response (sub resource)))
  (export "incoming-body" (type $incoming-body (sub resource)))
  (export "[method]incoming-response.status"
    (func (param "self" (borrow $incoming-response)) (result u16)))
  (export "[method]incoming-response.consume"
    (func (param "self" (borrow $incoming-response)) (result (result (own $incoming-body)))))
  (export "[method]incoming-body.stream"
    (func (param "self" (borrow $incoming-body)) (result (result (own $input-stream')))))

  (export "future-incoming-response" (type $future (sub resource)))
  (export "[method]future-incoming-response.subscribe"
    (func (param "self" (borrow $future)) (result (own $pollable'))))
  (export "[method]future-incoming-response.get"
    (func (param "self" (borrow $future))
      (result (option (result (result (own $incoming-response) (error $error-code)))))))))
(alias export $http "error-code" (type $error-code))
(alias export $http "outgoing-request" (type $outgoing-request))
(alias export $http "request-options" (type $request-options))
(alias export $http "incoming-response" (type $incoming-response))
(alias export $http "incoming-body" (type $incoming-body))
(alias export $http "future-incoming-response" (type $future))

(import "wasi:http/outgoing-handler@0.2.0" (instance $handler
  (export "outgoing-request" (type $outgoing-request' (eq $outgoing-request)))
  (export "request-options" (type $request-options' (eq $request-options)))
  (export "future-incoming-response" (type $future' (eq $future)))
  (export "error-code" (type $error-code' (eq $error-code)))
  (export "handle"
    (func (param "request" (own $outgoing-request')) (param "options" (option (own $request-options')))
      (result (result (own $future') (error $error-code')))))))
