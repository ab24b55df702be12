"""cli_kit.py - how the tests run `pawl`: as a process, on a terminal, and what
they read of a repository."""
import json
import os
import pty
import select
import signal
import subprocess
import termios
import time

PAWL = os.environ['PAWL']


def run(*arguments, code=0, **options):
    result = subprocess.run([PAWL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                            text=True, timeout=120, check=False, **options)
    assert result.returncode == code, f'{arguments}: exit {result.returncode}\n{result.stdout}{result.stderr}'
    return result


def on_terminal(arguments, typed=(), columns=0, seconds=60):
    """Runs pawl with a controlling terminal. `typed`: (prompt, line) pairs; a line is
    typed when its prompt stands at the end of what came since the one before, and
    the echo must be off by then. A run that hangs is ended and fails."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PAWL, [PAWL, *map(str, arguments)])
    if columns:
        termios.tcsetwinsize(terminal, (24, columns))
    seen, since = b'', 0
    typed = list(typed)
    deadline = time.monotonic() + seconds
    hangs = False
    while True:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            os.kill(pid, signal.SIGKILL)
            hangs = True
            break
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
        if typed and seen[since:].endswith(typed[0][0].encode()):
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            os.write(terminal, typed.pop(0)[1].encode() + b'\n')
            since = len(seen)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    assert not hangs and not typed, f'hangs or did not ask: {seen.decode()} {typed}'
    return code, seen.decode()


def metadata(repo, version, role):
    return json.loads((repo / f'metadata/{version}.{role}.json').read_text())


def newest(repo, role):
    return max(int(p.name.split('.')[0]) for p in (repo / 'metadata').glob(f'*.{role}.json'))


def snapshot_versions(repo):
    meta = metadata(repo, newest(repo, 'snapshot'), 'snapshot')['signed']['meta']
    return {name: entry['version'] for name, entry in meta.items()}


def build(repo, version, seq, sec, *images, code=0, more=()):
    options = [part for image in images for part in ('--image', image)]
    return run('-C', repo, 'release', 'build', '--product', 'acme', '--version', version, '--seq', seq, '--sec', sec,
               *options, *more, code=code)
