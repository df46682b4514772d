// argv → the verb that runs → its exit code. The one file that knows CLI11.
#pragma once

namespace triggerd::daemon {

int run_command_line(int argc, char** argv);

}  // namespace triggerd::daemon
