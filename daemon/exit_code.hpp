// How the program ends, by sysexits(3): what a unit file's RestartPreventExitStatus= and a script can tell
// apart.
#pragma once

namespace triggerd::daemon {

enum ExitCode : int {
  kOk = 0,
  kAbandoned = 1,      // a second SIGTERM or SIGINT: left without draining
  kUsage = 64,         // the command line is wrong
  kUnavailable = 69,   // something this machine must offer is not there (a port in use)
  kSoftware = 70,      // our own fault
  kNoPermission = 77,  // no right to do what the fleet file says
  kConfig = 78,        // the fleet file is wrong
};

}  // namespace triggerd::daemon
