{{/* What the schema cannot say. Everything that is refused is refused here, before anything is rendered. */}}
{{- define "portcullis.validate" -}}
{{- include "portcullis.validateConfig" . -}}
{{- include "portcullis.validateSecrets" . -}}
{{- include "portcullis.validateMode" . -}}
{{- include "portcullis.validateReplicas" . -}}
{{- end -}}

{{/* Options that the chart sets itself, each with the value to use instead. */}}
{{- define "portcullis.ownedOptions" -}}
shared_secret: secrets.existingSecret
shared_secret_file: secrets.existingSecret
cookie_secret: secrets.existingSecret
cookie_secret_file: secrets.existingSecret
idp_client_secret: identityProvider.existingSecret
idp_client_secret_file: identityProvider.existingSecret
signing_key: signingKey.existingSecret
signing_key_file: signingKey.existingSecret
certificate: tls.existingSecrets
certificate_key: tls.existingSecrets
certificate_file: tls.existingSecrets
certificate_key_file: tls.existingSecrets
certificates: tls.existingSecrets
databroker_storage_type: persistence.enabled
databroker_storage_connection_string: persistence.enabled
databroker_storage_connection_string_file: persistence.enabled
address: ports.proxy
grpc_address: ports.grpc
grpc_insecure: extAuthz.plaintext
insecure_server: gateway.plainHttp
health_check_addr: ports.health
{{- end -}}

