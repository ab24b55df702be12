"""kill -9 in the middle of every kind of change: the repository stays usable, and
the same command finishes what was begun."""
import json
import os
import random
import signal
import subprocess
import time

from cli_kit import PAWL, run, snapshot_versions

RUNS = 35  # the first five only show how long each kind takes


def changes(image, number):
    """One change of each kind, with names of its own."""
    return {
        'build': ['release', 'build', '--product', 'acme', '--version', f'2.{number}', '--seq', str(number + 2),
                  '--sec', '1', '--image', f'gw-a={image}', '--image', f'gw-b={image}'],
        'product': ['product', 'add', f'p{number}', '--group', 'field'],
        'channel': ['channel', 'set', '--product', 'acme', '--release', '1.0.0', '--group', f'g{number}',
                    '--no-publish'],
        'sign': ['repo', 'sign', '--all'],
        'key': ['key', 'create', f'k{number}'],
    }


def check_usable(repo, story):
    status = json.loads(run('-C', repo, 'repo', 'status', '--json').stdout)
    assert status['ok'] is True, (story, status)
    assert not [p for p in (repo / 'keys').glob('*.pem') if p.stat().st_mode & 0o077], story


def test_kills_leave_a_usable_repository(repo, tmp_path):
    image = tmp_path / 'image'
    image.write_bytes(os.urandom(2 << 20))
    run('-C', repo, 'product', 'add', 'acme', *(part for n in range(RUNS) for part in ('--group', f'g{n}')))
    kinds = list(changes(image, 0))
    longest = {kind: 0.0 for kind in kinds}
    chance = random.Random(20)
    killed = 0
    for number in range(RUNS):
        kind = kinds[number % len(kinds)]
        command = changes(image, number)[kind]
        begun = time.monotonic()
        process = subprocess.Popen([PAWL, '-C', repo, *command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # The first of each kind shows how long it takes.
            process.wait(chance.uniform(0, longest[kind]) if longest[kind] else 60)
            longest[kind] = max(longest[kind], time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        story = f'kill {number} in {command}'
        check_usable(repo, story)
        again = subprocess.run([PAWL, '-C', repo, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               check=False)
        # It was complete already, or it is now.
        assert again.returncode == 0 or 'exists' in again.stderr, (story, again.stderr)
    assert killed >= 10
    check_usable(repo, 'the end')
    run('-C', repo, 'release', 'list')
    run('-C', repo, 'repo', 'sign', '--all')
    products = [p['product'] for p in json.loads(run('-C', repo, 'product', 'list', '--json').stdout)]
    versions = snapshot_versions(repo)
    for product in products:
        assert f'prod-{product}.json' in versions and f'chan-{product}.json' in versions
    assert len(products) == 1 + RUNS // len(kinds)
    for key in json.loads(run('-C', repo, 'key', 'list', '--json').stdout):
        assert key['private'] != 'elsewhere' or key['name'] == 'timestamp'
