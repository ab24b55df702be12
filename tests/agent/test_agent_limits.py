# SPDX-License-Identifier: MIT
"""pawl-agent where something must come to an end: bytes that are wrong, storage that
lies, health checks that do not stop, images that can not start their agent.

Run by meson beside test_agent.py, whose world it shares.
"""
import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from board import empty_slot  # noqa: E402
from hostile_server import is_image  # noqa: E402
from test_agent import (  # noqa: E402,F401 (fixtures)
    IMAGE_1, IMAGE_2, SLOT, assert_refused, assert_updated, certificate, ended, world)


def sentence(board):
    return board.server.ends()[-1][1]['details'][0]


def downloads(board):
    return [path for method, path, _ in board.server.requests
            if method == 'GET' and '/targets/fw/' in path]


def test_wrong_bytes_are_fetched_at_most_twice(world):
    board = world
    board.server.rules.append(lambda h: is_image(h) and (
        h.reply(200, bytes(len(IMAGE_2))) or True))
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the refusal')
    assert_refused(board, 'hash-mismatch')
    assert 'are not the signed ones' in sentence(board) and len(downloads(board)) == 2
    # The next offer, honestly served, works.
    board.server.rules.clear()
    board.server.offer('8', '2.0.0')
    board.wait(ended(board, '8'), 'the update')
    assert_updated(board)


def send_and_damage(board, handler, at):
    """Sends the image in two parts; between them the slot loses a byte."""
    def is_there():
        with open(board.slots[1], 'rb') as file:
            return file.read(100_000) == IMAGE_2[:100_000]

    handler.send_response(200)
    handler.send_header('Content-Length', str(len(IMAGE_2)))
    handler.end_headers()
    handler.wfile.write(IMAGE_2[:6_000_000])
    handler.wfile.flush()
    board.wait(is_there, 'the first part is in the slot')
    damage(board, at)
    handler.wfile.write(IMAGE_2[6_000_000:])
    return True


def damage(board, at):
    with open(board.slots[1], 'r+b') as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_storage_that_lies_is_written_at_most_twice(world):
    board = world
    board.server.rules.append(lambda h: is_image(h) and send_and_damage(board, h, 10))
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the end')
    assert_refused(board, 'io')
    assert 'Slot b' in sentence(board) and str(board.slots[1]) in sentence(board)
    assert len(downloads(board)) == 2


def test_a_prefix_that_was_damaged_while_the_agent_was_away(world):
    """What stands in the slot is hashed again before a download goes on."""
    board, starts = world, []

    def answer(handler):
        if not is_image(handler):
            return False
        starts.append(handler.headers.get('Range'))
        if len(starts) > 1:
            return False
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(IMAGE_2)))
        handler.end_headers()
        handler.wfile.write(IMAGE_2[:6_000_000])
        handler.wfile.flush()
        try:
            handler.connection.recv(1)  # until the agent is gone
        except OSError:
            pass
        handler.close_connection = True
        return True

    board.server.rules.append(answer)
    board.start()
    board.server.offer('7', '2.0.0')
    state = board.state / 'agent.state'
    board.wait(lambda: state.exists() and b'"phase":"downloading"' in state.read_bytes()
               and b'"offset":0,' not in state.read_bytes(), 'the first chunk')
    board.kill()
    damage(board, 10)
    board.start()
    board.wait(ended(board), 'the update')
    assert_updated(board)
    assert starts[0] is None and starts[1].startswith('bytes=') and starts[2:] == [None]
    assert 'hash-mismatch' in board.server.reasons()


def test_a_server_without_ranges(world):
    """It breaks off, and begins again at 0 when asked to go on."""
    board, count = world, []

    def answer(handler):
        if not is_image(handler):
            return False
        count.append(handler.headers.get('Range'))
        end = (5_000_000, 1_000, 5_500_000)[len(count) - 1] if len(count) < 4 else len(IMAGE_2)
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(IMAGE_2)))
        handler.end_headers()
        handler.wfile.write(IMAGE_2[:end])
        if end < len(IMAGE_2):
            handler.hang_up()
        return True

    board.server.rules.append(answer)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    assert_updated(board)
    assert len(count) == 4 and count[1] is not None


