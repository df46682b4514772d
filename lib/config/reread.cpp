#include "config/reread.hpp"

#include <utility>

namespace triggerd::config {

Reread::Reread(std::string path, Sources sources)
    : path_(std::move(path)), sources_(std::move(sources)), fleet_files_{path_} {}

Loaded Reread::load() {
  Sources recorded = sources_;
  recorded.read_file = [this](const std::string& path) {
    if (fleet_files_.contains(path)) {
      const auto kept = fleet_texts_.find(path);
      return kept != fleet_texts_.end() ? kept->second
                                        : fleet_texts_.emplace(path, sources_.read_file(path)).first->second;
    }
    Result<std::string> text = sources_.read_file(path);
    if (text) texts_[path] = *text;
    return text;
  };
  recorded.glob = [this](const std::string& pattern) {
    const auto kept = fleet_globs_.find(pattern);
    if (kept != fleet_globs_.end()) return kept->second;
    std::vector<std::string> found = sources_.glob(pattern);
    fleet_files_.insert(found.begin(), found.end());
    return fleet_globs_.emplace(pattern, std::move(found)).first->second;
  };
  // The user database may be far away; a running worker keeps the account that it has.
  recorded.account = [this](const std::string& user, const std::string& group) {
    const auto kept = accounts_.find({user, group});
    return kept != accounts_.end()
               ? kept->second
               : accounts_.emplace(std::pair(user, group), sources_.account(user, group)).first->second;
  };
  return config::load(path_, recorded);
}

std::optional<Reread::Change> Reread::look() {
  std::map<std::string, std::string> differing;
  for (const auto& [path, text] : texts_) {
    Result<std::string> now = sources_.read_file(path);
    if (now && !now->empty() && *now != text) differing.emplace(path, *std::move(now));
  }
  const bool settled = differing == last_look_;
  last_look_ = std::move(differing);
  if (last_look_.empty() || !settled) return std::nullopt;
  for (const auto& [path, text] : last_look_) changed_.insert(path);
  last_look_.clear();
  Change change{load(), changed_};
  if (change.loaded.fleet) changed_.clear();
  return change;
}

Renewal renewal(const Connection& before, const Connection& now, const std::set<std::string>& files) {
  for (const std::string* path : {&now.ssl_ca_location, &now.ssl_certificate_location, &now.ssl_key_location,
                                  &now.oauth.https_ca_location})
    if (!path->empty() && files.contains(*path)) return Renewal::client;
  if (before == now) return Renewal::none;
  Connection with_login = before;
  with_login.username = now.username;
  with_login.password = now.password;
  return with_login == now && now.uses_password() ? Renewal::login : Renewal::client;
}

}  // namespace triggerd::config
