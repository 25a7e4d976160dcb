#!/usr/bin/python3
# A launcher whose sessions dial out to the server over the network, from wherever they run. It needs two lines in
# $FX_CONFIG_DIR/fastx.env, the first of which is in force once the server was started again:
#   WEBLINK_PORT=3301
#   LAUNCHER_SCRIPT=/path/to/your/copy
import json
import os
import subprocess

from _fastx import get_input_from_stdin, process_output

# use the _fastx lib to get the input from stdin
my_input = get_input_from_stdin()

SYSDIR = "/usr/lib/fastx/4"

# the command you need to run to start the session is start-weblink
command = my_input.get("rootDir", SYSDIR) + "/scripts/start-weblink"

args = [command]

# send start input on stdin
args.append("--json=0")

env = dict(os.environ)

# You MUST set WEBLINK_URL and WEBLINK_PRIMARY on start-weblink
weblink = my_input.get("weblink")
if weblink is not None:
    env["WEBLINK_URL"] = weblink.get("url", "")
    env["WEBLINK_URI"] = weblink.get("uri", "/weblink")
    env["WEBLINK_PRIMARY"] = weblink.get("primary", "")

# execute the start script
completed_process = subprocess.run(
    args,
    input=json.dumps(my_input["start"]).encode(),
    env=env,
    capture_output=True,
)

# process the output for the launcher
process_output(completed_process)
