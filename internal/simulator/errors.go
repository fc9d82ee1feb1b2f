package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// refusal is an answer that is an error. Only its code is documented as stable; the texts are those that have been seen.
type refusal struct {
	status  int
	code    string
	message string
	details []detail
	header  map[string]string
	// inner is the older nesting of the throttling answer, in place of the usual innerError.
	inner bool
}

// detail names the property that a validation error is about.
type detail struct {
	code, message, target string
}

const (
	codeBadRequest   = "Request_BadRequest"
	codeOData        = "BadRequest"
	codeNotFound     = "Request_ResourceNotFound"
	codeUnsupported  = "Request_UnsupportedQuery"
	codeDenied       = "Authorization_RequestDenied"
	codeToken        = "InvalidAuthenticationToken"
	codeQuota        = "Directory_QuotaExceeded"
	codeConcurrency  = "Directory_ConcurrencyViolation"
	codeMultiple     = "Request_MultipleObjectsWithSameKeyValue"
	codeExpiredPage  = "Directory_ExpiredPageToken"
	codeIdentityGone = "Authorization_IdentityNotFound"
)

const (
	textUnreadable = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
	textOnPremises = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."
	textDenied     = "Insufficient privileges to complete the operation."
	textInvalid    = "One or more property values specified are invalid."
	textUnknown    = "A value without a type name was found and no expected type is available. When the model is specified, each value in the payload must have a type which can be either specified in the payload, explicitly by the caller or implicitly inferred from the parent value."
	textMethod     = "Specified HTTP method is not allowed for the request target."
	textTooNew     = "The source resource object or one of the objects being referenced don't exist."
)

func badRequest(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeBadRequest, message: fmt.Sprintf(format, args...)}
}

// badOData is what the layer before the directory answers: it does not know the request's words at all.
func badOData(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeOData, message: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeUnsupported, message: fmt.Sprintf(format, args...)}
}

func notFound(what string) *refusal {
	return &refusal{status: http.StatusNotFound, code: codeNotFound,
		message: fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", what)}
}

func denied() *refusal {
	return &refusal{status: http.StatusForbidden, code: codeDenied, message: textDenied}
}

func invalidValue(property, resource string) *refusal {
	return badRequest("Invalid value specified for property '%s' of resource '%s'.", property, resource)
}

func requiredValue(property, resource string) *refusal {
	return badRequest("A value is required for property '%s' of resource '%s'.", property, resource)
}

// conflict is the answer to a value that another object holds; other is that object's id, "" to leave it out.
func conflict(property, other string) *refusal {
	message := fmt.Sprintf("Another object with the same value for property %s already exists.", property)
	r := badRequest("%s", message)
	r.details = []detail{{"ObjectConflict", message, property}}
	if other != "" {
		r.details = append(r.details, detail{"ConflictingObjects", message, "User_" + other})
	}
	return r
}

func noSegment(segment string) *refusal {
	return badOData("Resource not found for the segment '%s'.", segment)
}

func unauthorized(message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: codeToken, message: message, header: map[string]string{
		"WWW-Authenticate": `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`,
	}}
}

// body gives the envelope of Graph's errors.
func (r *refusal) body(requestID, clientRequestID string, now time.Time) []byte {
	date := now.UTC().Format("2006-01-02T15:04:05")
	if r.inner {
		return appendFields(nil, []field{{"error", []field{
			{"code", r.code},
			{"innerError", []field{{"code", "429"}, {"date", date}, {"message", "Please retry after"},
				{"request-id", requestID}, {"status", "429"}}},
			{"message", r.message},
		}}})
	}
	fields := []field{{"code", r.code}, {"message", r.message}}
	if len(r.details) > 0 {
		var list []map[string]any
		for _, d := range r.details {
			m := map[string]any{"code": d.code, "message": d.message, "target": d.target}
			if d.code == "InvalidCharacter" {
				m["blockedWord"], m["prefix"], m["suffix"] = "", "", ""
			}
			list = append(list, m)
		}
		fields = append(fields, field{"details", list})
	}
	fields = append(fields, field{"innerError", []field{
		{"date", date}, {"request-id", requestID}, {"client-request-id", clientRequestID}}})
	return appendFields(nil, []field{{"error", fields}})
}
