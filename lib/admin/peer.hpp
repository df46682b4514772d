// Who is at the other end of a connection, for the log. For server.cpp.
#pragma once

#include <cstdint>
#include <string>

struct sockaddr;
struct ssl_st;

namespace triggerd::admin {

// "127.0.0.1:5234", "[::1]:5234"; of a Unix socket "uid=1000 pid=4711", by SO_PEERCRED; empty: it has gone.
std::string peer_of(int socket);
// Of the certificate that a client has shown, "CN=prometheus,O=example"; empty: none.
std::string subject_of(ssl_st* tls);

std::uint16_t port_of(const sockaddr* address);  // of TCP

}  // namespace triggerd::admin
