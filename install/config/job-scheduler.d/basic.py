#!/usr/bin/python3
# A launcher that does what "Start Immediately" does: copy it, and put your scheduler's command in front of the start
# script's. In $FX_CONFIG_DIR/fastx.env:  LAUNCHER_SCRIPT=/path/to/your/copy
import json
import subprocess

from _fastx import get_input_from_stdin, process_output

# use the _fastx lib to get the input from stdin
my_input = get_input_from_stdin()

SYSDIR = "/usr/lib/fastx/4"

# command you will use to exec
command = my_input.get("defaultStartScript", "")

# fallback
if len(command) == 0:
    command = my_input.get("rootDir", SYSDIR) + "/scripts/start"

args = [command]

# send start input on stdin
args.append("--json=0")

# execute the start script
completed_process = subprocess.run(
    args,
    input=json.dumps(my_input["start"]).encode(),
    capture_output=True,
)

# process the output for the launcher
process_output(completed_process)
