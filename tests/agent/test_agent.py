# SPDX-License-Identifier: MIT
"""pawl-agent against a server that may do anything.

The agent is the real program on plain slot files; it ends with code 75 where
it would reboot, and the test boots. Run by meson, or with PAWL_AGENT=path pytest.
"""
import json
import os
import pathlib
import random
import stat
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from board import AGENT, Board  # noqa: E402
from hostile_server import Server, is_image, make_certificate  # noqa: E402
from signed_repo import Repository  # noqa: E402

SPARE_PIN = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
IMAGE_1 = random.Random(1).randbytes(300_000)
IMAGE_2 = random.Random(2).randbytes(9_000_001)
SLOT = 10_000_000


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp('tls'), 'server')


@pytest.fixture
def world(tmp_path, certificate):
    keys = tmp_path / 'keys'
    keys.mkdir()
    repository = Repository(keys)
    repository.add_release('2.0.0', 2, IMAGE_2)
    repository.publish()
    server = Server(repository, certificate[0], certificate[1])
    device = tmp_path / 'device'
    device.mkdir()
    board = Board(device, server, [certificate[2], SPARE_PIN], IMAGE_1, SLOT, repository.root)
    board.settings['ca-file'] = certificate[0]
    board.give_identity()
    board.server, board.repository = server, repository
    yield board
    board.kill()
    server.shutdown()
    server.server_close()


def ended(board, action='7'):
    return lambda: any(a == action for a, _ in board.server.ends())


def assert_updated(board):
    action, status = board.server.ends()[-1]
    assert status['result']['finished'] == 'success', board.log()
    record = board.record.load()
    assert record['running'] == 1 and record['slots'][1]['state'] == 'good'
    assert board.slots[1].read_bytes()[:len(IMAGE_2)] == IMAGE_2
    return record


def assert_refused(board, reason):
    action, status = board.server.ends()[-1]
    assert status['result']['finished'] == 'failure'
    assert f'reason={reason}' in status['details'], (status, board.log())
    assert len(status['details'][0]) > 10
    record = board.record.load()
    assert record['running'] == 0 and record['slots'][0]['state'] == 'good'
    board.wait(lambda: board.record.load()['slots'][1]['state'] in ('empty', 'bad'), 'clean slot')
    assert board.alive()


def test_update_from_poll_to_confirmation(world):
    board = world
    board.add_check('10-ok', '#!/bin/sh\nexit 0\n')
    board.start()
    board.wait(lambda: 'pawl.image_sha256' in board.server.attributes, 'attributes')
    first = dict(board.server.attributes)
    assert first['pawl.slot'] == 'a' and first['pawl.version'] == '1.0.0'
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    record = assert_updated(board)
    board.wait(lambda: board.server.attributes.get('pawl.slot_state') == 'good', 'attributes')
    assert board.server.attributes['pawl.image_sha256'] == record['slots'][1]['sha256']
    assert board.server.attributes['pawl.slot'] == 'b'
    words = [s['execution'] for _, _, s in board.server.feedback]
    assert words == ['download', 'downloaded', 'proceeding', 'proceeding', 'closed']
    assert record['slots'][1]['version'] == '2.0.0' and record['floor'] == 1
    # Nothing of it is public, and the state is there.
    for path in board.state.rglob('*'):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name in (
            'root.json', 'tuf', 'identity.crt'), path
    rss = board.rss_kib()
    print('memory of the agent, KiB:', rss)
    if 'asan' not in subprocess.run(['ldd', AGENT], capture_output=True, text=True).stdout:
        assert rss['VmHWM'] < 24 * 1024, 'no image is ever held in memory'
    assert board.stop() == 0


def test_sick_image_falls_back(world):
    board = world
    board.add_check('50-check', f'#!/bin/sh\necho pump does not answer\n'
                    f'test ! -e {board.folder}/sick\n')
    (board.folder / 'sick').touch()
    board.settings['probation-s'] = '600ms'
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the fallback')
    action, status = board.server.ends()[-1]
    assert status['result']['finished'] == 'failure' and 'reason=health' in status['details']
    assert 'pump does not answer' in status['details'][0]
    record = board.record.load()
    assert record['running'] == 0 and record['slots'][1]['state'] == 'bad'


