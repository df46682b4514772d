// The certificates of the admin surface.
#include <optional>

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

}  // namespace

void validate_admin(const Admin& admin, const Sources& sources, Findings& findings) {
  const auto refuse = [&](const char* key, const std::string& problem) {
    const std::string path = std::string("admin.") + key;
    const Position* position = findings.find(path);
    if (!problem.empty() && position != nullptr) findings.error(*position, path, problem);
  };
  if (const auto authorities = content(admin.ssl_ca_location, sources))
    refuse("sslCaLocation", certificate_problem(*authorities));
  const auto pem = content(admin.ssl_key_location, sources);
  const bool encrypted = pem && pem->find("ENCRYPTED") != std::string::npos;
  const auto key = pem && !encrypted ? std::optional(Secret(*pem)) : std::nullopt;
  const PairProblems problems = pair_problems(content(admin.ssl_certificate_location, sources), key, {});
  refuse("sslCertificateLocation", problems.certificate);
  refuse("sslKeyLocation", encrypted ? "holds an encrypted key, which nobody would open" : problems.key);
}

}  // namespace triggerd::config
