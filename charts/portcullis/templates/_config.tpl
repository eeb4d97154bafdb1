{{/* An address of this port, as the configuration writes it. Call with (list root port). */}}
{{- define "portcullis.listen" -}}
{{- $bind := (index . 0).Values.bindAddress -}}
{{- if contains ":" $bind }}[{{ $bind }}]{{ else }}{{ $bind }}{{ end }}:{{ index . 1 }}
{{- end -}}

{{/*
The options that the chart sets, as JSON. They stand in the file that it writes; for a
file of the user's own they stand in the environment, which wins over the file.
*/}}
{{- define "portcullis.owned" -}}
{{- $root := . -}}
{{- $owned := dict
      "health_check_addr" (include "portcullis.listen" (list . .Values.ports.health))
      "shared_secret_file" "/etc/portcullis/secrets/shared-secret"
      "cookie_secret_file" "/etc/portcullis/secrets/cookie-secret" -}}
{{- if include "portcullis.isGateway" . -}}
{{- $_ := set $owned "address" (include "portcullis.listen" (list . .Values.ports.proxy)) -}}
{{- if .Values.gateway.plainHttp -}}
{{- $_ := set $owned "insecure_server" true -}}
{{- end -}}
{{- else -}}
{{- $_ := set $owned "grpc_address" (include "portcullis.listen" (list . .Values.ports.grpc)) -}}
{{- end -}}
{{- with .Values.tls.existingSecrets -}}
{{- $_ := set $owned "certificate_file" "/etc/portcullis/tls/0/tls.crt" -}}
{{- $_ := set $owned "certificate_key_file" "/etc/portcullis/tls/0/tls.key" -}}
{{- $more := list -}}
{{- range $index, $_ := rest . -}}
{{- $place := printf "/etc/portcullis/tls/%d" (add1 $index) -}}
{{- $more = append $more (dict "cert" (printf "%s/tls.crt" $place) "key" (printf "%s/tls.key" $place)) -}}
{{- end -}}
{{- if $more -}}
{{- $_ := set $owned "certificates" $more -}}
{{- end -}}
{{- end -}}
{{- if .Values.identityProvider.existingSecret -}}
{{- $_ := set $owned "idp_client_secret_file" "/etc/portcullis/identity-provider/client-secret" -}}
{{- end -}}
{{- if .Values.signingKey.existingSecret -}}
{{- $_ := set $owned "signing_key_file" "/etc/portcullis/signing-key/signing-key" -}}
{{- end -}}
{{- if .Values.persistence.enabled -}}
{{- $_ := set $owned "databroker_storage_type" "file" -}}
{{- $_ := set $owned "databroker_storage_connection_string" "file:///var/lib/portcullis/state.redb" -}}
{{- end -}}
{{- toJson $owned -}}
{{- end -}}

{{- define "portcullis.configText" -}}
{{- toYaml (merge (dict) (include "portcullis.owned" . | fromJson) .Values.config) -}}
{{- end -}}

{{/*
Of what the process reads only at its start: a change of it starts new pods, while the
rest is reloaded in the running one.
*/}}
{{- define "portcullis.startChecksum" -}}
{{- $start := dict "owned" (include "portcullis.owned" .) -}}
{{- range $key, $value := .Values.config -}}
{{- if eq (lower $key) "log_level" -}}
{{- $_ := set $start "log_level" $value -}}
{{- end -}}
{{- end -}}
{{- toJson $start | sha256sum | trunc 32 -}}
{{- end -}}
