{{- define "portcullis.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* 50 characters leave room for what is added to it, below the 63 of a label. */}}
{{- define "portcullis.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "portcullis.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "portcullis.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.isGateway" -}}
{{- if eq .Values.mode "gateway" -}}true{{- end -}}
{{- end -}}

{{/* Never changed: Kubernetes lets nobody change a Deployment's selector. */}}
{{- define "portcullis.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "portcullis.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: portcullis
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portcullis.labels" -}}
{{ include "portcullis.selectorLabels" . }}
app.kubernetes.io/component: {{ .Values.mode }}
{{ include "portcullis.commonLabels" . }}
{{- end -}}

{{/* Not those that the Service and the Deployment select. */}}
{{- define "portcullis.testLabels" -}}
app.kubernetes.io/name: {{ include "portcullis.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{ include "portcullis.commonLabels" . }}
{{- end -}}

{{- define "portcullis.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "portcullis.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.secretName" -}}
{{- default (printf "%s-secrets" (include "portcullis.fullname" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{- define "portcullis.image" -}}
{{- $registry := default .Values.image.registry .Values.global.imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end -}}
{{- end -}}

{{/* The port behind which Envoy or the checks are, by name and as the Service has it. */}}
{{- define "portcullis.portName" -}}
{{- if not (include "portcullis.isGateway" .) -}}grpc
{{- else if .Values.gateway.plainHttp -}}http
{{- else -}}https
{{- end -}}
{{- end -}}

{{- define "portcullis.containerPort" -}}
{{- if include "portcullis.isGateway" . }}{{ .Values.ports.proxy }}{{ else }}{{ .Values.ports.grpc }}{{ end -}}
{{- end -}}

{{- define "portcullis.servicePort" -}}
{{- $default := dict "https" 443 "http" 80 "grpc" 5444 -}}
{{- default (get $default (include "portcullis.portName" .)) .Values.service.port | int -}}
{{- end -}}

{{- define "portcullis.appProtocol" -}}
{{- $name := include "portcullis.portName" . -}}
{{- if and (eq $name "grpc") .Values.extAuthz.tls.existingSecret }}tls{{ else }}{{ $name }}{{ end -}}
{{- end -}}

{{- define "portcullis.serviceHost" -}}
{{- printf "%s.%s.svc.cluster.local" (include "portcullis.fullname" .) .Release.Namespace -}}
{{- end -}}
