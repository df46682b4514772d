// How to reach and log in to a cluster, as a fleet file says it. Pure data.
#pragma once

#include <map>
#include <string>

#include "config/secret.hpp"

namespace triggerd::config {

// OAUTHBEARER. Without `oidc` librdkafka makes unsigned tokens, if its own property allows that.
struct OAuthBearer {
  enum class Method { unsecured, oidc };
  Method method = Method::unsecured;
  std::string client_id;
  Secret client_secret;
  std::string scope;
  std::string token_endpoint_url;
  std::string extensions;         // `key=value,…`
  std::string https_ca_location;  // a file, a folder, or `probe`; of the token endpoint
  std::string https_ca_pem;
  bool operator==(const OAuthBearer&) const = default;
};

// GSSAPI. Without a keytab the ticket cache of the daemon's user is taken as it is.
struct Kerberos {
  std::string principal;
  std::string keytab;
  std::string service_name;
  bool operator==(const Kerberos&) const = default;
};

// Original's names: KafkaTriggerAttribute (brokerList, protocol, …). Credentials of a mechanism that is not
// the one in use may be there, from a cluster whose trigger uses another: they are not sent.
struct Connection {
  enum class Protocol { plaintext, ssl, sasl_plaintext, sasl_ssl };
  enum class Authentication { none, gssapi, plain, scram_sha256, scram_sha512, oauth_bearer };
  std::string broker_list;  // `bootstrap.servers`
  Protocol protocol = Protocol::plaintext;
  Authentication authentication_mode = Authentication::none;
  std::string username;
  Secret password;
  std::string ssl_ca_location;
  std::string ssl_certificate_location;
  std::string ssl_key_location;
  Secret ssl_key_password;
  std::string ssl_ca_pem;
  std::string ssl_certificate_pem;  // the client's, then those between it and the CA
  Secret ssl_key_pem;
  bool event_hub = false;  // eventHubConnectionString was given; what it implies stands in the others
  OAuthBearer oauth = {};
  Kerberos kerberos = {};
  std::map<std::string, std::string> kafka = {};     // librdkafka's properties
  std::map<std::string, Secret> kafka_secrets = {};  // those of them that nobody may see
  bool operator==(const Connection&) const = default;

  bool uses_tls() const { return protocol == Protocol::ssl || protocol == Protocol::sasl_ssl; }
  bool uses_sasl() const { return protocol == Protocol::sasl_plaintext || protocol == Protocol::sasl_ssl; }
  bool uses_password() const {
    return authentication_mode == Authentication::plain ||
           authentication_mode == Authentication::scram_sha256 ||
           authentication_mode == Authentication::scram_sha512;
  }
};

}  // namespace triggerd::config
