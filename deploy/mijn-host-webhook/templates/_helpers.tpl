{{/*
Name of the app: the chart's, unless overridden.
*/}}
{{- define "mijn-host-webhook.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
Full name of the release, unique in its namespace. It names a Service, so it has no dots, and starts with a letter.
*/}}
{{- define "mijn-host-webhook.fullname" -}}
{{- $name := include "mijn-host-webhook.name" . -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- $fullname := printf "%s-%s" $release $name -}}
{{- if .Values.fullnameOverride -}}
{{- $fullname = .Values.fullnameOverride -}}
{{- else if contains $name $release -}}
{{- $fullname = $release -}}
{{- end -}}
{{- if regexMatch "^[0-9]" $fullname -}}
{{- $fullname = printf "r%s" $fullname -}}
{{- end -}}
{{- $fullname | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
Name for objects outside the release's namespace, unique in the cluster: the namespace is part of it.
*/}}
{{- define "mijn-host-webhook.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "mijn-host-webhook.fullname" .) -}}
{{- end -}}

{{/*
Selector labels of this release. Selectors are immutable, so these must not change.
*/}}
{{- define "mijn-host-webhook.instanceLabels" -}}
app.kubernetes.io/name: {{ include "mijn-host-webhook.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/*
Labels of the webhook's pods, without the pod of `helm test`.
*/}}
{{- define "mijn-host-webhook.selectorLabels" -}}
{{ include "mijn-host-webhook.instanceLabels" . }}
app.kubernetes.io/component: webhook
{{- end -}}

{{/*
Labels and annotations of an object.
Takes a dict: "root", the root context; "labels" and "annotations", those that only this object has.
*/}}
{{- define "mijn-host-webhook.metadata" -}}
{{- $root := .root -}}
{{- $labels := include "mijn-host-webhook.instanceLabels" $root | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
labels:
  {{- merge $labels (.labels | default dict) ($root.Values.commonLabels | default dict) | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) ($root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Image reference, by digest if set, otherwise by tag.
*/}}
{{- define "mijn-host-webhook.image" -}}
{{- $name := printf "%s/%s" (.Values.image.registry | trimSuffix "/") .Values.image.repository | trimPrefix "/" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.Values.image.tag | default (printf "v%s" .Chart.AppVersion)) -}}
{{- end -}}
{{- end -}}

{{/*
Name of the ServiceAccount that the webhook runs as.
*/}}
{{- define "mijn-host-webhook.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "mijn-host-webhook.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/*
The webhook's ServiceAccount as the subject of a binding.
*/}}
{{- define "mijn-host-webhook.subject" -}}
- kind: ServiceAccount
  name: {{ include "mijn-host-webhook.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}

{{/*
Namespace of the Secrets for ClusterIssuers.
*/}}
{{- define "mijn-host-webhook.clusterResourceNamespace" -}}
{{- .Values.certManager.clusterResourceNamespace | default .Values.certManager.namespace -}}
{{- end -}}

{{/*
The DNS hosts, as YAML: see files/providers.yaml.
*/}}
{{- define "mijn-host-webhook.providers" -}}
{{- .Files.Get "files/providers.yaml" -}}
{{- end -}}

{{/*
The DNS host of apiKeySecret, as YAML.
*/}}
{{- define "mijn-host-webhook.keyProvider" -}}
{{- $names := list -}}
{{- $found := dict -}}
{{- range include "mijn-host-webhook.providers" . | fromYamlArray -}}
{{- $names = append $names .solverName -}}
{{- if eq .solverName $.Values.apiKeySecret.solverName -}}
{{- $found = . -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- printf "apiKeySecret.solverName must be one of these: %s" (join ", " $names) | fail -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/*
Name of apiKeySecret, by default that of the DNS host.
*/}}
{{- define "mijn-host-webhook.keySecretName" -}}
{{- .Values.apiKeySecret.name | default (include "mijn-host-webhook.keyProvider" . | fromYaml).secretName -}}
{{- end -}}

{{/*
Secrets that the webhook may read in single namespaces, as JSON: lists of names by namespace. Includes the Secrets that the
chart refers to.
*/}}
{{- define "mijn-host-webhook.readableSecrets" -}}
{{- $namespace := include "mijn-host-webhook.clusterResourceNamespace" . -}}
{{- $names := concat .Values.secrets.names (dig $namespace list .Values.secrets.namespaces) -}}
{{- if or .Values.apiKeySecret.value .Values.clusterIssuers.enabled .Values.test.domain -}}
{{- $names = append $names (include "mijn-host-webhook.keySecretName" .) -}}
{{- end -}}
{{- merge (dict $namespace (uniq $names)) .Values.secrets.namespaces | toJson -}}
{{- end -}}

{{/*
The API key for the notes, as JSON: namespace, name and key of its Secret. The first match of: apiKeySecret if the chart uses
it; the ambient key ("ambient"); apiKeySecret if the webhook may read it; the first Secret that the webhook may read.
"readable" is false if there is none.
*/}}
{{- define "mijn-host-webhook.notedKey" -}}
{{- $namespace := include "mijn-host-webhook.clusterResourceNamespace" . -}}
{{- $names := include "mijn-host-webhook.readableSecrets" . | fromJson -}}
{{- $here := concat (index $names $namespace) .Values.secrets.everywhere -}}
{{- $provider := include "mijn-host-webhook.keyProvider" . | fromYaml -}}
{{- $ambient := index .Values $provider.valuesKey "ambientAPIKey" -}}
{{- $name := include "mijn-host-webhook.keySecretName" . -}}
{{- $key := dict "namespace" $namespace "name" $name "entry" .Values.apiKeySecret.key
      "readable" true "ambient" false -}}
{{- if or .Values.apiKeySecret.value .Values.clusterIssuers.enabled .Values.test.domain -}}
{{- else if $ambient.secretName -}}
{{- $key = dict "namespace" .Release.Namespace "name" $ambient.secretName
      "entry" $ambient.secretKey "readable" true "ambient" true -}}
{{- else if or .Values.secrets.allNamespaces (has $name $here) -}}
{{- else if $here -}}
{{- $_ := set $key "name" (first $here) -}}
{{- else if .Values.secrets.namespaces -}}
{{- $namespace := keys .Values.secrets.namespaces | sortAlpha | first -}}
{{- $_ := set $key "namespace" $namespace -}}
{{- $_ := set $key "name" (index $names $namespace | first) -}}
{{- else -}}
{{- $_ := set $key "readable" false -}}
{{- end -}}
{{- $key | toJson -}}
{{- end -}}

{{/*
Name of the Secret with the serving certificate. It depends on tls.source, so that a release can change its source.
*/}}
{{- define "mijn-host-webhook.tlsSecretName" -}}
{{- if eq .Values.tls.source "existingSecret" -}}
{{- $message := "tls.source is existingSecret, so tls.existingSecret.name must name the Secret with the serving certificate" -}}
{{- required $message .Values.tls.existingSecret.name -}}
{{- else if eq .Values.tls.source "helm" -}}
{{- printf "%s-tls-helm" (include "mijn-host-webhook.fullname" .) -}}
{{- else -}}
{{- printf "%s-tls" (include "mijn-host-webhook.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/*
DNS names of the serving certificate, as JSON. The API server uses the last one.
*/}}
{{- define "mijn-host-webhook.dnsNames" -}}
{{- $service := include "mijn-host-webhook.fullname" . -}}
{{- $namespaced := printf "%s.%s" $service .Release.Namespace -}}
{{- list $service $namespaced (printf "%s.svc" $namespaced) | toJson -}}
{{- end -}}

{{/*
Private key of a Certificate.
*/}}
{{- define "mijn-host-webhook.privateKey" -}}
{{- with .Values.tls.certManager.privateKey -}}
algorithm: {{ .algorithm }}
{{- with .size }}
size: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/*
Shared spec of the webhook's pods and the pod of `helm test`.
*/}}
{{- define "mijn-host-webhook.podSettings" -}}
serviceAccountName: {{ include "mijn-host-webhook.serviceAccountName" . | quote }}
automountServiceAccountToken: true
enableServiceLinks: false
dnsPolicy: {{ .Values.dnsPolicy | default (.Values.hostNetwork | ternary "ClusterFirstWithHostNet" "ClusterFirst") }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key, $value := pick .Values
      "imagePullSecrets" "dnsConfig" "hostAliases" "priorityClassName" "runtimeClassName" "nodeSelector" "tolerations" }}
{{- with $value }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
Shared spec of their containers.
*/}}
{{- define "mijn-host-webhook.containerSettings" -}}
image: {{ include "mijn-host-webhook.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Shared environment variables, including settings that `webhook check` in the pod needs. A variable for Go's memory or the
namespace is left out if extraEnv sets it, because server-side apply rejects duplicates. GOMEMLIMIT requires a memory limit:
without one, the reference gives the node's memory. Calls to the API server and the trace collector must not use the proxy.
*/}}
{{- define "mijn-host-webhook.env" -}}
{{- $extra := list -}}
{{- range .Values.extraEnv -}}
{{- $extra = append $extra .name -}}
{{- end -}}
- name: GROUP_NAME
  value: {{ .Values.groupName | quote }}
{{- range $provider := include "mijn-host-webhook.providers" . | fromYamlArray }}
- name: {{ $provider.baseURLEnv }}
  value: {{ index $.Values $provider.valuesKey "baseURL" | quote }}
{{- end }}
{{- with .Values.allowedDomains }}
- name: ALLOWED_DOMAINS
  value: {{ join "," . | quote }}
{{- end }}
{{- if not (has "POD_NAMESPACE" $extra) }}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
{{- if not (has "GOGC" $extra) }}
- name: GOGC
  value: {{ .Values.gcPercent | quote }}
{{- end }}
{{- if and (dig "limits" "memory" "" (.Values.resources | default dict)) (not (has "GOMEMLIMIT" $extra)) }}
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.memory
      divisor: "1"
{{- end }}
{{- $tracing := .Values.tracing.endpoint }}
{{- with .Values.proxy }}
{{- with .https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- if or .https .http }}
- name: NO_PROXY
  {{- $direct := list "$(KUBERNETES_SERVICE_HOST)" ".svc" ".cluster.local" "localhost" }}
  {{- with $tracing }}
  {{- $direct = append $direct (regexReplaceAll ":[0-9]+$" . "" | trimAll "[]") }}
  {{- end }}
  value: {{ concat $direct .except | join "," | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
The webhook's flags from the values, and extraArgs, which must not repeat them. A flag whose setting is in the environment has
no value here.
*/}}
{{- define "mijn-host-webhook.args" -}}
{{- $flags := list
      (list "--secure-port" .Values.securePort "securePort")
      (list "--tls-cert-file" "/tls/tls.crt" "tls.source")
      (list "--tls-private-key-file" "/tls/tls.key" "tls.source")
      (list "--tls-min-version" .Values.tls.minVersion "tls.minVersion") -}}
{{- range $provider := include "mijn-host-webhook.providers" . | fromYamlArray -}}
{{- $own := index $.Values $provider.valuesKey -}}
{{- $flags = append $flags (list $provider.baseURLFlag "" (printf "%s.baseURL" $provider.valuesKey)) -}}
{{- range $value, $flag := $provider.domainFlags -}}
{{- $flags = append $flags (list $flag (index $own $value | join ",") (printf "%s.%s" $provider.valuesKey $value)) -}}
{{- end -}}
{{- end -}}
{{- $flags = concat $flags (list
      (list "--allowed-domains" "" "allowedDomains")
      (list "--logging-format" .Values.logging.format "logging.format")
      (list "-v" .Values.logging.level "logging.level")
      (list "--metrics-domain-label" (.Values.metrics.domainLabel | ternary "true" "") "metrics.domainLabel")) -}}
{{- if .Values.tracing.endpoint -}}
{{- $flags = append $flags (list "--tracing-config-file" "/tracing/config.yaml" "tracing.endpoint") -}}
{{- end -}}
{{- range $flag := $flags -}}
{{- $name := index $flag 0 -}}
{{- $pattern := eq $name "-v" | ternary "^-(v|-v=)" (printf "^%s(=|$)" $name) -}}
{{- range $.Values.extraArgs -}}
{{- if regexMatch $pattern (replace "_" "-" .) -}}
{{- printf "extraArgs has %s: set the value %s instead" $name (index $flag 2) | fail -}}
{{- end -}}
{{- end -}}
{{- with index $flag 1 | toString }}
- {{ $name }}={{ . }}
{{- end }}
{{- end -}}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
Affinity of the pods: the user's, plus the anti-affinity preset for several replicas.
*/}}
{{- define "mijn-host-webhook.affinity" -}}
{{- $affinity := .Values.affinity | default dict -}}
{{- if and (gt (int .Values.replicaCount) 1) (not (hasKey $affinity "podAntiAffinity")) -}}
{{- $labels := include "mijn-host-webhook.selectorLabels" . | fromYaml -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" $labels) -}}
{{- $rule := dict -}}
{{- if eq .Values.podAntiAffinity "required" -}}
{{- $rule = dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term) -}}
{{- else if eq .Values.podAntiAffinity "preferred" -}}
{{- $rule = dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term)) -}}
{{- end -}}
{{- with $rule -}}
{{- $affinity = merge (dict "podAntiAffinity" .) $affinity -}}
{{- end -}}
{{- end -}}
{{- with $affinity }}
{{- toYaml . }}
{{- end }}
{{- end -}}

