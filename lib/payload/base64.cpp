#include "payload/base64.hpp"

#include <cstdint>

namespace triggerd::payload {

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t begin = out.size();
  out.resize(begin + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + begin;
  const auto put = [&](std::uint32_t three, int letters) {
    for (int i = 0; i < 4; ++i) *to++ = i < letters ? kLetters[three >> (18 - 6 * i) & 63] : '=';
  };
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) put(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2), 4);
  if (bytes.size() - i == 2) put(byte(i) << 16 | byte(i + 1) << 8, 3);
  if (bytes.size() - i == 1) put(byte(i) << 16, 2);
}

}  // namespace triggerd::payload
