#!/usr/bin/env python3
"""run_tests.py BUILD [--suite NAME]...: runs Meson's tests and sums them up.

The last line is `N passed, N failed, N skipped`. A run that executed no test
fails.
"""
import argparse
import json
import pathlib
import subprocess
import sys


def count(build):
    totals = {'passed': 0, 'failed': 0, 'skipped': 0}
    failed = []
    log = pathlib.Path(build) / 'meson-logs/testlog.json'
    for line in log.read_text(encoding='utf-8', errors='replace').splitlines():
        entry = json.loads(line)
        result = entry['result']
        if result == 'OK':
            totals['passed'] += 1
        elif result == 'SKIP':
            totals['skipped'] += 1
        else:
            totals['failed'] += 1
            failed.append((entry['name'], result, entry.get('stdout', ''), entry.get('stderr', '')))
    return totals, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--suite', action='append', default=[])
    options = parser.parse_args()
    command = ['meson', 'test', '-C', options.build, '--no-rebuild']
    for suite in options.suite:
        command += ['--suite', suite]
    code = subprocess.run(command, check=False).returncode
    totals, failed = count(options.build)
    for name, result, out, err in failed:
        print(f'\n--- {name}: {result}')
        print('\n'.join((out + err).splitlines()[-60:]))
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    if totals['passed'] + totals['failed'] == 0:
        print('no test was executed', file=sys.stderr)
        return 1
    return 1 if code or totals['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
