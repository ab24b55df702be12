#!/usr/bin/env python3
"""run_suite.py CLIENT [SUITE]: runs the public conformance suite for TUF clients.

CLIENT is the program under test. SUITE is a checkout of
theupdateframework/tuf-conformance; without it the package tuf-conformance is
installed from the package index. Everything goes into a virtual environment
in CLIENT's build folder. The last line is `N passed, N failed, N xfailed`.
"""
import json
import pathlib
import shutil
import subprocess
import sys

# What the suite's own pyproject.toml asks for.
PACKAGES = ['tuf==7.0.0', 'securesystemslib[crypto]==1.4.0', 'pytest==9.1.1', 'pytest-json-report==1.5.0']
FIX = ('Give a checkout of https://github.com/theupdateframework/tuf-conformance:\n'
       '    make conformance CONFORMANCE=/path/to/tuf-conformance')


def make_environment(folder, packages):
    """The environment's Python; made once and used again."""
    program = folder / 'bin/python'
    if not program.exists():
        subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
    done = subprocess.run([program, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', *packages],
                          check=False)
    return program if done.returncode == 0 else None


def find_suite(program, checkout):
    if checkout:
        return pathlib.Path(checkout).resolve() / 'tuf_conformance'
    code = 'import tuf_conformance; print(tuf_conformance.__path__[0])'
    return pathlib.Path(subprocess.run([program, '-c', code], capture_output=True, text=True,
                                       check=True).stdout.strip())


def run(client, checkout):
    if shutil.which('faketime') is None:
        print('the suite needs faketime: apt-get install faketime', file=sys.stderr)
        return 1
    folder = client.parents[2] / 'conformance'
    program = make_environment(folder, PACKAGES if checkout else ['tuf-conformance'])
    if program is None:
        print(f'the packages can not be installed. {"" if checkout else FIX}', file=sys.stderr)
        return 1
    suite = find_suite(program, checkout)
    if not (suite / 'conftest.py').exists():
        print(f'{suite} is no conformance suite. {FIX}', file=sys.stderr)
        return 1
    report = folder / 'report.json'
    report.unlink(missing_ok=True)
    code = subprocess.run([program, '-B', '-m', 'pytest', '-q', '--tb=short', '-p', 'no:cacheprovider', suite,
                           '--entrypoint', client, '--json-report', '--json-report-file', report],
                          cwd=suite.parent, check=False).returncode
    summary = json.loads(report.read_text())['summary']
    failed = summary.get('failed', 0) + summary.get('error', 0) + summary.get('xpassed', 0)
    print(f"{summary.get('passed', 0)} passed, {failed} failed, {summary.get('xfailed', 0)} xfailed")
    return 1 if code or failed or not summary.get('passed') else 0


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    return run(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) == 3 else '')


if __name__ == '__main__':
    sys.exit(main())
