# The image of the worker, with the command line beside it: two static programs and the certificate authorities, nothing else.
# Tags are pinned. Digests are not: they would be the next step for whoever builds this where a registry can be asked.
#
#   docker build -t entraflow:local --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --rm --entrypoint /entraflow entraflow:local version

FROM golang:1.26.8-bookworm AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
# Modules first, so that a change of the code does not fetch them again.
COPY go.mod go.sum ./
RUN go mod download
COPY activities ./activities
COPY internal ./internal
COPY starter ./starter
COPY worker ./worker
COPY workflows ./workflows
RUN go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/entraflow-worker ./worker && \
	go build -trimpath -buildvcs=false -ldflags="-s -w" -o /out/entraflow ./starter

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="entraflow" org.opencontainers.image.revision="$REVISION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/entraflow-worker /out/entraflow /
# No name, only numbers: the image has no /etc/passwd. Secrets and sources that are mounted must be readable for them.
USER 65532:65532
# The worker listens on nothing, and ends by itself when it cannot reach Temporal at its start: there is nothing that a
# HEALTHCHECK could ask. Whether workers poll is a question to Temporal: `temporal task-queue describe -t entraflow`.
ENTRYPOINT ["/entraflow-worker"]
