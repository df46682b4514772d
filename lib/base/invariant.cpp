#include "base/invariant.hpp"

#include <cstdio>
#include <cstdlib>

namespace triggerd {

void invariant_failed(const char* condition, const char* file, int line, std::string_view detail) {
  std::fprintf(stderr, "<2>level=critical event=invariant_failed condition=\"%s\" at=%s:%d detail=\"%.*s\"\n",
               condition, file, line, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

}  // namespace triggerd
