#include "triggerd/worker.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <fcntl.h>

#include "session.hpp"

namespace triggerd::worker_sdk {

namespace {

constexpr int kUsage = 64;

// The descriptor the daemon left us, kept from the handler's own children; -1: there is none.
int inherited_socket() {
  const char* text = std::getenv("TRIGGERD_FD");
  int socket = -1;
  if (text == nullptr) return -1;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, socket);
  if (parsed.ec != std::errc() || parsed.ptr != end || socket < 0) return -1;
  const int flags = ::fcntl(socket, F_GETFD);
  if (flags < 0 || ::fcntl(socket, F_SETFD, flags | FD_CLOEXEC) < 0) return -1;
  return socket;
}

int run_inherited(Handler handler, const Options& options) {
  const int socket = inherited_socket();
  if (socket < 0) {
    std::cerr << "triggerd worker: TRIGGERD_FD names no open descriptor; "
                 "this program is started by triggerd (worker.command in the fleet file)"
              << std::endl;
    return kUsage;
  }
  return Session(socket, std::move(handler), options).run();
}

}  // namespace

BatchError::BatchError(Failures failures)
    : std::runtime_error("failed records of the batch: " + std::to_string(failures.size())),
      failures_(std::make_shared<const Failures>(std::move(failures))) {
  if (failures_->empty()) {
    throw std::invalid_argument("a BatchError names the records that failed; where none did, return");
  }
}

int run(OneHandler handler, const Options& options) { return run_inherited(std::move(handler), options); }
int run(ManyHandler handler, const Options& options) { return run_inherited(std::move(handler), options); }

int run_on(int socket, OneHandler handler, const Options& options) {
  return Session(socket, std::move(handler), options).run();
}
int run_on(int socket, ManyHandler handler, const Options& options) {
  return Session(socket, std::move(handler), options).run();
}

}  // namespace triggerd::worker_sdk
