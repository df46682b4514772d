// What the daemon's process is made to be before it works.
#pragma once

namespace triggerd::daemon {

// A core dump holds every secret of the fleet file. Whoever debugs raises the limit of the running process
// (prlimit --core).
void forbid_core_dumps();

// What holds workers: the guard that ends what is left of them with us, and whether limits can be put on
// them.
void prepare_for_workers();

// malloc gives freed blocks of records and fetches back to the system.
void return_freed_memory();

}  // namespace triggerd::daemon
