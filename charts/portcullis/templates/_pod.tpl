{{/* What the restricted level of Pod Security asks for. */}}
{{- define "portcullis.podSecurityContext" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with index $.Values.securityContext $key }}
{{ $key }}: {{ int . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "portcullis.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "portcullis.imagePullSecrets" -}}
{{- with .Values.global.imagePullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "portcullis.configFile" -}}
/etc/portcullis/config/{{ if .Values.existingConfig.name }}{{ .Values.existingConfig.key }}{{ else }}config.yaml{{ end }}
{{- end -}}

{{- define "portcullis.args" -}}
{{- $args := list -}}
{{- if include "portcullis.isGateway" . -}}
{{- $args = list "run" "-c" (include "portcullis.configFile" .) -}}
{{- else -}}
{{- $args = list "authz-server" "-c" (include "portcullis.configFile" .)
      "--grpc-address" (include "portcullis.listen" (list . .Values.ports.grpc))
      "--health-check-addr" (include "portcullis.listen" (list . .Values.ports.health)) -}}
{{- if .Values.extAuthz.jwks -}}
{{- $args = concat $args (list "--jwks-address" (include "portcullis.listen" (list . .Values.ports.jwks))) -}}
{{- end -}}
{{- if .Values.extAuthz.plaintext -}}
{{- $args = append $args "--plaintext" -}}
{{- else -}}
{{- $args = concat $args (list "--tls-cert" "/etc/portcullis/grpc-tls/tls.crt" "--tls-key" "/etc/portcullis/grpc-tls/tls.key") -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $args (list "--log-format" .Values.logFormat) .Values.extraArgs) -}}
{{- end -}}

{{/* The environment wins over the file: a file of the user's own need not know where the chart mounts things. */}}
{{- define "portcullis.env" -}}
{{- if .Values.existingConfig.name -}}
{{- range $key, $value := include "portcullis.owned" . | fromJson }}
- name: {{ upper $key }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One Secret's keys under the names that the configuration has for them: dict name, secret, items. */}}
{{- define "portcullis.secretVolume" -}}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 288 # 0440
    items:
    {{- range $key, $path := .items }}
      - key: {{ $key }}
        path: {{ $path }}
    {{- end }}
{{- end -}}

{{- define "portcullis.volumes" -}}
{{- $certificate := dict "tls.crt" "tls.crt" "tls.key" "tls.key" -}}
{{- $config := .Values.existingConfig -}}
{{- $kind := ternary $config.kind .Values.configStorage (ne $config.name "") -}}
{{- $name := default (printf "%s-config" (include "portcullis.fullname" .)) $config.name }}
- name: config
  {{- if eq $kind "Secret" }}
  secret:
    secretName: {{ $name }}
    defaultMode: 288 # 0440
  {{- else }}
  configMap:
    name: {{ $name }}
    defaultMode: 288 # 0440
  {{- end }}
{{ include "portcullis.secretVolume" (dict "name" "secrets" "secret" (include "portcullis.secretName" .) "items"
     (dict .Values.secrets.sharedSecretKey "shared-secret" .Values.secrets.cookieSecretKey "cookie-secret")) }}
{{- with .Values.identityProvider }}{{ if .existingSecret }}
{{ include "portcullis.secretVolume" (dict "name" "identity-provider" "secret" .existingSecret "items" (dict .clientSecretKey "client-secret")) }}
{{- end }}{{ end }}
{{- with .Values.signingKey }}{{ if .existingSecret }}
{{ include "portcullis.secretVolume" (dict "name" "signing-key" "secret" .existingSecret "items" (dict .key "signing-key")) }}
{{- end }}{{ end }}
{{- range $index, $secret := .Values.tls.existingSecrets }}
{{ include "portcullis.secretVolume" (dict "name" (printf "tls-%d" $index) "secret" $secret "items" $certificate) }}
{{- end }}
{{- with .Values.extAuthz.tls.existingSecret }}
{{ include "portcullis.secretVolume" (dict "name" "grpc-tls" "secret" . "items" $certificate) }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "portcullis.volumeMounts" -}}
- name: config
  mountPath: /etc/portcullis/config
  readOnly: true
- name: secrets
  mountPath: /etc/portcullis/secrets
  readOnly: true
{{- if .Values.identityProvider.existingSecret }}
- name: identity-provider
  mountPath: /etc/portcullis/identity-provider
  readOnly: true
{{- end }}
{{- if .Values.signingKey.existingSecret }}
- name: signing-key
  mountPath: /etc/portcullis/signing-key
  readOnly: true
{{- end }}
{{- range $index, $_ := .Values.tls.existingSecrets }}
- name: tls-{{ $index }}
  mountPath: /etc/portcullis/tls/{{ $index }}
  readOnly: true
{{- end }}
{{- if .Values.extAuthz.tls.existingSecret }}
- name: grpc-tls
  mountPath: /etc/portcullis/grpc-tls
  readOnly: true
{{- end }}
- name: tmp
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
