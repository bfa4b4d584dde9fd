package ecs

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// Where tasks find their endpoints, below the engine's own.
const (
	agentPath    = "/_spate/ecs/agent/"
	metadataPath = "/_spate/ecs/v4/"
)

// AgentHandler serves what tasks reach under ECS_AGENT_URI and
// ECS_CONTAINER_METADATA_URI_V4. Requests are not signed: the addresses hold a
// secret of the task, which ends with it.
func (s *Service) AgentHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+agentPath+"{secret}/task-protection/v1/state", s.getProtection)
	mux.HandleFunc("PUT "+agentPath+"{secret}/task-protection/v1/state", s.putProtection)
	mux.HandleFunc("GET "+metadataPath+"{secret}", s.containerMetadata)
	mux.HandleFunc("GET "+metadataPath+"{secret}/task", s.taskMetadata)
	mux.HandleFunc("GET "+metadataPath+"{secret}/taskWithTags", s.taskWithTags)
	mux.HandleFunc("GET "+metadataPath+"{secret}/stats", s.containerStats)
	mux.HandleFunc("GET "+metadataPath+"{secret}/task/stats", s.taskStats)
	return mux
}

// A protectionReply is the body of the task protection endpoint's answers; one
// of its members is set.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
type protectionReply struct {
	RequestID  string           `json:"requestID,omitempty"`
	Protection *protectionState `json:"protection,omitempty"`
	Failure    *types.Failure   `json:"failure,omitempty"`
	Error      *protectionFault `json:"error,omitempty"`
}

type protectionState struct {
	ExpirationDate    *time.Time
	ProtectionEnabled bool
	TaskArn           string
}

type protectionFault struct {
	Arn     string `json:",omitempty"`
	Code    string
	Message string
}

func (s *Service) getProtection(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.secrets[r.PathValue("secret")]
	if !ok {
		answerNoTask(w)
		return
	}
	if failure := s.unprotectable(t); failure != nil {
		answer(w, http.StatusOK, protectionReply{Failure: failure})
		return
	}
	answer(w, http.StatusOK, s.protectionReply(t))
}

func (s *Service) putProtection(w http.ResponseWriter, r *http.Request) {
	var request struct {
		ProtectionEnabled *bool
		ExpiresInMinutes  *int32
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	decoder.DisallowUnknownFields()
	parseErr := decoder.Decode(&request)

	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.secrets[r.PathValue("secret")]
	if !ok {
		answerNoTask(w)
		return
	}
	if parseErr != nil {
		s.answerFault(w, t, wire.Faultf("InvalidParameterException", "Invalid request: failed to decode request body"))
		return
	}
	if request.ProtectionEnabled == nil {
		s.answerFault(w, t, wire.Faultf("InvalidParameterException", "Invalid request: does not contain 'ProtectionEnabled' field"))
		return
	}
	until, err := protectionEnd(*request.ProtectionEnabled, request.ExpiresInMinutes, time.Now())
	if err != nil {
		s.answerFault(w, t, err)
		return
	}
	failure, err := s.protect(r.Context(), t, until)
	if err != nil {
		s.answerFault(w, t, err)
		return
	}
	if failure != nil {
		answer(w, http.StatusOK, protectionReply{Failure: failure})
		return
	}
	answer(w, http.StatusOK, s.protectionReply(t))
}

func (s *Service) protectionReply(t *task) protectionReply {
	p := s.describeProtection(t, time.Now())
	return protectionReply{Protection: &protectionState{
		ExpirationDate: p.ExpirationDate, ProtectionEnabled: p.ProtectionEnabled, TaskArn: *p.TaskArn,
	}}
}

func (s *Service) answerFault(w http.ResponseWriter, t *task, err error) {
	reply := protectionReply{RequestID: newUUID(), Error: &protectionFault{Arn: s.taskARN(t)}}
	fault, ok := errors.AsType[*wire.Fault](err)
	if !ok {
		s.log.Error("setting task protection", "task", t.ID, "error", err)
		reply.Error.Code, reply.Error.Message = "ServerException", "Internal error"
		answer(w, http.StatusInternalServerError, reply)
		return
	}
	reply.Error.Code, reply.Error.Message = fault.Code, fault.Message
	answer(w, http.StatusBadRequest, reply)
}

// answerNoTask answers for a secret that no task has. It costs nothing to try
// one, and there are 2^130.
func answerNoTask(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, protectionReply{Error: &protectionFault{
		Code: "ResourceNotFoundException", Message: "Invalid request: no task was found",
	}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here is the task's own connection, which is gone.
	_ = json.NewEncoder(w).Encode(body)
}
