"""Give the command line of the sample several orders in one process: python orders.py '[["INBOX", "--seed=1"], ...]'.

Prints the exit code and the words of each, as JSON. Runs in the environment for imaging.
"""

import contextlib
import io
import json
import sys

from sandbox.dsa110.__main__ import main

told = []
for arguments in json.loads(sys.argv[1]):
    sys.argv[1:] = arguments
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main()
    told.append((code, said.getvalue()))
print(json.dumps(told))
