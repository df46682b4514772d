#!/bin/sh
# What the guest runs once it is up: the tests, with all they say and how they ended on the second serial line. The
# first one is the kernel's and systemd's.
exec >/dev/ttyS1 2>&1 </dev/null
cd /src/tests/systemd || exit
python3 -B -u guest.py
echo "guest: exit status $?"
