"""The signed repository: files, uploads, publication."""
import hashlib
import json
import os

import pytest
import server_kit
from server_kit import labs

REPOSITORY = '/pawl/v1/repository'
UPLOAD = '/rest/v1/pawl/repository'
CONTENT = b'firmware' * 50000


@pytest.fixture(scope='module', name='device')
def published(kit):
    kit.enrol('dev1')
    kit.release('1.0.0', 1, CONTENT)
    return kit.device('dev1')


def timestamp(device):
    return device('GET', REPOSITORY + '/metadata/timestamp.json').json['signed']


def test_files_are_served(kit, device):
    stamp = device('GET', REPOSITORY + '/metadata/timestamp.json')
    assert stamp.status == 200 and stamp.headers['cache-control'] == 'no-cache'
    snapshot = stamp.json['signed']['meta']['snapshot.json']
    name = f"{snapshot['version']}.snapshot.json"
    answer = device('GET', f'{REPOSITORY}/metadata/{name}')
    assert hashlib.sha256(answer.body).hexdigest() == snapshot['hashes']['sha256']
    assert 'immutable' in answer.headers['cache-control'] and answer.headers['etag'] == f'"{name}"'
    digest = hashlib.sha256(CONTENT).hexdigest()
    url = f'{REPOSITORY}/targets/fw/acme/{digest}.1.0.0.gw-a.img'
    whole = device('GET', url)
    assert whole.body == CONTENT and whole.headers['etag'] == f'"{digest}"'
    assert device('GET', url, headers={'Range': 'bytes=8-15'}).body == CONTENT[8:16]
    assert device('HEAD', url).headers['content-length'] == str(len(CONTENT))


@pytest.mark.parametrize('path', [
    '/metadata/', '/metadata', '/metadata/none.json', '/targets/fw', '/targets/fw/acme', '/targets/fw/acme/',
    '/metadata/../../tls.key', '/metadata/..%2f..%2ftls.key', '/metadata/%2e%2e/%2e%2e/tls.key', '/metadata/.',
    '/targets/../../pawl.db', '/targets/%2e%2e/%2e%2e/pawl.db', '/staging/metadata/x', '/sums/x', '//metadata',
    '/metadata/timestamp.json/', '/metadata/timestamp.json%00', '/metadata\\..\\x', '/metadata/link.json',
    '/targets/link/tls.key', '/metadata/' + 'a' * 300])
def test_nothing_else_is_served(kit, device, path):
    folder = kit.lab.server_dir / 'repository'
    for link, to in ((folder / 'metadata/link.json', kit.lab.server_dir / 'tls.key'),
                     (folder / 'targets/link', kit.lab.server_dir)):
        if not link.is_symlink():
            os.symlink(to, link)
    answer = device('GET', REPOSITORY + path)
    assert answer.status in (400, 404) and b'PRIVATE' not in answer.body


def test_uploads_are_checked(kit, device):
    ask = kit.operator()
    data = b'target data'
    good = hashlib.sha256(data).hexdigest()
    assert ask('PUT', f'{UPLOAD}/targets/fw/acme/{"0" * 64}.x.img', data).status == 400
    for name in ('metadata/timestamp.json', 'metadata/x.json', 'metadata/0.root.json', 'metadata/01.root.json',
                 'metadata/1.root.txt', 'metadata/a/1.root.json', f'targets/{good}.x', f'targets/etc/acme/{good}.x',
                 f'targets/fw/acme/{good}', f'targets/fw/.acme/{good}.x', f'targets/fw/acme/deep/{good}.x',
                 'targets/fw/acme/nohash.img', 'other/1.root.json'):
        assert ask('PUT', f'{UPLOAD}/{name}', data).status in (400, 404), name
        ask.close()
    url = f'{UPLOAD}/targets/fw/acme/{good}.x.img'
    assert ask('HEAD', url).status == 404
    assert ask('PUT', url, data).status == 200
    assert ask('HEAD', url).status == 200
    assert ask('PUT', url, data).status == 200  # again
    assert ask('PUT', url, b'other data').status == 400
    assert device('GET', f'{REPOSITORY}/targets/fw/acme/{good}.x.img').status == 404  # staged, not published
    # Published metadata never changes.
    root = (kit.lab.repo / 'metadata/1.root.json').read_bytes()
    assert ask('PUT', f'{UPLOAD}/metadata/1.root.json', root).status == 200
    assert ask('PUT', f'{UPLOAD}/metadata/1.root.json', root + b' ').status == 409
    with kit.operator().raw() as rude:  # refused before any of it is read
        rude.sendall(f'PUT {UPLOAD}/metadata/7.root.json HTTP/1.1\r\nHost: h\r\n'
                     f'Content-Length: {8 * 1024 * 1024 + 1}\r\n\r\n'.encode())
        assert b' 413 ' in rude.recv(4096)


