#include "admin/certificate.hpp"

#include <boost/asio/ssl/context.hpp>
#include <sys/stat.h>

#include "base/log.hpp"

namespace triggerd::admin {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Result<std::shared_ptr<ssl::context>> read(const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  error_code failed;
  const auto problem = [&](const char* what, const std::string& path) {
    return Error{"admin_certificate", std::string(what) + " " + path + ": " + failed.message()};
  };
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                           ssl::context::no_compression,
                       failed);
  context->set_password_callback([](auto, auto) { return std::string(); },
                                 failed);  // else it asks the terminal
  context->use_certificate_chain_file(files.certificate, failed);
  if (failed) return problem("the certificate", files.certificate);
  context->use_private_key_file(files.key, ssl::context::pem, failed);
  if (failed) return problem("the key", files.key);
  if (files.client_ca.empty()) return context;
  context->load_verify_file(files.client_ca, failed);
  if (failed) return problem("the CA of the clients", files.client_ca);
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, failed);
  return context;
}

}  // namespace

Certificate::Certificate(TlsFiles files) : files_(std::move(files)) {}
Certificate::~Certificate() = default;

Result<std::unique_ptr<Certificate>> Certificate::load(TlsFiles files) {
  std::unique_ptr<Certificate> certificate(new Certificate(std::move(files)));
  certificate->stamp_ = certificate->stamp();
  auto context = read(certificate->files_);
  if (!context) return context.error();
  certificate->context_ = std::move(*context);
  return certificate;
}

std::string Certificate::stamp() const {
  std::string text;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.client_ca}) {
    struct stat file{};
    if (!path->empty() && stat(path->c_str(), &file) == 0)
      text += std::to_string(file.st_ino) + "," + std::to_string(file.st_size) + "," +
              std::to_string(file.st_mtim.tv_sec) + "." + std::to_string(file.st_mtim.tv_nsec) + ";";
  }
  return text;
}

std::shared_ptr<ssl::context> Certificate::current() {
  if (std::string now = stamp(); now != stamp_) {
    stamp_ = std::move(now);
    auto context = read(files_);
    if (context) {
      context_ = std::move(*context);
      log::info("admin_certificate_read", {{"certificate", files_.certificate}});
    } else {
      log::error("admin_certificate_refused", {{"error", context.error().message}});
    }
  }
  return context_;
}

}  // namespace triggerd::admin
