// What an Event Hubs connection string says, and the brokers it means. Pure.
#pragma once

#include <string>
#include <string_view>

namespace triggerd::config {

// The host (and port) of `Endpoint=sb://HOST/;…`; empty: it has none.
std::string event_hub_host(std::string_view connection_string);

// NAMESPACE → NAMESPACE.servicebus.windows.net:9093, host.name → host.name:9093; with a port it stands.
std::string event_hub_broker(std::string_view host);

}  // namespace triggerd::config
