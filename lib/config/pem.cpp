#include "config/pem.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace triggerd::config {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kDashes = "-----";

template <typename T, void (*free)(T*)>
struct Free {
  void operator()(T* object) const { free(object); }
};
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;

Memory memory(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without this function OpenSSL asks at the terminal.
int give_password(char* buffer, int size, int, void* password) {
  const std::string& text = static_cast<const Secret*>(password)->reveal();
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

Key read_key(const Secret& pem, const Secret& password) {
  Key key(PEM_read_bio_PrivateKey(memory(pem.reveal()).get(), nullptr, give_password,
                                  const_cast<Secret*>(&password)));
  ERR_clear_error();
  return key;
}

template <typename Wanted>
std::string blocks(std::string_view pem, Wanted wanted) {
  std::string found;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    const std::string_view block = pem.substr(at);
    const std::size_t dashes = block.find(kDashes, kBegin.size());
    if (dashes == std::string_view::npos) break;
    const std::string label(block.substr(kBegin.size(), dashes - kBegin.size()));
    const std::string last = std::string(kEnd) + label + std::string(kDashes);
    const std::size_t end = block.find(last);
    if (end == std::string_view::npos) break;
    if (wanted(label)) found += std::string(block.substr(0, end + last.size())) + "\n";
    at += end + last.size();
  }
  return found;
}

}  // namespace

std::string pem_lines(std::string_view text) {
  std::string lines;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'n';
    lines += escaped ? '\n' : text[i];
    i += escaped ? 1 : 0;
  }
  return lines;
}

std::string certificates_in(std::string_view pem) {
  return blocks(pem, [](const std::string& label) { return label.ends_with("CERTIFICATE"); });
}

Secret keys_in(std::string_view pem) {
  return Secret(blocks(pem, [](const std::string& label) { return label.ends_with("PRIVATE KEY"); }));
}

std::string certificate_problem(const std::string& pem) {
  const Memory in = memory(pem);
  int count = 0;
  while (Certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr))) ++count;
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return "holds a certificate that cannot be read";
  return count > 0 ? "" : "holds no certificate in PEM";
}

std::string key_problem(const Secret& pem, const Secret& password) {
  if (read_key(pem, password)) return {};
  const std::string& text = pem.reveal();
  if (text.find("PRIVATE KEY-----") == std::string::npos) return "holds no private key in PEM";
  if (text.find("ENCRYPTED") == std::string::npos) return "holds a private key that cannot be read";
  return password.empty() ? "holds an encrypted key: sslKeyPassword is needed"
                          : "holds a key that sslKeyPassword does not open";
}

bool key_matches(const std::string& certificate, const Secret& key, const Secret& password) {
  const Certificate first(PEM_read_bio_X509(memory(certificate).get(), nullptr, nullptr, nullptr));
  const Key secret = read_key(key, password);
  const bool matches = first && secret && X509_check_private_key(first.get(), secret.get()) == 1;
  ERR_clear_error();
  return matches;
}

PairProblems pair_problems(const std::optional<std::string>& certificate, const std::optional<Secret>& key,
                           const Secret& password) {
  PairProblems problems{certificate ? certificate_problem(*certificate) : "",
                        key ? key_problem(*key, password) : ""};
  if (certificate && key && problems.certificate.empty() && problems.key.empty() &&
      !key_matches(*certificate, *key, password))
    problems.key = "is not the key of the certificate";
  return problems;
}

}  // namespace triggerd::config
