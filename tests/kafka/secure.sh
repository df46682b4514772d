# shellcheck shell=bash disable=SC2154  # `here` is the sourcing script's
# Sourced by `kafka`: what --secure adds. Everything lies in KAFKA_DATA and was made for this cluster alone.
#   ssl       TLS, no client certificate                   mtls      TLS, client certificate required
#   sasl      SASL over plaintext                          sasl_ssl  SASL over TLS
# Both SASL listeners take PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER and, where a KDC is installed, GSSAPI.
# OAUTHBEARER is an unsecured JWS on sasl, and a token of the local OIDC endpoint (oidc.py, by http and https) on sasl_ssl.
# SCRAM-SHA-512 on sasl_ssl must log in again every 3 s.
# Users: alice (alice-secret), bob (bob-secret), admin (admin-secret), for PLAIN also Event Hubs' $ConnectionString; admin and plaintext clients are
# superusers, the others may do what no ACL forbids. KAFKA_DATA/client/MECHANISM.conf are librdkafka settings.
PATH=$PATH:/usr/sbin # the KDC's programs are there
users=(alice bob admin)
scram=()
for u in "${users[@]}"; do for m in 256 512; do scram+=(--add-scram "SCRAM-SHA-$m=[name=$u,password=$u-secret]"); done; done
has_kdc() { command -v krb5kdc kdb5_util kadmin.local >/dev/null; }

certificate() { # FILE CN CA-FILE: a key (PKCS#8) and its certificate, signed by the CA
  openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/CN=$2" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days 3650 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n') 2>/dev/null
  cat "$1.key" "$1.crt" >"$1.pem"; rm "$1.csr"
}

secure_files() {
  local d=$KAFKA_DATA u
  mkdir -p "$d/client" "$d/tls"
  for u in ca other-ca; do # the second signs nobody we trust, for the negative tests
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout "$d/tls/$u.key" -out "$d/tls/$u.pem" -subj "/CN=$u" 2>/dev/null
  done
  certificate "$d/tls/server" localhost "$d/tls/ca"
  certificate "$d/tls/alice" alice "$d/tls/ca"
  certificate "$d/tls/mallory" alice "$d/tls/other-ca"
  openssl genrsa -out "$d/tls/oidc.key" 2048 2>/dev/null
  if has_kdc; then kdc_files; fi
  client_files
}

kdc_files() {
  local d=$KAFKA_DATA kdc u
  kdc=127.0.0.1:$(port 0 kdc)
  mkdir -p "$d/krb"
  cat >"$d/krb5.conf" <<EOF
[libdefaults]
  default_realm = TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  default_ccache_name = FILE:$d/krb/ccache
[realms]
  TEST = {
    kdc = $kdc
  }
EOF
  cat >"$d/krb/kdc.conf" <<EOF
[kdcdefaults]
  kdc_listen = $kdc
  kdc_tcp_listen = $kdc
[realms]
  TEST = {
    database_name = $d/krb/principal
    key_stash_file = $d/krb/stash
    acl_file = $d/krb/acl
    max_renewable_life = 7d
  }
EOF
  krb kdb5_util create -s -r TEST -P master >/dev/null
  {
    echo "addprinc -clearpolicy -randkey kafka/localhost"
    echo "ktadd -k $d/krb/kafka.keytab kafka/localhost"
    for u in "${users[@]}"; do
      echo "addprinc -clearpolicy -pw $u-secret $u"
      echo "ktadd -norandkey -k $d/krb/$u.keytab $u"
    done
  } | krb kadmin.local -r TEST >/dev/null
}
krb() { KRB5_CONFIG=$KAFKA_DATA/krb5.conf KRB5_KDC_PROFILE=$KAFKA_DATA/krb/kdc.conf "$@"; }