def test_hanging_health_check_is_ended(world):
    board = world
    board.settings['health-timeout-s'] = '300ms'
    board.add_check('50-hangs', '#!/bin/sh\nsleep 1000 &\nsleep 1000\n')
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the fallback')
    assert 'did not end in time' in board.server.ends()[-1][1]['details'][0]


def test_image_that_dies_falls_back_with_the_boot_reason(world):
    board = world
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(lambda: board.record.load()['slots'][1]['tries'] > 0, 'activation')
    assert board.process.wait(timeout=20) == 75
    for ending in ('reboot', 'panic', 'panic', 'panic', 'panic'):
        if board.record.load()['slots'][1]['state'] != 'bad':
            board.boot_loader(ending)
    assert board.record.load()['running'] == 0
    board.start()
    board.wait(ended(board), 'the report')
    assert_refused(board, 'boot-failed')
    assert 'panic' in board.server.ends()[-1][1]['details'][0]


def test_enrolment(world):
    board, server = world, world.server
    key, crt = board.state / 'identity.key', board.state / 'identity.crt'
    key.unlink()
    crt.unlink()
    token = board.folder / 'token'
    token.write_text('one-time-secret\n')
    folder = board.folder / 'ca'
    folder.mkdir()
    seen = []

    def issue(request):
        seen.append(request)
        (folder / 'csr').write_text(request['csr'])
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=ca', '-keyout',
                        folder / 'key', '-out', folder / 'crt'], check=True, capture_output=True)
        pem = subprocess.run(['openssl', 'x509', '-req', '-in', folder / 'csr', '-CA',
                              folder / 'crt', '-CAkey', folder / 'key', '-days', '30'],
                             check=True, capture_output=True, text=True).stdout
        return {'state': 'issued', 'certificate': pem, 'ca': 'x'}

    foreign = (board.folder.parent / 'other')
    foreign.mkdir()
    other = make_certificate(foreign, 'dev1')[0].read_text()
    server.enrol = [(401, {}), (200, {'state': 'issued', 'certificate': other, 'ca': 'x'}),
                    (202, {'state': 'pending', 'retryAfterSeconds': 1}), (200, issue)]
    board.start()
    board.wait(crt.exists, 'the certificate')
    board.wait(lambda: not token.exists(), 'the token is gone')
    board.wait(lambda: server.attributes, 'the first poll')
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and stat.S_IMODE(crt.stat().st_mode) == 0o600
    assert seen[0]['token'] == 'one-time-secret' and seen[0]['controllerId'] == 'dev1'
    assert 'another name or key' in board.log()


def test_wrong_pin_is_refused(world):
    board = world
    board.settings['server-pins'] = SPARE_PIN + ',' + SPARE_PIN.replace('A', 'B', 3)
    board.start()
    board.wait(lambda: 'agent.unreachable' in board.log(), 'the refusal')
    assert 'none of the pinned ones' in board.log()
    assert board.server.requests == [] and board.alive()


def test_every_answer_cut_at_random_bytes(world):
    """Each transfer breaks off somewhere, again and again; it gets there all the same."""
    board, chance, cuts = world, random.Random(7), []
    board.settings['rate-limit-bytes-s'] = '0'

    def cut(handler):
        if not is_image(handler) or len(cuts) >= 12:
            return False
        data = board.repository.targets[handler.path.split('/targets/', 1)[1]]
        start = int(handler.headers.get('Range', 'bytes=0-').split('=')[1].split('-')[0])
        end = min(len(data), start + chance.randrange(0, 3_000_000))
        cuts.append((start, end))
        handler.send_response(206 if start else 200)
        handler.send_header('Content-Length', str(len(data) - start))
        if start:
            handler.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        handler.end_headers()
        handler.wfile.write(data[start:end])
        handler.hang_up()
        return True

    board.server.rules.append(cut)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    assert_updated(board)
    starts = [start for start, _ in cuts]
    assert len(cuts) >= 4 and starts == sorted(starts), 'it goes on where it was'
    assert board.server.reasons() and set(board.server.reasons()) == {'network'}