{{- define "portcullis.validateConfig" -}}
{{- $owned := include "portcullis.ownedOptions" . | fromYaml -}}
{{- range $key, $_ := .Values.config -}}
{{- with get $owned (lower $key) -}}
{{- fail (printf "`config.%s` is set by the chart: use the value `%s`" $key .) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $owned (lower .name) -}}
{{- fail (printf "`extraEnv` has `%s`, which is set by the chart: use the value `%s`" .name (get $owned (lower .name))) -}}
{{- end -}}
{{- if has .name (list "ROUTES" "POLICY" "PORTCULLIS_ENVOY" "TMPDIR") -}}
{{- fail (printf "`extraEnv` has `%s`, which would win over what the chart sets" .name) -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.configStorage "ConfigMap" -}}
{{- include "portcullis.validateRoutes" . -}}
{{- end -}}
{{- if .Values.existingConfig.name -}}
{{- if .Values.config -}}
{{- fail "`config` and `existingConfig.name` exclude each other" -}}
{{- end -}}
{{- if .Values.restartOnConfigChange -}}
{{- fail "`restartOnConfigChange` is for `config`: the chart does not see what is in `existingConfig`" -}}
{{- end -}}
{{- if gt (len .Values.tls.existingSecrets) 1 -}}
{{- fail "with `existingConfig` there is one of `tls.existingSecrets` at most: name further certificates in the file, and mount them by `extraVolumes`" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Secrets have no place in a ConfigMap, whatever the option that has them. */}}
{{- define "portcullis.validateRoutes" -}}
{{- $secret := list "autocert_eab_mac_key" "google_cloud_serverless_authentication_service_account"
      "idp_service_account" "metrics_basic_auth" "metrics_certificate_key" "ssh_host_keys" "ssh_user_ca_key" -}}
{{- range $name, $routes := .Values.config -}}
{{- if has (lower $name) $secret -}}
{{- fail (printf "`config.%s` is a secret: set `configStorage: Secret`" $name) -}}
{{- end -}}
{{- if and (has (lower $name) (list "routes" "policy")) (kindIs "slice" $routes) -}}
{{- range $index, $route := $routes -}}
{{- if kindIs "map" $route -}}
{{- range $key, $value := $route -}}
{{- $place := printf "config.%s[%d].%s" $name $index $key -}}
{{- if has (lower $key) (list "idp_client_secret" "kubernetes_service_account_token" "tls_client_key") -}}
{{- fail (printf "`%s` is a secret: set `configStorage: Secret`" $place) -}}
{{- end -}}
{{- if and (eq (lower $key) "set_request_headers") (kindIs "map" $value) -}}
{{- range $header, $text := $value -}}
{{- $sounds := regexMatch "(?i)authorization|cookie|api-?key|token|secret|password" $header -}}
{{- if and $sounds (not (contains "${" (toString $text))) -}}
{{- fail (printf "`%s.%s` looks like a secret: set `configStorage: Secret`" $place $header) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.validateSecrets" -}}
{{- $secrets := .Values.secrets -}}
{{- if and (not $secrets.existingSecret) (not $secrets.generate) -}}
{{- fail "there is no secret: name one by `secrets.existingSecret`, or set `secrets.generate: true`" -}}
{{- end -}}
{{- if eq $secrets.sharedSecretKey $secrets.cookieSecretKey -}}
{{- fail "`secrets.sharedSecretKey` and `secrets.cookieSecretKey` are the same: they are two secrets" -}}
{{- end -}}
{{- with lookup "v1" "Secret" .Release.Namespace (include "portcullis.secretName" .) -}}
{{- include "portcullis.holdSecret" (list $ .) -}}
{{- end -}}
{{- range $key, $_ := .Values.config -}}
{{- $provider := $.Values.identityProvider -}}
{{- if and (eq (lower $key) "idp_client_id") (not $provider.existingSecret) (not $provider.publicClient) -}}
{{- fail "`config.idp_client_id` is set and the client's secret is missing: name it by `identityProvider.existingSecret`, or set `identityProvider.publicClient: true` where there is none" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.identityProvider.existingSecret .Values.identityProvider.publicClient -}}
{{- fail "`identityProvider.existingSecret` and `identityProvider.publicClient` exclude each other" -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.validateMode" -}}
{{- if eq (int .Values.ports.health) (int (include "portcullis.containerPort" .)) -}}
{{- fail "`ports.health` is a port of its own" -}}
{{- end -}}
{{- $others := list (int .Values.ports.health) (int .Values.ports.grpc) (include "portcullis.servicePort" . | int) -}}
{{- if and .Values.extAuthz.jwks (has (int .Values.ports.jwks) $others) -}}
{{- fail "`ports.jwks` is a port of its own" -}}
{{- end -}}
{{- $grpcTls := .Values.extAuthz.tls.existingSecret -}}
{{- if include "portcullis.isGateway" . -}}
{{- if and .Values.gateway.plainHttp .Values.tls.existingSecrets -}}
{{- fail "`gateway.plainHttp` and `tls.existingSecrets` exclude each other" -}}
{{- end -}}
{{- if or $grpcTls .Values.extAuthz.plaintext .Values.extAuthz.jwks -}}
{{- fail "`extAuthz` is for `mode: ext-authz`" -}}
{{- end -}}
{{- if .Values.istio.enabled -}}
{{- fail "`istio.enabled` is for `mode: ext-authz`" -}}
{{- end -}}
{{- else -}}
{{- if or .Values.gateway.plainHttp .Values.tls.existingSecrets -}}
{{- fail "`gateway` and `tls` are for `mode: gateway`; checks are encrypted by `extAuthz.tls.existingSecret`" -}}
{{- end -}}
{{- if and $grpcTls .Values.extAuthz.plaintext -}}
{{- fail "`extAuthz.tls.existingSecret` and `extAuthz.plaintext` exclude each other" -}}
{{- end -}}
{{- if not (or $grpcTls .Values.extAuthz.plaintext) -}}
{{- fail "checks carry credentials: name a certificate by `extAuthz.tls.existingSecret`, or set `extAuthz.plaintext: true` where the network encrypts by itself" -}}
{{- end -}}
{{- if ne .Values.service.type "ClusterIP" -}}
{{- fail "in `mode: ext-authz` the Service is of type ClusterIP: whoever reaches it may ask for decisions" -}}
{{- end -}}
{{- if .Values.istio.enabled -}}
{{- include "portcullis.validateIstio" .Values.istio.authorizationPolicy -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.validateIstio" -}}
{{- if .create -}}
{{- if not .namespace -}}
{{- fail "`istio.authorizationPolicy.namespace` is missing: the namespace of what is protected" -}}
{{- end -}}
{{- if and .selector .targetRefs -}}
{{- fail "`istio.authorizationPolicy` has `selector` or `targetRefs`, not both" -}}
{{- end -}}
{{- if not (or .selector .targetRefs) -}}
{{- fail "`istio.authorizationPolicy` needs `selector` or `targetRefs`: without them it holds for every workload of its namespace" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "portcullis.validateReplicas" -}}
{{- $several := or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) -}}
{{- if and $several .Values.persistence.enabled -}}
{{- fail "with `persistence.enabled` there is one pod: one process holds the store" -}}
{{- end -}}
{{- if and $several (not .Values.sessions.perPod) -}}
{{- fail "pods do not share sessions: keep `replicaCount: 1`, or set `sessions.perPod: true` where nobody logs in or a load balancer keeps each user at one pod" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "`autoscaling.minReplicas` is more than `autoscaling.maxReplicas`" -}}
{{- end -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) (add (int .Values.drainSeconds) 10) -}}
{{- fail "`terminationGracePeriodSeconds` is `drainSeconds` and ten more at least, for what is under way" -}}
{{- end -}}
{{- end -}}
