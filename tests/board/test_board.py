"""pawl-board with real namespaces and real images. Where namespaces can not be
made these tests fail and say so: a board that was not run was not tested."""
import os
import pathlib
import signal
import stat

from boards import (REBOOT, SECTOR, Board, boots_of, build_image, pack_record, pack_slot, tiny, tiny_tree,
                    wait_until)
import pytest

GOOD = tiny('echo "good $(cat /run/board/slot) $(cat /run/board/boot-reason)"\n' + REBOOT)


@pytest.fixture(name='board')
def good_board(tmp_path):
    return Board(tmp_path / 'board', GOOD)


def test_boots_and_shows_what_it_is(tmp_path):
    board = Board(tmp_path / 'board', tiny(
        'for f in hardware-class slot boot-reason; do echo "$f: $(cat /run/board/$f)"; done\n'
        'echo "pid $$ host $(hostname)"; echo more > /dev/console; echo kept > /data/file\n'
        'head -c 4 /dev/boot-record; echo; head -c 6 /dev/slot_a; echo; ls /dev\n' + REBOOT))
    boots, ends = boots_of(board.run(2))
    assert boots == [('a', 'power-on'), ('a', 'reboot')] and ends == ['reboot', 'reboot']
    said = board.console()
    for line in ('hardware-class: gw-a', 'slot: a', 'boot-reason: power-on', 'boot-reason: reboot',
                 'pid 1 host gw-a', 'more', 'PBRC', '070701'):
        assert f'{line}\n' in said, said
    assert (board.dir / 'data/file').read_text() == 'kept\n'
    shown = board.show()
    assert shown['running'] == 'a' and shown['reason'] == 'reboot' and shown['floor'] == 1
    assert shown['slots']['a']['sha256'] == shown['slots']['a']['content_sha256']


@pytest.mark.parametrize('end', ['reboot -f', 'poweroff -f', 'halt -f'])
def test_every_way_to_ask_for_a_restart_is_one(tmp_path, end):
    board = Board(tmp_path / 'board', tiny(f'{end}\nsleep 60\n'))
    assert boots_of(board.run(1))[1] == ['reboot']


@pytest.mark.parametrize('init', ['exit 0\n', 'exit 7\n', 'kill -SEGV $$\nnonsense; exit 1\n',
                                  '. /no/such/driver\nsleep 60\n'])
def test_a_panic_falls_back_after_its_tries(board, init):
    board.stage(tiny(init))
    boots, ends = boots_of(board.run(4))
    assert boots == [('b', 'power-on'), ('b', 'panic'), ('b', 'panic'), ('a', 'fallback')]
    assert ends == ['panic', 'panic', 'panic', 'reboot']
    slot = board.show()['slots']['b']
    assert (slot['state'], slot['failure'], slot['tries']) == ('bad', 'panic', 0)
    assert 'good a fallback' in board.console()


def test_a_hang_is_ended_by_the_watchdog(board):
    board.watchdog_ms = 400
    board.stage(tiny('while :; do sleep 1; done\n'), tries=2)
    boots, ends = boots_of(board.run(3))
    assert boots == [('b', 'power-on'), ('b', 'watchdog'), ('a', 'fallback')]
    assert ends[:2] == ['watchdog', 'watchdog']
    assert board.show()['slots']['b']['failure'] == 'watchdog'


def test_a_fed_watchdog_does_not_bite(tmp_path):
    board = Board(tmp_path / 'board', tiny(
        'n=0; while [ $n -lt 40 ]; do echo > /dev/watchdog; sleep 0.1; n=$((n + 1)); done\n' + REBOOT), 2000)
    assert boots_of(board.run(1))[1] == ['reboot']


def test_a_machine_that_forks_without_end_does_not_take_the_host(tmp_path):
    """Its processes are bounded; where the host has no way to count them the board says so."""
    board = Board(tmp_path / 'board', tiny(
        'n=0; while [ $n -lt 700 ]; do sleep 100 & n=$((n + 1)); done; echo all of them; ' + REBOOT))
    events = board.run(1)
    unbounded = any(event['event'] == 'board.unbounded' for event in events)
    assert unbounded == ('all of them' in board.console())
    assert boots_of(events)[1] == ['reboot' if unbounded else boots_of(events)[1][0]]