def test_killed_again_and_again(world):
    """The process dies at moments of chance, the server sees one end, and it is success."""
    board, chance = world, random.Random(11)
    board.settings['rate-limit-bytes-s'] = '12MiB'
    board.server.offer('7', '2.0.0')
    board.start()
    for _ in range(25):
        try:
            code = board.process.wait(timeout=chance.uniform(0.05, 0.5))
            assert code == 75, board.log()
            board.boot_loader()
        except subprocess.TimeoutExpired:
            board.kill()
        board.start()
    board.wait(ended(board), 'the update')
    assert_updated(board)
    finals = {(a, s['result']['finished']) for a, s in board.server.ends()}
    assert finals == {('7', 'success')}


@pytest.mark.parametrize('lie', ['longer', 'shorter', 'endless', 'range'])
def test_lies_about_the_length(world, lie):
    board = world

    def answer(handler):
        if not is_image(handler):
            return False
        data = board.repository.targets[handler.path.split('/targets/', 1)[1]]
        if lie == 'longer':
            handler.reply(200, data + b'more')
        elif lie == 'shorter':
            handler.reply(200, data[:-5])
        elif lie == 'range':
            handler.reply(206, data[77:], [('Content-Range', f'bytes 77-{len(data) - 1}/{len(data)}')])
        else:
            handler.send_response(200)
            handler.send_header('Transfer-Encoding', 'chunked')
            handler.end_headers()
            for _ in range(30):
                handler.wfile.write(b'%x\r\n%s\r\n' % (500_000, bytes(500_000)))
            handler.wfile.write(b'0\r\n\r\n')
        return True

    board.server.rules.append(answer)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the refusal')
    assert_refused(board, 'malformed' if lie == 'range' else 'length-mismatch')
    # The slot keeps its size whatever was sent.
    assert board.slots[1].stat().st_size == SLOT


def test_html_and_server_errors(world):
    """A captive portal and a broken server: nothing but patience."""
    board, count = world, [0]
    answers = [
        lambda h: h.reply(200, b'<html>Please log in</html>', [('Content-Type', 'text/html')]),
        lambda h: h.reply(500, b'oops'),
        lambda h: h.reply(503, b'', [('Retry-After', '1')]),
        lambda h: h.reply(302, b'', [('Location', 'https://elsewhere.invalid/')]),
        lambda h: h.json(200, {'hello': 'world'}),
        lambda h: h.json(200, {'config': {'polling': {'sleep': 'never'}}, '_links': {}}),
        lambda h: h.reply(200, b'[' * 5000),
        lambda h: h.reply(200, b'x' * 200_000),
        lambda h: h.hang_up(),
        lambda h: h.wfile.write(b'SSH-2.0-nothing\r\n') and h.hang_up(),
    ]

    def portal(handler):
        if count[0] >= 2 * len(answers) or handler.path != board.server.base():
            return False
        answers[count[0] % len(answers)](handler)
        count[0] += 1
        return True

    board.server.rules.append(portal)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update', timeout=80)
    assert_updated(board)
    assert 'agent.unreachable' in board.log() and 'agent.recovered' in board.log()


def test_stalled_download_is_given_up_and_resumed(world):
    board, stalls = world, []

    def silence(handler):
        if not is_image(handler) or stalls:
            return False
        stalls.append(1)
        slow(handler)
        return True

    board.server.rules.append(silence)
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update', timeout=90)
    assert_updated(board)
    assert stalls == [1] and 'network' in board.server.reasons()


def slow(handler):
    """The right length is announced, the first bytes come, then silence."""
    handler.send_response(200)
    handler.send_header('Content-Length', str(len(IMAGE_2)))
    handler.end_headers()
    handler.wfile.write(IMAGE_2[:1000])
    handler.wfile.flush()
    handler.connection.settimeout(60)
    try:
        handler.connection.recv(1)
    except OSError:
        pass
    handler.close_connection = True


