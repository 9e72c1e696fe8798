"""Run a command and report on it: `launch.py REPORT COMMAND...`, standard library only and small.

A process counts as its own the memory of the one that started it, so that measured commands are started from
here. REPORT receives wall seconds, processor seconds, peak memory in KB and exit code.
"""

import os
import sys
import time


def main() -> None:
    start = time.perf_counter()
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    with open(sys.argv[1], "w", encoding="ascii") as file:
        code = os.waitstatus_to_exitcode(status)
        file.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss} {code}")


if __name__ == "__main__":
    main()
