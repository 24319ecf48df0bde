"""The local stack behind `scripts/demo`, `dev`, `token` and `test`: set-up, processes, and what each command does."""

import signal
import sys

# Written so that an old interpreter can read it and say so.
if sys.version_info < (3, 9):
    sys.exit("error: the scripts need Python 3.9 or newer; this is %d.%d" % sys.version_info[:2])

# Until a command has something to stop (console.run_command), Ctrl-C just ends it, without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