@pytest.mark.parametrize('case,reason', [
    ('not-approved', 'not-in-channel'), ('unknown', 'missing'), ('older', 'older-release'),
    ('floor', 'security-floor'), ('hardware', 'wrong-hardware-class'),
    ('too-large', 'slot-too-small'), ('signature', 'signature')])
def test_refusals(world, case, reason):
    board, repository = world, world.repository
    version, hw = '3.0.0', 'gw-a'
    if case == 'not-approved':
        repository.add_release('3.0.0', 3, b'three', approve=False)
    elif case == 'older':
        version = '0.9.0'
        board.repository.add_release('0.9.0', 1, b'old')
        record = board.record.load()
        record['slots'][0].update(seq=5)
        board.record.store(record)
    elif case == 'floor':
        repository.add_release('3.0.0', 3, b'three', sec=0)
    elif case == 'hardware':
        hw = 'gw-b'
        repository.add_release('3.0.0', 3, b'three', hw='gw-b')
    elif case == 'too-large':
        repository.add_release('3.0.0', 3, bytes(SLOT + 1))
    elif case == 'signature':
        repository.keys['timestamp'] = repository.keys['chan']
    repository.publish()
    board.start()
    board.server.offer('7', version, hw)
    board.wait(ended(board), 'the refusal')
    assert_refused(board, reason)
    assert not any('/targets/fw/' in path for _, path, _ in board.server.requests)
    assert board.slots[1].read_bytes() == bytes(SLOT)


def test_expired_metadata_is_reported_and_tried_again(world):
    board, repository = world, world.repository
    repository.timestamp_expires_s = -60
    repository.publish()
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(lambda: 'expired' in board.server.reasons(), 'the report')
    sentence = [s['details'][0] for _, _, s in board.server.feedback][0]
    assert 'the clock of the device says 20' in sentence
    repository.timestamp_expires_s = 86400
    repository.publish()
    board.wait(ended(board), 'the update')
    assert_updated(board)