{{/*
Topology spread constraints, each with a label selector.
*/}}
{{- define "mijn-host-webhook.topologySpreadConstraints" -}}
{{- $selector := dict "matchLabels" (include "mijn-host-webhook.selectorLabels" . | fromYaml) -}}
{{- $constraints := list -}}
{{- range .Values.topologySpreadConstraints -}}
{{- $own := pick . "labelSelector" | default (dict "labelSelector" $selector) -}}
{{- $constraints = append $constraints (merge $own (omit . "labelSelector")) -}}
{{- end -}}
{{- with $constraints }}
{{- toYaml . }}
{{- end }}
{{- end -}}

{{/*
Labels of the pods, without chart and app versions, so that a new chart version does not restart them.
*/}}
{{- define "mijn-host-webhook.podLabels" -}}
{{- $labels := include "mijn-host-webhook.selectorLabels" . | fromYaml -}}
{{- merge $labels (.Values.podLabels | default dict) (.Values.commonLabels | default dict) | toYaml -}}
{{- end -}}

{{/*
Annotations of the pods. Tracing settings are read only at startup, so a change must restart the pods.
*/}}
{{- define "mijn-host-webhook.podAnnotations" -}}
{{- $annotations := dict -}}
{{- if .Values.tracing.endpoint -}}
{{- $_ := set $annotations "checksum/tracing" (.Values.tracing | toJson | sha256sum) -}}
{{- end -}}
{{- with merge $annotations (.Values.podAnnotations | default dict) }}
{{- toYaml . }}
{{- end }}
{{- end -}}

