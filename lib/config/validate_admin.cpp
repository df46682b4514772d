// The certificates of the admin surface.
#include "config/pem.hpp"
#include "config/validate.hpp"

namespace triggerd::config {
namespace {

// Its text where it was given and could be read; what could not has been told of.
std::optional<std::string> content(const std::string& path, const Sources& sources) {
  if (path.empty()) return std::nullopt;
  auto text = sources.read_file(path);
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

std::string problem_of_key(const std::string& pem) {
  return pem.find("ENCRYPTED") != std::string::npos ? "holds an encrypted key, which nobody would open"
                                                    : key_problem(Secret(pem), {});
}

}  // namespace

void validate_admin(const Admin& admin, const Sources& sources, Findings& findings) {
  const auto said = [&](const char* key, const std::string& problem) {
    const std::string path = std::string("admin.") + key;
    const Position* position = findings.find(path);
    if (problem.empty() || position == nullptr) return false;
    findings.error(*position, path, problem);
    return true;
  };
  const auto certificate = content(admin.ssl_certificate_location, sources);
  const auto key = content(admin.ssl_key_location, sources);
  const auto authorities = content(admin.ssl_ca_location, sources);
  if (authorities) said("sslCaLocation", certificate_problem(*authorities));
  const bool bad_certificate =
      certificate && said("sslCertificateLocation", certificate_problem(*certificate));
  const bool bad_key = key && said("sslKeyLocation", problem_of_key(*key));
  if (certificate && key && !bad_certificate && !bad_key && !key_matches(*certificate, Secret(*key), {}))
    said("sslKeyLocation", "is not the key of the certificate");
}

}  // namespace triggerd::config