@pytest.mark.parametrize('clock', ['1970-01-02 00:00:00', '2099-01-01 00:00:00'])
def test_a_clock_that_can_not_be_right(world, clock):
    board = world
    probe = subprocess.run(['faketime', clock, 'date', '+%Y'], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip('faketime is not there')
    library = subprocess.run(['faketime', clock, 'sh', '-c', 'echo $LD_PRELOAD'],
                             capture_output=True, text=True).stdout.strip()
    # The sanitizer's library comes first where there is one.
    linked = subprocess.run(['ldd', AGENT], capture_output=True, text=True).stdout
    first = [line.split()[2] for line in linked.splitlines() if 'libasan' in line]
    board.environment.update(LD_PRELOAD=' '.join(first + [library]), FAKETIME='@' + clock,
                             FAKETIME_DONT_FAKE_MONOTONIC='1', DONT_FAKE_MONOTONIC='1')
    board.start()
    board.server.offer('7', '2.0.0')
    if clock.startswith('1970'):
        # The floor counts: metadata is fresh at the later of the two.
        board.wait(ended(board), 'the update')
        assert_updated(board)
        assert 'clock.behind' in board.log()
    else:
        board.wait(ended(board), 'the refusal')
        assert_refused(board, 'expired')
        assert '2099' in board.server.ends()[-1][1]['details'][0]
        # The floor did not follow the clock: with a right clock all is well.
        board.kill()
        for name in ('LD_PRELOAD', 'FAKETIME'):
            board.environment.pop(name)
        board.start()
        board.server.offer('8', '2.0.0')
        board.wait(ended(board, '8'), 'the update')
        assert_updated(board)


def test_withdrawn_cancelled_and_held(world):
    board, server = world, world.server
    server.window = False
    board.start()
    server.offer('7', '2.0.0')
    board.wait(lambda: board.record.load()['slots'][1]['state'] == 'staged', 'staged')
    server.cancel = '7'
    board.wait(lambda: server.ends('cancel'), 'the cancellation')
    assert server.ends('cancel')[0][1]['result']['finished'] == 'success'
    board.wait(lambda: board.record.load()['slots'][1]['state'] == 'empty', 'the slot is free')
    server.offer('8', '2.0.0')
    board.wait(lambda: board.record.load()['slots'][1]['state'] == 'staged', 'staged again')
    server.window = True
    board.wait(ended(board, '8'), 'the update')
    assert_updated(board)


def test_reports_survive_an_outage(world):
    """The server refuses every report; none is lost, none comes twice at the end."""
    board, server, refuse = world, world.server, [True]
    server.rules.append(lambda h: h.path.endswith('/feedback') and refuse[0] and
                        (h.reply(503, b'') or True))
    board.start()
    server.offer('7', '2.0.0')
    board.wait(lambda: board.record.load()['slots'][1]['state'] == 'good', 'the update')
    board.kill()
    board.start()
    refuse[0] = False
    board.wait(ended(board), 'the report')
    assert_updated(board)
    words = [s['execution'] for _, _, s in server.feedback]
    assert words == ['download', 'downloaded', 'proceeding', 'proceeding', 'closed']


def test_damaged_state_file(world):
    board = world
    for content in (b'', b'PAGT', os.urandom(500)):
        (board.state / 'agent.state').write_bytes(content)
        board.start()
        board.wait(lambda: 'agent.state-lost' in board.log(), 'the warning')
        board.kill()
        board.lines.clear()
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    assert_updated(board)


@pytest.mark.skipif(os.geteuid() != 0, reason='a small disk needs root')
def test_full_disk(world):
    board = world
    saved = {path.relative_to(board.state): path.read_bytes()
             for path in board.state.rglob('*') if path.is_file()}
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k,mode=700', 'none',
                       board.state], capture_output=True).returncode != 0:
        pytest.skip('no permission to mount')
    try:
        (board.state / 'tuf').mkdir(mode=0o700)
        for path, content in saved.items():
            (board.state / path).write_bytes(content)
            (board.state / path).chmod(0o600)
        ballast = board.state / 'ballast'
        with open(ballast, 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        board.start()
        board.server.offer('7', '2.0.0')
        board.wait(lambda: 'disk-full' in board.server.reasons(), 'the report')
        assert board.alive() and board.record.load()['slots'][1]['state'] == 'empty'
        ballast.unlink()
        board.wait(ended(board), 'the update')
        assert_updated(board)
    finally:
        board.kill()
        subprocess.run(['umount', board.state], check=True)


def test_watchdog_is_fed_while_it_waits_and_works(world):
    board = world
    fifo = board.folder / 'watchdog'
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    board.settings['watchdog'] = fifo
    board.start()
    board.server.offer('7', '2.0.0')
    board.wait(ended(board), 'the update')
    assert len(os.read(reader, 65536)) >= 3
    os.close(reader)


def test_settings(world):
    board = world
    board.config.write_text(''.join(f'{k} = {v}\n' for k, v in board.settings.items()))
    run = lambda *a: subprocess.run([AGENT, '--config', board.config, *a],  # noqa: E731
                                    capture_output=True, text=True)
    assert run('--check-config').returncode == 0
    assert 'device-id = dev1' in run('--print-config').stdout
    assert run('--version').stdout.strip()
    for flag in ('--server-pins=abc,def', '--server-url=http://127.0.0.1:1', '--device-id=../x',
                 '--reboot=maybe', '--poll-min-s=10h', f'--slot-b={board.slots[0]}'):
        answer = run('--check-config', flag)
        assert answer.returncode == 2 and answer.stderr, flag
    board.config.write_text('no-such-key = 1\n')
    answer = run('--check-config')
    assert answer.returncode == 2 and 'agent.conf:1' in answer.stderr


def test_once(world):
    board = world
    fifo = board.folder / 'watchdog'
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    board.settings['watchdog'] = fifo
    board.config.write_text(''.join(f'{k} = {v}\n' for k, v in board.settings.items()))
    done = subprocess.run([AGENT, '--config', board.config, '--once'], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert json.dumps(board.server.attributes['pawl.slot_state']) == '"good"'
    fed = os.read(reader, 65536)
    os.close(reader)
    assert fed.startswith(b'\n') and fed.endswith(b'V'), 'disarmed when nobody is left to feed it'
