// What the admin listener shows of itself over TLS, and whom it believes. Read again when a file changes.
//
// Thread: one.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

namespace boost::asio::ssl {
class context;
}

namespace triggerd::admin {

struct TlsFiles {
  std::string certificate;  // PEM: the server's, then those up to a root
  std::string key;          // PEM, without a password
  std::string client_ca;    // PEM; empty: clients need no certificate
};

class Certificate {
 public:
  static Result<std::unique_ptr<Certificate>> load(TlsFiles files);
  ~Certificate();

  // For one more connection, which keeps it. Where files have changed and cannot be used, what was read last,
  // and a log line, admin_certificate_refused.
  std::shared_ptr<boost::asio::ssl::context> current();

 private:
  explicit Certificate(TlsFiles files);
  std::string stamp() const;

  TlsFiles files_;
  std::string stamp_;  // of the files that were read last, usable or not
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace triggerd::admin
