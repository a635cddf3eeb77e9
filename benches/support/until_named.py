# Runs a command: until_named.py PATH... -- COMMAND...
# Prints the microseconds until all paths were there, and until the command ended.
import os, subprocess, sys, time
split = sys.argv.index("--")
paths, command = sys.argv[1:split], sys.argv[split + 1 :]
began = time.monotonic()
child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
named = None
while True:
    ended = child.poll() is not None
    now = time.monotonic() - began
    if named is None and all(os.path.exists(path) for path in paths):
        named = now
    if ended:
        break
    time.sleep(0.001)
if child.returncode != 0 or named is None:
    sys.exit(child.returncode or 1)
print(round(named * 1e6), round(now * 1e6))
