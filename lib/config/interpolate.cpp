#include "config/interpolate.hpp"

#include "config/diagnostic.hpp"

namespace triggerd::config {
namespace {

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
      return false;
  return true;
}

Result<std::string> variable(std::string_view reference, const Sources& sources) {
  const std::size_t end = reference.find(":-");
  const std::string name(reference.substr(0, end));
  if (!is_variable_name(name))
    return Error{"bad_reference", in_quotes(name) + " is not the name of a variable"};
  std::optional<std::string> value = sources.environment(name);
  if (end != std::string_view::npos && (!value || value->empty()))
    return {boost::system::in_place_value, reference.substr(end + 2)};
  if (!value) return Error{"missing_variable", "the environment variable " + name + " is not set"};
  return {boost::system::in_place_value, *std::move(value)};
}

Result<std::string> file_text(std::string_view reference, const std::string& file, const Sources& sources) {
  if (reference.empty()) return Error{"bad_reference", "${file:} names no file"};
  TRY(std::string text, sources.read_file(relative_to(file, std::string(reference))));
  if (text.ends_with('\n')) text.erase(text.size() - (text.ends_with("\r\n") ? 2 : 1));
  return {boost::system::in_place_value, std::move(text)};
}

// What stands between `${` and `}`.
Result<std::string> resolve(std::string_view reference, const std::string& file, const Sources& sources) {
  constexpr std::string_view kEnv = "env:";
  constexpr std::string_view kFile = "file:";
  if (reference.starts_with(kEnv)) return variable(reference.substr(kEnv.size()), sources);
  if (reference.starts_with(kFile)) return file_text(reference.substr(kFile.size()), file, sources);
  return Error{"bad_reference", in_quotes("${" + std::string(reference) + "}") +
                                    " is no reference: write ${env:NAME}, ${env:NAME:-default} or "
                                    "${file:PATH}, or $${ for a plain ${"};
}

}  // namespace

std::string relative_to(const std::string& file, const std::string& path) {
  const std::size_t slash = file.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return file.substr(0, slash + 1) + path;
}

Result<Interpolated> interpolate(std::string_view scalar, const std::string& file, const Sources& sources) {
  Interpolated result;
  while (!scalar.empty()) {
    const std::size_t dollar = scalar.find('$');
    result.text += scalar.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    scalar.remove_prefix(dollar);
    if (scalar.starts_with("$${")) {
      result.text += "${";
      scalar.remove_prefix(3);
    } else if (scalar.starts_with("${")) {
      const std::size_t end = scalar.find('}');
      if (end == std::string_view::npos)
        return Error{"bad_reference", in_quotes(scalar) + " lacks its closing }"};
      TRY(const std::string text, resolve(scalar.substr(2, end - 2), file, sources));
      result.text += text;
      result.referred = true;
      scalar.remove_prefix(end + 1);
    } else {
      result.text += '$';
      scalar.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace triggerd::config
