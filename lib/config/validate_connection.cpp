// Rules about logging in: which keys go together, and whether certificates and keys are what they should be.
//
// A trigger may put single keys over its cluster's. So a credential that is not used is refused only where it
// was written, and not where it was inherited.
#include <utility>
#include <vector>

#include "config/pem.hpp"
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

using Authentication = Connection::Authentication;
using Protocol = Connection::Protocol;

constexpr const char* kUsesPassword[] = {"username", "password"};
constexpr const char* kUsesOidc[] = {
    "oAuthBearerClientId",   "oAuthBearerClientSecret", "oAuthBearerScope", "oAuthBearerTokenEndpointUrl",
    "oAuthBearerExtensions", "httpsCaLocation",         "httpsCaPem"};
constexpr const char* kUsesKerberos[] = {"kerberosPrincipal", "kerberosKeytab", "kerberosServiceName"};
constexpr const char* kUsesTls[] = {
    "sslCaLocation", "sslCertificateLocation", "sslKeyLocation", "sslKeyPassword",
    "sslCaPEM",      "sslCertificatePEM",      "sslKeyPEM",      "sslCertificateandKeyPEM"};
constexpr std::pair<const char*, const char*> kEither[] = {
    {"sslCaLocation", "sslCaPEM"},
    {"sslCertificateLocation", "sslCertificatePEM"},
    {"sslCertificateLocation", "sslCertificateandKeyPEM"},
    {"sslCertificatePEM", "sslCertificateandKeyPEM"},
    {"sslKeyLocation", "sslKeyPEM"},
    {"sslKeyLocation", "sslCertificateandKeyPEM"},
    {"sslKeyPEM", "sslCertificateandKeyPEM"},
    {"httpsCaLocation", "httpsCaPem"}};

// The keys of one connection: a cluster's, those a trigger (or the defaults) carries, or a cluster's with
// those of a trigger over them; then the rest stands at `behind`.
class ConnectionRules {
 public:
  ConnectionRules(const Connection& connection, std::vector<std::string> prefixes, Position start,
                  const Sources& sources, Findings& findings)
      : c_(connection),
        prefixes_(std::move(prefixes)),
        start_(std::move(start)),
        sources_(sources),
        findings_(findings) {}

  void check() {
    for (const auto& [a, b] : kEither)
      if (written(a) && written(b)) error(b, std::string("cannot stand beside ") + a);
    if (c_.broker_list.empty() && sound("brokerList") && !findings_.failed_at(prefixes_[0]))
      error("brokerList", prefixes_.size() == 1 ? "is required" : "is required where no cluster is named");
    if (sound("protocol") && sound("authenticationMode") && sound("eventHubConnectionString")) login();
    if (sound("protocol")) tls();
  }

 private:
  bool sound(const std::string& key) const {
    for (const std::string& prefix : prefixes_)
      if (findings_.failed(prefix + "." + key)) return false;
    return true;
  }
  // Not by inheritance from a cluster.
  bool written(const std::string& key) const {
    for (const std::string& prefix : prefixes_)
      if (!prefix.starts_with("clusters.") || prefixes_.size() == 1)
        if (findings_.find(prefix + "." + key) != nullptr) return true;
    return false;
  }
  void error(const std::string& key, std::string message) {
    const auto [position, path] = place(key);
    findings_.error(position, path, std::move(message));
  }
  Place place(const std::string& key) const {
    for (const std::string& prefix : prefixes_)
      if (const Position* found = findings_.find(prefix + "." + key)) return {*found, prefix + "." + key};
    return {start_, prefixes_[0] + "." + key};
  }
  template <std::size_t N>
  void unused(const char* const (&keys)[N], const std::string& message) {
    for (const char* key : keys)
      if (written(key) && sound(key)) error(key, message);
  }
  void required(const char* key, bool given, const char* by) {
    if (!given && sound(key)) error(key, std::string("is required with ") + by);
  }

