// Bad input as a value: what went wrong, in words for a person. Pure.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace triggerd {

// One failed operation. `code` is a short stable word for logs and metrics (`exec_failed`,
// `frame_too_large`); `message` is the sentence for a person and already names the place.
struct Error {
  std::string code;
  std::string message;
  bool operator==(const Error&) const = default;
};

// "message" or "context: message".
Error in_context(std::string_view context, Error error);

// boost::system::result asks for this: value() of a failed result is our bug, so it ends the process.
[[noreturn]] void throw_exception_from_error(const Error& error, const char* file, unsigned line);

// Text of an errno value ("No such file or directory"), safe on any thread.
std::string errno_text(int error_number);

}  // namespace triggerd
