"""What survives: power cuts, a broken database, missing files."""
import json
import random
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
import server_kit
from server_kit import base, feedback, labs, path_of


def server(kit, *arguments):
    return subprocess.run([kit.lab.tool('server'), *map(str, arguments), '--data', kit.lab.server_dir],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_acknowledged_reports_survive_kill(kit):
    """Whatever was answered with 200 is there after kill -9."""
    release = kit.release('1.0.0', 1, b'one' * 1000)
    names = [f'k{i}' for i in range(8)]
    actions = {}
    for name in names:
        kit.enrol(name)
        device = kit.device(name)
        device('PUT', base(name) + '/configData', {'data': {'pawl.hw': 'gw-a'}})
        kit.operator()('POST', f'/rest/v1/targets/{name}/assignedDS', {'id': release})
        href = device('GET', base(name)).json['_links']['deploymentBase']['href']
        actions[name] = device('GET', path_of(href)).json['id']
    acknowledged = []
    for name in names:
        answer = kit.device(name)('POST', base(name) + f'/deploymentBase/{actions[name]}/feedback',
                                  feedback('closed', 'failure', ['broken', 'reason=health']))
        assert answer.status == 200
        acknowledged.append(name)
        if len(acknowledged) % 3 == 0:
            kit.lab.stop_server(kill=True)
            kit.lab.start_server()
    kit.lab.stop_server(kill=True)
    kit.lab.start_server()
    operator = kit.operator()
    for name in acknowledged:
        assert operator('GET', f'/rest/v1/targets/{name}').json['pawl']['state'] == 'failed', name
        action = operator('GET', f'/rest/v1/targets/{name}/actions/{actions[name]}').json
        assert action['active'] is False and action['detailStatus'] == 'error'
        late = kit.device(name)('POST', base(name) + f'/deploymentBase/{actions[name]}/feedback', feedback('closed'))
        assert late.status == 410


def test_ids_are_never_used_again_after_kill(kit):
    operator = kit.operator()
    release = operator('GET', '/rest/v1/distributionsets').json['content'][0]['id']
    seen = set()
    for _ in range(3):
        action = operator('POST', '/rest/v1/targets/k0/assignedDS', {'id': release}).json['assignedActions'][0]['id']
        assert action not in seen
        seen.add(action)
        operator('DELETE', f'/rest/v1/targets/k0/actions/{action}?force=true')
        kit.lab.stop_server(kill=True)
        kit.lab.start_server()
        operator.close()


@pytest.mark.parametrize('seed', range(8))
def test_a_publication_cut_by_kill_is_finished_or_undone(kit, seed):
    """Kills the server at some moment of `pawl release publish`."""
    version = f'2.{seed}.0'
    image = kit.lab.images / f'{version}.img'
    image.write_bytes(version.encode() * 5000)
    kit.lab.pawl('release', 'build', '--product', labs.PRODUCT, '--version', version, '--seq', 10 + seed, '--sec', 1,
                 '--image', f'{server_kit.HARDWARE}={image}')
    device = kit.device('k1')
    stamp = '/pawl/v1/repository/metadata/timestamp.json'
    before = device('GET', stamp).json['signed']['version']
    publisher = threading.Thread(target=lambda: kit.lab.pawl('release', 'publish', check=False))
    publisher.start()
    time.sleep(random.Random(seed).uniform(0.02, 0.12))  # a moment, not a wait
    kit.lab.server.send_signal(signal.SIGKILL)
    kit.lab.server.wait(timeout=30)
    publisher.join()
    kit.lab.start_server()
    device.close()
    served = device('GET', stamp).json['signed']
    assert served['version'] > before
    snapshot = served['meta']['snapshot.json']['version']
    assert device('GET', f'/pawl/v1/repository/metadata/{snapshot}.snapshot.json').status == 200
    leftovers = kit.lab.server_dir / 'repository'
    assert not (leftovers / 'publishing').exists() and not list((leftovers / 'incoming').iterdir())
    kit.lab.pawl('release', 'publish')
    found = kit.operator()('GET', f'/rest/v1/distributionsets?q=name=={labs.PRODUCT};version=={version}').json
    assert found['total'] == 1


def test_a_publication_between_its_steps_is_finished(kit):
    """The commit point is a rename: everything behind it happens at the next start."""
    repository = kit.lab.server_dir / 'repository'
    image = kit.lab.images / 'step.img'
    image.write_bytes(b'step' * 1000)
    kit.lab.release('3.0.0', 50, {server_kit.HARDWARE: image})
    kit.lab.stop_server()
    # Take the newest publication back to the moment after the rename.
    stamp = json.loads((repository / 'metadata/timestamp.json').read_text())
    snapshot = stamp['signed']['meta']['snapshot.json']['version']
    (repository / 'publishing/metadata').mkdir(parents=True)
    (repository / 'metadata/timestamp.json').rename(repository / 'publishing/timestamp.json')
    (repository / f'metadata/{snapshot}.snapshot.json').rename(
        repository / f'publishing/metadata/{snapshot}.snapshot.json')
    kit.lab.start_server()
    served = kit.device('k1')('GET', '/pawl/v1/repository/metadata/timestamp.json').json['signed']
    assert served['version'] == stamp['signed']['version'] + 1
    assert served['meta']['snapshot.json']['version'] == snapshot
    assert not (repository / 'publishing').exists()


def test_no_acknowledged_change_is_lost_by_an_orderly_stop(kit):
    operator = kit.operator()
    for i in range(20):
        assert operator('POST', '/rest/v1/targets', [{'controllerId': f'stop{i}'}]).status == 201
    assert kit.lab.stop_server() == 0
    database = sqlite3.connect(f"file:{kit.lab.server_dir / 'pawl.db'}?mode=ro", uri=True)
    assert database.execute('pragma integrity_check').fetchone()[0] == 'ok'
    database.close()
    kit.lab.start_server()
    operator.close()
    assert operator('GET', '/rest/v1/targets?q=controllerid==stop*').json['total'] == 20


def test_two_servers_on_one_folder(kit):
    second = server(kit, 'run')
    assert second.returncode == 1 and 'server.failed' in second.stderr


@pytest.mark.parametrize('damage', ['middle', 'header', 'truncated', 'empty', 'foreign'])
def test_a_damaged_database_is_refused_and_kept(kit, damage):
    kit.lab.stop_server()
    path = kit.lab.server_dir / 'pawl.db'
    good = path.read_bytes()
    bad = {'middle': good[:4096] + b'\xa5' * 30000 + good[34096:], 'header': b'\0' * 100 + good[100:],
           'truncated': good[:len(good) // 2], 'empty': b'', 'foreign': b'PK\3\4' + b'zip' * 5000}[damage]
    path.write_bytes(bad)
    try:
        ended = server(kit, 'run')
        assert ended.returncode == 1
        assert 'store.corrupt' in ended.stderr and '.recover' in ended.stderr and 'backup' in ended.stderr
        assert path.read_bytes() == bad
    finally:
        path.write_bytes(good)
        kit.lab.start_server()
    assert kit.operator()('GET', '/rest/v1/targets/k1').status == 200


@pytest.mark.parametrize('name, hint', [('tls.pem', 'pawl server certify'), ('ca.pem', 'ca/ca.pem'),
                                        ('tls.key', 'pawl-server init'), ('timestamp.key', 'pawl-server init')])
def test_missing_files_say_what_makes_them(kit, name, hint):
    kit.lab.stop_server()
    path = kit.lab.server_dir / name
    path.rename(path.with_suffix('.away'))
    try:
        for command in ('run', 'check'):
            ended = server(kit, command)
            assert ended.returncode == 1 and hint in ended.stderr, ended.stderr
    finally:
        path.with_suffix('.away').rename(path)
    checked = server(kit, 'check')
    assert checked.returncode == 0, checked.stderr
    kit.lab.start_server()


def test_private_keys_must_be_private(kit):
    kit.lab.stop_server()
    path = kit.lab.server_dir / 'tls.key'
    path.chmod(0o644)
    try:
        assert server(kit, 'run').returncode == 1
    finally:
        path.chmod(0o600)
    kit.lab.start_server()


def test_settings(kit):
    conf = kit.lab.server_dir / 'server.conf'
    good = conf.read_text()
    assert 'poll-interval-s' in server(kit, 'run', '--print-config').stdout
    conf.write_text(good + 'colour = red\n')
    try:
        wrong = server(kit, 'run', '--check-config')
        assert wrong.returncode != 0 and 'colour' in wrong.stderr and 'server.conf:' in wrong.stderr
    finally:
        conf.write_text(good)
    assert server(kit, 'run', '--check-config').returncode == 0
    again = server(kit, 'init')  # nothing that exists is replaced
    assert again.returncode != 0


@pytest.fixture(name='small')
def small_kit(request, tmp_path):
    """An installation on a file system of 6 MiB."""
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', tmp_path], capture_output=True,
                             check=False)
    if mounted.returncode != 0:
        pytest.skip('needs the right to mount a small file system')
    kit = None
    try:
        kit = server_kit.Kit(tmp_path / 'kit', request.config.getoption('--build'))
        yield kit
    finally:
        if kit is not None:
            kit.close()
        subprocess.run(['umount', tmp_path], check=True)


def test_a_full_disk_refuses_and_recovers(small):
    operator = small.operator()
    upload = f'/rest/v1/pawl/repository/targets/fw/acme/{"0" * 64}.x.img'
    with operator.raw() as announced:
        announced.sendall(f'PUT {upload} HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n'.encode())
        assert b' 507 ' in announced.recv(4096)
    with operator.raw() as endless:
        endless.sendall(f'PUT {upload} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
        with pytest.raises(OSError):
            while True:
                endless.sendall(b'10000\r\n' + b'x' * 65536 + b'\r\n')
    incoming = small.lab.server_dir / 'repository/incoming'
    server_kit.wait_for(lambda: not list(incoming.iterdir()), 10, 'the half upload is removed')

    fill = small.dir.parent / 'fill'
    with open(fill, 'wb', buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b'x' * 4096)
    answers = [operator('POST', '/rest/v1/targets', [{'controllerId': f'full{i}', 'description': 'x' * 500}]).status
               for i in range(5)]
    assert 503 in answers and set(answers) <= {201, 503}
    assert operator('GET', '/rest/v1/targets').status == 200  # reading goes on
    fill.unlink()
    server_kit.wait_for(
        lambda: operator('POST', '/rest/v1/targets', [{'controllerId': f'after{time.monotonic_ns()}'}]).status == 201,
        20, 'writing works again')
    there = operator('GET', '/rest/v1/targets').json['total']
    operator.close()
    small.lab.stop_server(kill=True)
    small.lab.start_server()
    assert operator('GET', '/rest/v1/targets').json['total'] == there
