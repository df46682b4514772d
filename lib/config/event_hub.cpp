#include "config/event_hub.hpp"

namespace triggerd::config {

std::string event_hub_host(std::string_view connection_string) {
  constexpr std::string_view kEndpoint = "Endpoint=sb://";
  const std::size_t at = connection_string.find(kEndpoint);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = connection_string.substr(at + kEndpoint.size());
  return std::string(rest.substr(0, rest.find_first_of("/;")));
}

std::string event_hub_broker(std::string_view host) {
  std::string broker(host);
  if (broker.find(':') != std::string::npos) return broker;
  if (broker.find('.') == std::string::npos) broker += ".servicebus.windows.net";
  return broker + ":9093";
}

}  // namespace triggerd::config
