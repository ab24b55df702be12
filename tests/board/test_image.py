"""tools/build_image.py: the same bytes each time, readable by tools of others,
and its faults are real ones. The agent here is a shell script that does what
an agent does first: feed the watchdog and run the health checks."""
import os
import subprocess
import sys

from boards import ROOT, Board, boots_of, build_image
import pytest

AGENT = '''#!/bin/sh
[ "$*" = "--config /data/agent.conf" ] || exit 2
echo > /dev/watchdog
for check in /etc/pawl/health.d/*; do
	"$check" && echo "check ${check##*/} passed" || echo "check ${check##*/} FAILED"
done
exit 75
'''


@pytest.fixture(scope='module', name='agent')
def shell_agent(tmp_path_factory):
    path = tmp_path_factory.mktemp('agent') / 'pawl-agent'
    path.write_text(AGENT)
    path.chmod(0o755)
    return path


def make(agent, folder, version='1.0.0', hardware='gw-a', fault='none', program=None):
    out = folder / f'{version}.{hardware}.{fault}.img'
    subprocess.run([sys.executable, ROOT / 'tools/build_image.py', '--product', 'acme', '--version', version,
                    '--seq', '1', '--sec', '1', '--hardware-class', hardware, '--agent', program or agent,
                    '--fault', fault, '--out', out], check=True, capture_output=True)
    return out.read_bytes()


def test_the_same_input_gives_the_same_bytes(agent, tmp_path):
    first = make(agent, tmp_path)
    for path in (agent, tmp_path):
        os.utime(path, (1, 1))
    again = make(agent, tmp_path)
    other = make(agent, tmp_path, version='1.0.1')
    assert first == again and first != other
    assert len(first) >= 10 * 1000 * 1000, len(first)
    differing = sum(a != b for a, b in zip(first, other))
    assert differing > 500000, differing


@pytest.mark.parametrize('lister', [['bsdtar', '-tf'], ['busybox', 'cpio', '-t', '-F']])
def test_other_tools_list_it(agent, tmp_path, lister):
    image = make(agent, tmp_path)
    listed = subprocess.run([*lister, tmp_path / '1.0.0.gw-a.none.img'], check=True, capture_output=True,
                            text=True).stdout.splitlines()
    assert listed == sorted(listed) and len(listed) > 500
    for name in ('init', 'etc/pawl-release', 'usr/bin/pawl-agent', 'usr/bin/busybox', 'usr/lib/drivers/gw-a.sh',
                 'etc/pawl/health.d/20-calibration'):
        assert name in listed
    assert not any(name.startswith('/') or '..' in name.split('/') for name in listed)
    assert image[:6] == b'070701'


def test_a_program_brings_all_its_libraries(agent, tmp_path):
    board = os.environ['PAWL_BOARD']
    (tmp_path / 'image').write_bytes(make(agent, tmp_path, program=board))
    listed = subprocess.run(['bsdtar', '-tf', tmp_path / 'image'], check=True, capture_output=True,
                            text=True).stdout.splitlines()
    libraries = build_image.libraries_of(board)
    assert any('ld-linux' in name or 'ld-' in name for name in libraries) and len(libraries) >= 3
    for name in libraries:
        assert build_image.merged(name) in listed


def test_the_good_image_starts_its_agent(agent, tmp_path):
    board = Board(tmp_path / 'board', make(agent, tmp_path))
    boots, ends = boots_of(board.run(2))
    assert boots == [('a', 'power-on'), ('a', 'reboot')] and ends == ['reboot', 'reboot']
    said = board.console()
    assert 'init: 1.0.0 on gw-a, slot a, boot reason power-on' in said
    for check in ('10-driver', '20-calibration', '30-data'):
        assert f'check {check} passed' in said
    assert 'FAILED' not in said


def test_an_agent_that_ends_is_started_again(tmp_path):
    agent = tmp_path / 'pawl-agent'
    agent.write_text('#!/bin/sh\n[ -e /tmp/second ] && exit 75\necho > /tmp/second\nexit 3\n')
    agent.chmod(0o755)
    board = Board(tmp_path / 'board', make(agent, tmp_path))
    assert boots_of(board.run(1))[1] == ['reboot']
    assert 'the agent ended with 3, starting it again' in board.console()


def staged(agent, tmp_path, fault, watchdog_ms=20000):
    board = Board(tmp_path / 'board', make(agent, tmp_path), watchdog_ms)
    board.stage(make(agent, tmp_path, version='2.0.0', fault=fault), tries=1)
    return board


def test_a_forgotten_driver_is_a_panic_on_that_hardware_only(agent, tmp_path):
    board = staged(agent, tmp_path, 'init-crash-on=gw-a')
    boots, ends = boots_of(board.run(2))
    assert ends == ['panic', 'reboot'] and boots[1] == ('a', 'fallback')
    assert 'usr/lib/drivers/gw-a.sh' in board.console()

    other = tmp_path / 'other'
    other.mkdir()
    board = staged(agent, other, 'init-crash-on=gw-b')
    assert boots_of(board.run(1))[1] == ['reboot']


def test_a_sensor_that_never_answers_is_a_hang(agent, tmp_path):
    board = staged(agent, tmp_path, 'hang', watchdog_ms=1500)
    boots, ends = boots_of(board.run(2))
    assert ends == ['watchdog', 'reboot'] and boots[1] == ('a', 'fallback')


def test_a_missing_table_fails_its_health_check(agent, tmp_path):
    board = staged(agent, tmp_path, 'unhealthy')
    board.run(1)
    said = board.console()
    assert 'check 20-calibration FAILED' in said and 'check 10-driver passed' in said


@pytest.mark.parametrize('wrong', [('--version', '../1'), ('--hardware-class', 'a/b'), ('--fault', 'typo')])
def test_wrong_words_are_refused(agent, tmp_path, wrong):
    words = {'--product': 'acme', '--version': '1', '--seq': '1', '--sec': '1', '--hardware-class': 'gw-a',
             '--agent': agent, '--out': tmp_path / 'x'} | dict([wrong])
    done = subprocess.run([sys.executable, ROOT / 'tools/build_image.py',
                           *[word for pair in words.items() for word in pair]], capture_output=True, check=False)
    assert done.returncode == 2 and not (tmp_path / 'x').exists()
