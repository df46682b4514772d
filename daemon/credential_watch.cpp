#include "daemon/credential_watch.hpp"

#include <chrono>
#include <utility>

#include "base/log.hpp"

namespace triggerd::daemon {
namespace {

// A change is taken over at the second look that sees it.
constexpr auto kInterval = std::chrono::seconds(2);

const char* text(config::Renewal how) {
  return how == config::Renewal::login ? "at the next login" : "with a new client";
}

}  // namespace

CredentialWatch::CredentialWatch(boost::asio::io_context& control, config::Reread* files,
                                 config::Fleet& fleet, Sink sink)
    : timer_(control), files_(files), fleet_(fleet), sink_(std::move(sink)) {}

void CredentialWatch::start() {
  if (files_ == nullptr) return;
  timer_.expires_after(kInterval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    look();
    start();
  });
}

void CredentialWatch::look() {
  const auto change = files_->look();
  if (!change) return;
  if (change->loaded.fleet) return take(*change->loaded.fleet, change->files);
  for (const config::Diagnostic& d : change->loaded.diagnostics) {
    if (d.severity == config::Diagnostic::Severity::error)
      log::error("credentials_refused",
                 {{"error", to_string(d)}, {"consequence", "those from before stay in use"}});
  }
}

// The fleet file itself was not read again: the triggers are the same.
void CredentialWatch::take(const config::Fleet& now, const std::set<std::string>& files) {
  if (fleet_.admin.key != now.admin.key) log::info("admin_key_changed");
  fleet_.admin.key = now.admin.key;
  std::vector<Renewed> renewed;
  for (std::size_t i = 0; i < fleet_.triggers.size(); ++i) {
    config::Trigger& trigger = fleet_.triggers[i];
    const config::Connection& connection = now.triggers.at(i).connection;
    const config::Renewal how = config::renewal(trigger.connection, connection, files);
    if (how == config::Renewal::none) continue;
    log::info("credentials_changed",
              {{"trigger", trigger.name}, {"cluster", trigger.cluster}, {"taken_over", text(how)}});
    trigger.connection = connection;
    renewed.push_back({trigger, how});
  }
  if (!renewed.empty()) sink_(renewed);
}

}  // namespace triggerd::daemon