  void login() {
    const bool sasl = c_.uses_sasl();
    const Authentication mode = c_.authentication_mode;
    const bool mechanism = mode != Authentication::none;
    if (sasl && !mechanism)
      error("authenticationMode", "is required with protocol: saslPlaintext or saslSsl");
    if (mechanism && !sasl) error("authenticationMode", "needs protocol: saslSsl (or saslPlaintext)");
    if (c_.uses_password()) {
      required("username", !c_.username.empty(), "this authenticationMode");
      required("password", !c_.password.empty(), "this authenticationMode");
    } else if (mode == Authentication::gssapi) {
      unused(kUsesPassword,
             "has no place with authenticationMode: gssapi (kerberosPrincipal and -Keytab have)");
    } else if (mode == Authentication::oauth_bearer) {
      unused(kUsesPassword,
             "has no place with authenticationMode: oAuthBearer (oAuthBearerClientId and -Secret have)");
    } else if (!sasl) {
      unused(kUsesPassword, "is used only with an authenticationMode");
    }
    if (mode == Authentication::oauth_bearer)
      bearer();
    else if (!sasl || mechanism)
      bearer_unused();
    if (mode != Authentication::gssapi && (!sasl || mechanism))
      unused(kUsesKerberos, "is used only with authenticationMode: gssapi");
    if (c_.protocol == Protocol::sasl_plaintext && mode == Authentication::plain) {
      const auto [position, path] = place("authenticationMode");
      findings_.warning(position, path,
                        "the password crosses the network unencrypted; saslSsl does not do that");
    }
  }

  void bearer_unused() {
    const std::string message = "is used only with authenticationMode: oAuthBearer";
    if (written("oAuthBearerMethod")) error("oAuthBearerMethod", message);
    unused(kUsesOidc, message);
  }

  void bearer() {
    if (!sound("oAuthBearerMethod")) return;
    const auto set_to = [this](const char* name) {
      const auto it = c_.kafka.find(name);
      return it == c_.kafka.end() ? std::string() : it->second;
    };
    if (c_.oauth.method == OAuthBearer::Method::unsecured) {
      unused(kUsesOidc, "is used only with oAuthBearerMethod: oidc");
      if (set_to("enable.sasl.oauthbearer.unsecure.jwt") != "true")
        error(written("oAuthBearerMethod") ? "oAuthBearerMethod" : "authenticationMode",
              "gets tokens by oAuthBearerMethod: oidc; the default one makes unsigned ones, where kafka: has "
              "enable.sasl.oauthbearer.unsecure.jwt: true");
      return;
    }
    const std::string other = set_to("sasl.oauthbearer.metadata.authentication.type");
    const bool by_machine = !other.empty() && other != "none";
    const bool by_assertion = set_to("sasl.oauthbearer.grant.type").find("jwt-bearer") != std::string::npos;
    if (by_machine) return;
    required("oAuthBearerTokenEndpointUrl", !c_.oauth.token_endpoint_url.empty(), "oAuthBearerMethod: oidc");
    if (by_assertion) return;
    required("oAuthBearerClientId", !c_.oauth.client_id.empty(), "oAuthBearerMethod: oidc");
    required("oAuthBearerClientSecret", !c_.oauth.client_secret.empty(), "oAuthBearerMethod: oidc");
  }

  void tls() {
    if (!c_.uses_tls()) return unused(kUsesTls, "is used only with protocol: ssl or saslSsl");
    const bool certificate = !c_.ssl_certificate_location.empty() || !c_.ssl_certificate_pem.empty();
    const bool key = !c_.ssl_key_location.empty() || !c_.ssl_key_pem.empty();
    const bool all_sound = sound("sslKeyLocation") && sound("sslKeyPEM") && sound("sslCertificateLocation") &&
                           sound("sslCertificatePEM") && sound("sslCertificateandKeyPEM");
    if (!all_sound) return;
    if (certificate && !key) error(certificate_key(), "needs its key: sslKeyLocation or sslKeyPEM");
    if (key && !certificate)
      error(private_key(), "needs its certificate: sslCertificateLocation or sslCertificatePEM");
    if (!c_.ssl_key_password.empty() && !key && written("sslKeyPassword"))
      error("sslKeyPassword", "needs the key: sslKeyLocation or sslKeyPEM");
    contents(certificate, key);
  }

  // Where the one that is used was written.
  std::string certificate_key() const {
    if (!c_.ssl_certificate_location.empty()) return "sslCertificateLocation";
    return written("sslCertificateandKeyPEM") ? "sslCertificateandKeyPEM" : "sslCertificatePEM";
  }
  std::string private_key() const {
    if (!c_.ssl_key_location.empty()) return "sslKeyLocation";
    return written("sslCertificateandKeyPEM") ? "sslCertificateandKeyPEM" : "sslKeyPEM";
  }

