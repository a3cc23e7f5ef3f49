package upstream

import (
	"net/http"
	"strings"
)

// unkeyed are fields by which some origins let a client choose another target,
// method or host, or build links. They are not part of the cache key, so that one
// client's choice would be the answer to all.
var unkeyed = []string{
	"Front-End-Https", "Proxy", "X-Host", "X-Http-Host-Override", "X-Http-Method", "X-Http-Method-Override",
	"X-Method-Override", "X-Original-Host", "X-Original-Url", "X-Real-Ip", "X-Rewrite-Url", "X-Url-Scheme",
}

// dropUnkeyed removes them and what the client says of proxies before it.
func dropUnkeyed(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") {
			delete(h, name)
		}
	}
	for _, name := range unkeyed {
		delete(h, name)
	}
}