def test_both_copies_of_the_record_destroyed_is_said_and_starts_nothing(board):
    with open(board.dir / 'boot-record.bin', 'r+b') as file:
        file.write(bytes(2 * SECTOR))
    events = board.run(1, code=3)
    assert [event['event'] for event in events] == ['board.dead']
    assert 'both copies' in events[0]['why'] and 'pawl-board init' in events[0]['why']
    assert not (board.dir / 'console.log').read_text()


def unpackable():
    node = tiny_tree(REBOOT)
    node.entries['usr/disk'] = (stat.S_IFBLK | 0o600, b'')
    climber = tiny_tree(REBOOT)
    climber.entries['usr/../../../up'] = (stat.S_IFREG | 0o644, b'x')
    absolute = tiny_tree(REBOOT)
    absolute.entries['/absolute'] = (stat.S_IFREG | 0o644, b'x')
    through = tiny_tree(REBOOT)
    through.link('way', '/tmp')
    through.entries['way/out'] = (stat.S_IFREG | 0o644, b'x')
    headless = tiny_tree(REBOOT)
    del headless.entries['init']
    images = {'node': node, 'climber': climber, 'absolute': absolute, 'through-a-link': through,
              'no-init': headless}
    return {name: build_image.write_cpio(tree) for name, tree in images.items()} | {
        'noise': os.urandom(70000), 'zeros': bytes(70000), 'cut': GOOD[:len(GOOD) // 2],
        'no-trailer': GOOD[:GOOD.rindex(b'TRAILER!!!') - 110],
        'gzip': b'\x1f\x8b\x08' + bytes(70000)}


@pytest.mark.parametrize('name', unpackable())
def test_an_image_that_can_not_be_unpacked_is_given_up_at_once(board, name):
    board.stage(unpackable()[name])
    boots, ends = boots_of(board.run(2))
    assert boots == [('b', 'power-on'), ('a', 'fallback')] and ends == ['image-unreadable', 'reboot']
    slot = board.show()['slots']['b']
    assert (slot['state'], slot['failure']) == ('bad', 'image-unreadable')
    assert not pathlib.Path('/tmp/out').exists() and not pathlib.Path('/absolute').exists()


def test_content_that_is_not_what_was_installed_is_not_started(board):
    board.stage(GOOD, version='2.0.0')
    with open(board.dir / 'slot_b.img', 'r+b') as slot:
        slot.seek(len(GOOD) // 2)
        byte = slot.read(1)
        slot.seek(len(GOOD) // 2)
        slot.write(bytes([byte[0] ^ 1]))
    events = board.run(2)
    assert boots_of(events)[1] == ['image-unreadable', 'reboot']
    assert 'SHA-256' in events[1]['why']


def test_a_good_slot_that_fails_three_times_gives_way_to_the_other(board):
    crash = tiny('exit 1\n')
    (board.dir / 'slot_b.img').write_bytes(crash.ljust(80 << 20, b'\0'))
    record = pack_record(9, 1, 1, [pack_slot('good', 3, '1.0.0', 1, 1, GOOD),
                                   pack_slot('good', 3, '2.0.0', 1, 2, crash)])
    (board.dir / 'boot-record.bin').write_bytes((record.ljust(SECTOR, b'\0')) * 2)
    boots, _ = boots_of(board.run(4))
    assert boots == [('b', 'power-on'), ('b', 'panic'), ('b', 'panic'), ('a', 'fallback')]


def test_the_only_good_slot_is_tried_for_ever(tmp_path):
    board = Board(tmp_path / 'board', tiny('exit 1\n'))
    boots, ends = boots_of(board.run(5))
    assert boots == [('a', 'power-on')] + [('a', 'panic')] * 4 and ends == ['panic'] * 5
    assert board.show()['slots']['a']['state'] == 'good'


def test_a_board_without_a_readable_firmware_is_dead(tmp_path):
    board = Board(tmp_path / 'board', os.urandom(5000))
    events = board.run(9, code=3)
    assert events[-1]['event'] == 'board.dead'


@pytest.mark.parametrize('copies, alive', [((0,), True), ((1,), True), ((0, 1), False)])
def test_one_record_copy_is_enough(board, copies, alive):
    board.run(1)
    with open(board.dir / 'boot-record.bin', 'r+b') as file:
        for copy in copies:
            file.seek(copy * SECTOR + 40)
            file.write(b'\xff')
    if alive:
        assert boots_of(board.run(1))[1] == ['reboot']
        return
    assert board.run(1, code=3)[-1]['event'] == 'board.dead'
    board.call('show', code=3)


def test_a_slot_below_the_floor_is_not_started(board):
    board.stage(GOOD)
    record = pack_record(50, 0, 1, [pack_slot('good', 3, '1.0.0', 1, 1, GOOD),
                                    pack_slot('staged', 3, '0.9.0', 0, 2, GOOD)])
    (board.dir / 'boot-record.bin').write_bytes((record.ljust(SECTOR, b'\0')) * 2)
    assert boots_of(board.run(1))[0] == [('a', 'power-on')]


def processes_with(marker):
    found = []
    for entry in pathlib.Path('/proc').glob('[0-9]*/environ'):
        try:
            if marker.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue  # it ended meanwhile
    return found


@pytest.mark.parametrize('sent', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_of_a_board_outlives_it(tmp_path, sent):
    marker = f'PAWL_TEST_MARKER={os.getpid()}-{sent}-{os.urandom(6).hex()}'
    board = Board(tmp_path / 'board', tiny(
        f'export {marker}\n(setsid sleep 300 &) ; sleep 300 & sh -c "trap : TERM; sleep 300; sleep 300" &\n'
        'while :; do echo > /dev/watchdog; sleep 0.2; done\n'))
    process = board.start()
    wait_until(lambda: len(processes_with(marker)) >= 4, 20, 'the board has its processes')
    process.send_signal(sent)
    out, _ = process.communicate(timeout=20)
    if sent == signal.SIGKILL:
        wait_until(lambda: not processes_with(marker), 20, 'the processes are gone')
    else:
        assert process.returncode == 0 and 'board.off slot=a' in out
        assert processes_with(marker) == []
    # And it can be switched on again at once.
    again = board.start()
    wait_until(lambda: len(processes_with(marker)) >= 4, 20, 'the board runs again')
    again.send_signal(signal.SIGTERM)
    assert again.wait(timeout=20) == 0


def test_a_killed_board_is_waited_for(tmp_path):
    board = Board(tmp_path / 'board', tiny('echo up\nwhile :; do echo > /dev/watchdog; sleep 0.2; done\n'))
    for count in range(1, 6):
        process = board.start()
        wait_until(lambda: (board.dir / 'console.log').exists() and board.console().count('up') == count, 20, 'it is up')
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
    process = board.start()
    wait_until(lambda: board.console().count('up') == 6, 20, 'it is up')
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_the_machine_can_not_reach_the_host(tmp_path):
    board = Board(tmp_path / 'board', tiny(
        'mount -t tmpfs none /tmp && echo MOUNTED\nmknod /tmp/disk b 8 0 && echo NODE\n'
        'hostname intruder && echo RENAMED\nchroot / true && echo CHROOTED\n'
        'grep " /proc proc ro," /proc/mounts && echo PROC-RO\n'
        'grep -v -e " /dev/" -e " /data " -e " /proc " -e " / " /proc/mounts && echo OTHER-MOUNTS\n'
        'echo "processes $(ls -d /proc/[0-9]* | wc -l)"; echo "fds $(ls /proc/$$/fd | tr "\\n" " ")"\n' + REBOOT))
    board.run(1)
    said = board.console()
    for word in ('MOUNTED', 'NODE', 'RENAMED', 'CHROOTED', 'OTHER-MOUNTS'):
        assert word not in said, said
    assert 'PROC-RO' in said
    for line in pathlib.Path('/proc/mounts').read_text().splitlines():
        assert str(board.dir) not in line, line


def test_the_console_may_be_another_file(board, tmp_path):
    board.call('run', '--max-boots', 1, '--console', tmp_path / 'other.log')
    assert 'good a power-on' in (tmp_path / 'other.log').read_text()
    (tmp_path / 'link.log').symlink_to('/dev/null')
    board.call('run', '--max-boots', 1, '--console', tmp_path / 'link.log', code=1)


def test_init_refuses_what_it_can_not_make(board, tmp_path):
    image = tmp_path / 'image'
    image.write_bytes(GOOD)
    common = ['--image', image, '--version', '1', '--seq', 1, '--sec', 0, '--hardware-class', 'gw-a']
    board.call('init', *common, code=1)
    board.dir = tmp_path / 'small'
    board.call('init', *common, '--slot-size', 4096, code=1)
    board.call('init', *common, '--slot-size', '8MiB')
    board.dir = tmp_path / 'names'
    board.call('init', *common[:-1], '../evil', code=2)
    board.call('init', *common[2:], code=2)
