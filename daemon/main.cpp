#include "daemon/cli.hpp"

int main(int argc, char** argv) { return triggerd::daemon::run_command_line(argc, argv); }
