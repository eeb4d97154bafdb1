{{/*
What is wrong with a shared or cookie secret, or nothing. As the product reads it: 32
bytes in base64, or up to eight of them with commas or line ends between. Few different
characters are no random bytes: 32 of those have about thirty.
*/}}
{{- define "portcullis.secretProblem" -}}
{{- $entries := regexSplit "[,\n]" . -1 -}}
{{- if gt (len $entries) 8 -}}
has more than eight entries
{{- else -}}
{{- range $entries -}}
{{- if not (regexMatch "^[A-Za-z0-9+/]{43}=$" .) }}is not 32 bytes in base64, without a line end behind it; {{ end -}}
{{- if lt (regexFindAll "." . -1 | uniq | len) 12 }}is not random; {{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails on a Secret of the cluster that lacks a key or has a weak one. Call with (list root secret). */}}
{{- define "portcullis.holdSecret" -}}
{{- $root := index . 0 -}}
{{- $secret := index . 1 -}}
{{- range $key := list $root.Values.secrets.sharedSecretKey $root.Values.secrets.cookieSecretKey -}}
{{- $value := get (default dict $secret.data) $key -}}
{{- if not $value -}}
{{- fail (printf "the Secret `%s` has no key `%s`" $secret.metadata.name $key) -}}
{{- end -}}
{{- with include "portcullis.secretProblem" ($value | b64dec) | trim | trimSuffix ";" -}}
{{- fail (printf "the key `%s` of the Secret `%s` %s; make it with `head -c32 /dev/urandom | base64 | tr -d '\\n'`" $key $secret.metadata.name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Whether a cluster answers `lookup`. Without one (`helm template`, Argo CD, a dry run at
the client) no Secret is rendered: a random one at every rendering would sign everybody
out at every sync. The second question is for a namespace that is made with the release.
*/}}
{{- define "portcullis.hasCluster" -}}
{{- if lookup "v1" "ServiceAccount" .Release.Namespace "default" -}}
true
{{- else if lookup "v1" "Namespace" "" "kube-system" -}}
true
{{- end -}}
{{- end -}}