def test_health_check_that_prints_without_end(world):
    board = world
    board.settings['health-timeout-s'] = '500ms'
    board.add_check('50-prints', '#!/bin/sh\nexec yes\n')
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the fallback')
    assert 'did not end in time' in sentence(board)


@pytest.mark.skipif(not pathlib.Path('/proc/self/task', str(os.getpid()), 'children').exists(),
                    reason='a kernel without CONFIG_PROC_CHILDREN')
def test_nothing_that_a_health_check_starts_outlives_it(world):
    board = world
    note = board.folder / 'strays'
    board.add_check('50-leaves', f'#!/bin/sh\nsetsid sh -c "echo \\$\\$ >> {note}; setsid sleep 1000 & '
                    f'sleep 1000" >/dev/null 2>&1 &\nwhile ! test -s {note}; do :; done\n')
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    assert_updated(board)

    def gone():
        return all(not pathlib.Path('/proc', pid).exists() for pid in note.read_text().split())

    board.wait(gone, 'the strays are gone')
    children = pathlib.Path('/proc', str(board.process.pid), 'task', str(board.process.pid), 'children')
    board.wait(lambda: children.read_text() == '', 'no child is left')


def test_a_health_check_that_anybody_may_change_is_not_run(world):
    board = world
    board.add_check('50-open', f'#!/bin/sh\ntouch {board.folder}/ran\n')
    (board.health / '50-open').chmod(0o757)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the fallback')
    assert 'everybody may write' in sentence(board) and not (board.folder / 'ran').exists()


def begin_trial(board):
    """The board runs the new image from slot b, which has to prove itself."""
    with open(board.slots[1], 'r+b') as file:
        file.write(IMAGE_1)
    record = board.record.load()
    record['slots'][1] = {**empty_slot(), 'state': 'trial', 'tries': 2, 'sec': 1, 'seq': 2,
                          'length': len(IMAGE_1), 'sha256': hashlib.sha256(IMAGE_1).hexdigest(),
                          'version': '2.0.0'}
    board.record.store({**record, 'running': 1, 'reason': 'reboot'})
    board.settings.update({'probation-s': '200ms', 'contact-s': '300ms'})


@pytest.mark.parametrize('what', ['data-is-gone', 'data-is-a-file', 'never-reached'])
def test_a_trial_that_can_not_work_goes_back(world, what):
    board = world
    begin_trial(board)
    if what == 'data-is-gone':
        board.settings['state-dir'] = board.folder / 'empty'
        del board.settings['enrol-token-file']
    elif what == 'data-is-a-file':
        board.settings['state-dir'] = board.slots[0]
    else:
        board.server.rules.append(lambda h: h.reply(503, b'') or True)
    board.start()
    assert board.process.wait(timeout=40) == 75, board.log()
    record = board.record.load()
    assert record['slots'][1]['state'] == 'bad' and record['slots'][0]['state'] == 'good'


def test_a_good_image_never_goes_back_for_this(world):
    board = world
    board.settings.update({'state-dir': board.folder / 'empty', 'probation-s': '0', 'contact-s': '0'})
    board.start()
    board.wait(lambda: board.log().count('agent.enrolment-failed') >= 2, 'it tries on')
    assert board.alive() and board.record.load()['slots'][0]['state'] == 'good'


def test_both_slots_are_one_place(world):
    board = world
    board.slots[1].unlink()
    board.slots[1].symlink_to(board.slots[0])
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the refusal')
    assert 'reason=io' in board.server.ends()[-1][1]['details']
    assert 'same place' in sentence(board)
    assert board.slots[0].read_bytes()[:len(IMAGE_1)] == IMAGE_1


def test_a_machine_that_does_not_restart_says_so(world):
    """reboot = system in a namespace of its own and without the right to reboot."""
    board = world
    prefix = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', 'setpriv',
              '--bounding-set=-sys_boot', '--inh-caps=-sys_boot', '--']
    probe = subprocess.run([*prefix, 'grep', 'CapEff', '/proc/self/status'],
                           capture_output=True, text=True)
    if probe.returncode != 0 or int(probe.stdout.split()[1], 16) & 1 << 22:
        pytest.skip('no way to take the right to reboot away')
    board.settings['reboot'] = 'system'
    board.start(prefix)
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the report')
    assert_refused(board, 'io')
    assert 'reboot(2) failed' in sentence(board)
    assert board.slots[1].stat().st_size == SLOT
