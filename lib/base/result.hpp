// Result<T>: a value or an Error. GCC 12 has no std::expected; this file is the one to change when it comes.
#pragma once

#include <utility>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include "base/error.hpp"

namespace triggerd {

inline void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw_exception_from_error(error, where.file_name(), where.line());
}

template <typename T>
using Result = boost::system::result<T, Error>;

}  // namespace triggerd

#define TRIGGERD_CONCAT_(a, b) a##b
#define TRIGGERD_CONCAT(a, b) TRIGGERD_CONCAT_(a, b)
#define TRIGGERD_TRY_(tmp, decl, expr)     \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  decl = std::move(*tmp)
// TRY(auto x, f()): x is f()'s value, or the enclosing function returns f()'s error.
#define TRY(decl, expr) TRIGGERD_TRY_(TRIGGERD_CONCAT(try_result_, __LINE__), decl, expr)