{{/*
"true" if a ServiceMonitor or PodMonitor is enabled, which needs an account for scraping; otherwise empty.
*/}}
{{- define "mijn-host-webhook.monitored" -}}
{{- with .Values.metrics -}}
{{- if and .serviceMonitor.enabled .podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor are both enabled, which would scrape each pod twice: enable one" -}}
{{- end -}}
{{- or .serviceMonitor.enabled .podMonitor.enabled | ternary "true" "" -}}
{{- end -}}
{{- end -}}

{{/*
Scrape settings of a monitor: the token of the metrics account, and the webhook's CA.
Takes a dict: "root", the root context; "monitor", the values of the monitor.
*/}}
{{- define "mijn-host-webhook.scrape" -}}
{{- $fullname := include "mijn-host-webhook.fullname" .root -}}
port: https
path: /metrics
scheme: https
authorization:
  type: Bearer
  credentials:
    name: {{ $fullname }}-metrics
    key: token
tlsConfig:
  serverName: {{ include "mijn-host-webhook.dnsNames" .root | fromJsonArray | last }}
  ca:
    secret:
      name: {{ include "mijn-host-webhook.tlsSecretName" .root | quote }}
      key: ca.crt
{{- range $key, $value := omit .monitor "enabled" "labels" }}
{{- with $value }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The solver of an issuer.
Takes a dict: "root", the root context; "secretName" and "entry" of the API key, or empty for the ambient key.
*/}}
{{- define "mijn-host-webhook.solver" -}}
{{- $settings := .root.Values.clusterIssuers -}}
{{- with $settings.selector -}}
{{- if or .dnsNames .dnsZones -}}
selector:
  {{- with .dnsNames }}
  dnsNames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .dnsZones }}
  dnsZones:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{ end -}}
{{- end -}}
{{- with $settings.waitInsteadOfSelfCheck -}}
waitInsteadOfSelfCheck: {{ . }}
{{ end -}}
dns01:
  {{- with $settings.cnameStrategy }}
  cnameStrategy: {{ . }}
  {{- end }}
  webhook:
    groupName: {{ .root.Values.groupName | quote }}
    solverName: {{ .root.Values.apiKeySecret.solverName }}
    config:
      {{- if .secretName }}
      apiKeySecretRef:
        name: {{ .secretName | quote }}
        key: {{ .entry | quote }}
      {{- end }}
      ttl: {{ $settings.ttl }}
{{- end -}}

{{/*
A list of address ranges as peers of a NetworkPolicy.
*/}}
{{- define "mijn-host-webhook.ipBlocks" -}}
{{- range . }}
- ipBlock:
    cidr: {{ . | quote }}
{{- end }}
{{- end -}}
