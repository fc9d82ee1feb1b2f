package testkit

import "encoding/base64"

// decoded walks a history event and decodes the data of its payloads.
func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if s, ok := value.(string); ok && key == "data" {
				if b, err := base64.StdEncoding.DecodeString(s); err == nil {
					v[key] = string(b)
					continue
				}
			}
			v[key] = decoded(value)
		}
		return v
	case []any:
		for i := range v {
			v[i] = decoded(v[i])
		}
		return v
	}
	return v
}
