// Package gen holds what is generated from the protos, in its subfolders. This
// file is the only one written by hand.
package gen

import _ "embed"

//go:embed openapi/ringcast.swagger.json
var openAPI string

// OpenAPI is the description of the REST API, an OpenAPI 2.0 document in JSON.
func OpenAPI() string { return openAPI }
