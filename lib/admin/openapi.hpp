// The admin listener's pages as an OpenAPI 3.1 document: what each takes and answers. Pure.
#pragma once

#include <string>
#include <string_view>

namespace triggerd::admin {

// JSON. `version`: the daemon's, which its document carries.
std::string openapi_document(std::string_view version);

}  // namespace triggerd::admin