def test_uploads_need_an_operator(kit, device):
    assert kit.anonymous()('PUT', f'{UPLOAD}/metadata/9.root.json', b'{}').status == 401
    assert kit.device('dev1', 'operator')('PUT', f'{UPLOAD}/metadata/9.root.json', b'{}').status == 401
    assert kit.anonymous()('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': 1}).status == 401


def test_publication_without_a_trusted_root_says_what_to_do(kit, device):
    before = timestamp(device)
    root = kit.lab.server_dir / 'root.json'
    root.rename(root.with_suffix('.away'))
    try:
        answer = kit.operator()('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': before['meta']['snapshot.json']['version']})
        assert answer.status == 409 and '1.root.json' in answer.json['message']
    finally:
        root.with_suffix('.away').rename(root)
    assert timestamp(device) == before


def test_forged_metadata_changes_nothing(kit, device):
    ask = kit.operator()
    before = timestamp(device)
    version = before['meta']['snapshot.json']['version']
    forged = json.loads((kit.lab.repo / f'metadata/{version}.snapshot.json').read_text())
    forged['signed']['version'] = version + 50
    name = f'{version + 50}.snapshot.json'
    assert ask('PUT', f'{UPLOAD}/metadata/{name}', json.dumps(forged)).status == 200
    answer = ask('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': version + 50})
    assert answer.status == 409 and 'signature' in answer.json['message']
    missing = ask('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': version + 51})
    assert missing.status == 409 and 'uploaded' in missing.json['message']
    higher = ask('POST', '/rest/v1/pawl/publish', {'root': 2, 'snapshot': version})
    assert higher.status == 409 and 'root' in higher.json['message']
    for body in ({}, {'root': 1}, {'root': 'x', 'snapshot': 1}, {'root': 1, 'snapshot': -1}):
        assert ask('POST', '/rest/v1/pawl/publish', body).status == 400
    assert timestamp(device) == before
    assert device('GET', f'{REPOSITORY}/metadata/{name}').status == 404


def test_a_release_without_its_files_is_refused(kit, device):
    ask = kit.operator()
    image = kit.lab.images / '2.img'
    image.write_bytes(b'two' * 1000)
    kit.lab.pawl('release', 'build', '--product', labs.PRODUCT, '--version', '2.0.0', '--seq', 2, '--sec', 1,
                 '--image', f'{server_kit.HARDWARE}={image}')
    for path in (kit.lab.repo / 'metadata').glob('*.json'):
        assert ask('PUT', f'{UPLOAD}/metadata/{path.name}', path.read_bytes()).status == 200
    snapshot = max(int(path.name.split('.')[0]) for path in (kit.lab.repo / 'metadata').glob('*.snapshot.json'))
    answer = ask('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': snapshot})
    assert answer.status == 409 and '2.0.0' in answer.json['message'], answer.body
    before = timestamp(device)['version']
    kit.lab.pawl('release', 'publish')
    assert timestamp(device)['version'] == before + 1
    assert ask('GET', '/rest/v1/distributionsets').json['total'] == 2


def test_rollback_is_refused(kit, device):
    """An older snapshot, though well signed, is not published again."""
    now = timestamp(device)['meta']['snapshot.json']['version']
    answer = kit.operator()('POST', '/rest/v1/pawl/publish', {'root': 1, 'snapshot': now - 1})
    assert answer.status == 409 and timestamp(device)['meta']['snapshot.json']['version'] == now


def test_the_timestamp_only_goes_up(kit, device):
    first = timestamp(device)['version']
    for _ in range(3):
        assert kit.lab.stop_server() == 0
        kit.lab.start_server()
        device.close()
        again = timestamp(device)['version']
        assert again > first
        first = again
