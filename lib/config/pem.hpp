// Certificates and keys in PEM: taken apart, and looked at before librdkafka is given them. It would refuse
// them too, but at start, by the name of an OpenSSL function. Pure: memory only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/secret.hpp"

namespace triggerd::config {

// Where text comes from a setting on one line, `\n` is written for the end of a line.
std::string pem_lines(std::string_view text);

// The blocks of one kind, each on its own lines; a text may hold others between them. Keys: PRIVATE KEY and
// with RSA, EC, ENCRYPTED, … before it.
std::string certificates_in(std::string_view pem);
Secret keys_in(std::string_view pem);

// What is wrong with it; empty: nothing.
std::string certificate_problem(const std::string& pem);
std::string key_problem(const Secret& pem, const Secret& password);
// The key is that of the first certificate; both are sound.
bool key_matches(const std::string& certificate, const Secret& key, const Secret& password);

// What is wrong with each of a pair, or with the key beside the certificate. Of one that is absent: nothing.
struct PairProblems {
  std::string certificate, key;
};
PairProblems pair_problems(const std::optional<std::string>& certificate, const std::optional<Secret>& key,
                           const Secret& password);

}  // namespace triggerd::config