  // A file's text, or that of the setting. What cannot be read has been told of.
  std::string content(const std::string& path, const std::string& pem) const {
    if (path.empty()) return pem;
    const auto text = sources_.read_file(path);
    return text ? *text : std::string();
  }

  void contents(bool has_certificate, bool has_key) {
    const std::string authorities = content(c_.ssl_ca_location, c_.ssl_ca_pem);  // of a folder: nothing
    const bool folder = !c_.ssl_ca_location.empty() && !sources_.read_file(c_.ssl_ca_location);
    const std::string ca = c_.ssl_ca_location.empty() ? "sslCaPEM" : "sslCaLocation";
    const bool has_ca = !c_.ssl_ca_location.empty() || !c_.ssl_ca_pem.empty();
    if (has_ca && !folder && sound(ca))
      if (const std::string problem = certificate_problem(authorities); !problem.empty()) error(ca, problem);

    std::optional<std::string> certificate;
    std::optional<Secret> key;
    if (has_certificate) certificate = content(c_.ssl_certificate_location, c_.ssl_certificate_pem);
    if (has_key) key = Secret(content(c_.ssl_key_location, c_.ssl_key_pem.reveal()));
    const PairProblems problems = pair_problems(certificate, key, c_.ssl_key_password);
    if (!problems.certificate.empty()) error(certificate_key(), problems.certificate);
    if (!problems.key.empty()) error(private_key(), problems.key);
  }

  const Connection& c_;
  std::vector<std::string> prefixes_;
  Position start_;
  const Sources& sources_;
  Findings& findings_;
};

// librdkafka runs kinit into the one ticket cache that the process has: a second principal takes the first
// one's tickets away.
void validate_kerberos(const Fleet& fleet, Findings& findings) {
  const Trigger* first = nullptr;
  for (const Trigger& trigger : fleet.triggers) {
    if (trigger.connection.authentication_mode != Authentication::gssapi) continue;
    if (first == nullptr) first = &trigger;
    const Kerberos &a = first->connection.kerberos, &b = trigger.connection.kerberos;
    const bool same_principal = a.principal == b.principal;
    if (same_principal && a.keytab == b.keytab) continue;
    Place place = place_of(trigger, same_principal ? "kerberosKeytab" : "kerberosPrincipal", findings);
    findings.error(std::move(place.position), std::move(place.path),
                   "trigger " + in_quotes(first->name) + " (" + to_string(first->position) +
                       ") has another: a daemon has one ticket cache, so one principal and one keytab");
  }
}

bool wrote_connection_key(const std::string& prefix, const Findings& findings) {
  for (const char* key :
       {"protocol", "authenticationMode", "eventHubConnectionString", "oAuthBearerMethod", "kafka"})
    if (findings.find(prefix + "." + key) != nullptr) return true;
  const auto any = [&](const auto& keys) {
    for (const char* key : keys)
      if (findings.find(prefix + "." + key) != nullptr) return true;
    return false;
  };
  return any(kUsesPassword) || any(kUsesOidc) || any(kUsesKerberos) || any(kUsesTls);
}

}  // namespace

void validate_connections(const Fleet& fleet, const Sources& sources, Findings& findings) {
  for (const auto& [name, connection] : fleet.clusters) {
    const std::string prefix = join_path("clusters", name);
    const Position* start = findings.find(prefix);
    ConnectionRules(connection, {prefix}, start != nullptr ? *start : Position{}, sources, findings).check();
  }
  for (const Trigger& trigger : fleet.triggers) {
    const std::string prefix = join_path("triggers", trigger.name);
    if (trigger.cluster.empty()) {
      if (findings.failed(prefix + ".cluster") || findings.failed("defaults.cluster")) continue;
      ConnectionRules(trigger.connection, {prefix, "defaults"}, trigger.position, sources, findings).check();
    } else if (fleet.clusters.contains(trigger.cluster) && wrote_connection_key(prefix, findings)) {
      const std::string cluster = join_path("clusters", trigger.cluster);
      if (findings.failed(cluster)) continue;
      ConnectionRules(trigger.connection, {prefix, cluster}, trigger.position, sources, findings).check();
    }
  }
  validate_kerberos(fleet, findings);
}

}  // namespace triggerd::config
