"""suspend.py LOG ADDRESS NAME=PATTERN...

Suspends this machine to RAM until somebody wakes it, and prints in milliseconds: how long it was
suspended, when after that each pattern first was in a new line of the log, and when after all of them ADDRESS answered.
What does not come in 80 s is not printed.
"""

import re
import subprocess
import sys
import time

PATIENCE = 80


def suspended():
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def say(name, seconds):
    print(f"{name}={round(seconds * 1000)}", flush=True)


def main(log, address, *patterns):
    patterns = dict(pattern.split("=", 1) for pattern in patterns)
    with open(log) as log:
        log.seek(0, 2)
        new = ""
        before = suspended()
        write("/sys/power/mem_sleep", "deep")
        write("/sys/power/state", "mem")
        awake = time.monotonic()
        say("slept", suspended() - before)
        while patterns and time.monotonic() < awake + PATIENCE:
            new += log.read()
            for name in [name for name, pattern in patterns.items() if re.search(pattern, new)]:
                say(name, time.monotonic() - awake)
                del patterns[name]
            time.sleep(0.01)
    while time.monotonic() < awake + PATIENCE:
        if subprocess.run(["ping", "-c", "1", "-W", "1", address], stdout=subprocess.DEVNULL).returncode == 0:
            return say("answers", time.monotonic() - awake)


main(*sys.argv[1:])
