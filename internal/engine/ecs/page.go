package ecs

import (
	"encoding/base64"
	"slices"

	"github.com/spate-run/spate/internal/wire"
)

// page cuts sorted items to the page that a token names. The token is the last
// item of the page before, so that a page stays right when items come and go.
func page(items []string, token *string, size *int32, most int) ([]string, *string, error) {
	limit := most
	if size != nil {
		if *size < 1 || int(*size) > most {
			return nil, nil, wire.Faultf("InvalidParameterException", "maxResults must be between 1 and %d.", most)
		}
		limit = int(*size)
	}
	if token != nil {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, wire.Faultf("InvalidParameterException", "Invalid token.")
		}
		at := slices.Index(items, string(last))
		if at < 0 {
			return nil, nil, wire.Faultf("InvalidParameterException", "Invalid token.")
		}
		items = items[at+1:]
	}
	if len(items) <= limit {
		return items, nil, nil
	}
	items = items[:limit]
	next := base64.RawURLEncoding.EncodeToString([]byte(items[limit-1]))
	return items, &next, nil
}