client_files() { # librdkafka settings for each listener and mechanism, for alice; bootstrap.servers is the caller's
  local d=$KAFKA_DATA l m
  local tls="ssl.ca.location=$d/tls/ca.pem"
  printf 'security.protocol=ssl\n%s\n' "$tls" >"$d/client/ssl.conf"
  printf 'security.protocol=ssl\n%s\nssl.certificate.location=%s\nssl.key.location=%s\n' "$tls" "$d/tls/alice.crt" "$d/tls/alice.key" >"$d/client/mtls.conf"
  for l in sasl sasl_ssl; do
    for m in PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER GSSAPI; do
      {
        if [[ $l == sasl ]]; then echo security.protocol=sasl_plaintext; else printf 'security.protocol=sasl_ssl\n%s\n' "$tls"; fi
        echo "sasl.mechanisms=$m"
        case $l.$m in
          *.GSSAPI) printf 'sasl.kerberos.service.name=kafka\nsasl.kerberos.principal=alice\nsasl.kerberos.keytab=%s\n' "$d/krb/alice.keytab" ;;
          sasl.OAUTHBEARER) printf 'enable.sasl.oauthbearer.unsecure.jwt=true\nsasl.oauthbearer.config=principal=alice\n' ;;
          sasl_ssl.OAUTHBEARER) printf 'sasl.oauthbearer.method=oidc\nsasl.oauthbearer.token.endpoint.url=%s/token\nsasl.oauthbearer.client.id=alice\nsasl.oauthbearer.client.secret=alice-secret\n' "$(bootstrap oidc)" ;;
          *) printf 'sasl.username=alice\nsasl.password=alice-secret\n' ;;
        esac
      } >"$d/client/$l.$m.conf"
    done
  done
}

secure_properties() {
  local d=$KAFKA_DATA mechs=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER l u plain="" oidc
  local m=org.apache.kafka.common.security
  has_kdc && mechs+=,GSSAPI
  for u in "${users[@]}"; do plain+=" user_$u=\"$u-secret\""; done
  # shellcheck disable=SC2016  # the user's name has a $
  plain+=' user_$ConnectionString="Endpoint=sb://localhost/;SharedAccessKeyName=test;SharedAccessKey=event-hub-secret"'
  cat <<EOF
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
allow.everyone.if.no.acl.found=true
ssl.keystore.type=PEM
ssl.keystore.location=$d/tls/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$d/tls/ca.pem
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*\$/\$1/,DEFAULT
listener.name.mtls.ssl.client.auth=required
sasl.kerberos.service.name=kafka
EOF
  for l in sasl sasl_ssl; do
    cat <<EOF
listener.name.$l.sasl.enabled.mechanisms=$mechs
listener.name.$l.plain.sasl.jaas.config=$m.plain.PlainLoginModule required$plain;
listener.name.$l.scram-sha-256.sasl.jaas.config=$m.scram.ScramLoginModule required;
listener.name.$l.scram-sha-512.sasl.jaas.config=$m.scram.ScramLoginModule required;
listener.name.$l.oauthbearer.sasl.jaas.config=$m.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
EOF
    if has_kdc; then echo "listener.name.$l.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab=\"$d/krb/kafka.keytab\" principal=\"kafka/localhost@TEST\";"; fi
  done
  oidc=$(bootstrap oidc)
  cat <<EOF
listener.name.sasl_ssl.scram-sha-512.connections.max.reauth.ms=3000
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=$m.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.jwks.endpoint.url=$oidc/jwks
listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.expected.audience=kafka
listener.name.sasl_ssl.oauthbearer.sasl.oauthbearer.expected.issuer=$oidc
EOF
}

secure_up() { # the KDC and the token endpoint; both end with `kafka down`
  local i
  if [[ -d $KAFKA_DATA/krb ]] && ! alive "$KAFKA_DATA/kdc.pid"; then krb spawn kdc krb5kdc -n -r TEST -P "$KAFKA_DATA/krb/pid"; fi
  alive "$KAFKA_DATA/oidc.pid" || spawn oidc python3 "$here/oidc.py" "$(port 0 oidc)" "$(port 0 oidc_tls)" \
    "$KAFKA_DATA/tls/oidc.key" "$KAFKA_DATA/tls/server.pem" "${users[@]}"
  for ((i = 0; i < 100; i++)); do busy "$(port 0 oidc)" && return; sleep 0.05; done
  die "the token endpoint does not start; see $KAFKA_DATA/oidc.log"
}
