"""Runs programs in turn and takes medians of what they print."""

import json
import os
import platform
import statistics
import subprocess


def result_of(command: list[str]) -> dict:
    """The last line that a command prints, which is a JSON object."""
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def in_turn(rounds: int, commands: dict[str, list[str]]) -> dict[str, list[dict]]:
    """The results of each command, run one after the other, `rounds` times."""
    results = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            results[name].append(result_of(command))
    return results


def median(results: list[dict], field: str) -> float:
    return statistics.median(result[field] for result in results)


def processor() -> str:
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return f"{names[0]}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
