# Cross-compiled on the builder's platform, so no emulation is needed. The output does not depend on the builder.
FROM --platform=$BUILDPLATFORM docker.io/library/golang:1.26.8-alpine@sha256:8ac98ca534ac3f51e1f420a1dd2c15e74c75cfa0f23f3ad27eb5d7236c349a0c AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT
ARG VERSION=v0.0.0-dev COMMIT=unknown DATE=unknown
# The flags of `make build`; `make image-test` compares the two binaries.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    GOFLAGS="$(sed -n 's/^export GOFLAGS *:= *//p' Makefile)" \
    go build -ldflags="-s -w -X main.version=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" -o /webhook .
# If Kubernetes sets only a UID, containerd looks up the GID here. Without an entry, it is 0.
RUN echo "webhook:x:65532:65532::/:/webhook" >/passwd

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /passwd /etc/passwd
COPY --from=build /webhook /webhook
# Numeric, because Kubernetes cannot verify runAsNonRoot for a user name.
USER 65532:65532
ENTRYPOINT ["/webhook"]
ARG VERSION=v0.0.0-dev COMMIT=unknown DATE=unknown
LABEL org.opencontainers.image.title="cert-manager webhook for mijn.host" \
      org.opencontainers.image.description="cert-manager DNS-01 webhook for domains at mijn.host" \
      org.opencontainers.image.source="https://github.com/mijn-host-webhook/cert-manager-webhook-mijn-host" \
      org.opencontainers.image.documentation="https://github.com/mijn-host-webhook/cert-manager-webhook-mijn-host#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$DATE"
